//! The way to a room's task. A list behind a lock: tokio's channel would take a
//! kilobyte for each room before the first mail, and several times the instructions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Semaphore;
use tokio::task::coop;

use crate::app::App;
use crate::room_task::{Mail, Published};

/// Commands of one room that wait or are being committed. Beyond it connections
/// are not read, so a flood waits in its sender's TCP buffers.
const COMMANDS: usize = 256;

/// Publications of one room that wait. Beyond it the room is loaded again, which
/// costs less than applying them one by one.
const PUBLICATIONS: usize = 64;

/// Room for so many mails is kept while there are none. A room of ten seldom has more
/// at once.
const KEPT: usize = 4;

/// The way to a room's task.
pub(crate) struct Mailbox<A: App>(Arc<Post<A>>);

struct Post<A: App> {
    state: Mutex<State<A>>,
    commands: Arc<Semaphore>,
    publications: Arc<Semaphore>,
}

struct State<A: App> {
    mails: VecDeque<Mail<A>>,
    /// The task's, while it waits.
    waker: Option<Waker>,
    /// A `Resync` is on its way.
    missed: bool,
    /// The task has ended.
    closed: bool,
}

impl<A: App> Clone for Mailbox<A> {
    fn clone(&self) -> Self {
        Mailbox(self.0.clone())
    }
}

pub(crate) fn mailbox<A: App>() -> (Mailbox<A>, Inbox<A>) {
    let post = Arc::new(Post {
        state: Mutex::new(State {
            mails: VecDeque::new(),
            waker: None,
            missed: false,
            closed: false,
        }),
        commands: Arc::new(Semaphore::new(COMMANDS)),
        publications: Arc::new(Semaphore::new(PUBLICATIONS)),
    });
    (Mailbox(post.clone()), Inbox(post))
}

impl<A: App> Mailbox<A> {
    /// The places for commands.
    pub(crate) fn commands(&self) -> &Arc<Semaphore> {
        &self.0.commands
    }

    /// Puts something in. If the task has ended, nobody is left whom it concerns.
    pub(crate) fn send(&self, mail: Mail<A>) {
        Self::put(self.0.state.lock(), mail);
    }

    /// Puts a publication in, or lets the room know that it missed one.
    pub(crate) fn publish(&self, published: Published) {
        match self.0.publications.clone().try_acquire_owned() {
            Ok(permit) => self.send(Mail::Published(Box::new(published), permit)),
            Err(_) => {
                let mut state = self.0.state.lock();
                // One mail for all that are missed until the task has read it.
                if !std::mem::replace(&mut state.missed, true) {
                    Self::put(state, Mail::Resync);
                }
            }
        }
    }

    fn put(mut state: MutexGuard<'_, State<A>>, mail: Mail<A>) {
        if state.closed {
            // What it holds may wake somebody when it is dropped: not under the lock.
            drop(state);
            return;
        }
        state.mails.push_back(mail);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Whether the task has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.state.lock().closed
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// The task's end of the mailbox. Dropping it closes the mailbox.
pub(crate) struct Inbox<A: App>(Arc<Post<A>>);

impl<A: App> Inbox<A> {
    /// Ready when there is something; whoever waits for it is woken when it comes.
    pub(super) fn poll_mail(&self, cx: &mut Context<'_>) -> Poll<()> {
        let progress = ready!(coop::poll_proceed(cx));
        let mut state = self.0.state.lock();
        if state.mails.is_empty() {
            match &mut state.waker {
                Some(waker) => waker.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            return Poll::Pending;
        }
        progress.made_progress();
        Poll::Ready(())
    }

    /// How many mails there are.
    pub(super) fn len(&self) -> usize {
        self.0.state.lock().mails.len()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What came in so far, one by one.
    pub(super) fn next(&self) -> Option<Mail<A>> {
        let mut state = self.0.state.lock();
        let mail = state.mails.pop_front();
        match mail {
            // What is missed from here on is told by another mail.
            Some(Mail::Resync) => state.missed = false,
            None if state.mails.capacity() > KEPT => state.mails = VecDeque::new(),
            _ => {}
        }
        mail
    }

    /// Takes nothing more in, and returns what came in so far.
    pub(super) fn close(&self) -> VecDeque<Mail<A>> {
        let mut state = self.0.state.lock();
        state.closed = true;
        let waker = state.waker.take();
        let mails = std::mem::take(&mut state.mails);
        drop(state);
        drop(waker);
        mails
    }
}

impl<A: App> Drop for Inbox<A> {
    fn drop(&mut self) {
        self.close();
    }
}
