//! The menu on the wire: lines typed by hand, and what both dialects show.

use std::sync::Arc;

use serde::{Serialize, Serializer};
use tablecast_core::{App, MemberId, Rejection, code};

use crate::command::{Add, Command, Target};
use crate::event::Event;
use crate::item::Item;
use crate::menu::Menu;

/// What a line of the text dialect may say.
const ALLOWED: &str = "say add:ITEM or remove:ITEM";

/// A pattern for valid lines, for JSON Schema.
pub const LINES: &str = r"^\s*([Aa][Dd][Dd]|[Rr][Ee][Mm][Oo][Vv][Ee])\s*:";

/// Only the items, as the text dialect shows them.
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Texts<'a>(
    #[cfg_attr(feature = "schema", schemars(with = "Vec<String>"))] &'a [Arc<Item>],
);

impl Serialize for Texts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|item| &item.item))
    }
}

impl App for Menu {
    // The second has rules, a deadline, a host, vetoes and earlier decisions; the third forgets the
    // votes of whoever was asked to leave.
    const VERSION: u32 = 3;

    fn text_command(line: &str) -> Result<Command, Rejection> {
        let bad = |found: &str| {
            Rejection::new(
                code::BAD_COMMAND,
                format!("{found} is not understood; {ALLOWED}"),
            )
        };
        // For such short lines this is faster than a search made for long texts.
        let Some(colon) = line.bytes().position(|byte| byte == b':') else {
            return Err(bad("a line without a colon"));
        };
        let word = line[..colon].trim();
        let item = line[colon + 1..].to_owned();
        if word.eq_ignore_ascii_case("add") {
            Ok(Command::Add(Add { item }))
        } else if word.eq_ignore_ascii_case("remove") {
            Ok(Command::Remove(Target {
                item: Some(item),
                number: None,
            }))
        } else {
            // Only the beginning is repeated, so that an answer does not grow with the
            // request. Debug escapes control characters, which a terminal would obey.
            let shown: String = word.chars().take(20).collect();
            Err(bad(&format!("the command {shown:?}")))
        }
    }

    fn changes_text(event: &Event) -> bool {
        event.changes_items()
    }

    fn text_state(&self) -> String {
        // Writing strings into memory cannot fail.
        serde_json::to_string(&Texts(&self.table.items)).unwrap_or_default()
    }

    fn show(event: &Event) -> impl Serialize + '_ {
        event.shown()
    }

    fn is_secret(event: &Event) -> bool {
        event.is_secret()
    }

    fn view(&self, viewer: Option<MemberId>) -> impl Serialize + '_ {
        self.seen_by(viewer)
    }

    fn has_secrets(&self) -> bool {
        !self.private.ballots.is_empty()
    }
}
