//! The golden frames of docs/frames in both directions: each is read as its type, and written
//! again it is the same.
#![allow(clippy::unwrap_used)]

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tablecast_lunch::{Command, Event, Table};
use tablecast_protocol::Known;
use tablecast_protocol::client::{First, Numbered, Request};
use tablecast_protocol::push::Push;

/// A push, as a client reads it.
type Said = Known<Push<'static, Table, Known<Event>>>;

/// The golden frames of the JSON dialect from one side.
fn frames(from: &str) -> Vec<Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/frames");
    let files = std::fs::read_dir(folder).unwrap();
    let frames = files.map(|file| {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    });
    let frames = frames.filter(|frame| frame["from"] == from && frame["dialect"] == "json");
    let frames: Vec<Value> = frames.collect();
    assert!(frames.len() > 15, "only {} frames", frames.len());
    frames
}

fn again<T: DeserializeOwned + Serialize>(golden: &Value) -> Result<Value, serde_json::Error> {
    let read: T = serde_json::from_str(&golden["frame"].to_string())?;
    serde_json::to_value(read)
}

#[test]
fn what_the_server_says_is_read_as_it_was_written() {
    for golden in frames("server") {
        assert_eq!(again::<Said>(&golden).unwrap(), golden["frame"], "{golden}");
    }
}

#[test]
fn what_a_client_says_is_read_as_it_was_written() {
    for golden in frames("client") {
        let said = match golden["name"].as_str().unwrap() {
            name if name.contains("join") || name.contains("resume") => again::<First>(&golden),
            _ => again::<Numbered<Request<Command>>>(&golden),
        };
        match golden["answer"].as_str().unwrap() {
            "hello" | "ack" => assert_eq!(said.unwrap(), golden["frame"], "{golden}"),
            // The form or the content may be wrong.
            _ => assert!(
                said.map_or(true, |said| said == golden["frame"]),
                "{golden}"
            ),
        }
    }
}

#[test]
fn what_is_not_known_changes_nothing_and_old_servers_are_understood() {
    let read = |text: &str| serde_json::from_str::<Said>(text);
    assert_eq!(read(r#"{"fireworks":{"at":1}}"#).unwrap(), Known(None));
    for what in [
        r#""danced":{"member":1}"#,
        r#""change":{"toasted":{"to":1}}"#,
        r#""joined":{"member":2,"name":"Jun","hat":"red"}"#,
        r#""joined":{"member":2,"name":"Jun","colour":99}"#,
    ] {
        let text = format!(r#"{{"event":{{"seq":2,{what},"expires_at":3}}}}"#);
        let Known(Some(Push::Event(event))) = read(&text).unwrap() else {
            panic!("{what}");
        };
        assert_eq!((event.seq, event.expires_at), (2, 3), "{what}");
    }
    for wrong in [
        r#"{"event":{"seq":2,"joined":{"member":"2"},"expires_at":3}}"#,
        r#"{"event":{"seq":2,"change":{"voted":{"number":1}},"expires_at":3}}"#,
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
}
