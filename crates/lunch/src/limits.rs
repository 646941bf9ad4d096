//! How much there may be on a table, and how long a text may be.

use std::borrow::Cow;

use tablecast_core::Rejection;
use tablecast_core::text::{MAX_TEXT_BYTES, clean};

/// The longest item as people count characters; a line on a phone is half of it.
pub const MAX_ITEM_GRAPHEMES: usize = 80;

/// The longest title of a room as people count characters.
pub const MAX_TITLE_GRAPHEMES: usize = 60;

/// The most votes for one item. Votes of members who left are kept, so without a
/// bound somebody who joins, votes and leaves for ever would grow the state.
pub const MAX_VOTES: usize = 200;

/// How many of the items that were removed last can be restored.
pub const MAX_REMOVED: usize = 20;

/// The most contributions to one draw. Members who left are counted, so it
/// is bounded for the same reason as the votes.
pub const MAX_CONTRIBUTIONS: usize = 100;

/// The longest that a [`Table`](crate::Table) can be as JSON, in bytes, when it has at
/// most `max_items` items.
pub fn max_table_bytes(max_items: usize) -> usize {
    // Each character as people count them can be one that JSON escapes. A name
    // has at most as many of them as an item.
    const TEXT: usize = MAX_TEXT_BYTES + MAX_ITEM_GRAPHEMES;
    // A member's id, which is a place in the room's history, and a comma. Within a
    // day no room comes to ten million events.
    const MEMBER: usize = 8;
    // Keys, numbers, and what stands between them.
    const AROUND: usize = 100;
    const ITEM: usize = AROUND + 2 * TEXT + MAX_VOTES * MEMBER;
    const CANDIDATE: usize = AROUND + 2 * TEXT;
    const CONTRIBUTIONS: usize = MAX_CONTRIBUTIONS * (AROUND + TEXT + 64);
    const ONCE: usize = 1024 + 2 * TEXT + 2 * CONTRIBUTIONS + CANDIDATE;
    // A draw that is under way, and one that is decided.
    ONCE.saturating_add(max_items.saturating_mul(ITEM + 2 * CANDIDATE))
}

pub(crate) fn clean_item(item: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the item", item, MAX_ITEM_GRAPHEMES)
}

pub(crate) fn clean_title(title: &str) -> Result<Cow<'_, str>, Rejection> {
    clean("the title", title, MAX_TITLE_GRAPHEMES)
}
