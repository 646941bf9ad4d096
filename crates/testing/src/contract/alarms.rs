//! Hints of rooms' alarms.

use tablecast_core::backend::AlarmHint;

use super::*;

/// More than all tests on one store have at once.
const ALL: usize = 100_000;

/// Nothing forgets an alarm because it is old.
const LONG_AGO: u64 = 1;

/// The room's hints that are due, the earliest first.
async fn due(backend: &dyn Backend, room: &RoomId) -> Vec<AlarmHint> {
    let due = backend.due_alarms(ALL).await.unwrap();
    assert!(due.hints.iter().all(|hint| hint.at <= due.now), "{due:?}");
    let its = due.hints.into_iter().filter(|hint| hint.room == *room);
    its.collect()
}

async fn now(backend: &dyn Backend) -> u64 {
    backend.due_alarms(0).await.unwrap().now
}

fn step(expected: Position, alarm: Option<u64>) -> Commit {
    Commit {
        expected,
        events: vec![event_at(expected.seq + 1).into()],
        snapshot: Some(state_at(expected.seq + 1).into()),
        extend: None,
        keepsake: None,
        alarm,
    }
}

/// Takes a step that sets an alarm.
async fn set(backend: &dyn Backend, room: &RoomId, expected: Position, at: u64) -> Position {
    let committed = backend.commit(room, step(expected, Some(at))).await;
    assert!(matches!(committed, Ok(Committed::Accepted(_))));
    expected.after(1)
}

/// All nodes are told of an alarm when its time has come, and not before.
pub async fn an_alarm_is_told_to_all_nodes_when_it_is_due(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let position = create(&*nodes.a, &room).await;
    let at = now(&*nodes.a).await + ms(short);
    let position = set(&*nodes.a, &room, position, at).await;
    accepted(&*nodes.a, &room, position, vec![event_at(2)]).await;
    let seq = 1;
    let hint = AlarmHint { at, room, seq };
    for node in nodes.each() {
        let look = async || due(node, &hint.room).await;
        let found = until("the alarm is due", look, |found| !found.is_empty()).await;
        assert_eq!(found, std::slice::from_ref(&hint));
    }
}

/// A hint is told again and again, until it is forgotten, or another is noted of the same time; then
/// no node is told of it, but of all others.
pub async fn a_hint_stays_until_it_is_forgotten(nodes: Nodes) {
    let room = any_room();
    let position = create(&*nodes.a, &room).await;
    let now = now(&*nodes.a).await;
    let mut position = set(&*nodes.a, &room, position, now).await;
    position = set(&*nodes.b, &room, position, LONG_AGO).await;
    set(&*nodes.a, &room, position, now).await;
    let hint = |at, seq| AlarmHint {
        at,
        room: room.clone(),
        seq,
    };
    let all = [hint(LONG_AGO, 2), hint(now, 3)];
    for node in nodes.each().repeat(2) {
        assert_eq!(due(node, &room).await, all, "the earliest first");
    }
    nodes.b.forget_alarm(&all[0]).await.unwrap();
    nodes.a.forget_alarm(&all[0]).await.unwrap();
    for node in nodes.each() {
        assert_eq!(due(node, &room).await, all[1..]);
    }
    let due = nodes.a.due_alarms(1).await.unwrap();
    assert_eq!(due.hints.len(), 1, "no more than asked for");
}

/// A new room may have an alarm, and lives its whole lifetime beyond it, but never beyond its
/// maximum age.
pub async fn a_new_room_lives_a_lifetime_beyond_its_alarm(nodes: Nodes) {
    let bounded = LONG + LONG / 2;
    for (max_age, expected) in [(LONG * 3, LONG * 2), (bounded, bounded)] {
        let room = any_room();
        let begin = now(&*nodes.a).await;
        let new = NewRoom {
            snapshot: event("the first state"),
            ttl: LONG,
            max_age,
            alarm: Some(begin + ms(LONG)),
        };
        let Created::New(_, stamp) = nodes.a.create(&room, new).await.unwrap() else {
            panic!("it exists");
        };
        let life = stamp.expires_at - begin;
        // The maximum age counts from the moment of making, a little later.
        assert!(life >= ms(expected) && stamp.expires_at <= stamp.now + ms(expected));
        assert_eq!(due(&*nodes.b, &room).await, []);
    }
    let room = any_room();
    let at = now(&*nodes.a).await;
    let new = NewRoom {
        snapshot: event("the first state"),
        ttl: LONG,
        max_age: LONG,
        alarm: Some(at),
    };
    nodes.a.create(&room, new).await.unwrap();
    let seq = 0;
    let hint = AlarmHint {
        at,
        room: room.clone(),
        seq,
    };
    assert_eq!(due(&*nodes.b, &room).await, [hint]);
}

/// Whoever loads a room learns when it must end.
pub async fn whoever_loads_a_room_learns_when_it_must_end(nodes: Nodes) {
    let room = any_room();
    let (position, stamp) = create_for(&*nodes.a, &room, LONG, LONG * 2).await;
    let dies_at = stamp.now + ms(LONG * 2);
    for known in [None, Some(position)] {
        assert_close(load(&*nodes.b, &room, known).await.dies_at, dies_at);
    }
    let (newer, _) = accepted(&*nodes.a, &room, position, vec![event_at(1)]).await;
    match nodes.b.commit(&room, step(position, None)).await.unwrap() {
        Committed::Conflict(loaded) => {
            assert_eq!(loaded.position, newer);
            assert_close(loaded.dies_at, dies_at);
        }
        other => panic!("no conflict: {other:?}"),
    }
}

/// Wherever a commit is given up: if it has happened, its hint is there.
pub async fn a_commit_that_has_happened_has_its_hint(nodes: Nodes) {
    let room = any_room();
    let mut position = create(&*nodes.a, &room).await;
    let at = now(&*nodes.a).await;
    for patience in (0..60).map(|step| Duration::from_micros(step * step)) {
        let set = nodes.a.commit(&room, step(position, Some(at)));
        let _ = tokio::time::timeout(patience, set).await;
        // Settles whether it happens: only one of both can.
        let settled = step(position, None);
        let settled = nodes.b.commit(&room, settled).await.unwrap();
        let has_happened = matches!(settled, Committed::Conflict(_));
        let is_hint = |hint: &AlarmHint| hint.seq == position.seq + 1;
        let hints = due(&*nodes.b, &room).await;
        assert!(!has_happened || hints.iter().any(is_hint), "{patience:?}");
        position = position.after(1);
    }
}

/// The hint of a room that has expired is told, too: whoever reads it forgets it.
pub async fn a_hint_outlives_its_room(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (position, _) = create_for(&*nodes.a, &room, short, short).await;
    let at = now(&*nodes.a).await;
    set(&*nodes.a, &room, position, at).await;
    gone(&*nodes.b, &room).await;
    let found = due(&*nodes.b, &room).await;
    assert_eq!(found.len(), 1);
    nodes.b.forget_alarm(&found[0]).await.unwrap();
    assert_eq!(due(&*nodes.a, &room).await, []);
}
