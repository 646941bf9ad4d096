//! What the server says.

use serde::Serialize;
use tablecast_core::membership::Seat;
use tablecast_core::room::{Change, Event, Room};
use tablecast_core::{Colour, Epoch, Logic, MemberId, Rejection, SeatToken};

use crate::app::App;
use crate::codec::Frame;
use crate::config::HubConfig;
use crate::view::MemberView;

/// Everything the server says.
#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum Push<'a, S, E> {
    /// The first thing a member hears.
    Hello(Hello<'a, S>),
    /// The whole state, when events alone do not lead to it: put it in place of all you know.
    Snapshot(State<S>),
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
        code: &'a str,
        /// For people.
        message: &'a str,
        /// This was not taken because an earlier command was not: the number of that one. Nothing with a higher
        /// number is taken before it has come again.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schemars(with = "u64"))]
        after: Option<u64>,
    },
    /// Something happened.
    Event(EventBody<'a, E>),
    /// Whether the store can be reached.
    Status {
        /// While it is `down` there are no changes, and commands are answered `unavailable`.
        #[cfg_attr(feature = "schema", schemars(extend("enum" = ["up", "down"])))]
        store: &'static str,
    },
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
struct Hello<'a, S> {
    /// Who you are.
    you: MemberId,
    /// Your name.
    name: &'a str,
    /// Your colour.
    colour: Colour,
    /// The secret to have this seat again; keep it until you leave.
    seat: SeatToken,
    /// The room's id.
    room: &'a str,
    /// Whether you go on from the position you gave: then the missed events follow, and there is no state here.
    resumed: bool,
    /// Absent when the missed events follow instead.
    #[serde(flatten)]
    state: Option<State<S>>,
    /// How many seats the room has.
    seats: usize,
    /// How long the room lives after the last join or change.
    ttl_ms: u64,
    /// What is allowed.
    limits: LimitsBody,
}

#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Snapshot")
)]
struct State<S> {
    /// Position of this state.
    epoch: Epoch,
    /// Position of this state.
    seq: u64,
    /// The application's state.
    state: S,
    /// Who has a seat, in order of joining.
    members: Vec<MemberView>,
    /// When the room ends unless something extends it.
    expires_at: u64,
    /// The store's clock.
    now: u64,
}

#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Limits")
)]
struct LimitsBody {
    /// The longest message.
    message_bytes: usize,
    /// On average; 0: no limit.
    commands_per_second: f64,
    /// At once.
    command_burst: u32,
    /// How long a seat is kept for who is away.
    seat_grace_ms: u64,
    /// The server pings after so much silence.
    ping_interval_ms: u64,
}

#[derive(Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Event")
)]
struct EventBody<'a, E> {
    /// Its place; always one more than the event before.
    seq: u64,
    /// Whose command it was, if it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "MemberId"))]
    by: Option<MemberId>,
    #[serde(flatten)]
    what: What<'a, E>,
    /// When the room ends, as known now.
    expires_at: u64,
}

#[derive(Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
enum What<'a, E> {
    /// Has a seat.
    Joined {
        /// Who: the event's own seq.
        member: MemberId,
        /// Their name.
        name: &'a str,
        /// Their colour.
        colour: Colour,
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
        name: &'a str,
        /// Their colour.
        colour: Colour,
    },
    /// The application's state changed.
    Change(&'a E),
}

/// The schema of it all, where an application shows its state as `S` and its events
/// as `E`.
#[cfg(feature = "schema")]
pub(super) fn schema<S: schemars::JsonSchema, E: schemars::JsonSchema + 'static>(
    generator: &mut schemars::SchemaGenerator,
) -> schemars::Schema {
    <Push<'static, S, E> as schemars::JsonSchema>::json_schema(generator)
}

fn render<S: Serialize, E: Serialize>(push: &Push<'_, S, E>) -> String {
    // Writing to memory fails only if the application's own types refuse to be
    // written, which storing them has already shown not to be so.
    serde_json::to_string(push).unwrap_or_default()
}

type Plain<'a> = Push<'a, (), ()>;

/// What a hello tells besides the state.
pub(crate) struct Greeting<'a> {
    pub(crate) room_id: &'a str,
    pub(crate) seat: &'a Seat,
    pub(crate) expires_at: u64,
    pub(crate) now: u64,
    pub(crate) config: &'a HubConfig,
}

/// The first message to a member. Without `resumed` it holds the whole state.
pub(crate) fn hello<A: App>(room: &Room<A>, greeting: &Greeting<'_>, resumed: bool) -> String {
    let config = greeting.config;
    let push: Push<'_, _, ()> = Push::Hello(Hello {
        you: greeting.seat.member,
        name: &greeting.seat.name,
        colour: greeting.seat.colour,
        seat: greeting.seat.token,
        room: greeting.room_id,
        resumed,
        state: (!resumed).then(|| state(room, greeting.expires_at, greeting.now)),
        seats: room.seats,
        ttl_ms: room.ttl.as_millis() as u64,
        limits: LimitsBody {
            message_bytes: config.connection.message_bytes,
            commands_per_second: config.command_rate.per_second,
            command_burst: config.command_rate.burst,
            seat_grace_ms: config.seat_grace.as_millis() as u64,
            ping_interval_ms: config.connection.ping_interval.as_millis() as u64,
        },
    });
    render(&push)
}

fn state<A: App>(room: &Room<A>, expires_at: u64, now: u64) -> State<impl Serialize + '_> {
    State {
        epoch: room.position.epoch,
        seq: room.position.seq,
        state: room.logic.view(),
        members: members(room),
        expires_at,
        now,
    }
}

/// The members as others see them: no tokens, no nodes.
pub(crate) fn members<L: Logic>(room: &Room<L>) -> Vec<MemberView> {
    let seats = room.members.iter();
    seats
        .map(|seat| MemberView {
            id: seat.member,
            name: seat.name.clone(),
            colour: seat.colour,
            away: seat.is_away(),
        })
        .collect()
}

/// The whole state, when events alone do not lead to it.
pub(crate) fn snapshot<A: App>(room: &Room<A>, expires_at: u64, now: u64) -> Frame {
    let push: Push<'_, _, ()> = Push::Snapshot(state(room, expires_at, now));
    Frame::text(&render(&push))
}

/// A command was accepted: ordered and stored.
pub(crate) fn ack(id: u64, seq: u64) -> Frame {
    Frame::text(&render(&Plain::Ack { id, seq }))
}

/// A command was refused; with `after`, because that one has to come first.
pub(crate) fn error(id: Option<u64>, rejection: &Rejection, after: Option<u64>) -> Frame {
    let Rejection { code, message } = rejection;
    Frame::text(&render(&Plain::Error {
        id,
        code,
        message,
        after,
    }))
}

/// Whether the store answers.
pub(crate) fn status(up: bool) -> String {
    render(&Plain::Status {
        store: if up { "up" } else { "down" },
    })
}

/// Something happened.
pub(crate) fn event<E: Serialize>(event: &Event<E>, expires_at: u64) -> String {
    let what = match &event.change {
        Change::Joined { name, colour, .. } => What::Joined {
            member: MemberId(event.seq),
            name,
            colour: *colour,
        },
        Change::Back { member, .. } => What::Back { member: *member },
        Change::Away { member, until } => What::Away {
            member: *member,
            until: *until,
        },
        Change::Left { member } => What::Left { member: *member },
        Change::Renamed {
            member,
            name,
            colour,
        } => What::Renamed {
            member: *member,
            name,
            colour: *colour,
        },
        Change::Logic { event, .. } => What::Change(event),
    };
    let body = EventBody {
        seq: event.seq,
        by: event.by(),
        what,
        expires_at,
    };
    render(&Push::<(), E>::Event(body))
}
