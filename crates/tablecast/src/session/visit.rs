//! One connection from its handshake to its end, for the operator: it is counted, noted in the
//! journal, and logged at debug level.

use std::sync::Arc;

use tablecast_core::{App, CloseReason};
use tracing::field::display;

use crate::error::{RoomError, Unavailable};
use crate::hub::Hub;
use crate::journal::What;
use crate::metrics::{LEFT, SEATED, WATCHING};
use crate::outbox::Outbox;
use crate::peer::Peer;
use crate::room_task::Entered;

/// From the handshake to the end of the connection.
pub(crate) struct Visit<A: App> {
    /// Keeps the hub's own tasks running while anybody is connected.
    pub(super) hub: Hub<A>,
    /// Whether the handshake's outcome was counted.
    is_decided: bool,
    /// Whether the connection was opened.
    is_open: bool,
    outbox: Arc<Outbox>,
}

impl<A: App> Visit<A> {
    /// Somebody comes, who will be written to by the outbox.
    ///
    /// # Errors
    /// The node drains, and accepts nobody.
    pub(crate) fn begin(hub: Hub<A>, peer: Peer) -> Result<(Self, Arc<Outbox>), RoomError> {
        let limits = hub.rooms.node.config.connection.outbox;
        let outbox = Arc::new(Outbox::to(peer, limits));
        let mut visit = Visit {
            hub,
            is_decided: false,
            is_open: false,
            outbox: outbox.clone(),
        };
        if visit.hub.is_draining() {
            let error = RoomError::from(Unavailable::Draining);
            visit.turned_away(&error);
            return Err(error);
        }
        Ok((visit, outbox))
    }

    /// The connection is open.
    pub(super) fn connected(&mut self) {
        self.hub.metrics().connections.add(1);
        self.is_open = true;
    }

    fn decided(&mut self, outcome: &'static str) {
        self.is_decided = true;
        self.hub.metrics().handshakes.count(outcome);
    }

    /// The client has a seat now, or watches. The room has noted it.
    pub(super) fn entered(&mut self, entered: Entered) {
        let (outcome, what) = match entered {
            Entered::Seated(_) => (SEATED, "joined"),
            Entered::Watching => (WATCHING, "watches"),
        };
        self.decided(outcome);
        // The room's id is a kind of secret (anybody who knows it may join), so it is logged only
        // at debug level.
        let peer = self.outbox.peer();
        let (room, address) = (&*peer.room, peer.address.map(display));
        let member = entered.member().map(display);
        tracing::debug!(room, member, address, "{what}");
    }

    /// The client gets no seat, and an HTTP status says why; the server that answers logs it.
    pub(crate) fn turned_away(&mut self, why: &RoomError) {
        self.kept_out(why.word(), why.close_reason().text());
    }

    /// The client gets no seat, and the connection is closed.
    pub(super) fn refused(&mut self, outcome: &'static str) {
        // It had a seat before it ended, and the room has noted it.
        if self.outbox.peer().guest().is_some() {
            return;
        }
        let reason = self.outbox.close_reason().unwrap_or(CloseReason::Left);
        self.kept_out(outcome, reason.text());
        let peer = self.outbox.peer();
        let (room, address) = (&*peer.room, peer.address.map(display));
        tracing::debug!(room, address, code = outcome, "could not join");
    }

    fn kept_out(&mut self, code: &'static str, reason: &'static str) {
        self.decided(code);
        let journal = self.hub.journal();
        journal.note(self.outbox.peer(), What::Refused { code, reason });
    }
}

impl<A: App> Drop for Visit<A> {
    fn drop(&mut self) {
        let outbox = &self.outbox;
        // The process or a panic may end this conversation. Without a reason the client
        // would get 1000, after which it does not come back.
        if self.is_open && (self.hub.is_draining() || std::thread::panicking()) {
            outbox.close(CloseReason::Restarting);
        }
        let reason = outbox.close_reason().unwrap_or(CloseReason::Left);
        let guest = outbox.peer().guest();
        if guest.is_some() {
            self.hub.journal().closed(outbox.peer(), reason);
        }
        if self.is_open {
            let metrics = self.hub.metrics();
            metrics.connections.add(-1);
            metrics.closed(reason);
            let peer = outbox.peer();
            let (room, address) = (&*peer.room, peer.address.map(display));
            let member = guest.as_ref().and_then(|guest| guest.member).map(display);
            let (code, reason) = (reason.code(), reason.text());
            tracing::debug!(room, member, address, code, reason, "closed");
        }
        match (self.is_decided, guest) {
            (true, _) => {}
            (false, Some(_)) => self.decided(LEFT),
            (false, None) => self.kept_out(LEFT, CloseReason::Left.text()),
        }
    }
}
