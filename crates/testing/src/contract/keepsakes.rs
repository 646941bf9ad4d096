//! What a room leaves: kept beyond its life, by the store's clock.

use tablecast_core::backend::{Keepsake, NewKeepsake};

use super::*;

/// Commits one event, and this to be kept.
async fn keep(
    backend: &dyn Backend,
    room: &RoomId,
    expected: Position,
    what: Bytes,
    ttl: Duration,
) -> Committed {
    let commit = Commit {
        expected,
        events: vec![event("something to be kept").into()],
        snapshot: Some(state_at(expected.seq + 1).into()),
        extend: None,
        keepsake: Some(NewKeepsake {
            what: what.into(),
            ttl,
        }),
        alarm: None,
    };
    backend.commit(room, commit).await.unwrap()
}

/// As [`keep`], and it is accepted.
async fn kept(
    backend: &dyn Backend,
    room: &RoomId,
    expected: Position,
    what: Bytes,
    ttl: Duration,
) -> (Position, Stamp) {
    match keep(backend, room, expected, what, ttl).await {
        Committed::Accepted(stamp) => (expected.after(1), stamp),
        other => panic!("a commit at {expected:?} was not accepted: {other:?}"),
    }
}

async fn left(backend: &dyn Backend, room: &RoomId) -> Option<Keepsake> {
    backend.keepsake(room).await.unwrap()
}

async fn what_is_left(backend: &dyn Backend, room: &RoomId) -> Option<Bytes> {
    left(backend, room).await.map(|keepsake| keepsake.what)
}

/// A room that never was, one in which nothing happened, and one whose commits had
/// nothing to be kept.
pub async fn a_room_that_kept_nothing_left_nothing(nodes: Nodes) {
    let room = any_room();
    assert_eq!(left(&*nodes.a, &room).await, None);
    let position = create(&*nodes.a, &room).await;
    assert_eq!(left(&*nodes.a, &room).await, None);
    grow(&*nodes.a, &room, position, 3, 1).await;
    for node in nodes.each() {
        assert_eq!(left(node, &room).await, None);
    }
}

/// What was committed to be kept can be read on every node while the room lives, and
/// says when that was and until when it is kept.
pub async fn a_keepsake_is_there_for_all_nodes_with_the_time_of_its_commit(nodes: Nodes) {
    let room = any_room();
    let position = create(&*nodes.a, &room).await;
    let (position, stamp) = kept(&*nodes.a, &room, position, event("pizza"), 2 * LONG).await;
    for node in nodes.each() {
        let keepsake = left(node, &room).await.unwrap();
        assert_eq!(keepsake.what, event("pizza"));
        assert_eq!(keepsake.kept_at, stamp.now);
        assert_eq!(keepsake.kept_until, stamp.now + ms(2 * LONG));
        let loaded = load(node, &room, None).await;
        assert_eq!(loaded.position, position, "the event is there, too");
    }
}

/// Its event, its snapshot if it has one, and its extension are stored as ever.
pub async fn a_step_with_a_keepsake_is_otherwise_as_any_other(nodes: Nodes) {
    let room = any_room();
    let (first, _) = create_for(&*nodes.a, &room, LONG, 10 * LONG).await;
    let (position, _) = kept(&*nodes.a, &room, first, event("pizza"), LONG).await;
    let commit = Commit {
        expected: position,
        events: vec![event("two").into(), event("three").into()],
        snapshot: None,
        extend: Some(2 * LONG),
        keepsake: Some(NewKeepsake {
            what: event("sushi").into(),
            ttl: LONG,
        }),
        alarm: None,
    };
    let Committed::Accepted(stamp) = nodes.b.commit(&room, commit).await.unwrap() else {
        panic!("not accepted");
    };
    assert_close(stamp.expires_at, stamp.now + ms(2 * LONG));
    for node in nodes.each() {
        let loaded = load(node, &room, None).await;
        assert_eq!(loaded.position, first.after(3));
        let snapshot = loaded.snapshot.unwrap();
        assert_eq!((snapshot.seq, snapshot.state), (1, state_at(1)));
        let events = [event("something to be kept"), event("two"), event("three")];
        assert_eq!(loaded.events, stored(1, events));
        assert_eq!(what_is_left(node, &room).await, Some(event("sushi")));
    }
}

/// It is there when the room is not any more.
pub async fn a_keepsake_outlives_its_room(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (position, _) = create_for(&*nodes.a, &room, short, short).await;
    kept(&*nodes.a, &room, position, event("pizza"), LONG).await;
    let before = left(&*nodes.a, &room).await;
    assert!(before.is_some());
    gone(&*nodes.a, &room).await;
    for node in nodes.each() {
        assert_eq!(left(node, &room).await, before);
    }
}

/// The newest is what counts, also in its time.
pub async fn a_newer_keepsake_takes_the_place_of_the_older(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let (position, _) = kept(&*nodes.a, &room, first, event("pizza"), LONG).await;
    let (_, stamp) = kept(&*nodes.b, &room, position, event("sushi"), 3 * LONG).await;
    for node in nodes.each() {
        let keepsake = left(node, &room).await.unwrap();
        assert_eq!(keepsake.what, event("sushi"));
        assert_eq!(keepsake.kept_until, stamp.now + ms(3 * LONG));
    }
}

/// What happens in the room afterwards changes nothing about it.
pub async fn a_commit_without_a_keepsake_leaves_it(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let (position, _) = kept(&*nodes.a, &room, first, event("pizza"), LONG).await;
    let before = left(&*nodes.a, &room).await;
    grow(&*nodes.a, &room, position, 5, 2).await;
    assert_eq!(left(&*nodes.b, &room).await, before);
}

/// A commit that came too late, or to a room that is not there, leaves no trace here
/// either.
pub async fn a_refused_commit_keeps_nothing(nodes: Nodes) {
    let room = any_room();
    let nowhere = keep(
        &*nodes.a,
        &room,
        create(&*nodes.a, &any_room()).await,
        event("nowhere"),
        LONG,
    );
    assert_eq!(nowhere.await, Committed::Gone);
    assert_eq!(left(&*nodes.a, &room).await, None);

    let first = create(&*nodes.a, &room).await;
    let position = grow(&*nodes.a, &room, first, 2, 1).await;
    let late = keep(&*nodes.b, &room, first, event("late"), LONG).await;
    assert!(matches!(late, Committed::Conflict(_)));
    assert_eq!(left(&*nodes.a, &room).await, None);

    kept(&*nodes.a, &room, position, event("pizza"), LONG).await;
    let late = keep(&*nodes.b, &room, position, event("late"), LONG).await;
    assert!(matches!(late, Committed::Conflict(_)));
    assert_eq!(what_is_left(&*nodes.b, &room).await, Some(event("pizza")));
}

/// Its time is its own: it may be shorter than the room's.
pub async fn a_keepsake_ends_by_the_stores_clock_while_its_room_lives(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let (position, _) = kept(&*nodes.a, &room, first, event("pizza"), short).await;
    let end = left(&*nodes.a, &room).await.unwrap().kept_until;
    let look = async || load(&*nodes.a, &room, None).await.stamp.now;
    until("the keepsake's time is over", look, |now| *now > end).await;
    for node in nodes.each() {
        assert_eq!(left(node, &room).await, None);
        assert_eq!(load(node, &room, None).await.position, position);
    }
    // It can keep another one.
    kept(&*nodes.b, &room, position, event("sushi"), LONG).await;
    assert_eq!(what_is_left(&*nodes.a, &room).await, Some(event("sushi")));
}

/// What stands under an id is the newest room's: whoever is sent to it must not take
/// what another room left for its own.
pub async fn a_new_room_begins_without_the_keepsake_of_an_earlier_one(nodes: Nodes) {
    let short = short(&nodes).await;
    let room = any_room();
    let (first, _) = create_for(&*nodes.a, &room, short, short).await;
    kept(&*nodes.a, &room, first, event("pizza"), LONG).await;
    // Making it again in vain is not making it.
    let again = NewRoom {
        snapshot: event("another state"),
        ttl: LONG,
        max_age: LONG,
        alarm: None,
    };
    assert_eq!(nodes.b.create(&room, again).await, Ok(Created::Exists));
    assert_eq!(what_is_left(&*nodes.b, &room).await, Some(event("pizza")));
    gone(&*nodes.a, &room).await;
    let new = create(&*nodes.b, &room).await;
    for node in nodes.each() {
        assert_eq!(left(node, &room).await, None);
    }
    kept(&*nodes.a, &room, new, event("sushi"), LONG).await;
    assert_eq!(what_is_left(&*nodes.b, &room).await, Some(event("sushi")));
}

/// Bytes are bytes, none at all and a quarter of a million alike.
pub async fn whatever_bytes_are_kept_come_back(nodes: Nodes) {
    let room = any_room();
    let mut position = create(&*nodes.a, &room).await;
    let all: Vec<u8> = (0..=255).collect();
    for what in [Vec::new(), b"\n\r\n 1 2".to_vec(), all.repeat(1000)] {
        let what = Bytes::from(what);
        (position, _) = kept(&*nodes.a, &room, position, what.clone(), LONG).await;
        assert_eq!(what_is_left(&*nodes.b, &room).await, Some(what));
    }
}

/// Four tasks on two nodes each want theirs to be kept: it is that of whoever was
/// accepted last, as it is one step with the events.
pub async fn of_concurrent_committers_the_last_ones_keepsake_stays(nodes: Nodes) {
    const TASKS: usize = 4;
    const COMMITS: usize = 20;
    let room = any_room();
    let first = create(&*nodes.a, &room).await;
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let node = Arc::clone(if task % 2 == 0 { &nodes.a } else { &nodes.b });
            let room = room.clone();
            tokio::spawn(async move {
                let mut position = first;
                let mut won = 0;
                while won < COMMITS {
                    let what = event((position.seq + 1).to_string());
                    position = match keep(&*node, &room, position, what, LONG).await {
                        Committed::Accepted(_) => {
                            won += 1;
                            position.after(1)
                        }
                        Committed::Conflict(missing) => missing.position,
                        Committed::Gone => panic!("{room} is gone"),
                    };
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let last = event((TASKS * COMMITS).to_string());
    for node in nodes.each() {
        assert_eq!(what_is_left(node, &room).await, Some(last.clone()));
    }
}
