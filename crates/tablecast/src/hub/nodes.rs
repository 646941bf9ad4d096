//! The hub's own two tasks: following the store's health, and keeping the node's lease.

use std::sync::Arc;

use futures_util::StreamExt;
use tablecast_core::App;

use crate::hub::shared::Shared;
use crate::room_task::Mail;

/// Follows the backend's health and tells the rooms. The lease is renewed before the rooms
/// learn that the store is up, so that their commits come from a live node.
pub(super) async fn hear<A: App>(shared: Arc<Shared<A>>) -> Result<(), String> {
    let mut changes = shared.node.backend.health();
    while let Some(health) = changes.next().await {
        // Members are told of up and down, not of each reason.
        if !shared.node.turned(&health) {
            continue;
        }
        if health.is_up() {
            renew(&shared).await;
        }
        shared.tell_all(|| Mail::Health(health.clone()));
    }
    Err("the store tells nothing any more".to_owned())
}

/// Renews the node's lease as long as the hub lives, and tells the rooms when another node
/// is gone.
pub(super) async fn keep_lease<A: App>(shared: Arc<Shared<A>>) -> Result<(), String> {
    let mut interval = tokio::time::interval(shared.node.config.node_lease / 4);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // Also while members are being closed: without a lease other nodes would give up
        // the seats that members come back to.
        if shared.is_released() {
            return Ok(());
        }
        renew(&shared).await;
    }
}

async fn renew<A: App>(shared: &Shared<A>) {
    if shared.node.renew().await {
        shared.tell_all(|| Mail::Live);
    }
}
