//! Requests that are decided together and committed in one step.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tablecast_core::App;
use tablecast_core::backend::{Commit, NewKeepsake};
use tablecast_core::draft::{Draft, Join, Refusal};
use tablecast_core::room::{Events, Room};
use tablecast_core::stored::Record;
use tablecast_core::{ConnectionId, Forms, MemberId, NodeId, Position, Rejection};
use tablecast_protocol::client::{First, Resume, Watch};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::codec::Frames;
use crate::dialect::Dialect;
use crate::identity::Identity;
use crate::room_task::absent::AwayEnds;
use crate::room_task::claim::Knock;
use crate::room_task::mail::{CommandRequest, JoinRequest, Order, OrderRequest, Waits};
use crate::room_task::replica::{Replica, show};
use crate::room_task::watchers::Watchers;

/// A batch takes no further requests after this many events: a quarter of the log, so that
/// a node that is several batches behind can still catch up event by event.
const EVENTS: usize = tablecast_core::backend::LOG_EVENTS / 4;

/// A request to decide.
pub(super) enum Request<A: App> {
    Join(Box<JoinRequest>),
    Command(Box<CommandRequest<A>>),
    /// Whoever speaks by POST asks whether the seat is theirs.
    Knock(Box<Knock>),
    Order(Box<OrderRequest<A>>),
    /// The member is away until then (backend clock, ms), or gone.
    Leave {
        connection: ConnectionId,
        keep_until: Option<u64>,
    },
    /// Change the position if it is still this one: a commit of unknown outcome that was
    /// decided there must not give a seat to one who was refused.
    MoveOn(Position),
    /// Give up the seats of members who do not come back.
    Reap,
    /// Decide the application's alarm, as every batch does first. Whoever waits for it is answered
    /// by dropping the sender.
    Ring(Option<oneshot::Sender<()>>),
}

impl<A: App> Request<A> {
    /// Whether it concerns this connection's seat.
    pub(super) fn is_of(&self, id: ConnectionId) -> bool {
        match self {
            Request::Join(join) => join.connection == id,
            Request::Leave { connection, .. } => *connection == id,
            Request::Command(_)
            | Request::Knock(_)
            | Request::Order(_)
            | Request::MoveOn(_)
            | Request::Reap
            | Request::Ring(_) => false,
        }
    }

    pub(super) fn is_ring(&self) -> bool {
        matches!(self, Request::Ring(_))
    }

    /// Notes where it was decided, if the outcome of its commit is not known: it may have got a
    /// seat, or be done.
    fn note_unknown(&mut self, unknown: Option<Position>) {
        match self {
            Request::Join(join) => join.may_be_seated = unknown.or(join.may_be_seated),
            Request::Order(order) => order.may_be_done = order.may_be_done.or(unknown),
            Request::Command(_)
            | Request::Knock(_)
            | Request::Leave { .. }
            | Request::MoveOn(_)
            | Request::Reap
            | Request::Ring(_) => {}
        }
    }

    /// The deadline of its answer. What nobody waits for has none: it is never given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Request::Join(join) => match join.waits {
                Waits::ForAnswer { deadline, .. } => Some(deadline),
                Waits::ForSeat { .. } => None,
            },
            Request::Command(command) => Some(command.deadline),
            Request::Knock(knock) => Some(knock.deadline),
            Request::Order(order) => Some(order.deadline),
            Request::Leave { .. } | Request::MoveOn(_) | Request::Reap | Request::Ring(_) => None,
        }
    }
}

/// Undecided requests, in order of arrival.
pub(super) struct Requests<A: App> {
    waiting: VecDeque<Request<A>>,
    /// Those who watch until a seat is free.
    pub(super) watchers: Watchers,
    /// The deadline of the newest question whose answer told the room's position. Questions
    /// and requests get the same time, so a request with an earlier deadline came before
    /// that question was asked.
    pub(super) known: Option<Instant>,
    /// An empty list for the next batch, so that not every batch allocates memory.
    pub(super) spare: Vec<Decided<A>>,
}

/// A decided request, whose answer is sent once it is committed.
pub(super) struct Decided<A: App> {
    pub(super) request: Request<A>,
    pub(super) outcome: Outcome,
}

pub(super) enum Outcome {
    Seated(MemberId),
    /// There is no seat, or none is wanted.
    Watching,
    Refused(Refusal),
    /// Done, with the seq of its last event.
    Done(u64),
    Rejected(Rejection),
    /// It may have been done, which is no longer remembered.
    Forgotten,
    /// Nobody waits for an answer.
    Quiet,
}

impl<A: App> Requests<A> {
    pub(super) fn new() -> Self {
        Requests {
            waiting: VecDeque::new(),
            watchers: Watchers::default(),
            known: None,
            spare: Vec::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The next request to decide: a seat that is free in this room goes to whoever has waited
    /// longest for one.
    fn next(&mut self, room: &Room<A>) -> Option<Request<A>> {
        match self.watchers.next(room) {
            Some(join) => Some(Request::Join(join)),
            None => self.waiting.pop_front(),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Request<A>> {
        self.waiting.iter()
    }

    pub(super) fn push(&mut self, request: Request<A>) {
        self.waiting.push_back(request);
    }

    /// Puts decided requests back, to be decided again before all others. `unknown`: where
    /// they were decided, if the outcome of their commit is not known.
    pub(super) fn put_back(&mut self, decided: Vec<Decided<A>>, unknown: Option<Position>) {
        for Decided { mut request, .. } in decided.into_iter().rev() {
            request.note_unknown(unknown);
            match request {
                // It has no seat: unless they have left it waits on, or it would lose its turn.
                Request::Join(join) if join.is_in_turn() => {
                    if !self.iter().any(|one| one.is_of(join.connection)) {
                        self.watchers.add(join);
                    }
                }
                other => self.waiting.push_front(other),
            }
        }
    }

    /// Keeps those that meet the condition.
    pub(super) fn retain(&mut self, which: impl FnMut(&Request<A>) -> bool) {
        self.waiting.retain(which);
    }

    /// Takes out all requests that meet the condition, in order.
    pub(super) fn take(&mut self, which: impl FnMut(&Request<A>) -> bool) -> VecDeque<Request<A>> {
        let all = std::mem::take(&mut self.waiting);
        let (taken, left) = all.into_iter().partition(which);
        self.waiting = left;
        taken
    }

    /// Takes out requests whose deadline is over, decided or not. With a JSON command it
    /// takes all later ones of its connection: they must not take effect without it.
    pub(super) fn take_late(
        &mut self,
        batch: Option<&mut Batch<A>>,
        now: Instant,
    ) -> Vec<Request<A>> {
        let mut given_up = HashSet::new();
        let mut is_given_up = |request: &Request<A>| {
            let is_late = request.deadline().is_some_and(|at| at <= now);
            let Request::Command(command) = request else {
                return is_late;
            };
            if is_late && command.dialect == Dialect::Json {
                given_up.insert(command.connection);
            }
            is_late || given_up.contains(&command.connection)
        };
        let mut taken = Vec::new();
        if let Some(Batch {
            decided,
            expected,
            events,
            ..
        }) = batch
        {
            let unknown = (!events.is_empty()).then_some(*expected);
            for Decided { mut request, .. } in
                decided.extract_if(.., |one| is_given_up(&one.request))
            {
                request.note_unknown(unknown);
                taken.push(request);
            }
        }
        taken.extend(self.take(is_given_up));
        taken
    }

    /// The earliest deadline of all requests, decided or not.
    pub(super) fn next_deadline(&self, batch: Option<&mut Batch<A>>) -> Option<Instant> {
        let decided = batch.into_iter().flat_map(|batch| &batch.decided);
        let decided = decided.map(|one| &one.request);
        self.iter()
            .chain(decided)
            .filter_map(Request::deadline)
            .min()
    }
}

/// Requests that were decided together, with the resulting state and events.
pub(super) struct Batch<A: App> {
    pub(super) decided: Vec<Decided<A>>,
    /// The room's position before the batch.
    pub(super) expected: Position,
    pub(super) room: Room<A>,
    pub(super) events: Events<A>,
    /// When it was decided (backend clock, ms).
    pub(super) decided_at: u64,
    extends: bool,
    /// The store is to note the room's alarm.
    pub(super) notes_alarm: bool,
    /// The room's new result.
    keepsake: Option<Record>,
    /// The frames of the text dialect: the state after each command that changed it.
    pub(super) text: Frames,
}

/// The information for deciding besides the room.
pub(super) struct DecideContext<'a> {
    pub(super) node: &'a NodeId,
    /// The newest forms that may be made.
    pub(super) forms: Forms,
    /// The backend's clock (ms).
    pub(super) now: u64,
    /// The end of the room's maximum age (backend clock, ms).
    pub(super) dies_at: u64,
    /// The store may have lost its hint of the room's alarm.
    pub(super) is_alarm_lost: bool,
    /// When the seats of absent members are given up.
    pub(super) away: &'a AwayEnds,
    /// The nodes that may be alive, if that is known.
    pub(super) alive: Option<&'a HashSet<NodeId>>,
    /// After this many bytes of the text dialect the rest waits for the next batch, so that
    /// one write does not exceed the outbox of a member who reads well. `None` if nobody
    /// uses that dialect.
    pub(super) text_limit: Option<usize>,
}

impl<A: App> Batch<A> {
    /// Whether this connection has a seat after it, or asked for one.
    pub(super) fn concerns(&self, connection: ConnectionId) -> bool {
        self.room.members.held_by(connection).is_some()
            || self.decided.iter().any(|one| one.request.is_of(connection))
    }

    /// Decides waiting requests, in order.
    pub(super) fn decide(
        requests: &mut Requests<A>,
        replica: &Replica<A>,
        context: &DecideContext<'_>,
    ) -> Self {
        let base = &replica.room;
        let mut draft = Draft::new(base, &replica.history, context.forms, context.now)
            .dying_at(context.dies_at);
        let mut decided = std::mem::take(&mut requests.spare);
        let mut text = Frames::default();
        draft.ring();
        if requests.watchers.wait() {
            // A seat that could be free is theirs, before somebody new comes for it.
            context.reap(&mut draft);
        }
        if context.text_limit.is_some() && !draft.events().is_empty() {
            show(&mut text, &draft.room().logic, draft.events());
        }
        while draft.events().len() < EVENTS
            && text.len() <= context.text_limit.unwrap_or(0)
            && let Some(request) = requests.next(draft.room())
        {
            let before = draft.events().len();
            let outcome = context.decide(&mut draft, &request);
            if context.text_limit.is_some() {
                show(&mut text, &draft.room().logic, &draft.events()[before..]);
            }
            let closes =
                matches!(&request, Request::Order(one) if matches!(one.order, Order::Close));
            decided.push(Decided { request, outcome });
            if closes {
                // The seats are for nobody who waits here now: they are sent away first.
                break;
            }
        }
        let extends = draft.extends();
        let keepsake = draft.take_keepsake();
        let (room, events) = draft.finish();
        let notes_alarm = context.is_alarm_lost || room.logic.alarm() != base.logic.alarm();
        Batch {
            decided,
            expected: base.position,
            room,
            events,
            decided_at: context.now,
            extends,
            notes_alarm,
            keepsake,
            text,
        }
    }

    /// In a batch without events, keeps the requests that may be answered now: those before
    /// the first one that waits for an answer and came after the room's position was last
    /// confirmed. The others are put back. Returns false if nothing would be left; then the
    /// batch is unchanged.
    pub(super) fn keep_known(&mut self, requests: &mut Requests<A>) -> bool {
        let is_too_new = |one: &Decided<A>| match one.outcome {
            Outcome::Quiet => false,
            Outcome::Seated(_)
            | Outcome::Watching
            | Outcome::Refused(_)
            | Outcome::Done(_)
            | Outcome::Rejected(_)
            | Outcome::Forgotten => one.request.deadline() >= requests.known,
        };
        match self.decided.iter().position(is_too_new) {
            None => true,
            Some(0) => false,
            Some(first) => {
                requests.put_back(self.decided.split_off(first), None);
                true
            }
        }
    }

    /// The commit of this batch. A commit that reaches or passes a multiple of the interval
    /// has a snapshot, on any node, so no node needs to know what the others have stored.
    pub(super) fn commit(&mut self, snapshot_interval: usize, keepsake_ttl: Duration) -> Commit {
        let interval = snapshot_interval.max(1) as u64;
        let (before, after) = (self.expected.seq, self.room.position.seq);
        let state = || Arc::new(self.room.clone()).into();
        let alarm = self.room.logic.alarm();
        // A room lives a lifetime beyond its alarm.
        let wait = alarm.unwrap_or(0).saturating_sub(self.decided_at);
        Commit {
            expected: self.expected,
            events: self.events.iter().cloned().map(Record::from).collect(),
            snapshot: (before / interval != after / interval).then(state),
            extend: (self.extends)
                .then(|| self.room.ttl.saturating_add(Duration::from_millis(wait))),
            keepsake: self.keepsake.take().map(|what| NewKeepsake {
                what,
                ttl: keepsake_ttl,
            }),
            alarm: alarm.filter(|_| self.notes_alarm),
        }
    }
}

impl DecideContext<'_> {
    fn decide<A: App>(&self, draft: &mut Draft<'_, A>, request: &Request<A>) -> Outcome {
        match request {
            Request::Join(join) => self.join(draft, join),
            Request::Command(command) => {
                let done = command.decide(draft);
                done.map_or_else(Outcome::Rejected, Outcome::Done)
            }
            Request::Knock(knock) => match knock.claim.seat(draft).map(|seat| seat.member) {
                Ok(member) => {
                    if knock.leaves {
                        draft.leave(member);
                    }
                    Outcome::Seated(member)
                }
                Err(why) => Outcome::Refused(why),
            },
            Request::Order(order) => match order.decide(draft) {
                Some(done) => done.map_or_else(Outcome::Rejected, Outcome::Done),
                None => Outcome::Forgotten,
            },
            Request::Leave {
                connection,
                keep_until,
            } => {
                draft.disconnect(*connection, *keep_until);
                Outcome::Quiet
            }
            Request::MoveOn(from) => {
                if draft.room().position == *from {
                    draft.move_on();
                }
                Outcome::Quiet
            }
            Request::Reap => {
                self.reap(draft);
                Outcome::Quiet
            }
            Request::Ring(_) => Outcome::Quiet,
        }
    }

    fn reap<A: App>(&self, draft: &mut Draft<'_, A>) {
        draft.reap(|member, until| self.away.is_over(member, until), self.alive);
    }

    fn join<A: App>(&self, draft: &mut Draft<'_, A>, request: &JoinRequest) -> Outcome {
        let is_barred = |person| draft.room().members.is_barred(person);
        // Nor may they come back by a seat that was taken without saying who comes.
        if request.person.is_some_and(is_barred) {
            return Outcome::Refused(Refusal::Dismissed);
        }
        let watch = request.first.watch();
        if watch == Watch::Only {
            return Outcome::Watching;
        }
        if request.leaves_it_to_another_client(draft) {
            return Outcome::Refused(Refusal::TakenOver);
        }
        let again = match &request.first {
            First::Resume(Resume { seat, .. }) if request.may_open(draft, *seat) => {
                Some(draft.resume(*seat, self.node, request.connection))
            }
            First::Join(_) | First::Resume(_) => None,
        };
        let is_known = |person| draft.room().members.by_person(person).is_some();
        let seated = match again {
            Some(Err(Refusal::NoSuchSeat)) if request.person.is_some_and(is_known) => {
                self.join_anew(draft, request)
            }
            Some(seated) => seated,
            None => self.join_anew(draft, request),
        };
        match seated {
            Ok(member) => {
                if let Some(identity) = &request.identity {
                    // Who returns may have had another name.
                    draft.set_name(member, identity.name());
                }
                Outcome::Seated(member)
            }
            Err(Refusal::Full { .. }) if watch == Watch::UntilSeated => Outcome::Watching,
            Err(refusal) => Outcome::Refused(refusal),
        }
    }

    fn join_anew<A: App>(
        &self,
        draft: &mut Draft<'_, A>,
        request: &JoinRequest,
    ) -> Result<MemberId, Refusal> {
        // A seat that could be free must not keep anybody out.
        self.reap(draft);
        let (name, colour) = match &request.first {
            First::Join(join) => (join.name.clone(), join.colour),
            First::Resume(_) => (None, None),
        };
        let identity = request.identity.as_deref();
        draft.join(&Join {
            name: identity.map(|known| known.name().to_owned()).or(name),
            colour,
            token: request.token,
            person: request.person,
            role: identity.and_then(Identity::role).cloned(),
            node: self.node.clone(),
            connection: request.connection,
        })
    }
}
