//! Each fault does what it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tablecast::MemoryBackend;
use tablecast_core::backend::{Backend, BackendError, Commit, Committed, Created, Health, NewRoom};
use tablecast_core::{Forms, NodeId, Position, RoomId};
use tablecast_testing::faulty::{Call, Fault, Faults, PublicationFault, Rates};
use tablecast_testing::{FaultyBackend, Notification, Recorder, until};

/// A room on a faulty node, and another node on the same store to look from.
struct Fixture {
    faulty: FaultyBackend,
    faults: Faults,
    sound: MemoryBackend,
    room: RoomId,
    position: Position,
}

async fn fixture() -> Fixture {
    let sound = MemoryBackend::new();
    let faulty = FaultyBackend::new(Arc::new(sound.another_node()));
    let room: RoomId = "room".parse().unwrap();
    let new = NewRoom {
        snapshot: Bytes::new(),
        ttl: Duration::from_secs(60),
        max_age: Duration::from_secs(60),
        alarm: None,
    };
    let Created::New(position, _) = sound.create(&room, new).await.unwrap() else {
        panic!("it exists");
    };
    Fixture {
        faults: faulty.faults(),
        faulty,
        sound,
        room,
        position,
    }
}

impl Fixture {
    async fn commit(&self, seq: usize) -> Result<Committed, BackendError> {
        self.faulty.commit(&self.room, self.step(seq)).await
    }

    fn step(&self, seq: usize) -> Commit {
        Commit {
            expected: self.position.after(seq),
            events: vec![Bytes::from(seq.to_string()).into()],
            snapshot: None,
            extend: None,
            keepsake: None,
            alarm: None,
        }
    }

    /// Where the room really stands.
    async fn seq(&self) -> u64 {
        self.sound
            .load(&self.room, None)
            .await
            .unwrap()
            .unwrap()
            .position
            .seq
    }

    async fn stands_at(&self, seq: u64) {
        let reached = |found: &u64| *found == seq;
        until("the room has moved", async || self.seq().await, reached).await;
    }

    /// Commits on the other node, from this seq on.
    async fn publish(&self, seqs: std::ops::Range<usize>) {
        for seq in seqs {
            self.sound.commit(&self.room, self.step(seq)).await.unwrap();
        }
    }
}

/// The next notification; the first seq of a publication.
async fn next(recorder: &mut Recorder) -> Result<u64, Notification> {
    let next = tokio::time::timeout(Duration::from_secs(10), recorder.next());
    match next.await.unwrap() {
        Notification::Published(_, publication) => Ok(publication.first),
        other => Err(other),
    }
}

#[tokio::test]
async fn unavailable_means_not_carried_out() {
    let f = fixture().await;
    f.faults.next(Call::Commit, Fault::Unavailable);
    assert!(matches!(
        f.commit(0).await,
        Err(BackendError::Unavailable(_))
    ));
    assert_eq!(f.seq().await, 0);
    assert!(f.commit(0).await.is_ok(), "only the next call fails");
}

#[tokio::test]
async fn unknown_means_carried_out_or_not_or_later_as_asked() {
    let f = fixture().await;
    let late = Duration::from_millis(20);
    for (fault, at_once) in [
        (Fault::UnknownBefore, 0),
        (Fault::UnknownAfter, 1),
        (Fault::UnknownThenLate(late), 1),
    ] {
        let seq = f.seq().await as usize;
        f.faults.next(Call::Commit, fault);
        assert!(matches!(f.commit(seq).await, Err(BackendError::Unknown(_))));
        assert_eq!(f.seq().await, at_once, "{fault:?}");
    }
    f.stands_at(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_ends_when_it_is_dropped() {
    let f = fixture().await;
    for (fault, seq) in [(Fault::Hang, 0), (Fault::HangAfter, 1)] {
        f.faults.next(Call::Commit, fault);
        let hour = Duration::from_secs(3600);
        assert!(tokio::time::timeout(hour, f.commit(0)).await.is_err());
        assert_eq!(f.seq().await, seq, "{fault:?}");
    }
    assert_eq!(f.faults.calls(Call::Commit), 2);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_call_is_carried_out_after_the_delay() {
    let f = fixture().await;
    f.faults
        .next(Call::Commit, Fault::Delay(Duration::from_secs(3)));
    let mut commit = Box::pin(f.commit(0));
    let early = tokio::time::timeout(Duration::from_secs(2), &mut commit).await;
    assert!(early.is_err());
    assert_eq!(f.seq().await, 0);
    assert!(matches!(commit.await, Ok(Committed::Accepted(_))));
}

#[tokio::test]
async fn every_call_fails_until_none_does() {
    let f = fixture().await;
    f.faults.every(Call::Load, Fault::Unavailable);
    for _ in 0..3 {
        assert!(f.faulty.load(&f.room, None).await.is_err());
    }
    assert!(f.commit(0).await.is_ok(), "other calls are not concerned");
    f.faults.none();
    assert!(f.faulty.load(&f.room, None).await.is_ok());
}

#[tokio::test]
async fn while_the_store_is_down_nothing_works_and_the_node_is_told() {
    let f = fixture().await;
    let node: NodeId = "n".parse().unwrap();
    let mut recorder = Recorder::new().with_health(&f.faulty);
    f.faults.down("cable");
    let down = Health::Down("cable".to_owned());
    assert_eq!(next(&mut recorder).await, Err(Notification::Health(down)));
    assert!(f.commit(0).await.is_err());
    assert!(f.faulty.load(&f.room, None).await.is_err());
    assert!(
        f.faulty
            .renew(&node, Forms::FIRST, Duration::from_secs(1))
            .await
            .is_err()
    );
    assert!(recorder.watch(&f.faulty, &f.room).await.is_err());
    f.publish(0..1).await;
    assert_eq!(recorder.try_next(), None, "publications are lost");

    f.faults.up();
    assert_eq!(
        next(&mut recorder).await,
        Err(Notification::Health(Health::Up))
    );
    assert_eq!(
        next(&mut recorder).await,
        Err(Notification::Missed(f.room.clone()))
    );
    f.publish(1..2).await;
    assert_eq!(
        next(&mut recorder).await,
        Ok(2),
        "it is watched all the same"
    );
    assert!(f.commit(2).await.is_ok());
}

#[tokio::test]
async fn while_the_store_refuses_changes_it_can_be_read_and_the_node_is_told() {
    let f = fixture().await;
    let node: NodeId = "n".parse().unwrap();
    let mut recorder = Recorder::new().with_health(&f.faulty);
    f.faults.refusing("its memory is full");
    let refusing = Health::Refusing {
        why: "its memory is full".to_owned(),
        words: "REFUSED its memory is full".to_owned(),
    };
    assert_eq!(
        next(&mut recorder).await,
        Err(Notification::Health(refusing))
    );
    let refused = BackendError::Refused("its memory is full".to_owned());
    assert_eq!(f.commit(0).await.err(), Some(refused));
    assert!(
        f.faulty
            .renew(&node, Forms::FIRST, Duration::from_secs(1))
            .await
            .is_err()
    );
    assert!(f.faulty.load(&f.room, None).await.is_ok());
    f.faults.up();
    assert_eq!(
        next(&mut recorder).await,
        Err(Notification::Health(Health::Up))
    );
    assert!(f.commit(0).await.is_ok());
}

#[tokio::test]
async fn a_watch_that_failed_begins_all_the_same_and_the_listener_hears_that_it_missed_something() {
    let f = fixture().await;
    let mut recorder = Recorder::new();
    f.faults.next(Call::Watch, Fault::Unavailable);
    assert!(recorder.watch(&f.faulty, &f.room).await.is_err());
    f.publish(0..1).await;
    let missed = Notification::Missed(f.room.clone());
    assert_eq!(next(&mut recorder).await, Err(missed));
    assert_eq!(next(&mut recorder).await, Ok(1));
}

#[tokio::test]
async fn publications_are_lost_doubled_and_reordered_as_asked() {
    let f = fixture().await;
    let mut recorder = Recorder::new();
    recorder.watch(&f.faulty, &f.room).await.unwrap();
    for fault in [
        PublicationFault::Lose,
        PublicationFault::Double,
        PublicationFault::Reorder,
    ] {
        f.faults.next_publication(fault);
    }
    f.publish(0..5).await;
    for first in [2, 2, 4, 3, 5] {
        assert_eq!(next(&mut recorder).await, Ok(first));
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_publication_comes_without_another_to_push_it() {
    let f = fixture().await;
    let mut recorder = Recorder::new();
    recorder.watch(&f.faulty, &f.room).await.unwrap();
    let delay = PublicationFault::Delay(Duration::from_secs(3));
    f.faults.next_publication(delay);
    f.faults.next_publication(PublicationFault::Reorder);
    let begin = tokio::time::Instant::now();
    f.publish(0..2).await;
    assert_eq!(next(&mut recorder).await, Ok(2), "reordered, for 100 ms");
    f.publish(2..3).await;
    assert_eq!(
        next(&mut recorder).await,
        Ok(3),
        "nobody waits for a delayed one"
    );
    assert_eq!(next(&mut recorder).await, Ok(1), "delayed");
    assert!(begin.elapsed() >= Duration::from_secs(3), "too early");
}

#[tokio::test]
async fn chance_is_the_same_for_the_same_seed_and_keeps_its_rates() {
    async fn outcomes(seed: u64) -> Vec<bool> {
        let f = fixture().await;
        let rates = Rates {
            unavailable: 0.3,
            ..Rates::default()
        };
        f.faults.random(seed, rates);
        let mut outcomes = Vec::new();
        for _ in 0..1000 {
            outcomes.push(match f.faulty.load(&f.room, None).await {
                Ok(_) => true,
                Err(BackendError::Unavailable(_)) => false,
                Err(other) => panic!("not at any rate: {other}"),
            });
        }
        outcomes
    }
    let first = outcomes(7).await;
    assert_eq!(first, outcomes(7).await);
    assert_ne!(first, outcomes(8).await);
    let failed = first.iter().filter(|ok| !**ok).count();
    assert!(
        (200..400).contains(&failed),
        "{failed} of 1000 at a rate of 0.3"
    );
}
