//! A room on this node: its copy, its local connections, and their requests. It does not
//! talk to the store.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tablecast_core::App;
use tablecast_core::backend::{AlarmHint, Loaded, Publication, Stamp};
use tablecast_core::membership::Presence;
use tablecast_core::position::Position;
use tablecast_core::room::{Change, Event, Room};
use tablecast_core::stored::StoredError;
use tablecast_core::{ConnectionId, NodeId, RoomId};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::error::RoomError;
use crate::inspect::{Here, Inspection};
use crate::journal::now;
use crate::node::Node;
use crate::room_task::absent::{AwayEnds, UnseenNodes};
use crate::room_task::alarm::Alarm;
use crate::room_task::audience::Audience;
use crate::room_task::batch::{Batch, DecideContext, Request, Requests};
use crate::room_task::claim::Heard;
use crate::room_task::clock::BackendClock;
use crate::room_task::mail::{JoinRequest, Keep};
use crate::room_task::replica::{self, Replica};
use crate::room_task::timer::Timer;

/// A room on this node.
pub(super) struct LocalRoom<'a, A: App> {
    node: &'a Node,
    id: &'a RoomId,
    /// `None` until it was loaded for the first time.
    replica: Option<Replica<A>>,
    pub(super) requests: Requests<A>,
    pub(super) audience: Audience<'a>,
    pub(super) timer: Timer,
    clock: BackendClock,
    /// The end of its maximum age (backend clock, ms). `u64::MAX` until it is known.
    dies_at: u64,
    alarm: Alarm,
    away: AwayEnds,
    unseen: UnseenNodes,
    /// This machine's clock, ms since 1970.
    opened_at: u64,
    /// Somebody has spoken by POST, and may do so again before this time.
    spoken_to_until: Option<Instant>,
}

/// How long a room stays open after a POST to it. Whoever speaks by POST has no connection on most
/// nodes that hear it; opening the room for each would ask the store three times.
const OPEN_AFTER_POST: Duration = Duration::from_secs(60);

/// The room is, or may be, at another position.
pub(super) struct Behind;

impl<'a, A: App> LocalRoom<'a, A> {
    pub(super) fn new(node: &'a Node, id: &'a RoomId) -> Self {
        // Members of the process before could not come back while none ran.
        let begin = match node.backend.is_exclusive() {
            true => node.started + node.config.seat_grace,
            false => node.started,
        };
        LocalRoom {
            node,
            id,
            replica: None,
            requests: Requests::new(),
            audience: Audience::new(node, id),
            timer: Timer::new(),
            clock: BackendClock::new(node.backend.resync_interval()),
            dies_at: u64::MAX,
            alarm: Alarm::new(),
            away: AwayEnds::new(begin),
            unseen: UnseenNodes::default(),
            opened_at: now(),
            spoken_to_until: None,
        }
    }

    /// What an operator sees of it; `None` until it was loaded for the first time.
    pub(super) fn inspect(&self) -> Option<Inspection<A>> {
        let stamp = Stamp {
            now: self.clock.now(),
            expires_at: self.clock.expires_at(),
        };
        let here = Here {
            opened_at: self.opened_at,
            watchers: self.audience.watching(),
            connections: self.audience.connections(),
        };
        let room = &self.replica.as_ref()?.room;
        Some(Inspection::new(self.id, room, stamp, Some(here)))
    }

    /// Its position; `None` until it was loaded for the first time.
    pub(super) fn position(&self) -> Option<Position> {
        self.replica.as_ref().map(|replica| replica.room.position)
    }

    /// When it expires (backend clock, ms); `u64::MAX` until that is known.
    pub(super) fn expires_at(&self) -> u64 {
        self.clock.expires_at()
    }

    pub(super) fn is_somebody_away(&self) -> bool {
        let room = self.replica.as_ref().map(|replica| &replica.room);
        room.and_then(Room::next_away_end).is_some()
    }

    /// Somebody speaks by POST.
    pub(super) fn spoken_to(&mut self) {
        let until = Instant::now() + OPEN_AFTER_POST;
        self.spoken_to_until = Some(until);
        self.timer.set(until);
    }

    /// Whether somebody has just spoken by POST. Only a room that was found stays open for that:
    /// anybody may name others while the store does not answer.
    pub(super) fn is_spoken_to(&self) -> bool {
        let is_not_over = |until| until > Instant::now();
        self.replica.is_some() && self.spoken_to_until.is_some_and(is_not_over)
    }

    /// Whether there is something to decide. Once somebody may sit who waits for that, there is.
    pub(super) fn has_requests(&self) -> bool {
        let may_sit = |replica: &Replica<A>| self.requests.watchers.may_sit(&replica.room);
        !self.requests.is_empty() || self.replica.as_ref().is_some_and(may_sit)
    }

    /// Until when the seat of a member who loses the connection now is kept (backend clock, ms).
    fn keep_until(&self) -> Option<u64> {
        let grace = self.node.config.seat_grace.as_millis() as u64;
        (grace > 0).then(|| self.clock.now().saturating_add(grace))
    }

    /// A connection has gone. Nothing is to be done for one that neither has a seat nor may
    /// get one: while the store is away such requests would pile up.
    pub(super) fn leave(
        &mut self,
        connection: ConnectionId,
        keep: Keep,
        batch: Option<&mut Batch<A>>,
    ) {
        let keep_seat = match keep {
            Keep::Yes => true,
            Keep::No => false,
            Keep::IfTold => self.audience.is_told_of_seat(connection),
        };
        self.requests.watchers.retain(|id| id != connection);
        let is_its =
            |join: &JoinRequest| join.connection == connection && join.may_be_seated.is_none();
        self.requests
            .retain(|request| !matches!(request, Request::Join(join) if is_its(join)));
        let members = self.replica.as_ref().map(|replica| &replica.room.members);
        let is_known = self.audience.has(connection)
            || self.requests.iter().any(|one| one.is_of(connection))
            || batch.is_some_and(|batch| batch.concerns(connection))
            || members.is_some_and(|members| members.held_by(connection).is_some());
        if is_known {
            self.push_leave(connection, keep_seat);
        }
    }

    /// Somebody has spoken by POST. Whether they hear here.
    pub(super) fn hear(&mut self, heard: Heard, batch: Option<&mut Batch<A>>) -> bool {
        let is_here = self.audience.hear(heard);
        if is_here && heard.leaves {
            // They may have got a seat since they were told this secret.
            self.leave(heard.connection, Keep::No, batch);
        }
        is_here
    }

    fn push_leave(&mut self, connection: ConnectionId, keep_seat: bool) {
        let keep_until = self.keep_until().filter(|_| keep_seat);
        self.requests.push(Request::Leave {
            connection,
            keep_until,
        });
    }

    /// Refuses a request that can wait no longer. If it may have got a seat, the room stays
    /// open until that is given up, and until it can get none any more.
    pub(super) fn give_up(&mut self, request: Request<A>, why: &RoomError) {
        if let Request::Join(join) = &request
            && let Some(position) = join.may_be_seated
        {
            self.push_leave(join.connection, join.keep_seat);
            self.requests.push(Request::MoveOn(position));
        }
        self.audience.refuse(request, why);
    }

    /// Gives up the joins of clients who are gone. One whose commit was in vain would otherwise be
    /// decided again, and take the seat that the same person has got meanwhile.
    fn give_up_abandoned(&mut self) {
        let is_abandoned =
            |request: &Request<A>| matches!(request, Request::Join(join) if join.is_abandoned());
        if self.requests.iter().any(is_abandoned) {
            let nobody_hears = self.node.unsettled().into();
            for request in self.requests.take(is_abandoned) {
                self.give_up(request, &nobody_hears);
            }
        }
    }

    /// Decides waiting requests. `None` if the room was never loaded.
    pub(super) fn decide(&mut self) -> Option<Batch<A>> {
        self.give_up_abandoned();
        let mut reaps = self.requests.watchers.wait();
        for request in self.requests.iter() {
            match request {
                Request::Leave { connection, .. } => self.audience.remove(*connection),
                Request::Join(_) | Request::Reap => reaps = true,
                Request::Command(_)
                | Request::Knock(_)
                | Request::Order(_)
                | Request::MoveOn(_)
                | Request::Ring(_) => {}
            }
        }
        let alive = if reaps { self.may_be_alive() } else { None };
        let context = DecideContext {
            node: &self.node.id,
            forms: self.node.forms(),
            now: self.clock.now(),
            dies_at: self.dies_at,
            is_alarm_lost: self.alarm.is_lost(),
            away: &self.away,
            alive: alive.as_deref(),
            text_limit: self.audience.text_limit(),
        };
        let replica = self.replica.as_ref()?;
        Some(Batch::decide(&mut self.requests, replica, &context))
    }

    /// Applies a batch that is ordered and stored (or had nothing to store), and tells
    /// everybody. It takes the parts out of the batch, because moving a whole batch costs
    /// as much as deciding one.
    pub(super) fn accept(&mut self, batch: &mut Batch<A>) {
        let Some(replica) = &mut self.replica else {
            return;
        };
        let events = &batch.events;
        for event in events {
            replica.history.push(event.clone());
        }
        std::mem::swap(&mut replica.room, &mut batch.room);
        let mut decided = std::mem::take(&mut batch.decided);
        let text = std::mem::take(&mut batch.text);
        let watchers = &mut self.requests.watchers;
        self.audience
            .tell_batch(&mut decided, events, text, watchers, replica, &self.clock);
        self.requests.spare = decided;
        let alarm = replica.room.logic.alarm();
        self.alarm.decided(alarm, batch.decided_at);
        if !events.is_empty() {
            let hint = |at| AlarmHint {
                at,
                room: self.id.clone(),
                seq: batch.expected.seq + 1,
            };
            let noted = batch.notes_alarm.then(|| alarm.map(hint));
            let before = self.alarm.committed(noted);
            self.forget(before);
        }
        let is_away = |event: &Arc<Event<A::Event>>| matches!(event.change, Change::Away { .. });
        if events.iter().any(is_away) {
            self.follow_away();
        }
        self.follow_alarm();
    }

    /// Has the store forget a hint in whose place it has noted another, or needs none: whoever
    /// puts an alarm off again and again must not fill the store.
    fn forget(&self, hint: Option<AlarmHint>) {
        if let Some(hint) = hint {
            let backend = self.node.backend.clone();
            // If it fails, the hint is forgotten when it is due.
            tokio::spawn(async move { backend.forget_alarm(&hint).await });
        }
    }

    /// Installs the room's state from the store.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn install(&mut self, loaded: &Loaded) -> Result<(), StoredError> {
        self.heard(loaded.stamp);
        self.dies_at = loaded.dies_at;
        let events = replica::read_log::<A>(loaded)?;
        if self.replica.is_some() && (loaded.snapshot.is_some() || !events.is_empty()) {
            self.node.metrics.resyncs.add(1);
        }
        match &loaded.snapshot {
            None if events.is_empty() => {}
            None => self.advance(&events),
            // Events are not enough to reach this state.
            Some(snapshot) => {
                let replica = Replica::read(loaded.position.epoch, snapshot, events)?;
                self.audience.tell_state(&replica, &self.clock);
                let watchers = &mut self.requests.watchers;
                self.audience
                    .close_displaced(watchers, &replica.room.members);
                self.replica = Some(replica);
                self.alarm.replaced();
                self.give_up_orphans();
                self.follow_away();
                self.follow_alarm();
                self.reap_soon();
            }
        }
        Ok(())
    }

    /// Handles a publication, which is only a hint: the store has the truth.
    pub(super) fn published(&mut self, published: &Publication) -> Result<(), Behind> {
        let Some(replica) = &self.replica else {
            return Ok(());
        };
        let events = replica.read_next(published).ok_or(Behind)?;
        let events = events.map_err(|error| {
            tracing::debug!(room = %self.id, %error, "publication not understood");
            Behind
        })?;
        if !events.is_empty() {
            let now = Instant::now();
            self.clock.overheard(published.stamp, now);
            self.look_later(now);
            self.advance(&events);
        }
        Ok(())
    }

    /// Applies the next events, which were committed elsewhere.
    fn advance(&mut self, events: &[Arc<Event<A::Event>>]) {
        let Some(replica) = &mut self.replica else {
            return;
        };
        let text = replica.advance(events, self.audience.text_limit());
        self.audience
            .tell_events(events, text, &[], replica, &self.clock);
        let watchers = &mut self.requests.watchers;
        self.audience
            .close_displaced(watchers, &replica.room.members);
        self.give_up_orphans();
        self.follow_away();
        self.follow_alarm();
    }

    /// Gives up seats that this node holds for a connection that does not exist: left by a
    /// task that could not release them, or by a commit with an unknown outcome whose
    /// client was refused meanwhile. Where no other node can, those of a process before
    /// this one, too.
    fn give_up_orphans(&mut self) {
        let Some(replica) = &self.replica else { return };
        let is_exclusive = self.node.backend.is_exclusive();
        let mut orphans = Vec::new();
        for seat in replica.room.members.iter() {
            if let Presence::Here { node, connection } = &seat.presence
                && (is_exclusive || *node == self.node.id)
                && !self.audience.has(*connection)
                && !self.requests.iter().any(|one| one.is_of(*connection))
            {
                orphans.push(*connection);
            }
        }
        for connection in orphans {
            self.push_leave(connection, true);
        }
    }

    /// Gives up seats with the next batch.
    pub(super) fn reap_soon(&mut self) {
        let is_reap = |request: &Request<A>| matches!(request, Request::Reap);
        if !self.requests.iter().any(is_reap) {
            self.requests.push(Request::Reap);
        }
    }

    /// Decides the application's alarm with the next batch, if it is due, and answers then.
    pub(super) fn ring(&mut self, answer: oneshot::Sender<()>) {
        // While the store takes no changes, nodes and viewers ask again and again.
        let is_given_up = |request: &Request<A>| matches!(request, Request::Ring(Some(answer)) if answer.is_closed());
        self.requests.take(is_given_up);
        self.requests.push(Request::Ring(Some(answer)));
    }

    /// Decides the application's alarm when its time comes.
    fn follow_alarm(&mut self) {
        let Some(replica) = &self.replica else { return };
        let Some(at) = replica.room.logic.alarm() else {
            return;
        };
        let moment = self.alarm.moment(at, &self.clock);
        if moment > Instant::now() {
            self.timer.set(moment);
        } else if !self.requests.iter().any(Request::is_ring) {
            self.requests.push(Request::Ring(None));
        }
    }

    /// The nodes whose members must keep their seats, if that is known.
    fn may_be_alive(&mut self) -> Option<Arc<HashSet<NodeId>>> {
        let live = self.node.live()?;
        let members = &self.replica.as_ref()?.room.members;
        let alive = self.unseen.may_be_alive(live, members);
        if alive.are_assumed {
            let lease = self.node.config.node_lease;
            self.timer.set(Instant::now() + lease / 4);
        }
        Some(alive.nodes)
    }

    /// Learns who is away, and checks again when the first of them must lose the seat.
    fn follow_away(&mut self) {
        let Some(replica) = &self.replica else { return };
        let (members, grace) = (&replica.room.members, self.node.config.seat_grace);
        self.away.follow(members, &self.clock, grace);
        let now = Instant::now();
        // Each absence ends at its own time, so another one may follow.
        if let Some(at) = self.away.next_after(now) {
            self.timer.set(at);
        }
        if self.away.is_any_over(now) {
            self.reap_soon();
        }
    }

    /// The store has just told the room's position.
    pub(super) fn heard(&mut self, stamp: Stamp) {
        let now = Instant::now();
        self.clock.heard(stamp, now);
        self.look_later(now);
    }

    fn look_later(&mut self, now: Instant) {
        if let Some(at) = self.clock.next_look(now) {
            self.timer.set(at);
        }
    }

    /// Checks the deadlines of the room's state, and sets the time of the next check.
    pub(super) fn look(&mut self, now: Instant) -> Result<(), Behind> {
        if self.replica.is_none() {
            return Ok(());
        }
        let is_behind = self.clock.is_to_be_heard(now);
        self.look_later(now);
        self.follow_away();
        self.follow_alarm();
        if !self.unseen.is_empty() {
            self.reap_soon();
        }
        if let Some(until) = self.spoken_to_until.filter(|until| *until > now) {
            self.timer.set(until);
        }
        if is_behind { Err(Behind) } else { Ok(()) }
    }
}
