//! The limits of a table and of its texts.

use std::borrow::Cow;

use tablecast_core::Rejection;
use tablecast_core::text::{MAX_TEXT_BYTES, clean};

/// The longest item, in characters as people count them: about two lines on a phone.
pub const MAX_ITEM_GRAPHEMES: usize = 80;

/// The longest title of a room, in characters as people count them.
pub const MAX_TITLE_GRAPHEMES: usize = 60;

/// The most votes for one item. Votes of members who left are kept, so without a limit a
/// client that joins, votes and leaves again and again would grow the state for ever.
pub const MAX_VOTES: usize = 200;

/// The most votes that [`Rules`](crate::Rules) may give to each: as many as a large menu has items.
pub const MAX_VOTES_EACH: u32 = 100;

/// A deadline is at least so far away (ms), so that everybody sees it come.
pub const MIN_DEADLINE_MS: u64 = 5_000;

/// A deadline is at most so far away (ms): by default no room lives longer.
pub const MAX_DEADLINE_MS: u64 = 24 * 60 * 60 * 1_000;

/// A draw that a deadline starts, or finds under way, ends so much later (ms): time enough for
/// everybody's client to contribute over a slow network.
pub(crate) const DRAW_MS: u64 = 5_000;

/// A room's members are nudged once within so much time (ms).
pub const NUDGE_MS: u64 = 60_000;

/// How many earlier decisions are kept: a few changes of mind, and a state that stays small.
pub const MAX_PAST: usize = 5;

/// How many of the last removed items can be restored.
pub const MAX_REMOVED: usize = 20;

/// The most contributions to one draw. Members who left are counted, so it is limited for
/// the same reason as the votes.
pub const MAX_CONTRIBUTIONS: usize = 100;

/// The maximum size of a [`Table`](crate::Table) with at most `max_items` items as JSON, in
/// bytes.
pub fn max_table_bytes(max_items: usize) -> usize {
    // Each grapheme may contain one character that JSON escapes. A name has at most as many
    // graphemes as an item.
    const TEXT: usize = MAX_TEXT_BYTES + MAX_ITEM_GRAPHEMES;
    // A member's id, which is a seq of the room's history, and a comma. No room reaches ten
    // million events within a day.
    const MEMBER: usize = 8;
    // Keys, numbers, and punctuation.
    const AROUND: usize = 100;
    // Votes and vetoes, and everybody once more among those who have voted.
    const ITEM: usize = AROUND + 2 * TEXT + 3 * MAX_VOTES * MEMBER;
    const CANDIDATE: usize = AROUND + 2 * TEXT;
    const CONTRIBUTIONS: usize = MAX_CONTRIBUTIONS * (AROUND + TEXT + 64);
    // A draw under way, and a decided one.
    const DRAWS: usize = 2;
    const DRAW: usize = 4 * AROUND + TEXT + CANDIDATE + CONTRIBUTIONS;
    const PAST: usize = MAX_PAST * (4 * AROUND + TEXT + CANDIDATE);
    const ONCE: usize = 1024 + 2 * TEXT + DRAWS * DRAW + PAST + MAX_REMOVED * ITEM;
    ONCE.saturating_add(max_items.saturating_mul(ITEM + DRAWS * CANDIDATE))
}

pub(crate) fn clean_item(item: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the item", item, MAX_ITEM_GRAPHEMES)
}

pub(crate) fn clean_title(title: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the title", title, MAX_TITLE_GRAPHEMES)
}
