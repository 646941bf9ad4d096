//! Which connections are closed, and why.

use std::sync::Arc;

use tablecast_core::membership::{Membership, Presence};
use tablecast_core::room::{Change, Event};
use tablecast_core::{App, CloseReason, ConnectionId, MemberId};

use crate::room_task::audience::{Audience, Local, Role};
use crate::room_task::replica::Replica;
use crate::room_task::watchers::Watchers;

impl Audience<'_> {
    /// Closes those who watch and were asked to leave, or who wait for a seat and are here by a
    /// newer connection.
    pub(in crate::room_task) fn close_displaced(
        &mut self,
        watchers: &mut Watchers,
        members: &Membership,
    ) {
        if self.watching == 0 && !watchers.wait() {
            return;
        }
        let displaced = watchers.displaced(members);
        self.close_where(|id, local| match local.role {
            Role::Watcher(Some(person)) if members.is_barred(person) => {
                Some(CloseReason::Dismissed)
            }
            _ => displaced.contains(&id).then_some(CloseReason::TakenOver),
        });
        watchers.retain(|id| self.has(id));
    }

    pub(super) fn close_other(
        &mut self,
        member: MemberId,
        newest: Option<ConnectionId>,
        reason: CloseReason,
    ) {
        self.close_where(|id, local| {
            (local.role.member() == Some(member) && Some(id) != newest).then_some(reason)
        });
    }

    /// Closes those who have no seat any more. Their own events may not be known here, so the
    /// state says why, and the log where it still has that the room was closed.
    pub(super) fn close_unseated<A: App>(&mut self, replica: &Replica<A>) {
        let members = &replica.room.members;
        let closed = |event: &&Arc<Event<A::Event>>| matches!(event.change, Change::Closed {});
        let closed = replica.history.iter().filter(closed).last();
        let closed_at = closed.map(|event| event.seq);
        self.close_where(|id, local| {
            let member = local.role.member()?;
            let seat = members.seat(member);
            match seat.map(|seat| &seat.presence) {
                Some(Presence::Here { connection, .. }) if *connection == id => None,
                Some(Presence::Here { .. }) => Some(CloseReason::TakenOver),
                None if members.was_dismissed(member) => Some(CloseReason::Dismissed),
                None if closed_at > Some(member.0) => Some(CloseReason::Closed),
                Some(Presence::Away { .. }) | None => Some(CloseReason::BadSeat),
            }
        });
    }

    /// Closes the connections for which there is a reason, and forgets them.
    pub(super) fn close_where(
        &mut self,
        reason: impl Fn(ConnectionId, &Local) -> Option<CloseReason>,
    ) {
        let mut closed = Vec::new();
        for (id, local) in &self.locals {
            if let Some(reason) = reason(*id, local) {
                local.outbox.close(reason);
                closed.push(*id);
            }
        }
        for id in closed {
            self.remove(id);
        }
    }

    /// Closes all connections, without forgetting them: each leaves by itself.
    pub(in crate::room_task) fn close_all(&self, reason: CloseReason) {
        for local in self.locals.values() {
            local.outbox.close(reason);
        }
    }
}

impl Drop for Audience<'_> {
    fn drop(&mut self) {
        // There are connections left only if the application's logic panicked.
        self.close_all(CloseReason::Unavailable);
        let metrics = &self.node.metrics;
        metrics.watchers.add(-(self.watching as i64));
        let members = self.locals.len() - self.watching;
        metrics.members.add(-(members as i64));
    }
}
