//! The hub's own two tasks: hearing the backend, and keeping the node's lease.

use std::sync::Arc;

use futures_util::StreamExt;
use tablecast_core::backend::Notice;

use crate::app::App;
use crate::hub::shared::Shared;
use crate::room_task::{Mail, Published};

/// Hears what the backend has to tell and passes it on to the rooms.
pub(super) async fn hear<A: App>(shared: Arc<Shared<A>>) -> Result<(), String> {
    let mut notices = shared.node.backend.notices();
    while let Some(notice) = notices.next().await {
        match notice {
            Notice::Published {
                room,
                epoch,
                first,
                events,
                stamp,
            } => {
                if let Some(mailbox) = shared.mailbox(&room) {
                    mailbox.publish(Published {
                        epoch,
                        first,
                        events,
                        stamp,
                    });
                }
            }
            Notice::Resync(Some(room)) => {
                if let Some(mailbox) = shared.mailbox(&room) {
                    mailbox.send(Mail::Resync);
                }
            }
            Notice::Resync(None) => shared.tell_all(|| Mail::Resync),
            Notice::Health(health) => {
                if !shared.node.turned(&health) {
                    continue;
                }
                if health.is_up() {
                    renew(&shared).await;
                }
                shared.tell_all(|| Mail::Health(health.clone()));
            }
        }
    }
    Err("the store tells nothing any more, or another hub has its notices".to_owned())
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

async fn renew<A: App>(shared: &Shared<A>) {
    if shared.node.renew().await {
        shared.tell_all(|| Mail::Live);
    }
}
