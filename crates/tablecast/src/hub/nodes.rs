//! Two of the hub's own tasks: following the store's health, and keeping the node's lease.

use std::sync::Arc;

use futures_util::StreamExt;
use tablecast_core::App;

use crate::hub::rooms::LocalRooms;
use crate::room_task::Mail;

/// Follows the backend's health and tells the rooms. The lease is renewed before the rooms
/// learn that the store is up, so that their commits come from a live node.
pub(super) async fn hear<A: App>(rooms: Arc<LocalRooms<A>>) -> Result<(), String> {
    let mut changes = rooms.node.backend.health();
    while let Some(health) = changes.next().await {
        // Members are told of up and down, not of each reason.
        if !rooms.node.turned(&health) {
            continue;
        }
        if health.is_up() {
            renew(&rooms).await;
        }
        rooms.tell_all(|| Mail::Health(health.clone()));
    }
    Err("the store tells nothing any more".to_owned())
}

/// Renews the node's lease as long as the hub lives, and tells the rooms when another node
/// is gone.
pub(super) async fn keep_lease<A: App>(rooms: Arc<LocalRooms<A>>) -> Result<(), String> {
    let mut interval = tokio::time::interval(rooms.node.config.node_lease / 4);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // Also while members are being closed: without a lease other nodes would give up
        // the seats that members come back to.
        if rooms.is_released() {
            return Ok(());
        }
        renew(&rooms).await;
    }
}

pub(super) async fn renew<A: App>(rooms: &LocalRooms<A>) {
    if rooms.node.renew().await {
        rooms.tell_all(|| Mail::Live);
    }
}
