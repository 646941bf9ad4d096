//! What a node is told without asking. Publications are a hint: these
//! properties hold for whoever checks them by position, and say nothing about a
//! node's own commits.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use tablecast_core::backend::{Notice, Notices};
use tablecast_core::position::Order;

use super::*;

async fn next(notices: &mut Notices) -> Notice {
    tokio::time::timeout(DEADLINE, notices.next())
        .await
        .expect("no notice came")
        .expect("the stream of notices ended")
}

/// A reader that keeps up by notices alone, as a room's task does.
struct Follower<'a> {
    node: &'a dyn Backend,
    room: RoomId,
    position: Position,
    events: Vec<Bytes>,
}

impl Follower<'_> {
    async fn load(&mut self) {
        let loaded = load(self.node, &self.room, Some(self.position)).await;
        assert_eq!(loaded.snapshot, None, "the log reaches back");
        self.events
            .extend(loaded.events.into_iter().map(|stored| stored.event));
        self.position = loaded.position;
    }

    async fn follow(&mut self, notice: Notice) {
        match notice {
            Notice::Published {
                room,
                epoch,
                first,
                events,
                ..
            } if room == self.room => match self.position.order(epoch, first, events.len()) {
                Order::Next => self.apply(events),
                Order::Overlap { known } => self.apply(events.into_iter().skip(known).collect()),
                Order::Old => {}
                Order::Gap => self.load().await,
                Order::OtherEpoch => panic!("a publication of another epoch"),
            },
            Notice::Published { room, .. } => panic!("{room} is not watched"),
            Notice::Resync(None) => self.load().await,
            Notice::Resync(Some(room)) if room == self.room => self.load().await,
            Notice::Resync(Some(_)) | Notice::Health(_) => {}
        }
    }

    fn apply(&mut self, events: Vec<Bytes>) {
        self.position = self.position.after(events.len());
        self.events.extend(events);
    }
}

/// Whoever follows the notices reaches the newest position, with every event in
/// its place.
pub async fn every_later_commit_of_another_node_is_noticed(nodes: Nodes) {
    const EVENTS: u64 = 200;
    let room = any_room();
    let first = create(&*nodes.b, &room).await;
    let mut notices = nodes.a.notices();
    nodes.a.watch(&room).await.unwrap();
    let mut follower = Follower {
        node: &*nodes.a,
        room: room.clone(),
        position: first,
        events: Vec::new(),
    };
    let writer = {
        let (node, room) = (Arc::clone(&nodes.b), room.clone());
        tokio::spawn(async move { grow(&*node, &room, first, EVENTS, 3).await })
    };
    while follower.position.seq < EVENTS {
        let notice = next(&mut notices).await;
        follower.follow(notice).await;
    }
    assert_eq!(writer.await.unwrap(), follower.position);
    let all: Vec<Bytes> = (1..=EVENTS).map(event_at).collect();
    assert_eq!(follower.events, all);
}

/// Nothing is lost between the answer to `watch` and the first publication.
pub async fn the_first_commit_after_watching_is_noticed(nodes: Nodes) {
    let mut notices = nodes.a.notices();
    for _ in 0..20 {
        let room = any_room();
        let position = create(&*nodes.b, &room).await;
        nodes.a.watch(&room).await.unwrap();
        accepted(&*nodes.b, &room, position, vec![event("e")]).await;
        loop {
            match next(&mut notices).await {
                Notice::Published { room: found, .. } if found == room => break,
                Notice::Resync(found) if found.is_none() || found.as_ref() == Some(&room) => break,
                Notice::Published { .. } | Notice::Resync(_) | Notice::Health(_) => {}
            }
        }
    }
}

/// A publication holds the events, their place and the stamp of the commit. A
/// backend may say `Resync` instead, but not always.
pub async fn a_publication_says_what_was_committed(nodes: Nodes) {
    let room = any_room();
    let mut position = create(&*nodes.b, &room).await;
    let mut notices = nodes.a.notices();
    nodes.a.watch(&room).await.unwrap();
    let all: Bytes = (0..=255).collect();
    let begin = tokio::time::Instant::now();
    loop {
        assert!(begin.elapsed() < DEADLINE, "nothing is published");
        let committed = vec![all.clone(), Bytes::new(), event("e")];
        let before = position;
        let stamp;
        (position, stamp) = accepted(&*nodes.b, &room, before, committed.clone()).await;
        let published = loop {
            match next(&mut notices).await {
                Notice::Published { first, .. } if first <= before.seq => {}
                Notice::Resync(_) => break None,
                Notice::Health(_) => {}
                notice @ Notice::Published { .. } => break Some(notice),
            }
        };
        let expected = Notice::Published {
            room: room.clone(),
            epoch: before.epoch,
            first: before.seq + 1,
            events: committed,
            stamp,
        };
        if let Some(published) = published {
            assert_eq!(published, expected);
            break;
        }
    }
}

/// The wish to watch is about a name, not about the room that has it now.
pub async fn a_room_can_be_watched_before_it_is_made(nodes: Nodes) {
    let room = any_room();
    let mut notices = nodes.a.notices();
    nodes.a.watch(&room).await.unwrap();
    let position = create(&*nodes.b, &room).await;
    accepted(&*nodes.b, &room, position, vec![event("e")]).await;
    loop {
        match next(&mut notices).await {
            Notice::Published { room: found, .. } => break assert_eq!(found, room),
            Notice::Resync(_) => break,
            Notice::Health(_) => {}
        }
    }
}

/// Nothing comes from rooms that are not watched, whatever their names.
pub async fn rooms_that_are_not_watched_are_silent(nodes: Nodes) {
    const WATCHED: usize = 10;
    let mut notices = nodes.a.notices();
    let base = any_room();
    let (mut watched, mut others) = (Vec::new(), Vec::new());
    for n in 0..2 * WATCHED {
        let room: RoomId = format!("{base}-{n}").parse().unwrap();
        let position = create(&*nodes.b, &room).await;
        if n % 2 == 0 {
            nodes.a.watch(&room).await.unwrap();
            watched.push((room, position));
        } else {
            others.push((room, position));
        }
    }
    // Those that must be silent speak first, so that they are not just late.
    for (room, position) in others.iter().chain(&watched) {
        accepted(&*nodes.b, room, *position, vec![event(room.as_str())]).await;
    }
    let mut missing: BTreeSet<&RoomId> = watched.iter().map(|(room, _)| room).collect();
    while !missing.is_empty() {
        match next(&mut notices).await {
            Notice::Published { room, events, .. } => {
                assert!(
                    watched.iter().any(|(watched, _)| *watched == room),
                    "{room}"
                );
                assert_eq!(events, [event(room.as_str())]);
                missing.remove(&room);
            }
            Notice::Resync(Some(room)) => {
                assert!(
                    watched.iter().any(|(watched, _)| *watched == room),
                    "{room}"
                );
                missing.remove(&room);
            }
            Notice::Resync(None) => missing.clear(),
            Notice::Health(_) => {}
        }
    }
}

/// After `unwatch`, which does not wait, publications cease. Other rooms go on.
pub async fn a_room_that_is_no_longer_watched_falls_silent(nodes: Nodes) {
    let (room, other) = (any_room(), any_room());
    let mut position = create(&*nodes.b, &room).await;
    let mut other_position = create(&*nodes.b, &other).await;
    let mut notices = nodes.a.notices();
    nodes.a.watch(&room).await.unwrap();
    nodes.a.watch(&other).await.unwrap();
    nodes.a.unwatch(&room);
    let begin = tokio::time::Instant::now();
    loop {
        assert!(begin.elapsed() < DEADLINE, "it is still heard");
        (position, _) = accepted(&*nodes.b, &room, position, vec![event("e")]).await;
        (other_position, _) = accepted(&*nodes.b, &other, other_position, vec![event("e")]).await;
        let mut heard = false;
        loop {
            match next(&mut notices).await {
                Notice::Published { room: found, .. } if found == room => heard = true,
                Notice::Published { first, .. } if first == other_position.seq => break,
                Notice::Resync(found) if found.is_none() || found.as_ref() == Some(&other) => break,
                Notice::Published { .. } | Notice::Resync(_) | Notice::Health(_) => {}
            }
        }
        if !heard {
            break;
        }
    }
}

/// A room can be watched again, any number of times, and `unwatch` of one that
/// is not watched is harmless.
pub async fn watching_again_after_unwatching_works(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.b, &room).await;
    let mut notices = nodes.a.notices();
    nodes.a.unwatch(&room);
    for _ in 0..10 {
        nodes.a.watch(&room).await.unwrap();
        nodes.a.watch(&room).await.unwrap();
        nodes.a.unwatch(&room);
        nodes.a.unwatch(&room);
    }
    nodes.a.watch(&room).await.unwrap();
    let mut follower = Follower {
        node: &*nodes.a,
        room: room.clone(),
        position: first,
        events: Vec::new(),
    };
    grow(&*nodes.b, &room, first, 5, 1).await;
    while follower.position.seq < 5 {
        let notice = next(&mut notices).await;
        follower.follow(notice).await;
    }
}

/// There is one stream of notices a backend.
pub async fn a_second_call_of_notices_ends_at_once(nodes: Nodes) {
    let _first = nodes.a.notices();
    let mut second = nodes.a.notices();
    let ended = tokio::time::timeout(DEADLINE, second.next()).await;
    assert_eq!(ended, Ok(None), "the second stream goes on");
    let mut of_the_other = nodes.b.notices();
    let waiting = tokio::time::timeout(Duration::from_millis(50), of_the_other.next()).await;
    assert_ne!(waiting, Ok(None), "the other node's first stream ended");
}
