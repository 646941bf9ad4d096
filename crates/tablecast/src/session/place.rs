//! What holds a seat for as long as somebody is connected.

use tablecast_core::ConnectionId;

use crate::app::App;
use crate::room_task::{Mail, Mailbox};

/// A place at the table. Dropping it gives the seat up, or keeps it for a while.
pub(crate) struct Place<A: App> {
    pub(super) mailbox: Mailbox<A>,
    pub(super) connection: ConnectionId,
    pub(super) keep_seat: bool,
}

impl<A: App> Place<A> {
    pub(crate) fn new(mailbox: Mailbox<A>, connection: ConnectionId, keep_seat: bool) -> Self {
        Place {
            mailbox,
            connection,
            keep_seat,
        }
    }
}

impl<A: App> Drop for Place<A> {
    fn drop(&mut self) {
        let (connection, keep_seat) = (self.connection, self.keep_seat);
        self.mailbox.send(Mail::Leave {
            connection,
            keep_seat,
        });
    }
}
