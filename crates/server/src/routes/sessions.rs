//! Making rooms, and looking at rooms and their results.

mod again;
mod settings;

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderValue, LOCATION};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};
use tablecast::App as _;
use tablecast::hub::{CreateError, CreatedRoom, MemberView, RoomError, RoomSettings};
use tablecast_core::{Epoch, RoomId};
use uuid::Uuid;

use super::body;
use super::route::{Answer, Route, Tag};
use super::site::{AllowedPage, Id, SharedSite, SiteState, no_such_room, unavailable};
use crate::reason;
use again::{legacy, successor};
use settings::{Settings, latest_deadline, lifetime, settings};
use tablecast_http::Client;
use tablecast_http::problem::{self, Problem};
use tablecast_lunch::{Keepsake, MasterSecret, Menu};

/// A room that was made. Times are milliseconds since 1970 by the store's clock;
/// `now` lets a client whose clock is wrong know how long is left.
#[derive(Serialize, JsonSchema)]
struct Created<'a> {
    /// The address of its WebSocket.
    url: String,
    /// The room's id.
    id: &'a str,
    /// The address of its page.
    page: String,
    /// When it ends unless something extends it.
    expires_at: u64,
    /// The store's clock.
    now: u64,
    /// How many seats it has.
    seats: usize,
    /// How long it lives after the last join or change.
    ttl_ms: u64,
}

/// A room as it is now, without the tokens of seats.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Room")]
struct Shown<'a, S> {
    /// The room's id.
    id: &'a str,
    /// The epoch of this position.
    epoch: Epoch,
    /// The seq of the last event in this state.
    seq: u64,
    /// When it ends unless something extends it.
    expires_at: u64,
    /// The store's clock.
    now: u64,
    /// How many seats it has.
    seats: usize,
    /// How long it lives after the last join or change.
    ttl_ms: u64,
    /// Who has a seat, in order of joining.
    members: &'a [MemberView],
    /// The state that they share.
    state: S,
}

/// The result of a room.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Result")]
struct Left<'a> {
    /// The room's id.
    id: &'a str,
    /// As it was stored, also by an earlier version.
    #[serde(flatten)]
    #[schemars(with = "Keepsake")]
    what: BTreeMap<String, Box<RawValue>>,
    /// When it was decided.
    decided_at: u64,
    /// Until when the result can be read.
    kept_until: u64,
}

/// The id in the document's examples.
const EXAMPLE: &str = "32cd8a37-d116-4cf7-ab54-ad14cb7df569";
const EXAMPLE_NOW: u64 = 1_795_299_727_066;
const EXAMPLE_TTL: u64 = 600_000;

/// The result of a room in which pizza had the most votes.
fn left() -> Left<'static> {
    let pizza = json!({ "number": 1, "item": "pizza", "name": "Mina", "votes": 1 });
    let what = [
        ("title", json!("금요일 점심")),
        (
            "decision",
            json!({ "how": "votes", "by": 1, "name": "Mina", "winner": pizza, "draw": null }),
        ),
        ("menu", json!([pizza])),
    ];
    Left {
        id: EXAMPLE,
        // Each part is JSON already.
        what: what
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), to_raw_value(&value).ok()?)))
            .collect(),
        decided_at: EXAMPLE_NOW,
        kept_until: EXAMPLE_NOW + 7 * 24 * 60 * 60 * 1000,
    }
}

pub(super) fn routes() -> Vec<Route<SharedSite>> {
    let created = Created {
        url: format!("/ws/{EXAMPLE}/"),
        id: EXAMPLE,
        page: format!("/r/{EXAMPLE}"),
        expires_at: EXAMPLE_NOW + EXAMPLE_TTL,
        now: EXAMPLE_NOW,
        seats: 10,
        ttl_ms: EXAMPLE_TTL,
    };
    let made = |status, about| {
        Answer::json(status, about, &created)
            .header("Location", "Where the room can be looked at")
            .leads_to("showRoom", "The room as it stands")
            .leads_to("roomPage", "Its page")
            .leads_to("joinRoom", "Its WebSocket")
    };
    let about_settings = "Settings, all of which may be left out or null, as may the body";
    let making = [
        reason::BAD_JSON,
        reason::BAD_DEADLINE,
        reason::FOREIGN_ORIGIN,
        reason::TIMEOUT,
        reason::BODY_TOO_LONG,
        reason::BAD_CONTENT_TYPE,
        reason::RATE_LIMITED,
        reason::UNAVAILABLE,
        reason::DRAINING,
        reason::TOO_MANY_ROOMS,
        reason::NOT_YET,
    ];
    let titled = [
        reason::TITLE_EMPTY,
        reason::TITLE_TOO_LONG,
        reason::TITLE_FORBIDDEN,
    ];
    let menu = Menu::new(100, MasterSecret::new([0; 32]));
    let shown = Shown {
        id: EXAMPLE,
        epoch: Epoch(0x9f68_ba47_6b80_2138),
        seq: 0,
        expires_at: EXAMPLE_NOW + EXAMPLE_TTL,
        now: EXAMPLE_NOW,
        seats: 10,
        ttl_ms: EXAMPLE_TTL,
        members: &[],
        state: menu.table(),
    };
    let looked = [reason::NOT_FOUND, reason::RATE_LIMITED, reason::UNAVAILABLE];
    vec![
        Route::post("/session/", create)
            .named(
                "createRoom",
                Tag::Rooms,
                "Makes a room",
                "Whoever knows its id may join. Settings that are not known are ignored, so that an older server takes what a newer client says.",
            )
            .takes::<Settings>(
                about_settings,
                json!({ "title": "금요일 점심", "minutes": 30 }),
            )
            .answers(made(StatusCode::CREATED, "The room is there"))
            .refuses(&making)
            .refuses(&titled),
        Route::post("/session/{id}/again/", again)
            .named(
                "makeAgain",
                Tag::Rooms,
                "Makes the room that follows one that has ended",
                "The same one for everybody who asks, however often. It has the title and the dishes of the room as it is, or else of its result, or else of `title` and `menu`; and no votes. Other settings count only when it is made.",
            )
            .room()
            .takes::<Settings>(
                about_settings,
                json!({ "minutes": 30, "menu": [{ "item": "김치찌개", "name": "Mina" }] }),
            )
            .answers(made(StatusCode::CREATED, "The room is there"))
            .answers(made(StatusCode::OK, "The room was there already"))
            .refuses(&making)
            .refuses(&titled)
            .refuses(&[reason::NOT_FOUND]),
        Route::get("/session/{id}/", show)
            .named(
                "showRoom",
                Tag::Rooms,
                "Shows a room as it stands",
                "Not a join: it extends nothing.",
            )
            .room()
            .answers(Answer::json(StatusCode::OK, "The room", &shown))
            .refuses(&looked),
        Route::get("/session/{id}/result/", result)
            .named(
                "showResult",
                Tag::Rooms,
                "Shows what was decided in a room last",
                "Also when the room is gone, for as long as the server keeps results. Not found if nothing was decided.",
            )
            .room()
            .answers(Answer::json(StatusCode::OK, "The result", &left()))
            .refuses(&looked),
    ]
}

/// `POST /session`: makes a room.
pub(super) async fn create(
    _: AllowedPage,
    State(site): State<SharedSite>,
    Client(client): Client,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let settings = settings(
        &parts.headers,
        &body::read(body::MENU, &parts.headers, body).await?,
    )?;
    let ttl = lifetime(&settings.minutes, site.config.hub.room_max_age)?;
    let id = new_id()?;
    let menu = settings.wanted()?.menu(&site, &id).await?;
    site.creates
        .take(client)
        .map_err(|wait| Problem::too_many("too many new rooms from this address", wait))?;

    let made = make(&site, id, menu, ttl)
        .await
        .map_err(|error| not_made(&site, error))?;
    tracing::debug!(room = made.id.as_str(), address = %client, "a room was made");
    Ok(answer(&site, StatusCode::CREATED, &made))
}

/// `POST /session/{id}/again`: the room that follows this one, which is made once.
pub(super) async fn again(
    _: AllowedPage,
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let settings = settings(
        &parts.headers,
        &body::read(body::MENU, &parts.headers, body).await?,
    )?;
    let mut wanted = settings.wanted()?;
    let ttl = lifetime(&settings.minutes, site.config.hub.room_max_age)?;
    site.may_look(client)?;
    site.creates
        .take(client)
        .map_err(|wait| Problem::too_many("too many new rooms from this address", wait))?;

    let refused = |error| site.refused(client, error);
    let mut room: RoomId = id.parse().map_err(|_| refused(RoomError::NotFound))?;
    let id = loop {
        let next = successor(&room);
        if let Some(there) = find(&site, &next).await.map_err(refused)? {
            return Ok(answer(&site, StatusCode::OK, &there));
        }
        match site.hub.keepsake(next.as_str()).await {
            // It has ended too. Made anew it would lose its result, so the one after it follows.
            // Each is a look, since somebody may have made many of them.
            Ok(_) => site.may_look(client)?,
            Err(RoomError::NotFound) => break next,
            Err(error) => return Err(refused(error)),
        }
        room = next;
    };
    match legacy(&site, &room).await {
        Ok(legacy) => {
            wanted.title = legacy.title;
            wanted.dishes = Some(legacy.menu);
        }
        Err(RoomError::NotFound) if wanted.dishes.is_some() => {}
        Err(error) => return Err(refused(error)),
    }
    let menu = wanted.menu(&site, &id).await?;
    match make(&site, id.clone(), menu, ttl).await {
        Ok(made) => {
            tracing::debug!(room = room.as_str(), successor = id.as_str(), address = %client, "a room was made again");
            Ok(answer(&site, StatusCode::CREATED, &made))
        }
        // Somebody else was faster.
        Err(CreateError::Exists) => {
            let there = find(&site, &id).await.map_err(refused)?;
            let there = there.ok_or_else(no_such_room)?;
            Ok(answer(&site, StatusCode::OK, &there))
        }
        Err(error) => Err(not_made(&site, error)),
    }
}

/// Makes a room. While a server of the version before may live, a host is no reason to refuse
/// it: then nobody is host.
async fn make(
    site: &SiteState,
    id: RoomId,
    menu: Menu,
    ttl: Option<Duration>,
) -> Result<CreatedRoom, CreateError> {
    let settings = RoomSettings { ttl };
    let hostless = menu.without_host();
    let made = site.hub.create_with(id.clone(), menu, settings).await;
    match (made, hostless) {
        (Err(CreateError::NotYet), Some(hostless)) => {
            site.hub.create_with(id, hostless, settings).await
        }
        (made, _) => made,
    }
}

/// A room as when it was made, if it is there.
async fn find(site: &SiteState, id: &RoomId) -> Result<Option<CreatedRoom>, RoomError> {
    match site.hub.view(id.as_str()).await {
        Ok(view) => Ok(Some(CreatedRoom {
            id: id.clone(),
            stamp: view.stamp,
            seats: view.seats,
            ttl: view.ttl,
        })),
        Err(RoomError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Says where a room is.
fn answer(site: &SiteState, status: StatusCode, room: &CreatedRoom) -> Response {
    let (id, base) = (room.id.as_str(), &site.config.base_path);
    let created = Created {
        url: format!("{base}/ws/{id}/"),
        id,
        page: format!("{base}/r/{id}"),
        expires_at: room.stamp.expires_at,
        now: room.stamp.now,
        seats: room.seats,
        ttl_ms: millis(room.ttl),
    };
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(format!("{base}/session/{id}/")) {
        headers.insert(LOCATION, location);
    }
    problem::json(status, "application/json", headers, &created)
}

/// `GET /session/{id}`: the room as it is now. It is not a join, and extends nothing.
pub(super) async fn show(
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
) -> Result<Response, Problem> {
    site.may_look(client)?;
    let view = site.hub.view(&id).await;
    let view = view.map_err(|error| site.refused(client, error))?;
    let shown = Shown {
        id: &id,
        epoch: view.position.epoch,
        seq: view.position.seq,
        expires_at: view.stamp.expires_at,
        now: view.stamp.now,
        seats: view.seats,
        ttl_ms: millis(view.ttl),
        members: &view.members,
        state: view.app.view(None),
    };
    Ok(problem::ok(&shown))
}

/// `GET /session/{id}/result`: the room's last decision, whether the room still lives or
/// not.
pub(super) async fn result(
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
) -> Result<Response, Problem> {
    site.may_look(client)?;
    let kept = site.hub.keepsake(&id).await;
    let kept = kept.map_err(|error| match error {
        RoomError::NotFound => site.refused(client, error).because(
            "nothing was decided in this room, or there is no such room, or its result expired",
        ),
        error => site.refused(client, error),
    })?;
    let what = serde_json::from_slice(&kept.what).map_err(|error| {
        tracing::error!(room = %id, %error, "the stored result cannot be read");
        Problem::internal("the stored result cannot be read")
    })?;
    let left = Left {
        id: &id,
        what,
        decided_at: kept.kept_at,
        kept_until: kept.kept_until,
    };
    Ok(problem::ok(&left))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// 122 random bits from the operating system, so nobody can guess it.
fn new_id() -> Result<RoomId, Problem> {
    let id = Uuid::new_v4().hyphenated().to_string();
    id.parse().map_err(|error| {
        tracing::error!(%error, "a UUID is not taken as a room id");
        Problem::internal("no id could be made")
    })
}

fn not_made(site: &SiteState, error: CreateError) -> Problem {
    let detail = error.to_string();
    match error {
        CreateError::Exists => {
            tracing::error!("two random ids are alike");
            Problem::internal("no id could be made")
        }
        CreateError::TooManyRooms { retry_after, .. } => {
            Problem::not_now(reason::TOO_MANY_ROOMS, detail, retry_after)
        }
        CreateError::NotYet => Problem::not_now(reason::NOT_YET, detail, Duration::from_secs(60)),
        CreateError::TooLate => {
            let most = latest_deadline(site.config.hub.room_max_age);
            let detail = format!("{detail}; a deadline is at most {most} minutes from now");
            Problem::new(reason::BAD_DEADLINE, detail)
        }
        CreateError::Unavailable(why) => unavailable(&why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ids_are_random_uuids() {
        let a = new_id().map(|id| id.to_string()).unwrap_or_default();
        let b = new_id().map(|id| id.to_string()).unwrap_or_default();
        assert_ne!(a, b);
        assert!(
            Uuid::parse_str(&a).is_ok_and(|id| id.get_version_num() == 4),
            "{a}"
        );
    }
}
