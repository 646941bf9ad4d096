//! What members see of a menu.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use tablecast::App;
use tablecast_core::Rejection;
use tablecast_core::text::MAX_TEXT_BYTES;

use super::{
    Command, Decision, Drawing, Event, Item, MAX_CONTRIBUTIONS, MAX_ITEM_GRAPHEMES, MAX_VOTES,
    Menu, NextDraw, commands,
};

/// The menu as the JSON dialect shows it: without its secret.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Menu")]
pub struct View<'a> {
    /// What the room is called.
    pub title: Option<&'a str>,
    /// The items in order of adding.
    pub items: &'a [Arc<Item>],
    /// How many items there may be.
    pub max_items: usize,
    /// The draw that may begin next.
    pub next_draw: &'a NextDraw,
    /// The draw that is under way.
    pub drawing: Option<&'a Drawing>,
    /// What was settled last.
    pub decision: Option<&'a Decision>,
}

/// The longest a [`View`] can be as JSON, in bytes, when the menu has at most
/// `max_items` items.
pub fn max_view_bytes(max_items: usize) -> usize {
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

/// The items alone, as the text dialect shows them.
#[derive(JsonSchema)]
pub(crate) struct Texts<'a>(#[schemars(with = "Vec<String>")] &'a [Arc<Item>]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| &item.item))
    }
}

impl Menu {
    /// What members see of it.
    pub fn shown(&self) -> View<'_> {
        View {
            title: self.title(),
            items: &self.items,
            max_items: self.max_items,
            next_draw: &self.settling.next_draw,
            drawing: self.settling.drawing.as_ref(),
            decision: self.decision(),
        }
    }
}

impl App for Menu {
    fn text_command(line: &str) -> Result<Command, Rejection> {
        commands::line(line)
    }

    fn changes_text(event: &Event) -> bool {
        match event {
            Event::Added { .. } | Event::Removed { .. } | Event::Restored(_) => true,
            Event::Voted { .. }
            | Event::Titled { .. }
            | Event::Extended {}
            | Event::Drawing(_)
            | Event::Contributed { .. }
            | Event::Decided(_) => false,
        }
    }

    fn text_state(&self) -> String {
        // Writing strings into memory cannot fail.
        serde_json::to_string(&Texts(&self.items)).unwrap_or_default()
    }

    fn view(&self) -> impl Serialize + '_ {
        self.shown()
    }
}
