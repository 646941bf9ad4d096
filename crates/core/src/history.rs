//! The recent events of a room: one memory for members who come back, for nodes
//! that catch up, and for commands that arrive a second time.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::backend::LOG_EVENTS;
use crate::id::OpId;
use crate::room::Event;

/// The last [`LOG_EVENTS`] events, contiguous, oldest first.
#[derive(Debug)]
pub struct History<E> {
    events: VecDeque<Arc<Event<E>>>,
}

impl<E> Default for History<E> {
    fn default() -> Self {
        History {
            events: VecDeque::new(),
        }
    }
}

impl<E> History<E> {
    /// Adds the next event. If it does not follow the last one, the history starts over
    /// with it, because a gap must never be hidden.
    pub fn push(&mut self, event: Arc<Event<E>>) {
        if self
            .events
            .back()
            .is_some_and(|last| last.seq + 1 != event.seq)
        {
            self.events.clear();
        }
        if self.events.len() == LOG_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// All events after this seq, if they are remembered without a gap up to
    /// `newest`.
    pub fn since(
        &self,
        seq: u64,
        newest: u64,
    ) -> Option<impl Iterator<Item = &Arc<Event<E>>> + Clone> {
        if seq > newest {
            return None;
        }
        let missing = (newest - seq) as usize;
        let reaches = missing <= self.events.len()
            && (missing == 0 || self.events.back().is_some_and(|last| last.seq == newest));
        reaches.then(|| self.events.range(self.events.len() - missing..))
    }

    /// All remembered events, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Event<E>>> {
        self.events.iter()
    }

    /// The events that a command made, up to the one with this seq and without another between
    /// them, newest first.
    pub fn made_by(&self, id: OpId, seq: u64) -> impl Iterator<Item = &Event<E>> {
        let newest = self.events.back().map_or(0, |event| event.seq);
        let newer = newest.saturating_sub(seq) as usize;
        let events = self.events.iter().rev().skip(newer);
        events
            .take_while(move |event| event.is_of(id))
            .map(|event| &**event)
    }

    /// The last event that a command made.
    pub fn find_op(&self, id: OpId) -> Option<&Event<E>> {
        self.events
            .iter()
            .rev()
            .find(|event| event.is_of(id))
            .map(|event| &**event)
    }
}
