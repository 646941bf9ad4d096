//! The queue of a room's task. A list behind a lock: tokio's channel would take a kilobyte
//! for each room before the first mail, and several times the instructions.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};
use tablecast_core::App;
use tablecast_core::RoomId;
use tablecast_core::backend::{Backend, Listener, Publication, Watch};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::coop;

use crate::room_task::claim::Heard;
use crate::room_task::mail::Mail;

/// How many commands of one room may wait or be in a commit. Beyond this, connections are
/// not read, so a flood waits in its sender's TCP buffers.
const COMMANDS: usize = 256;

/// How many publications of one room may wait. Beyond this the room is loaded again, which
/// costs less than applying them one by one.
const PUBLICATIONS: usize = 64;

/// Capacity for this many mails is kept while there are none. A room of ten rarely has more
/// at once.
const KEPT: usize = 4;

/// The sending side of a room's mailbox.
pub(crate) struct Mailbox<A: App>(Arc<Post<A>>);

struct Post<A: App> {
    state: Mutex<State<A>>,
    commands: Arc<Semaphore>,
    publications: Arc<Semaphore>,
}

struct State<A: App> {
    mails: VecDeque<Mail<A>>,
    /// The task's waker, while it waits.
    waker: Option<Waker>,
    /// A `Resync` is in the mailbox.
    missed: bool,
    /// The room's publications come in while this watch is here. The backend holds this
    /// mailbox meanwhile, so the end of the task removes the watch.
    watch: Option<Watch>,
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
            watch: None,
            closed: false,
        }),
        commands: Arc::new(Semaphore::new(COMMANDS)),
        publications: Arc::new(Semaphore::new(PUBLICATIONS)),
    });
    (Mailbox(post.clone()), Inbox(post))
}

impl<A: App> Mailbox<A> {
    /// A permit for each command that may wait.
    pub(crate) fn commands(&self) -> &Arc<Semaphore> {
        &self.0.commands
    }

    /// Adds a mail. If the task has ended, the mail concerns nobody.
    pub(crate) fn send(&self, mail: Mail<A>) {
        Post::put(self.0.state.lock(), mail);
    }

    /// Somebody has spoken by POST; `here` is answered if they hear here. Where too much waits, it
    /// is passed over.
    pub(crate) fn hear(&self, heard: Heard, here: oneshot::Sender<()>) {
        self.0.hear(heard, Some(here));
    }

    /// Delivers the room's publications to this mailbox until the task ends. Publications
    /// come in as soon as this returns. If the store is down, they come in later, and then
    /// a `Resync` comes first.
    pub(super) async fn watch(&self, backend: &dyn Backend, room: &RoomId) {
        if self.0.state.lock().watch.is_some() {
            return;
        }
        let (watch, begun) = backend.watch(room, self.0.clone());
        self.0.state.lock().watch = Some(watch);
        let _ = begun.await;
    }

    /// Whether the task has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.state.lock().closed
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl<A: App> Post<A> {
    fn hear(&self, heard: Heard, here: Option<oneshot::Sender<()>>) {
        if let Ok(_permit) = self.publications.clone().try_acquire_owned() {
            let mail = Mail::Heard {
                heard,
                here,
                _permit,
            };
            Self::put(self.state.lock(), mail);
        }
    }

    fn put(mut state: MutexGuard<'_, State<A>>, mail: Mail<A>) {
        if state.closed {
            // Dropping a mail may wake a task, so not under the lock.
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
}

impl<A: App> Listener for Post<A> {
    fn published(&self, publication: Publication) {
        match self.publications.clone().try_acquire_owned() {
            Ok(permit) => {
                let mail = Mail::Published(Box::new(publication), permit);
                Self::put(self.state.lock(), mail);
            }
            Err(_) => self.missed(),
        }
    }

    fn missed(&self) {
        let mut state = self.state.lock();
        // One mail for everything missed until the task has read it.
        if !std::mem::replace(&mut state.missed, true) {
            Self::put(state, Mail::Resync);
        }
    }

    fn signalled(&self, signal: Bytes) {
        if let Some(heard) = Heard::from_signal(&signal) {
            self.hear(heard, None);
        }
    }
}

/// The task's side of the mailbox. Dropping it closes the mailbox.
pub(crate) struct Inbox<A: App>(Arc<Post<A>>);

impl<A: App> Inbox<A> {
    /// Ready when there is a mail; otherwise the waiting task is woken by the next one.
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

    /// The mails so far, one by one.
    pub(super) fn next(&self) -> Option<Mail<A>> {
        let mut state = self.0.state.lock();
        let mail = state.mails.pop_front();
        match mail {
            // A publication missed from now on needs another mail.
            Some(Mail::Resync) => state.missed = false,
            None if state.mails.capacity() > KEPT => state.mails = VecDeque::new(),
            _ => {}
        }
        mail
    }

    /// Accepts no more mails, and returns those so far.
    pub(super) fn close(&self) -> VecDeque<Mail<A>> {
        let mut state = self.0.state.lock();
        state.closed = true;
        let waker = state.waker.take();
        let watch = state.watch.take();
        let mails = std::mem::take(&mut state.mails);
        drop(state);
        drop((waker, watch));
        mails
    }
}

impl<A: App> Drop for Inbox<A> {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use bytes::Bytes;
    use tablecast_core::Position;
    use tablecast_core::backend::{Commit, Committed, Created, NewRoom};

    use super::*;
    use crate::MemoryBackend;
    use crate::room_task::tests::Nothing;

    /// A room of the store, and its mailbox on this node.
    struct Watched {
        room: RoomId,
        position: Position,
        mailbox: Mailbox<Nothing>,
        inbox: Inbox<Nothing>,
    }

    async fn watched(backend: &MemoryBackend, room: &str) -> Watched {
        let room: RoomId = room.parse().unwrap();
        let new = NewRoom {
            snapshot: Bytes::new(),
            ttl: Duration::from_secs(60),
            max_age: Duration::from_secs(60),
            alarm: None,
        };
        let Created::New(position, _) = backend.create(&room, new).await.unwrap() else {
            panic!("it exists");
        };
        let (mailbox, inbox) = mailbox();
        mailbox.watch(backend, &room).await;
        Watched {
            room,
            position,
            mailbox,
            inbox,
        }
    }

    impl Watched {
        /// Has an event published by another node.
        async fn publish(&mut self, by: &MemoryBackend) {
            let commit = Commit {
                expected: self.position,
                events: vec![Bytes::from_static(b"e").into()],
                snapshot: Some(Bytes::new().into()),
                extend: None,
                keepsake: None,
                alarm: None,
            };
            let committed = by.commit(&self.room, commit).await;
            assert!(matches!(committed, Ok(Committed::Accepted(_))));
            self.position = self.position.after(1);
        }

        /// The received mails: the seqs of publications, and 0 for `Resync`.
        fn read(&self) -> Vec<u64> {
            let mails = std::iter::from_fn(|| self.inbox.next());
            let seq = |mail| match mail {
                Mail::Published(published, _) => published.first,
                Mail::Resync => 0,
                _ => panic!("neither published nor missed"),
            };
            mails.map(seq).collect()
        }
    }

    #[tokio::test]
    async fn a_room_that_does_not_read_misses_what_is_beyond_its_bound_and_no_other_does() {
        let here = MemoryBackend::new();
        let there = here.another_node();
        let mut slow = watched(&here, "slow").await;
        let mut quick = watched(&here, "quick").await;
        let bound = PUBLICATIONS as u64;
        for seq in 1..=3 * bound {
            slow.publish(&there).await;
            quick.publish(&there).await;
            assert_eq!(quick.read(), [seq]);
        }
        let kept = (1..=bound).chain([0]);
        assert_eq!(slow.read(), kept.collect::<Vec<_>>(), "one word for all");
        slow.publish(&there).await;
        assert_eq!(slow.read(), [3 * bound + 1], "nothing is lost after it");
    }

    #[tokio::test]
    async fn a_waiting_task_is_woken_by_a_publication() {
        let here = MemoryBackend::new();
        let there = here.another_node();
        let mut room = watched(&here, "r").await;
        let (_, unused) = mailbox();
        let inbox = std::mem::replace(&mut room.inbox, unused);
        let waiting = tokio::spawn(async move {
            poll_fn(|cx| inbox.poll_mail(cx)).await;
            inbox.len()
        });
        while room.mailbox.0.state.lock().waker.is_none() {
            tokio::task::yield_now().await;
        }
        room.publish(&there).await;
        let woken = tokio::time::timeout(Duration::from_secs(60), waiting).await;
        assert_eq!(woken.unwrap().unwrap(), 1);
    }

    #[tokio::test]
    async fn with_its_task_a_rooms_watch_ends() {
        let here = MemoryBackend::new();
        let room = watched(&here, "r").await;
        assert_eq!(Arc::strong_count(&room.mailbox.0), 3);
        drop(room.inbox);
        assert_eq!(Arc::strong_count(&room.mailbox.0), 1);
    }
}
