//! Making rooms, looking at them, and at what they leave.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use axum::response::Response;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tablecast::App as _;
use tablecast::hub::{CreateError, MemberView, RoomSettings};
use tablecast_core::{Epoch, Rejection, RoomId};
use tokio::time::timeout;
use uuid::Uuid;

use super::{AllowedPage, App, Client, DRAIN_RETRY, Id, store_unavailable};
use crate::menu::{MasterSecret, Menu};
use crate::problem::{Problem, json};

/// A room is made of nothing but settings; this is plenty.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// A body must be complete in this time.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A day: who wants a room for longer makes another.
const MAX_MINUTES: u64 = 24 * 60;

/// What a room may be given when it is made. What is unknown is refused by name rather
/// than ignored, so that a later setting never means something else to an older server.
/// Values are read one by one, so that a wrong one is named.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    /// What it is called: a string, or null.
    title: Value,
    /// How long it lives after the last sign of life: a whole number, or null.
    minutes: Value,
}

/// A room that was made. Times are milliseconds since 1970 by the store's clock;
/// `now` lets a client whose clock is wrong know how long is left.
#[derive(Serialize)]
struct Created<'a> {
    url: String,
    id: &'a str,
    page: String,
    expires_at: u64,
    now: u64,
    seats: usize,
    ttl_ms: u64,
}

/// A room as it stands. Holds no seat's token.
#[derive(Serialize)]
struct Shown<'a, S> {
    id: &'a str,
    epoch: Epoch,
    seq: u64,
    expires_at: u64,
    now: u64,
    seats: usize,
    ttl_ms: u64,
    members: &'a [MemberView],
    state: S,
}

/// What a room leaves.
#[derive(Serialize)]
struct Left<'a> {
    id: &'a str,
    /// As it was stored, also by an earlier version.
    #[serde(flatten)]
    what: BTreeMap<String, Box<RawValue>>,
    decided_at: u64,
    kept_until: u64,
}

/// `POST /session`: makes a room.
pub(super) async fn create(
    _: AllowedPage,
    State(app): State<App>,
    Client(client): Client,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let settings = settings(&parts.headers, &read(&parts.headers, body).await?)?;
    let ttl = lifetime(&settings.minutes, app.config.hub.room_max_age)?;
    let menu = menu(app.config.max_items, &settings.title)?;
    app.creates
        .take(client)
        .map_err(|wait| Problem::too_many("too many new rooms from this address", wait))?;

    let id = new_id()?;
    let made = app.hub.create_with(id, menu, RoomSettings { ttl }).await;
    let made = made.map_err(not_made)?;
    let id = made.id.as_str();
    let created = Created {
        url: format!("/ws/{id}/"),
        id,
        page: format!("/r/{id}"),
        expires_at: made.stamp.expires_at,
        now: made.stamp.now,
        seats: made.seats,
        ttl_ms: millis(made.ttl),
    };
    let mut headers = HeaderMap::new();
    if let Ok(location) = HeaderValue::try_from(format!("/session/{id}/")) {
        headers.insert(LOCATION, location);
    }
    Ok(json(
        StatusCode::CREATED,
        "application/json",
        headers,
        &created,
    ))
}

/// `GET /session/{id}`: the room as it stands. Not a join: it extends nothing.
pub(super) async fn show(
    State(app): State<App>,
    Client(client): Client,
    Id(id): Id,
) -> Result<Response, Problem> {
    app.may_look(client)?;
    let view = app.hub.view(&id).await;
    let view = view.map_err(|error| app.refused(client, error))?;
    let shown = Shown {
        id: &id,
        epoch: view.position.epoch,
        seq: view.position.seq,
        expires_at: view.stamp.expires_at,
        now: view.stamp.now,
        seats: view.seats,
        ttl_ms: millis(view.ttl),
        members: &view.members,
        state: view.app.view(),
    };
    Ok(json(
        StatusCode::OK,
        "application/json",
        HeaderMap::new(),
        &shown,
    ))
}

/// `GET /session/{id}/result`: what was decided in it last, whether it still lives or
/// not.
pub(super) async fn result(
    State(app): State<App>,
    Client(client): Client,
    Id(id): Id,
) -> Result<Response, Problem> {
    app.may_look(client)?;
    let kept = app.hub.keepsake(&id).await;
    let kept = kept.map_err(|error| app.refused(client, error))?;
    let what = serde_json::from_slice(&kept.what).map_err(|error| {
        tracing::error!(room = %id, %error, "the stored result cannot be read");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the stored result cannot be read",
        )
    })?;
    let left = Left {
        id: &id,
        what,
        decided_at: kept.kept_at,
        kept_until: kept.kept_until,
    };
    Ok(json(
        StatusCode::OK,
        "application/json",
        HeaderMap::new(),
        &left,
    ))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// 122 random bits from the operating system: whoever knows it was told.
fn new_id() -> Result<RoomId, Problem> {
    let id = Uuid::new_v4().hyphenated().to_string();
    id.parse().map_err(|error| {
        tracing::error!(%error, "a UUID is not taken as a room id");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "no id could be made",
        )
    })
}

/// What nobody can guess the room's draws from.
fn new_secret() -> Result<MasterSecret, Problem> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "the operating system gives no randomness");
        Problem::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "no secret could be made",
        )
    })?;
    Ok(MasterSecret::new(random))
}

fn not_made(error: CreateError) -> Problem {
    let detail = error.to_string();
    match error {
        CreateError::Exists => Problem::unavailable("exists", detail, Duration::ZERO),
        CreateError::TooManyRooms { retry_after, .. } => {
            Problem::unavailable("too_many_rooms", detail, retry_after)
        }
        CreateError::Unavailable(reason) => store_unavailable(&reason),
        CreateError::Draining => Problem::unavailable("draining", detail, DRAIN_RETRY),
    }
}

/// The whole body, if it is small and comes soon. One that says it is too large
/// is not read at all.
async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_long",
            format!("the body is too large: at most {MAX_BODY_BYTES} bytes"),
        )
    };
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    // hyper has read it as a number before; one beyond u64 never comes here.
    if length.and_then(|length| length.parse::<u64>().ok()) > Some(MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let body = Limited::new(body, MAX_BODY_BYTES).collect();
    match timeout(BODY_DEADLINE, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            format!("the body cannot be read: {error}"),
        )),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            format!(
                "the body was not complete after {} s",
                BODY_DEADLINE.as_secs()
            ),
        )),
    }
}

/// What a body asks for; nothing, if there is none.
fn settings(headers: &HeaderMap, body: &[u8]) -> Result<Settings, Problem> {
    if body.is_empty() {
        return Ok(Settings::default());
    }
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = content_type
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "bad_content_type",
            "a body must be application/json; none is needed",
        ));
    }
    let bad = |what: String| Problem::new(StatusCode::BAD_REQUEST, "bad_json", what);
    // serde would read an array as the fields in their order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(bad("the body must be a JSON object, or nothing".to_owned()));
    }
    serde_json::from_slice(body)
        .map_err(|error| bad(format!("the body is not understood: {error}")))
}

/// A setting has a value that is not allowed.
fn not_allowed(name: &str, value: &Value, allowed: &str) -> Problem {
    // An answer does not grow with what it answers.
    let value: String = value.to_string().chars().take(40).collect();
    Problem::new(
        StatusCode::BAD_REQUEST,
        "bad_request",
        format!("{name:?} is {value}, but must be {allowed}, or null"),
    )
}

/// How long the room lives, if the body says so.
fn lifetime(minutes: &Value, max_age: Duration) -> Result<Option<Duration>, Problem> {
    let most = MAX_MINUTES.min(max_age.as_secs() / 60);
    match minutes {
        Value::Null => Ok(None),
        minutes => match minutes.as_u64() {
            Some(number) if (1..=most).contains(&number) => {
                Ok(Some(Duration::from_secs(60 * number)))
            }
            _ if most == 0 => Err(not_allowed("minutes", minutes, "left out on this server")),
            _ => {
                let allowed = format!("a whole number from 1 to {most}");
                Err(not_allowed("minutes", minutes, &allowed))
            }
        },
    }
}

/// What is on the table at first.
fn menu(max_items: usize, title: &Value) -> Result<Menu, Problem> {
    let menu = Menu::new(max_items, new_secret()?);
    match title {
        Value::Null => Ok(menu),
        Value::String(title) => menu.with_title(title).map_err(|rejection| {
            let Rejection { code, message } = rejection;
            Problem::new(StatusCode::BAD_REQUEST, code, message)
        }),
        title => Err(not_allowed("title", title, "a string")),
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
