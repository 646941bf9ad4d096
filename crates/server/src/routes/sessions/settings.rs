//! The settings of a new room, and how a request gives them.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tablecast_core::code;
use tokio::time::timeout;

use crate::reason;
use tablecast_http::Problem;
use tablecast_lunch::{MasterSecret, Menu};

/// Plenty for the settings of a room.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// A body must be complete in this time.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// A day. For a longer time, make another room.
const MAX_MINUTES: u64 = 24 * 60;

/// The settings of a new room. Unknown fields are ignored: an older server must not refuse a
/// newer client. Values are read one by one, so that an error names the wrong one.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Settings {
    /// The room's title: a string, or null.
    #[schemars(with = "Option<String>")]
    pub(super) title: Value,
    /// How many minutes it lives after the last join or change: a whole number, or null. A
    /// server may allow less.
    #[schemars(with = "Option<u64>", range(min = 1, max = MAX_MINUTES))]
    pub(super) minutes: Value,
}

/// The whole body, if it is small and comes in time. A body whose `Content-Length` is too
/// large is not read at all.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::new(
            reason::BODY_TOO_LONG,
            format!("the body is too large: at most {MAX_BODY_BYTES} bytes"),
        )
    };
    let length = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok());
    // hyper has parsed it before; a number beyond u64 never comes here.
    if length.and_then(|length| length.parse::<u64>().ok()) > Some(MAX_BODY_BYTES as u64) {
        return Err(too_large());
    }
    let body = Limited::new(body, MAX_BODY_BYTES).collect();
    match timeout(BODY_DEADLINE, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::new(
            reason::BAD_REQUEST,
            format!("the body cannot be read: {error}"),
        )),
        Err(_) => Err(Problem::new(
            reason::TIMEOUT,
            format!(
                "the body was not complete after {} s",
                BODY_DEADLINE.as_secs()
            ),
        )),
    }
}

/// The settings in a body; the defaults if it is empty.
pub(super) fn settings(headers: &HeaderMap, body: &[u8]) -> Result<Settings, Problem> {
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
            reason::BAD_CONTENT_TYPE,
            "a body must be application/json; none is needed",
        ));
    }
    let bad = |what: String| Problem::new(reason::BAD_JSON, what);
    // serde would also accept an array with the fields in order.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(bad("the body must be a JSON object, or nothing".to_owned()));
    }
    serde_json::from_slice(body)
        .map_err(|error| bad(format!("the body is not understood: {error}")))
}

/// A setting has a value that is not allowed.
fn not_allowed(name: &str, value: &Value, allowed: &str) -> Problem {
    // So that an answer does not grow with the request.
    let value: String = value.to_string().chars().take(40).collect();
    Problem::new(
        reason::BAD_REQUEST,
        format!("{name:?} is {value}, but must be {allowed}, or null"),
    )
}

/// How long the room lives, if the body says so.
pub(super) fn lifetime(minutes: &Value, max_age: Duration) -> Result<Option<Duration>, Problem> {
    let most = MAX_MINUTES.min(max_age.as_secs() / 60);
    match minutes {
        Value::Null => Ok(None),
        minutes => match whole(minutes) {
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

/// A whole number, also if written like 30.0: for JSON Schema and JavaScript it is the
/// same.
fn whole(number: &Value) -> Option<u64> {
    const EXACT: f64 = (1_u64 << 53) as f64;
    let written_with_a_point = || {
        let number = number.as_f64()?;
        (number.fract() == 0.0 && (0.0..=EXACT).contains(&number)).then_some(number as u64)
    };
    number.as_u64().or_else(written_with_a_point)
}

/// The menu of a new room.
pub(super) fn menu(max_items: usize, title: &Value) -> Result<Menu, Problem> {
    let menu = Menu::new(max_items, new_secret()?);
    match title {
        Value::Null => Ok(menu),
        Value::String(title) => menu.with_title(title).map_err(|rejection| {
            let reason = match rejection.code {
                code::EMPTY => reason::TITLE_EMPTY,
                code::TOO_LONG => reason::TITLE_TOO_LONG,
                _ => reason::TITLE_FORBIDDEN,
            };
            Problem::new(reason, rejection.message)
        }),
        title => Err(not_allowed("title", title, "a string")),
    }
}

/// The random secret of the room's draws.
fn new_secret() -> Result<MasterSecret, Problem> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|error| {
        tracing::error!(%error, "the operating system gives no randomness");
        Problem::internal("no secret could be made")
    })?;
    Ok(MasterSecret::new(random))
}
