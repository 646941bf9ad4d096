//! How many marks a character may have: without a limit a few letters can cover everything
//! above and below them.

use icu_properties::CodePointMapData;
use icu_properties::props::GeneralCategory;
use unicode_normalization::char::canonical_combining_class;

use super::invisible::{is_ignorable, is_mark};
use super::{MAX_MARKS, MAX_PILED_MARKS, bad_item};
use crate::rejection::Rejection;

/// Checks a text in NFC, in which marks of the same side are adjacent.
pub(super) fn check(what: &str, text: &str) -> Result<(), Rejection> {
    if text.starts_with(is_mark) {
        return Err(bad_item(format!(
            "{what} must not begin with a mark, which has no character to stand on"
        )));
    }
    let (mut count, mut piled, mut last) = (0, 0, None);
    for c in text.chars() {
        if is_mark(c) {
            count += 1;
            piled = match last.replace(c) {
                Some(last) if is_same_side(last, c) => piled + 1,
                _ => 1,
            };
        } else if stands_alone(c) {
            (count, piled, last) = (0, 0, None);
        }
        if count > MAX_MARKS || piled > MAX_PILED_MARKS {
            return Err(bad_item(format!(
                "{what} has too many marks on one character: at most {MAX_MARKS}, and {MAX_PILED_MARKS} on the same side"
            )));
        }
    }
    Ok(())
}

/// Marks without a class (0) are placed by the rules of their script, so only equal marks
/// are known to be drawn at the same place.
fn is_same_side(one: char, other: char) -> bool {
    let class = canonical_combining_class(one);
    one == other || (class != 0 && class == canonical_combining_class(other))
}

/// Whether following marks belong to another character.
fn stands_alone(c: char) -> bool {
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    category != GeneralCategory::SpacingMark && !is_ignorable(c)
}
