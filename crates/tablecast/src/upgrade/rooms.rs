//! From a handshake into a room.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tablecast_core::App;
use tablecast_protocol::client::Watch;

use crate::dialect::message::WantedSeat;
use crate::dialect::{Dialect, SUBPROTOCOL};
use crate::hub::{Hub, RoomError, Unavailable};
use crate::outbox::Outbox;
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
        let config = self.rooms.node.config.connection;
        let outbox = Arc::new(Outbox::new(config.outbox));
        let mut visit = Visit::new(self.clone(), room, upgrade.client);
        if self.is_draining() {
            let error = RoomError::from(Unavailable::Draining);
            visit.turned_away(error.word());
            return Err(error);
        }
        if upgrade.offers(SUBPROTOCOL) {
            let room = room.into();
            return Ok(
                upgrade.accept_with(config, outbox, Some(SUBPROTOCOL), move |connection| {
                    session::json(visit, room, connection)
                }),
            );
        }
        let wanted = WantedSeat::New {
            name: None,
            colour: None,
            watch: Watch::No,
        };
        let entered = self.rooms.enter(room, Dialect::Text, &outbox, wanted, None);
        let (seat, entered) = entered.await.inspect_err(|error| {
            visit.turned_away(error.word());
        })?;
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
