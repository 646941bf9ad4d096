//! One task for each room: the only owner of the room's state on this node.
//!
//! Everything reaches the task through its mailbox. Waiting requests are decided together,
//! committed in one step, and sent to every connection in one write. During a commit the
//! task continues to read its mailbox; it never waits for a socket.

mod absent;
mod alarm;
mod audience;
mod batch;
mod claim;
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
pub(crate) mod tests;
mod timer;
mod watchers;

pub(crate) use claim::{Claim, Heard, Knock};
pub(crate) use mail::{
    CommandRequest, Entered, JoinRequest, Keep, Mail, Order, OrderRequest, Said, Waits, Who,
};
pub(crate) use mailbox::{Inbox, Mailbox, mailbox};
pub(crate) use replica::Replica;
pub(crate) use seat::SeatGuard;
pub(crate) use task::RoomTask;
