//! Rooms of this process: find, open, reap, drain.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use tablecast_core::backend::{Backend, Health, Stamp};
use tablecast_core::{MemberId, Position, RoomId};

use crate::app::App;
use crate::config::HubConfig;
use crate::metrics::Metrics;
use crate::upgrade::Upgrade;

/// All rooms of one process. A handle: cloning it is cheap.
#[derive(Debug)]
pub struct Hub<A: App>(Arc<std::marker::PhantomData<A>>);

impl<A: App> Clone for Hub<A> {
    fn clone(&self) -> Self {
        Hub(self.0.clone())
    }
}

/// A room that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedRoom {
    /// Its id.
    pub id: RoomId,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
}

/// Why a room was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// There is a room with this id.
    #[error("there is a room with this id already")]
    Exists,
    /// As many rooms as allowed are there.
    #[error("this node has as many rooms as it may have: {max}")]
    TooManyRooms {
        /// How many are allowed.
        max: usize,
        /// When a place may be free.
        retry_after: Duration,
    },
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The node is shutting down.
    #[error("this server is shutting down")]
    Draining,
}

/// One member as others see them.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MemberView {
    /// Who.
    pub id: MemberId,
    /// Their name.
    pub name: String,
    /// Not connected at the moment; the seat is kept for a while.
    pub away: bool,
}

/// A room as it stands.
#[derive(Debug, Clone)]
pub struct RoomView<A> {
    /// Where it stands.
    pub position: Position,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
    /// Who has one.
    pub members: Vec<MemberView>,
    /// The application's state.
    pub app: A,
}

/// Why a room cannot be shown or joined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// There is no such room (any more), or the id is none.
    #[error("there is no such room, or it expired")]
    NotFound,
    /// All seats are taken.
    #[error("the room is full: all {seats} seats are taken")]
    Full {
        /// How many there are.
        seats: usize,
    },
    /// The store cannot be reached.
    #[error("{0}")]
    Unavailable(String),
    /// The node is shutting down.
    #[error("this server is shutting down")]
    Draining,
}

#[allow(unused_variables, clippy::todo, missing_docs)]
impl<A: App> Hub<A> {
    /// Starts a hub on this backend. Must be called in a tokio runtime.
    pub fn start(backend: Arc<dyn Backend>, config: HubConfig) -> Self {
        unimplemented!()
    }
    pub async fn create(&self, id: RoomId, app: A) -> Result<CreatedRoom, CreateError> {
        unimplemented!()
    }
    pub async fn view(&self, room: &str) -> Result<RoomView<A>, RoomError> {
        unimplemented!()
    }
    /// Text dialect: joins, then answers 101, or says why not. JSON: answers 101.
    pub async fn upgrade(&self, upgrade: Upgrade, room: &str) -> Result<Response, RoomError> {
        unimplemented!()
    }
    pub fn health(&self) -> Health {
        unimplemented!()
    }
    pub fn is_draining(&self) -> bool {
        unimplemented!()
    }
    /// No new joins; members closed with 1012 spread over `within`; lease given up.
    pub async fn drain(&self, within: Duration) {
        unimplemented!()
    }
    pub fn metrics(&self) -> &Metrics {
        unimplemented!()
    }
}
