//! What the tests of several files here need.

use tablecast_core::logic::{Logic, Member, Rejection};
use tablecast_core::{App, MemberId};

/// A room in which nothing happens.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Nothing;

impl Logic for Nothing {
    type Command = ();
    type Event = ();

    fn decide(&self, _: Member<'_>, (): &()) -> Result<Vec<()>, Rejection> {
        Ok(Vec::new())
    }

    fn apply(&mut self, _: MemberId, (): &()) {}
}

impl App for Nothing {}
