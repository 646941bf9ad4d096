//! The hub of the lunch tables: [`Hub`] of [`Menu`], for the server.
//!
//! The compiler makes code of a generic function in the crate that says for which types. That is this one, so that
//! all that a delivery runs through is optimised for speed, while the server around it may be optimised for size. So
//! nothing here is generic, and each future is boxed: an unboxed one would be compiled where it is polled.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use futures_core::future::BoxFuture;
use tablecast::HubConfig;
use tablecast::core::backend::{Backend, Health, Keepsake};
use tablecast::core::{MemberId, NodeId, RoomId};
use tablecast::hub::{
    CommandError, CreateError, CreatedRoom, Hub, RoomError, RoomSettings, RoomView, Unavailable,
};
use tablecast::inspect::{Inspection, RoomHistory};
use tablecast::journal::Journal;
use tablecast::metrics::Metrics;
use tablecast::sse::{Answers, EventStream, PostError};
use tablecast::upgrade::Upgrade;
use tablecast_lunch::Menu;

/// All lunch tables of one process. Each function is that of [`Hub`] with the same name, which says more.
#[derive(Debug, Clone)]
pub struct LunchHub(Hub<Menu>);

impl LunchHub {
    /// Starts the hub on this backend. Must be called in a tokio runtime.
    pub fn start(backend: Arc<dyn Backend>, config: HubConfig) -> Self {
        LunchHub(Hub::start(backend, config))
    }

    /// Makes a room with this menu and the configuration's settings.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub fn create(
        &self,
        id: RoomId,
        menu: Menu,
    ) -> BoxFuture<'_, Result<CreatedRoom, CreateError>> {
        Box::pin(self.0.create(id, menu))
    }

    /// Makes a room with this menu and settings of its own.
    ///
    /// # Errors
    /// See [`CreateError`].
    pub fn create_with(
        &self,
        id: RoomId,
        menu: Menu,
        settings: RoomSettings,
    ) -> BoxFuture<'_, Result<CreatedRoom, CreateError>> {
        Box::pin(self.0.create_with(id, menu, settings))
    }

    /// Shows a room, read from the backend.
    ///
    /// # Errors
    /// `NotFound` or `Unavailable`.
    pub fn view<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<RoomView<Menu>, RoomError>> {
        Box::pin(self.0.view(room))
    }

    /// A room's result as JSON.
    ///
    /// # Errors
    /// `NotFound` or `Unavailable`.
    pub fn keepsake<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<Keepsake, RoomError>> {
        Box::pin(self.0.keepsake(room))
    }

    /// Answers a WebSocket handshake for a room.
    ///
    /// # Errors
    /// Why somebody who speaks the text dialect cannot join; and that the node drains.
    pub fn upgrade<'a>(
        &'a self,
        upgrade: Upgrade,
        room: &'a str,
    ) -> BoxFuture<'a, Result<Response, RoomError>> {
        Box::pin(self.0.upgrade(upgrade, room))
    }

    /// Answers with a stream of events of a room.
    ///
    /// # Errors
    /// Why the client cannot join.
    pub fn events<'a>(
        &'a self,
        stream: EventStream,
        room: &'a str,
    ) -> BoxFuture<'a, Result<Response, RoomError>> {
        Box::pin(self.0.events(stream, room))
    }

    /// Does what a client says who hears by a stream of events.
    ///
    /// # Errors
    /// See [`PostError`].
    pub fn post<'a>(
        &'a self,
        room: &'a str,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<Answers, PostError>> {
        Box::pin(self.0.post(room, body))
    }

    /// Asks a member to leave, on whichever node they are.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn dismiss<'a>(
        &'a self,
        room: &'a str,
        member: MemberId,
    ) -> BoxFuture<'a, Result<bool, CommandError>> {
        Box::pin(self.0.dismiss(room, member))
    }

    /// Sends everybody away, on all nodes.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub fn close<'a>(&'a self, room: &'a str) -> BoxFuture<'a, Result<(), CommandError>> {
        Box::pin(self.0.close(room))
    }

    /// The first ids, at most so many, of rooms that are open on this node and have this part in their id, behind this
    /// id, sorted.
    pub fn open_rooms_after(&self, after: &str, part: &str, most: usize) -> Vec<RoomId> {
        self.0.open_rooms_after(after, part, most)
    }

    /// Looks at a room that is open on this node.
    pub fn inspect_open<'a>(&'a self, room: &'a RoomId) -> BoxFuture<'a, Option<Inspection<Menu>>> {
        Box::pin(self.0.inspect_open(room))
    }

    /// Looks at a room, wherever it is open.
    ///
    /// # Errors
    /// `NotFound` or `Unavailable`.
    pub fn inspect<'a>(
        &'a self,
        room: &'a str,
    ) -> BoxFuture<'a, Result<Inspection<Menu>, RoomError>> {
        Box::pin(self.0.inspect(room))
    }

    /// The last events of a room, from the store.
    ///
    /// # Errors
    /// `NotFound` or `Unavailable`.
    pub fn history<'a>(
        &'a self,
        room: &'a str,
    ) -> BoxFuture<'a, Result<RoomHistory<Menu>, RoomError>> {
        Box::pin(self.0.history(room))
    }

    /// This node, as the seats of its members name it.
    pub fn node(&self) -> &NodeId {
        self.0.node()
    }

    /// What became of the last connections to this node.
    pub fn journal(&self) -> &Journal {
        self.0.journal()
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        self.0.metrics()
    }

    /// Whether the backend takes changes.
    pub fn health(&self) -> Health {
        self.0.health()
    }

    /// The store's clock (ms since 1970).
    ///
    /// # Errors
    /// The store does not answer.
    pub fn now(&self) -> BoxFuture<'_, Result<u64, Unavailable>> {
        Box::pin(self.0.now())
    }

    /// How many rooms count against [`HubConfig::max_rooms`], and that limit.
    pub fn room_places(&self) -> (usize, usize) {
        self.0.room_places()
    }

    /// Waits until the hub has failed, and returns the reason.
    pub fn failed(&self) -> BoxFuture<'_, String> {
        Box::pin(self.0.failed())
    }

    /// Whether the node is shutting down.
    pub fn is_draining(&self) -> bool {
        self.0.is_draining()
    }

    /// Shuts down: tells the members to come back elsewhere, and returns when all are told or the time is over.
    pub fn drain(&self, within: Duration) -> BoxFuture<'_, ()> {
        Box::pin(self.0.drain(within))
    }
}
