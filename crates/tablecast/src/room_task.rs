//! One task a room: the sole owner of the room's state on this node.
//!
//! Everything reaches it by its mailbox. What waits there is decided together,
//! committed in one step, and then told to every connection in one write. While a
//! commit is under way the task goes on reading its mailbox; it never waits for a
//! socket.

mod absent;
mod alarm;
mod audience;
mod batch;
mod clock;
mod gathering;
mod mail;
mod mailbox;
mod phase;
mod replica;
mod retry;
mod room;
mod seat;
mod task;
#[cfg(test)]
mod tests;

pub(crate) use mail::{CommandRequest, JoinRequest, Mail};
pub(crate) use mailbox::{Inbox, Mailbox, mailbox};
pub(crate) use replica::Replica;
pub(crate) use seat::SeatGuard;
pub(crate) use task::RoomTask;
