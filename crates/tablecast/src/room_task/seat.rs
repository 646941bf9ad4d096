//! The guard of a seat, for as long as its connection lives.

use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::ConnectionId;

use crate::outbox::Outbox;
use crate::room_task::mail::{Keep, Mail};
use crate::room_task::mailbox::Mailbox;

/// The guard of a connection's seat. Dropping it gives the seat up, or keeps it for a while.
pub(crate) struct SeatGuard<A: App> {
    pub(crate) mailbox: Mailbox<A>,
    pub(crate) connection: ConnectionId,
    pub(crate) outbox: Arc<Outbox>,
    /// Whether the member may come back, unless the client says goodbye.
    pub(crate) keep: Keep,
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
