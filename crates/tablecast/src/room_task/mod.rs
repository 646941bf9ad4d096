//! One task a room: the sole owner of the room's state on this node.
//!
//! Everything reaches it by its mailbox. What waits there is decided together,
//! committed in one step, and then told to every connection in one write. While a
//! commit is under way the task goes on reading its mailbox; it never waits for a
//! socket.

mod batch;
mod locals;
mod queue;
mod task;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use tablecast_core::backend::{Health, Stamp};
use tablecast_core::room::Op;
use tablecast_core::{Colour, ConnectionId, Epoch, MemberId, Position, SeatToken};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::Instant;

use crate::app::App;
use crate::dialect::Dialect;
use crate::hub::RoomError;
use crate::outbox::Outbox;

pub(crate) use task::run;

/// Commands of one room that wait or are being committed. Beyond it connections
/// are not read, so a flood waits in its sender's TCP buffers.
const COMMANDS: usize = 256;

/// Publications of one room that wait. Beyond it the room is loaded again, which
/// costs less than applying them one by one.
const PUBLICATIONS: usize = 64;

/// What a room is told. Small, since a mailbox has places for dozens of them, and
/// each is moved from hand to hand.
pub(crate) enum Mail<A: App> {
    /// Somebody wants a seat.
    Enter(Box<Entrant>),
    /// A member says something.
    Say(Box<Say<A>>),
    /// A connection is gone; it may never have had a seat. Never refused.
    Leave {
        connection: ConnectionId,
        keep_seat: bool,
    },
    /// Events were published.
    Published(Box<Published>, OwnedSemaphorePermit),
    /// Something may have been missed.
    Resync,
    /// The backend became reachable or unreachable.
    Health(Health),
    /// Other nodes live than before.
    Live,
    /// The node shuts down: close all connections.
    Drain,
}

/// Somebody who wants a seat.
pub(crate) struct Entrant {
    pub(crate) connection: ConnectionId,
    pub(crate) dialect: Dialect,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) wish: Wish,
    pub(crate) deadline: Instant,
    pub(crate) reply: oneshot::Sender<Result<MemberId, RoomError>>,
    /// The store was asked since the first decision, so a refusal is no mistake.
    pub(crate) checked: bool,
}

/// Which seat.
pub(crate) enum Wish {
    /// A new one.
    New {
        name: Option<String>,
        colour: Option<Colour>,
        token: SeatToken,
    },
    /// The one that the token opens; the client knows all up to this position.
    Again {
        token: SeatToken,
        known: Option<Position>,
    },
}

/// What a member says.
pub(crate) struct Say<A: App> {
    /// Which must hold the member's seat when it is decided: a member id alone may
    /// have gone to somebody else if the store lost its newest events.
    pub(crate) connection: ConnectionId,
    pub(crate) member: MemberId,
    pub(crate) dialect: Dialect,
    /// Where the answer goes.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) op: Op,
    pub(crate) what: What<A::Command>,
    pub(crate) deadline: Instant,
    /// Its place in the bounded mailbox; free again when it is answered.
    pub(crate) _permit: OwnedSemaphorePermit,
}

pub(crate) enum What<C> {
    Rename {
        name: String,
        colour: Option<Colour>,
    },
    Command(C),
}

/// Events of another node, or this node's own coming back.
pub(crate) struct Published {
    pub(crate) epoch: Epoch,
    pub(crate) first: u64,
    pub(crate) events: Vec<Bytes>,
    pub(crate) stamp: Stamp,
}

/// The way to a room's task.
pub(crate) struct Mailbox<A: App> {
    mails: mpsc::UnboundedSender<Mail<A>>,
    commands: Arc<Semaphore>,
    publications: Arc<Semaphore>,
    missed: Arc<AtomicBool>,
}

impl<A: App> Clone for Mailbox<A> {
    fn clone(&self) -> Self {
        Mailbox {
            mails: self.mails.clone(),
            commands: self.commands.clone(),
            publications: self.publications.clone(),
            missed: self.missed.clone(),
        }
    }
}

/// The task's end of the mailbox.
pub(crate) struct Inbox<A: App> {
    pub(crate) mails: mpsc::UnboundedReceiver<Mail<A>>,
    /// A `Resync` is on its way.
    missed: Arc<AtomicBool>,
}

pub(crate) fn mailbox<A: App>() -> (Mailbox<A>, Inbox<A>) {
    let (sender, mails) = mpsc::unbounded_channel();
    let missed = Arc::new(AtomicBool::new(false));
    let mailbox = Mailbox {
        mails: sender,
        commands: Arc::new(Semaphore::new(COMMANDS)),
        publications: Arc::new(Semaphore::new(PUBLICATIONS)),
        missed: missed.clone(),
    };
    (mailbox, Inbox { mails, missed })
}

impl<A: App> Mailbox<A> {
    /// The places for commands.
    pub(crate) fn commands(&self) -> &Arc<Semaphore> {
        &self.commands
    }

    /// Puts something in. If the task has ended, nobody is left whom it concerns.
    pub(crate) fn send(&self, mail: Mail<A>) {
        let _ = self.mails.send(mail);
    }

    /// Puts a publication in, or lets the room know that it missed one.
    pub(crate) fn publish(&self, published: Published) {
        match self.publications.clone().try_acquire_owned() {
            Ok(permit) => self.send(Mail::Published(Box::new(published), permit)),
            // One mail for all that are missed until the task has read it.
            Err(_) if self.missed.swap(true, Ordering::AcqRel) => {}
            Err(_) => self.send(Mail::Resync),
        }
    }

    /// Whether the task has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.mails.is_closed()
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.mails.same_channel(&other.mails)
    }
}

impl<A: App> Inbox<A> {
    /// The next mail. Whoever waits for it is woken when it comes.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Mail<A>> {
        match self.mails.poll_recv(cx) {
            Poll::Ready(Some(mail)) => Poll::Ready(self.opened(mail)),
            // The task has a mailbox of its own, so the last one is never dropped.
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// What came in so far, one by one.
    fn next(&mut self) -> Option<Mail<A>> {
        // Looking costs a fraction of a take in vain.
        if self.mails.is_empty() {
            return None;
        }
        let mail = self.mails.try_recv().ok()?;
        Some(self.opened(mail))
    }

    fn opened(&self, mail: Mail<A>) -> Mail<A> {
        if matches!(mail, Mail::Resync) {
            // What is missed from here on is told by another mail.
            self.missed.store(false, Ordering::Release);
        }
        mail
    }
}
