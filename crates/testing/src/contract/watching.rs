//! What a node is told without asking. Publications are a hint: these
//! properties hold for whoever checks them by position, and say nothing about a
//! node's own commits.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use tablecast_core::position::Order;

use super::*;
use crate::{Notification, Recorder};

async fn next(recorder: &mut Recorder) -> Notification {
    tokio::time::timeout(DEADLINE, recorder.next())
        .await
        .expect("no notification came")
}

/// A reader that keeps up by notifications alone, as a room's task does.
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

    async fn follow(&mut self, notification: Notification) {
        match notification {
            Notification::Published(
                room,
                Publication {
                    epoch,
                    first,
                    events,
                    ..
                },
            ) => {
                assert_eq!(room, self.room, "it is not watched");
                match self.position.order(epoch, first, events.len()) {
                    Order::Next => self.apply(events),
                    Order::Overlap { known } => {
                        self.apply(events.into_iter().skip(known).collect())
                    }
                    Order::Old => {}
                    Order::Gap => self.load().await,
                    Order::OtherEpoch => panic!("a publication of another epoch"),
                }
            }
            Notification::Missed(room) if room == self.room => self.load().await,
            Notification::Missed(_) | Notification::Health(_) | Notification::Signalled(..) => {}
        }
    }

    fn apply(&mut self, events: Vec<Bytes>) {
        self.position = self.position.after(events.len());
        self.events.extend(events);
    }
}

/// Whoever follows the notifications reaches the newest position, with every event in
/// its place.
pub async fn every_later_commit_of_another_node_is_noticed(nodes: Nodes) {
    const EVENTS: u64 = 200;
    let room = any_room();
    let first = create(&*nodes.b, &room).await;
    let mut recorder = Recorder::new();
    recorder.watch(&*nodes.a, &room).await.unwrap();
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
        let notification = next(&mut recorder).await;
        follower.follow(notification).await;
    }
    assert_eq!(writer.await.unwrap(), follower.position);
    let all: Vec<Bytes> = (1..=EVENTS).map(event_at).collect();
    assert_eq!(follower.events, all);
}

/// Nothing is lost between the answer to `watch` and the first publication.
pub async fn the_first_commit_after_watching_is_noticed(nodes: Nodes) {
    let mut recorder = Recorder::new();
    for _ in 0..20 {
        let room = any_room();
        let position = create(&*nodes.b, &room).await;
        recorder.watch(&*nodes.a, &room).await.unwrap();
        accepted(&*nodes.b, &room, position, vec![event("e")]).await;
        loop {
            match next(&mut recorder).await {
                Notification::Published(found, _) | Notification::Missed(found)
                    if found == room =>
                {
                    break;
                }
                _ => {}
            }
        }
    }
}

/// A publication holds the events, their place and the stamp of the commit. A
/// backend may say instead that it was missed, but not always.
pub async fn a_publication_says_what_was_committed(nodes: Nodes) {
    let room = any_room();
    let mut position = create(&*nodes.b, &room).await;
    let mut recorder = Recorder::new();
    recorder.watch(&*nodes.a, &room).await.unwrap();
    let all: Bytes = (0..=255).collect();
    let begin = tokio::time::Instant::now();
    loop {
        assert!(begin.elapsed() < DEADLINE, "nothing is published");
        let committed = vec![all.clone(), Bytes::new(), event("e")];
        let before = position;
        let stamp;
        (position, stamp) = accepted(&*nodes.b, &room, before, committed.clone()).await;
        let published = loop {
            match next(&mut recorder).await {
                Notification::Published(_, old) if old.first <= before.seq => {}
                Notification::Missed(_) => break None,
                Notification::Health(_) | Notification::Signalled(..) => {}
                Notification::Published(found, publication) => {
                    assert_eq!(found, room);
                    break Some(publication);
                }
            }
        };
        let expected = Publication {
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

/// A watch is of a name, not about the room that has it now.
pub async fn a_room_can_be_watched_before_it_is_made(nodes: Nodes) {
    let room = any_room();
    let mut recorder = Recorder::new();
    recorder.watch(&*nodes.a, &room).await.unwrap();
    let position = create(&*nodes.b, &room).await;
    accepted(&*nodes.b, &room, position, vec![event("e")]).await;
    loop {
        match next(&mut recorder).await {
            Notification::Published(found, _) | Notification::Missed(found) => {
                break assert_eq!(found, room);
            }
            Notification::Health(_) | Notification::Signalled(..) => {}
        }
    }
}

/// Nothing comes from rooms that are not watched, whatever their names.
pub async fn rooms_that_are_not_watched_are_silent(nodes: Nodes) {
    const WATCHED: usize = 10;
    let mut recorder = Recorder::new();
    let base = any_room();
    let (mut watched, mut others) = (Vec::new(), Vec::new());
    for n in 0..2 * WATCHED {
        let room: RoomId = format!("{base}-{n}").parse().unwrap();
        let position = create(&*nodes.b, &room).await;
        if n % 2 == 0 {
            recorder.watch(&*nodes.a, &room).await.unwrap();
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
        match next(&mut recorder).await {
            Notification::Published(room, publication) => {
                assert!(
                    watched.iter().any(|(watched, _)| *watched == room),
                    "{room}"
                );
                assert_eq!(publication.events, [event(room.as_str())]);
                missing.remove(&room);
            }
            Notification::Missed(room) => {
                assert!(
                    watched.iter().any(|(watched, _)| *watched == room),
                    "{room}"
                );
                missing.remove(&room);
            }
            Notification::Health(_) | Notification::Signalled(..) => {}
        }
    }
}

/// After its watch is dropped, which does not wait, publications of a room cease. Other
/// rooms go on.
pub async fn a_room_that_is_no_longer_watched_falls_silent(nodes: Nodes) {
    let (room, other) = (any_room(), any_room());
    let mut position = create(&*nodes.b, &room).await;
    let mut other_position = create(&*nodes.b, &other).await;
    let mut recorder = Recorder::new();
    recorder.watch(&*nodes.a, &room).await.unwrap();
    recorder.watch(&*nodes.a, &other).await.unwrap();
    recorder.unwatch(&room);
    let begin = tokio::time::Instant::now();
    loop {
        assert!(begin.elapsed() < DEADLINE, "it is still heard");
        (position, _) = accepted(&*nodes.b, &room, position, vec![event("e")]).await;
        (other_position, _) = accepted(&*nodes.b, &other, other_position, vec![event("e")]).await;
        let mut heard = false;
        loop {
            match next(&mut recorder).await {
                Notification::Published(found, _) if found == room => heard = true,
                Notification::Published(_, newest) if newest.first == other_position.seq => break,
                Notification::Missed(found) if found == other => break,
                _ => {}
            }
        }
        if !heard {
            break;
        }
    }
}

/// A room can be watched again, any number of times, whether it is watched or not.
pub async fn watching_again_after_unwatching_works(nodes: Nodes) {
    let room = any_room();
    let first = create(&*nodes.b, &room).await;
    let mut recorder = Recorder::new();
    for _ in 0..10 {
        recorder.watch(&*nodes.a, &room).await.unwrap();
        recorder.watch(&*nodes.a, &room).await.unwrap();
        recorder.unwatch(&room);
    }
    recorder.watch(&*nodes.a, &room).await.unwrap();
    let mut follower = Follower {
        node: &*nodes.a,
        room: room.clone(),
        position: first,
        events: Vec::new(),
    };
    grow(&*nodes.b, &room, first, 5, 1).await;
    while follower.position.seq < 5 {
        let notification = next(&mut recorder).await;
        follower.follow(notification).await;
    }
}

/// The end of one watch is not the end of another of the same room.
pub async fn each_listener_of_a_room_hears_for_as_long_as_its_own_watch(nodes: Nodes) {
    let room = any_room();
    let mut position = create(&*nodes.b, &room).await;
    let (mut one, mut other) = (Recorder::new(), Recorder::new());
    one.watch(&*nodes.a, &room).await.unwrap();
    other.watch(&*nodes.a, &room).await.unwrap();
    for ends in [false, true] {
        if ends {
            one.unwatch(&room);
        }
        (position, _) = accepted(&*nodes.b, &room, position, vec![event("e")]).await;
        let still: &mut [&mut Recorder] = if ends {
            &mut [&mut other]
        } else {
            &mut [&mut one, &mut other]
        };
        for recorder in still {
            loop {
                match next(recorder).await {
                    Notification::Published(_, newest) if newest.first < position.seq => {}
                    Notification::Published(..) | Notification::Missed(_) => break,
                    Notification::Health(_) | Notification::Signalled(..) => {}
                }
            }
        }
    }
}

/// A stream of the health ends with its backend alone, however many there are.
pub async fn whoever_asks_is_told_of_the_health(nodes: Nodes) {
    for mut health in [nodes.a.health(), nodes.a.health(), nodes.b.health()] {
        let waiting = tokio::time::timeout(Duration::from_millis(50), health.next()).await;
        assert_ne!(waiting, Ok(None), "it has ended");
    }
}

/// A signal is heard as it was sent by who watches this room on another node, and by nobody who
/// watches another room. It may be lost, but not always.
pub async fn a_signal_reaches_who_watches_the_room_on_another_node(nodes: Nodes) {
    if nodes.a.is_exclusive() {
        return;
    }
    let (room, other) = (any_room(), any_room());
    for room in [&room, &other] {
        create(&*nodes.b, room).await;
    }
    let mut recorder = Recorder::new();
    recorder.watch(&*nodes.a, &other).await.unwrap();
    recorder.watch(&*nodes.a, &room).await.unwrap();
    let signal: Bytes = (0..=255).collect();
    let begin = tokio::time::Instant::now();
    loop {
        assert!(begin.elapsed() < DEADLINE, "no signal comes");
        nodes.b.signal(&room, signal.clone()).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(500), recorder.next()).await;
        match heard {
            Ok(Notification::Signalled(found, heard)) => {
                assert_eq!((found, heard), (room, signal));
                return;
            }
            Ok(Notification::Published(..)) => panic!("a signal is no publication"),
            Ok(Notification::Missed(_) | Notification::Health(_)) | Err(_) => {}
        }
    }
}
