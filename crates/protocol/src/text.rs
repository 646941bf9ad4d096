//! The rules for short texts from people: items, names, titles.

mod invisible;
mod marks;

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

use crate::code;
use crate::rejection::Rejection;

/// The longest short text in bytes. It limits the size of a single grapheme, such as an
/// emoji of many people.
pub const MAX_TEXT_BYTES: usize = 512;

/// The most marks (accents, vowel signs) that may stand above and below one character.
///
/// Tibetan has the highest stacks in real use, with eight: ཧྐྵྨླྺྼྻྂ. Hebrew with points
/// and cantillation has six, Thai three, Vietnamese two.
pub const MAX_MARKS: usize = 8;

/// How many of them may be stacked on the same side. Hebrew and Vietnamese have two,
/// phonetic notation three.
pub const MAX_PILED_MARKS: usize = 3;

/// The most characters of a member's name, as people count them.
pub const NAME_GRAPHEMES: usize = 40;

/// The number of a name that a server makes up for who says none: `guest N`.
pub fn guest_number(name: &str) -> Option<usize> {
    name.strip_prefix("guest ")?.parse().ok()
}

/// Brings a text into its one form and checks it: 1 to `max_graphemes` characters as people
/// count them, at most 512 bytes, without control characters and without characters that
/// reverse or hide what follows.
///
/// In this form a text is trimmed and in NFC, its blanks are single spaces, and it has only
/// those invisible characters that change how it looks: inside emoji, and where a script
/// needs them. So texts that differ only in invisible characters are equal.
///
/// # Errors
/// `empty`, `too_long` or `bad_item`; the message names `what`.
pub fn clean<'a>(
    what: &str,
    text: &'a str,
    max_graphemes: usize,
) -> Result<Cow<'a, str>, Rejection> {
    let text = text.trim();
    let is_plain = match text.is_ascii() {
        true => is_plain_ascii(text.as_bytes()),
        false => is_plain_text(text),
    };
    let text = if is_plain {
        Cow::Borrowed(text)
    } else {
        one_form(what, text, max_graphemes)?
    };
    if text.is_empty() {
        return Err(empty(what));
    }
    if text.len() > MAX_TEXT_BYTES || has_more_graphemes(&text, max_graphemes) {
        return Err(too_long(what, max_graphemes));
    }
    // After the check of the length: a text that is too long in one spelling is too long in all.
    if !is_plain {
        marks::check(what, &text)?;
    }
    Ok(text)
}

/// The form by which people compare: texts that differ only in case, blanks and invisible
/// characters have the same. It is the rule of the page too (`fold` in `text.js`).
pub fn folded(text: &str) -> String {
    let seen: String = invisible::drop_all(text).nfc().collect();
    let lower = seen.to_lowercase();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Refuses forbidden characters, and removes invisible ones.
fn one_form<'a>(
    what: &str,
    text: &'a str,
    max_graphemes: usize,
) -> Result<Cow<'a, str>, Rejection> {
    if let Some(bad) = text.chars().find(|c| is_forbidden(*c)) {
        return Err(bad_item(format!(
            "{what} must not hold the character U+{:04X}",
            u32::from(bad)
        )));
    }
    if !text.chars().any(invisible::is_seen) {
        return Err(empty(what));
    }
    // Before normalising, so that the work is bounded: NFC makes a character at most three
    // times as long (UAX 15), and never shorter than a third. Characters that may be
    // removed do not count.
    let seen = text.chars().filter(|c| !invisible::is_ignorable(*c));
    if seen.map(char::len_utf8).sum::<usize>() > 3 * MAX_TEXT_BYTES {
        return Err(too_long(what, max_graphemes));
    }
    let is_settled = is_nfc_quick(text.chars()) == IsNormalized::Yes
        && !text.chars().any(invisible::may_go)
        && !text.contains("  ");
    if is_settled {
        return Ok(Cow::Borrowed(text));
    }
    // A removed character may have separated characters that compose or change their order.
    let composed = invisible::drop_always(text).nfc().collect::<String>();
    Ok(Cow::Owned(invisible::drop_idle(&composed).nfc().collect()))
}

/// The tables of the segmentation are large and slow, so they are used last: there are
/// never more graphemes than characters, or than bytes.
fn has_more_graphemes(text: &str, max: usize) -> bool {
    text.len() > max && text.chars().nth(max).is_some() && text.graphemes(true).nth(max).is_some()
}

fn empty(what: &str) -> Rejection {
    let message = format!("{what} is empty; say at least one character that can be seen");
    Rejection::new(code::EMPTY, message)
}

fn too_long(what: &str, max_graphemes: usize) -> Rejection {
    Rejection::new(
        code::TOO_LONG,
        format!(
            "{what} is too long: at most {max_graphemes} characters and {MAX_TEXT_BYTES} bytes"
        ),
    )
}

fn bad_item(message: String) -> Rejection {
    Rejection::new(code::BAD_ITEM, message)
}

/// Characters of which most texts consist, and which need no table: none is forbidden, all but the space are
/// visible, none is a mark, and in any order they are in NFC. Unicode guarantees that this does not change.
fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{A1}'..='\u{AC}' | '\u{AE}'..='\u{2FF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}')
}

/// Whether all characters are plain, without two blanks in a row.
fn is_plain_text(text: &str) -> bool {
    let mut before = '\0';
    text.chars().all(|c| {
        let is_apart = c != ' ' || before != ' ';
        before = c;
        is_plain(c) && is_apart
    })
}

/// Whether all bytes are plain ASCII, without two blanks in a row. The loop has no early
/// exit, so the compiler can check many bytes with a few instructions.
fn is_plain_ascii(bytes: &[u8]) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    let is_apart = |pair: &[u8]| pair != b"  ";
    bytes.iter().fold(true, |all, byte| all & is_plain(byte))
        & bytes
            .windows(2)
            .fold(true, |all, pair| all & is_apart(pair))
}

/// Whether a character is forbidden in every text: control characters (escape sequences begin with one),
/// line and paragraph separators, and the bidirectional embeddings, overrides and isolates.
pub fn is_forbidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use unicode_normalization::char::canonical_combining_class;

    fn code(text: &str) -> &'static str {
        clean("the item", text, 80).map_or_else(|r| r.code.as_str(), |_| "ok")
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

    /// The same cases as for the page: `crates/server/tests/page/text.test.js`.
    #[test]
    fn what_people_take_for_the_same_is_folded_to_the_same() {
        let nfd: String = "김치찌개".nfd().collect();
        assert_eq!(folded(&nfd), folded("김치찌개"));
        assert_eq!(folded("  Fish \t and CHIPS "), folded("fish and chips"));
        for unseen in ['\u{200B}', '\u{AD}', '\u{2060}', '\u{FFFC}', '\u{2800}'] {
            assert_eq!(folded(&format!("pizza{unseen}")), folded("pizza"));
        }
        assert_ne!(folded("냉면"), folded("온면"));
    }

    #[test]
    fn plain_characters_need_no_other_look() {
        let plain = ('\0'..=char::MAX).filter(|c| is_plain(*c));
        for c in plain {
            assert!(!is_forbidden(c), "{c:?}");
            assert!(c == ' ' || invisible::is_seen(c), "{c:?}");
            assert!(!invisible::may_go(c) && !invisible::is_mark(c), "{c:?}");
            // Any text of such characters is in NFC (UAX 15, section 9).
            assert_eq!(is_nfc_quick([c].into_iter()), IsNormalized::Yes, "{c:?}");
            assert_eq!(canonical_combining_class(c), 0, "{c:?}");
        }
        for c in '\0'..='\u{7F}' {
            assert_eq!(is_plain_ascii(c.to_string().as_bytes()), is_plain(c));
        }
        assert!(!is_plain_ascii(b"a  b"));
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
        assert_eq!(code(&format!("ab{}", "\u{0301}".repeat(300))), "too_long");
        assert_eq!(code(&"x".repeat(1 << 20)), "too_long");
    }

    #[test]
    fn no_character_has_more_marks_than_scripts_have() {
        for real in [
            "ཧྐྵྨླྺྼྻྂ",
            "Phở bò tái nạm gầu gân sách",
            "ก๋วยเตี๋ยวเรือน้ำตก",
            "בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים",
            "بِسْمِ ٱللَّٰهِ",
            "မြန်မာကြွှို့",
            "က្រុង ឝ្រ៊ី",
            "शक्ति र्क्ष्म्य",
            "1\u{FE0F}\u{20E3} 👩🏽‍❤️‍💋‍👨🏿",
        ] {
            assert_eq!(code(real), "ok", "{real}");
        }
        for mark in ["\u{301}", "\u{316}", "\u{E47}", "\u{489}"] {
            let with = |count| code(&format!("x{}y", mark.repeat(count)));
            assert_eq!(with(3), "ok", "{mark:?}");
            assert_eq!(with(4), "bad_item", "{mark:?}");
        }
        let mixed = "\u{489}\u{334}\u{316}\u{301}".repeat(2);
        assert_eq!(code(&format!("x{mixed}y")), "ok");
        assert_eq!(code(&format!("x{mixed}\u{20DD}y")), "bad_item");
        // An invisible character is not a new character for marks to stand on.
        for between in ['\u{FE0F}', '\u{200D}', '\u{34F}', '\u{200B}'] {
            let two = "\u{301}".repeat(2);
            let text = format!("❤{two}{between}{two}");
            assert_eq!(code(&text), "bad_item", "{between:?}");
        }
        assert_eq!(code("\u{301}pizza"), "bad_item");
        assert_eq!(code("Z̴̡͓̗̿͋̑͐a̷̢̛͖͉̐̽̑l̶̰̄̒̈́g̸̢̈́̈́͝ö̸̡̩́̚"), "bad_item");
    }

    #[test]
    fn what_shows_nothing_is_empty() {
        for nothing in [
            "\u{2800}",
            "\u{FFFC}",
            "\u{3164}",
            "\u{115F}",
            "\u{1160}",
            "\u{115F}\u{1160}",
            "\u{FFA0}",
            "\u{E0041}\u{E007F}",
            "\u{FE0F}",
            "\u{E0100}",
            "\u{AD}",
            "\u{34F}",
            "\u{61C}",
            "\u{17B4}",
            "\u{180B}",
            "\u{180E}",
            "\u{200E}\u{200F}",
            "\u{2060}\u{2061}\u{2064}\u{206F}",
            "\u{3000}",
            "\u{A0}\u{2003} \u{202F}",
            "\u{FFF9}\u{FFFB}",
            "\u{1D173}",
            "\u{1BCA0}",
            "\u{1D159}",
            "\u{301}",
            "\u{20DD}",
            "\u{2065}",
            "\u{FFF0}",
            "\u{E0001}",
            "\u{E0FFF}",
            "\u{13430}",
            "\u{13441}",
        ] {
            assert_eq!(code(nothing), "empty", "{nothing:?}");
            assert_eq!(code(&nothing.repeat(30)), "empty", "{nothing:?}");
            assert_eq!(code(&format!(" {nothing}\u{200B}")), "empty", "{nothing:?}");
        }
        for seen in [
            "⠓", "。", "\u{FFFD}", "\u{E000}", "ᄀ", "\u{600}", "🏽", "-",
        ] {
            assert_eq!(code(seen), "ok", "{seen:?}");
        }
    }

    /// Each of the spellings becomes the form.
    fn assert_becomes(form: &str, spellings: &[&str]) {
        for text in spellings.iter().chain([&form]) {
            assert_eq!(clean("the item", text, 80).as_deref(), Ok(form), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_makes_no_other_text() {
        let idle = [
            '\u{AD}',
            '\u{34F}',
            '\u{61C}',
            '\u{115F}',
            '\u{1160}',
            '\u{17B4}',
            '\u{180B}',
            '\u{180E}',
            '\u{200B}',
            '\u{200C}',
            '\u{200D}',
            '\u{200E}',
            '\u{200F}',
            '\u{2060}',
            '\u{2064}',
            '\u{206F}',
            '\u{FE00}',
            '\u{FE0E}',
            '\u{FE0F}',
            '\u{FFF9}',
            '\u{FFFC}',
            '\u{E0067}',
            '\u{E007F}',
            '\u{E0100}',
        ];
        for c in idle {
            for (text, form) in [
                (format!("pizza{c}"), "pizza"),
                (format!("{c}pizza"), "pizza"),
                (format!("piz{c}{c}za"), "pizza"),
                (format!("김치{c}찌개"), "김치찌개"),
                (format!("{c}김치 {c} 찌개{c}"), "김치 찌개"),
                (format!("cafe{c}\u{301}"), "café"),
                (format!("🍕{c}"), "🍕"),
                (format!("2{c}x"), "2x"),
            ] {
                // That selector shows the picture as text.
                if (form, c) != ("🍕", '\u{FE0E}') {
                    assert_becomes(form, &[&text]);
                }
            }
        }
        assert_becomes(
            "김치 찌개",
            &[
                "김치  찌개",
                "김치\u{A0}찌개",
                "김치\u{3000}찌개",
                "김치 \u{2009}\u{200B} 찌개",
                "김치\u{3164}찌개\u{3164}",
                "\u{2800}김치\u{2800}찌개",
            ],
        );
        assert_becomes("fish and chips", &["fish  and   chips"]);
    }

    /// A text of a hundred thousand characters would take hours if each were compared with
    /// all others.
    #[test]
    fn the_work_grows_with_the_length_alone() {
        const LONG: usize = 100_000;
        for unseen in ['\u{200C}', '\u{200D}', '\u{FE0F}', '\u{E0067}', '\u{200B}'] {
            let many = unseen.to_string().repeat(LONG);
            assert_becomes("pizza", &[&format!("pizza{many}")]);
            // Marks are looked over for what is before them.
            let marks = "\u{5B0}".repeat(700);
            assert_eq!(code(&format!("x{marks}{many}")), "too_long", "{unseen:?}");
            let viramas = format!("\u{94D}{unseen}").repeat(500);
            assert_eq!(code(&format!("क{viramas}{many}")), "too_long", "{unseen:?}");
        }
    }

    #[test]
    fn what_changes_how_a_text_looks_stays() {
        for text in [
            "👨‍👩‍👧‍👦",
            "👩🏽‍🚀",
            "❤️‍🔥",
            "🏳️‍🌈",
            "🏴‍☠️",
            "👁️‍🗨️",
            "☕︎",
            "☕",
            "❤",
            "❤️",
            "1️⃣",
            "🇰🇷",
            "🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}",
            // Persian: two words written as one, and the short form of a year's name.
            "می‌خواهم",
            "کتاب‌ها",
            "ه‍",
            // Marathi, Sinhala, Malayalam (old and new), Bengali, Khmer.
            "र्‍य",
            "शक्‌ति",
            "ශ්‍රී",
            "അവന്‍",
            "അവൻ",
            "র‍্যাব",
            "ប៊‌ី",
            // Mongolian, and a Japanese place whose name has its own form of a letter.
            "ᠰᠠᠶᠢᠨ\u{180E}ᠠ",
            "ᠠ\u{180B}",
            "葛\u{E0100}城",
        ] {
            assert_becomes(text, &[]);
        }
        assert_becomes("🍕", &["🍕\u{FE0F}", "🍕\u{200D}"]);
        assert_becomes("❤️", &["❤️\u{FE0F}", "❤️\u{FE0E}"]);
        assert_becomes(
            "🏴",
            &[
                "🏴\u{E0078}\u{E0078}\u{E007F}",
                "🏴\u{E0067}\u{E0062}\u{E0065}",
            ],
        );
        assert_becomes("کتاب", &["کتاب\u{200C}", "\u{200C}کتاب", "کت\u{200D}اب"]);
        assert_becomes("می‌خواهم", &["می\u{200C}\u{200C}خواهم", "می‌خوا\u{200C}هم"]);
        assert_becomes(
            "किताब",
            &["कि\u{200C}ताब", "कि\u{200D}ताब", "किताब\u{200C}"],
        );
    }
}
