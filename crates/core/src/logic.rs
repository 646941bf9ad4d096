//! What an application supplies: a state, and the rules that change it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use tablecast_protocol::MemberId;
pub use tablecast_protocol::Rejection;

/// The sender of a command, as the logic sees a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Their id within the room.
    pub id: MemberId,
    /// Their name at this moment.
    pub name: &'a str,
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
    /// What a room is made with must not need the new version.
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

    /// The events that a command causes in this state; none, if the state is already as the
    /// command asks. A command may be decided several times, in different states, before it
    /// is committed.
    ///
    /// # Errors
    /// The command is refused; only its sender is told.
    fn decide(
        &self,
        by: Member<'_>,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Rejection>;

    /// Applies an event. It was decided in exactly this state.
    fn apply(&mut self, by: MemberId, event: &Self::Event);

    /// Whether a member who has left still matters, for example because of a vote or an item
    /// of theirs; by default nobody does. A room remembers at most 256 members who have left
    /// ([`FORMER_MEMBERS`](crate::membership::FORMER_MEMBERS)), and first forgets those who do
    /// not matter. Clients are told the names of all who are remembered.
    fn remembers(&self, member: MemberId) -> bool {
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
    /// # use tablecast_core::{Logic, MemberId, Rejection, logic::Member};
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
    /// #   fn decide(&self, _: Member<'_>, _: &()) -> std::result::Result<Vec<Event>, Rejection> { Ok(vec![]) }
    /// #   fn apply(&mut self, _: MemberId, _: &Event) {}
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
