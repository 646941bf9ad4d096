//! What became of one handshake, for whoever runs the server: counted, and told at debug.

use std::net::IpAddr;
use std::sync::Arc;

use tablecast_core::{CloseReason, MemberId};

use crate::app::App;
use crate::hub::Hub;
use crate::metrics::{LEFT, Metrics, SEATED};

/// From the handshake to the end of the connection.
pub(crate) struct Visit {
    metrics: Arc<Metrics>,
    /// What became of it was counted.
    is_decided: bool,
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

impl Visit {
    pub(crate) fn new<A: App>(hub: &Hub<A>, room: &str, address: Option<IpAddr>) -> Self {
        let who = || {
            // Ids are short; what is none may be long.
            let room = room.chars().take(64).collect();
            let member = None;
            Box::new(Who {
                room,
                address,
                member,
            })
        };
        Visit {
            metrics: hub.shared.node.metrics.clone(),
            is_decided: false,
            who: tracing::enabled!(tracing::Level::DEBUG).then(who),
        }
    }

    fn decided(&mut self, outcome: &'static str) {
        self.is_decided = true;
        self.metrics.handshakes.count(outcome);
    }

    /// They have a seat now.
    pub(crate) fn seated(&mut self, member: MemberId) {
        self.decided(SEATED);
        if let Some(who) = &mut self.who {
            who.member = Some(member);
            let (room, address) = (&who.room, who.address.map(tracing::field::display));
            tracing::debug!(room, %member, address, "joined");
        }
    }

    /// They have none, and are told by an HTTP status why: that is logged by who answers.
    pub(crate) fn turned_away(&mut self, outcome: &'static str) {
        self.decided(outcome);
    }

    /// They have none, and the connection is closed for it.
    pub(crate) fn refused(&mut self, outcome: &'static str) {
        self.decided(outcome);
        if let Some(who) = &self.who {
            let (room, address) = (&who.room, who.address.map(tracing::field::display));
            tracing::debug!(room, address, code = outcome, "could not join");
        }
    }

    /// The connection ends.
    pub(crate) fn closed(&self, reason: CloseReason) {
        if let Some(who) = &self.who {
            let (room, address) = (&who.room, who.address.map(tracing::field::display));
            let member = who.member.map(tracing::field::display);
            let (code, reason) = (reason.code(), reason.text());
            tracing::debug!(room, member, address, code, reason, "closed");
        }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.is_decided {
            self.metrics.handshakes.count(LEFT);
        }
    }
}
