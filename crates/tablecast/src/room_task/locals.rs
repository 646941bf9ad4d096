//! The connections of a room on this node, and what they are told.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tablecast_core::membership::{Membership, Presence};
use tablecast_core::room::{Change, Event, Room};
use tablecast_core::{CloseReason, ConnectionId, MemberId};

use crate::app::App;
use crate::channel::{Channel, Subscription};
use crate::codec::{Frame, Frames};
use crate::dialect::{Dialect, json};
use crate::fence::Fence;
use crate::metrics::Metrics;
use crate::outbox::Outbox;

/// One connection that has a seat.
struct Local {
    member: MemberId,
    dialect: Dialect,
    outbox: Arc<Outbox>,
    _subscription: Subscription,
}

/// All of them, with a channel for each dialect, so that each dialect is
/// rendered once.
pub(super) struct Locals {
    /// A tree, which takes less memory for ten than a table of hashes does.
    by_id: BTreeMap<ConnectionId, Local>,
    text: Arc<Channel>,
    json: Arc<Channel>,
    /// Of those who speak JSON and had a command given up: what has to come first.
    fences: BTreeMap<ConnectionId, Fence>,
    /// Of all of them, those who speak JSON. Here, since a channel is locked to be asked.
    speak_json: usize,
    metrics: Arc<Metrics>,
}

impl Locals {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Locals {
            by_id: BTreeMap::new(),
            text: Channel::new(),
            json: Channel::new(),
            fences: BTreeMap::new(),
            speak_json: 0,
            metrics,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// Whether anybody speaks this dialect.
    pub(super) fn speak(&self, dialect: Dialect) -> bool {
        match dialect {
            Dialect::Text => self.by_id.len() > self.speak_json,
            Dialect::Json => self.speak_json > 0,
        }
    }

    fn channel(&self, dialect: Dialect) -> &Arc<Channel> {
        match dialect {
            Dialect::Text => &self.text,
            Dialect::Json => &self.json,
        }
    }

    /// Adds a connection; it is told everything from now on.
    pub(super) fn add(
        &mut self,
        connection: ConnectionId,
        member: MemberId,
        dialect: Dialect,
        outbox: Arc<Outbox>,
    ) {
        let subscription = self.channel(dialect).join(outbox.clone());
        let local = Local {
            member,
            dialect,
            outbox,
            _subscription: subscription,
        };
        self.remove(connection);
        self.speak_json += usize::from(dialect == Dialect::Json);
        self.metrics.members.add(1);
        self.by_id.insert(connection, local);
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.fences.remove(&connection);
        if let Some(local) = self.by_id.remove(&connection) {
            self.speak_json -= usize::from(local.dialect == Dialect::Json);
            self.metrics.members.add(-1);
        }
    }

    /// A command of this connection is given up. Returns the number of an earlier one
    /// that was, and has not come again.
    pub(super) fn give_up(&mut self, connection: ConnectionId, number: u64) -> Option<u64> {
        let local = self.by_id.get(&connection)?;
        // Lines have no numbers that could come again.
        match local.dialect {
            Dialect::Text => None,
            Dialect::Json => self.fences.entry(connection).or_default().raise(number),
        }
    }

    /// Whether this command may be decided; if not, the number of the one that has to
    /// come first.
    pub(super) fn pass(&mut self, connection: ConnectionId, number: u64) -> Result<(), u64> {
        let Some(fence) = self.fences.get_mut(&connection) else {
            return Ok(());
        };
        fence.pass(number)?;
        if fence.is_open() {
            self.fences.remove(&connection);
        }
        Ok(())
    }

    pub(super) fn outbox(&self, connection: ConnectionId) -> Option<&Arc<Outbox>> {
        self.by_id.get(&connection).map(|local| &local.outbox)
    }

    /// Tells all who speak this dialect.
    pub(super) fn tell(&self, dialect: Dialect, frames: Frame) {
        let reached = self.channel(dialect).broadcast_now(frames);
        self.metrics.deliveries.add(reached as u64);
    }

    /// Tells all what happened, each dialect in one write, and closes the
    /// connections that lost their seats by it. `text` holds what the text
    /// dialect shows of it.
    pub(super) fn tell_events<E: Serialize>(
        &mut self,
        events: &[Arc<Event<E>>],
        text: Frames,
        expires_at: u64,
    ) {
        if !text.is_empty() {
            self.tell(Dialect::Text, text.finish());
        }
        if self.speak(Dialect::Json) && !events.is_empty() {
            let mut frames = Frames::default();
            for event in events {
                frames.text(&json::event(event, expires_at));
            }
            self.tell(Dialect::Json, frames.finish());
        }
        for event in events {
            match &event.change {
                Change::Left { member } => self.close_other(*member, None, CloseReason::BadSeat),
                Change::Back {
                    member, connection, ..
                } => {
                    self.close_other(*member, Some(*connection), CloseReason::TakenOver);
                }
                Change::Joined { .. }
                | Change::Away { .. }
                | Change::Renamed { .. }
                | Change::Logic { .. } => {}
            }
        }
    }

    /// Tells all the whole state, and closes whoever has no seat in it.
    pub(super) fn tell_state<A: App>(&mut self, room: &Room<A>, expires_at: u64, now: u64) {
        self.close_unseated(&room.members);
        if self.speak(Dialect::Text) {
            self.tell(Dialect::Text, Frame::text(&room.logic.text_state()));
        }
        if self.speak(Dialect::Json) {
            self.tell(Dialect::Json, json::snapshot(room, expires_at, now));
        }
    }

    fn close_other(&mut self, member: MemberId, newest: Option<ConnectionId>, reason: CloseReason) {
        self.close_where(reason, |id, local| {
            local.member == member && Some(id) != newest
        });
    }

    fn close_unseated(&mut self, members: &Membership) {
        self.close_where(CloseReason::TakenOver, |id, local| {
            members
                .seat(local.member)
                .is_some_and(|seat| match seat.presence {
                    Presence::Here { connection, .. } => connection != id,
                    Presence::Away { .. } => false,
                })
        });
        self.close_where(CloseReason::BadSeat, |id, local| {
            members
                .seat(local.member)
                .is_none_or(|seat| !seat.is_held_by(id))
        });
    }

    /// Closes all connections, without forgetting them: each leaves by itself.
    pub(super) fn close_all(&self, reason: CloseReason) {
        for local in self.by_id.values() {
            local.outbox.close(reason);
        }
    }

    fn close_where(&mut self, reason: CloseReason, which: impl Fn(ConnectionId, &Local) -> bool) {
        let chosen: Vec<ConnectionId> = self
            .by_id
            .iter()
            .filter(|(id, local)| which(**id, local))
            .map(|(id, _)| *id)
            .collect();
        for id in chosen {
            if let Some(outbox) = self.outbox(id) {
                outbox.close(reason);
            }
            self.remove(id);
        }
    }
}

impl Drop for Locals {
    fn drop(&mut self) {
        // None are left, unless the application's logic panicked.
        self.close_all(CloseReason::Unavailable);
        self.metrics.members.add(-(self.by_id.len() as i64));
    }
}
