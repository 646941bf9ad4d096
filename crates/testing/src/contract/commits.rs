//! One step at a time, at the position it expects.

use super::*;

/// Accepted commits follow each other, each at the position it expected, and
/// every node sees them so.
pub async fn a_commit_is_stored_at_the_position_it_expected(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let (position, stamp) = accepted(&*nodes.a, &room, first, vec![event("one")]).await;
    assert!(stamp.now < stamp.expires_at);
    let events = vec![event("two"), event("three")];
    let (position, _) = accepted(&*nodes.b, &room, position, events).await;
    assert_eq!(position, first.after(3));
    for node in nodes.each() {
        let loaded = load(node, &room, None).await;
        assert_eq!(loaded.position, position);
        let snapshot = loaded.snapshot.unwrap();
        assert_eq!((snapshot.seq, snapshot.state), (3, state_at(3)));
        let events = [event("one"), event("two"), event("three")];
        assert_eq!(loaded.events, stored(1, events));
    }
}

/// A commit that expects an older seq is told what it missed, and no more.
pub async fn a_conflict_brings_exactly_what_is_missing(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 6, 2).await;
    for seq in 0..6 {
        let expected = first.after(seq as usize);
        match commit(&*nodes.b, &room, expected, vec![event("late")], None).await {
            Committed::Conflict(missing) => {
                check(&missing, Some(expected));
                assert_eq!(missing.position, position);
                assert_eq!(missing.snapshot, None);
                let events = stored(seq + 1, (seq + 1..=6).map(event_at));
                assert_eq!(missing.events, events);
            }
            other => panic!("no conflict at seq {seq}: {other:?}"),
        }
    }
}

/// After a conflict the room is as it was.
pub async fn a_conflict_changes_nothing(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    grow(&*nodes.a, &room, first, 3, 1).await;
    let before = load(&*nodes.a, &room, None).await;
    let refused = commit(&*nodes.a, &room, first, vec![event("late")], None).await;
    assert!(matches!(refused, Committed::Conflict(_)));
    let after = load(&*nodes.b, &room, None).await;
    assert_eq!(after.position, before.position);
    assert_eq!(after.snapshot, before.snapshot);
    assert_eq!(after.events, before.events);
}

/// The right seq of another history is a conflict.
pub async fn a_conflict_with_another_epoch_brings_the_whole_room(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 3, 1).await;
    let mut other = position;
    other.epoch.0 ^= 1;
    is_sent_the_whole_room(&*nodes.b, &room, other, position).await;
}

/// A seq that has not come yet is a conflict.
pub async fn a_conflict_with_a_seq_in_the_future_brings_the_whole_room(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 3, 1).await;
    is_sent_the_whole_room(&*nodes.b, &room, position.after(1), position).await;
}

async fn is_sent_the_whole_room(
    node: &dyn Backend,
    room: &RoomId,
    expected: Position,
    position: Position,
) {
    match commit(node, room, expected, vec![event("astray")], None).await {
        Committed::Conflict(missing) => {
            check(&missing, Some(expected));
            assert_eq!(missing.position, position);
            assert!(missing.snapshot.is_some(), "{expected:?}");
        }
        other => panic!("no conflict at {expected:?}: {other:?}"),
    }
}

/// Four tasks on two nodes commit as fast as they can and catch up by what a
/// conflict tells them: no event is lost, doubled or changed, and all agree on
/// the order.
pub async fn of_concurrent_committers_exactly_one_wins_each_seq(nodes: Nodes) {
    const TASKS: usize = 4;
    const COMMITS: usize = 50;
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let node = Arc::clone(if task % 2 == 0 { &nodes.a } else { &nodes.b });
            let room = room.clone();
            tokio::spawn(async move { commits_of_one(&*node, &room, first, task, COMMITS).await })
        })
        .collect();
    let mut seen = Vec::new();
    let mut won = Vec::new();
    for task in tasks {
        let (its_seen, its_won) = task.await.unwrap();
        seen.push(its_seen);
        won.extend(its_won);
    }
    won.sort_by_key(|event| event.seq);

    let loaded = load(&*nodes.a, &room, Some(first)).await;
    assert_eq!(loaded.events.len(), TASKS * COMMITS);
    assert_eq!(loaded.events, won, "each seq was won by exactly one");
    assert_eq!(
        loaded.events,
        load(&*nodes.b, &room, Some(first)).await.events
    );
    for events in seen {
        assert_eq!(loaded.events[..events.len()], events, "all saw one order");
    }
}

/// What one task saw happen, and which of it was its own.
async fn commits_of_one(
    node: &dyn Backend,
    room: &RoomId,
    mut position: Position,
    task: usize,
    commits: usize,
) -> (Vec<StoredEvent>, Vec<StoredEvent>) {
    let (mut seen, mut won) = (Vec::new(), Vec::new());
    while won.len() < commits {
        let mine = event(format!("{task}:{}", won.len()));
        match commit(node, room, position, vec![mine.clone()], None).await {
            Committed::Accepted(_) => {
                position = position.after(1);
                won.extend(stored(position.seq, [mine.clone()]));
                seen.extend(stored(position.seq, [mine]));
            }
            Committed::Conflict(missing) => {
                check(&missing, Some(position));
                assert_eq!(missing.snapshot, None, "the log reaches back");
                assert_ne!(missing.events, [], "a conflict without a reason");
                position = missing.position;
                seen.extend(missing.events);
            }
            Committed::Gone => panic!("{room} is gone"),
        }
    }
    (seen, won)
}

/// A commit whose future is dropped at any moment happened, or did not, or will
/// in a moment, but never in part.
pub async fn a_dropped_commit_is_whole_or_not_there(nodes: Nodes) {
    const TRIES: u32 = 40;
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let mut position = first;
    for n in 0..TRIES {
        let events: Vec<Bytes> = (0..3).map(|part| event(format!("{n}.{part}"))).collect();
        let step = commit(&*nodes.a, &room, position, events, None);
        // The times go from nothing to longer than a commit takes.
        let _ = tokio::time::timeout(Duration::from_micros(100) * n, step).await;
        position = load(&*nodes.b, &room, Some(position)).await.position;
    }
    let loaded = load(&*nodes.b, &room, Some(first)).await;
    let (steps, rest) = loaded.events.as_chunks::<3>();
    assert_eq!(rest, [], "part of a commit");
    for step in steps {
        let text = |part: usize| String::from_utf8(step[part].event.to_vec()).unwrap();
        let (n, _) = text(0)
            .split_once('.')
            .map(|(n, part)| (n.to_owned(), part.to_owned()))
            .unwrap();
        for part in 0..3 {
            assert_eq!(text(part), format!("{n}.{part}"), "commits are mixed");
        }
    }
}
