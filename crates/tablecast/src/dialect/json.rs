//! `tablecast.v1`: the dialect for programs. These are its wire types; what is
//! stored has types of its own.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tablecast_core::membership::Seat;
use tablecast_core::room::{Change, Event, Op, Room};
use tablecast_core::{Colour, Epoch, Logic, MemberId, Position, Rejection, SeatToken};

use crate::app::App;
use crate::codec::Frame;
use crate::config::HubConfig;
use crate::dialect::digest;
use crate::hub::MemberView;

/// Numbers above this are not whole in JavaScript.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// What a client says first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `{"join":{"name":…,"colour":…}}`
    Join {
        name: Option<String>,
        colour: Option<Colour>,
    },
    /// `{"resume":{"seat":…,"epoch":…,"seq":…}}`
    Resume {
        seat: SeatToken,
        known: Option<Position>,
    },
}

/// What a client says once it has a seat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said<C> {
    /// `{"id":…,"rename":{"name":…,"colour":…}}`
    Rename {
        op: Op,
        name: String,
        colour: Option<Colour>,
    },
    /// `{"id":…,"COMMAND":…}`
    Command { op: Op, command: C },
}

/// A message was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Misunderstood {
    /// The number of the command, if that much was understood.
    pub(crate) id: Option<u64>,
    pub(crate) rejection: Rejection,
}

/// `{"id":…,"VERB":…}` with exactly one verb.
struct Envelope<'a> {
    id: Option<u64>,
    verb: String,
    content: &'a RawValue,
}

impl<'de> Deserialize<'de> for Envelope<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = Envelope<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with an id and one command")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                let mut id = None;
                let mut said = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "id" {
                        if id.is_some() {
                            return Err(M::Error::duplicate_field("id"));
                        }
                        id = Some(map.next_value::<u64>()?);
                    } else if said.is_some() {
                        map.next_value::<IgnoredAny>()?;
                        return Err(M::Error::custom(format_args!(
                            "one command a message, but {key:?} is a second one"
                        )));
                    } else {
                        said = Some((key, map.next_value::<&RawValue>()?));
                    }
                }
                let (verb, content) = said.ok_or_else(|| M::Error::custom("no command"))?;
                Ok(Envelope { id, verb, content })
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

fn envelope(text: &str) -> Result<Envelope<'_>, Misunderstood> {
    serde_json::from_str(text).map_err(|error| Misunderstood {
        id: None,
        rejection: Rejection::new(
            "bad_command",
            format!("not understood: {error}; a message is one JSON object, like {{\"id\":1,\"COMMAND\":{{…}}}}"),
        ),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object, {} or {\"name\":…}")]
struct JoinContent {
    name: Option<String>,
    colour: Option<Colour>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with \"seat\"")]
struct ResumeContent {
    seat: SeatToken,
    epoch: Option<Epoch>,
    seq: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with \"name\"")]
struct RenameContent {
    name: String,
    colour: Option<Colour>,
}

/// What is wrong with the content of a command. Without the position: it is one
/// within the content, not within the message.
fn within(verb: &str, error: &serde_json::Error) -> String {
    let error = error.to_string();
    let what = error
        .rsplit_once(" at line ")
        .map_or(&*error, |(what, _)| what);
    // An answer does not grow with what it answers.
    let cut = |text: &str| text.chars().take(120).collect::<String>();
    format!("in {:?}: {}", cut(verb), cut(what))
}

/// Reads a client's first message.
pub(crate) fn entry(text: &str) -> Result<Entry, Misunderstood> {
    let said = envelope(text)?;
    let bad = |message: String| Misunderstood {
        id: said.id,
        rejection: Rejection::new("bad_command", message),
    };
    let content = said.content.get();
    match said.verb.as_str() {
        "join" => {
            let JoinContent { name, colour } =
                serde_json::from_str(content).map_err(|error| bad(within("join", &error)))?;
            Ok(Entry::Join { name, colour })
        }
        "resume" => {
            let resume: ResumeContent =
                serde_json::from_str(content).map_err(|error| bad(within("resume", &error)))?;
            let known = match (resume.epoch, resume.seq) {
                (Some(epoch), Some(seq)) if seq <= MAX_SAFE_INTEGER => {
                    Some(Position { epoch, seq })
                }
                (None, None) => None,
                _ => {
                    return Err(bad(format!(
                        "in \"resume\": give epoch and seq together (seq at most {MAX_SAFE_INTEGER}), or neither"
                    )));
                }
            };
            Ok(Entry::Resume {
                seat: resume.seat,
                known,
            })
        }
        other => Err(bad(format!(
            "the first message is {{\"join\":{{}}}} or {{\"resume\":{{…}}}}, not {other:?}"
        ))),
    }
}

/// Reads a later message.
pub(crate) fn said<C: DeserializeOwned>(text: &str) -> Result<Said<C>, Misunderstood> {
    let Envelope { id, verb, content } = envelope(text)?;
    let bad = |message: String| Misunderstood {
        id,
        rejection: Rejection::new("bad_command", message),
    };
    if matches!(&*verb, "join" | "resume") {
        return Err(bad(format!(
            "{verb:?} is for the first message; you have a seat already"
        )));
    }
    let number = match id {
        Some(number @ 1..=MAX_SAFE_INTEGER) => number,
        _ => {
            return Err(bad(format!(
                "\"id\" must be a number from 1 to {MAX_SAFE_INTEGER}"
            )));
        }
    };
    let content = content.get();
    let op = Op {
        number,
        digest: digest(&[&verb, content]),
    };
    if verb == "rename" {
        let RenameContent { name, colour } =
            serde_json::from_str(content).map_err(|error| bad(within("rename", &error)))?;
        return Ok(Said::Rename { op, name, colour });
    }
    let key = serde_json::to_string(&verb).unwrap_or_default();
    let command = serde_json::from_str(&format!("{{{key}:{content}}}")).map_err(|error| {
        match within(&verb, &error) {
            what if what.contains("unknown variant") => {
                bad(format!("{what}; `rename` is known too"))
            }
            what => bad(what),
        }
    })?;
    Ok(Said::Command { op, command })
}

/// Everything the server says.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Push<'a, S, E> {
    Hello(Hello<'a, S>),
    Snapshot(State<S>),
    Ack {
        id: u64,
        seq: u64,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: Option<u64>,
        code: &'a str,
        message: &'a str,
    },
    Event(EventBody<'a, E>),
    Status {
        store: &'static str,
    },
}

#[derive(Serialize)]
struct Hello<'a, S> {
    you: MemberId,
    name: &'a str,
    colour: Colour,
    seat: SeatToken,
    room: &'a str,
    resumed: bool,
    /// Absent when the missed events follow instead.
    #[serde(flatten)]
    state: Option<State<S>>,
    seats: usize,
    ttl_ms: u64,
    limits: LimitsBody,
}

#[derive(Serialize)]
struct State<S> {
    epoch: Epoch,
    seq: u64,
    state: S,
    members: Vec<MemberView>,
    expires_at: u64,
    now: u64,
}

#[derive(Serialize)]
struct LimitsBody {
    message_bytes: usize,
    commands_per_second: f64,
    command_burst: u32,
    seat_grace_ms: u64,
    ping_interval_ms: u64,
}

#[derive(Serialize)]
struct EventBody<'a, E> {
    seq: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<MemberId>,
    #[serde(flatten)]
    what: What<'a, E>,
    expires_at: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum What<'a, E> {
    Joined {
        member: MemberId,
        name: &'a str,
        colour: Colour,
    },
    Back {
        member: MemberId,
    },
    Away {
        member: MemberId,
        until: u64,
    },
    Left {
        member: MemberId,
    },
    Renamed {
        member: MemberId,
        name: &'a str,
        colour: Colour,
    },
    Change(&'a E),
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

/// A command was refused.
pub(crate) fn error(id: Option<u64>, rejection: &Rejection) -> Frame {
    let Rejection { code, message } = rejection;
    Frame::text(&render(&Plain::Error { id, code, message }))
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
