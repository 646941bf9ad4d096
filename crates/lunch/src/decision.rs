//! What was settled, and what stays of it when the room is gone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::MemberId;

use crate::draw::Drawn;
use crate::item::Candidate;

/// How it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The item with the most votes; among several of them, a draw.
    Votes,
    /// A draw among all items.
    Draw,
}

/// What was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Decision {
    /// How.
    pub how: How,
    /// Who had the votes counted, or started the draw.
    pub by: MemberId,
    /// Their name at that time.
    pub name: Arc<str>,
    /// What there will be.
    pub winner: Candidate,
    /// The draw, if there was one.
    pub draw: Option<Drawn>,
}

/// What stays of a room when it is gone: what was settled, and from what.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Keepsake {
    /// What the room was called.
    pub title: Option<Arc<str>>,
    /// What was settled.
    pub decision: Arc<Decision>,
    /// The menu as it was then.
    pub menu: Vec<Candidate>,
}
