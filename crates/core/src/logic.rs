//! What an application supplies: a state, and the rules that change it.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::id::MemberId;

/// A command was understood and refused. It goes to its sender alone and changes
/// nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Rejection {
    /// For programs: lower case with underscores, stable, documented.
    pub code: &'static str,
    /// For people: what was wrong and what is allowed.
    pub message: String,
}

impl Rejection {
    /// A rejection with this code and message.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Rejection {
            code,
            message: message.into(),
        }
    }
}

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
}
