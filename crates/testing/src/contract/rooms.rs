//! Making rooms and loading them.

use super::*;

/// A room that one node makes is there for all, as it was made.
pub async fn a_created_room_is_there_for_all_nodes(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (position, stamp) = create_for(&*nodes.a, &room, short, LONG).await;
    assert_close(stamp.expires_at - stamp.now, ms(short));
    for node in nodes.each() {
        let loaded = load(node, &room, None).await;
        assert_eq!(loaded.position, position);
        assert_eq!(loaded.stamp.expires_at, stamp.expires_at);
        let snapshot = loaded.snapshot.unwrap();
        assert_eq!(snapshot.seq, 0);
        assert_eq!(snapshot.state, event("the first state"));
        assert_eq!(loaded.events, []);
    }
}

/// Creating a room that exists says so and changes nothing, its expiry
/// included.
pub async fn creating_a_room_again_changes_nothing(nodes: Nodes) {
    let room = any_room();
    let position = create(&*nodes.a, &room).await;
    grow(&*nodes.a, &room, position, 2, 1).await;
    let before = load(&*nodes.a, &room, None).await;
    for node in nodes.each() {
        let new = NewRoom {
            snapshot: event("another state"),
            ttl: 2 * LONG,
            max_age: 2 * LONG,
            alarm: None,
        };
        assert_eq!(node.create(&room, new).await, Ok(Created::Exists));
        let after = load(node, &room, None).await;
        assert_eq!(after.position, before.position);
        assert_eq!(after.snapshot, before.snapshot);
        assert_eq!(after.events, before.events);
        assert_eq!(after.stamp.expires_at, before.stamp.expires_at);
    }
}

/// Of several that make the same room at once, one does and the others are told
/// that it exists.
pub async fn of_concurrent_creators_exactly_one_makes_the_room(nodes: Nodes) {
    let room = any_room();
    let creators: Vec<_> = (0..10)
        .map(|n| {
            let node = Arc::clone(if n % 2 == 0 { &nodes.a } else { &nodes.b });
            let room = room.clone();
            tokio::spawn(async move {
                let new = NewRoom {
                    snapshot: event(format!("by {n}")),
                    ttl: LONG,
                    max_age: LONG,
                    alarm: None,
                };
                match node.create(&room, new).await.unwrap() {
                    Created::New(position, _) => Some((position, event(format!("by {n}")))),
                    Created::Exists => None,
                }
            })
        })
        .collect();
    let mut made = Vec::new();
    for creator in creators {
        made.extend(creator.await.unwrap());
    }
    assert_eq!(made.len(), 1);
    let loaded = load(&*nodes.b, &room, None).await;
    let state = loaded.snapshot.unwrap().state;
    assert_eq!((loaded.position, state), made[0]);
}

/// A room that never was: nothing to load, nowhere to commit, and the attempt
/// makes nothing.
pub async fn an_unknown_room_is_none_and_gone(nodes: Nodes) {
    let room = any_room();
    let elsewhere = create(&*nodes.a, &any_room()).await;
    assert_eq!(nodes.a.load(&room, None).await, Ok(None));
    assert_eq!(nodes.a.load(&room, Some(elsewhere)).await, Ok(None));
    let extended = commit(&*nodes.a, &room, elsewhere, vec![event("e")], Some(LONG)).await;
    assert_eq!(extended, Committed::Gone);
    assert_eq!(nodes.b.load(&room, None).await, Ok(None));
}

/// Who knows the newest position is sent neither a snapshot nor events.
pub async fn whoever_knows_the_newest_is_sent_nothing(nodes: Nodes) {
    let room = any_room();
    let mut position = create(&*nodes.a, &room).await;
    for seq in 0..3 {
        let loaded = load(&*nodes.b, &room, Some(position)).await;
        assert_eq!(loaded.position, position, "at seq {seq}");
        assert_eq!(loaded.snapshot, None);
        assert_eq!(loaded.events, []);
        position = grow(&*nodes.a, &room, position, seq + 1, 1).await;
    }
}

/// Who knows an older position that the log reaches back to is sent exactly
/// what follows.
pub async fn whoever_knows_an_older_seq_is_sent_what_follows(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 10, 3).await;
    for seq in 0..10 {
        let known = first.after(seq as usize);
        let loaded = load(&*nodes.b, &room, Some(known)).await;
        assert_eq!(loaded.position, position);
        assert_eq!(loaded.snapshot, None);
        assert_eq!(loaded.events, stored(seq + 1, (seq + 1..=10).map(event_at)));
    }
}

/// Who knows another epoch is sent a snapshot, whatever the seq.
pub async fn whoever_knows_another_epoch_is_sent_the_whole_room(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 3, 1).await;
    let mut other = position;
    other.epoch.0 ^= 1;
    for seq in [0, 2, 3, 4] {
        other.seq = seq;
        let loaded = load(&*nodes.b, &room, Some(other)).await;
        assert_eq!(loaded.position, position);
        assert!(loaded.snapshot.is_some(), "at seq {seq}");
    }
}

/// Who knows a seq that has not come yet knows another history: a snapshot.
pub async fn whoever_knows_a_seq_in_the_future_is_sent_the_whole_room(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 3, 1).await;
    for known in [position.after(1), position.after(1000)] {
        let loaded = load(&*nodes.b, &room, Some(known)).await;
        assert_eq!(loaded.position, position);
        assert!(loaded.snapshot.is_some(), "{known:?}");
    }
}

/// Names that differ in case, are a beginning of each other or are as long as
/// allowed are different rooms.
pub async fn rooms_with_similar_names_do_not_leak_into_each_other(nodes: Nodes) {
    let base = any_room();
    let names = [
        base.to_string(),
        base.to_string().to_uppercase(),
        format!("{base}-"),
        format!("{base}_state"),
        format!("{base}-log"),
        format!("{base}{}", "x".repeat(64 - base.as_str().len())),
    ];
    let rooms: Vec<RoomId> = names.iter().map(|name| name.parse().unwrap()).collect();
    for room in &rooms {
        let position = create(&*nodes.a, room).await;
        accepted(&*nodes.a, room, position, vec![event(room.as_str())]).await;
    }
    for room in &rooms {
        let loaded = load(&*nodes.b, room, None).await;
        assert_eq!(loaded.events, stored(1, [event(room.as_str())]));
    }
}
