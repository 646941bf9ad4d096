//! Invisible characters: blanks become spaces, and other invisible characters stay only
//! where they change how the text looks. The rules use Unicode properties; only characters
//! without a suitable property are listed.

use std::str::Chars;

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
/// makes a run of blanks one space. The work grows with the length alone, whatever the text is:
/// no character is looked at again for each invisible one.
pub(super) fn drop_idle(text: &str) -> String {
    let mut kept = Before::with_capacity(text.len());
    let mut rest = Behind::new(text);
    while let Some(c) = rest.next() {
        let stays = match c {
            ' ' => kept.last().is_some_and(|last| last != ' '),
            ZWJ => joins(&kept, &mut rest),
            ZWNJ => parts(&kept, &mut rest),
            MONGOLIAN_VOWEL_SEPARATOR => {
                let is_letter = |c: Option<char>| c.is_some_and(is_mongolian);
                is_letter(kept.last()) && is_letter(rest.first())
            }
            c if is_selector(c) => selects(kept.last(), c, rest.first()),
            c if is_tag(c) => {
                if let Some(tags) = flag(kept.last(), c, rest.as_str()) {
                    kept.push(c);
                    for _ in 0..tags {
                        kept.extend(rest.next());
                    }
                }
                false
            }
            _ => true,
        };
        if stays {
            kept.push(c);
        }
    }
    kept.into_trimmed()
}

/// What is kept of a text so far, and what the rules of joiners ask of it.
#[derive(Default)]
struct Before {
    text: String,
    /// The last character that is neither a mark nor a selector.
    base: Option<char>,
    /// Of the last character that is not transparent for joining.
    joining: Option<JoiningType>,
    /// Whether the letter before has lost its vowel, so that Indic scripts join it to the next one.
    has_virama: bool,
}

impl Before {
    fn with_capacity(bytes: usize) -> Self {
        Before {
            text: String::with_capacity(bytes),
            ..Before::default()
        }
    }

    fn last(&self) -> Option<char> {
        self.text.chars().next_back()
    }

    fn push(&mut self, c: char) {
        self.text.push(c);
        let is_mark = is_mark(c);
        if !is_mark && !is_selector(c) && !is::<EmojiModifier>(c) {
            self.base = Some(c);
        }
        if is_opaque(c) {
            self.joining = Some(joining(c));
        }
        let is_sign = is_mark || category(c) == GeneralCategory::SpacingMark;
        self.has_virama = is_sign && (self.has_virama || is_virama(c));
    }

    fn into_trimmed(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text
    }
}

impl Extend<char> for Before {
    fn extend<T: IntoIterator<Item = char>>(&mut self, chars: T) {
        chars.into_iter().for_each(|c| self.push(c));
    }
}

/// What is still to be read of a text.
struct Behind<'a> {
    rest: Chars<'a>,
    /// Of the next character that is not transparent for joining, and how many bytes there are from
    /// it on. It is the next one until it is read.
    joining: Option<(usize, Option<JoiningType>)>,
}

impl<'a> Behind<'a> {
    fn new(text: &'a str) -> Self {
        Behind {
            rest: text.chars(),
            joining: None,
        }
    }

    fn as_str(&self) -> &'a str {
        self.rest.as_str()
    }

    fn next(&mut self) -> Option<char> {
        self.rest.next()
    }

    fn first(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn joining(&mut self) -> Option<JoiningType> {
        let bytes = self.as_str().len();
        if let Some((from, joining)) = self.joining
            && from <= bytes
        {
            return joining;
        }
        let mut opaque = self.as_str().char_indices().filter(|(_, c)| is_opaque(*c));
        let (from, joining) = match opaque.next() {
            Some((at, c)) => (bytes - at, Some(joining(c))),
            None => (0, None),
        };
        self.joining = Some((from, joining));
        joining
    }
}

fn is_virama(c: char) -> bool {
    canonical_combining_class(c) == VIRAMA
}

/// Whether it is not skipped where letters join.
fn is_opaque(c: char) -> bool {
    joining(c) != JoiningType::Transparent && !is_ignorable(c)
}

/// Whether the neighbours join.
fn neighbours(before: &Before, behind: &mut Behind<'_>) -> (bool, bool) {
    use JoiningType as J;
    (
        matches!(
            before.joining,
            Some(J::DualJoining | J::LeftJoining | J::JoinCausing)
        ),
        matches!(
            behind.joining(),
            Some(J::DualJoining | J::RightJoining | J::JoinCausing)
        ),
    )
}

fn is_joiner(c: Option<char>) -> bool {
    matches!(c, Some(ZWJ | ZWNJ))
}

/// Whether a zero width joiner changes something: two pictures become one, a letter is
/// shown in its joined form without a neighbour, or an Indic letter takes its half form.
fn joins(before: &Before, behind: &mut Behind<'_>) -> bool {
    let (last, next) = (before.last(), behind.first());
    if is_joiner(last) {
        return false;
    }
    let is_picture = |c: Option<char>| c.is_some_and(is::<ExtendedPictographic>);
    if is_picture(before.base) && is_picture(next) {
        return true;
    }
    let (left, right) = neighbours(before, behind);
    before.has_virama || left != right || (last.is_some() && next.is_some_and(is_virama))
}

/// Whether a zero width non-joiner changes something: it separates letters that would join
/// (RFC 5892, A.1), or prevents an Indic or Khmer sign from changing its form.
fn parts(before: &Before, behind: &mut Behind<'_>) -> bool {
    let last = before.last();
    if is_joiner(last) {
        return false;
    }
    let is_letter = behind.first().is_some_and(char::is_alphabetic);
    // MUUSIKATOAN and TRIISAP, which would change their place before a vowel sign.
    let is_shifted = matches!(last, Some('\u{17C9}' | '\u{17CA}'));
    neighbours(before, behind) == (true, true) || (is_letter && (before.has_virama || is_shifted))
}

fn is_mongolian(c: char) -> bool {
    script(c) == Script::Mongolian && c.is_alphabetic()
}

/// Whether the character before has the form that the selector chooses.
fn selects(before: Option<char>, selector: char, next: Option<char>) -> bool {
    let Some(base) = before else {
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

/// How many tags follow this one in a flag; `None` without a flag.
fn flag(before: Option<char>, tag: char, behind: &str) -> Option<usize> {
    if before != Some(BLACK_FLAG) {
        return None;
    }
    let tags_of = |name: &str| {
        let tags = name
            .chars()
            .filter_map(|c| char::from_u32(0xE_0000 + u32::from(c)));
        tags.chain([END_OF_TAGS]).collect::<String>()
    };
    let mut flags = FLAGS.iter().map(|name| tags_of(name));
    flags.find_map(|tags| {
        let following = tags.strip_prefix(tag)?;
        behind
            .starts_with(following)
            .then(|| following.chars().count())
    })
}
