//! From a handshake into a room.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tablecast_core::App;
use tablecast_protocol::client::{First, Join};

use crate::dialect::{Dialect, SUBPROTOCOL};
use crate::hub::{Hub, RoomError};
use crate::identity::Identity;
use crate::peer::{Peer, Transport};
use crate::session::{self, Visit};
use crate::upgrade::Upgrade;

impl<A: App> Hub<A> {
    /// Answers a WebSocket handshake for a room. A client that offers `tablecast.v1` is
    /// accepted, and gets a close code if it cannot join, because a browser cannot see why
    /// a handshake failed. Any other client uses the text dialect and joins before the
    /// answer, so that `curl` and `websocat` see the status. A draining node accepts
    /// nobody: after a status a proxy can ask the next node, after an accepted handshake it
    /// cannot.
    ///
    /// # Errors
    /// Why somebody who speaks the text dialect cannot join; and that the node drains.
    pub async fn upgrade(&self, upgrade: Upgrade, room: &str) -> Result<Response, RoomError> {
        self.answer(upgrade, room, None).await
    }

    /// As [`upgrade`](Hub::upgrade), for a program that knows its users. Whoever comes with the
    /// same identity is the same member, however often and by whichever dialect and device; the
    /// newest connection has the seat. What the client says of itself counts for nothing: its
    /// key, its name (also when it renames itself), and the secret of a seat that is not theirs.
    ///
    /// ```
    /// use axum::response::{IntoResponse, Response};
    /// use tablecast::{App, Hub, Identity, upgrade::Upgrade};
    ///
    /// /// A user of yours, whom you know from a cookie, say.
    /// struct User {
    ///     account: String,
    ///     name: String,
    ///     is_teacher: bool,
    /// }
    ///
    /// async fn join<A: App>(hub: &Hub<A>, room: &str, user: &User, upgrade: Upgrade) -> Response {
    ///     let identity = match Identity::new(&user.account, &user.name) {
    ///         Ok(identity) if user.is_teacher => identity.with_role("teacher"),
    ///         Ok(identity) => identity,
    ///         Err(why) => return why.to_string().into_response(),
    ///     };
    ///     hub.upgrade_as(upgrade, room, identity).await.into_response()
    /// }
    /// ```
    ///
    /// # Errors
    /// As [`upgrade`](Hub::upgrade).
    pub async fn upgrade_as(
        &self,
        upgrade: Upgrade,
        room: &str,
        identity: Identity,
    ) -> Result<Response, RoomError> {
        self.answer(upgrade, room, Some(Arc::new(identity))).await
    }

    async fn answer(
        &self,
        upgrade: Upgrade,
        room: &str,
        identity: Option<Arc<Identity>>,
    ) -> Result<Response, RoomError> {
        let config = self.rooms.node.config.connection;
        let dialect = match upgrade.offers(SUBPROTOCOL) {
            true => Dialect::Json,
            false => Dialect::Text,
        };
        let peer = Peer::new(room, upgrade.client, Some(dialect), Transport::WebSocket);
        let (mut visit, outbox) = Visit::begin(self.clone(), peer)?;
        if dialect == Dialect::Json {
            let room = room.into();
            return Ok(
                upgrade.accept_with(config, outbox, Some(SUBPROTOCOL), move |connection| {
                    session::json(visit, room, identity, connection)
                }),
            );
        }
        let (rooms, first) = (&self.rooms, First::Join(Join::default()));
        let entered = rooms.enter(room, Dialect::Text, &outbox, first, identity);
        let entered = entered.await;
        let (seat, entered) = entered.inspect_err(|error| visit.turned_away(error))?;
        Ok(
            upgrade.accept_with(config, outbox, None, move |connection| {
                session::text(visit, seat, entered, connection)
            }),
        )
    }
}

/// The status for `curl` and `websocat`, with the error as text. A server with its own
/// error format makes its own answer.
impl IntoResponse for RoomError {
    fn into_response(self) -> Response {
        let status = match self {
            RoomError::NotFound => StatusCode::NOT_FOUND,
            RoomError::Refused(_) => StatusCode::FORBIDDEN,
            RoomError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        (status, self.to_string()).into_response()
    }
}
