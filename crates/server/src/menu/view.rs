//! What members see of a menu.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use tablecast::App;
use tablecast_core::Rejection;

use super::{Command, Decision, Drawing, Event, Item, Menu, NextDraw, commands};

/// The menu as the JSON dialect shows it: without its secret.
#[derive(Debug, Serialize)]
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

/// The items alone, as the text dialect shows them.
struct Texts<'a>(&'a [Arc<Item>]);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| &item.item))
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
            | Event::Drawing { .. }
            | Event::Contributed { .. }
            | Event::Decided(_) => false,
        }
    }

    fn text_state(&self) -> String {
        // Writing strings into memory cannot fail.
        serde_json::to_string(&Texts(&self.items)).unwrap_or_default()
    }

    fn view(&self) -> impl Serialize + '_ {
        View {
            title: self.title(),
            items: &self.items,
            max_items: self.max_items,
            next_draw: &self.next_draw,
            drawing: self.drawing.as_deref(),
            decision: self.decision(),
        }
    }
}
