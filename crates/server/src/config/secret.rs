//! Keeps passwords out of printed texts: those of a Redis URL, or of a text that was meant
//! to be one.

use clap::error::{ContextKind, ContextValue};

/// Replaces a hidden part.
const HIDDEN: &str = "***";

/// The text without what may be a password: the part between the scheme and the last `@`,
/// and everything after a `?`. It does not parse the URL, because a misspelt URL contains a
/// password too.
pub(super) fn redact(text: &str) -> String {
    // A path, whose options tell nothing.
    if text.starts_with("sqlite:") {
        return text.to_owned();
    }
    let start = text.find("://").map_or(0, |at| at + "://".len());
    let (scheme, rest) = text.split_at(start);
    let (credentials, place) = match rest.rsplit_once('@') {
        Some((credentials, place)) => (Some(credentials), place),
        None => (None, rest),
    };
    // This `@` may be part of a password in the query, which continues after it.
    if credentials.is_some_and(has_password) {
        return format!("{scheme}{HIDDEN}");
    }
    let credentials = credentials.map_or(String::new(), |_| format!("{HIDDEN}@"));
    match place.split_once('?') {
        Some((place, _)) => format!("{scheme}{credentials}{place}?{HIDDEN}"),
        None => format!("{scheme}{credentials}{place}"),
    }
}

fn has_password(text: &str) -> bool {
    text.to_ascii_lowercase().contains("pass") && text.contains('=')
}

/// The error without what may be a password in the value that it repeats.
pub(super) fn redact_error(mut error: clap::Error) -> clap::Error {
    // The suggestion how to pass an unknown argument as a value: it repeats the argument,
    // and the only value without an option is `serve`.
    error.remove(ContextKind::Suggested);
    let repeated: Vec<_> = error
        .context()
        .filter_map(|(kind, value)| match value {
            ContextValue::String(text) => Some((kind, ContextValue::String(redact(text)))),
            ContextValue::Strings(texts) => {
                let texts = texts.iter().map(|text| redact(text)).collect();
                Some((kind, ContextValue::Strings(texts)))
            }
            _ => None,
        })
        .collect();
    for (kind, value) in repeated {
        error.insert(kind, value);
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_part_of_a_password_is_left_however_the_url_is_misspelt() {
        for (text, shown) in [
            ("redsi://u:s3cret@h", "redsi://***@h"),
            ("redis:/u:s3cret@h", "***@h"),
            ("u:s3cret@h:1", "***@h:1"),
            ("redsi://:s3@cr/e#t@h:1/2", "redsi://***@h:1/2"),
            ("redsi://:s3?cret@h", "redsi://***@h"),
            (
                "redis-clutser://:s3cret@a:1,b:2",
                "redis-clutser://***@a:1,b:2",
            ),
            (
                "redis-unix:///r.sock?pass=s3cret",
                "redis-unix:///r.sock?***",
            ),
            (
                "redis-unix:///r.sock?db=1&pass=s3&cret",
                "redis-unix:///r.sock?***",
            ),
            ("redis-unix:///r.sock?pass=s3@cret", "redis-unix://***"),
            ("--store:redis://u:s3cret@h", "--store:redis://***@h"),
            ("http://127.0.0.1", "http://127.0.0.1"),
            ("disk", "disk"),
        ] {
            assert_eq!(redact(text), shown, "{text}");
        }
    }
}
