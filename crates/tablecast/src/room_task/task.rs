//! The task itself: mailbox -> decide -> commit -> apply -> fan out.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use tablecast_core::App;
use tablecast_core::backend::{BackendError, BackendFuture, Committed, Loaded, Publication};
use tablecast_core::{CloseReason, RoomId};
use tokio::time::Instant;

use crate::error::{RoomError, Unavailable, log_unreadable};
use crate::node::Node;
use crate::room_task::batch::{Batch, Request};
use crate::room_task::gathering::Gathering;
use crate::room_task::mail::Mail;
use crate::room_task::mailbox::{Inbox, Mailbox};
use crate::room_task::phase::{Answer, Asked, Phase, Question};
use crate::room_task::retry::Retry;
use crate::room_task::room::LocalRoom;
use crate::room_task::watchers::Watchers;

/// The owner of a room on this node: it decides what to ask the store, and when.
pub(crate) struct RoomTask<'a, A: App> {
    node: &'a Node,
    id: &'a RoomId,
    mailbox: &'a Mailbox<A>,
    room: LocalRoom<'a, A>,
    phase: Phase<'a, A>,
    retry: Retry,
    gathering: Gathering,
    /// The room may be at another position: load it before deciding anything.
    stale: bool,
    /// The node is shutting down.
    draining: bool,
}

impl<'a, A: App> RoomTask<'a, A> {
    pub(crate) fn new(node: &'a Node, id: &'a RoomId, mailbox: &'a Mailbox<A>) -> Self {
        RoomTask {
            node,
            id,
            mailbox,
            room: LocalRoom::new(node, id),
            phase: Phase::Resting,
            retry: Retry::new(),
            gathering: Gathering::default(),
            stale: true,
            draining: false,
        }
    }

    /// Runs until nobody on this node needs the room. Then it returns when the room expires
    /// (backend clock, ms; `u64::MAX` if it was never found), and may be called again.
    /// `None` if the room no longer exists.
    pub(crate) async fn run_until_idle(&mut self, inbox: &Inbox<A>) -> Option<u64> {
        self.proceed();
        loop {
            let by_mail = poll_fn(|cx| self.poll_next(cx, inbox)).await;
            if by_mail && self.phase.asked().is_none() && self.gathering.waits() {
                // Lets other members' commands of this turn of the event loop come in, so
                // that all become one commit and one write for each socket. A task that
                // yields is woken after all tasks that are ready now.
                tokio::task::yield_now().await;
                self.gathering.found(inbox.len());
            }
            // Once it is gone, joins are refused.
            while !matches!(self.phase, Phase::Gone(_))
                && let Some(mail) = inbox.next()
            {
                self.mail(mail);
            }
            self.proceed();
            if matches!(self.phase, Phase::Gone(_)) {
                return None;
            }
            if self.is_idle() {
                return Some(self.room.expires_at());
            }
        }
    }

    /// The room no longer exists, or cannot be read: refuses late requests.
    pub(crate) fn turn_away(&self, inbox: &Inbox<A>) {
        let Phase::Gone(why) = &self.phase else {
            return;
        };
        for mail in inbox.close() {
            match mail {
                Mail::Join(join) => join.waits.answer(Err(why.clone())),
                Mail::Order(order) => order.refuse(why.clone().into()),
                Mail::Said(said) => said.knock.answer(Err(why.clone())),
                _ => {}
            }
        }
    }

    /// Whether nothing is left to do here. A node that has the room open gives up the seats
    /// of absent members, so this one stays for that, unless it is shutting down.
    fn is_idle(&mut self) -> bool {
        self.room.audience.is_empty()
            && self.room.requests.is_empty()
            && self.phase.asked().is_none()
            && (self.draining || !(self.room.is_somebody_away() || self.room.is_spoken_to()))
    }

    /// Waits for the store, the mailbox and the clock, and handles what comes first.
    /// Returns true for a mail.
    fn poll_next(&mut self, cx: &mut Context<'_>, inbox: &Inbox<A>) -> Poll<bool> {
        if let Poll::Ready((answer, asked)) = self.phase.poll(cx) {
            self.answered(answer, &asked);
            for (published, _permit) in asked.held {
                self.published(&published);
            }
            return Poll::Ready(false);
        }
        if inbox.poll_mail(cx).is_ready() {
            return Poll::Ready(true);
        }
        self.room.timer.poll(cx).map(|()| {
            self.look_at_deadlines();
            false
        })
    }

    fn mail(&mut self, mail: Mail<A>) {
        match mail {
            Mail::Join(join) if self.draining => {
                join.waits.answer(Err(Unavailable::Draining.into()));
            }
            Mail::Join(join) => self.wait(Request::Join(join)),
            Mail::Command(command) => {
                if self.room.audience.lets_pass(&command) {
                    self.wait(Request::Command(command));
                }
            }
            Mail::Said(said) if self.draining => {
                said.knock.answer(Err(Unavailable::Draining.into()));
            }
            Mail::Said(said) => {
                self.room.spoken_to();
                for command in said.commands {
                    self.wait(Request::Command(command));
                }
                self.wait(Request::Knock(said.knock));
            }
            Mail::Heard { heard, here, .. } => {
                if self.room.hear(heard, self.phase.batch())
                    && let Some(here) = here
                {
                    let _ = here.send(());
                }
            }
            Mail::Order(order) => self.wait(Request::Order(order)),
            Mail::Leave { connection, keep } => {
                self.room.leave(connection, keep, self.phase.batch());
            }
            Mail::Published(published, permit) => match self.phase.asked() {
                Some(asked) => asked.held.push((published, permit)),
                None => self.published(&published),
            },
            Mail::Resync => self.stale = true,
            Mail::Health(health) => {
                if health.is_up() {
                    self.stale = true;
                    if matches!(self.phase, Phase::Waiting(_)) {
                        self.phase = Phase::Resting;
                    }
                }
                self.room.audience.tell_health(&health);
            }
            Mail::Live => self.room.reap_soon(),
            Mail::Ring(_) if self.draining => {}
            Mail::Ring(answer) => {
                self.stale = true;
                self.room.ring(answer);
            }
            Mail::Inspect(answer) => {
                if let Some(seen) = self.room.inspect() {
                    let _ = answer.send(Box::new(seen));
                }
            }
            Mail::Drain => {
                self.draining = true;
                self.room.requests.watchers = Watchers::default();
                let joins = |request: &Request<A>| matches!(request, Request::Join(_));
                for request in self.room.requests.take(joins) {
                    self.room.give_up(request, &Unavailable::Draining.into());
                }
                // Another node decides the alarm, or this one when it runs again.
                self.room.requests.take(Request::is_ring);
                self.room.audience.close_all(CloseReason::Restarting);
            }
        }
    }

    fn wait(&mut self, request: Request<A>) {
        // A batch that is decided and answered at once needs no clock. With the store in
        // this process this is nearly always so.
        if !matches!(self.phase, Phase::Resting)
            && let Some(deadline) = request.deadline()
        {
            self.room.timer.set(deadline);
        }
        self.room.requests.push(request);
    }

    fn published(&mut self, published: &Publication) {
        self.stale = self.stale || self.room.published(published).is_err();
    }

    /// Asks the store for what is needed next, until an answer must be waited for.
    fn proceed(&mut self) {
        loop {
            match self.phase {
                Phase::Resting if self.stale => self.load(None),
                Phase::Resting if self.room.has_requests() => self.decide(),
                Phase::Waiting(until) if until <= Instant::now() => self.phase = Phase::Resting,
                Phase::Resting
                | Phase::Waiting(_)
                | Phase::Loading(..)
                | Phase::Committing(..)
                | Phase::Gone(_) => return,
            }
        }
    }

    /// Asks the store for the room's position; with a batch, to confirm that it was decided
    /// at that position.
    fn load(&mut self, batch: Option<Box<Batch<A>>>) {
        // Cleared now, so that news during this load causes another load.
        self.stale = false;
        let (backend, id, mailbox) = (&self.node.backend, self.id, self.mailbox);
        let answer = match self.room.position() {
            Some(here) => backend.load(id, Some(here)),
            // Checks that the room exists before watching it, so that a guessed id costs no
            // subscription; and loads it again after that, so that nothing is missed.
            None => BackendFuture::later(async move {
                let Some(_) = backend.load(id, None).await? else {
                    return Ok(None);
                };
                mailbox.watch(&**backend, id).await;
                backend.load(id, None).await
            }),
        };
        match answer.at_once() {
            Ok(answer) => self.loaded(answer, batch),
            Err(answer) => self.begin(Phase::Loading(self.question(answer), batch)),
        }
    }

    fn answered(&mut self, answer: Answer<A>, asked: &Asked) {
        let is_position_known = match &answer {
            Answer::Loaded(answer, _) => answer.is_ok(),
            Answer::Committed(answer, _) => answer.is_ok(),
        };
        if is_position_known {
            self.room.requests.known = Some(asked.until);
        }
        match answer {
            Answer::Loaded(answer, batch) => self.loaded(answer, batch),
            Answer::Committed(answer, mut batch) => {
                self.committed(answer, &mut batch, asked.since.elapsed());
            }
        }
    }

    fn loaded(
        &mut self,
        answer: Result<Option<Loaded>, BackendError>,
        batch: Option<Box<Batch<A>>>,
    ) {
        let here = self.room.position();
        let mut confirmed = None;
        match (batch, &answer) {
            (Some(batch), Ok(Some(loaded))) if here == Some(loaded.position) => {
                confirmed = Some(batch);
            }
            (Some(batch), _) => self.room.requests.put_back(batch.decided, None),
            (None, _) => {}
        }
        match answer {
            Ok(Some(loaded)) => {
                self.install(&loaded);
                if let Some(mut batch) = confirmed {
                    self.accepted(&mut batch);
                }
            }
            Ok(None) => self.end(RoomError::NotFound, CloseReason::Expired),
            Err(error @ (BackendError::Corrupt(_) | BackendError::Unwritable(_))) => {
                log_unreadable(self.id, &error);
                self.fail();
            }
            Err(error) => {
                tracing::debug!(room = %self.id, %error, "the store was asked in vain");
                self.stale = true;
                let until = Instant::now() + self.retry.failed();
                self.begin(Phase::Waiting(until));
            }
        }
    }

    /// Decides waiting requests and commits them; without events, a load confirms them.
    fn decide(&mut self) {
        let Some(mut batch) = self.room.decide() else {
            // The store returned a position but no state.
            return self.fail();
        };
        let (backend, config) = (&self.node.backend, &self.node.config);
        if batch.events.is_empty() {
            // This node's copy may be old, and no commit would show it. So the store is
            // asked before a refusal or "nothing to do" is answered. Others may change the
            // room again meanwhile, but the answer is newer than the request, and that is
            // enough.
            let may_be_behind = backend.resync_interval().is_some();
            if may_be_behind && !batch.keep_known(&mut self.room.requests) {
                return self.load(Some(Box::new(batch)));
            }
            return self.accepted(&mut batch);
        }
        let commit = batch.commit(backend.snapshot_interval(), config.keepsake_ttl);
        match backend.commit(self.id, commit).at_once() {
            Ok(answer) => self.committed(answer, &mut batch, Duration::ZERO),
            Err(answer) => {
                self.begin(Phase::Committing(self.question(answer), Box::new(batch)));
            }
        }
    }

    fn committed(
        &mut self,
        answer: Result<Committed, BackendError>,
        batch: &mut Batch<A>,
        took: Duration,
    ) {
        let stands = match answer {
            Ok(Committed::Accepted(stamp)) => {
                self.node.metrics.commits.record(took);
                self.retry.succeeded();
                self.room.heard(stamp);
                return self.accepted(batch);
            }
            Ok(Committed::Conflict(loaded)) => {
                self.node.metrics.conflicts.add(1);
                Ok(Some(loaded))
            }
            Ok(Committed::Gone) => Ok(None),
            // An unreadable answer will not become readable at the next attempt. But the
            // room may be readable, so it is loaded.
            Err(BackendError::Corrupt(error)) => {
                if self.retry.is_first() {
                    tracing::error!(room = %self.id, error, "the room cannot be changed");
                }
                Err(BackendError::Unknown(error))
            }
            Err(error) => Err(error),
        };
        let decided = std::mem::take(&mut batch.decided);
        let is_unknown = matches!(stands, Err(BackendError::Unknown(_)));
        let unknown = is_unknown.then_some(batch.expected);
        self.room.requests.put_back(decided, unknown);
        self.loaded(stands, None);
    }

    fn accepted(&mut self, batch: &mut Batch<A>) {
        self.room.accept(batch);
        if self.draining {
            // Also connections that have just got a seat.
            self.room.audience.close_all(CloseReason::Restarting);
        }
    }

    fn install(&mut self, loaded: &Loaded) {
        if self.room.position() != Some(loaded.position) {
            self.retry.succeeded();
        }
        if let Err(error) = self.room.install(loaded) {
            log_unreadable(self.id, &BackendError::Corrupt(error.to_string()));
            self.fail();
        }
    }

    fn question<T>(&self, answer: BackendFuture<'a, T>) -> Question<'a, T> {
        Question::new(answer, self.node.config.command_deadline)
    }

    fn begin(&mut self, phase: Phase<'a, A>) {
        self.phase = phase;
        self.expect_deadlines();
    }

    /// The room no longer exists, or this node cannot continue with it: tells everybody.
    fn end(&mut self, why: RoomError, reason: CloseReason) {
        for request in self.room.requests.take(|_| true) {
            self.room.audience.refuse(request, &why);
        }
        self.room.audience.close_all(reason);
        self.phase = Phase::Gone(why);
    }

    /// The stored room cannot be read. The reason has been logged; it would not help members.
    fn fail(&mut self) {
        let why = Unavailable::Store("the stored room cannot be read".to_owned());
        self.end(why.into(), CloseReason::Unavailable);
    }

    /// Sets the next check to the earliest deadline of the store or a request.
    fn expect_deadlines(&mut self) {
        if let Some(at) = self.phase.until() {
            self.room.timer.set(at);
        }
        if let Some(at) = self.room.requests.next_deadline(self.phase.batch()) {
            self.room.timer.set(at);
        }
    }

    /// Checks all deadlines, and sets the time of the next check.
    fn look_at_deadlines(&mut self) {
        let now = Instant::now();
        self.phase.give_up_if_late(now);
        // A request in a commit under way may still be applied, so its outcome is unknown.
        let late = self.room.requests.take_late(self.phase.batch(), now);
        if !late.is_empty() {
            let error = self.node.unsettled().into();
            for request in late {
                self.room.give_up(request, &error);
            }
        }
        self.expect_deadlines();
        self.stale |= self.room.look(now).is_err();
    }
}
