//! Text that somebody else wrote, made fit for a terminal.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Text of others without anything that a terminal obeys instead of showing it. The
/// server refuses such characters; this does not rely on it. Wherever a string comes from
/// the network it is read as this type, so no other way leads to the screen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shown(Arc<str>);

/// Control characters (escape sequences begin with one), and what turns the direction of
/// the rest of the line or ends it.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

impl From<&str> for Shown {
    fn from(text: &str) -> Self {
        if text.contains(is_obeyed) {
            Shown(text.replace(is_obeyed, "\u{FFFD}").into())
        } else {
            Shown(text.into())
        }
    }
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Shown::from(&*text))
    }
}

impl Deref for Shown {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// As much of the beginning as fits into so many columns, with two dots for what does not:
/// the one character for an ellipsis is two columns wide on Korean systems.
pub fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut width = 0;
    let fits = |grapheme: &&str| {
        width += grapheme.width();
        // Room for the two dots.
        width + 2 <= columns
    };
    text.graphemes(true).take_while(fits).collect::<String>() + ".."
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_replaced_and_all_else_is_kept() {
        for (text, shown) in [
            ("김치찌개 👨‍👩‍👧", "김치찌개 👨‍👩‍👧"),
            ("\x1b]0;owned\x07", "\u{FFFD}]0;owned\u{FFFD}"),
            ("a\u{9b}2Jb\r\n", "a\u{FFFD}2Jb\u{FFFD}\u{FFFD}"),
            ("\u{202E}evil", "\u{FFFD}evil"),
        ] {
            assert_eq!(&*Shown::from(text), shown);
            let json = serde_json::to_string(text).unwrap();
            assert_eq!(&*serde_json::from_str::<Shown>(&json).unwrap(), shown);
        }
    }
}
