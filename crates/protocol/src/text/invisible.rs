//! Invisible characters: blanks become spaces, and other invisible characters stay only
//! where they change how the text looks. The rules use Unicode properties; only characters
//! without a suitable property are listed.

use icu_properties::props::{
    BinaryProperty, DefaultIgnorableCodePoint, Emoji, EmojiModifier, EmojiPresentation,
    ExtendedPictographic, GeneralCategory, Ideographic, JoiningType, PrependedConcatenationMark,
    Script,
};
use icu_properties::{CodePointMapData, CodePointSetData};
use unicode_normalization::char::canonical_combining_class;

const ZWNJ: char = '\u{200C}';
const ZWJ: char = '\u{200D}';
/// Select the form of a character: as text, or as a picture.
const AS_TEXT: char = '\u{FE0E}';
const AS_PICTURE: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';
const MONGOLIAN_VOWEL_SEPARATOR: char = '\u{180E}';

/// Flags of parts of a country, the only ones made of tag characters: a black flag with the
/// letters of England, Scotland or Wales (`RGI_Emoji_Tag_Sequence` of UTS 51).
const FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];
const BLACK_FLAG: char = '\u{1F3F4}';
const END_OF_TAGS: char = '\u{E007F}';

/// Combining class of the sign that removes a letter's vowel and so joins it to the next letter.
const VIRAMA: u8 = 9;

fn is<P: BinaryProperty>(c: char) -> bool {
    CodePointSetData::new::<P>().contains(c)
}

fn script(c: char) -> Script {
    CodePointMapData::<Script>::new().get(c)
}

fn category(c: char) -> GeneralCategory {
    CodePointMapData::<GeneralCategory>::new().get(c)
}

fn joining(c: char) -> JoiningType {
    CodePointMapData::<JoiningType>::new().get(c)
}

/// Whether it is drawn on the character before it.
pub(super) fn is_mark(c: char) -> bool {
    use GeneralCategory::{EnclosingMark, NonspacingMark};
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    matches!(category, NonspacingMark | EnclosingMark) && !is_ignorable(c)
}

/// Whether programs that do not support it draw nothing (the Unicode property).
pub(super) fn is_ignorable(c: char) -> bool {
    is::<DefaultIgnorableCodePoint>(c) && !is_blank(c)
}

/// White space, and characters that are empty by design: Hangul fillers, the empty Braille
/// cell, a note without a head, and blanks between hieroglyphs.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '\u{2800}' | '\u{3164}' | '\u{FFA0}' | '\u{1D159}' | '\u{13441}' | '\u{13442}'
        )
}

/// Annotations and the object replacement character: invisible, although not ignorable by their property.
fn is_annotation(c: char) -> bool {
    matches!(c, '\u{FFF9}'..='\u{FFFC}')
}

/// Whether it is visible on its own.
pub(super) fn is_seen(c: char) -> bool {
    let is_format =
        || category(c) == GeneralCategory::Format && !is::<PrependedConcatenationMark>(c);
    !(is_blank(c) || is_ignorable(c) || is_annotation(c) || is_mark(c) || is_format())
}

/// Whether the normal form of a text may leave it out.
pub(super) fn may_go(c: char) -> bool {
    is_ignorable(c) || is_annotation(c) || (is_blank(c) && c != ' ')
}

/// Whether it never changes anything, whatever its neighbours are.
fn is_always_idle(c: char) -> bool {
    is_annotation(c)
        || is_ignorable(c)
            && !matches!(c, ZWNJ | ZWJ | MONGOLIAN_VOWEL_SEPARATOR)
            && !is_selector(c)
            && !is_tag(c)
}

/// Chooses one of the forms of the character before it.
fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{180B}'..='\u{180D}' | '\u{180F}')
}

/// A tag character, which stands for the ASCII character of the same name.
fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0020}'..=END_OF_TAGS)
}

/// Removes all invisible characters; blanks become spaces.
pub(super) fn drop_all(text: &str) -> impl Iterator<Item = char> {
    let seen = text
        .chars()
        .filter(|c| !is_ignorable(*c) && !is_annotation(*c));
    seen.map(|c| if is_blank(c) { ' ' } else { c })
}

/// Removes characters that never change anything; blanks become spaces.
pub(super) fn drop_always(text: &str) -> impl Iterator<Item = char> {
    let kept = text.chars().filter(|c| !is_always_idle(*c));
    kept.map(|c| if is_blank(c) { ' ' } else { c })
}

/// Removes characters that change nothing at their place, from a text in NFC; trims it, and
/// makes a run of blanks one space.
pub(super) fn drop_idle(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let stays = match c {
            ' ' => !kept.is_empty() && !kept.ends_with(' '),
            ZWJ => joins(&kept, rest.as_str()),
            ZWNJ => parts(&kept, rest.as_str()),
            MONGOLIAN_VOWEL_SEPARATOR => {
                let is_letter = |c: Option<char>| c.is_some_and(is_mongolian);
                is_letter(kept.chars().next_back()) && is_letter(rest.clone().next())
            }
            c if is_selector(c) => selects(&kept, c, rest.clone().next()),
            c if is_tag(c) => {
                if let Some(behind) = flag(&kept, c, rest.as_str()) {
                    let length = rest.as_str().len() - behind.len();
                    kept.push(c);
                    kept.push_str(&rest.as_str()[..length]);
                    rest = behind.chars();
                }
                false
            }
            _ => true,
        };
        if stays {
            kept.push(c);
        }
    }
    kept.truncate(kept.trim_end().len());
    kept
}

/// The last character that is neither a mark nor a selector.
fn base(text: &str) -> Option<char> {
    text.chars()
        .rev()
        .find(|c| !is_mark(*c) && !is_selector(*c) && !is::<EmojiModifier>(*c))
}

/// Whether the letter before has lost its vowel, so that Indic scripts join it to the next one.
fn has_virama(text: &str) -> bool {
    let mut marks = text
        .chars()
        .rev()
        .take_while(|c| is_mark(*c) || is_spacing(*c));
    marks.any(|c| canonical_combining_class(c) == VIRAMA)
}

fn is_spacing(c: char) -> bool {
    category(c) == GeneralCategory::SpacingMark
}

/// Whether the neighbours join; characters that are transparent for joining are skipped.
fn neighbours(before: &str, behind: &str) -> (bool, bool) {
    use JoiningType as J;
    let is_opaque = |c: &char| joining(*c) != J::Transparent && !is_ignorable(*c);
    let before = before.chars().rev().find(is_opaque).map(joining);
    let behind = behind.chars().find(is_opaque).map(joining);
    (
        matches!(
            before,
            Some(J::DualJoining | J::LeftJoining | J::JoinCausing)
        ),
        matches!(
            behind,
            Some(J::DualJoining | J::RightJoining | J::JoinCausing)
        ),
    )
}

/// Whether a zero width joiner changes something: two pictures become one, a letter is
/// shown in its joined form without a neighbour, or an Indic letter takes its half form.
fn joins(before: &str, behind: &str) -> bool {
    if before.ends_with([ZWJ, ZWNJ]) {
        return false;
    }
    let next = behind.chars().next();
    let is_picture = |c: Option<char>| c.is_some_and(is::<ExtendedPictographic>);
    if is_picture(base(before)) && is_picture(next) {
        return true;
    }
    let is_virama = |c: char| canonical_combining_class(c) == VIRAMA;
    let (left, right) = neighbours(before, behind);
    has_virama(before) || left != right || (!before.is_empty() && next.is_some_and(is_virama))
}

/// Whether a zero width non-joiner changes something: it separates letters that would join
/// (RFC 5892, A.1), or prevents an Indic or Khmer sign from changing its form.
fn parts(before: &str, behind: &str) -> bool {
    if before.ends_with([ZWJ, ZWNJ]) {
        return false;
    }
    let next = behind.chars().next();
    let is_letter = next.is_some_and(char::is_alphabetic);
    // MUUSIKATOAN and TRIISAP, which would change their place before a vowel sign.
    let is_shifted = before.ends_with(['\u{17C9}', '\u{17CA}']);
    neighbours(before, behind) == (true, true) || (is_letter && (has_virama(before) || is_shifted))
}

fn is_mongolian(c: char) -> bool {
    script(c) == Script::Mongolian && c.is_alphabetic()
}

/// Whether the character before has the form that the selector chooses.
fn selects(before: &str, selector: char, next: Option<char>) -> bool {
    let Some(base) = before.chars().next_back() else {
        return false;
    };
    match selector {
        // Digits are shown as pictures only with a frame.
        AS_TEXT | AS_PICTURE if base.is_ascii() => is::<Emoji>(base) && next == Some(KEYCAP),
        AS_TEXT => is::<Emoji>(base),
        AS_PICTURE => is::<Emoji>(base) && !is::<EmojiPresentation>(base),
        '\u{180B}'..='\u{180F}' => is_mongolian(base),
        '\u{FE00}'
            if matches!(
                script(base),
                Script::Myanmar | Script::PhagsPa | Script::Manichaean
            ) =>
        {
            true
        }
        _ => is::<Ideographic>(base),
    }
}

/// The text after a flag that consists of this tag and the following ones; `None` without a flag.
fn flag<'a>(before: &str, tag: char, behind: &'a str) -> Option<&'a str> {
    if !before.ends_with(BLACK_FLAG) {
        return None;
    }
    let tags_of = |name: &str| {
        let tags = name
            .chars()
            .filter_map(|c| char::from_u32(0xE_0000 + u32::from(c)));
        tags.chain([END_OF_TAGS]).collect::<String>()
    };
    let mut flags = FLAGS.iter().map(|name| tags_of(name));
    flags.find_map(|tags| behind.strip_prefix(tags.strip_prefix(tag)?))
}
