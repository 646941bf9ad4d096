//! What became of connections.

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use serde::Serialize;
use tablecast::dialect::Dialect;
use tablecast::journal::{Visit, What};
use tablecast_core::text::folded;
use tablecast_http::{Problem, problem};

use super::Admin;
use super::params::{Params, bad};
use super::words::Words;

const KNOWN: [&str; 8] = [
    "room", "member", "name", "address", "code", "from", "until", "limit",
];

/// How many are listed unless more or fewer are asked for.
const USUAL: u64 = 200;

/// `GET /api/visits`: the newest first.
pub(super) async fn list(
    State(Admin(admin)): State<Admin>,
    words: Words,
    params: Params,
) -> Result<Response, Problem> {
    let params = params.only(&KNOWN)?;
    let limit = params.limit(USUAL)?;
    let member = params.whole("member", 1..=u64::MAX)?;
    let from = params.whole("from", 0..=u64::MAX)?.unwrap_or(0);
    let until = params.whole("until", 0..=u64::MAX)?.unwrap_or(u64::MAX);
    let name = params.text("name").map(folded);
    if name.is_some() && !words.are_shown() {
        return Err(bad(
            "to look for a name is to see it: say why in the header Tablecast-Reveal",
        ));
    }
    let (room, address, code) = (
        params.text("room"),
        params.text("address"),
        params.text("code"),
    );
    words.log(room);
    let visits = admin.public.hub.journal().visits();
    let is_asked = |visit: &&Visit| {
        (from..=until).contains(&visit.at)
            && room.is_none_or(|room| *room == *visit.room)
            && member.is_none_or(|id| visit.member.is_some_and(|member| member.0 == id))
            && address.is_none_or(|text| visit.address.is_some_and(|one| one.to_string() == text))
            && code.is_none_or(|code| Code::of(visit.what).is_some_and(|one| one.is(code)))
            && name.as_ref().is_none_or(|name| {
                visit
                    .name
                    .as_ref()
                    .is_some_and(|one| folded(one).contains(name))
            })
    };
    let oldest = |of_refusals: bool| {
        let is_one = |visit: &&Visit| matches!(visit.what, What::Refused { .. }) == of_refusals;
        visits.iter().rev().find(is_one).map(|visit| visit.at)
    };
    let listed = visits.iter().filter(is_asked).take(limit);
    Ok(problem::ok(&Visits {
        visits: listed.map(|visit| Line::of(visit, &words)).collect(),
        oldest_at: oldest(false),
        oldest_refusal_at: oldest(true),
    }))
}

#[derive(Serialize)]
struct Visits<'a> {
    visits: Vec<Line<'a>>,
    /// Of joins and closes before that nothing is remembered.
    oldest_at: Option<u64>,
    /// The same of refusals, which are remembered apart.
    oldest_refusal_at: Option<u64>,
}

#[derive(Serialize)]
struct Line<'a> {
    at: u64,
    what: &'static str,
    room: &'a str,
    member: Option<String>,
    name: Option<&'a str>,
    address: Option<String>,
    dialect: Option<&'static str>,
    transport: &'static str,
    code: Option<Code>,
    reason: Option<&'static str>,
    lasted_ms: Option<u64>,
}

impl<'a> Line<'a> {
    fn of(visit: &'a Visit, words: &Words) -> Self {
        let (what, reason) = match visit.what {
            What::Joined => ("joined", None),
            What::Resumed => ("resumed", None),
            What::Watching => ("watching", None),
            What::Refused { reason, .. } => ("refused", Some(reason)),
            What::Closed { reason, .. } => ("closed", Some(reason)),
        };
        Line {
            at: visit.at,
            what,
            room: &visit.room,
            member: visit.member.map(|member| member.to_string()),
            name: visit.name.as_deref().map(|name| words.name(name)),
            address: visit.address.map(|address| address.to_string()),
            dialect: visit.dialect.map(dialect),
            transport: visit.transport.name(),
            code: Code::of(visit.what),
            reason,
            lasted_ms: visit.lasted.map(millis),
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Code {
    Close(u16),
    Word(&'static str),
}

impl Code {
    fn of(what: What) -> Option<Self> {
        match what {
            What::Joined | What::Resumed | What::Watching => None,
            What::Refused { code, .. } => Some(Code::Word(code)),
            What::Closed { code, .. } => Some(Code::Close(code)),
        }
    }

    fn is(&self, text: &str) -> bool {
        match self {
            Code::Close(code) => code.to_string() == text,
            Code::Word(word) => *word == text,
        }
    }
}

/// The name of a dialect.
pub(super) fn dialect(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Text => "text",
        Dialect::Json => "json",
    }
}

/// In whole milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
