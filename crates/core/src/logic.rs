//! What an application supplies: a state, and the rules that change it.

use std::fmt;

use serde::Serialize;
use serde::de::DeserializeOwned;

use tablecast_protocol::MemberId;
pub use tablecast_protocol::Rejection;

use crate::id::PersonId;

/// The sender of a command, as the logic sees a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Their id within the room.
    pub id: MemberId,
    /// Their name at this moment.
    pub name: &'a str,
    /// Who they are, if their client, or who embeds the hub, said so.
    pub person: Option<PersonId>,
    /// What they may do, if who embeds the hub said so.
    pub role: Option<&'a str>,
}

/// Who has a seat at this moment.
pub trait Seats: fmt::Debug {
    /// The member with this id; `None`: they have no seat.
    fn seated(&self, member: MemberId) -> Option<Member<'_>>;
}

/// For tests of a [`Logic`] alone.
impl<const N: usize> Seats for [Member<'_>; N] {
    fn seated(&self, member: MemberId) -> Option<Member<'_>> {
        self.iter().copied().find(|seated| seated.id == member)
    }
}

/// What a command is decided with, besides the state.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who sent the command; `None`: the server.
    pub by: Option<Member<'a>>,
    /// The store's clock, as this node knows it (ms since 1970).
    pub now: u64,
    /// Who has a seat.
    pub seats: &'a dyn Seats,
    /// The newest version of [`Logic::FORMS`] that may be made: all live nodes read it. An event of
    /// a newer one is refused with `not_yet`, so look at this where an older one would do as well.
    pub forms: u32,
}

/// A room's state and rules.
///
/// The value is the state. It is cloned for each batch of commands, so keep large parts
/// behind [`Arc`](std::sync::Arc). Serialised, it is the room's snapshot. Both functions
/// must be deterministic: every node applies the same events in the same order and must
/// reach the same state.
///
/// The room's result, which can be read after the room is gone, is its [keepsake](Logic::keepsake).
pub trait Logic: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a member asks for.
    type Command: Send + 'static;
    /// What happened. It is stored and sent to other nodes, so changing its serialised form
    /// changes the stored data: see [`FORMS`](Logic::FORMS).
    type Event: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The version of the stored forms of the events and the state: 1 by default. A program
    /// reads this version and the one before, as stored rooms and neighbouring nodes have
    /// it. To make a new kind of event, or to give one a field that matters to the state:
    ///
    /// 1. add it, so that what is stored without it is still read (`#[serde(default)]`),
    ///    and the state leaves out what no such event has changed (`skip_serializing_if`);
    /// 2. raise this number by one, and return it from [`form`](Logic::form) for such
    ///    events.
    ///
    /// What a room is made with needs a version too: see [`state_form`](Logic::state_form).
    ///
    /// While a node of the version before lives, a command that causes such an event is
    /// refused with `not_yet`, and nothing is stored that this node could not read.
    const FORMS: u32 = 1;

    /// The lowest version of [`FORMS`](Logic::FORMS) that reads this event. By default it is
    /// one of the first.
    fn form(event: &Self::Event) -> u32 {
        let _ = event;
        1
    }

    /// The lowest version of [`FORMS`](Logic::FORMS) that reads this state, for a new room. By
    /// default it is the first.
    fn state_form(&self) -> u32 {
        1
    }

    /// The events that a command causes in this state; none, if the state is already as the
    /// command asks. A command may be decided several times, in different states, before it
    /// is committed.
    ///
    /// # Errors
    /// The command is refused; only its sender is told.
    fn decide(
        &self,
        context: &Context<'_>,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Rejection>;

    /// Applies an event. It was decided in exactly this state. `by` is the member whose command
    /// or join it was; `None`: the server's, or the clock's.
    fn apply(&mut self, by: Option<MemberId>, event: &Self::Event);

    /// When the state wants to be asked again (store's clock, ms since 1970); by default never.
    /// At that time [`ring`](Logic::ring) is called once over all nodes, also if nobody is in
    /// the room. A room lives at least its lifetime beyond its alarm.
    fn alarm(&self) -> Option<u64> {
        None
    }

    /// The events of an [`alarm`](Logic::alarm) whose time has come. After them the alarm is
    /// later than `now` (store's clock), or there is none.
    fn ring(&self, now: u64) -> Vec<Self::Event> {
        let _ = now;
        Vec::new()
    }

    /// The events that follow when somebody takes a seat, for the first time or again after they
    /// had lost it; by default none. They are stored together with it.
    ///
    /// Events of a version that a live node could not read are not made, here and in
    /// [`left`](Logic::left).
    fn joined(&self, member: Member<'_>) -> Vec<Self::Event> {
        let _ = member;
        Vec::new()
    }

    /// The events that follow when a member has lost their seat, or was asked to leave (`dismissed`),
    /// by whomever, while they had none; by default none. They are stored together with it.
    fn left(&self, member: MemberId, dismissed: bool) -> Vec<Self::Event> {
        let _ = (member, dismissed);
        Vec::new()
    }

    /// The member whom this event asks to leave: they lose their seat by it, and the person
    /// may not come back. By default nobody.
    fn dismisses(event: &Self::Event) -> Option<MemberId> {
        let _ = event;
        None
    }

    /// Whether a member who has left still matters, for example because of a vote or an item
    /// of theirs; by default nobody does. A room remembers at most 256 members who have left
    /// ([`FORMER_MEMBERS`](crate::membership::FORMER_MEMBERS)), and first forgets those who do
    /// not matter. Clients are told the names of all who are remembered.
    fn remembers(&self, member: MemberId) -> bool {
        let _ = member;
        false
    }

    /// Whether a member who has left must not be forgotten even where all that are remembered
    /// matter, for example the host; by default nobody. For a few at most.
    fn needs(&self, member: MemberId) -> bool {
        let _ = member;
        false
    }

    /// The result that is kept beyond the room's life, after this event has been applied;
    /// by default none. It is stored in the same atomic step as the event, replaces the
    /// earlier result, and is read as JSON with the hub's `keepsake`. Only the node that
    /// decided the event calls this.
    ///
    /// It is called after each event, so look at the event first, and build a result only
    /// if there is one:
    ///
    /// ```
    /// # use serde::Serialize;
    /// # use tablecast_core::{Logic, MemberId, Rejection, logic::Context};
    /// # #[derive(Clone, Serialize, serde::Deserialize)]
    /// # struct Game { score: [u32; 2] }
    /// # #[derive(Serialize, serde::Deserialize)]
    /// # enum Event { Goal, Over }
    /// #[derive(Serialize)]
    /// struct Result {
    ///     score: [u32; 2],
    /// }
    ///
    /// impl Logic for Game {
    /// #   type Command = ();
    /// #   type Event = Event;
    /// #   fn decide(&self, _: &Context<'_>, _: &()) -> std::result::Result<Vec<Event>, Rejection> { Ok(vec![]) }
    /// #   fn apply(&mut self, _: Option<MemberId>, _: &Event) {}
    ///     // …
    ///     fn keepsake(&self, event: &Event) -> Option<impl Serialize + Send + Sync + 'static> {
    ///         let result = || Result { score: self.score };
    ///         matches!(event, Event::Over).then(result)
    ///     }
    /// }
    /// ```
    fn keepsake(&self, event: &Self::Event) -> Option<impl Serialize + Send + Sync + 'static> {
        let _ = event;
        None::<()>
    }
}
