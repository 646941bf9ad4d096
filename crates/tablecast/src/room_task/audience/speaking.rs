//! Those who speak: whether a command may be decided, and how one is given up.

use tablecast_core::membership::Presence;
use tablecast_core::{App, CloseReason, ConnectionId, MemberId, Rejection, code};

use crate::dialect::Dialect;
use crate::error::RoomError;
use crate::fence::{not_before, watching};
use crate::room_task::audience::{Audience, Local};
use crate::room_task::claim::{Heard, Knock};
use crate::room_task::mail::CommandRequest;
use crate::room_task::replica::Replica;

impl Audience<'_> {
    /// Who has given a command that was done.
    pub(super) fn speaker<A: App>(
        &self,
        command: &CommandRequest<A>,
        replica: &Replica<A>,
    ) -> Option<MemberId> {
        match &command.claim {
            None => self.member(command.connection),
            Some(claim) => {
                let seat = replica.room.members.by_token(claim.seat)?;
                Some(seat.member)
            }
        }
    }

    /// A member who has this seat, or has just given it up, has spoken by POST.
    pub(super) fn knocked<A: App>(&mut self, knock: Knock, member: MemberId, replica: &Replica<A>) {
        if knock.leaves {
            self.close_left(|_, local| local.role.member() == Some(member));
        }
        let seat = replica.room.members.seat(member);
        let elsewhere = match seat.map(|seat| &seat.presence) {
            Some(Presence::Here { connection, .. }) if self.has(*connection) => {
                self.hear(Heard {
                    connection: *connection,
                    leaves: false,
                });
                None
            }
            Some(Presence::Here { node, connection }) if *node != self.node.id => Some(*connection),
            Some(Presence::Here { .. } | Presence::Away { .. }) | None => None,
        };
        knock.answer(Ok(elsewhere));
    }

    /// Whoever hears by this connection has spoken by POST. Whether they hear here.
    pub(in crate::room_task) fn hear(&mut self, heard: Heard) -> bool {
        let Some(local) = self.locals.get(&heard.connection) else {
            return false;
        };
        local.outbox.heard();
        if heard.leaves {
            self.close_left(|id, _| id == heard.connection);
        }
        true
    }

    /// Closes the connections of somebody who has said by POST that they leave. It is their own
    /// word, as a close frame is: otherwise they would have broken off.
    fn close_left(&mut self, theirs: impl Fn(ConnectionId, &Local) -> bool) {
        self.close_where(|id, local| {
            theirs(id, local).then(|| {
                local.outbox.peer().closed_with(CloseReason::Left.code());
                CloseReason::Left
            })
        });
    }

    /// Whether a command may be decided. If an earlier one must come first, it is refused
    /// with that number.
    pub(in crate::room_task) fn lets_pass<A: App>(&mut self, command: &CommandRequest<A>) -> bool {
        let watches = |local: &Local| local.role.member().is_none();
        let local = || self.locals.get(&command.connection);
        if self.watching > 0 && local().is_some_and(watches) {
            self.reject(command, &watching(), None);
            return false;
        }
        let Some(fence) = self.fences.get_mut(&command.connection) else {
            return true;
        };
        if let Err(first) = fence.pass(command.message.op.number) {
            self.reject(command, &not_before(first), Some(first));
            return false;
        }
        if fence.is_open() {
            self.fences.remove(&command.connection);
        }
        true
    }

    pub(super) fn give_up<A: App>(&mut self, command: &CommandRequest<A>, why: &RoomError) {
        if *why == RoomError::NotFound {
            let gone = Rejection::new(code::GONE, "the room has expired");
            return self.reject(command, &gone, None);
        }
        let advice = match command.dialect {
            // Lines have no numbers that could come again.
            Dialect::Text => "what you see next will tell",
            Dialect::Json => {
                let (connection, number) = (command.connection, command.message.op.number);
                // Those of a POST have no connection here; its knock, which is the last, ends that.
                if (self.has(connection) || command.claim.is_some())
                    && let Some(first) = self.fences.entry(connection).or_default().raise(number)
                {
                    return self.reject(command, &not_before(first), Some(first));
                }
                "send it again with the same id"
            }
        };
        let why = format!("{why}; whether this was applied is unknown: {advice}");
        self.reject(command, &Rejection::new(code::UNAVAILABLE, why), None);
    }
}
