//! Properties of the small functions that all other code relies on.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use tablecast_protocol::position::Order;
use tablecast_protocol::text::{MAX_TEXT_BYTES, clean};
use tablecast_protocol::{Epoch, Position};
use unicode_normalization::{UnicodeNormalization, is_nfc};
use unicode_segmentation::UnicodeSegmentation;

/// Text from an attacker or an unusual keyboard: any characters, many of them edge cases of
/// the rules.
fn any_text() -> impl Strategy<Value = String> {
    let corner = prop::sample::select(vec![
        ' ',
        '\t',
        '\n',
        '\0',
        '\u{85}',
        '\u{A0}',
        '\u{AD}',
        '\u{300}',
        '\u{301}',
        '\u{327}',
        '\u{345}',
        '\u{34F}',
        '\u{1100}',
        '\u{1161}',
        '\u{11A8}',
        '\u{1160}',
        '\u{1FEF}',
        '\u{2000}',
        '\u{200B}',
        '\u{200D}',
        '\u{2028}',
        '\u{202E}',
        '\u{2066}',
        '\u{2126}',
        '\u{212A}',
        '\u{3000}',
        '\u{3164}',
        '\u{AC00}',
        '\u{FB1D}',
        '\u{FE0F}',
        '\u{FEFF}',
        '\u{1F1F0}',
        '\u{1F468}',
        '\u{1F3FD}',
        '\u{1D160}',
        '\u{E0041}',
        '\u{2F800}',
        '\u{93C}',
        '\u{94D}',
        '\u{915}',
        '\u{628}',
        '\u{627}',
        '\u{200C}',
        '\u{1820}',
        '\u{180B}',
        '\u{180E}',
        '\u{17CA}',
        '\u{1B44}',
        '\u{2764}',
        '\u{1F3F4}',
        '\u{20E3}',
        '\u{845B}',
        '\u{E0100}',
        '\u{2800}',
        '\u{FFFC}',
        '\u{316}',
    ]);
    let character =
        || prop_oneof![3 => corner.clone(), 2 => any::<char>(), 2 => prop::char::range(' ', '~')];
    prop_oneof![
        prop::collection::vec(character(), 0..12),
        prop::collection::vec(character(), 0..200),
        // One character many times: the limits are reached exactly.
        (character(), 0..1600usize).prop_map(|(c, times)| vec![c; times]),
        // Three times as long before composition.
        (0..200usize).prop_map(|times| ['\u{1112}', '\u{1161}', '\u{11AB}'].repeat(times)),
    ]
    .prop_map(String::from_iter)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// The output is within its limits and in normal form.
    #[test]
    fn a_clean_text_keeps_every_promise(text in any_text(), most in 0..200usize) {
        let Ok(clean) = clean("the item", &text, most) else { return Ok(()) };
        prop_assert!(!clean.is_empty() && clean.len() <= MAX_TEXT_BYTES);
        prop_assert!(clean.graphemes(true).count() <= most);
        prop_assert!(is_nfc(&clean));
        prop_assert_eq!(clean.trim(), &*clean);
        prop_assert!(!clean.chars().any(char::is_control));
        let is_other_blank = |c: char| c.is_whitespace() && c != ' ';
        prop_assert!(!clean.contains("  ") && !clean.contains(is_other_blank));
        let overrides = ['\u{202A}', '\u{202B}', '\u{202C}', '\u{202D}', '\u{202E}'];
        prop_assert!(!clean.contains(overrides));
    }

    /// Cleaning a clean text again changes nothing.
    #[test]
    fn cleaning_is_idempotent(text in any_text(), most in 0..200usize) {
        if let Ok(once) = clean("the item", &text, most) {
            prop_assert_eq!(clean("the item", &once, most), Ok(once.clone()));
        }
    }

    /// Two spellings of one text have the same form, or are both refused: also at the
    /// limits, where one spelling is longer than the other.
    #[test]
    fn equal_texts_are_cleaned_alike(text in any_text(), most in 0..200usize) {
        let composed: String = text.nfc().collect();
        let code = |rejection: tablecast_protocol::Rejection| rejection.code;
        let as_is = clean("the item", &text, most).map_err(code);
        prop_assert_eq!(as_is, clean("the item", &composed, most).map_err(code));
    }

    /// A rejection says which rule was broken.
    #[test]
    fn a_refused_text_is_refused_for_a_reason(text in any_text(), most in 1..200usize) {
        let Err(rejection) = clean("the item", &text, most) else { return Ok(()) };
        let nfc: String = text.trim().nfc().collect();
        match rejection.code.as_str() {
            "empty" => prop_assert!(!nfc.chars().any(|c| c.is_ascii_graphic())),
            "too_long" => prop_assert!(
                nfc.len() > MAX_TEXT_BYTES || nfc.graphemes(true).count() > most
            ),
            "bad_item" => prop_assert!(!nfc.is_ascii() || nfc.chars().any(char::is_control)),
            other => prop_assert!(false, "an unknown code: {}", other),
        }
    }

    /// The order is exactly the one that a list of seqs shows.
    #[test]
    fn events_stand_to_a_position_as_their_seqs_do(
        seq in 0..40u64,
        first in 1..50u64,
        count in 1..30usize,
        same_epoch in prop::bool::weighted(0.9),
    ) {
        let here = Position { epoch: Epoch(7), seq };
        let epoch = Epoch(if same_epoch { 7 } else { 8 });
        let known = (first..first + count as u64).filter(|at| *at <= seq).count();
        let expected = if !same_epoch {
            Order::OtherEpoch
        } else if first > seq + 1 {
            Order::Gap
        } else if known == count {
            Order::Old
        } else if known == 0 {
            Order::Next
        } else {
            Order::Overlap { known }
        };
        prop_assert_eq!(here.order(epoch, first, count), expected);
    }

    /// A reader that follows the order gets every event once, however publications arrive.
    #[test]
    fn obeying_the_order_applies_each_event_once(
        publications in prop::collection::vec((1..60u64, 1..20usize), 0..100),
    ) {
        let mut here = Position { epoch: Epoch(7), seq: 0 };
        let mut applied = Vec::new();
        for (first, count) in publications {
            let seqs: Vec<u64> = (first..first + count as u64).collect();
            let new = match here.order(Epoch(7), first, count) {
                Order::Next => &seqs[..],
                Order::Overlap { known } => &seqs[known..],
                Order::Old | Order::Gap | Order::OtherEpoch => &[],
            };
            applied.extend_from_slice(new);
            here = here.after(new.len());
        }
        prop_assert_eq!(applied, (1..=here.seq).collect::<Vec<u64>>());
    }
}

/// The limit that is checked before normalising relies on this: composing never makes a
/// text shorter than a third.
#[test]
fn composing_a_character_never_makes_it_shorter_than_a_third() {
    for c in '\0'..=char::MAX {
        let decomposed: String = std::iter::once(c).nfd().collect();
        for text in [c.to_string(), decomposed] {
            let composed: String = text.nfc().collect();
            assert!(3 * composed.len() >= text.len(), "U+{:04X}", u32::from(c));
        }
    }
}

#[test]
fn the_bound_in_bytes_is_exact() {
    // Eleven bytes for one character: the letter, and marks below and above.
    let one = "w\u{331}\u{332}\u{330}\u{305}\u{304}";
    let at_bound = format!("{}xxxxxx", one.repeat(46));
    assert_eq!(at_bound.len(), MAX_TEXT_BYTES);
    assert_eq!(clean("the item", &at_bound, 80).as_deref(), Ok(&*at_bound));
    let beyond = format!("{at_bound}x");
    let beyond = clean("the item", &beyond, 80);
    assert_eq!(
        beyond.map_err(|rejection| rejection.code.as_str()),
        Err("too_long")
    );
}
