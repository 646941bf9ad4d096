//! One connection from its handshake to its end, for the operator: it is counted, and
//! logged at debug level.

use std::net::IpAddr;
use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::{CloseReason, MemberId};
use tracing::field::display;

use crate::hub::Hub;
use crate::metrics::{LEFT, SEATED, WATCHING};
use crate::outbox::Outbox;
use crate::room_task::Entered;

/// From the handshake to the end of the connection.
pub(crate) struct Visit<A: App> {
    /// Keeps the hub's own tasks running while anybody is connected.
    pub(super) hub: Hub<A>,
    /// Whether the handshake's outcome was counted.
    is_decided: bool,
    /// The outbox of the open connection.
    outbox: Option<Arc<Outbox>>,
    /// `None` unless debug logging is on, because each connection has one.
    who: Option<Box<Who>>,
}

/// The room's id is a kind of secret (anybody who knows it may join), so it is logged only
/// at debug level.
struct Who {
    room: String,
    address: Option<IpAddr>,
    member: Option<MemberId>,
}

impl<A: App> Visit<A> {
    pub(crate) fn new(hub: Hub<A>, room: &str, address: Option<IpAddr>) -> Self {
        let who = || {
            Box::new(Who {
                // Ids are short, but a malformed one may be long.
                room: room.chars().take(64).collect(),
                address,
                member: None,
            })
        };
        Visit {
            hub,
            is_decided: false,
            outbox: None,
            who: tracing::enabled!(tracing::Level::DEBUG).then(who),
        }
    }

    /// The connection is open.
    pub(super) fn connected(&mut self, outbox: &Arc<Outbox>) {
        self.hub.metrics().connections.add(1);
        self.outbox = Some(outbox.clone());
    }

    fn decided(&mut self, outcome: &'static str) {
        self.is_decided = true;
        self.hub.metrics().handshakes.count(outcome);
    }

    /// The client has a seat now, or watches.
    pub(super) fn entered(&mut self, entered: Entered) {
        let (outcome, what) = match entered {
            Entered::Seated(_) => (SEATED, "joined"),
            Entered::Watching => (WATCHING, "watches"),
        };
        self.decided(outcome);
        if let Some(who) = &mut self.who {
            who.member = entered.member();
            let (room, address) = (&who.room, who.address.map(display));
            let member = who.member.map(display);
            tracing::debug!(room, member, address, "{what}");
        }
    }

    /// The client gets no seat, and an HTTP status says why; the server that answers logs it.
    pub(crate) fn turned_away(&mut self, outcome: &'static str) {
        self.decided(outcome);
    }

    /// The client gets no seat, and the connection is closed.
    pub(super) fn refused(&mut self, outcome: &'static str) {
        self.decided(outcome);
        if let Some(who) = &self.who {
            let (room, address) = (&who.room, who.address.map(display));
            tracing::debug!(room, address, code = outcome, "could not join");
        }
    }
}

impl<A: App> Drop for Visit<A> {
    fn drop(&mut self) {
        if !self.is_decided {
            self.decided(LEFT);
        }
        let Some(outbox) = &self.outbox else { return };
        // The process or a panic may end this conversation. Without a reason the client
        // would get 1000, after which it does not come back.
        if self.hub.is_draining() || std::thread::panicking() {
            outbox.close(CloseReason::Restarting);
        }
        let metrics = self.hub.metrics();
        metrics.connections.add(-1);
        let reason = outbox.close_reason().unwrap_or(CloseReason::Left);
        metrics.closed(reason);
        if let Some(who) = &self.who {
            let (room, address) = (&who.room, who.address.map(display));
            let (member, code, reason) = (who.member.map(display), reason.code(), reason.text());
            tracing::debug!(room, member, address, code, reason, "closed");
        }
    }
}
