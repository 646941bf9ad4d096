//! The messages of the server.

use std::borrow::Cow;
use std::num::NonZero;

use serde::{Deserialize, Serialize};

use crate::colour::{Colour, known};
use crate::id::{MemberId, SeatToken};
use crate::known::Known;
use crate::position::Epoch;

/// All messages of the server, for an application with state `S` and events `E`. A client
/// reads the message as [`Known`], and `E` too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Push<'a, S, E> {
    /// The first message, and the one by which somebody who watched gets a seat.
    Hello(Hello<'a, S>),
    /// The whole state, when events are not enough: it replaces everything you know.
    Snapshot(Snapshot<S>),
    /// Your command is ordered and stored.
    Ack {
        /// The command's number.
        id: u64,
        /// The seq of its last event, or of the room if there was nothing to do.
        seq: u64,
        /// Its events as you may see them, in order, the last one at `seq`: absent unless others see less of one of
        /// them. They stand for the changes with these places, which come later in the form for everybody.
        #[serde(skip_serializing_if = "Vec::is_empty", default = "Vec::new")]
        #[cfg_attr(feature = "schema", schemars(!default))]
        own: Vec<E>,
    },
    /// Your message was refused and changed nothing; only after `unavailable` this is unknown.
    Error {
        /// The command's number, if it could be read.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        id: Option<u64>,
        /// For programs.
        code: Cow<'a, str>,
        /// For people.
        message: Cow<'a, str>,
        /// The number of an earlier command that was not taken, and because of which this one was not taken
        /// either. No command with a higher number is taken before that one has come again.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        after: Option<u64>,
    },
    /// Something happened.
    Event(Event<'a, E>),
    /// Whether the store works.
    Status {
        /// While it is `down` there are no changes, and commands are answered `unavailable`.
        #[cfg_attr(feature = "schema", schemars(extend("enum" = ["up", "down"])))]
        store: Cow<'a, str>,
    },
}

/// The first message, and the one by which somebody who watched gets a seat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct Hello<'a, S> {
    /// Absent for those who watch.
    #[serde(flatten)]
    pub seated: Option<OwnSeat<'a>>,
    /// You see everything and have no seat and no say; absent if you have a seat.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub watching: bool,
    /// Over a stream of events, for those who watch: the secret to give as `seat` in a POST.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schema", schemars(with = "SeatToken", !default))]
    pub stream: Option<SeatToken>,
    /// The room's id.
    pub room: Cow<'a, str>,
    /// Whether you continue from the position you gave: then the missed events follow, and this has no state.
    pub resumed: bool,
    /// Absent when the missed events follow instead.
    #[serde(flatten)]
    pub whole: Option<Snapshot<S>>,
    /// How many seats the room has.
    pub seats: usize,
    /// How long the room lives after the last join or change.
    pub ttl_ms: u64,
    /// The limits of this connection.
    pub limits: Limits,
    /// What a client must know to show this room rightly.
    // Servers of before this field do not send it.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    pub version: Version,
}

/// A member's own seat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct OwnSeat<'a> {
    /// Who you are.
    pub you: MemberId,
    /// Your name.
    pub name: Cow<'a, str>,
    /// Your colour.
    // Older servers do not send colours, here and below.
    #[serde(default, deserialize_with = "known")]
    #[cfg_attr(feature = "schema", schemars(with = "Colour", !default))]
    pub colour: Option<Colour>,
    /// The secret for taking this seat again; keep it until you leave.
    pub seat: SeatToken,
    /// The highest number of a command that was applied from this seat; absent if none was. It is higher than you know
    /// only if somebody else has used the seat, with a copy of the secret: then number new commands after it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "schema", schemars(with = "u64", !default))]
    pub applied: Option<NonZero<u64>>,
}

/// The versions of a server's messages, which only grow. A client that knows both shows the room
/// rightly. One that knows less may, until it meets an event that it does not know.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct Version {
    /// That of the protocol, for any application; 0: older than versions.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    pub protocol: u32,
    /// That of the application: of its events and its state; 0: older than versions.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    pub app: u32,
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
    /// Who has a seat, sorted by id.
    pub members: Vec<Member>,
    /// Who had a seat and is remembered: they come back as the same member, or have a part in the state.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub former: Vec<Former>,
    /// When the room ends unless something extends it.
    pub expires_at: u64,
    /// The store's clock.
    pub now: u64,
}

/// One member as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Member {
    /// The member's id.
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

/// A member who had a seat, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Former {
    /// The member's id.
    pub id: MemberId,
    /// The name they had last.
    pub name: String,
    /// The colour they had last.
    #[serde(default, deserialize_with = "known")]
    #[cfg_attr(feature = "schema", schemars(with = "Colour", !default))]
    pub colour: Option<Colour>,
}

impl From<Member> for Former {
    fn from(member: Member) -> Self {
        let Member {
            id, name, colour, ..
        } = member;
        Former { id, name, colour }
    }
}

/// The limits of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(description = "")
)]
pub struct Limits {
    /// The largest message, in bytes.
    pub message_bytes: usize,
    /// Commands a second, on average; 0: no limit.
    pub commands_per_second: f64,
    /// Commands at once.
    pub command_burst: u32,
    /// How long the seat of an absent member is kept.
    pub seat_grace_ms: u64,
    /// The server pings after this much silence.
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
    /// The member whose command caused it, if a command did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "MemberId"))]
    pub by: Option<MemberId>,
    /// What happened; `None` if a newer server sent something unknown.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schemars(with = "What<'a, E>"))]
    pub what: Known<What<'a, E>>,
    /// When the room ends, as is known now.
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
    /// A member has taken a seat. Somebody who was here before has the id, name and colour that they had.
    Joined {
        /// The member's id.
        member: MemberId,
        /// Their name.
        name: Cow<'a, str>,
        /// Their colour.
        #[serde(default, deserialize_with = "known")]
        #[cfg_attr(feature = "schema", schemars(with = "Colour", !default))]
        colour: Option<Colour>,
    },
    /// A member is connected, by a newer connection.
    Back {
        /// Who.
        member: MemberId,
    },
    /// A member is no longer connected.
    Away {
        /// Who.
        member: MemberId,
        /// The seat is kept until then.
        until: u64,
    },
    /// A member no longer has a seat.
    Left {
        /// Who.
        member: MemberId,
    },
    /// A member has another name or another colour.
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
