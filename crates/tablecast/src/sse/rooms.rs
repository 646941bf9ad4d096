//! From a request into a room.

use std::sync::Arc;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use tablecast_core::App;

use crate::connection::Connection;
use crate::dialect::Dialect;
use crate::hub::{Hub, RoomError};
use crate::identity::Identity;
use crate::peer::{Peer, Transport};
use crate::session::{self, Visit};
use crate::sse::pipe::pipe;
use crate::sse::post::{Answers, PostError};
use crate::sse::{EVENT_STREAM, EventStream};

impl<A: App> Hub<A> {
    /// Answers with a stream of events of a room. The client gets the seat that it asks for before
    /// the answer, so each refusal has a status. Then each frame of `tablecast.v1` is an event
    /// without a name, a sign of life is a comment, and the close frame is the event `close`.
    ///
    /// The answer has no end of its own: a server that bounds how long answers may take must
    /// except it. The client must [post](Hub::post) at least once in
    /// [`ping_interval`](crate::ConnectionConfig::ping_interval).
    ///
    /// # Errors
    /// Why the client cannot join; [`RoomError::close_reason`] is what a WebSocket would be told.
    pub async fn events(&self, stream: EventStream, room: &str) -> Result<Response, RoomError> {
        self.listen(stream, room, None).await
    }

    /// As [`events`](Hub::events), for a program that knows its users: see
    /// [`upgrade_as`](Hub::upgrade_as).
    ///
    /// # Errors
    /// As [`events`](Hub::events).
    pub async fn events_as(
        &self,
        stream: EventStream,
        room: &str,
        identity: Identity,
    ) -> Result<Response, RoomError> {
        self.listen(stream, room, Some(Arc::new(identity))).await
    }

    async fn listen(
        &self,
        stream: EventStream,
        room: &str,
        identity: Option<Arc<Identity>>,
    ) -> Result<Response, RoomError> {
        let config = self.rooms.node.config.connection;
        let peer = Peer::new(room, stream.client, Some(Dialect::Json), Transport::Sse);
        let (mut visit, outbox) = Visit::begin(self.clone(), peer)?;
        let (rooms, first) = (&self.rooms, stream.first);
        let entered = rooms.enter(room, Dialect::Json, &outbox, first, identity);
        let entered = entered.await;
        let (seat, entered) = entered.inspect_err(|error| visit.turned_away(error))?;
        let (inlet, outlet) = pipe();
        outbox.attach(inlet.socket());
        let connection = Connection::one_way(inlet, outbox, config);
        tokio::spawn(session::events(visit, seat, entered, connection));
        let mut response = Body::from_stream(outlet).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // nginx would collect events before it passes them on.
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        Ok(response)
    }

    /// Does what a client says who hears by a stream of events, on whichever node that is: `body`
    /// is a [`Post`](tablecast_protocol::client::Post) as JSON. It counts as a sign of life. Each
    /// command gets the answer that it would get by WebSocket, in order.
    ///
    /// A server must take only bodies that say `Content-Type: application/json`, or pages of other
    /// sites may send some.
    ///
    /// As by WebSocket, a client that got no answer sends the same commands again with the same
    /// numbers. It has one POST under way at a time.
    ///
    /// # Errors
    /// See [`PostError`].
    pub async fn post(&self, room: &str, body: &[u8]) -> Result<Answers, PostError> {
        self.rooms.post(room, body, None).await
    }

    /// As [`post`](Hub::post), for a program that knows its users: the seat must be theirs, or one
    /// that says nobody's account, because an older node lived when it was taken.
    ///
    /// # Errors
    /// As [`post`](Hub::post).
    pub async fn post_as(
        &self,
        room: &str,
        body: &[u8],
        identity: &Identity,
    ) -> Result<Answers, PostError> {
        self.rooms.post(room, body, Some(identity)).await
    }
}
