//! What the server says, as docs/protocol.md describes it. Unknown keys are ignored, so a
//! newer server is understood as far as it is like this one.

use serde::Deserialize;

use super::MemberId;
use super::menu::{How, Item, Menu};
use crate::text::Shown;

/// One message: exactly one of these, or one that is not known here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Push {
    /// The first message.
    pub hello: Option<Hello>,
    /// The whole state.
    pub snapshot: Option<Whole>,
    /// Something happened.
    pub event: Option<Event>,
    /// A command is ordered and stored.
    pub ack: Option<Ack>,
    /// A message was refused.
    pub error: Option<Refusal>,
    /// Whether the store answers.
    pub status: Option<Status>,
}

/// The first message to a member.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "FlatHello")]
pub struct Hello {
    /// Which member this is.
    pub you: MemberId,
    /// The secret to have the seat again.
    pub seat: String,
    /// How many seats the room has.
    pub seats: usize,
    /// What the server allows.
    pub limits: Limits,
    /// Absent if the missed events follow instead.
    pub whole: Option<Whole>,
}

/// As it stands on the wire, where the parts of the whole state are fields like the others.
#[derive(Deserialize)]
struct FlatHello {
    you: MemberId,
    seat: String,
    resumed: bool,
    seats: usize,
    limits: Limits,
    epoch: Option<String>,
    seq: Option<u64>,
    state: Option<Menu>,
    members: Option<Vec<Member>>,
    expires_at: Option<u64>,
    now: Option<u64>,
}

impl TryFrom<FlatHello> for Hello {
    type Error = &'static str;

    fn try_from(flat: FlatHello) -> Result<Self, Self::Error> {
        let whole = || {
            Some(Whole {
                epoch: flat.epoch?,
                seq: flat.seq?,
                state: flat.state?,
                members: flat.members?,
                expires_at: flat.expires_at?,
                now: flat.now?,
            })
        };
        let whole = match flat.resumed {
            true => None,
            false => Some(whole().ok_or("a hello that is not resumed has the whole state")?),
        };
        Ok(Hello {
            you: flat.you,
            seat: flat.seat,
            seats: flat.seats,
            limits: flat.limits,
            whole,
        })
    }
}

/// The whole state at a position.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Whole {
    /// Names the history.
    pub epoch: String,
    /// The place in it.
    pub seq: u64,
    /// The menu.
    pub state: Menu,
    /// Who has a seat, in order of joining.
    pub members: Vec<Member>,
    /// When the room ends; the store's clock, ms since 1970.
    pub expires_at: u64,
    /// The store's clock.
    pub now: u64,
}

/// What the server allows a connection.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Limits {
    /// The longest message, bytes.
    pub message_bytes: usize,
    /// On average; 0 is no limit.
    pub commands_per_second: f64,
    /// After a quiet time.
    pub command_burst: u32,
    /// After so much silence the server pings, ms.
    pub ping_interval_ms: u64,
}

/// Somebody with a seat.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Member {
    /// Names them.
    pub id: MemberId,
    /// What they are called.
    pub name: Shown,
    /// An index in the palette, 0–11; absent from servers that know no colours.
    pub colour: Option<u8>,
    /// Not connected; the seat is kept for a while.
    #[serde(default)]
    pub away: bool,
}

/// A command is ordered and stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Ack {
    /// The command's number.
    pub id: u64,
    /// The place of its event.
    pub seq: u64,
}

/// A message was refused.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Refusal {
    /// The command's number, if it was understood so far.
    pub id: Option<u64>,
    /// For programs.
    pub code: String,
    /// For people.
    pub message: Shown,
}

/// Whether the store answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Status {
    /// `up` or `down`.
    pub store: String,
}

/// Something happened: one of the options, or what is not known here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Event {
    /// Its place in the history.
    pub seq: u64,
    /// Whose command it was.
    pub by: Option<MemberId>,
    /// When the room ends, as known now.
    pub expires_at: u64,
    /// Somebody has a seat.
    pub joined: Option<Named>,
    /// Somebody is connected again.
    pub back: Option<Of>,
    /// Somebody is not connected.
    pub away: Option<Of>,
    /// Somebody has no seat any more.
    pub left: Option<Of>,
    /// Somebody has another name or colour.
    pub renamed: Option<Named>,
    /// The menu changed.
    pub change: Option<Change>,
}

/// A member and what they are called.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Named {
    /// Who.
    pub member: MemberId,
    /// Their name.
    pub name: Shown,
    /// Their colour, if the server knows colours.
    pub colour: Option<u8>,
}

/// A member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Of {
    /// Who.
    pub member: MemberId,
}

/// What happened to the menu: one of these, or what is not known here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Change {
    /// An item was put at the end.
    pub added: Option<Added>,
    /// An item was taken away.
    pub removed: Option<Removed>,
    /// A vote was given or taken back.
    pub voted: Option<Voted>,
    /// A removed item is there again.
    pub restored: Option<Item>,
    /// The room has another title.
    pub titled: Option<Titled>,
    /// The room lives its whole lifetime again.
    pub extended: Option<Extended>,
    /// A draw began.
    pub drawing: Option<DrawingBegan>,
    /// A member added their chance to the draw.
    pub contributed: Option<Contributed>,
    /// It is decided.
    pub decided: Option<Decided>,
}

/// An item was put at the end.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Added {
    /// Its number.
    pub number: u64,
    /// What it is.
    pub item: Shown,
    /// The name of who added it.
    pub name: Shown,
}

/// An item was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Removed {
    /// Its number.
    pub number: u64,
}

/// A vote was given or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Voted {
    /// The item's number.
    pub number: u64,
    /// Whether it was given.
    pub on: bool,
}

/// The room has another title.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Titled {
    /// `None`: none any more.
    pub title: Option<Shown>,
}

/// The room lives its whole lifetime again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Extended {}

/// A draw began.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DrawingBegan {
    /// Its number.
    pub number: u64,
    /// The name of who began it.
    pub name: Shown,
    /// The numbers of the items that can win.
    pub candidates: Vec<u64>,
    /// The SHA-256 of its secret.
    pub commitment: String,
    /// The same of the draw after it.
    pub next_commitment: String,
}

/// A member added their chance to the draw.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contributed {
    /// Their name.
    pub name: Shown,
    /// 64 hex digits.
    pub value: String,
}

/// It is decided.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Decided {
    /// By votes or by a draw.
    pub how: How,
    /// The name of who decided, or began the draw.
    pub name: Shown,
    /// The number of the item that won.
    pub winner: u64,
    /// Of a draw: what was committed to.
    pub secret: Option<String>,
}
