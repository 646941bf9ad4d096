//! The hub's own two tasks: following the store's health, and keeping the node's lease.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::StreamExt;
use tablecast_core::App;
use tablecast_core::NodeId;
use tokio::time::Instant;

use crate::hub::shared::Shared;
use crate::node::Live;
use crate::room_task::Mail;

/// Follows the backend's health and tells the rooms. The lease is renewed before they
/// hear that the store is up: what they commit then is by a node that lives.
pub(super) async fn hear<A: App>(shared: Arc<Shared<A>>) -> Result<(), String> {
    let mut changes = shared.node.backend.health();
    while let Some(health) = changes.next().await {
        {
            let mut nodes = shared.node.known();
            let was_up = nodes.health.is_up();
            nodes.health = health.clone();
            // Members are told of up and down, not of each reason.
            if was_up == health.is_up() {
                continue;
            }
            nodes.steady_since = Instant::now();
            nodes.live = None;
        }
        if health.is_up() {
            renew(&shared).await;
        }
        shared.tell_all(|| Mail::Health(health.clone()));
    }
    Err("the store tells nothing any more".to_owned())
}

/// Renews the node's lease for as long as the hub lives, and tells the rooms when
/// another node is gone.
pub(super) async fn keep_lease<A: App>(shared: Arc<Shared<A>>) -> Result<(), String> {
    let mut interval = tokio::time::interval(shared.node.config.node_lease / 4);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        // While members are being closed, too: without a lease other nodes would
        // give up the seats that they come back to.
        if shared.is_released() {
            return Ok(());
        }
        renew(&shared).await;
    }
}

async fn renew<A: App>(shared: &Arc<Shared<A>>) {
    let asked = Instant::now();
    let lease = shared.node.config.node_lease;
    let mut live: HashSet<NodeId> = match shared.node.backend.renew(&shared.node.id, lease).await {
        Ok(live) => live.into_iter().collect(),
        Err(error) => {
            tracing::debug!(%error, "the node's lease was not renewed");
            let mut nodes = shared.node.known();
            nodes.steady_since = Instant::now();
            nodes.live = None;
            return;
        }
    };
    live.insert(shared.node.id.clone());
    {
        let mut nodes = shared.node.known();
        if asked < nodes.steady_since + lease {
            return;
        }
        let same = nodes.live.as_ref().is_some_and(|old| *old.nodes == live);
        let live = Arc::new(live);
        nodes.live = Some(Live { asked, nodes: live });
        if same {
            return;
        }
    }
    shared.tell_all(|| Mail::Live);
}
