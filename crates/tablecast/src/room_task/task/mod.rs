//! The task itself: mailbox -> decide -> commit -> apply -> fan out.

mod answer;
mod catch_up;
mod leftovers;
mod open;
mod question;
mod timing;

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tablecast_core::backend::{
    BackendError, BackendFuture, Commit, Committed, NewKeepsake, Publication,
};
use tablecast_core::history::History;
use tablecast_core::room::Room;
use tablecast_core::stored::Record;
use tablecast_core::{CloseReason, NodeId, RoomId};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep};

use crate::app::App;
use crate::codec::Frame;
use crate::dialect::{Dialect, json};
use crate::hub::{RoomError, Shared, unreadable};
use crate::room_task::batch::{Batch, Request, Surroundings};
use crate::room_task::locals::Locals;
use crate::room_task::queue::Queue;
use crate::room_task::{Inbox, Mail, Mailbox};

use open::Open;
use question::{Asked, Done, Question, Span};
pub(super) use timing::AwayEnds;
use timing::BackendClock;

/// How long after a failure the backend is asked again, at first and at most.
const RETRY: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// Of so many commands that come alone, one waits to see whether others come with
/// it: the first number after one has waited in vain, which may have been an
/// accident (the runtime looks at its sockets now and then before all that is ready
/// has run), the second after another has. In a room where others come, each waits;
/// where they do not, waiting is paid for in vain, and seldom. One number is odd: of
/// pairs that come together, even ones would find the second for ever.
const LONE_COMMANDS: (u32, u32) = (2, 11);

struct RoomTask<'a, A: App> {
    hub: &'a Shared<A>,
    id: &'a RoomId,
    mailbox: &'a Mailbox<A>,
    /// `None` until it was loaded for the first time.
    room: Option<Room<A>>,
    history: History<A::Event>,
    locals: Locals,
    clock: BackendClock,
    away: AwayEnds,
    expires_at: u64,
    waiting: Queue<A>,
    /// Decided and being committed; without events, being confirmed by a load.
    batch: Option<Batch<A>>,
    busy: Option<Question<'a>>,
    /// Publications that came during a commit; what they are to the room shows
    /// when the commit is done.
    held: Vec<(Box<Publication>, OwnedSemaphorePermit)>,
    /// The room may stand elsewhere: load before deciding anything.
    stale: bool,
    retry_at: Instant,
    retry_after: Duration,
    /// Nodes that hold a seat and are not among those that live, since when.
    strangers: HashMap<NodeId, Instant>,
    heard_at: Instant,
    draining: bool,
    gone: bool,
    timer: Pin<Box<Sleep>>,
    timer_at: Instant,
    /// When to look changed since the timer was set.
    timer_is_new: bool,
    /// So many more commands are decided as they come.
    hasty: u32,
    /// The last command that waited for others waited in vain.
    is_alone: bool,
}

/// Runs a room until nobody here needs it.
pub(crate) async fn run<A: App>(
    hub: Arc<Shared<A>>,
    id: RoomId,
    mailbox: Mailbox<A>,
    inbox: Inbox<A>,
) {
    let _open = Open::new(hub.clone(), id.clone(), mailbox.clone());
    let mut task = RoomTask::new(&hub, &id, &mailbox);
    task.open();
    loop {
        task.proceed();
        if task.gone {
            hub.retire(&id, &mailbox);
            break;
        }
        if task.is_idle() && hub.retire_if_unneeded(&id, &inbox, task.expires_at) {
            break;
        }
        let by_mail = poll_fn(|cx| task.poll_next(cx, &inbox)).await;
        if by_mail && task.busy.is_none() {
            task.gather(&inbox).await;
        }
        // Once it is gone, who wants to enter is answered below.
        while !task.gone
            && let Some(mail) = inbox.next()
        {
            task.mail(mail);
        }
    }
    for mail in inbox.close() {
        if let Mail::Enter(entrant) = mail {
            let _ = entrant.reply.send(Err(RoomError::NotFound));
        }
    }
}

impl<'a, A: App> RoomTask<'a, A> {
    fn new(hub: &'a Shared<A>, id: &'a RoomId, mailbox: &'a Mailbox<A>) -> Self {
        let now = Instant::now();
        let timer_at = now + Duration::from_secs(3600);
        RoomTask {
            locals: Locals::new(hub.metrics.clone()),
            strangers: HashMap::new(),
            hub,
            id,
            mailbox,
            room: None,
            history: History::default(),
            clock: BackendClock { at: now, now: 0 },
            away: AwayEnds::default(),
            expires_at: u64::MAX,
            waiting: Queue::new(),
            batch: None,
            busy: None,
            held: Vec::new(),
            stale: true,
            retry_at: now,
            retry_after: RETRY.0,
            heard_at: now,
            draining: false,
            gone: false,
            timer: Box::pin(tokio::time::sleep_until(timer_at)),
            timer_at,
            timer_is_new: true,
            hasty: 0,
            is_alone: false,
        }
    }

    /// Waits for the store, the mailbox and the clock, and takes what comes first.
    /// True: it was a mail.
    fn poll_next(&mut self, cx: &mut Context<'_>, inbox: &Inbox<A>) -> Poll<bool> {
        if let Some(busy) = &mut self.busy
            && let Poll::Ready(done) = busy.poll(cx)
        {
            self.busy = None;
            self.done(done);
            return Poll::Ready(false);
        }
        if inbox.poll_mail(cx).is_ready() {
            return Poll::Ready(true);
        }
        // It wakes the same task each time, so until it has rung one poll is enough.
        let is_new = std::mem::take(&mut self.timer_is_new);
        if is_new {
            self.timer.as_mut().reset(self.timer_at);
        }
        if is_new || self.timer.is_elapsed() {
            // Whatever this task has done in this turn, it must be known to the timer.
            let timer = unconstrained(self.timer.as_mut());
            if pin!(timer).poll(cx).is_ready() {
                self.tick();
                return Poll::Ready(false);
            }
        }
        Poll::Pending
    }

    /// Lets others who have something to say in this turn of the event loop say it,
    /// so that all of it becomes one commit and one write a socket.
    async fn gather(&mut self, inbox: &Inbox<A>) {
        if self.hasty > 0 {
            self.hasty -= 1;
            return;
        }
        // Whoever yields is woken after all that is ready now.
        tokio::task::yield_now().await;
        let was_alone = std::mem::replace(&mut self.is_alone, inbox.len() == 1);
        if self.is_alone {
            let (first, then) = LONE_COMMANDS;
            self.hasty = if was_alone { then } else { first } - 1;
        }
    }

    /// Looks whether the room exists before it is watched, so that a guessed id
    /// costs no subscription; and loads it after, so that nothing is missed.
    fn open(&mut self) {
        self.stale = false;
        let (backend, id, mailbox) = (&self.hub.backend, self.id, self.mailbox);
        let asked = BackendFuture::later(async move {
            let Some(_) = backend.load(id, None).await? else {
                return Ok(None);
            };
            mailbox.watch(&**backend, id).await;
            backend.load(id, None).await
        });
        self.ask(Asked::Load(asked), Instant::now());
    }

    fn ask(&mut self, asked: Asked<'a>, since: Instant) {
        self.waiting.asks();
        let until = since + self.hub.config.command_deadline;
        self.busy = Some(Question {
            asked,
            since,
            until,
        });
        self.look_at(until);
        self.expect_deadline();
    }

    fn wait(&mut self, request: Request<A>) {
        // What is decided and answered at once, as nearly all is while the store is in
        // this process, has no use for the clock.
        if let Some(deadline) = request.deadline().filter(|_| self.busy.is_some()) {
            self.look_at(deadline);
        }
        self.waiting.push(request);
    }

    fn mail(&mut self, mail: Mail<A>) {
        match mail {
            Mail::Enter(entrant) => {
                if self.draining {
                    let _ = entrant.reply.send(Err(RoomError::Draining));
                    return;
                }
                self.wait(Request::Enter(entrant));
            }
            Mail::Say(say) => self.hear(say),
            Mail::Leave {
                connection,
                keep_seat,
            } => {
                let keep_until = self.keep_until().filter(|_| keep_seat);
                self.waiting.push(Request::Leave {
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
                let up = health.is_up();
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
                let enters = |request: &Request<A>| matches!(request, Request::Enter(_));
                for request in self.waiting.take_undecided(enters) {
                    self.give_up(request, &RoomError::Draining);
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
                    self.expect_deadline();
                    return;
                }
                match &self.room {
                    None => self.open(),
                    Some(room) => {
                        // From here on, so that what is heard while the answer is on
                        // its way leads to another load.
                        self.stale = false;
                        let asked = self.hub.backend.load(self.id, Some(room.position));
                        match asked.at_once() {
                            Ok(answer) => self.done(Done::Loaded(answer)),
                            Err(asked) => self.ask(Asked::Load(asked), Instant::now()),
                        }
                    }
                }
                continue;
            }
            if self.waiting.is_empty() {
                return;
            }
            self.decide();
        }
    }

    fn decide(&mut self) {
        let mut reaps = false;
        for request in self.waiting.undecided() {
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
            away: &self.away,
            live: spared.as_deref(),
            text: self.locals.speak(Dialect::Text),
            text_bytes: self.text_bytes(),
        };
        let mut batch = Batch::decide(&mut self.waiting, room, &self.history, &around);
        if batch.events.is_empty() {
            let may_be_behind = self.hub.backend.resync_interval().is_some();
            // Without a change the room is as it was before, so a part of the batch will do.
            if !may_be_behind || self.waiting.keep_known() {
                return self.accepted(batch);
            }
            // What is known here may be old, and there is no commit to show it. The store
            // is asked before anybody hears that there was nothing to do, or was refused.
            // Others may change the room meanwhile, and again: what it answers is younger
            // than what was asked of it, and that is enough.
            let asked = self.hub.backend.load(self.id, Some(room.position));
            self.batch = Some(batch);
            return self.ask(Asked::Load(asked), Instant::now());
        }
        let events = batch.events.iter().cloned();
        let ttl = self.hub.config.keepsake_ttl;
        let keepsake = batch.keepsake.take();
        let state = || Arc::new(batch.room.clone()).into();
        let commit = Commit {
            expected: room.position,
            events: events.map(Record::from).collect(),
            snapshot: self
                .snapshot_is_due(room.position.seq, batch.room.position.seq)
                .then(state),
            extend: batch.extends.then_some(batch.room.ttl),
            keepsake: keepsake.map(|what| NewKeepsake { what, ttl }),
        };
        let now = Instant::now();
        match self.hub.backend.commit(self.id, commit).at_once() {
            Ok(answer) => {
                let at_once = Span {
                    answered: now,
                    took: Duration::ZERO,
                };
                self.committed(answer, batch, at_once);
            }
            Err(asked) => {
                self.batch = Some(batch);
                self.ask(Asked::Commit(asked), now);
            }
        }
    }

    /// The commit that reaches or passes a multiple of the interval has one, on
    /// whichever node: none has to know what the others have stored.
    fn snapshot_is_due(&self, before: u64, after: u64) -> bool {
        let interval = self.hub.backend.snapshot_interval().max(1) as u64;
        before / interval != after / interval
    }

    fn done(&mut self, done: Done) {
        match done {
            Done::Committed(result, span) => {
                let Some(batch) = self.batch.take() else {
                    return;
                };
                self.committed(result, batch, span);
            }
            Done::Loaded(Ok(Some(loaded))) => {
                let here = self.room.as_ref().map(|room| room.position);
                let as_known = here == Some(loaded.position);
                self.install(loaded);
                self.waiting.knows();
                match self.batch.take() {
                    Some(batch) if as_known => self.accepted(batch),
                    _ => self.waiting.decide_again(),
                }
            }
            Done::Loaded(Ok(None)) => self.be_gone(),
            Done::Loaded(Err(error @ (BackendError::Corrupt(_) | BackendError::Unwritable(_)))) => {
                unreadable(self.id, &error);
                self.fail();
            }
            Done::Loaded(Err(error)) => {
                tracing::debug!(room = %self.id, %error, "load failed");
                self.batch = None;
                self.waiting.decide_again();
                self.be_stale();
                self.back_off();
            }
        }
        for (published, _permit) in std::mem::take(&mut self.held) {
            self.published(&published);
        }
    }

    fn committed(&mut self, result: Result<Committed, BackendError>, batch: Batch<A>, span: Span) {
        if !matches!(result, Ok(Committed::Accepted(_))) {
            self.waiting.decide_again();
        }
        match result {
            Ok(Committed::Accepted(stamp)) => {
                self.hub.metrics.commits.record(span.took);
                self.made_progress();
                self.waiting.knows();
                self.stamp(stamp, span.answered);
                self.accepted(batch);
            }
            Ok(Committed::Conflict(loaded)) => {
                self.hub.metrics.conflicts.add(1);
                self.install(loaded);
                self.waiting.knows();
            }
            Ok(Committed::Gone) => self.be_gone(),
            Err(error @ BackendError::Unwritable(_)) => {
                unreadable(self.id, &error);
                self.fail();
            }
            Err(error) => {
                // What cannot be understood will not be at the next attempt either.
                if matches!(error, BackendError::Corrupt(_)) && self.retry_after == RETRY.0 {
                    tracing::error!(room = %self.id, %error, "the room cannot be changed");
                }
                tracing::debug!(room = %self.id, %error, "commit failed");
                self.be_stale();
                self.back_off();
            }
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
        let away = || self.room.as_ref().and_then(Room::next_away_end).is_some();
        self.locals.is_empty()
            && self.waiting.is_empty()
            && self.busy.is_none()
            && (self.draining || !away())
    }
}
