//! What is stored, and how much of it is kept.

use tablecast_core::backend::LOG_EVENTS;

use super::*;

/// A store may cut its log in larger pieces than one event, but keeps no more
/// than this.
const LOG_BOUND: usize = 4 * LOG_EVENTS;

/// Bytes are opaque: every value, and none at all.
pub async fn whatever_bytes_are_stored_come_back(nodes: Nodes) {
    let room = any_room();
    let all: Bytes = (0..=255).collect();
    let odd = [
        Bytes::new(),
        all.clone(),
        event("\r\n$-1\r\n"),
        event(" "),
        event("nil"),
        event("{\"a\":null}"),
        Bytes::new(),
    ];
    for state in [all, Bytes::new(), event("0")] {
        let room: RoomId = format!("{room}-{}", state.len()).parse().unwrap();
        let position = create(&*nodes.a, &room).await;
        let step = Commit {
            expected: position,
            events: odd.iter().cloned().map(Record::from).collect(),
            snapshot: Some(state.clone().into()),
            extend: None,
            keepsake: None,
            alarm: None,
        };
        let committed = nodes.a.commit(&room, step).await.unwrap();
        assert!(matches!(committed, Committed::Accepted(_)));
        let loaded = load(&*nodes.b, &room, None).await;
        let snapshot = loaded.snapshot.unwrap();
        assert_eq!((snapshot.seq, snapshot.state), (odd.len() as u64, state));
        assert_eq!(loaded.events, stored(1, odd.clone()));
    }
}

/// Sizes beyond any buffer's default.
pub async fn large_events_and_states_come_back(nodes: Nodes) {
    let room = any_room();
    let position = create(&*nodes.a, &room).await;
    let large = |salt: u8, bytes: usize| -> Bytes {
        (0..bytes)
            .map(|n| (n as u8).wrapping_mul(31) ^ salt)
            .collect()
    };
    let events = vec![large(1, 300_000), large(2, 70_000), large(3, 1)];
    let step = Commit {
        expected: position,
        events: events.iter().cloned().map(Record::from).collect(),
        snapshot: Some(large(4, 1_000_000).into()),
        extend: None,
        keepsake: None,
        alarm: None,
    };
    let committed = nodes.a.commit(&room, step).await.unwrap();
    assert!(matches!(committed, Committed::Accepted(_)));
    let loaded = load(&*nodes.b, &room, None).await;
    assert!(loaded.snapshot.unwrap().state == large(4, 1_000_000));
    assert!(loaded.events == stored(1, events));
}

/// At least [`LOG_EVENTS`] events are kept, and not all of them for ever.
pub async fn the_log_keeps_enough_and_is_bounded(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 3000, 50).await;
    let loaded = load(&*nodes.b, &room, None).await;
    let kept = loaded.events.len();
    assert!((LOG_EVENTS..=LOG_BOUND).contains(&kept), "{kept} are kept");
    let oldest = 3000 - LOG_EVENTS as u64 + 1;
    let newest = stored(oldest, (oldest..=3000).map(event_at));
    assert_eq!(loaded.events[kept - LOG_EVENTS..], newest);

    let known = Position {
        seq: oldest - 1,
        ..position
    };
    let since = load(&*nodes.b, &room, Some(known)).await;
    assert_eq!(since.snapshot, None, "the log reaches back to {known:?}");
    assert_eq!(since.events, newest);
}

/// Who missed more than the log holds is sent the whole room.
pub async fn a_conflict_beyond_the_log_brings_the_whole_room(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 3000, 50).await;
    for missing in [
        load(&*nodes.b, &room, Some(first)).await,
        match commit(&*nodes.b, &room, first, vec![event("late")], None).await {
            Committed::Conflict(missing) => missing,
            other => panic!("no conflict: {other:?}"),
        },
    ] {
        check(&missing, Some(first));
        assert_eq!(missing.position, position);
        let snapshot = missing.snapshot.expect("the log does not reach back");
        assert_eq!(snapshot.state, state_at(snapshot.seq));
        assert!(missing.events.len() >= LOG_EVENTS);
    }
}

/// With a snapshot no more often than the backend asks for, every answer still
/// leads to the newest event.
pub async fn snapshots_at_the_interval_are_enough(nodes: Nodes) {
    let room = any_room();
    let mut position = create(&*nodes.a, &room).await;
    let interval = nodes.a.snapshot_interval() as u64;
    let mut last_snapshot = 0;
    // Steps of 7 do not divide the interval: the one with the snapshot mostly
    // passes the multiple.
    while position.seq < 3 * LOG_EVENTS as u64 {
        let next = position.seq + 7;
        let snapshot = (next / interval != position.seq / interval).then(|| state_at(next).into());
        if snapshot.is_some() {
            last_snapshot = next;
        }
        let step = Commit {
            expected: position,
            events: (position.seq + 1..=next)
                .map(|seq| event_at(seq).into())
                .collect(),
            snapshot,
            extend: None,
            keepsake: None,
            alarm: None,
        };
        let committed = nodes.a.commit(&room, step).await.unwrap();
        assert!(matches!(committed, Committed::Accepted(_)), "{committed:?}");
        position = position.after(7);

        let loaded = load(&*nodes.b, &room, None).await;
        let snapshot = loaded.snapshot.unwrap();
        assert_eq!(snapshot.seq, last_snapshot);
        if last_snapshot > 0 {
            assert_eq!(snapshot.state, state_at(last_snapshot));
        }
        for stored in loaded.events {
            assert_eq!(stored.event, event_at(stored.seq));
        }
    }
}

/// More events in one step than the log keeps.
pub async fn a_commit_larger_than_the_log_is_stored_with_its_snapshot(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let many = LOG_EVENTS as u64 + 44;
    let position = grow(&*nodes.a, &room, first, many, many).await;
    let loaded = load(&*nodes.b, &room, None).await;
    assert_eq!(loaded.position, position);
    assert_eq!(loaded.snapshot.unwrap().state, state_at(many));
    assert!(loaded.events.len() >= LOG_EVENTS);
    for stored in loaded.events {
        assert_eq!(stored.event, event_at(stored.seq));
    }
}

/// A snapshot is asked for before the log would no longer reach back to it.
pub async fn the_snapshot_interval_is_within_the_log(nodes: Nodes) {
    for node in nodes.each() {
        assert!((1..=LOG_EVENTS).contains(&node.snapshot_interval()));
    }
}
