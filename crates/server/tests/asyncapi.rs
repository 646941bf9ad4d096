//! `/asyncapi.json`, the types it is generated from, the golden frames and
//! `docs/protocol.md` say the same.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use support::protocol::{Table, words};
use support::{Running, config, start};
use tablecast::App as _;
use tablecast::core::CloseReason;
use tablecast::testing::client::Client;
use tablecast_server::menu::{Command, Menu};

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
        json!({"id": 1, "join": {}}),
        json!({"id": 1}),
    ] {
        let is_described = messages["rename"].is_valid(&said);
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
                    let code = after.trim_start().strip_prefix('"');
                    found.extend(
                        code.and_then(|code| code.split('"').next())
                            .map(str::to_owned),
                    );
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for name in ["core", "tablecast", "server"] {
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

/// A schema with the one that it refers to, if it does.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let all_of = schema["allOf"].get(0).unwrap_or(schema);
    match all_of["$ref"].as_str() {
        Some(place) => resolved(document, document.pointer(&place[1..]).unwrap()),
        None => schema,
    }
}

/// The names of an object's fields, of all its forms.
fn fields(document: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = resolved(document, schema);
    let own = schema["properties"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .cloned();
    let variants = ["oneOf", "anyOf"]
        .into_iter()
        .filter_map(|key| schema[key].as_array());
    let of_variants = variants
        .flatten()
        .flat_map(|variant| fields(document, variant));
    own.chain(of_variants).collect()
}

/// The field `name` of an object.
fn field<'a>(document: &'a Value, schema: &'a Value, name: &str) -> &'a Value {
    let found = &resolved(document, schema)["properties"][name];
    assert!(found.is_object(), "there is no field {name}");
    found
}

fn payload<'a>(document: &'a Value, message: &str) -> &'a Value {
    let payload = &document["components"]["messages"][message]["payload"];
    field(document, payload, message)
}

/// The variants of an enum that is an object of one key each.
fn variants<'a>(document: &'a Value, schema: &'a Value) -> BTreeMap<String, Vec<&'a Value>> {
    let schema = resolved(document, schema);
    let mut found: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for variant in schema["oneOf"].as_array().unwrap() {
        let name = variant["required"][0].as_str().unwrap();
        found
            .entry(name.to_owned())
            .or_default()
            .push(&variant["properties"][name]);
    }
    found
}

#[tokio::test]
async fn commands_and_their_fields_are_those_of_the_description() {
    let document = document().await;
    for (operation, chapter, column) in [
        ("enter", "First message", "message"),
        ("command", "Commands", "command"),
    ] {
        let table = Table::all(chapter).remove(0);
        let described: BTreeMap<String, BTreeSet<String>> = table
            .rows([column, "fields"])
            .map(|[name, fields]| {
                // `{"join":{…}}`
                let name = name
                    .split('"')
                    .nth(1)
                    .map_or_else(|| words(name).remove(0), str::to_owned);
                (name, words(fields).into_iter().collect())
            })
            .collect();
        let said = said_in(&document, operation);
        assert_eq!(said, described.keys().cloned().collect(), "{chapter}");
        for (name, mut described) in described {
            let fields = fields(&document, payload(&document, &name));
            // A row may refer to another command, as that of `vote` does.
            described.retain(|word| fields.contains(word) || !said.contains(word));
            assert_eq!(fields, described, "the fields of {name}");
        }
    }
}

#[tokio::test]
async fn pushes_and_their_fields_are_those_of_the_description() {
    let document = document().await;
    let described: BTreeSet<String> = support::protocol::headings("Pushes", "Events")
        .into_iter()
        .flat_map(|heading| words(&heading))
        .collect();
    let mut told = said_in(&document, "tell");
    assert!(told.remove("event"));
    assert_eq!(told, described);

    let tables = Table::all("`hello`");
    let [hello, state] = &*tables else {
        panic!("there are {} tables of hello", tables.len())
    };
    let names =
        |table: &Table| -> BTreeSet<String> { table.column("field").flat_map(words).collect() };
    let of_hello = payload(&document, "hello");
    assert_eq!(fields(&document, of_hello), names(hello));
    // Those of what is in it stand beside its name.
    let inner: BTreeMap<String, BTreeSet<String>> = hello
        .rows(["field", "meaning"])
        .map(|[name, meaning]| (words(name).remove(0), words(meaning).into_iter().collect()))
        .collect();
    let limits = fields(&document, field(&document, of_hello, "limits"));
    assert_eq!(limits, inner["limits"]);
    let member = resolved(&document, &field(&document, of_hello, "members")["items"]);
    let members: Vec<String> = hello
        .rows(["field", "meaning"])
        .find(|[name, _]| *name == "`members`")
        .map(|[_, meaning]| keys(meaning))
        .unwrap();
    assert_eq!(fields(&document, member), members.into_iter().collect());

    let top = |name: &String| !name.contains(['.', '[']);
    let of_state = fields(&document, field(&document, of_hello, "state"));
    assert_eq!(of_state, names(state).into_iter().filter(top).collect());
    let in_state = field(&document, of_hello, "state");
    let item = &field(&document, in_state, "items")["items"];
    for [name, meaning] in state.rows(["field", "meaning"]) {
        let listed: BTreeSet<String> = keys(meaning).into_iter().collect();
        if listed.is_empty() {
            continue;
        }
        let found = words(name).remove(0);
        let mut schema = in_state;
        for part in found.split('.') {
            schema = nonnull(field(&document, schema, part));
        }
        let schema = if schema["type"] == "array" {
            &schema["items"]
        } else {
            schema
        };
        assert_eq!(fields(&document, schema), listed, "{name}");
    }
    assert!(fields(&document, item).contains("votes"));

    let of_snapshot = fields(&document, payload(&document, "snapshot"));
    let text = support::protocol::chapter("`snapshot`");
    let (_, text) = text.split_once("It has").unwrap();
    let (text, _) = text.split_once("as in").unwrap();
    assert_eq!(of_snapshot, words(text).into_iter().collect());
    for name in ["ack", "error", "status"] {
        let text = support::protocol::chapter(&format!("`{name}`"));
        let spans = text.split('`').skip(1).step_by(2);
        let shown = spans
            .filter_map(|span| serde_json::from_str::<Value>(span).ok())
            .next();
        let shown = shown.unwrap()[name]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        assert_eq!(fields(&document, payload(&document, name)), shown, "{name}");
    }
}

/// Of a field that may be null what it is otherwise.
fn nonnull(schema: &Value) -> &Value {
    schema["anyOf"].get(0).unwrap_or(schema)
}

/// The keys in `{"a","b":…}`.
fn keys(text: &str) -> Vec<String> {
    let Some((_, text)) = text.split_once("`{") else {
        return Vec::new();
    };
    let text = text.split('`').next().unwrap();
    text.split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn events_and_their_fields_are_those_of_the_description() {
    let document = document().await;
    let tables = Table::all("Events");
    let [envelope, events, changes] = &*tables else {
        panic!("there are {} tables of events", tables.len())
    };
    let of_event = payload(&document, "event");
    let own: BTreeSet<String> = envelope.column("field").flat_map(words).collect();
    let properties = resolved(&document, of_event)["properties"]
        .as_object()
        .unwrap();
    assert_eq!(properties.keys().cloned().collect::<BTreeSet<_>>(), own);

    let happened = variants(&document, of_event);
    let change = happened["change"][0];
    for (table, column, schemas) in [
        (events, "what", &happened),
        (
            changes,
            "`change` of the lunch menu",
            &variants(&document, change),
        ),
    ] {
        let described: Vec<(String, BTreeSet<String>)> = table
            .rows([column, "fields"])
            .map(|[name, fields]| (words(name).remove(0), words(fields).into_iter().collect()))
            .collect();
        let names: BTreeSet<&String> = described.iter().map(|(name, _)| name).collect();
        assert_eq!(names, schemas.keys().collect());
        for (name, described) in &described {
            if name == "change" {
                continue;
            }
            // Of an event that has several forms each has a row.
            let forms = schemas[name].iter().flat_map(|schema| {
                let schema = resolved(&document, schema);
                schema["oneOf"]
                    .as_array()
                    .map_or_else(|| vec![schema], |all| all.iter().collect())
            });
            let forms: Vec<BTreeSet<String>> = forms.map(|form| fields(&document, form)).collect();
            assert!(
                forms.contains(described),
                "{name}: {described:?} is none of {forms:?}"
            );
            let rows = names_count(&described_names(table, column), name);
            assert_eq!(rows, forms.len(), "the rows of {name}");
        }
    }
}

fn described_names(table: &Table, column: &str) -> Vec<String> {
    table
        .column(column)
        .map(|name| words(name).remove(0))
        .collect()
}

fn names_count(names: &[String], name: &str) -> usize {
    names.iter().filter(|other| *other == name).count()
}

/// The commands with their fields, and one that there is not.
const COMMANDS: [(&str, &[&str]); 10] = [
    ("add", &["item"]),
    ("remove", &["item", "number"]),
    ("restore", &["number"]),
    ("vote", &["item", "number", "on"]),
    ("title", &["title"]),
    ("extend", &[]),
    ("decide", &["how"]),
    ("contribute", &["draw", "value"]),
    ("reveal", &["draw"]),
    ("sing", &["item"]),
];

/// A value that the field may have.
fn right(field: &str) -> BoxedStrategy<Value> {
    match field {
        "number" | "draw" => any::<u64>().prop_map(Value::from).boxed(),
        "on" => any::<bool>().prop_map(Value::from).boxed(),
        "how" => prop::sample::select(vec![json!("votes"), json!("draw")]).boxed(),
        "value" => "[0-9a-f]{64}".prop_map(Value::from).boxed(),
        _ => any::<String>().prop_map(Value::from).boxed(),
    }
}

/// A value that few fields may have.
fn wrong() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[0-9a-fA-F]{63,65}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
    ]
}

/// A command, and fields that are mostly its own and mostly right.
fn a_command() -> impl Strategy<Value = (&'static str, Map<String, Value>)> {
    prop::sample::select(&COMMANDS[..]).prop_flat_map(|(command, own)| {
        let own = own.iter().map(|field| (*field, 4));
        let fields: Vec<_> = own
            .chain([("price", 1)])
            .map(|(field, weight)| {
                let value = prop_oneof![4 => right(field), 1 => wrong()];
                let value = prop_oneof![5 - weight => Just(None), weight => value.prop_map(Some)];
                value.prop_map(move |value| value.map(|value| (field.to_owned(), value)))
            })
            .collect();
        fields.prop_map(move |fields| (command, fields.into_iter().flatten().collect()))
    })
}

/// Many cases: each is decided in microseconds.
fn runner() -> TestRunner {
    TestRunner::new(ProptestConfig::with_cases(4000))
}

/// The decoder is lenient in one point: null is as good as absent where a field may be.
fn without_nulls(mut command: Map<String, Value>, name: &str) -> Map<String, Value> {
    if ["remove", "vote"].contains(&name) {
        command.retain(|field, value| !(value.is_null() && ["item", "number"].contains(&&**field)));
    }
    command
}

#[test]
fn a_command_has_the_form_described_if_and_only_if_it_is_read() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let messages = messages(&runtime.block_on(document()));
    let mut runner = runner();
    let property = runner.run(&a_command(), |(name, fields)| {
        let said = json!({ name: fields.clone() });
        let read: Result<Command, _> = serde_json::from_value(said);
        let frame = json!({ "id": 1, name: without_nulls(fields, name) });
        let is_described = messages
            .get(name)
            .is_some_and(|message| message.is_valid(&frame));
        // Which of two ways to name an item is meant is asked when it is decided.
        let is_named_once = match &read {
            Ok(Command::Remove(target)) => target.item.is_some() != target.number.is_some(),
            Ok(Command::Vote(vote)) => vote.item.is_some() != vote.number.is_some(),
            _ => true,
        };
        prop_assert_eq!(
            is_described,
            read.is_ok() && is_named_once,
            "{}: {:?}",
            frame,
            read
        );
        Ok(())
    });
    property.unwrap();
}

#[test]
fn a_line_has_the_form_described_if_and_only_if_it_is_read() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let messages = messages(&runtime.block_on(document()));
    let mut runner = runner();
    let lines = prop_oneof![
        "[ \t\n]{0,2}([aA][dD][dD]|remove|REMOVE|rEmove|adds|ad d|)[ \u{3000}]{0,1}:{0,2}[a-c :\n]{0,4}",
        any::<String>(),
    ];
    let property = runner.run(&lines, |line| {
        let is_read = Menu::text_command(&line).is_ok();
        prop_assert_eq!(
            messages["line"].is_valid(&json!(line)),
            is_read,
            "{:?}",
            line
        );
        Ok(())
    });
    property.unwrap();
}
