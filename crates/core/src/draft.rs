//! Deciding: the only place that makes events.
//!
//! A [`Draft`] is a copy of a room in which requests are decided one after another; their
//! events become one commit. If the commit is refused, or its outcome is unknown, the draft
//! is thrown away and the same requests are decided again on the newer state. Each request
//! recognises what it has already done, so nothing is applied twice.

pub mod alarms;
mod mark;
mod seats;
mod server;

use std::collections::HashSet;
use std::sync::Arc;

use tablecast_protocol::code;
use tablecast_protocol::colour::Colour;

use crate::forms::{Forms, PERSONS};
use crate::history::History;
use crate::id::{ConnectionId, MemberId, NodeId, OpId, PersonId, SeatToken};
use crate::logic::{Context, Logic, Member, Rejection};
use crate::membership::{Applied, Former, Op, Presence, Seat};
use crate::room::{Change, Event, Events, Joined, Returned, Room, Seated, app_forms};
use crate::stored::{Json, Record};

/// Why a seat is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// All seats are taken.
    #[error("the room is full: all {seats} seats are taken")]
    Full {
        /// How many there are.
        seats: usize,
    },
    /// The token opens no seat of this room.
    #[error("there is no such seat, or it was given up")]
    NoSuchSeat,
    /// The connection already had the seat, and a newer connection has it now.
    #[error("a newer connection has the seat")]
    TakenOver,
    /// The person was asked to leave.
    #[error("you were asked to leave this room")]
    Dismissed,
}

/// A request for a seat.
#[derive(Debug, Clone)]
pub struct Join {
    /// The name, already [`clean`](crate::text::clean); if absent, one is made up.
    pub name: Option<String>,
    /// The colour; if absent, the lowest one that the fewest members have.
    pub colour: Option<Colour>,
    /// The secret for the seat.
    pub token: SeatToken,
    /// Who asks, if they say so. A person whom the room knows is the member they were, with
    /// their name and colour.
    pub person: Option<PersonId>,
    /// What they may do, if who embeds the hub said so.
    pub role: Option<Arc<str>>,
    /// The node that holds the connection.
    pub node: NodeId,
    /// The connection.
    pub connection: ConnectionId,
}

/// A copy of a room in which requests are decided.
#[derive(Debug)]
pub struct Draft<'a, L: Logic> {
    room: Room<L>,
    /// The room as it was at first.
    base: &'a Room<L>,
    history: &'a History<L::Event>,
    /// The newest forms that may be made.
    forms: Forms,
    /// The backend's clock, ms.
    now: u64,
    /// The end of the room's maximum age (backend clock, ms).
    dies_at: u64,
    events: Events<L>,
    extends: bool,
    keepsake: Option<Record>,
}

impl<'a, L: Logic> Draft<'a, L> {
    /// Begins with the room as it is. `forms` are the lowest of all live nodes, and nothing
    /// newer is made; except what the room has already, which keeps older nodes out of it. `now`
    /// is the backend's clock (ms).
    pub fn new(room: &'a Room<L>, history: &'a History<L::Event>, forms: Forms, now: u64) -> Self {
        Draft {
            room: room.clone(),
            base: room,
            history,
            forms: forms.highest(room.forms),
            now,
            dies_at: u64::MAX,
            // Most commands make one event.
            events: Vec::with_capacity(1),
            extends: false,
            keepsake: None,
        }
    }

    /// The state with everything decided so far.
    pub fn room(&self) -> &Room<L> {
        &self.room
    }

    /// The events decided so far.
    pub fn events(&self) -> &[Arc<Event<L::Event>>] {
        &self.events
    }

    /// Whether an event decided so far lets the room live longer.
    pub fn extends(&self) -> bool {
        self.extends
    }

    /// Takes out the room's new result, if an event decided so far made one.
    pub fn take_keepsake(&mut self) -> Option<Record> {
        self.keepsake.take()
    }

    /// The state and the events, once they are committed.
    pub fn finish(self) -> (Room<L>, Events<L>) {
        let forms = self.room.forms;
        debug_assert!(self.forms.read(forms), "{forms} is not read by all nodes");
        (self.room, self.events)
    }

    fn record(&mut self, op: Option<Op>, change: Change<L::Event>) -> u64 {
        let seq = self.room.position.seq + 1;
        let forms = change.forms(L::form);
        let event = Arc::new(Event {
            seq,
            op,
            forms,
            change,
        });
        self.room.apply(&event);
        self.extends |= event.extends();
        if let Change::Logic { event, .. } = &event.change
            && let Some(keepsake) = self.room.logic.keepsake(event)
        {
            self.keepsake = Some(Arc::new(Json(keepsake)).into());
        }
        let dismissed = match &event.change {
            Change::Logic { event, .. } => L::dismisses(event),
            _ => None,
        };
        self.events.push(event);
        if let Some(member) = dismissed {
            self.dismiss(member);
        }
        seq
    }

    /// Records what follows a join or a leave; not what a live node could not read.
    fn follow(&mut self, by: Option<MemberId>, events: Vec<L::Event>) {
        for event in events {
            if self.forms.read(app_forms(by, L::form(&event))) {
                self.record(None, Change::Logic { by, event });
            }
        }
    }

    /// Somebody has taken a seat.
    fn joined(&mut self, member: MemberId) {
        if let Some(seat) = self.room.members.seat(member) {
            let events = self.room.logic.joined(seat.as_member());
            self.follow(Some(member), events);
        }
    }

    /// Takes a member's seat away, if they have one. Returns the seq of that.
    fn free(&mut self, member: MemberId, dismissed: bool) -> u64 {
        let seq = self.record(None, Change::Left { member, dismissed });
        let events = self.room.logic.left(member, dismissed);
        self.follow(None, events);
        seq
    }

    /// Gives a seat: their own to a person whom the room knows, else a new one. An older
    /// connection of that person loses it.
    ///
    /// # Errors
    /// [`Refusal::Full`]: all seats are taken. [`Refusal::TakenOver`]: as for
    /// [`resume`](Draft::resume). [`Refusal::Dismissed`]: the person was asked to leave.
    pub fn join(&mut self, join: &Join) -> Result<MemberId, Refusal> {
        if let Some(seat) = self.room.members.held_by(join.connection) {
            return Ok(seat.member);
        }
        // Older nodes do not know persons: meanwhile everybody is somebody new.
        let person = join.person.filter(|_| self.forms.rooms >= PERSONS);
        if person.is_some_and(|id| self.room.members.is_barred(id)) {
            return Err(Refusal::Dismissed);
        }
        let known = person.and_then(|id| self.room.members.by_person(id));
        if let Some(member) = known {
            return self.return_to(member, join);
        }
        self.check_free()?;
        let name = match &join.name {
            Some(name) => name.as_str().into(),
            None => self.room.members.guest_name().into(),
        };
        let taken = self.room.members.iter().map(|seat| seat.colour);
        let colour = join.colour.unwrap_or_else(|| Colour::least_used(taken));
        let joined = Joined {
            name,
            colour,
            token: join.token,
            person,
            role: join.role.clone().filter(|_| self.forms.rooms >= PERSONS),
            node: join.node.clone(),
            connection: join.connection,
        };
        let member = MemberId(self.record(None, Change::Joined(Box::new(joined))));
        self.joined(member);
        Ok(member)
    }

    /// Gives a known person their seat with a new token.
    fn return_to(&mut self, member: MemberId, join: &Join) -> Result<MemberId, Refusal> {
        self.check_not_taken_over(join.connection)?;
        let mut seated = None;
        if self.room.members.seat(member).is_none() {
            self.check_free()?;
            let former = self.room.members.former().iter();
            let mut former = former.filter(|one| one.member == member);
            seated = former.next().map(|Former { name, colour, .. }| Seated {
                name: name.clone(),
                colour: *colour,
            });
        }
        let is_seated = seated.is_some();
        let returned = Returned {
            member,
            seated,
            role: join.role.clone(),
            token: join.token,
            node: join.node.clone(),
            connection: join.connection,
        };
        self.record(None, Change::Returned(Box::new(returned)));
        if is_seated {
            self.joined(member);
        }
        Ok(member)
    }

    fn check_free(&self) -> Result<(), Refusal> {
        let seats = self.room.seats;
        match self.room.members.taken() < seats {
            true => Ok(()),
            false => Err(Refusal::Full { seats }),
        }
    }

    /// A request is decided again if its outcome was unknown. If it was applied and a newer
    /// connection has the seat since, it must not take the seat back.
    fn check_not_taken_over(&self, connection: ConnectionId) -> Result<(), Refusal> {
        let mut all = self.history.iter().chain(&self.events);
        match all.any(|event| event.seats() == Some(connection)) {
            true => Err(Refusal::TakenOver),
            false => Ok(()),
        }
    }

    /// Gives a member the same seat again; an older connection loses it.
    ///
    /// # Errors
    /// [`Refusal::NoSuchSeat`]: the token opens no seat here. [`Refusal::TakenOver`]: this
    /// request was applied before (and is now decided again), and a newer connection has
    /// taken the seat since.
    pub fn resume(
        &mut self,
        token: SeatToken,
        node: &NodeId,
        connection: ConnectionId,
    ) -> Result<MemberId, Refusal> {
        let seat = self
            .room
            .members
            .by_token(token)
            .ok_or(Refusal::NoSuchSeat)?;
        let member = seat.member;
        if seat.is_held_by(connection) {
            return Ok(member);
        }
        self.check_not_taken_over(connection)?;
        let node = node.clone();
        self.record(
            None,
            Change::Back {
                member,
                node,
                connection,
            },
        );
        Ok(member)
    }

    /// A connection has ended. Its member is away until `keep_until` (backend clock, ms),
    /// or leaves if that is `None`. A connection that holds no seat (any more) changes
    /// nothing, so this may be called late and twice.
    pub fn disconnect(&mut self, connection: ConnectionId, keep_until: Option<u64>) {
        if let Some(seat) = self.room.members.held_by(connection) {
            let member = seat.member;
            match keep_until {
                Some(until) => self.record(None, Change::Away { member, until }),
                None => self.free(member, false),
            };
        }
    }

    /// Makes an event that changes nothing but the room's position: a member who never was
    /// has left. After it, no commit that was decided at the position before can take effect.
    pub fn move_on(&mut self) {
        // Only somebody who joins by this very event could have this id.
        let member = MemberId(self.room.position.seq + 1);
        let dismissed = false;
        self.record(None, Change::Left { member, dismissed });
    }

    /// Gives up the seats whose time is over, and those of members on nodes that are dead
    /// (`live` is `None` if the live nodes are not known). `is_over` says for the end of an
    /// absence (backend clock, ms) whether it has passed.
    pub fn reap(
        &mut self,
        is_over: impl Fn(MemberId, u64) -> bool,
        live: Option<&HashSet<NodeId>>,
    ) {
        let over = |seat: &&Seat| match &seat.presence {
            Presence::Away { until } => is_over(seat.member, *until),
            Presence::Here { node, .. } => live.is_some_and(|live| !live.contains(node)),
        };
        let members: Vec<MemberId> = self
            .room
            .members
            .iter()
            .filter(over)
            .map(|seat| seat.member)
            .collect();
        for member in members {
            self.free(member, false);
        }
    }

    /// Gives a member another name, and another colour if one is given. Returns the seq of
    /// the change.
    ///
    /// # Errors
    /// As [`Draft::command`].
    pub fn rename(
        &mut self,
        member: MemberId,
        op: Op,
        name: &str,
        colour: Option<Colour>,
    ) -> Result<u64, Rejection> {
        let seat = self.seat(member)?;
        let colour = colour.unwrap_or(seat.colour);
        if let Some(done) = self.already_done(member, op)? {
            return Ok(done);
        }
        if *seat.name == *name && seat.colour == colour {
            return Ok(self.room.position.seq);
        }
        let name = name.into();
        Ok(self.record(
            Some(op),
            Change::Renamed {
                member,
                name,
                colour,
            },
        ))
    }

    /// Decides a member's command. Returns the seq of its last event, or the room's if
    /// there was nothing to do. A command that was applied before gets the same answer as
    /// then.
    ///
    /// # Errors
    /// The logic's own; `conflict` if another command was applied under this number;
    /// `outdated` if the number is lower than one that was applied and its outcome is not
    /// remembered; `no_seat` without a seat; `not_yet` if a live node could not read its events;
    /// `too_late` if it sets an alarm that the room's maximum age does not allow.
    pub fn command(
        &mut self,
        member: MemberId,
        op: Op,
        command: &L::Command,
    ) -> Result<u64, Rejection> {
        let seat = self.seat(member)?;
        if let Some(done) = self.already_done(member, op)? {
            return Ok(done);
        }
        let events = self.decide(Some(seat.as_member()), command)?;
        self.carry_out(Some(member), op, events)
    }

    /// The events of a command.
    fn decide(
        &self,
        by: Option<Member<'_>>,
        command: &L::Command,
    ) -> Result<Vec<L::Event>, Rejection> {
        let context = Context {
            by,
            now: self.now,
            seats: &self.room.members,
            forms: self.forms.app,
        };
        self.room.logic.decide(&context, command)
    }

    /// Records what was decided on a command. Returns the seq of its last event, or the room's if
    /// there was nothing to do.
    fn carry_out(
        &mut self,
        by: Option<MemberId>,
        op: Op,
        events: Vec<L::Event>,
    ) -> Result<u64, Rejection> {
        let mark = self.mark();
        let mut seq = self.room.position.seq;
        for event in events {
            seq = self.record(Some(op), Change::Logic { by, event });
        }
        self.check(mark)?;
        Ok(seq)
    }

    /// Whether all live nodes read these.
    fn are_read(&self, by: Option<MemberId>, events: &[L::Event]) -> bool {
        let mut forms = events.iter().map(|event| app_forms(by, L::form(event)));
        forms.all(|forms| self.forms.read(forms))
    }

    fn seat(&self, member: MemberId) -> Result<&Seat, Rejection> {
        self.room
            .members
            .seat(member)
            .ok_or_else(|| Rejection::new(code::NO_SEAT, "you have no seat in this room any more"))
    }

    fn already_done(&self, member: MemberId, op: Op) -> Result<Option<u64>, Rejection> {
        let last = match self.room.members.last_applied(member) {
            Some(last) if op.number <= last.op.number => last,
            _ => return Ok(None),
        };
        let applied = if op.number == last.op.number {
            Some(last)
        } else {
            let id = OpId {
                member,
                number: op.number,
            };
            let here = self.events.iter().rev().find(|event| event.is_of(id));
            let event = here
                .map(|event| &**event)
                .or_else(|| self.history.find_op(id));
            // What the member did before the seat's token is no repetition.
            let since = self.room.members.seat(member).map_or(0, |seat| seat.since);
            let event = event.filter(|event| event.seq > since);
            event.and_then(|event| event.op.map(|op| Applied { op, seq: event.seq }))
        };
        match applied {
            Some(applied) if applied.op == op => Ok(Some(applied.seq)),
            Some(_) => Err(Rejection::new(
                code::CONFLICT,
                format!(
                    "another command was applied as number {}; give each command its own number",
                    op.number
                ),
            )),
            None => Err(Rejection::new(
                code::OUTDATED,
                format!(
                    "number {} is not remembered, and number {} was applied already; numbers must grow",
                    op.number, last.op.number
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests;
