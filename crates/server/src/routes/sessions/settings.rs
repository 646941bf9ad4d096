//! The settings of a new room, and how a request gives them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use tablecast_core::text::{NAME_GRAPHEMES, clean};
use tablecast_core::{PersonId, PersonKey, Rejection, RoomId, code};

use crate::reason;
use crate::routes::body::is_json;
use crate::routes::sessions::again::Dish;
use crate::routes::site::{SiteState, unavailable};
use tablecast_http::Problem;
use tablecast_lunch::{MAX_VOTES_EACH, MasterSecret, Menu, Rules, code as lunch_code};

/// A day. For a longer time, make another room.
const MAX_MINUTES: u64 = 24 * 60;

/// The settings of a new room. Unknown fields are ignored: an older server must not refuse a
/// newer client. Values are read one by one, so that an error names the wrong one.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Settings {
    /// The room's title: a string, or null.
    #[schemars(with = "Option<String>")]
    title: Value,
    /// How many minutes it lives after the last join or change: a whole number, or null. A
    /// server may allow less.
    #[schemars(with = "Option<u64>", range(min = 1, max = MAX_MINUTES))]
    pub(super) minutes: Value,
    /// Who makes the room: the secret key with which they join it, 32 lower-case hex digits, or
    /// null. They are its host, once all servers know hosts. Without it nobody is.
    #[schemars(with = "Option<String>", regex(pattern = "^[0-9a-f]{32}$"))]
    person: Value,
    /// In how many minutes the votes decide by themselves: a number, also with a fraction, or
    /// null. Not together with `decide_at`. At most a minute less than rooms may live: 1439 if the
    /// server keeps the default of 24 hours, 1440 if rooms may live longer.
    #[schemars(with = "Option<f64>", range(min = 1, max = MAX_MINUTES))]
    decide_in: Value,
    /// When the votes decide by themselves: milliseconds since 1970 by the store's clock, at
    /// least 5 seconds and at most 24 hours from now, or null.
    #[schemars(with = "Option<u64>")]
    decide_at: Value,
    /// Whether members see only their own votes until it is decided: a boolean, or null. By
    /// default they see all.
    #[schemars(with = "Option<bool>")]
    hidden_votes: Value,
    /// How many votes each member may give: a whole number, or null for as many as they like.
    #[schemars(with = "Option<u32>", range(min = 1, max = MAX_VOTES_EACH))]
    votes_each: Value,
    /// The dishes with which it begins, or null. If it follows another room: the menu of that one as
    /// whoever asks remembers it, which counts only if the server knows nothing of that room any more;
    /// then the title counts, too.
    #[schemars(with = "Option<Vec<Dish>>")]
    menu: Value,
}

/// The settings in a body; the defaults if it is empty.
pub(super) fn settings(headers: &HeaderMap, body: &[u8]) -> Result<Settings, Problem> {
    if body.is_empty() {
        return Ok(Settings::default());
    }
    if !is_json(headers) {
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

/// What a request wants of a new room.
pub(super) struct Wanted {
    pub(super) title: Option<Arc<str>>,
    /// With what it begins, if the request says so.
    pub(super) dishes: Option<Vec<Dish>>,
    host: Option<PersonKey>,
    rules: Option<Rules>,
    deadline: Option<When>,
}

impl Settings {
    /// Reads the settings, also those that may count for nothing then.
    pub(super) fn wanted(&self) -> Result<Wanted, Problem> {
        let title = match &self.title {
            Value::Null => None,
            Value::String(title) => Some(title.as_str().into()),
            title => return Err(not_allowed("title", title, "a string")),
        };
        let menu = (!self.menu.is_null()).then_some(&self.menu);
        Ok(Wanted {
            title,
            dishes: menu.map(dishes).transpose()?,
            host: key(&self.person)?,
            rules: rules(self)?,
            deadline: deadline(self)?,
        })
    }
}

impl Wanted {
    /// The menu of the new room with this id.
    pub(super) async fn menu(&self, site: &SiteState, id: &RoomId) -> Result<Menu, Problem> {
        let refused = |rejection: Rejection| {
            let reason = match rejection.code {
                code::EMPTY => reason::TITLE_EMPTY,
                code::TOO_LONG => reason::TITLE_TOO_LONG,
                lunch_code::BAD_DEADLINE => reason::BAD_DEADLINE,
                code::BAD_COMMAND => reason::BAD_REQUEST,
                _ => reason::TITLE_FORBIDDEN,
            };
            Problem::new(reason, rejection.message)
        };
        let mut menu = Menu::new(site.config.max_items, new_secret()?);
        if let Some(title) = &self.title {
            menu = menu.with_title(title).map_err(refused)?;
        }
        if let Some(key) = self.host {
            menu = menu.with_host(PersonId::new(key, id));
        }
        if let Some(rules) = self.rules {
            menu = menu.with_rules(rules).map_err(refused)?;
        }
        if let Some(deadline) = &self.deadline {
            let now = site.hub.now().await.map_err(|why| unavailable(&why))?;
            let at = match deadline {
                When::In(time) => now.saturating_add(time.as_millis() as u64),
                When::At(at) => *at,
            };
            menu = menu.with_deadline(at, now).map_err(refused)?;
        }
        let dishes = self.dishes.iter().flatten();
        Ok(menu.with_dishes(dishes.map(|dish| (&*dish.item, &*dish.name))))
    }
}

/// The dishes of a menu. What may stand on no menu is left out, and so is what somebody wanted whose
/// name nobody may have.
fn dishes(menu: &Value) -> Result<Vec<Dish>, Problem> {
    let dishes = Vec::<Dish>::deserialize(menu).map_err(|_| {
        let allowed = "an array of objects like {\"item\":\"pizza\",\"name\":\"Mina\"}";
        not_allowed("menu", menu, allowed)
    })?;
    let cleaned = dishes.into_iter().filter_map(|Dish { item, name }| {
        let name = clean("the name", &name, NAME_GRAPHEMES).ok()?.into();
        Some(Dish { item, name })
    });
    Ok(cleaned.collect())
}

/// Who makes the room.
fn key(person: &Value) -> Result<Option<PersonKey>, Problem> {
    let wrong = || not_allowed("person", &Value::from("…"), "32 lower-case hex digits");
    match person {
        Value::Null => Ok(None),
        // The key is a secret, which an answer does not repeat.
        Value::String(key) => key.parse().map(Some).map_err(|_| wrong()),
        _ => Err(wrong()),
    }
}

/// How members vote, if the body says so.
fn rules(settings: &Settings) -> Result<Option<Rules>, Problem> {
    let hidden_votes = match &settings.hidden_votes {
        Value::Null => false,
        Value::Bool(hidden) => *hidden,
        other => return Err(not_allowed("hidden_votes", other, "true or false")),
    };
    let votes_each = match &settings.votes_each {
        Value::Null => None,
        given => match whole(given).and_then(|given| u32::try_from(given).ok()) {
            Some(each) if (1..=MAX_VOTES_EACH).contains(&each) => Some(each),
            _ => {
                let allowed = format!("a whole number from 1 to {MAX_VOTES_EACH}");
                return Err(not_allowed("votes_each", given, &allowed));
            }
        },
    };
    let rules = Rules {
        hidden_votes,
        votes_each,
    };
    Ok((rules != Rules::default()).then_some(rules))
}

/// When the votes decide by themselves.
enum When {
    In(Duration),
    /// Milliseconds since 1970.
    At(u64),
}

/// In how many minutes a deadline may be, at most, so that the room lives a minute beyond it.
pub(super) fn latest_deadline(max_age: Duration) -> u64 {
    MAX_MINUTES.min((max_age.as_secs() / 60).saturating_sub(1))
}

fn deadline(settings: &Settings) -> Result<Option<When>, Problem> {
    match (&settings.decide_in, &settings.decide_at) {
        (Value::Null, Value::Null) => Ok(None),
        (minutes, Value::Null) => match minutes.as_f64() {
            Some(number) if (1.0..=MAX_MINUTES as f64).contains(&number) => {
                Ok(Some(When::In(Duration::from_secs_f64(60.0 * number))))
            }
            _ => {
                let allowed = format!("a number of minutes from 1 to {MAX_MINUTES}");
                Err(not_allowed("decide_in", minutes, &allowed))
            }
        },
        (Value::Null, at) => match whole(at) {
            Some(at) => Ok(Some(When::At(at))),
            None => {
                let allowed = "a time in milliseconds since 1970";
                Err(not_allowed("decide_at", at, allowed))
            }
        },
        (_, at) => Err(not_allowed(
            "decide_at",
            at,
            "left out where \"decide_in\" is given",
        )),
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
