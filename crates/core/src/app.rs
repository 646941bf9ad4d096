//! How an application's commands and state are written on the wire.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tablecast_protocol::{MemberId, code};

use crate::logic::{Logic, Rejection};

/// A [`Logic`] with a wire format: how its commands are read and its state is shown, in
/// both dialects.
///
/// In JSON (`tablecast.v1`) a command is read by serde from `{"NAME": …}`, so an enum with
/// serde's default tagging is all that is needed; an event is shown as serde writes it.
pub trait App: Logic<Command: DeserializeOwned> {
    /// The version of what members see: of the events, and of the [`view`](App::view). `hello`
    /// names it. Raise it whenever a client must know something new to show the state rightly,
    /// for example a new event: a client that meets an event it does not know needs one of its
    /// own of this version. By default 1, the first.
    const VERSION: u32 = 1;

    /// Reads one line typed by hand (the text dialect).
    ///
    /// # Errors
    /// `bad_command` if the line is not a command (twenty of these in a row close the
    /// connection), or another code if the command was understood but its content is not
    /// allowed. By default every line is refused.
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
        serde_json::to_string(&self.view(None)).unwrap_or_default()
    }

    /// Whether an event changes what [`text_state`](App::text_state) shows. If no event of
    /// a command does, text members are sent nothing. By default every event does.
    fn changes_text(event: &Self::Event) -> bool {
        let _ = event;
        true
    }

    /// What everybody sees of an event in the JSON dialect. By default all of it, in its stored
    /// form.
    fn show(event: &Self::Event) -> impl Serialize + '_ {
        event
    }

    /// Whether others see less of this event than its sender may know. The sender is then told
    /// the whole event with the answer to the command. By default none is secret.
    fn is_secret(event: &Self::Event) -> bool {
        let _ = event;
        false
    }

    /// What a member sees of the state in the JSON dialect; `None`: somebody without a seat.
    /// By default all of it, in its stored form.
    fn view(&self, viewer: Option<MemberId>) -> impl Serialize + '_ {
        let _ = viewer;
        self
    }

    /// Whether members see different [views](App::view) of this state. By default they do not,
    /// and one frame serves all.
    fn has_secrets(&self) -> bool {
        false
    }
}
