//! `/asyncapi.json`, the types it is generated from, the golden frames and
//! `docs/protocol.md` say the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod decoder;
mod description;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::{Value, json};
use support::protocol::{Table, words};
use support::{Running, config, start};
use tablecast::core::CloseReason;
use tablecast_testing::client::Client;

async fn document() -> Value {
    let server = start(config()).await;
    let answer = server.get("/asyncapi.json").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    answer.json()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn golden_frames() -> Vec<Value> {
    let files = fs::read_dir(repository().join("docs/frames")).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts
        .map(|text| serde_json::from_str(&text).unwrap())
        .collect()
}

/// The schemas of a document's messages, by name.
fn messages(document: &Value) -> BTreeMap<String, Validator> {
    let messages = document["components"]["messages"].as_object().unwrap();
    let compile = |payload: &Value| {
        let mut schema = payload.clone();
        schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
        schema["components"] = document["components"].clone();
        jsonschema::draft7::new(&schema).unwrap()
    };
    messages
        .iter()
        .map(|(name, message)| (name.clone(), compile(&message["payload"])))
        .collect()
}

/// The names of the messages that an operation has.
fn said_in(document: &Value, operation: &str) -> BTreeSet<String> {
    let messages = document["operations"][operation]["messages"].as_array();
    let references = messages.unwrap().iter().map(|message| &message["$ref"]);
    references
        .map(|place| {
            let place = place.as_str().unwrap();
            place.rsplit('/').next().unwrap().to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_document_is_asyncapi_and_all_its_references_lead_somewhere() {
    let document = document().await;
    let text = include_str!("asyncapi-3.0.0.schema.json");
    let meta: Value = serde_json::from_str(text).unwrap();
    let meta = jsonschema::draft7::new(&meta).unwrap();
    let errors: Vec<String> = meta
        .iter_errors(&document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0]);
    support::assert_references_resolve(&document);
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

/// Which message a golden frame is, and its content as that message has it.
fn kind(golden: &Value) -> (String, Value) {
    let frame = &golden["frame"];
    match (
        golden["dialect"].as_str().unwrap(),
        golden["from"].as_str().unwrap(),
    ) {
        ("text", "client") => ("line".to_owned(), frame.clone()),
        ("text", _) => {
            let said: Value = serde_json::from_str(frame.as_str().unwrap()).unwrap();
            let kind = if said.is_array() { "menu" } else { "refusal" };
            (kind.to_owned(), said)
        }
        _ => {
            let mut keys = frame.as_object().unwrap().keys();
            let kind = keys.find(|key| *key != "id").unwrap();
            (kind.clone(), frame.clone())
        }
    }
}

#[tokio::test]
async fn golden_frames_have_the_form_described_and_those_refused_for_their_form_have_none() {
    let document = document().await;
    let messages = messages(&document);
    let mut shown = BTreeSet::new();
    for golden in golden_frames() {
        let name = golden["name"].as_str().unwrap();
        let (kind, content) = kind(&golden);
        // What is refused for its content has the form of a command.
        let is_refused = golden["answer"] == "bad_command";
        let dialect = golden["dialect"].as_str().unwrap();
        let of_dialect = document["channels"][dialect]["messages"]
            .as_object()
            .unwrap();
        let fitting: Vec<&String> = messages
            .iter()
            .filter(|(name, message)| of_dialect.contains_key(*name) && message.is_valid(&content))
            .map(|(name, _)| name)
            .collect();
        match is_refused {
            true => assert_eq!(fitting, [""; 0], "{name}"),
            false => assert_eq!(fitting, [&kind], "{name}"),
        }
        let examples = document["components"]["messages"][&kind]["examples"].as_array();
        let example = examples
            .into_iter()
            .flatten()
            .find(|example| example["name"] == name);
        if golden["answer"].is_null()
            || ["ack", "hello", "menu"]
                .iter()
                .any(|ok| golden["answer"] == *ok)
        {
            let example = example.unwrap_or_else(|| panic!("{name} is no example"));
            assert_eq!(example["payload"], content, "{name}");
            shown.insert(kind);
        } else {
            assert_eq!(example, None, "{name} is refused, and still an example");
        }
    }
    let described: BTreeSet<String> = messages.into_keys().collect();
    assert_eq!(shown, described, "every message has an example");
}

/// Whether the server understands what somebody says first, or, if it is a command,
/// after they joined: whatever else it makes of it.
async fn is_understood(server: &Running, room: &str, said: &Value, is_first: bool) -> bool {
    let path = format!("/ws/{room}/");
    let mut member = Client::connect_json(server.at, &path).await.unwrap();
    if !is_first {
        member.send_text(r#"{"join":{}}"#).await.unwrap();
        member.next_json().await.unwrap();
    }
    member.send_text(&said.to_string()).await.unwrap();
    // None, if the connection is closed: there is no such seat.
    let answer = member.next_json().await.unwrap_or_default();
    member.send_close(1000).await.unwrap();
    // The seat is free for the next one.
    member.ended().await.unwrap();
    answer["error"]["code"] != "bad_command"
}

#[tokio::test]
async fn what_surrounds_a_command_has_the_form_described_if_and_only_if_it_is_understood() {
    let messages = messages(&document().await);
    let server = start(config()).await;
    let room = server.room().await;
    let (seat, epoch) = ("0123456789abcdef".repeat(2), "0123456789abcdef");
    for said in [
        json!({"join": {}}),
        json!({"join": {"name": null, "colour": null}}),
        json!({"join": {"name": "Mina", "colour": 11}, "id": 7}),
        json!({"join": {"name": 1}}),
        json!({"join": {"colour": 12}}),
        json!({"join": {"colour": "3"}}),
        json!({"join": {"nick": "Mina"}}),
        json!({"join": {}, "id": -1}),
        json!({"join": {}, "id": "7"}),
        json!({"join": {}, "resume": {"seat": seat}}),
        json!({"join": null}),
        json!({"Join": {}}),
        json!({}),
        json!([]),
        json!({"resume": {"seat": seat}}),
        json!({"resume": {"seat": seat, "epoch": epoch, "seq": 0}}),
        json!({"resume": {"seat": seat, "epoch": epoch}}),
        json!({"resume": {"seat": seat, "seq": 0}}),
        json!({"resume": {"seat": seat, "epoch": epoch, "seq": -1}}),
        json!({"resume": {"seat": seat, "epoch": epoch, "seq": 1_u64 << 53}}),
        json!({"resume": {"seat": seat, "epoch": "0123", "seq": 0}}),
        json!({"resume": {"seat": seat.to_uppercase()}}),
        json!({"resume": {"seat": "0123"}}),
        json!({"resume": {}}),
    ] {
        let is_described = messages["join"].is_valid(&said) || messages["resume"].is_valid(&said);
        let is_understood = is_understood(&server, &room, &said, true).await;
        assert_eq!(is_described, is_understood, "{said}");
    }
    for said in [
        json!({"id": 1, "rename": {"name": "Jun"}}),
        json!({"id": (1_u64 << 53) - 1, "rename": {"name": "Jun", "colour": 0}}),
        json!({"id": 1, "rename": {"name": "Jun", "colour": null}}),
        json!({"id": 1, "rename": {"name": "Jun", "colour": -1}}),
        json!({"id": 1, "rename": {"name": null}}),
        json!({"id": 1, "rename": {}}),
        json!({"id": 1, "rename": {"name": "Jun", "seat": seat}}),
        json!({"id": 0, "rename": {"name": "Jun"}}),
        json!({"id": 1_u64 << 53, "rename": {"name": "Jun"}}),
        json!({"id": 1.5, "rename": {"name": "Jun"}}),
        json!({"id": null, "rename": {"name": "Jun"}}),
        json!({"rename": {"name": "Jun"}}),
        json!({"id": 1, "rename": {"name": "Jun"}, "extend": {}}),
        json!({"id": 1, "extend": {}}),
        json!({"id": 1, "extend": null}),
        json!({"id": 1, "extend": {"by": 1}}),
        json!({"id": 1, "join": {}}),
        json!({"id": 1}),
    ] {
        let is_described = messages["rename"].is_valid(&said) || messages["extend"].is_valid(&said);
        let is_understood = is_understood(&server, &room, &said, false).await;
        assert_eq!(is_described, is_understood, "{said}");
    }
}

#[tokio::test]
async fn close_codes_are_those_of_the_one_table() {
    let document = document().await;
    let rows = document["x-close-codes"].as_array().unwrap();
    assert_eq!(rows.len(), CloseReason::ALL.len());
    for (row, reason) in rows.iter().zip(CloseReason::ALL) {
        assert_eq!(row["code"], reason.code());
        assert_eq!(row["text"], reason.text());
        assert!(row["when"].is_string(), "{row}");
        assert!(row["comeBack"].is_string(), "{row}");
    }
}

/// The codes that the sources refuse commands with.
fn codes_in_sources() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let text = text.split("#[cfg(test)]").next().unwrap();
                for (_, after) in text
                    .match_indices("Rejection::new(")
                    .map(|(at, call)| text.split_at(at + call.len()))
                {
                    let code = after.trim_start().trim_start_matches("code::");
                    let end = |c: char| c != '_' && !c.is_ascii_alphabetic();
                    let name = code.trim_start_matches('"').split(end).next();
                    found.extend(name.map(str::to_lowercase));
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for name in ["core", "lunch", "protocol", "tablecast", "server"] {
        walk(
            &repository().join("crates").join(name).join("src"),
            &mut found,
        );
    }
    // The example in the library's documentation has an application of its own.
    found.remove("car_full");
    found
}

#[tokio::test]
async fn error_codes_are_those_of_sources_and_description() {
    let document = document().await;
    let codes = document["x-error-codes"].as_array().unwrap().iter();
    let codes: BTreeSet<String> = codes
        .map(|row| row["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, codes_in_sources());
    let described: BTreeSet<String> = Table::all("Error codes")
        .remove(0)
        .column("code")
        .flat_map(words)
        .collect();
    assert_eq!(codes, described);
    for place in [
        "/components/messages/error/payload/properties/error/properties/code/enum",
        "/components/schemas/Refusal/properties/code/enum",
    ] {
        let listed = document.pointer(place).unwrap().as_array().unwrap().iter();
        let listed: BTreeSet<String> = listed
            .map(|code| code.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(listed, codes, "{place}");
    }
}
