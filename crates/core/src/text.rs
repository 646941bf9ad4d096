//! What a short text from a person may be: an item, a name, a title.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

use crate::logic::Rejection;

/// The longest short text in bytes. It bounds what one grapheme with hundreds of
/// combining marks can take.
pub const MAX_TEXT_BYTES: usize = 512;

/// Brings a text into its one form (trimmed, NFC) and checks it: 1 to
/// `max_graphemes` characters as people count them, at most 512 bytes, with no
/// control characters and none that reverse or hide what follows.
///
/// # Errors
/// `empty`, `too_long` or `bad_item`, naming `what`.
pub fn clean<'a>(
    what: &str,
    text: &'a str,
    max_graphemes: usize,
) -> Result<Cow<'a, str>, Rejection> {
    let text = text.trim();
    // Before normalising, so that the work is bounded: NFC of one character is
    // at most three times as long (UAX 15), and never a third as long.
    if text.len() > 3 * MAX_TEXT_BYTES {
        return Err(too_long(what, max_graphemes));
    }
    let is_plain = is_plain_ascii(text.as_bytes()) || text.chars().all(is_plain);
    if !is_plain && let Some(bad) = text.chars().find(is_forbidden) {
        return Err(Rejection::new(
            "bad_item",
            format!(
                "{what} must not hold the character U+{:04X}",
                u32::from(bad)
            ),
        ));
    }
    let text = if is_plain || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        text.nfc().collect()
    };
    if text.chars().all(is_invisible) {
        return Err(Rejection::new(
            "empty",
            format!("{what} is empty; say at least one character"),
        ));
    }
    if text.len() > MAX_TEXT_BYTES || has_more_graphemes(&text, max_graphemes) {
        return Err(too_long(what, max_graphemes));
    }
    Ok(text)
}

/// The segmentation's tables are large and slow, so they are asked last: there are
/// never more graphemes than characters, or than bytes.
fn has_more_graphemes(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some() && text.graphemes(true).nth(max).is_some()
}

fn too_long(what: &str, max_graphemes: usize) -> Rejection {
    Rejection::new(
        "too_long",
        format!(
            "{what} is too long: at most {max_graphemes} characters and {MAX_TEXT_BYTES} bytes"
        ),
    )
}

/// Characters that most texts consist of alone, and that need no table: none is
/// forbidden, and in whatever order, they are in NFC. Unicode promises that both stay.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{A0}'..='\u{2FF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

/// Whether all are plain and ASCII. Without a way out of the loop, so that a few
/// instructions look at many bytes.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    bytes.iter().fold(true, |all, byte| all & is_plain(byte))
}

/// Control characters, line and paragraph separators, and the bidirectional
/// embeddings, overrides and isolates.
fn is_forbidden(c: &char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

/// White space and characters of no width, which alone are no text.
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::char::canonical_combining_class;

    fn code(text: &str) -> &'static str {
        clean("the item", text, 80).map_or_else(|r| r.code, |_| "ok")
    }

    #[test]
    fn a_text_has_one_form() {
        assert_eq!(
            clean("the item", "  김치찌개 ", 80).as_deref(),
            Ok("김치찌개")
        );
        let nfd: String = "김치찌개".nfd().collect();
        assert_eq!(clean("the item", &nfd, 80).as_deref(), Ok("김치찌개"));
    }

    #[test]
    fn plain_characters_need_no_other_look() {
        let plain = ('\0'..=char::MAX).filter(|c| is_plain(*c));
        for c in plain {
            assert!(!is_forbidden(&c), "{c:?}");
            // Of such characters any text is in NFC (UAX 15, section 9).
            assert_eq!(is_nfc_quick([c].into_iter()), IsNormalized::Yes, "{c:?}");
            assert_eq!(canonical_combining_class(c), 0, "{c:?}");
        }
        for c in '\0'..='\u{7F}' {
            assert_eq!(is_plain_ascii(c.to_string().as_bytes()), is_plain(c));
        }
    }

    #[test]
    fn what_is_no_text_is_refused_by_name() {
        for (text, expected) in [
            ("", "empty"),
            ("   ", "empty"),
            ("\u{200B}\u{200D}", "empty"),
            ("a\nb", "bad_item"),
            ("a\0b", "bad_item"),
            ("\u{202E}evil", "bad_item"),
            ("👨‍👩‍👧‍👦", "ok"),
            ("<img onerror=alert(1)>", "ok"),
            ("__proto__", "ok"),
        ] {
            assert_eq!(code(text), expected, "{text:?}");
        }
    }

    #[test]
    fn length_is_counted_as_people_count_and_bounded_in_bytes() {
        assert_eq!(code(&"찌".repeat(80)), "ok");
        assert_eq!(code(&"찌".repeat(81)), "too_long");
        assert_eq!(code(&"👨‍👩‍👧‍👦".repeat(20)), "ok");
        assert_eq!(code(&format!("a{}", "\u{0301}".repeat(500))), "too_long");
        assert_eq!(code(&"x".repeat(1 << 20)), "too_long");
    }
}
