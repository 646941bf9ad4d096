//! The golden frames of docs/frames: what the server says is understood, and what this
//! client says is as they say.
#![allow(clippy::unwrap_used)]

#[path = "../../client/tests/support/mod.rs"]
mod support;

use serde_json::Value;
use tablecast_client::protocol::Known;
use tablecast_client::protocol::client::{Rename, Request};
use tablecast_client::protocol::push::{Event, Push, What};
use tablecast_client::{Incoming, read};
use tablecast_lunch::Command;
use tablecast_terminal::lunch::Lunch;

type At = support::At<Lunch>;

fn frames() -> Vec<(String, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/frames");
    let files = std::fs::read_dir(folder).unwrap();
    let frames = files.map(|file| {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        (value["name"].as_str().unwrap().to_owned(), value)
    });
    frames.collect()
}

fn frame(name: &str) -> Value {
    let (_, found) = frames()
        .into_iter()
        .find(|(found, _)| found == name)
        .unwrap();
    found["frame"].clone()
}

#[test]
fn whatever_the_server_says_is_understood() {
    let mut count = 0;
    for (name, golden) in frames() {
        if golden["from"] != "server" || golden["dialect"] != "json" {
            continue;
        }
        count += 1;
        let push = read::<Lunch>(&golden["frame"].to_string());
        let push = push.unwrap_or_else(|error| panic!("{name}: {error}"));
        let push = push.unwrap_or_else(|| panic!("{name} means nothing to it"));
        let is_known = |event: Event<'_, Known<_>>| match event.what {
            Known(Some(What::Change(Known(change)))) => change.is_some(),
            Known(what) => what.is_some(),
        };
        if let Push::Event(event) = push {
            assert!(is_known(event), "{name} means nothing to it");
        }
    }
    assert!(count > 15, "only {count} frames");
}

#[test]
fn what_it_says_is_as_in_the_golden_frames() {
    let mut at = At::start(0);
    assert_eq!(at.open(), frame("say-join"));
    let hello = frame("hello");
    at.hears(serde_json::json!({ "hello": hello["hello"] }));
    let rename = Request::Rename(Rename {
        name: "Mina K".to_owned(),
        colour: None,
    });
    let asks = [
        ("say-add", Command::add("김치찌개").into()),
        ("say-remove-by-number", Command::remove(2).into()),
        ("say-vote", Command::vote(1, true).into()),
        ("say-rename", rename),
    ];
    for (name, ask) in asks {
        at.session.send(ask, at.now);
        let mut said = at.said().remove(0);
        let golden = frame(name);
        said["id"] = golden["id"].clone();
        assert_eq!(said, golden, "{name}");
    }
    at.session.hear(Incoming::Closed(1006), at.now);
    at.waits();
    at.effects();
    let mut said = at.open();
    let golden = frame("say-resume");
    said["resume"]["seq"] = golden["resume"]["seq"].clone();
    assert_eq!(said, golden);
}
