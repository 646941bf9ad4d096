//! How long a room lives, by the store's clock.

use super::*;

async fn extended(
    backend: &dyn Backend,
    room: &RoomId,
    expected: Position,
    extend: Duration,
) -> (Position, Stamp) {
    let events = vec![event("a sign of life")];
    match commit(backend, room, expected, events, Some(extend)).await {
        Committed::Accepted(stamp) => (expected.after(1), stamp),
        other => panic!("not accepted: {other:?}"),
    }
}

/// An extension lets the room live that much longer from now, and every node
/// sees it.
pub async fn an_extension_counts_from_now_by_the_stores_clock(nodes: Nodes) {
    let room = any_room();
    let (position, _) = create_for(&*nodes.a, &room, LONG, 10 * LONG).await;
    let (_, stamp) = extended(&*nodes.a, &room, position, 2 * LONG).await;
    assert_close(stamp.expires_at, stamp.now + ms(2 * LONG));
    let loaded = load(&*nodes.b, &room, None).await;
    assert_eq!(loaded.stamp.expires_at, stamp.expires_at);
}

/// A shorter extension than what is left changes nothing.
pub async fn an_extension_never_shortens_a_life(nodes: Nodes) {
    let room = any_room();
    let (position, before) = create_for(&*nodes.a, &room, LONG, LONG).await;
    let (_, after) = extended(&*nodes.a, &room, position, LONG / 2).await;
    assert_eq!(after.expires_at, before.expires_at);
    let loaded = load(&*nodes.b, &room, None).await;
    assert_eq!(loaded.stamp.expires_at, before.expires_at);
}

/// However often it is extended, a room ends at its maximum age.
pub async fn no_extension_goes_beyond_the_maximum_age(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (mut position, made) = create_for(&*nodes.a, &room, short, 2 * short).await;
    for _ in 0..3 {
        let (next, stamp) = extended(&*nodes.a, &room, position, LONG).await;
        assert_close(stamp.expires_at, made.now + ms(2 * short));
        position = next;
    }
    gone(&*nodes.b, &room).await;
}

/// A lifetime longer than the maximum age is cut to it from the beginning.
pub async fn a_first_life_is_bounded_by_the_maximum_age(nodes: Nodes) {
    let (_, stamp) = create_for(&*nodes.a, &any_room(), 2 * LONG, LONG).await;
    assert_close(stamp.expires_at, stamp.now + ms(LONG));
}

/// Without an extension the expiry stays as it is.
pub async fn a_commit_without_extension_leaves_the_expiry(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (position, made) = create_for(&*nodes.a, &room, short, LONG).await;
    let (_, stamp) = accepted(&*nodes.a, &room, position, vec![event("e")]).await;
    assert_eq!(stamp.expires_at, made.expires_at);
    let loaded = load(&*nodes.b, &room, None).await;
    assert_eq!(loaded.stamp.expires_at, made.expires_at);
}

/// A commit that was not accepted is no sign of life.
pub async fn a_conflict_extends_nothing(nodes: Nodes) {
    let room = any_room();
    let (first, made) = create_for(&*nodes.a, &room, LONG, 10 * LONG).await;
    accepted(&*nodes.a, &room, first, vec![event("e")]).await;
    let refused = commit(&*nodes.a, &room, first, vec![event("late")], Some(2 * LONG)).await;
    assert!(matches!(refused, Committed::Conflict(_)));
    let loaded = load(&*nodes.b, &room, None).await;
    assert_eq!(loaded.stamp.expires_at, made.expires_at);
}

/// A room that was extended is there, with its log and state, after the moment
/// at which it would have expired.
pub async fn an_extended_room_outlives_its_first_expiry(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (position, made) = create_for(&*nodes.a, &room, short, LONG).await;
    let (position, _) = extended(&*nodes.a, &room, position, LONG).await;
    let look = async || {
        let loaded = load(&*nodes.b, &room, None).await;
        assert_eq!(loaded.position, position);
        assert_eq!(loaded.events.len(), 1);
        loaded.stamp.now
    };
    let is_over = |now: &u64| *now > made.expires_at;
    until("the first life is over", look, is_over).await;
    accepted(&*nodes.b, &room, position, vec![event("e")]).await;
}

/// An expired room cannot be loaded, and a commit of someone who still knows it
/// does not make it again.
pub async fn an_expired_room_is_gone_and_no_late_commit_brings_it_back(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (position, _) = create_for(&*nodes.a, &room, short, LONG).await;
    let (position, _) = accepted(&*nodes.a, &room, position, vec![event("e")]).await;
    gone(&*nodes.a, &room).await;
    for node in nodes.each() {
        let late = commit(node, &room, position, vec![event("late")], Some(LONG)).await;
        assert_eq!(late, Committed::Gone);
        assert_eq!(node.load(&room, Some(position)).await, Ok(None));
        assert_eq!(node.load(&room, None).await, Ok(None));
    }
}

/// After its expiry a name can be used again: a new history, from which nothing
/// of the old one can be reached.
pub async fn a_new_room_of_an_expired_name_is_another_epoch(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (first, _) = create_for(&*nodes.a, &room, short, LONG).await;
    let (old, _) = accepted(&*nodes.a, &room, first, vec![event("old")]).await;
    gone(&*nodes.a, &room).await;
    let new = create(&*nodes.b, &room).await;
    assert_ne!(new.epoch, old.epoch);
    for known in [None, Some(old), Some(first)] {
        let loaded = load(&*nodes.a, &room, known).await;
        assert_eq!(loaded.position, new);
        assert_eq!(loaded.snapshot.unwrap().state, event("the first state"));
        assert_eq!(loaded.events, []);
    }
    let late = commit(&*nodes.a, &room, first, vec![event("late")], None).await;
    assert!(matches!(late, Committed::Conflict(_)), "{late:?}");
    accepted(&*nodes.a, &room, new, vec![event("e")]).await;
}

/// Answers in turn from two nodes never go back in time.
pub async fn the_clock_is_one_for_all_nodes_and_never_goes_back(nodes: Nodes) {
    let room = any_room();
    let (mut position, stamp) = create_for(&*nodes.a, &room, LONG, LONG).await;
    let mut last = stamp.now;
    for n in 0..20 {
        let (node, other) = match n % 2 {
            0 => (&nodes.a, &nodes.b),
            _ => (&nodes.b, &nodes.a),
        };
        let (next, stamp) = accepted(&**node, &room, position, vec![event("e")]).await;
        let loaded = load(&**other, &room, Some(position)).await;
        assert!(last <= stamp.now && stamp.now <= loaded.stamp.now);
        (position, last) = (next, loaded.stamp.now);
    }
}
