//! The task itself: mailbox -> decide -> commit -> apply -> fan out.

mod answer;
mod catch_up;
mod leftovers;
mod timing;

use std::collections::{HashMap, VecDeque};
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tablecast_core::backend::{BackendError, Commit, Committed, Health, Loaded};
use tablecast_core::history::History;
use tablecast_core::room::{Room, StoredError};
use tablecast_core::{CloseReason, NodeId, RoomId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};

use crate::app::App;
use crate::codec::Frame;
use crate::dialect::{Dialect, json};
use crate::hub::{RoomError, Shared};
use crate::room_task::batch::{Batch, Request, Surroundings};
use crate::room_task::locals::Locals;
use crate::room_task::{Inbox, Mail, Mailbox, Published};
use timing::BackendClock;

/// How long after a failure the backend is asked again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// An answer of the backend.
enum Done {
    Loaded(Result<Option<Loaded>, BackendError>),
    Committed(Result<Committed, BackendError>),
}

fn no_answer() -> BackendError {
    BackendError::Unknown("no answer in time".into())
}

struct RoomTask<A: App> {
    hub: Arc<Shared<A>>,
    id: RoomId,
    /// `None` until it was loaded for the first time.
    room: Option<Room<A>>,
    history: History<A::Event>,
    locals: Locals,
    clock: BackendClock,
    expires_at: u64,
    waiting: VecDeque<Request<A>>,
    /// Decided and being committed.
    batch: Option<Batch<A>>,
    busy: Option<Pin<Box<dyn Future<Output = Done> + Send>>>,
    /// Publications that came during a commit; what they are to the room shows
    /// when the commit is done.
    held: Vec<(Published, OwnedSemaphorePermit)>,
    /// The room may stand elsewhere: load before deciding anything.
    stale: bool,
    retry_at: Instant,
    retry_after: Duration,
    since_snapshot: usize,
    /// Nodes that hold a seat and are not among those that live, since when.
    strangers: HashMap<NodeId, Instant>,
    heard_at: Instant,
    draining: bool,
    gone: bool,
    timer: Pin<Box<Sleep>>,
    timer_at: Instant,
}

/// Runs a room until nobody here needs it.
pub(crate) async fn run<A: App>(
    hub: Arc<Shared<A>>,
    id: RoomId,
    mailbox: Mailbox<A>,
    mut inbox: Inbox<A>,
) {
    let _open = Open::new(hub.clone(), id.clone(), mailbox.clone());
    let mut task = RoomTask::new(hub.clone(), id.clone());
    task.open();
    loop {
        while let Ok(mail) = inbox.mails.try_recv() {
            task.mail(mail);
        }
        task.stale |= inbox.take_missed();
        task.proceed();
        if task.gone {
            hub.retire(&id, &mailbox);
            break;
        }
        if task.is_idle() && hub.retire_if_unneeded(&id, &inbox, task.expires_at) {
            break;
        }
        let busy = &mut task.busy;
        tokio::select! {
            biased;
            done = async { match busy { Some(busy) => busy.await, None => pending().await } } => {
                task.busy = None;
                task.done(done);
            }
            mail = inbox.mails.recv() => {
                if let Some(mail) = mail {
                    task.mail(mail);
                }
            }
            () = &mut task.timer => task.tick(),
        }
    }
    inbox.mails.close();
    while let Ok(mail) = inbox.mails.try_recv() {
        if let Mail::Enter(entrant) = mail {
            let _ = entrant.reply.send(Err(RoomError::NotFound));
        }
    }
}

/// Counts a room for as long as its task runs, and sees to it that the hub knows
/// when it has ended, even by a panic of the application's logic.
struct Open<A: App> {
    hub: Arc<Shared<A>>,
    id: RoomId,
    mailbox: Mailbox<A>,
}

impl<A: App> Open<A> {
    fn new(hub: Arc<Shared<A>>, id: RoomId, mailbox: Mailbox<A>) -> Self {
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

impl<A: App> RoomTask<A> {
    fn new(hub: Arc<Shared<A>>, id: RoomId) -> Self {
        let now = Instant::now();
        let timer_at = now + Duration::from_secs(3600);
        RoomTask {
            locals: Locals::new(hub.metrics.clone()),
            strangers: HashMap::new(),
            hub,
            id,
            room: None,
            history: History::default(),
            clock: BackendClock { at: now, now: 0 },
            expires_at: u64::MAX,
            waiting: VecDeque::new(),
            batch: None,
            busy: None,
            held: Vec::new(),
            stale: true,
            retry_at: now,
            retry_after: RETRY.0,
            since_snapshot: 0,
            heard_at: now,
            draining: false,
            gone: false,
            timer: Box::pin(tokio::time::sleep_until(timer_at)),
            timer_at,
        }
    }

    /// Looks whether the room exists before it is watched, so that a guessed id
    /// costs no subscription; and loads it after, so that nothing is missed.
    fn open(&mut self) {
        self.stale = false;
        let (backend, id) = (self.hub.backend.clone(), self.id.clone());
        self.start_loading(async move {
            let Some(_) = backend.load(&id, None).await? else {
                return Ok(None);
            };
            // If the store is away, the wish is kept and a resync follows.
            let _ = backend.watch(&id).await;
            backend.load(&id, None).await
        });
    }

    fn start_loading(
        &mut self,
        asked: impl Future<Output = Result<Option<Loaded>, BackendError>> + Send + 'static,
    ) {
        let limit = self.hub.config.command_deadline;
        self.start(async move {
            let loaded = tokio::time::timeout(limit, asked).await;
            Done::Loaded(loaded.unwrap_or_else(|_| Err(no_answer())))
        });
    }

    fn start(&mut self, asked: impl Future<Output = Done> + Send + 'static) {
        self.busy = Some(Box::pin(asked));
    }

    fn mail(&mut self, mail: Mail<A>) {
        match mail {
            Mail::Enter(entrant) => {
                if self.draining {
                    let _ = entrant.reply.send(Err(RoomError::Draining));
                    return;
                }
                self.look_at(entrant.deadline);
                self.waiting.push_back(Request::Enter(entrant));
            }
            Mail::Say(say) => {
                self.look_at(say.deadline);
                self.waiting.push_back(Request::Say(say));
            }
            Mail::Leave {
                connection,
                keep_seat,
            } => {
                let keep_until = self.keep_until().filter(|_| keep_seat);
                self.waiting.push_back(Request::Leave {
                    connection,
                    keep_until,
                });
            }
            Mail::Published(published, permit) => {
                if self.busy.is_some() {
                    self.held.push((published, permit));
                } else {
                    self.published(&published);
                }
            }
            Mail::Resync => self.be_stale(),
            Mail::Health(health) => {
                let up = health == Health::Up;
                if up {
                    self.be_stale();
                    self.retry_at = Instant::now();
                }
                self.locals
                    .tell(Dialect::Json, Frame::text(&json::status(up)));
            }
            Mail::Live => self.reap_soon(),
            Mail::Drain => {
                self.draining = true;
                for request in std::mem::take(&mut self.waiting) {
                    match request {
                        Request::Enter(entrant) => {
                            let _ = entrant.reply.send(Err(RoomError::Draining));
                        }
                        request => self.waiting.push_back(request),
                    }
                }
                self.locals.close_all(CloseReason::Restarting);
            }
        }
    }

    fn be_stale(&mut self) {
        self.stale = true;
    }

    /// How much of the text dialect goes out at once.
    fn text_bytes(&self) -> usize {
        self.hub.config.connection.outbox.bytes / 4
    }

    /// Until when the seat of somebody who drops now is kept (backend clock, ms).
    fn keep_until(&self) -> Option<u64> {
        let grace = self.hub.config.seat_grace.as_millis() as u64;
        (grace > 0).then(|| self.clock.now().saturating_add(grace))
    }

    /// Asks the backend for what is needed next.
    fn proceed(&mut self) {
        while self.busy.is_none() && !self.gone {
            if self.stale {
                if self.retry_at > Instant::now() {
                    self.look_at(self.retry_at);
                    return;
                }
                match &self.room {
                    None => self.open(),
                    Some(room) => {
                        // From here on, so that what is heard while the answer is on
                        // its way leads to another load.
                        self.stale = false;
                        let known = Some(room.position);
                        let (backend, id) = (self.hub.backend.clone(), self.id.clone());
                        self.start_loading(async move { backend.load(&id, known).await });
                    }
                }
                return;
            }
            if self.waiting.is_empty() {
                return;
            }
            self.decide();
        }
    }

    fn decide(&mut self) {
        let mut reaps = false;
        for request in &self.waiting {
            match request {
                Request::Leave { connection, .. } => self.locals.remove(*connection),
                Request::Enter(_) | Request::Reap => reaps = true,
                Request::Say(_) => {}
            }
        }
        let spared = if reaps { self.spared() } else { None };
        let Some(room) = &self.room else { return };
        let around = Surroundings {
            node: &self.hub.node,
            now: self.clock.now(),
            live: spared.as_deref(),
            text: self.locals.speak(Dialect::Text),
            text_bytes: self.text_bytes(),
        };
        let batch = Batch::decide(&mut self.waiting, room, &self.history, &around);
        if batch.events.is_empty() {
            self.accepted(batch);
            return;
        }
        match self.commit_of(&batch) {
            Ok(commit) => {
                let (backend, id) = (self.hub.backend.clone(), self.id.clone());
                let hub = self.hub.clone();
                self.start(async move {
                    let began = Instant::now();
                    let limit = hub.config.command_deadline;
                    let committed = tokio::time::timeout(limit, backend.commit(&id, commit)).await;
                    if matches!(committed, Ok(Ok(Committed::Accepted(_)))) {
                        hub.metrics.commits.record(began.elapsed());
                    }
                    Done::Committed(committed.unwrap_or_else(|_| Err(no_answer())))
                });
                self.batch = Some(batch);
            }
            Err(error) => {
                tracing::error!(room = %self.id, %error, "the application's state cannot be stored");
                batch.put_back(&mut self.waiting);
                self.fail(&error.to_string());
            }
        }
    }

    fn commit_of(&self, batch: &Batch<A>) -> Result<Commit, StoredError> {
        let events = batch
            .events
            .iter()
            .map(|event| event.encode())
            .collect::<Result<Vec<_>, _>>()?;
        let since = self.since_snapshot + events.len();
        let due = since >= self.hub.backend.snapshot_interval();
        Ok(Commit {
            expected: self
                .room
                .as_ref()
                .map_or(batch.room.position, |room| room.position),
            snapshot: if due {
                Some(batch.room.encode()?)
            } else {
                None
            },
            events,
            extend: batch.extends.then_some(self.hub.config.room_ttl),
        })
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Committed(result) => {
                let Some(batch) = self.batch.take() else {
                    return;
                };
                match result {
                    Ok(Committed::Accepted(stamp)) => {
                        self.made_progress();
                        self.stamp(stamp);
                        let made = batch.events.len();
                        let since = self.since_snapshot + made;
                        let interval = self.hub.backend.snapshot_interval();
                        self.since_snapshot = if since >= interval { 0 } else { since };
                        self.accepted(batch);
                    }
                    Ok(Committed::Conflict(loaded)) => {
                        self.hub.metrics.conflicts.add(1);
                        batch.put_back(&mut self.waiting);
                        self.install(loaded);
                    }
                    Ok(Committed::Gone) => {
                        batch.put_back(&mut self.waiting);
                        self.be_gone();
                    }
                    Err(error) => {
                        tracing::debug!(room = %self.id, %error, "commit failed");
                        batch.put_back(&mut self.waiting);
                        self.be_stale();
                        self.back_off();
                    }
                }
            }
            Done::Loaded(Ok(Some(loaded))) => {
                self.install(loaded);
            }
            Done::Loaded(Ok(None)) => self.be_gone(),
            Done::Loaded(Err(BackendError::Corrupt(error))) => self.fail(&error),
            Done::Loaded(Err(error)) => {
                tracing::debug!(room = %self.id, %error, "load failed");
                self.be_stale();
                self.back_off();
            }
        }
        for (published, _permit) in std::mem::take(&mut self.held) {
            self.published(&published);
        }
    }

    /// The store took something. That it answers proves nothing, for it may refuse
    /// writes alone.
    fn made_progress(&mut self) {
        self.retry_after = RETRY.0;
    }

    fn back_off(&mut self) {
        let jitter = Duration::from_secs_f64(self.retry_after.as_secs_f64() * fastrand::f64());
        self.retry_at = Instant::now() + self.retry_after / 2 + jitter;
        self.retry_after = (self.retry_after * 2).min(RETRY.1);
    }

    /// Whether nothing is left to do here. A seat that is kept for somebody away
    /// is given up by whichever node has the room open, so this one stays, unless
    /// it shuts down.
    fn is_idle(&self) -> bool {
        let away = self.room.as_ref().and_then(Room::next_away_end).is_some();
        self.locals.is_empty()
            && self.waiting.is_empty()
            && self.busy.is_none()
            && (self.draining || !away)
    }
}
