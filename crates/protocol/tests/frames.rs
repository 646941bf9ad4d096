//! The golden frames of `docs/frames`: what a client has read of the server is what the server wrote.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use serde_json::Value;
use tablecast_protocol::Push;
use tablecast_protocol::push::Version;

type AnyPush = Push<'static, Value, Value>;

/// All that a server says in JSON: name and message.
fn pushes() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/frames");
    let files = fs::read_dir(folder).unwrap();
    let goldens = files.map(|file| {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    });
    let pushes = goldens.filter(|golden| golden["from"] == "server" && golden["dialect"] == "json");
    pushes
        .map(|golden| {
            let name = golden["name"].as_str().unwrap().to_owned();
            (name, golden["frame"].clone())
        })
        .collect()
}

#[test]
fn what_is_read_is_what_was_written() {
    let pushes = pushes();
    assert!(pushes.len() > 15);
    for (name, frame) in pushes {
        let push: AnyPush = serde_json::from_value(frame.clone()).unwrap();
        assert_eq!(serde_json::to_value(push).unwrap(), frame, "{name}");
    }
}

#[test]
fn a_hello_without_a_version_is_one_of_before_versions() {
    let mut hellos = 0;
    for (name, mut frame) in pushes() {
        let Some(hello) = frame.get_mut("hello").and_then(Value::as_object_mut) else {
            continue;
        };
        hellos += 1;
        let named = hello.remove("version");
        assert!(named.is_some(), "{name}");
        let push: AnyPush = serde_json::from_value(frame).unwrap();
        let Push::Hello(hello) = push else {
            panic!("{name}")
        };
        assert_eq!(hello.version, Version::default(), "{name}");
    }
    assert_eq!(hellos, 5);
}
