//! Who speaks by POST, with the secret of a seat.

use std::sync::Arc;

use tablecast_core::draft::{Draft, Refusal};
use tablecast_core::membership::{Presence, Seat};
use tablecast_core::{App, ConnectionId, PersonId, SeatToken};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::error::RoomError;

/// What somebody claims who speaks by POST.
pub(crate) struct Claim {
    /// The secret of their seat.
    pub(crate) seat: SeatToken,
    /// Who they are, if who embeds the hub says so.
    pub(crate) person: Option<PersonId>,
}

impl Claim {
    /// The seat for which they may speak: that of a member who hears by a stream of events, or
    /// who is between two of them. Whoever holds it by a WebSocket speaks by that alone.
    pub(super) fn seat<'d, A: App>(&self, draft: &'d Draft<'_, A>) -> Result<&'d Seat, Refusal> {
        let seat = draft.room().members.by_token(self.seat);
        let is_theirs = |seat: &&Seat| self.person.is_none() || seat.person == self.person;
        let seat = seat
            .filter(is_theirs)
            .ok_or_else(|| draft.lost(self.seat))?;
        match &seat.presence {
            Presence::Here { connection, .. } if !connection.is_one_way() => {
                Err(Refusal::TakenOver)
            }
            Presence::Here { .. } | Presence::Away { .. } => Ok(seat),
        }
    }
}

/// A sign of life, and the question whether the seat is theirs.
pub(crate) struct Knock {
    /// That of the commands of the same POST.
    pub(crate) connection: ConnectionId,
    pub(crate) claim: Arc<Claim>,
    /// They give up the seat.
    pub(crate) leaves: bool,
    /// After this time it is given up.
    pub(crate) deadline: Instant,
    /// By which connection they hear, if that is on another node.
    pub(crate) reply: oneshot::Sender<Result<Option<ConnectionId>, RoomError>>,
    /// Its place in the bounded mailbox.
    pub(crate) _permit: OwnedSemaphorePermit,
}

impl Knock {
    pub(super) fn answer(self, heard: Result<Option<ConnectionId>, RoomError>) {
        let _ = self.reply.send(heard);
    }
}
