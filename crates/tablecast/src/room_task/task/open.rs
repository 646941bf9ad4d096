//! That a room is open on this node.

use std::sync::Arc;

use tablecast_core::RoomId;

use crate::app::App;
use crate::hub::Shared;
use crate::room_task::Mailbox;

/// Counts a room for as long as its task runs, and sees to it that the hub knows
/// when it has ended, even by a panic of the application's logic.
pub(super) struct Open<A: App> {
    hub: Arc<Shared<A>>,
    id: RoomId,
    mailbox: Mailbox<A>,
}

impl<A: App> Open<A> {
    pub(super) fn new(hub: Arc<Shared<A>>, id: RoomId, mailbox: Mailbox<A>) -> Self {
        hub.metrics.rooms.add(1);
        Open { hub, id, mailbox }
    }
}

impl<A: App> Drop for Open<A> {
    fn drop(&mut self) {
        self.hub.retire(&self.id, &self.mailbox);
        self.hub.metrics.rooms.add(-1);
    }
}
