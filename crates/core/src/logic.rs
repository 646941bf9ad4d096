//! What an application supplies: a state, and the rules that change it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use tablecast_protocol::MemberId;
pub use tablecast_protocol::Rejection;

/// Who sends a command: a member, as the logic sees one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Their id within the room.
    pub id: MemberId,
    /// Their name at this moment.
    pub name: &'a str,
}

/// A room's state and rules.
///
/// The value is the state. It is cloned for each batch of commands, so large
/// parts are best kept behind [`Arc`](std::sync::Arc); serialised it is the
/// room's snapshot. Both functions must be deterministic: every node applies the
/// same events in the same order and must come to the same state.
///
/// What is worth reading when the room is gone is its [keepsake](Logic::keepsake).
pub trait Logic: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What a member asks for.
    type Command: Send + 'static;
    /// What happened. It is stored and sent to other nodes, so a change of its
    /// serialised form is a change of the data model.
    type Event: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// What a command makes happen in this state; nothing, if it is already as
    /// asked. A command may be decided more than once, in changed states, before
    /// it is committed.
    ///
    /// # Errors
    /// The command is refused; its sender alone learns of it.
    fn decide(
        &self,
        by: Member<'_>,
        command: &Self::Command,
    ) -> Result<Vec<Self::Event>, Rejection>;

    /// Lets an event happen. It was decided in exactly this state.
    fn apply(&mut self, by: MemberId, event: &Self::Event);

    /// What is to be kept beyond the room's life, once this event has been applied;
    /// by default nothing. It is stored in the same atomic step as the event, in
    /// place of what was kept before, and read as JSON with the hub's `keepsake`.
    /// Only the node that decided the event asks for it.
    ///
    /// It is asked after each event, so it should look at the event first and build
    /// something only when there is something to be kept:
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
