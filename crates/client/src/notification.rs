//! What people may want to hear of.

use tablecast_protocol::client::Request;
use tablecast_protocol::push::Version;

/// Somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The member that this client is.
    You,
    /// Another member, by name.
    Other(String),
    /// Somebody who has no seat any more.
    Nobody,
}

/// Something happened, or went wrong: in an application that tells `N` and is asked for `C`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notification<N, C> {
    /// Has a seat.
    Joined(Who),
    /// Is connected again.
    Back(Who),
    /// Is not connected.
    Away(Who),
    /// Has no seat any more.
    Left(Who),
    /// Has this name now.
    Renamed(Who, String),
    /// Changed the application's state; without anybody: by the server, or by the time.
    Change(Option<Who>, N),
    /// This client watches, for want of a seat or because it asked to (`true`), or has a seat now.
    Watching(bool),
    /// The whole state came anew.
    Snapshot,
    /// A command was refused: this one, unless it is not known any more.
    Refused(Refusal, Option<Request<C>>),
    /// The seat was lost, and of these commands it is unknown whether they were applied.
    Unsure(Vec<Request<C>>),
    /// Too many commands wait already; this one is not among them.
    TooMany(Request<C>),
    /// The store cannot be reached (`false`), or answers again.
    Store(bool),
    /// An event came that is not known here: people need a newer program, which knows these
    /// versions. It is told once.
    Outdated(Version),
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}
