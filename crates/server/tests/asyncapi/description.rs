//! Its messages and their fields are those of `docs/protocol.md`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::support::protocol::{self, Table, words};
use crate::{document, said_in};

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
    let described: BTreeSet<String> = protocol::headings("Pushes", "Events")
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
    let version = fields(&document, field(&document, of_hello, "version"));
    assert_eq!(version, inner["version"]);
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
    let text = protocol::chapter("`snapshot`");
    let (_, text) = text.split_once("It has").unwrap();
    let (text, _) = text.split_once("as in").unwrap();
    assert_eq!(of_snapshot, words(text).into_iter().collect());
    for name in ["ack", "error", "status"] {
        let text = protocol::chapter(&format!("`{name}`"));
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
        for (name, row) in &described {
            if name == "change" {
                continue;
            }
            // Of an event that has several forms each has a row.
            let forms = schemas[name].iter().flat_map(|schema| {
                let schema = resolved(&document, schema);
                let forms = schema["oneOf"].as_array();
                forms
                    .or(schema["anyOf"].as_array())
                    .map_or_else(|| vec![schema], |all| all.iter().collect())
            });
            let forms: Vec<BTreeSet<String>> = forms.map(|form| fields(&document, form)).collect();
            assert!(forms.contains(row), "{name}: {row:?} is none of {forms:?}");
            let rows = described.iter().filter(|(other, _)| other == name);
            assert_eq!(rows.count(), forms.len(), "the rows of {name}");
        }
    }
}
