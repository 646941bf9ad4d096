//! What a client knows of the application whose rooms it joins.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tablecast_protocol::MemberId;

use crate::clock::Millis;
use crate::entropy::Entropy;
use crate::room::Room;

/// An application as its clients know it. Of one that has nothing to remember, such as a counter,
/// it is a type without fields.
pub trait Application {
    /// The state of a room, as the server shows it.
    type State: DeserializeOwned;
    /// What changes the state: an enum with serde's default tagging. For a variant that is not known
    /// here see [`Notification::Outdated`](crate::Notification::Outdated).
    type Event: DeserializeOwned;
    /// What a member asks for: an enum with serde's default tagging. What JSON cannot carry is
    /// refused as `bad_command`.
    type Command: Serialize;
    /// What there is to tell of an event; mostly the event itself.
    type News;

    /// Changes the state as an event does, in the same way as the server: what there is to tell
    /// of it. `by` is the member who caused it; `None`: the server or the time. What does not fit
    /// the state must not panic: it comes from outside.
    fn apply(
        state: &mut Self::State,
        by: Option<MemberId>,
        event: Self::Event,
    ) -> Option<Self::News>;

    /// What this client says by itself. It is called after all that happens while everything is
    /// known, and not while it watches. These commands do not wait in
    /// [`pending`](crate::Session::pending), nobody is told that one was refused, and a new seat
    /// begins without them.
    fn tend(
        &mut self,
        _room: &Room<Self::State>,
        _now: Millis,
        _entropy: &mut Entropy,
    ) -> Vec<Self::Command> {
        Vec::new()
    }

    /// When [`tend`](Self::tend) is to be called at the latest.
    fn next_at(&self) -> Option<Millis> {
        None
    }

    /// Cleans a message of the server before it is read: what others wrote comes in by no other
    /// way.
    fn clean(_message: &mut Value) {}

    /// The path of a room's socket, for a path that a redirect leads to: here the same.
    ///
    /// # Errors
    /// It leads to no room: for people.
    fn socket_path(path: &str) -> Result<String, String> {
        Ok(path.to_owned())
    }
}
