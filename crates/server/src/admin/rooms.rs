//! Rooms: which are open here, what is in one, how it came so, and what operators do to it.

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};
use tablecast::hub::{CommandError, RoomError};
use tablecast::inspect::{ConnectionView, Inspection, SeatView};
use tablecast_core::{Position, RoomId};
use tablecast_http::{Client, Problem, problem};
use tablecast_lunch::Menu;

use super::Admin;
use super::params::{self, Params};
use super::visits::{dialect, millis};
use super::words::Words;
use crate::reason;
use crate::routes::{Id, no_such_room, unavailable};

/// How many rooms are listed unless more or fewer are asked for.
const USUAL: u64 = 100;

/// `GET /api/rooms`: the rooms that are open on this node, by id.
pub(super) async fn list(
    State(Admin(admin)): State<Admin>,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.only(&["search", "limit", "after"])?;
    let limit = params.limit(USUAL)?;
    let text = |name| params.text(name).unwrap_or_default();
    let hub = &admin.public.hub;
    // One more tells whether there is another page.
    let mut asked = hub.open_rooms_after(text("after"), text("search"), limit + 1);
    let is_more = asked.len() > limit;
    asked.truncate(limit);
    let next = asked.last().filter(|_| is_more).map(RoomId::to_string);
    let open = hub.metrics().rooms.get();
    let mut rooms = Vec::new();
    for id in &asked {
        // One that has just ended is not listed.
        rooms.extend(hub.inspect_open(id).await.as_ref().map(Summary::of));
    }
    Ok(problem::ok(
        &json!({ "rooms": rooms, "open": open, "next": next }),
    ))
}

/// `GET /api/rooms/{id}`: one room, also if it is open elsewhere or nowhere.
pub(super) async fn show(
    State(Admin(admin)): State<Admin>,
    Id(id): Id,
    words: Words,
) -> Result<Response, Problem> {
    let seen = admin.public.hub.inspect(&id).await.map_err(refused)?;
    words.log(Some(seen.id.as_str()));
    let here = seen.here.as_ref();
    let connections = here.map_or(&[][..], |here| &here.connections);
    Ok(problem::ok(&Whole {
        summary: Summary::of(&seen),
        seats: seen
            .members
            .iter()
            .map(|seat| Seat::of(seat, &words))
            .collect(),
        connections_here: connections.iter().map(Connection::of).collect(),
        state: words.state(&seen.app)?,
    }))
}

/// `GET /api/rooms/{id}/history`: the last events; with `at`, one of them with the state after it.
pub(super) async fn history(
    State(Admin(admin)): State<Admin>,
    Id(id): Id,
    words: Words,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.only(&["at"])?;
    let at = params.whole("at", 0..=u64::MAX)?;
    let history = admin.public.hub.history(&id).await.map_err(refused)?;
    words.log(Some(&id));
    let (Position { epoch, seq }, oldest) = history.oldest();
    let Some(at) = at else {
        let events: Result<Vec<_>, _> = history
            .events()
            .map(|event| {
                Ok(json!({ "seq": event.seq, "by": event.by(), "event": words.event(event)? }))
            })
            .collect();
        let from = json!({ "epoch": epoch, "seq": seq, "state": words.state(oldest)? });
        return Ok(problem::ok(&json!({ "from": from, "events": events? })));
    };
    let step = history.at(at).ok_or_else(|| {
        let newest = history.newest().seq;
        let first = history
            .events()
            .next()
            .map_or(seq, |event| event.seq)
            .min(seq);
        let detail = format!(
            "of this room the steps from {first} to {newest} are known, and {at} is none of them"
        );
        Problem::new(reason::NOT_FOUND, detail)
    })?;
    let state = step
        .app
        .as_ref()
        .map(|menu| words.state(menu))
        .transpose()?;
    let event = step.event.map(|event| words.event(event)).transpose()?;
    Ok(problem::ok(&json!({
        "position": { "epoch": epoch, "seq": at },
        "state": state,
        "event": event,
        "by": step.event.and_then(|event| event.by()),
    })))
}

/// `POST /api/rooms/{id}/close`: everybody is sent away.
pub(super) async fn close(
    State(Admin(admin)): State<Admin>,
    Client(address): Client,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    params::object(&headers, body, &[]).await?;
    admin.public.hub.close(&id).await.map_err(not_done)?;
    tracing::info!(room = id, %address, "an operator closed a room");
    Ok(problem::ok(&json!({})))
}

/// `POST /api/rooms/{id}/dismiss`: a member is asked to leave.
pub(super) async fn dismiss(
    State(Admin(admin)): State<Admin>,
    Client(address): Client,
    Id(id): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let body = params::object(&headers, body, &["member"]).await?;
    let member = params::member(body.get("member"))?;
    let done = admin.public.hub.dismiss(&id, member).await;
    if !done.map_err(not_done)? {
        let detail = format!("this room knows no member {member}: perhaps they have left");
        return Err(Problem::new(reason::NOT_FOUND, detail));
    }
    tracing::info!(room = id, %member, %address, "an operator asked a member to leave");
    Ok(problem::ok(&json!({})))
}

fn refused(error: RoomError) -> Problem {
    match error {
        RoomError::NotFound => no_such_room(),
        RoomError::Unavailable(why) => unavailable(&why),
        // Nobody has asked for a seat.
        RoomError::Refused(why) => {
            tracing::error!(%why, "a seat was refused to an operator");
            Problem::internal("a seat was refused to an operator")
        }
    }
}

fn not_done(error: CommandError) -> Problem {
    match error {
        CommandError::NotFound => no_such_room(),
        CommandError::Unavailable(why) => unavailable(&why),
        CommandError::Rejected(why) => Problem::new(reason::NOT_YET, &*why.message),
        CommandError::Unknown(_) => Problem::new(reason::UNAVAILABLE, error.to_string()),
    }
}

#[derive(Serialize)]
struct Summary {
    id: String,
    position: Position,
    members: usize,
    connections: usize,
    watchers: usize,
    opened_at: Option<u64>,
    expires_at: u64,
}

impl Summary {
    fn of(seen: &Inspection<Menu>) -> Self {
        let here = seen.here.as_ref();
        Summary {
            id: seen.id.to_string(),
            position: seen.position,
            members: seen.members.len(),
            connections: here.map_or(0, |here| here.connections.len()),
            watchers: here.map_or(0, |here| here.watchers),
            opened_at: here.map(|here| here.opened_at),
            expires_at: seen.stamp.expires_at,
        }
    }
}

#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    summary: Summary,
    seats: Vec<Seat<'a>>,
    connections_here: Vec<Connection>,
    state: Value,
}

#[derive(Serialize)]
struct Seat<'a> {
    member: String,
    name: &'a str,
    colour: tablecast_core::Colour,
    person: bool,
    here: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<&'a str>,
}

impl<'a> Seat<'a> {
    fn of(seat: &'a SeatView, words: &Words) -> Self {
        Seat {
            member: seat.member.to_string(),
            name: words.name(&seat.name),
            colour: seat.colour,
            person: seat.is_person,
            here: seat.node.is_some(),
            node: seat.node.as_ref().map(|node| node.as_str()),
        }
    }
}

#[derive(Serialize)]
struct Connection {
    member: Option<String>,
    dialect: &'static str,
    transport: &'static str,
    address: Option<String>,
    since: u64,
    round_trip_ms: Option<f64>,
    outbox: Waiting,
}

#[derive(Serialize)]
struct Waiting {
    frames: usize,
    bytes: usize,
    oldest_ms: Option<u64>,
}

impl Connection {
    fn of(connection: &ConnectionView) -> Self {
        let waiting = connection.outbox;
        Connection {
            member: connection.member.map(|member| member.to_string()),
            dialect: dialect(connection.dialect),
            transport: connection.transport.name(),
            address: connection.address.map(|address| address.to_string()),
            since: connection.since,
            round_trip_ms: connection
                .round_trip
                .map(|time| time.as_micros() as f64 / 1000.0),
            outbox: Waiting {
                frames: waiting.frames,
                bytes: waiting.bytes,
                oldest_ms: waiting.oldest.map(millis),
            },
        }
    }
}
