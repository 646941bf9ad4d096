//! What is asked behind the `?` of an address, and in a body. A misspelt name is an error: an
//! operator who is answered something else than asked would not notice.

use std::ops::RangeInclusive;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{FromRequestParts, Query};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use serde_json::{Map, Value};
use tablecast_core::MemberId;
use tablecast_http::Problem;

use crate::reason;
use crate::routes::body;

/// The parameters of a request, as they were sent.
pub(super) struct Params(Vec<(String, String)>);

impl<S: Send + Sync> FromRequestParts<S> for Params {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let query = query.map_err(|error: QueryRejection| bad(error.body_text()))?;
        Ok(Params(query.0))
    }
}

impl Params {
    /// Refuses other parameters than these, and one that is there twice.
    pub(super) fn only(self, known: &[&str]) -> Result<Self, Problem> {
        for (at, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let known = known.join(", ");
                return Err(bad(format!(
                    "there is no parameter {:?}; known are {known}",
                    cut(name)
                )));
            }
            if self.0[..at].iter().any(|(other, _)| other == name) {
                return Err(bad(format!("{name} is there twice")));
            }
        }
        Ok(self)
    }

    /// The text of a parameter; one that is empty counts as left out.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(other, _)| other == name);
        found
            .map(|(_, text)| text.as_str())
            .filter(|text| !text.is_empty())
    }

    /// A whole number.
    pub(super) fn whole(
        &self,
        name: &str,
        allowed: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Problem> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        match text.parse() {
            Ok(number) if allowed.contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = allowed.into_inner();
                let most = match most {
                    u64::MAX => "on".to_owned(),
                    most => format!("to {most}"),
                };
                Err(bad(format!(
                    "{name} is {:?}, but must be a whole number from {least} {most}",
                    cut(text)
                )))
            }
        }
    }

    /// How many are wanted.
    pub(super) fn limit(&self, usual: u64) -> Result<usize, Problem> {
        let limit = self.whole("limit", 1..=MOST)?;
        Ok(limit.unwrap_or(usual) as usize)
    }
}

/// The most that one answer lists: all visits.
const MOST: u64 = tablecast::journal::VISITS as u64;

/// The request is not what it should be.
pub(super) fn bad(detail: impl Into<String>) -> Problem {
    Problem::new(reason::BAD_REQUEST, detail)
}

/// The beginning of what is repeated, so that an answer does not grow with the request.
fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Reads a body: an object with these fields. It must be said to be JSON, which no form of a page
/// can say.
pub(super) async fn object(
    headers: &HeaderMap,
    body: Body,
    fields: &[&str],
) -> Result<Map<String, Value>, Problem> {
    if !body::is_json(headers) {
        let detail = "a change needs a body, and `Content-Type: application/json`; {} is enough where nothing is to be said";
        return Err(Problem::new(reason::BAD_CONTENT_TYPE, detail));
    }
    let body = body::read(body::SMALL, headers, body).await?;
    let bad = |what: String| Problem::new(reason::BAD_JSON, what);
    let read: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|error| bad(format!("the body must be a JSON object: {error}")))?;
    match read.keys().find(|name| !fields.contains(&name.as_str())) {
        Some(other) => Err(bad(format!(
            "there is no field {:?} in this body",
            cut(other)
        ))),
        None => Ok(read),
    }
}

/// A member's id, as a number or the same as a text.
pub(super) fn member(value: Option<&Value>) -> Result<MemberId, Problem> {
    let id = match value {
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    let why = "\"member\" must be the id of a member, as in {\"member\":\"7\"}";
    id.map(MemberId).ok_or_else(|| bad(why))
}
