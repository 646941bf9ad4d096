//! The task itself: mailbox -> decide -> commit -> apply -> fan out.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tablecast_core::backend::{
    BackendError, BackendFuture, Commit, Committed, Loaded, NewKeepsake, Record, Stamp,
};
use tablecast_core::membership::Presence;
use tablecast_core::position::{Order, Position};
use tablecast_core::room::{Change, Event, Events, Room};
use tablecast_core::{CloseReason, NodeId, RoomId};
use tokio::time::Instant;

use crate::app::App;
use crate::error::{RoomError, log_unreadable};
use crate::node::Node;
use crate::room_task::absent::{AwayEnds, UnseenNodes};
use crate::room_task::alarm::Alarm;
use crate::room_task::audience::Audience;
use crate::room_task::batch::{Batch, DecideContext, Request, Requests};
use crate::room_task::clock::BackendClock;
use crate::room_task::gathering::Gathering;
use crate::room_task::phase::{Phase, Question};
use crate::room_task::replica::{self, Read, Replica};
use crate::room_task::retry::Retry;
use crate::room_task::{Inbox, Mail, Published};

/// The owner of a room on this node.
pub(crate) struct RoomTask<'a, A: App> {
    node: &'a Node,
    id: &'a RoomId,
    phase: Phase<'a, A>,
    /// `None` until it was loaded for the first time.
    replica: Option<Replica<A>>,
    requests: Requests<A>,
    audience: Audience<'a>,
    clock: BackendClock,
    away: AwayEnds,
    unseen: UnseenNodes,
    retry: Retry,
    alarm: Alarm,
    gathering: Gathering,
    /// The room may stand elsewhere: load before deciding anything.
    stale: bool,
    /// The node shuts down.
    draining: bool,
}

impl<'a, A: App> RoomTask<'a, A> {
    pub(crate) fn new(node: &'a Node, id: &'a RoomId) -> Self {
        RoomTask {
            node,
            id,
            phase: Phase::Resting,
            replica: None,
            requests: Requests::new(),
            audience: Audience::new(node, id),
            clock: BackendClock::new(),
            away: AwayEnds::default(),
            unseen: UnseenNodes::default(),
            retry: Retry::new(),
            alarm: Alarm::new(),
            gathering: Gathering::default(),
            stale: true,
            draining: false,
        }
    }

    /// Runs until nobody here needs the room: then returns when it expires (backend
    /// clock, ms; `u64::MAX` if it was never found), and may be called again. `None` when
    /// the room is no more.
    pub(crate) async fn run_until_idle(&mut self, inbox: &Inbox<A>) -> Option<u64> {
        self.proceed();
        loop {
            let by_mail = poll_fn(|cx| self.poll_next(cx, inbox)).await;
            if by_mail && !self.phase.is_asking() && self.gathering.waits() {
                // Lets others who have something to say in this turn of the event loop say
                // it, so that all of it becomes one commit and one write a socket. Whoever
                // yields is woken after all that is ready now.
                tokio::task::yield_now().await;
                self.gathering.found(inbox.len());
            }
            // Once it is gone, who wants to enter is turned away.
            while !matches!(self.phase, Phase::Gone)
                && let Some(mail) = inbox.next()
            {
                self.mail(mail);
            }
            self.proceed();
            if matches!(self.phase, Phase::Gone) {
                return None;
            }
            if self.is_idle() {
                return Some(self.clock.expires_at());
            }
        }
    }

    /// The room is no more: answers those who came too late.
    pub(crate) fn turn_away(&self, inbox: &Inbox<A>) {
        for mail in inbox.close() {
            if let Mail::Join(join) = mail {
                self.audience.turn_away::<A>(Request::Join(join));
            }
        }
    }

    /// Whether nothing is left to do here. A seat that is kept for somebody away
    /// is given up by whichever node has the room open, so this one stays, unless
    /// it shuts down.
    fn is_idle(&self) -> bool {
        let room = || self.replica.as_ref().map(|replica| &replica.room);
        let is_somebody_away = || room().and_then(Room::next_away_end).is_some();
        self.audience.is_empty()
            && self.requests.is_empty()
            && !self.phase.is_asking()
            && (self.draining || !is_somebody_away())
    }

    /// Waits for the store, the mailbox and the clock, and takes what comes first.
    /// True: it was a mail.
    fn poll_next(&mut self, cx: &mut Context<'_>, inbox: &Inbox<A>) -> Poll<bool> {
        if self.poll_answer(cx).is_ready() {
            return Poll::Ready(false);
        }
        if inbox.poll_mail(cx).is_ready() {
            return Poll::Ready(true);
        }
        self.alarm.poll(cx).map(|()| {
            self.look_at_deadlines();
            false
        })
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let held = match std::mem::replace(&mut self.phase, Phase::Resting) {
            Phase::Loading(mut question, batch) => match question.poll(cx) {
                Poll::Ready(answer) => {
                    self.loaded(answer, batch);
                    question.held
                }
                Poll::Pending => {
                    self.phase = Phase::Loading(question, batch);
                    return Poll::Pending;
                }
            },
            Phase::Committing(mut question, batch) => match question.poll(cx) {
                Poll::Ready(answer) => {
                    self.committed(answer, *batch, question.since.elapsed());
                    question.held
                }
                Poll::Pending => {
                    self.phase = Phase::Committing(question, batch);
                    return Poll::Pending;
                }
            },
            other @ (Phase::Resting | Phase::Waiting(_) | Phase::Gone) => {
                self.phase = other;
                return Poll::Pending;
            }
        };
        for (published, _permit) in held {
            self.published(&published);
        }
        Poll::Ready(())
    }

    fn mail(&mut self, mail: Mail<A>) {
        match mail {
            Mail::Join(join) if self.draining => {
                self.audience
                    .give_up::<A>(Request::Join(join), &RoomError::Draining);
            }
            Mail::Join(join) => self.wait(Request::Join(join)),
            Mail::Message(message) => {
                if self.audience.lets_pass(&message) {
                    self.wait(Request::Message(message));
                }
            }
            Mail::Leave {
                connection,
                keep_seat,
            } => {
                let keep_until = self.keep_until().filter(|_| keep_seat);
                self.requests.push(Request::Leave {
                    connection,
                    keep_until,
                });
            }
            Mail::Published(published, permit) => match self.phase.held() {
                Some(held) => held.push((published, permit)),
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
                self.audience.tell_health(&health);
            }
            Mail::Live => self.reap_soon(),
            Mail::Drain => {
                self.draining = true;
                let joins = |request: &Request<A>| matches!(request, Request::Join(_));
                for request in self.requests.take(joins) {
                    self.audience.give_up(request, &RoomError::Draining);
                }
                self.audience.close_all(CloseReason::Restarting);
            }
        }
    }

    fn wait(&mut self, request: Request<A>) {
        // What is decided and answered at once, as nearly all is while the store is in
        // this process, has no use for the clock.
        if !matches!(self.phase, Phase::Resting)
            && let Some(deadline) = request.deadline()
        {
            self.alarm.set(deadline);
        }
        self.requests.push(request);
    }

    /// Until when the seat of somebody who drops now is kept (backend clock, ms).
    fn keep_until(&self) -> Option<u64> {
        let grace = self.node.config.seat_grace.as_millis() as u64;
        (grace > 0).then(|| self.clock.now().saturating_add(grace))
    }

    /// Asks the store for what is needed next, until it has to be waited for.
    fn proceed(&mut self) {
        loop {
            match self.phase {
                Phase::Resting if self.stale => self.load(None),
                Phase::Resting if !self.requests.is_empty() => self.decide(),
                Phase::Waiting(until) if until <= Instant::now() => self.phase = Phase::Resting,
                Phase::Resting
                | Phase::Waiting(_)
                | Phase::Loading(..)
                | Phase::Committing(..)
                | Phase::Gone => return,
            }
        }
    }

    fn position(&self) -> Option<Position> {
        self.replica.as_ref().map(|replica| replica.room.position)
    }

    /// Asks the store where the room stands; with a batch, whether that is where it was
    /// decided.
    fn load(&mut self, batch: Option<Box<Batch<A>>>) {
        // From here on, so that what is heard while the answer is on its way leads to
        // another load.
        self.stale = false;
        self.requests.asks();
        let (backend, id) = (&self.node.backend, self.id);
        let answer = match self.position() {
            Some(here) => backend.load(id, Some(here)),
            // Looks whether the room exists before it is watched, so that a guessed id
            // costs no subscription; and loads it after, so that nothing is missed.
            None => BackendFuture::later(async move {
                let Some(_) = backend.load(id, None).await? else {
                    return Ok(None);
                };
                // If the store is away, the wish is kept and a resync follows.
                let _ = backend.watch(id).await;
                backend.load(id, None).await
            }),
        };
        match answer.at_once() {
            Ok(answer) => self.loaded(answer, batch),
            Err(answer) => self.begin(Phase::Loading(self.question(answer), batch)),
        }
    }

    fn question<T>(&self, answer: BackendFuture<'a, T>) -> Question<'a, T> {
        Question::new(answer, self.node.config.command_deadline)
    }

    fn begin(&mut self, phase: Phase<'a, A>) {
        self.phase = phase;
        self.expect_deadlines();
    }

    fn loaded(
        &mut self,
        answer: Result<Option<Loaded>, BackendError>,
        batch: Option<Box<Batch<A>>>,
    ) {
        let here = self.position();
        let as_decided = matches!(&answer, Ok(Some(loaded)) if here == Some(loaded.position));
        let mut confirmed = None;
        match batch {
            Some(batch) if as_decided => confirmed = Some(batch),
            Some(batch) => self.requests.put_back(batch.decided),
            None => {}
        }
        match answer {
            Ok(Some(loaded)) => {
                self.install(&loaded);
                self.requests.knows();
                if let Some(batch) = confirmed {
                    self.accepted(*batch);
                }
            }
            Ok(None) => self.be_gone(),
            Err(error @ (BackendError::Corrupt(_) | BackendError::Unwritable(_))) => {
                log_unreadable(self.id, &error);
                self.fail();
            }
            Err(error) => {
                tracing::debug!(room = %self.id, %error, "load failed");
                self.back_off();
            }
        }
    }

    fn decide(&mut self) {
        let mut reaps = false;
        for request in self.requests.iter() {
            match request {
                Request::Leave { connection, .. } => self.audience.remove(*connection),
                Request::Join(_) | Request::Reap => reaps = true,
                Request::Message(_) => {}
            }
        }
        let alive = if reaps { self.may_be_alive() } else { None };
        let Some(replica) = &self.replica else { return };
        let context = DecideContext {
            node: &self.node.id,
            away: &self.away,
            alive: alive.as_deref(),
            text_limit: self.audience.text_limit(),
        };
        let mut batch = Batch::decide(&mut self.requests, replica, &context);
        if !batch.events.is_empty() {
            return self.commit(batch, replica.room.position);
        }
        // What is known here may be old, and there is no commit to show it. The store
        // is asked before anybody hears that there was nothing to do, or was refused.
        // Others may change the room meanwhile, and again: what it answers is younger
        // than what was asked of it, and that is enough.
        let may_be_behind = self.node.backend.resync_interval().is_some();
        if may_be_behind && !batch.keep_known(&mut self.requests) {
            return self.load(Some(Box::new(batch)));
        }
        self.accepted(batch);
    }

    fn commit(&mut self, mut batch: Batch<A>, expected: Position) {
        // The commit that reaches or passes a multiple of the interval has a snapshot, on
        // whichever node: none has to know what the others have stored.
        let interval = self.node.backend.snapshot_interval().max(1) as u64;
        let snapshot_is_due = expected.seq / interval != batch.room.position.seq / interval;
        let state = || Arc::new(batch.room.clone()).into();
        let ttl = self.node.config.keepsake_ttl;
        let keepsake = batch.keepsake.take();
        let commit = Commit {
            expected,
            events: batch.events.iter().cloned().map(Record::from).collect(),
            snapshot: snapshot_is_due.then(state),
            extend: batch.extends.then_some(batch.room.ttl),
            keepsake: keepsake.map(|what| NewKeepsake { what, ttl }),
        };
        self.requests.asks();
        match self.node.backend.commit(self.id, commit).at_once() {
            Ok(answer) => self.committed(answer, batch, Duration::ZERO),
            Err(answer) => {
                self.begin(Phase::Committing(self.question(answer), Box::new(batch)));
            }
        }
    }

    fn committed(
        &mut self,
        answer: Result<Committed, BackendError>,
        mut batch: Batch<A>,
        took: Duration,
    ) {
        if !matches!(answer, Ok(Committed::Accepted(_))) {
            self.requests.put_back(std::mem::take(&mut batch.decided));
        }
        match answer {
            Ok(Committed::Accepted(stamp)) => {
                self.node.metrics.commits.record(took);
                self.retry.succeeded();
                self.requests.knows();
                self.heard(stamp);
                self.accepted(batch);
            }
            Ok(Committed::Conflict(loaded)) => {
                self.node.metrics.conflicts.add(1);
                self.install(&loaded);
                self.requests.knows();
            }
            Ok(Committed::Gone) => self.be_gone(),
            Err(error @ BackendError::Unwritable(_)) => {
                log_unreadable(self.id, &error);
                self.fail();
            }
            Err(error) => {
                // What cannot be understood will not be at the next attempt either.
                if matches!(error, BackendError::Corrupt(_)) && self.retry.is_first() {
                    tracing::error!(room = %self.id, %error, "the room cannot be changed");
                }
                tracing::debug!(room = %self.id, %error, "commit failed");
                self.back_off();
            }
        }
    }

    /// Nobody knows where the room stands: it is loaded, a little later.
    fn back_off(&mut self) {
        self.stale = true;
        let until = Instant::now() + self.retry.failed();
        self.begin(Phase::Waiting(until));
    }

    /// A batch is ordered and stored (or had nothing to store): lets it happen and
    /// tells everybody.
    fn accepted(&mut self, batch: Batch<A>) {
        let Some(replica) = &mut self.replica else {
            return;
        };
        replica.accept(batch.room, &batch.events);
        let events = &batch.events;
        self.audience
            .tell_batch(batch.decided, events, batch.text, replica, &self.clock);
        if self.draining {
            // Whoever has got a seat just now.
            self.audience.close_all(CloseReason::Restarting);
        }
        let is_away = |event: &Arc<Event<A::Event>>| matches!(event.change, Change::Away { .. });
        if events.iter().any(is_away) {
            self.follow_away();
        }
    }

    /// Takes what the store says of where the room stands.
    fn install(&mut self, loaded: &Loaded) {
        self.heard(loaded.stamp);
        if self.position() != Some(loaded.position) {
            self.retry.succeeded();
        }
        match Replica::read(loaded) {
            Ok(Read::Missing(events)) => {
                if !events.is_empty() {
                    self.node.metrics.resyncs.add(1);
                    self.advance(&events);
                }
            }
            Ok(Read::Whole(replica)) => {
                if self.replica.is_some() {
                    self.node.metrics.resyncs.add(1);
                }
                self.audience.tell_state(&replica, &self.clock);
                self.replica = Some(replica);
                self.give_up_orphans();
                self.follow_away();
                self.reap_soon();
            }
            Err(error) => {
                tracing::error!(room = %self.id, %error, "the stored room cannot be read");
                self.fail();
            }
        }
    }

    /// Takes a publication, which is only a hint: the store has the truth.
    fn published(&mut self, published: &Published) {
        if self.stale {
            return;
        }
        let Some(here) = self.position() else { return };
        let (first, count) = (published.first, published.events.len());
        let known = match here.order(published.epoch, first, count) {
            Order::Old => return,
            Order::Next => 0,
            Order::Overlap { known } => known,
            Order::Gap | Order::OtherEpoch => {
                self.stale = true;
                return;
            }
        };
        match replica::decode::<A>((first..).zip(&published.events).skip(known)) {
            Ok(events) => {
                self.clock.overheard(published.stamp);
                self.expect_expiry();
                self.advance(&events);
            }
            Err(error) => {
                tracing::debug!(room = %self.id, %error, "publication not understood");
                self.stale = true;
            }
        }
    }

    /// Lets the next events happen, which were committed elsewhere.
    fn advance(&mut self, events: &Events<A>) {
        let Some(replica) = &mut self.replica else {
            return;
        };
        let text = replica.advance(events, self.audience.text_limit());
        self.give_up_orphans();
        self.audience
            .tell_events(events, text, self.clock.expires_at());
        self.follow_away();
    }

    /// Gives up seats that this node seems to hold by a connection it does not have:
    /// left by a task that could not see them off, or by a commit of which nobody
    /// knew until whoever had asked to join had been turned away.
    fn give_up_orphans(&mut self) {
        let Some(replica) = &self.replica else { return };
        let keep_until = self.keep_until();
        for seat in replica.room.members.iter() {
            if let Presence::Here { node, connection } = &seat.presence
                && *node == self.node.id
                && !self.audience.has(*connection)
                && !self.requests.iter().any(|one| one.is_of(*connection))
            {
                self.requests.push_first(Request::Leave {
                    connection: *connection,
                    keep_until,
                });
            }
        }
    }

    /// Gives up seats with the next batch.
    fn reap_soon(&mut self) {
        let is_reap = |request: &Request<A>| matches!(request, Request::Reap);
        if !self.requests.iter().any(is_reap) {
            self.requests.push(Request::Reap);
        }
    }

    /// The nodes whose members are not to be reaped, if that is known.
    fn may_be_alive(&mut self) -> Option<Arc<HashSet<NodeId>>> {
        let live = self.node.live()?;
        let members = &self.replica.as_ref()?.room.members;
        let alive = self.unseen.may_be_alive(live, members);
        if alive.are_assumed {
            self.alarm
                .set(Instant::now() + self.node.config.node_lease / 4);
        }
        Some(alive.nodes)
    }

    /// The room is no more: everybody is told.
    fn be_gone(&mut self) {
        self.phase = Phase::Gone;
        for request in self.requests.take(|_| true) {
            self.audience.turn_away(request);
        }
        self.audience.close_all(CloseReason::Expired);
    }

    /// The room cannot be gone on with on this node. Why has been logged; to members
    /// it would say nothing.
    fn fail(&mut self) {
        self.phase = Phase::Gone;
        let unavailable = RoomError::Unavailable("the stored room cannot be read".to_owned());
        for request in self.requests.take(|_| true) {
            self.audience.give_up(request, &unavailable);
        }
        self.audience.close_all(CloseReason::Unavailable);
    }

    fn heard(&mut self, stamp: Stamp) {
        self.clock.heard(stamp, Instant::now());
        self.expect_expiry();
    }

    /// Looks again when the room has expired, or the store was silent for too long.
    fn expect_expiry(&mut self) {
        self.alarm.set(self.clock.expiry());
        if let Some(interval) = self.node.backend.resync_interval() {
            self.alarm.set(self.clock.silent_for(interval));
        }
    }

    /// Learns who is away, and looks again when the first of them is to lose the seat.
    fn follow_away(&mut self) {
        let Some(replica) = &self.replica else { return };
        let grace = self.node.config.seat_grace;
        self.away.follow(&replica.room.members, &self.clock, grace);
        match self.away.next() {
            Some(at) if at <= Instant::now() => self.reap_soon(),
            Some(at) => self.alarm.set(at),
            None => {}
        }
    }

    /// Looks again when the store or somebody who waits has waited too long.
    fn expect_deadlines(&mut self) {
        if let Some(at) = self.phase.until() {
            self.alarm.set(at);
        }
        if let Some(at) = self.requests.next_deadline(self.phase.batch()) {
            self.alarm.set(at);
        }
    }

    /// Looks at everything that has a deadline, and when to look next.
    fn look_at_deadlines(&mut self) {
        let now = Instant::now();
        self.phase.give_up_if_late(now);
        // What may still happen by a commit under way is said to be unknown.
        let late = self.requests.take_late(self.phase.batch(), now);
        if !late.is_empty() {
            let error = self.node.unsettled();
            for request in late {
                self.audience.give_up(request, &error);
            }
        }
        self.expect_deadlines();
        if self.replica.is_none() {
            return;
        }
        let expiry = self.clock.expiry();
        if expiry <= now {
            self.stale = true;
        } else {
            self.alarm.set(expiry);
        }
        if let Some(interval) = self.node.backend.resync_interval() {
            if self.clock.silent_for(interval) <= now {
                self.clock.silence_noticed(now);
                self.stale = true;
            }
            self.alarm.set(self.clock.silent_for(interval));
        }
        self.follow_away();
        if !self.unseen.is_empty() {
            self.reap_soon();
        }
    }
}
