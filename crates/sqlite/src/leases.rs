//! Which nodes live. All are of this process, so this is not stored: after a restart none does.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tablecast_core::Forms;
use tablecast_core::backend::LiveNode;
use tablecast_core::id::NodeId;

#[derive(Default)]
pub(crate) struct Leases(Mutex<HashMap<NodeId, (Forms, u64)>>);

impl Leases {
    /// `node` lives for `lease` from now on: all that live.
    pub(crate) fn renew(
        &self,
        node: &NodeId,
        forms: Forms,
        lease: Duration,
        now: u64,
    ) -> Vec<LiveNode> {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|_, (_, end)| *end > now);
        let lease = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        ends.insert(node.clone(), (forms, now.saturating_add(lease)));
        let live = ends.iter().map(|(id, (forms, _))| LiveNode {
            id: id.clone(),
            forms: *forms,
        });
        live.collect()
    }

    pub(crate) fn release(&self, node: &NodeId) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.remove(node);
    }
}
