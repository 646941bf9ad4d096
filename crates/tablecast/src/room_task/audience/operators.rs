//! What operators are told of the connections.

use std::sync::Arc;

use tablecast_core::membership::Seat;
use tablecast_core::{MemberId, SeatToken};

use crate::inspect::ConnectionView;
use crate::journal::{What, now};
use crate::outbox::Outbox;
use crate::peer::Guest;
use crate::room_task::audience::{Audience, Local};

impl Audience<'_> {
    /// Notes that a connection has a seat. `token` was made for it, if it is a new seat.
    pub(super) fn note_seated(&self, outbox: &Outbox, seat: &Seat, token: SeatToken) {
        let peer = outbox.peer();
        peer.entered(guest(seat.member, &seat.name));
        let is_new = seat.token == token && seat.since == 0;
        let what = if is_new { What::Joined } else { What::Resumed };
        self.node.journal.note(peer, what);
    }

    /// Notes that a connection watches.
    pub(super) fn note_watching(&self, outbox: &Outbox) {
        let peer = outbox.peer();
        let (member, name) = (None, None);
        peer.entered(Guest { member, name });
        self.node.journal.note(peer, What::Watching);
    }

    /// From now on a member has this name.
    pub(super) fn note_renamed(&self, member: MemberId, name: &str) {
        let is_theirs = |local: &&Local| local.role.member() == Some(member);
        for local in self.locals.values().filter(is_theirs) {
            local.outbox.peer().entered(guest(member, name));
        }
    }

    /// How many connections have no seat.
    pub(in crate::room_task) fn watching(&self) -> usize {
        self.watching
    }

    /// The connections, by member; those without a seat come last.
    pub(in crate::room_task) fn connections(&self) -> Vec<ConnectionView> {
        let now = now();
        let view = |local: &Local| {
            let peer = local.outbox.peer();
            ConnectionView {
                member: local.role.member(),
                dialect: local.dialect,
                transport: peer.transport,
                address: peer.address,
                since: now.saturating_sub(peer.since.elapsed().as_millis() as u64),
                round_trip: peer.round_trip(),
                outbox: local.outbox.waiting(),
            }
        };
        let mut all: Vec<ConnectionView> = self.locals.values().map(view).collect();
        all.sort_by_key(|one| (one.member.is_none(), one.member, one.since));
        all
    }
}

fn guest(member: MemberId, name: &str) -> Guest {
    Guest {
        member: Some(member),
        name: Some(Arc::from(name)),
    }
}
