//! The connections of a room on this node, and the messages to them.

mod closing;
mod operators;
mod speaking;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::backend::Health;
use tablecast_core::draft::Refusal;
use tablecast_core::limits::WATCHERS;
use tablecast_core::membership::Seat;
use tablecast_core::room::{Change, Event};
use tablecast_core::{
    CloseReason, ConnectionId, MemberId, OpId, PersonId, Rejection, RoomId, SeatToken,
};
use tablecast_protocol::client::{First, Watch};
use tracing::field::display;

use crate::channel::{Channel, Subscription};
use crate::codec::{Frame, Frames};
use crate::dialect::{Dialect, json, text};
use crate::error::RoomError;
use crate::fence::Fence;
use crate::node::Node;
use crate::outbox::Outbox;
use crate::room_task::batch::{Decided, Outcome, Request};
use crate::room_task::clock::BackendClock;
use crate::room_task::mail::{CommandRequest, Entered, JoinRequest, Waits};
use crate::room_task::replica::Replica;
use crate::room_task::watchers::Watchers;

/// One connection that has a seat, or watches.
struct Local {
    role: Role,
    dialect: Dialect,
    outbox: Arc<Outbox>,
    /// Whether its hello could be sent.
    is_told: bool,
    _subscription: Subscription,
}

/// Who is connected.
#[derive(Clone, Copy)]
enum Role {
    Member(MemberId),
    /// Somebody without a seat; this person, if they say so.
    Watcher(Option<PersonId>),
}

impl Role {
    fn member(self) -> Option<MemberId> {
        match self {
            Role::Member(member) => Some(member),
            Role::Watcher(_) => None,
        }
    }
}

/// All local connections, with a channel for each dialect, so that each dialect is rendered
/// once.
pub(super) struct Audience<'a> {
    node: &'a Node,
    room: &'a RoomId,
    /// A tree, which takes less memory for ten entries than a hash table.
    locals: BTreeMap<ConnectionId, Local>,
    text: Arc<Channel>,
    json: Arc<Channel>,
    /// For JSON connections with a command that was given up: the command that must come first.
    fences: BTreeMap<ConnectionId, Fence>,
    /// The number of JSON connections. Kept here, because asking a channel takes its lock.
    speak_json: usize,
    /// The number of those who watch.
    watching: usize,
}

impl<'a> Audience<'a> {
    pub(super) fn new(node: &'a Node, room: &'a RoomId) -> Self {
        Audience {
            node,
            room,
            locals: BTreeMap::new(),
            text: Channel::new(),
            json: Channel::new(),
            fences: BTreeMap::new(),
            speak_json: 0,
            watching: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.locals.is_empty()
    }

    pub(super) fn has(&self, connection: ConnectionId) -> bool {
        self.locals.contains_key(&connection)
    }

    /// Whether it has a seat, and was told so.
    pub(super) fn is_told_of_seat(&self, connection: ConnectionId) -> bool {
        let local = self.locals.get(&connection);
        local.is_some_and(|local| local.is_told && local.role.member().is_some())
    }

    /// How many bytes of the text dialect go out in one write; `None` if nobody uses it.
    pub(super) fn text_limit(&self) -> Option<usize> {
        let limit = self.node.config.connection.outbox.bytes / 4;
        (self.locals.len() > self.speak_json).then_some(limit)
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) {
        self.fences.remove(&connection);
        if let Some(local) = self.locals.remove(&connection) {
            self.speak_json -= usize::from(local.dialect == Dialect::Json);
            self.count(local.role, -1);
        }
    }

    /// Also one that has ended meanwhile: the room stays open until its leave comes.
    fn add(
        &mut self,
        connection: ConnectionId,
        role: Role,
        dialect: Dialect,
        outbox: Arc<Outbox>,
        is_told: bool,
    ) {
        self.remove(connection);
        self.speak_json += usize::from(dialect == Dialect::Json);
        self.count(role, 1);
        let local = Local {
            role,
            dialect,
            is_told,
            _subscription: self.channel(dialect).join(outbox.clone()),
            outbox,
        };
        self.locals.insert(connection, local);
    }

    fn count(&mut self, role: Role, by: isize) {
        let metrics = &self.node.metrics;
        match role {
            Role::Member(_) => metrics.members.add(by as i64),
            Role::Watcher(_) => {
                self.watching = self.watching.saturating_add_signed(by);
                metrics.watchers.add(by as i64);
            }
        }
    }

    fn member(&self, connection: ConnectionId) -> Option<MemberId> {
        self.locals.get(&connection)?.role.member()
    }

    fn channel(&self, dialect: Dialect) -> &Arc<Channel> {
        match dialect {
            Dialect::Text => &self.text,
            Dialect::Json => &self.json,
        }
    }

    /// Sends frames to all connections of this dialect.
    fn tell(&self, dialect: Dialect, frames: Frame) {
        let reached = self.channel(dialect).broadcast_now(frames);
        self.node.metrics.deliveries.add(reached as u64);
    }

    /// Answers the requests of a batch that is ordered and stored (or had nothing to
    /// store), and sends its events to everybody. `replica` and `clock` are already after
    /// the batch; `decided` is empty afterwards.
    pub(super) fn tell_batch<A: App>(
        &mut self,
        decided: &mut Vec<Decided<A>>,
        events: &[Arc<Event<A::Event>>],
        text: Frames,
        watchers: &mut Watchers,
        replica: &Replica<A>,
        clock: &BackendClock,
    ) {
        let mut watching = Vec::new();
        let mut seated = Vec::new();
        let mut answered = Vec::new();
        let mut told = Vec::new();
        for one in decided.drain(..) {
            match (one.request, one.outcome) {
                (Request::Join(request), Outcome::Seated(member)) => {
                    seated.push((request, member));
                }
                (Request::Join(request), Outcome::Watching) => watching.push(request),
                (Request::Join(request), Outcome::Refused(refusal)) => {
                    let why = RoomError::from(refusal);
                    if let Waits::ForSeat { .. } = request.waits {
                        request.outbox.close(why.close_reason());
                    }
                    request.waits.answer(Err(why));
                }
                (Request::Command(command), Outcome::Done(seq)) => {
                    self.node.metrics.commands.add(1);
                    if command.dialect == Dialect::Json {
                        let number = command.message.op.number;
                        let member = self.speaker(&command, replica);
                        let own = member.map(|member| replica.own(OpId { member, number }, seq));
                        let own = own.unwrap_or_default();
                        // An answer to a POST may come behind the events.
                        if command.claim.is_none() {
                            told.extend((1..=seq).rev().take(own.len()));
                        }
                        // Sent in one write with the events.
                        let _ = command.outbox.stage(&json::ack(number, seq, own));
                        answered.push(command);
                    }
                }
                (Request::Command(command), Outcome::Rejected(rejection)) => {
                    self.reject(&command, &rejection, None);
                }
                (Request::Knock(knock), Outcome::Seated(member)) => {
                    self.knocked(*knock, member, replica);
                }
                (Request::Knock(knock), Outcome::Refused(why)) => knock.answer(Err(why.into())),
                (Request::Order(order), Outcome::Done(seq)) => {
                    let _ = order.reply.send(Ok(seq));
                }
                (Request::Order(order), Outcome::Rejected(why)) => order.refuse(why.into()),
                (Request::Order(order), Outcome::Forgotten) => {
                    order.refuse(self.node.unsettled().into());
                }
                // Nobody waits for an answer.
                _ => {}
            }
        }
        self.tell_events(events, text, &told, replica, clock);
        for command in answered {
            command.outbox.flush();
        }
        for (request, member) in seated {
            self.seat(*request, member, replica, clock);
        }
        for request in watching {
            self.watch(request, watchers, replica, clock);
        }
        self.close_displaced(watchers, &replica.room.members);
    }

    /// Sends events to all, each dialect in one write, and closes the connections that lost
    /// their seats by them. `text` has the frames of the text dialect. `told` are the seqs of
    /// those whose senders were told them with an answer. `replica` is already after them.
    pub(super) fn tell_events<A: App>(
        &mut self,
        events: &[Arc<Event<A::Event>>],
        text: Frames,
        told: &[u64],
        replica: &Replica<A>,
        clock: &BackendClock,
    ) {
        if !text.is_empty() {
            self.tell(Dialect::Text, text.finish());
        }
        if self.speak_json > 0 && !events.is_empty() {
            self.tell_own(events, told, replica, clock);
            let mut frames = Frames::default();
            for event in events {
                frames.text(&json::event::<A>(event, clock.expires_at()));
            }
            self.tell(Dialect::Json, frames.finish());
        }
        for event in events {
            match &event.change {
                Change::Left { member, dismissed } => {
                    let reason = match dismissed {
                        true => CloseReason::Dismissed,
                        false => CloseReason::BadSeat,
                    };
                    self.close_other(*member, None, reason);
                }
                Change::Back {
                    member, connection, ..
                } => self.close_other(*member, Some(*connection), CloseReason::TakenOver),
                Change::Returned(returned) => self.close_other(
                    returned.member,
                    Some(returned.connection),
                    CloseReason::TakenOver,
                ),
                Change::Closed {} => self.close_where(|_, _| Some(CloseReason::Closed)),
                Change::Renamed { member, name, .. } => self.note_renamed(*member, name),
                Change::Joined(_) | Change::Away { .. } | Change::Logic { .. } => {}
            }
        }
    }

    /// Stages the whole state for members whose own secrets are among the events but were not
    /// told with an answer: their commands were given up while the outcome was unknown. In front
    /// of the events, so that nobody ever knows these in the form for the others alone.
    fn tell_own<A: App>(
        &self,
        events: &[Arc<Event<A::Event>>],
        told: &[u64],
        replica: &Replica<A>,
        clock: &BackendClock,
    ) {
        let untold = |event: &&Arc<Event<A::Event>>| {
            event.of_app().is_some_and(A::is_secret) && !told.contains(&event.seq)
        };
        let untold = events.iter().filter(untold);
        let senders: BTreeSet<MemberId> = untold.filter_map(|event| event.by()).collect();
        if senders.is_empty() {
            return;
        }
        for local in self.locals.values() {
            let member = local.role.member();
            if local.dialect == Dialect::Json && member.is_some_and(|id| senders.contains(&id)) {
                let state = snapshot(replica, member, clock);
                let _ = local.outbox.stage(&state);
            }
        }
    }

    /// Sends the whole state to all, and closes connections without a seat in it.
    pub(super) fn tell_state<A: App>(&mut self, replica: &Replica<A>, clock: &BackendClock) {
        let room = &replica.room;
        self.close_unseated(replica);
        if self.text_limit().is_some() {
            self.tell(Dialect::Text, Frame::text(&room.logic.text_state()));
        }
        if self.speak_json == 0 {
            return;
        }
        if !room.logic.has_secrets() {
            return self.tell(Dialect::Json, snapshot(replica, None, clock));
        }
        let speaks_json = |local: &&Local| local.dialect == Dialect::Json;
        for local in self.locals.values().filter(speaks_json) {
            let state = snapshot(replica, local.role.member(), clock);
            let _ = local.outbox.send(&state);
            self.node.metrics.deliveries.add(1);
        }
    }

    /// Tells JSON connections whether the store takes changes.
    pub(super) fn tell_health(&self, health: &Health) {
        let status = Frame::text(&json::status(health.is_up()));
        self.tell(Dialect::Json, status);
    }

    /// Greets a new member, who gets everything from now on.
    fn seat<A: App>(
        &mut self,
        request: JoinRequest,
        member: MemberId,
        replica: &Replica<A>,
        clock: &BackendClock,
    ) {
        let Replica { room, history } = replica;
        let (connection, outbox) = (request.connection, request.outbox);
        // The batch that was just committed gave the seat; a later request of the same
        // batch may have taken it away again.
        let held = |seat: &&Seat| seat.is_held_by(connection);
        let Some(seat) = room.members.seat(member).filter(held) else {
            outbox.close(CloseReason::TakenOver);
            request.waits.answer(Err(Refusal::TakenOver.into()));
            return;
        };
        self.note_seated(&outbox, seat, request.token);
        let sent = match request.dialect {
            Dialect::Text => outbox.send(&Frame::text(&room.logic.text_state())),
            Dialect::Json => {
                let known = match request.first {
                    // Who has not opened that seat may have seen the room as another member.
                    First::Resume(again)
                        if again.seat == seat.token || !room.logic.has_secrets() =>
                    {
                        again.epoch.zip(again.seq)
                    }
                    First::Resume(_) | First::Join(_) => None,
                };
                let known = known.filter(|(epoch, _)| *epoch == room.position.epoch);
                let missed = known.and_then(|(_, seq)| history.since(seq, room.position.seq));
                // In the missed events nobody sees their own secrets.
                let is_own_secret = |event: &Arc<Event<A::Event>>| {
                    event.by() == Some(member) && event.of_app().is_some_and(A::is_secret)
                };
                let missed = missed.filter(|missed| !missed.clone().any(is_own_secret));
                let mut frames = Frames::default();
                let greeting = self.greeting(Some(seat), None, clock);
                frames.text(&json::hello(room, &greeting, missed.is_some()));
                for event in missed.into_iter().flatten() {
                    frames.text(&json::event::<A>(event, clock.expires_at()));
                }
                if !self.node.is_up() {
                    frames.text(&json::status(false));
                }
                outbox.send(&frames.finish())
            }
        };
        let role = Role::Member(member);
        self.add(connection, role, request.dialect, outbox, sent.is_ok());
        request.waits.answer(Ok(Entered::Seated(member)));
    }

    /// Greets somebody without a seat, who sees everything from now on; or lets them wait on.
    fn watch<A: App>(
        &mut self,
        mut request: Box<JoinRequest>,
        watchers: &mut Watchers,
        replica: &Replica<A>,
        clock: &BackendClock,
    ) {
        let Waits::ForAnswer { .. } = request.waits else {
            return watchers.add(request);
        };
        let room = &replica.room;
        if self.watching >= WATCHERS {
            let full = Refusal::Full { seats: room.seats };
            return request.waits.answer(Err(full.into()));
        }
        let mut frames = Frames::default();
        let connection = Some(request.connection).filter(|connection| connection.is_one_way());
        let greeting = self.greeting(None, connection.map(ConnectionId::watching), clock);
        frames.text(&json::hello(room, &greeting, false));
        if !self.node.is_up() {
            frames.text(&json::status(false));
        }
        let is_told = request.outbox.send(&frames.finish()).is_ok();
        self.note_watching(&request.outbox);
        let role = Role::Watcher(request.person);
        let outbox = request.outbox.clone();
        self.add(request.connection, role, request.dialect, outbox, is_told);
        let waits = watchers.turn();
        std::mem::replace(&mut request.waits, waits).answer(Ok(Entered::Watching));
        if request.first.watch() == Watch::UntilSeated {
            watchers.add(request);
        }
    }

    fn greeting<'g>(
        &'g self,
        seat: Option<&'g Seat>,
        stream: Option<SeatToken>,
        clock: &BackendClock,
    ) -> json::Greeting<'g> {
        json::Greeting {
            room_id: self.room.as_str(),
            seat,
            stream,
            expires_at: clock.expires_at(),
            now: clock.now(),
            config: &self.node.config,
        }
    }

    /// With `after`: because the command with that number must come first.
    fn reject<A: App>(&self, command: &CommandRequest<A>, why: &Rejection, after: Option<u64>) {
        self.node.metrics.rejections.count(why.code);
        let (room, code) = (self.room, why.code.as_str());
        let member = self.member(command.connection).map(display);
        tracing::debug!(%room, member, code, "a command was refused");
        let frame = match command.dialect {
            Dialect::Text => text::error(why),
            Dialect::Json => json::error(Some(command.message.op.number), why, after),
        };
        let _ = command.outbox.send(&frame);
    }

    /// Answers a request that is not decided, or of which nobody knows what became of it.
    pub(super) fn refuse<A: App>(&mut self, request: Request<A>, why: &RoomError) {
        match request {
            Request::Join(join) => join.waits.answer(Err(why.clone())),
            Request::Command(command) => self.give_up(&command, why),
            Request::Knock(knock) => {
                self.fences.remove(&knock.connection);
                knock.answer(Err(why.clone()));
            }
            Request::Order(order) => order.refuse(why.clone().into()),
            Request::Leave { .. } | Request::MoveOn(_) | Request::Reap | Request::Ring(_) => {}
        }
    }
}

/// The whole state as this viewer sees it.
fn snapshot<A: App>(replica: &Replica<A>, viewer: Option<MemberId>, clock: &BackendClock) -> Frame {
    json::snapshot(&replica.room, viewer, clock.expires_at(), clock.now())
}
