//! One connection from its handshake to its end, for whoever runs the server: counted, and
//! told at debug.

use std::net::IpAddr;
use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::{CloseReason, MemberId};
use tracing::field::display;

use crate::hub::Hub;
use crate::metrics::{LEFT, SEATED};
use crate::outbox::Outbox;

/// From the handshake to the end of the connection.
pub(crate) struct Visit<A: App> {
    /// The hub's own tasks go on for as long as anybody is connected.
    pub(super) hub: Hub<A>,
    /// What became of the handshake was counted.
    is_decided: bool,
    /// The open connection's.
    outbox: Option<Arc<Outbox>>,
    /// `None` unless lines at debug are wanted, since each connection has one.
    who: Option<Box<Who>>,
}

/// The room's id is a secret of a kind (whoever knows it may join), so it is told at debug
/// alone.
struct Who {
    room: String,
    address: Option<IpAddr>,
    member: Option<MemberId>,
}

impl<A: App> Visit<A> {
    pub(crate) fn new(hub: Hub<A>, room: &str, address: Option<IpAddr>) -> Self {
        let who = || {
            Box::new(Who {
                // Ids are short; what is none may be long.
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

    /// They have a seat now.
    pub(super) fn seated(&mut self, member: MemberId) {
        self.decided(SEATED);
        if let Some(who) = &mut self.who {
            who.member = Some(member);
            let (room, address) = (&who.room, who.address.map(display));
            tracing::debug!(room, %member, address, "joined");
        }
    }

    /// They have none, and are told by an HTTP status why: that is logged by who answers.
    pub(crate) fn turned_away(&mut self, outcome: &'static str) {
        self.decided(outcome);
    }

    /// They have none, and the connection is closed for it.
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
        // The process may end with this conversation under way, or a fault may end it.
        // Dropped without a reason it would hear 1000, after which a client does not come
        // back.
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
