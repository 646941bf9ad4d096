//! Seats without a connection: of absent members, and of members on dead nodes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tablecast_core::membership::{Membership, Presence};
use tablecast_core::{MemberId, NodeId};
use tokio::time::Instant;

use crate::node::Live;
use crate::room_task::clock::BackendClock;

/// When the seats of absent members are given up, by this node's own clock. The remaining
/// time is computed from the backend's clock once, when this node learns of the absence.
/// After that only elapsed time counts, even if somebody sets the backend's clock.
pub(super) struct AwayEnds {
    ends: HashMap<MemberId, AwayEnd>,
    /// No seat is given up before.
    not_before: Instant,
}

struct AwayEnd {
    /// The end as stored in the seat (backend clock, ms). It distinguishes one absence from the next.
    until: u64,
    at: Instant,
}

impl AwayEnds {
    pub(super) fn new(not_before: Instant) -> Self {
        AwayEnds {
            ends: HashMap::new(),
            not_before,
        }
    }

    /// Whether a member's absence until `until` (backend clock, ms) is over.
    pub(super) fn is_over(&self, member: MemberId, until: u64) -> bool {
        let end = self.ends.get(&member).filter(|end| end.until == until);
        end.is_some_and(|end| end.at <= Instant::now())
    }

    /// Learns who is away. No absence lasts longer than the grace, whatever the clock
    /// showed when it began.
    pub(super) fn follow(&mut self, members: &Membership, clock: &BackendClock, grace: Duration) {
        let mut known = std::mem::take(&mut self.ends);
        for seat in members.iter() {
            let Presence::Away { until } = seat.presence else {
                continue;
            };
            let end = known.remove(&seat.member);
            let end = end.filter(|end| end.until == until).unwrap_or_else(|| {
                let left = Duration::from_millis(until.saturating_sub(clock.now()));
                let at = Instant::now() + left.min(grace);
                let at = at.max(self.not_before);
                AwayEnd { until, at }
            });
            self.ends.insert(seat.member, end);
        }
    }

    /// Whether any member's absence is over.
    pub(super) fn is_any_over(&self, now: Instant) -> bool {
        self.ends.values().any(|end| end.at <= now)
    }

    /// The next end of an absence after `now`.
    pub(super) fn next_after(&self, now: Instant) -> Option<Instant> {
        let ends = self.ends.values().map(|end| end.at);
        ends.filter(|at| *at > now).min()
    }
}

/// Nodes that hold a seat but are not among the live nodes, with the time at which this
/// node learned that.
#[derive(Default)]
pub(super) struct UnseenNodes(HashMap<NodeId, Instant>);

/// The nodes whose members keep their seats.
pub(super) struct Alive {
    pub(super) nodes: Arc<HashSet<NodeId>>,
    /// Some of them are only assumed to be alive, until the next answer of the store.
    pub(super) are_assumed: bool,
}

impl UnseenNodes {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The nodes that may be alive. A node that is missing may have started after the store
    /// was asked, so it counts as dead only if it is also missing from the answer to a
    /// later question.
    pub(super) fn may_be_alive(&mut self, live: Live, members: &Membership) -> Alive {
        let nodes = members.iter().filter_map(|seat| match &seat.presence {
            Presence::Here { node, .. } if !live.nodes.contains(node) => Some(node),
            Presence::Here { .. } | Presence::Away { .. } => None,
        });
        let now = Instant::now();
        self.0 = nodes
            .map(|node| (node.clone(), self.0.get(node).copied().unwrap_or(now)))
            .collect();
        let is_new = |(_, since): &(_, &Instant)| **since >= live.asked;
        let new: Vec<&NodeId> = self.0.iter().filter(is_new).map(|(node, _)| node).collect();
        if new.is_empty() {
            return Alive {
                nodes: live.nodes,
                are_assumed: false,
            };
        }
        let nodes = live.nodes.iter().chain(new).cloned().collect();
        Alive {
            nodes: Arc::new(nodes),
            are_assumed: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tablecast_core::draft::{Draft, Join};
    use tablecast_core::history::History;
    use tablecast_core::room::Room;
    use tablecast_core::{ConnectionId, Epoch, Forms, Position, SeatToken};

    use super::*;
    use crate::room_task::tests::Nothing;

    fn node(id: &str) -> NodeId {
        id.parse().unwrap_or_else(|_| unreachable!("an id"))
    }

    /// The seats of a room with one member, connected to this node.
    fn one_on(node: NodeId) -> Membership {
        let nowhere = Position {
            epoch: Epoch(1),
            seq: 0,
        };
        let room = Room::new(nowhere, 1, Duration::from_secs(1), Nothing);
        let history = History::default();
        let mut draft = Draft::new(&room, &history, Forms::FIRST, 0);
        let joined = draft.join(&Join {
            name: None,
            colour: None,
            token: SeatToken(1),
            person: None,
            role: None,
            node,
            connection: ConnectionId(1),
        });
        assert!(joined.is_ok());
        draft.finish().0.members
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_dead_only_if_a_later_answer_has_it_not() {
        let members = one_on(node("b"));
        let live = || Live {
            asked: Instant::now(),
            nodes: Arc::new(HashSet::from([node("a")])),
        };
        let mut unseen = UnseenNodes::default();
        let before = live();
        for _ in 0..2 {
            let alive = unseen.may_be_alive(before.clone(), &members);
            assert!(alive.are_assumed && alive.nodes.contains(&node("b")));
        }
        tokio::time::advance(Duration::from_secs(1)).await;
        let alive = unseen.may_be_alive(live(), &members);
        assert!(!alive.are_assumed && !alive.nodes.contains(&node("b")));
        assert!(!unseen.is_empty(), "it has a seat still");
    }
}
