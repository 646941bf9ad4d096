//! Its commands and lines are those that the decoder reads, and no others.

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use tablecast::App as _;
use tablecast_lunch::{ChangeRules, Command, MAX_VOTES_EACH, Menu};

use crate::{document, messages};

/// The commands with their fields, and one that there is not.
const COMMANDS: [(&str, &[&str]); 18] = [
    ("add", &["item"]),
    ("remove", &["item", "number"]),
    ("restore", &["number"]),
    ("vote", &["item", "number", "on"]),
    ("title", &["title"]),
    ("extend", &[]),
    ("decide", &["how"]),
    ("contribute", &["draw", "value"]),
    ("reveal", &["draw"]),
    ("deadline", &["at", "in_ms"]),
    ("nudge", &[]),
    ("veto", &["item", "number", "on"]),
    ("rules", &["hidden_votes", "votes_each"]),
    ("lock", &["on"]),
    ("host", &["member"]),
    ("dismiss", &["member"]),
    ("reinstate", &["decision"]),
    ("sing", &["item"]),
];

/// A value that the field may have.
fn right(field: &str) -> BoxedStrategy<Value> {
    match field {
        "number" | "draw" | "member" | "decision" | "in_ms" => {
            any::<u64>().prop_map(Value::from).boxed()
        }
        "at" => prop::option::of(any::<u64>()).prop_map(Value::from).boxed(),
        "votes_each" => prop::option::of(0..102_u32).prop_map(Value::from).boxed(),
        "on" | "hidden_votes" => any::<bool>().prop_map(Value::from).boxed(),
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
    let optional: &[&str] = match name {
        "remove" | "vote" | "veto" => &["item", "number"],
        "deadline" => &["in_ms"],
        "rules" => &["hidden_votes"],
        _ => &[],
    };
    command.retain(|field, value| !(value.is_null() && optional.contains(&&**field)));
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
        // Which of two ways to name an item, or to say when, is meant is asked when it is decided; and
        // how many votes each may have.
        let is_right = match &read {
            Ok(Command::Remove(target)) => target.item.is_some() != target.number.is_some(),
            Ok(Command::Vote(vote)) => vote.item.is_some() != vote.number.is_some(),
            Ok(Command::Veto(veto)) => veto.item.is_some() != veto.number.is_some(),
            Ok(Command::Rules(ChangeRules { votes_each, .. })) => {
                let each = votes_each.flatten();
                each.is_none_or(|each| (1..=MAX_VOTES_EACH).contains(&each))
            }
            Ok(Command::Deadline(deadline)) => deadline.at.is_some() != deadline.in_ms.is_some(),
            _ => true,
        };
        prop_assert_eq!(
            is_described,
            read.is_ok() && is_right,
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
