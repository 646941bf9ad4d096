//! Who speaks by POST, with the secret of a seat.

use std::sync::Arc;

use bytes::Bytes;
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
        let is_theirs = |seat: &&Seat| self.person.is_none() || may_be_of(seat, self.person);
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

/// Whether a seat is this person's, or may be: one that was taken while an older node lived, which
/// knows neither persons nor roles, does not say whose it is.
pub(super) fn may_be_of(seat: &Seat, person: Option<PersonId>) -> bool {
    seat.person == person || (seat.person.is_none() && seat.role.is_none())
}

/// That somebody has spoken by POST who hears by this connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Heard {
    pub(crate) connection: ConnectionId,
    /// They said that they leave.
    pub(crate) leaves: bool,
}

/// Stands behind the connection of somebody who leaves. Nodes of an earlier version know only
/// signals without it, and pass over this one.
const LEAVES: u8 = b'l';

impl Heard {
    /// By which other nodes are told.
    pub(crate) fn to_signal(self) -> Bytes {
        let mut signal = self.connection.0.to_be_bytes().to_vec();
        signal.extend(self.leaves.then_some(LEAVES));
        signal.into()
    }

    /// What a signal tells, if it is known here.
    pub(super) fn from_signal(signal: &[u8]) -> Option<Self> {
        let (id, rest) = signal.split_first_chunk()?;
        let leaves = match rest {
            [] => false,
            [LEAVES] => true,
            _ => return None,
        };
        Some(Heard {
            connection: ConnectionId(u64::from_be_bytes(*id)),
            leaves,
        })
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
