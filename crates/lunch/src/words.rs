//! What operators see of a table: all but the words of people.

use serde_json::Value;

/// What stands where words of people were.
pub const HIDDEN: &str = "(hidden)";

/// The fields of tables and events whose text nobody has written.
const OWN: [&str; 5] = ["how", "commitment", "next_commitment", "secret", "value"];

/// Hides what people have said (names, items, titles) in a [`Table`](crate::Table) or an
/// [`Event`](crate::Event) as JSON: every text that is not known to be of the program itself.
pub fn hide_words(seen: &mut Value) {
    match seen {
        Value::String(text) => HIDDEN.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(hide_words),
        Value::Object(fields) => {
            let all = fields.iter_mut();
            all.filter(|(name, value)| !(value.is_string() && OWN.contains(&name.as_str())))
                .for_each(|(_, value)| hide_words(value));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
