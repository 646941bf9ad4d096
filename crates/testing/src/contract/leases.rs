//! Which nodes live.

use super::*;

/// A node that renewed its lease is listed to itself and to others.
pub async fn a_renewed_node_lives_in_the_sight_of_all(nodes: Nodes) {
    let (one, two) = (any_node(), any_node());
    let live = renew(&nodes.a, &one, LONG).await;
    assert!(live.contains(&one));
    assert!(!live.contains(&two), "a node that never was");
    let live = renew(&nodes.b, &two, LONG).await;
    assert!(live.contains(&one) && live.contains(&two));
    assert_eq!(live.iter().filter(|id| **id == one).count(), 1);
    release(&nodes, [one, two]).await;
}

/// A node that does not renew its lease lives until it ends, and no longer.
pub async fn a_lapsed_lease_ends_a_node(nodes: Nodes) {
    let short = short(&nodes).await;
    let (one, two) = (any_node(), any_node());
    let begin = tokio::time::Instant::now();
    renew(&nodes.a, &one, short).await;
    let look = async || renew(&nodes.b, &two, LONG).await;
    until("the lease ends", look, |live| !live.contains(&one)).await;
    // The lease began a moment after `begin`, but clocks differ by a little.
    assert!(begin.elapsed() > short / 2, "the lease ended early");
    release(&nodes, [two]).await;
}

/// Renewing in time keeps a node alive beyond its first lease.
pub async fn a_renewed_lease_does_not_lapse(nodes: Nodes) {
    let short = short(&nodes).await;
    let (one, two) = (any_node(), any_node());
    renew(&nodes.a, &one, short).await;
    renew(&nodes.a, &one, LONG).await;
    let begin = tokio::time::Instant::now();
    while begin.elapsed() < short + short / 4 {
        assert!(renew(&nodes.b, &two, LONG).await.contains(&one));
        // sleep: between two looks at a node that is to live on
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    release(&nodes, [one, two]).await;
}

/// Giving up a lease needs no waiting, may be done twice, and is no bar to
/// another.
pub async fn a_released_node_is_gone_at_once(nodes: Nodes) {
    let (one, two) = (any_node(), any_node());
    renew(&nodes.a, &one, LONG).await;
    for _ in 0..2 {
        nodes.a.release(&one).await.unwrap();
        assert!(!renew(&nodes.b, &two, LONG).await.contains(&one));
    }
    assert!(renew(&nodes.a, &one, LONG).await.contains(&one));
    assert!(renew(&nodes.b, &two, LONG).await.contains(&one));
    release(&nodes, [one, two]).await;
}

/// What forms each node reads is listed as long as its lease lives, and no longer.
pub async fn the_forms_of_each_live_node_are_known(nodes: Nodes) {
    let short = short(&nodes).await;
    let (one, two) = (any_node(), any_node());
    let (older, newer) = (Forms::FIRST, Forms { rooms: 40, app: 20 });
    let forms_of = |live: &[LiveNode], id: &NodeId| {
        let node = live.iter().find(|node| node.id == *id);
        node.map(|node| node.forms)
    };
    let live = nodes.a.renew(&one, newer, LONG).await.unwrap();
    assert_eq!(forms_of(&live, &one), Some(newer));
    let live = nodes.b.renew(&two, older, LONG).await.unwrap();
    assert_eq!(forms_of(&live, &one), Some(newer));
    assert_eq!(forms_of(&live, &two), Some(older));
    nodes.a.release(&one).await.unwrap();
    let live = nodes.b.renew(&two, older, LONG).await.unwrap();
    assert_eq!(forms_of(&live, &one), None);
    let live = nodes.a.renew(&one, newer, short).await.unwrap();
    assert_eq!(forms_of(&live, &two), Some(older));
    let look = async || nodes.b.renew(&two, older, LONG).await.unwrap();
    let is_gone = |live: &Vec<LiveNode>| forms_of(live, &one).is_none();
    until("the lease ends", look, is_gone).await;
    release(&nodes, [two]).await;
}

/// Renews a lease: the ids of the live nodes.
async fn renew(by: &Arc<dyn Backend>, node: &NodeId, lease: Duration) -> Vec<NodeId> {
    let live = by.renew(node, Forms::FIRST, lease).await.unwrap();
    live.into_iter().map(|node| node.id).collect()
}

/// Leaves a shared store as it was.
async fn release<const N: usize>(nodes: &Nodes, ids: [NodeId; N]) {
    for id in ids {
        nodes.a.release(&id).await.unwrap();
    }
}
