//! The answers of a hub: rooms as others see them.

use std::time::Duration;

use tablecast_core::backend::Stamp;
use tablecast_core::{Position, RoomId};
pub use tablecast_protocol::push::Member as MemberView;

/// Settings of one room that differ from the hub's configuration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoomSettings {
    /// How long it lives after the last join or change. By default
    /// [`HubConfig::room_ttl`](crate::HubConfig::room_ttl); never more than
    /// [`HubConfig::room_max_age`](crate::HubConfig::room_max_age).
    pub ttl: Option<Duration>,
}

/// A new room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedRoom {
    /// Its id.
    pub id: RoomId,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
    /// How long it lives after the last join or change.
    pub ttl: Duration,
}

/// A room as it is now.
#[derive(Debug, Clone)]
pub struct RoomView<A> {
    /// Its position.
    pub position: Position,
    /// The backend's clock, and when the room expires.
    pub stamp: Stamp,
    /// How many seats it has.
    pub seats: usize,
    /// How long it lives after the last join or change.
    pub ttl: Duration,
    /// The members with a seat.
    pub members: Vec<MemberView>,
    /// The application's state.
    pub app: A,
}
