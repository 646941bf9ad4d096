//! What operators see instead of the words of people.

use super::*;

/// All texts in it, each with the name of its field.
fn texts(seen: &serde_json::Value, name: &str, found: &mut Vec<(String, String)>) {
    match seen {
        serde_json::Value::String(text) => found.push((name.to_owned(), text.clone())),
        serde_json::Value::Array(values) => {
            values.iter().for_each(|value| texts(value, name, found));
        }
        serde_json::Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, value)| texts(value, name, found));
        }
        _ => {}
    }
}

#[test]
fn of_a_table_and_its_events_no_text_of_people_is_left() {
    let mut menu = empty(100).with_title("Monday").unwrap();
    let mut seen = Vec::new();
    for command in [
        r#"{"add":{"item":"soup"}}"#,
        r#"{"add":{"item":"rice"}}"#,
        r#"{"title":{"title":"Tuesday"}}"#,
        r#"{"vote":{"number":1,"on":true}}"#,
        r#"{"decide":{"how":"draw"}}"#,
        r#"{"remove":{"number":2}}"#,
    ] {
        let command = json(command).unwrap();
        for event in menu.decide(&context(ANNA), &command).unwrap() {
            menu.apply(Some(ANNA.id), &event);
            seen.push(serde_json::to_value(Menu::show(&event)).unwrap());
        }
        seen.push(serde_json::to_value(menu.table()).unwrap());
    }
    let mut hidden = 0;
    for mut seen in seen {
        hide_words(&mut seen);
        let mut found = Vec::new();
        texts(&seen, "", &mut found);
        for (name, text) in found {
            let is_of_the_program =
                matches!(&*text, "votes" | "draw") || text.parse::<Hex32>().is_ok();
            assert!(text == "(hidden)" || is_of_the_program, "{name}: {text}");
            hidden += usize::from(text == "(hidden)");
        }
    }
    assert!(hidden > 20, "{hidden}");
}
