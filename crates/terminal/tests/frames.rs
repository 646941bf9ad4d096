//! The golden frames of docs/frames: what the server says is understood, and what this
//! client says is as they say.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use support::At;
use tablecast_terminal::room::wire::Push;
use tablecast_terminal::session::commands::Ask;

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
        let push: Push = serde_json::from_value(golden["frame"].clone())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let nothing = Push {
            hello: None,
            snapshot: None,
            event: None,
            ack: None,
            error: None,
            status: None,
        };
        assert_ne!(push, nothing, "{name} means nothing to it");
        if let Some(change) = push.event.and_then(|event| event.change) {
            let known = format!("{change:?}");
            assert!(known.contains("Some("), "{name}: {known}");
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
    let asks = [
        (
            "say-add",
            Ask::Add {
                item: "김치찌개".to_owned(),
            },
        ),
        ("say-remove-by-number", Ask::Remove { number: 2 }),
        (
            "say-vote",
            Ask::Vote {
                number: 1,
                on: true,
            },
        ),
        (
            "say-rename",
            Ask::Rename {
                name: "Mina K".to_owned(),
                colour: None,
            },
        ),
    ];
    for (name, ask) in asks {
        at.session.ask(ask, at.now);
        let mut said = at.said().remove(0);
        let golden = frame(name);
        said["id"] = golden["id"].clone();
        assert_eq!(said, golden, "{name}");
    }
    at.session.closed(1006, at.now);
    at.waits();
    at.effects();
    let mut said = at.open();
    let golden = frame("say-resume");
    said["resume"]["seq"] = golden["resume"]["seq"].clone();
    assert_eq!(said, golden);
}
