//! Seats that nobody sits on any more, and how a room comes to know.

use std::collections::HashSet;
use std::sync::Arc;

use tablecast_core::NodeId;
use tablecast_core::membership::Presence;
use tokio::time::Instant;

use crate::app::App;
use crate::room_task::batch::Request;
use crate::room_task::task::RoomTask;

impl<A: App> RoomTask<'_, A> {
    /// Gives up seats that this node seems to hold by a connection it does not have:
    /// left by a task that could not see them off, or by a commit of which nobody
    /// knew until its entrant had been turned away.
    pub(super) fn give_up_orphans(&mut self) {
        let Some(room) = &self.room else { return };
        let keep_until = self.keep_until();
        for seat in room.members.iter() {
            if let Presence::Here { node, connection } = &seat.presence
                && *node == self.hub.node
                && self.locals.outbox(*connection).is_none()
                && !self
                    .waiting
                    .undecided()
                    .any(|request| request.is_of(*connection))
            {
                let connection = *connection;
                self.waiting.push_first(Request::Leave {
                    connection,
                    keep_until,
                });
            }
        }
    }

    /// Gives up seats with the next batch.
    pub(super) fn reap_soon(&mut self) {
        let is_reap = |request: &Request<A>| matches!(request, Request::Reap);
        if !self.waiting.undecided().any(is_reap) {
            self.waiting.push(Request::Reap);
        }
    }

    /// The nodes whose members are not to be reaped. One that is not among those
    /// that live may have started since the store was asked, so it counts as dead
    /// only if it is missing from an answer to a question asked later.
    pub(super) fn spared(&mut self) -> Option<Arc<HashSet<NodeId>>> {
        let live = self.hub.live()?;
        let room = self.room.as_ref()?;
        let nodes = room.members.iter().filter_map(|seat| match &seat.presence {
            Presence::Here { node, .. } if !live.nodes.contains(node) => Some(node.clone()),
            Presence::Here { .. } | Presence::Away { .. } => None,
        });
        let now = Instant::now();
        let since = |node| (self.strangers.get(&node).copied().unwrap_or(now), node);
        let strangers = nodes
            .map(since)
            .map(|(since, node)| (node, since))
            .collect();
        self.strangers = strangers;
        let new = self
            .strangers
            .iter()
            .filter(|(_, since)| **since >= live.asked);
        let mut new = new.map(|(node, _)| node.clone()).peekable();
        if new.peek().is_none() {
            return Some(live.nodes);
        }
        let spared = live.nodes.iter().cloned().chain(new).collect();
        self.look_at(now + self.hub.config.node_lease / 4);
        Some(Arc::new(spared))
    }
}
