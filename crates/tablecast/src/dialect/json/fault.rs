//! What a client is told that says something in a wrong form: where it stood, what was found there
//! and what is expected.

use serde::Deserialize;
use serde_path_to_error::Segment;

/// What is wrong in `text`, which is no `T` as `error` says, in the words of a client: the fields as
/// JSON has them, and no names of Rust's types.
///
/// It reads the text once more: only who made the mistake pays for knowing where it stood.
pub(crate) fn fault<'de, T: Deserialize<'de>>(text: &'de str, error: &serde_json::Error) -> String {
    let error = error.to_string();
    // The place, since it counts from where the content begins.
    let what = error
        .rsplit_once(" at line ")
        .map_or(&*error, |(what, _)| what);
    // What was expected is said to the end: which commands there are, for instance.
    let (found, expected) = match what.rfind(EXPECTED) {
        Some(at) => (&what[..at], &what[at + EXPECTED.len()..]),
        None => (what, ""),
    };
    // One of the values of an enum.
    let found = found.replacen("unknown variant", "unknown value", 1);
    let mut said = match field::<T>(text) {
        Some(field) => format!("{:?}: {}", cut(&field), cut(&found)),
        None => cut(&found),
    };
    if !expected.is_empty() {
        said.push_str(EXPECTED);
        said.extend(plain(expected).chars().take(MOST_EXPECTED));
    }
    said
}

/// The field in which reading a `T` fails: `c` in `{"a":{"b":{"c":…}}}` is `a.b.c`. None if it is the whole.
fn field<'de, T: Deserialize<'de>>(text: &'de str) -> Option<String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let error = serde_path_to_error::deserialize::<_, T>(&mut reader).err()?;
    let fields = error.path().iter().filter_map(|segment| match segment {
        Segment::Map { key } => Some(key.clone()),
        Segment::Seq { index } => Some(index.to_string()),
        // Which command it is, is known.
        Segment::Enum { .. } | Segment::Unknown => None,
    });
    let fields: Vec<_> = fields.collect();
    (!fields.is_empty()).then(|| fields.join("."))
}

/// A type of Rust as JSON calls it.
fn plain(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" => "a whole number from 0 on",
        "f64" => "a number",
        other => other,
    }
}

/// What serde puts between what it has found and what it has expected.
const EXPECTED: &str = ", expected ";

/// Enough for the names of forty commands. There is a bound since the request may hold
/// [`EXPECTED`] too.
const MOST_EXPECTED: usize = 600;

/// The beginning of what is repeated, so that an answer does not grow with the request.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(120).collect()
}
