//! The guard of a seat, for as long as its connection lives.

use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::ConnectionId;

use crate::outbox::Outbox;
use crate::room_task::mail::{Entered, Keep, Mail};
use crate::room_task::mailbox::Mailbox;

/// The guard of a connection's seat. Dropping it gives the seat up, or keeps it for a while.
pub(crate) struct SeatGuard<A: App> {
    pub(crate) mailbox: Mailbox<A>,
    pub(crate) connection: ConnectionId,
    pub(crate) outbox: Arc<Outbox>,
    /// Whether the member may come back, unless the client says goodbye.
    pub(crate) keep: Keep,
}

impl<A: App> SeatGuard<A> {
    /// The task of the connection has heard how the client entered. However the connection ends
    /// now, the client may come back to a seat that it knows of.
    pub(crate) fn entered(&mut self, entered: Entered) {
        self.keep = match (self.keep, entered) {
            (Keep::Yes, _) | (_, Entered::Seated(_)) => Keep::Yes,
            (Keep::No | Keep::IfTold, Entered::Watching) => Keep::IfTold,
        };
    }
}

impl<A: App> Drop for SeatGuard<A> {
    fn drop(&mut self) {
        let connection = self.connection;
        let keep = match self.outbox.peer().said_goodbye() {
            true => Keep::No,
            false => self.keep,
        };
        self.mailbox.send(Mail::Leave { connection, keep });
    }
}
