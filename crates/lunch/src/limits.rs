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
    const ITEM: usize = AROUND + 2 * TEXT + MAX_VOTES * MEMBER;
    const CANDIDATE: usize = AROUND + 2 * TEXT;
    const CONTRIBUTIONS: usize = MAX_CONTRIBUTIONS * (AROUND + TEXT + 64);
    const ONCE: usize = 1024 + 2 * TEXT + 2 * CONTRIBUTIONS + CANDIDATE;
    // A draw under way, and a decided one.
    ONCE.saturating_add(max_items.saturating_mul(ITEM + 2 * CANDIDATE))
}

pub(crate) fn clean_item(item: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the item", item, MAX_ITEM_GRAPHEMES)
}

pub(crate) fn clean_title(title: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the title", title, MAX_TITLE_GRAPHEMES)
}
