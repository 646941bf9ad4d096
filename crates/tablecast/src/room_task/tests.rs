//! What the tests of several files here need.

use tablecast_core::logic::{Context, Logic, Rejection};
use tablecast_core::{App, MemberId};

/// A room in which nothing happens.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Nothing;

impl Logic for Nothing {
    type Command = ();
    type Event = ();

    fn decide(&self, _: &Context<'_>, (): &()) -> Result<Vec<()>, Rejection> {
        Ok(Vec::new())
    }

    fn apply(&mut self, _: Option<MemberId>, (): &()) {}
}

impl App for Nothing {}
