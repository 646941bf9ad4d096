//! Which nodes live.

use super::*;

/// A node that renewed its lease is listed to itself and to others.
pub async fn a_renewed_node_lives_in_the_sight_of_all(nodes: Nodes) {
    let (one, two) = (any_node(), any_node());
    let live = nodes.a.renew(&one, LONG).await.unwrap();
    assert!(live.contains(&one));
    assert!(!live.contains(&two), "a node that never was");
    let live = nodes.b.renew(&two, LONG).await.unwrap();
    assert!(live.contains(&one) && live.contains(&two));
    assert_eq!(live.iter().filter(|id| **id == one).count(), 1);
    release(&nodes, [one, two]).await;
}

/// A node that does not renew its lease lives until it ends, and no longer.
pub async fn a_lapsed_lease_ends_a_node(nodes: Nodes) {
    let (one, two) = (any_node(), any_node());
    let begin = tokio::time::Instant::now();
    nodes.a.renew(&one, SHORT).await.unwrap();
    let look = async || nodes.b.renew(&two, LONG).await.unwrap();
    until("the lease ends", look, |live| !live.contains(&one)).await;
    // The lease began a moment after `begin`, but clocks differ by a little.
    assert!(begin.elapsed() > SHORT / 2, "the lease ended early");
    release(&nodes, [two]).await;
}

/// Renewing in time keeps a node alive beyond its first lease.
pub async fn a_renewed_lease_does_not_lapse(nodes: Nodes) {
    let (one, two) = (any_node(), any_node());
    nodes.a.renew(&one, SHORT).await.unwrap();
    nodes.a.renew(&one, LONG).await.unwrap();
    let begin = tokio::time::Instant::now();
    while begin.elapsed() < SHORT + SHORT / 4 {
        assert!(nodes.b.renew(&two, LONG).await.unwrap().contains(&one));
        // sleep: between two looks at a node that is to live on
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    release(&nodes, [one, two]).await;
}

/// Giving up a lease needs no waiting, may be done twice, and is no bar to
/// another.
pub async fn a_released_node_is_gone_at_once(nodes: Nodes) {
    let (one, two) = (any_node(), any_node());
    nodes.a.renew(&one, LONG).await.unwrap();
    for _ in 0..2 {
        nodes.a.release(&one).await.unwrap();
        assert!(!nodes.b.renew(&two, LONG).await.unwrap().contains(&one));
    }
    assert!(nodes.a.renew(&one, LONG).await.unwrap().contains(&one));
    assert!(nodes.b.renew(&two, LONG).await.unwrap().contains(&one));
    release(&nodes, [one, two]).await;
}

/// Leaves a shared store as it was.
async fn release<const N: usize>(nodes: &Nodes, ids: [NodeId; N]) {
    for id in ids {
        nodes.a.release(&id).await.unwrap();
    }
}
