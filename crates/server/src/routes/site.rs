//! State that the routes share, and checks that several of them make first.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, Path};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::response::Response;
use ipnet::IpNet;
use tablecast::hub::{RoomError, Unavailable};
use tablecast::inspect::Transport;
use tablecast_core::draft::Refusal;
use tablecast_http::tls::Tls;
use tablecast_http::{Origin, PerAddress, Problem, Site, Times, origin};
use tablecast_lunch_hub::LunchHub;

use super::answers::Answers;
use super::route::Route;
use crate::config::{Config, Https};
use crate::docs::Documents;
use crate::reason;

/// When to try again while the store is down.
pub(super) const STORE_RETRY: Duration = Duration::from_secs(2);

/// When to try again while this server is shutting down: at once, because another takes
/// over; but the header cannot say less than a second.
pub(super) const DRAIN_RETRY: Duration = Duration::from_secs(1);

/// For a month, which a certificate got by ACME outlasts: it is renewed by itself. Who goes back
/// to plain HTTP waits as long.
const STRICT_TRANSPORT: &str = "max-age=2592000";

/// What the routes share.
#[derive(Debug)]
pub(crate) struct SiteState {
    pub(crate) hub: LunchHub,
    pub(crate) config: Config,
    /// What is known of the certificate, if TLS is spoken here.
    pub(crate) tls: Option<Tls>,
    pub(super) documents: Documents,
    pub(super) creates: PerAddress,
    joins: PerAddress,
    misses: PerAddress,
    pub(super) pictures: PerAddress,
    /// All routes, for the document that describes them.
    pub(super) table: fn() -> Vec<Route<SharedSite>>,
    pub(super) answers: Answers,
}

pub(super) type SharedSite = Arc<SiteState>;

impl SiteState {
    /// The shared state at the start; `table` makes all routes.
    pub(crate) fn new(
        hub: LunchHub,
        config: Config,
        tls: Option<Tls>,
        table: fn() -> Vec<Route<SharedSite>>,
    ) -> Self {
        SiteState {
            hub,
            creates: PerAddress::new(config.create_rate),
            joins: PerAddress::new(config.join_rate),
            misses: PerAddress::new(config.miss_rate),
            pictures: PerAddress::new(config.picture_rate),
            documents: Documents::default(),
            answers: Answers::new(&table()),
            table,
            tls,
            config,
        }
    }

    /// Refuses an address that joins or looks at rooms too often, because each request may
    /// ask the store or draw a picture.
    pub(super) fn may_come(&self, client: IpAddr) -> Result<(), Problem> {
        let came = self.joins.take(client);
        came.map_err(|wait| Problem::too_many("too many visits from this address", wait))
    }

    /// As [`SiteState::may_come`], and says no to one that asked for too many rooms that are
    /// not there. Those who join by `tablecast.v1` are neither counted nor refused here:
    /// whoever guesses must not keep out the people behind the same address, who may all
    /// come back to rooms that a server in memory has lost.
    pub(super) fn may_look(&self, client: IpAddr) -> Result<(), Problem> {
        self.may_come(client)?;
        let checked = self.misses.check(client);
        checked.map_err(|wait| Problem::too_many("too many unknown rooms from this address", wait))
    }

    /// Counts and notes somebody who is refused before the hub is asked.
    pub(super) fn turned_away(&self, room: &str, client: IpAddr, by: Transport, why: &Problem) {
        let reason = why.reason();
        self.hub.metrics().handshakes.count(reason.code());
        let journal = self.hub.journal();
        journal.refused(room, client, by, reason.code(), reason.when());
    }

    /// Turns an error into a problem, and counts requests for rooms that do not exist.
    pub(super) fn refused(&self, client: IpAddr, error: RoomError) -> Problem {
        match error {
            RoomError::NotFound => {
                // The limit was checked before; this count matters for the next request.
                let _ = self.misses.take(client);
                no_such_room()
            }
            RoomError::Refused(Refusal::Full { .. }) => {
                Problem::new(reason::ROOM_FULL, error.to_string())
            }
            // Only a resumed seat can be missing or taken over, only persons are asked to leave, and
            // only `tablecast.v1` knows either, where a close code says so.
            RoomError::Refused(Refusal::NoSuchSeat | Refusal::TakenOver | Refusal::Dismissed) => {
                tracing::error!(%error, "a seat was looked for where none is resumed");
                Problem::internal("a seat was looked for where none is resumed")
            }
            RoomError::Unavailable(why) => unavailable(&why),
        }
    }
}

impl Site for SiteState {
    fn trusted_proxies(&self) -> &[IpNet] {
        &self.config.trusted_proxies
    }

    fn allowed_origins(&self) -> &[Origin] {
        &self.config.allowed_origins
    }

    fn times(&self) -> Times {
        let default = Times::default();
        Times {
            // A store may be allowed to take longer than by default.
            request: default.request + self.config.hub.command_deadline,
            ..default
        }
    }

    fn is_draining(&self) -> bool {
        self.hub.is_draining()
    }

    fn strict_transport(&self) -> Option<HeaderValue> {
        let tls = self.tls.as_ref()?;
        // Of a certificate in a file nobody knows whether browsers trust it, and whether the
        // operator will have a next one.
        let is_lasting = matches!(self.config.https, Some(Https::Acme(_))) && tls.is_ready();
        is_lasting.then_some(HeaderValue::from_static(STRICT_TRANSPORT))
    }

    fn answered(&self, answer: &Response) {
        self.answers.count(answer);
    }
}

/// There is no such room (any more). All such ids get the same answer, so that they cannot
/// be distinguished.
pub(crate) fn no_such_room() -> Problem {
    Problem::new(reason::NOT_FOUND, "there is no such room, or it expired")
}

/// Accepts only requests that come from no page, or from an allowed one.
pub(super) struct AllowedPage;

impl FromRequestParts<SharedSite> for AllowedPage {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, site: &SharedSite) -> Result<Self, Problem> {
        if origin::is_allowed(&parts.headers, &site.config.allowed_origins) {
            return Ok(AllowedPage);
        }
        Err(Problem::new(
            reason::FOREIGN_ORIGIN,
            "pages of this origin may not connect; the server's operator can allow it with --allowed-origin",
        ))
    }
}

/// The id in the path as it was sent. A path that is not valid text is no room's id, and
/// gets the same answer as an unknown id.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let id = Path::<String>::from_request_parts(parts, state).await;
        Ok(Id(id.map_or_else(|_| String::new(), |Path(id)| id)))
    }
}

/// Says that nothing can be done just now. Of a store that cannot be reached the reason is the
/// operator's: it may name hosts that are nobody's business. The backend has logged it once; here
/// it would be a line for each request.
pub(crate) fn unavailable(why: &Unavailable) -> Problem {
    match why {
        Unavailable::Store(reason) => {
            tracing::debug!(
                reason,
                "a request was refused, since the store is unavailable"
            );
            let detail = "the store cannot be reached; try again";
            Problem::not_now(reason::UNAVAILABLE, detail, STORE_RETRY)
        }
        Unavailable::Refusing(_) => {
            Problem::not_now(reason::UNAVAILABLE, why.to_string(), STORE_RETRY)
        }
        Unavailable::Draining => Problem::not_now(reason::DRAINING, why.to_string(), DRAIN_RETRY),
    }
}
