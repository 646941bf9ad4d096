//! How an application is spoken over the wire.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tablecast_protocol::code;

use crate::logic::{Logic, Rejection};

/// A [`Logic`] that can be spoken: how its commands are read and its state is
/// shown, in both dialects.
///
/// In JSON (`tablecast.v1`) a command is read by serde from `{"NAME": …}`, so an
/// enum with serde's default tagging says it all; an event is shown as serde
/// writes it.
pub trait App: Logic<Command: DeserializeOwned> {
    /// Reads one line typed by hand (the text dialect).
    ///
    /// # Errors
    /// `bad_command` if the line is no command (twenty of these in a row close
    /// the connection), or another code if the command was understood and its
    /// content is not allowed. By default every line is refused.
    fn text_command(line: &str) -> Result<Self::Command, Rejection> {
        let _ = line;
        Err(Rejection::new(
            code::BAD_COMMAND,
            "this room is not spoken in text; ask for the subprotocol tablecast.v1",
        ))
    }

    /// The whole state as one text frame (the text dialect): sent to a new
    /// member, and to all after each change. By default the JSON view.
    fn text_state(&self) -> String {
        serde_json::to_string(&self.view()).unwrap_or_default()
    }

    /// Whether an event changes what [`text_state`](App::text_state) shows. After a
    /// command of which no event does, nobody who speaks text is told. By default
    /// every event does.
    fn changes_text(event: &Self::Event) -> bool {
        let _ = event;
        true
    }

    /// What members see of the state (the JSON dialect). By default all of it, as
    /// it is stored.
    fn view(&self) -> impl Serialize + '_ {
        self
    }
}
