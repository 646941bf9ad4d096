//! This node's copy of a room, with its last events.

use std::sync::Arc;

use bytes::Bytes;
use tablecast_core::backend::{BackendError, Loaded, Publication, Snapshot};
use tablecast_core::history::History;
use tablecast_core::position::{Epoch, Order, Position};
use tablecast_core::room::{Event, Events, Room};
use tablecast_core::stored::StoredError;
use tablecast_core::{App, OpId};

use crate::codec::Frames;
use crate::inspect::RoomHistory;

pub(crate) struct Replica<A: App> {
    pub(crate) room: Room<A>,
    pub(super) history: History<A::Event>,
}

impl<A: App> Replica<A> {
    /// The room as loaded from the store, if all of it was requested.
    ///
    /// # Errors
    /// [`BackendError::Corrupt`]: it cannot be read.
    pub(crate) fn of(loaded: &Loaded) -> Result<Self, BackendError> {
        let corrupt = |why: String| BackendError::Corrupt(why);
        let snapshot = loaded.snapshot.as_ref();
        let snapshot = snapshot.ok_or_else(|| corrupt("no snapshot".to_owned()))?;
        read_log::<A>(loaded)
            .and_then(|log| Replica::read(loaded.position.epoch, snapshot, log))
            .map_err(|error| corrupt(error.to_string()))
    }

    /// The room's oldest state that is stored, and its log, if all of it was requested.
    ///
    /// # Errors
    /// As for [`Replica::of`].
    pub(crate) fn history_of(loaded: &Loaded) -> Result<RoomHistory<A>, BackendError> {
        let corrupt = |why: String| BackendError::Corrupt(why);
        let snapshot = loaded.snapshot.as_ref();
        let Snapshot { seq, state } = snapshot.ok_or_else(|| corrupt("no snapshot".to_owned()))?;
        let position = Position {
            epoch: loaded.position.epoch,
            seq: *seq,
        };
        let read = || {
            Ok(RoomHistory::new(
                Room::decode(position, state)?,
                read_log::<A>(loaded)?,
            ))
        };
        read().map_err(|error: StoredError| corrupt(error.to_string()))
    }

    /// The room at this snapshot, with the whole log.
    ///
    /// # Errors
    /// The bytes are not a room of this application and version.
    pub(super) fn read(
        epoch: Epoch,
        snapshot: &Snapshot,
        log: Events<A>,
    ) -> Result<Self, StoredError> {
        let seq = snapshot.seq;
        let mut room = Room::decode(Position { epoch, seq }, &snapshot.state)?;
        let mut history = History::default();
        for event in log {
            if event.seq > seq {
                room.apply(&event);
            }
            history.push(event);
        }
        Ok(Replica { room, history })
    }

    /// Reads the new events of a publication: none, if all are known. `None` if events
    /// before it are missing, or it belongs to another history.
    ///
    /// # Errors
    /// The bytes are not events of this application.
    pub(super) fn read_next(
        &self,
        published: &Publication,
    ) -> Option<Result<Events<A>, StoredError>> {
        let (first, count) = (published.first, published.events.len());
        let known = match self.room.position.order(published.epoch, first, count) {
            Order::Old => count,
            Order::Next => 0,
            Order::Overlap { known } => known,
            Order::Gap | Order::OtherEpoch => return None,
        };
        Some(decode::<A>((first..).zip(&published.events).skip(known)))
    }

    /// What the sender of a command, whose last event has this seq, is told of its events if
    /// others see less of one of them; as far as they are remembered.
    pub(super) fn own(&self, id: OpId, seq: u64) -> Vec<&A::Event> {
        let events = || self.history.made_by(id, seq).filter_map(Event::of_app);
        if !events().any(A::is_secret) {
            return Vec::new();
        }
        let mut own: Vec<&A::Event> = events().collect();
        own.reverse();
        own
    }

    /// Applies the next events, which were committed elsewhere. Returns the text dialect's
    /// frames for them, at most about `limit` bytes; none without a limit.
    pub(super) fn advance(
        &mut self,
        events: &[Arc<Event<A::Event>>],
        text_limit: Option<usize>,
    ) -> Frames {
        let mut text = Frames::default();
        let mut is_behind = false;
        for command in events.chunk_by(|a, b| a.op.is_some() && a.op == b.op && a.by() == b.by()) {
            for event in command {
                self.room.apply(event);
                self.history.push(event.clone());
            }
            if let Some(limit) = text_limit.filter(|_| !is_behind) {
                show(&mut text, &self.room.logic, command);
                // Too much to show step by step: only the newest state counts.
                is_behind = text.len() > limit;
            }
        }
        if is_behind {
            text = Frames::default();
            text.text(&self.room.logic.text_state());
        }
        text
    }
}

/// Reads the loaded events of the log.
pub(super) fn read_log<A: App>(loaded: &Loaded) -> Result<Events<A>, StoredError> {
    let stored = loaded.events.iter();
    decode::<A>(stored.map(|stored| (stored.seq, &stored.event)))
}

/// Reads stored events, each with its seq.
fn decode<'a, A: App>(
    stored: impl Iterator<Item = (u64, &'a Bytes)>,
) -> Result<Events<A>, StoredError> {
    stored
        .map(|(seq, bytes)| Event::decode::<A>(seq, bytes).map(Arc::new))
        .collect()
}

/// Adds the state to the frames of the text dialect, if these events of one command have
/// changed it: one frame for each command.
pub(super) fn show<A: App>(text: &mut Frames, logic: &A, events: &[Arc<Event<A::Event>>]) {
    let is_shown = |event: &Arc<Event<A::Event>>| event.of_app().is_some_and(A::changes_text);
    if events.iter().any(is_shown) {
        text.text(&logic.text_state());
    }
}
