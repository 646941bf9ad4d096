//! Decisions, and the result that outlives the room.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

use crate::draw::Drawn;
use crate::item::Candidate;

/// How to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The item with the most votes; if several have the most, a draw among them.
    Votes,
    /// A draw among all items.
    Draw,
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decision {
    /// How it was made.
    pub how: How,
    /// 1, 2, 3… in a room; absent: a server of the version before ran then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// When it was made (store's clock, ms since 1970); absent as the number is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<u64>,
    /// The member who had the votes counted, or started the draw; absent: a deadline did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<MemberId>,
    /// Their name at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// True: a deadline had the votes counted, or started the draw.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deadline: bool,
    /// The item that won.
    pub winner: Candidate,
    /// The draw, if there was one.
    pub draw: Option<Drawn>,
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl Decision {
    /// What is kept of it once there is a newer one: with the draws of all, a state could be three
    /// times as long.
    pub(crate) fn without_draw(&self) -> Self {
        let draw = None;
        Decision {
            draw,
            ..self.clone()
        }
    }
}

/// The result of a room, which outlives it: the decision and the menu at that time.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Keepsake {
    /// What the room was called.
    pub title: Option<Arc<str>>,
    /// The decision.
    pub decision: Arc<Decision>,
    /// The menu as it was then.
    pub menu: Vec<Candidate>,
}
