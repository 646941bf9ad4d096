//! What the server says.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::colour::{Colour, known};
use crate::id::{MemberId, SeatToken};
use crate::known::Known;
use crate::position::Epoch;

/// Everything the server says, where an application shows its state as `S` and its events
/// as `E`. A client reads it as [`Known`], and `E` too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Push<'a, S, E> {
    /// The first thing a member hears.
    Hello(Hello<'a, S>),
    /// The whole state, when events alone do not lead to it: put it in place of all you know.
    Snapshot(Snapshot<S>),
    /// Your command is ordered and stored.
    Ack {
        /// The command's number.
        id: u64,
        /// The seq of its last event, or of the room if there was nothing to do.
        seq: u64,
    },
    /// Your message was refused, and changed nothing; after `unavailable` that is not known.
    Error {
        /// The command's number, if the message was understood so far.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        id: Option<u64>,
        /// For programs.
        code: Cow<'a, str>,
        /// For people.
        message: Cow<'a, str>,
        /// This was not taken because an earlier command was not: the number of that one. Nothing with a higher
        /// number is taken before it has come again.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        after: Option<u64>,
    },
    /// Something happened.
    Event(Event<'a, E>),
    /// Whether the store can be reached.
    Status {
        /// While it is `down` there are no changes, and commands are answered `unavailable`.
        #[cfg_attr(feature = "schema", schemars(extend("enum" = ["up", "down"])))]
        store: Cow<'a, str>,
    },
}

/// The first thing a member hears.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct Hello<'a, S> {
    /// Who you are.
    pub you: MemberId,
    /// Your name.
    pub name: Cow<'a, str>,
    /// Your colour.
    // Servers that know no colours leave it out, here and below.
    #[serde(default, deserialize_with = "known")]
    #[cfg_attr(feature = "schema", schemars(with = "Colour", !default))]
    pub colour: Option<Colour>,
    /// The secret to have this seat again; keep it until you leave.
    pub seat: SeatToken,
    /// The room's id.
    pub room: Cow<'a, str>,
    /// Whether you go on from the position you gave: then the missed events follow, and there is no state here.
    pub resumed: bool,
    /// Absent when the missed events follow instead.
    #[serde(flatten)]
    pub whole: Option<Snapshot<S>>,
    /// How many seats the room has.
    pub seats: usize,
    /// How long the room lives after the last join or change.
    pub ttl_ms: u64,
    /// What is allowed.
    pub limits: Limits,
}

/// The whole state at a position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Snapshot", description = "")
)]
pub struct Snapshot<S> {
    /// Position of this state.
    pub epoch: Epoch,
    /// Position of this state.
    pub seq: u64,
    /// The application's state.
    pub state: S,
    /// Who has a seat, in order of joining.
    pub members: Vec<Member>,
    /// When the room ends unless something extends it.
    pub expires_at: u64,
    /// The store's clock.
    pub now: u64,
}

/// One member as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Member {
    /// Who.
    pub id: MemberId,
    /// Their name.
    pub name: String,
    /// Their colour.
    #[serde(default, deserialize_with = "known")]
    #[cfg_attr(feature = "schema", schemars(with = "Colour", !default))]
    pub colour: Option<Colour>,
    /// Not connected at the moment; the seat is kept for a while.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    pub away: bool,
}

/// What the server allows a connection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct Limits {
    /// The longest message.
    pub message_bytes: usize,
    /// On average; 0: no limit.
    pub commands_per_second: f64,
    /// At once.
    pub command_burst: u32,
    /// How long a seat is kept for who is away.
    pub seat_grace_ms: u64,
    /// The server pings after so much silence.
    pub ping_interval_ms: u64,
}

/// Something happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Event", description = "")
)]
pub struct Event<'a, E> {
    /// Its place; always one more than the event before.
    pub seq: u64,
    /// Whose command it was, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "MemberId"))]
    pub by: Option<MemberId>,
    /// What happened; nothing that is known here, if the server is newer than this.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schemars(with = "What<'a, E>"))]
    pub what: Known<What<'a, E>>,
    /// When the room ends, as known now.
    pub expires_at: u64,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
#[serde(rename_all = "snake_case")]
pub enum What<'a, E> {
    /// Has a seat.
    Joined {
        /// Who: the event's own seq.
        member: MemberId,
        /// Their name.
        name: Cow<'a, str>,
        /// Their colour.
        #[serde(default, deserialize_with = "known")]
        #[cfg_attr(feature = "schema", schemars(with = "Colour", !default))]
        colour: Option<Colour>,
    },
    /// Is connected, by a newer connection.
    Back {
        /// Who.
        member: MemberId,
    },
    /// Is not connected.
    Away {
        /// Who.
        member: MemberId,
        /// The seat is kept until then.
        until: u64,
    },
    /// Has no seat any more.
    Left {
        /// Who.
        member: MemberId,
    },
    /// Has another name or another colour.
    Renamed {
        /// Who.
        member: MemberId,
        /// Their name.
        name: Cow<'a, str>,
        /// Their colour.
        #[serde(default, deserialize_with = "known")]
        #[cfg_attr(feature = "schema", schemars(with = "Colour", !default))]
        colour: Option<Colour>,
    },
    /// The application's state changed.
    Change(E),
}

/// What somebody who types is told, in the dialect without a subprotocol: a line was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct Refused<'a> {
    /// Why a line was refused.
    pub error: Refusal<'a>,
}

/// Why a line was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct Refusal<'a> {
    /// For programs.
    pub code: Cow<'a, str>,
    /// For people.
    pub message: Cow<'a, str>,
}
