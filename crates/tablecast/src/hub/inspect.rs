//! What operators ask: which rooms are open, what is in one, what became of connections.

use tablecast_core::backend::Loaded;
use tablecast_core::{App, NodeId, RoomId};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::{RoomError, Unavailable, log_unreadable};
use crate::hub::Hub;
use crate::inspect::{Inspection, RoomHistory};
use crate::journal::Journal;
use crate::room_task::{Mail, Replica};

impl<A: App> Hub<A> {
    /// This node, as the seats of its members name it.
    pub fn node(&self) -> &NodeId {
        &self.rooms.node.id
    }

    /// What became of the last connections to this node.
    pub fn journal(&self) -> &Journal {
        &self.rooms.node.journal
    }

    /// The ids of all rooms that are open on this node, sorted.
    pub fn open_rooms(&self) -> Vec<RoomId> {
        self.rooms.open_after("", usize::MAX, |_| true)
    }

    /// The first ids, at most so many, of rooms that are open on this node and have this part in
    /// their id, behind this id, sorted. Without a part it costs what it lists, however many are
    /// open.
    pub fn open_rooms_after(&self, after: &str, part: &str, most: usize) -> Vec<RoomId> {
        let is_asked = |room: &RoomId| room.as_str().contains(part);
        self.rooms.open_after(after, most, is_asked)
    }

    /// Looks at a room that is open on this node, with its connections here. The store is not
    /// asked, so the room may be further on another node. `None` if it is not open here, or not
    /// yet.
    pub async fn inspect_open(&self, room: &RoomId) -> Option<Inspection<A>> {
        let mailbox = self.rooms.mailbox(room)?;
        let (reply, answer) = oneshot::channel();
        mailbox.send(Mail::Inspect(reply));
        let deadline = self.rooms.node.config.command_deadline;
        let seen = timeout(deadline, answer).await;
        seen.ok()?.ok().map(|seen| *seen)
    }

    /// As [`inspect_open`](Hub::inspect_open); a room that is not open here is read from the
    /// store, and is not opened for that.
    ///
    /// # Errors
    /// `NotFound` (for anything that is no id, too) or `Unavailable`.
    pub async fn inspect(&self, room: &str) -> Result<Inspection<A>, RoomError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        if let Some(seen) = self.inspect_open(&id).await {
            return Ok(seen);
        }
        let read = self.rooms.load(&id).await;
        let (room, stamp) = read
            .inspect_err(|error| log_unreadable(&id, error))
            .map_err(Unavailable::from)?
            .ok_or(RoomError::NotFound)?;
        let mut seen = Inspection::new(&id, &room, stamp, None);
        let node = &self.rooms.node;
        if node.backend.is_exclusive() {
            // No other process lives: members of an earlier one are away.
            for seat in &mut seen.members {
                seat.node.take_if(|at| *at != node.id);
            }
        }
        Ok(seen)
    }

    /// The last events of a room, from the store, and the state from which they can be followed.
    ///
    /// # Errors
    /// As for [`inspect`](Hub::inspect).
    pub async fn history(&self, room: &str) -> Result<RoomHistory<A>, RoomError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        let loaded = self.rooms.node.backend.load(&id, None).await;
        let read = |loaded: Loaded| Replica::history_of(&loaded);
        let history = loaded.and_then(|loaded| loaded.map(read).transpose());
        history
            .inspect_err(|error| log_unreadable(&id, error))
            .map_err(Unavailable::from)?
            .ok_or(RoomError::NotFound)
    }
}
