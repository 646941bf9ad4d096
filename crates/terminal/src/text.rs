//! Text that somebody else wrote, made fit for a terminal.

use std::mem;

use serde_json::Value;
use tablecast_client::protocol::text::is_forbidden;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// The text without anything that a terminal obeys instead of showing it. The server refuses
/// such characters; this does not rely on it.
pub fn sanitise(text: &str) -> String {
    text.replace(is_forbidden, "\u{FFFD}")
}

/// Makes all texts of a message fit for a terminal.
pub(crate) fn sanitise_all(value: &mut Value) {
    match value {
        Value::String(text) => *text = sanitise(text),
        Value::Array(values) => values.iter_mut().for_each(sanitise_all),
        Value::Object(fields) => fields.values_mut().for_each(sanitise_all),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How many columns a text takes as `ratatui` paints it: one more for each sound mark of halfwidth katakana.
pub(crate) fn columns(text: &str) -> usize {
    let marks = text.matches(['\u{FF9E}', '\u{FF9F}']).count();
    text.width() + marks
}

/// As much of the beginning as fits into so many columns, with two dots for what does not:
/// the one character for an ellipsis is two columns wide on Korean systems.
pub fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut width = 0;
    let fits = |grapheme: &&str| {
        width += columns(grapheme);
        // Room for the two dots.
        width + 2 <= most
    };
    text.graphemes(true).take_while(fits).collect::<String>() + ".."
}

/// At most so many columns of a text are quoted.
const MOST_QUOTED: usize = 40;

/// A text as it is quoted: its beginning, fit for a terminal.
pub(crate) fn short(text: &str) -> String {
    cut(&sanitise(text), MOST_QUOTED)
}

/// The same in quotation marks.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", short(text))
}

/// The rows of a text on a screen that is so wide: of whole words, where a word is not longer than a row. (The
/// wrapping of `ratatui` loses a character of two columns that would begin in the last one.)
pub(crate) fn rows(text: &str, most: u16) -> Vec<String> {
    let mut rows = Vec::new();
    for line in wrapped(text, most).lines() {
        let (mut row, mut width) = (String::new(), 0);
        for grapheme in line.graphemes(true) {
            if width > 0 && width + columns(grapheme) > usize::from(most) {
                rows.push(mem::take(&mut row));
                width = 0;
            }
            row.push_str(grapheme);
            width += columns(grapheme);
        }
        rows.push(row);
    }
    rows
}

/// Lines of whole words. A word that is longer than a line is left to the terminal.
pub(crate) fn wrapped(text: &str, most: u16) -> String {
    let mut lines = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        if width > 0 && width + 1 + columns(word) > usize::from(most) {
            lines.push('\n');
            width = 0;
        } else if width > 0 {
            lines.push(' ');
            width += 1;
        }
        lines.push_str(word);
        width += columns(word);
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tablecast_client::protocol::Push;

    use ratatui::buffer::CellWidth;

    use super::*;
    use crate::lunch::Lunch;

    #[test]
    fn all_of_a_text_is_in_rows_that_are_not_too_wide() {
        let text = "김치 찌개와 a-word-that-is-longer-than-a-row 👨‍👩‍👧 ｶﾞｷﾞｸﾞｹﾞｺﾞ 쓰세요";
        for most in 3..=50 {
            let rows = rows(text, most);
            // As it is painted.
            let width = rows.iter().map(|row| row.cell_width()).max();
            assert!(width <= Some(most), "{rows:?}");
            let shown: String = rows.concat().split(' ').collect();
            assert_eq!(shown, text.split(' ').collect::<String>(), "{rows:?}");
        }
        assert_eq!(rows("", 5), [""]);
    }

    #[test]
    fn what_a_terminal_would_obey_is_replaced_and_all_else_is_kept() {
        for (text, shown) in [
            ("김치찌개 👨‍👩‍👧", "김치찌개 👨‍👩‍👧"),
            ("\x1b]0;owned\x07", "\u{FFFD}]0;owned\u{FFFD}"),
            ("a\u{9b}2Jb\r\n", "a\u{FFFD}2Jb\u{FFFD}\u{FFFD}"),
            ("\u{202E}evil", "\u{FFFD}evil"),
        ] {
            assert_eq!(sanitise(text), shown);
            let said = serde_json::json!({ "error": { "code": "x", "message": text } });
            let push = tablecast_client::read::<Lunch>(&said.to_string()).unwrap();
            let is_shown = matches!(&push, Some(Push::Error { message, .. }) if message == shown);
            assert!(is_shown, "{push:?}");
        }
    }
}
