//! The room's state machine against an independent model of it, under random
//! requests on two nodes that commit to one store with conflicts, lost answers
//! and repetitions.
//!
//! `TABLECAST_MODEL_CASES` asks for more cases than the few of every day.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod model {
    pub(crate) mod nodes;
    pub(crate) mod oracle;
    pub(crate) mod requests;
}

use std::collections::{BTreeMap, BTreeSet};

use model::nodes::{Node, Outcome, World};
use model::requests::{Bell, Command, LAST_RING, Request, ShelfEvent, Step, steps};
use proptest::prelude::*;
use tablecast_core::backend::LOG_EVENTS;
use tablecast_core::room::{Change, Event};
use tablecast_core::{Forms, MemberId};

fn config() -> ProptestConfig {
    let asked = std::env::var("TABLECAST_MODEL_CASES").ok();
    let asked = asked.map(|cases| cases.parse().expect("a number of cases"));
    ProptestConfig {
        cases: asked.unwrap_or(128),
        // A failing case is printed in full, so no file of failures is needed.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    /// Everything at once: each answer equals the oracle's, and each node that has caught
    /// up has the oracle's room, by whichever way it caught up.
    #[test]
    fn every_node_agrees_with_the_oracle(seats in 1..5usize, steps in steps(40)) {
        let mut world = World::new(seats);
        for step in &steps {
            world.take(step);
            world.check();
        }
        world.catch_up_all();
        world.check();
    }

    /// Whatever was repeated, decided again or lost: one number of a member made the events
    /// of one decision, with one digest, and no others.
    #[test]
    fn a_command_is_applied_at_most_once(steps in steps(40)) {
        let mut world = World::new(3);
        for step in &steps {
            world.take(step);
        }
        let mut digests = BTreeMap::new();
        // Numbers count from 1 again when a person returns.
        let mut returned = BTreeMap::new();
        let mut seqs: BTreeMap<(MemberId, Option<u64>, u64), Vec<u64>> = BTreeMap::new();
        for event in world.store.all_events() {
            if let Change::Returned(again) = &event.change {
                returned.insert(again.member, event.seq);
            }
            let (Some(op), Some(by)) = (event.op, event.by()) else { continue };
            let command = (by, returned.get(&by).copied(), op.number);
            let first = *digests.entry(command).or_insert(op.digest);
            prop_assert_eq!(first, op.digest, "two commands under one number");
            seqs.entry(command).or_default().push(event.seq);
        }
        for ((by, _, number), seqs) in seqs {
            let count = seqs.len() as u64;
            prop_assert!(count <= 2, "number {} of {} made {} events", number, by, count);
            prop_assert_eq!(seqs[0] + count - 1, *seqs.last().unwrap());
        }
    }

    /// As long as its events are remembered, a command of the server is applied once, too.
    #[test]
    fn a_command_of_the_server_is_applied_at_most_once(steps in steps(40)) {
        let mut world = World::new(3);
        for step in &steps {
            world.take(step);
        }
        let mut seqs: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
        for event in world.store.all_events() {
            if let (Some(op), None) = (event.op, event.by()) {
                seqs.entry(op.number).or_default().push(event.seq);
            }
        }
        for (number, seqs) in seqs {
            let times = seqs.chunk_by(|one, next| next - one <= LOG_EVENTS as u64);
            for seqs in times {
                let count = seqs.len() as u64;
                prop_assert!(count <= 2, "order {} made {} events", number, count);
                prop_assert_eq!(seqs[0] + count - 1, *seqs.last().unwrap());
            }
        }
    }

    /// At every point of the history: no member id is used again, only members act, and
    /// there are never more members than seats.
    #[test]
    fn seats_are_never_overbooked_or_mixed_up(seats in 1..5usize, steps in steps(40)) {
        let mut world = World::new(seats);
        for step in &steps {
            world.take(step);
        }
        let mut ever = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for event in world.store.all_events() {
            match event.change {
                Change::Joined(_) => {
                    let member = MemberId(event.seq);
                    prop_assert!(ever.insert(member), "{} was there before", member);
                    taken.insert(member);
                    prop_assert!(taken.len() <= seats);
                }
                Change::Returned(ref again) => {
                    let member = again.member;
                    prop_assert!(ever.contains(&member), "{} was never there", member);
                    prop_assert_eq!(taken.insert(member), again.seated.is_some());
                    prop_assert!(taken.len() <= seats);
                }
                Change::Left { member, dismissed } => {
                    let had_a_seat = taken.remove(&member);
                    prop_assert!(ever.contains(&member), "{} was never there", member);
                    prop_assert!(had_a_seat || dismissed, "{} left twice", member);
                }
                Change::Back { member, .. }
                | Change::Away { member, .. }
                | Change::Renamed { member, .. }
                | Change::Logic {
                    by: Some(member), ..
                } => {
                    prop_assert!(taken.contains(&member), "{} has no seat", member);
                }
                Change::Closed {} | Change::Logic { by: None, .. } => {}
            }
        }
    }

    /// Whatever was refused, repeated, decided again or lost: each alarm is decided once, not
    /// before its time, and by nobody; and no command sets one that comes too late.
    #[test]
    fn each_alarm_rings_once_and_never_early(steps in steps(40)) {
        let mut world = World::new(3);
        for step in &steps {
            world.take(step);
        }
        let mut bell: Option<Bell> = None;
        for event in world.store.all_events() {
            match event.change {
                Change::Logic { event: ShelfEvent::Wound(wound), .. } => {
                    let as_before = bell.is_some_and(|bell| bell.at == wound.at);
                    prop_assert!(wound.at <= LAST_RING || as_before, "{:?} is too late", wound);
                    bell = Some(wound);
                }
                Change::Logic { by, event: ShelfEvent::Rung(now) } => {
                    let due = bell.filter(|bell| bell.at <= now);
                    prop_assert!(due.is_some(), "{:?} rings at {}", bell, now);
                    prop_assert_eq!((by, event.op), (None, None));
                    bell = due.and_then(Bell::next);
                }
                _ => {}
            }
        }
    }

    /// Applied to any earlier snapshot, the events after it lead to the same room.
    #[test]
    fn a_snapshot_and_what_follows_is_the_same_room(steps in steps(25)) {
        let mut world = World::new(3);
        for step in &steps {
            world.take(step);
        }
        world.catch_up_all();
        for snapshot in world.store.every_snapshot() {
            let node = Node::from_snapshot(&world.store, snapshot);
            prop_assert_eq!(&node.room, &world.nodes[0].room);
        }
    }

    /// The missing events that a history returns are contiguous up to the newest. It has
    /// all of the last 256, and returns `None` beyond that.
    #[test]
    fn a_history_has_no_hidden_gap(
        seqs in prop::collection::vec((1..40u64, any::<bool>()), 0..20),
        lengths in prop::collection::vec(1..200u64, 20),
        since in 0..2000u64,
        newest in 0..2000u64,
    ) {
        let mut history = tablecast_core::history::History::default();
        // Runs of seqs, each beginning where the last ended or after a gap.
        let (mut last, mut run_begins) = (0, 1);
        for ((gap, is_gap), length) in seqs.iter().zip(&lengths) {
            if *is_gap {
                last += gap;
                run_begins = last + 1;
            }
            for _ in 0..*length {
                last += 1;
                history.push(any_event(last).into());
            }
        }
        let since_newest = since.min(last + 5);
        for (since, newest) in [(since, newest), (since_newest, last), (last.saturating_sub(since % 300), last)] {
            let found = history.since(since, newest).map(|events| {
                events.map(|event| event.seq).collect::<Vec<_>>()
            });
            let remembered = newest == last
                && since <= newest
                && since + 1 >= run_begins
                && newest - since <= 256;
            match found {
                Some(found) => prop_assert_eq!(found, (since + 1..=newest).collect::<Vec<_>>()),
                None => prop_assert!(!remembered, "{}..={} is remembered", since, newest),
            }
        }
    }
}

fn any_event(seq: u64) -> Event<ShelfEvent> {
    Event {
        seq,
        op: None,
        forms: Forms::FIRST,
        change: Change::Left {
            member: MemberId(1),
            dismissed: false,
        },
    }
}

/// Runs one request at one node and compares its answer with the oracle's. Returns how many
/// events it made.
fn go(world: &mut World, request: Request) -> u64 {
    let before = world.store.seq();
    world.take(&Step {
        node: 0,
        requests: vec![request],
        outcome: Outcome::Accepted,
        other_first: None,
    });
    world.store.seq() - before
}

/// A disconnect that comes twice, or late, after the seat was taken over or
/// given up, changes nothing.
#[test]
fn a_disconnect_of_a_connection_without_a_seat_changes_nothing() {
    let mut world = World::new(2);
    let join = Request::Join {
        connection: 1,
        key: None,
        named: true,
        colour: None,
    };
    assert_eq!(go(&mut world, join), 1);
    let away = Request::Disconnect {
        connection: 1,
        keep: Some(50),
    };
    assert_eq!(go(&mut world, away), 1, "the first time it counts");
    assert_eq!(go(&mut world, away), 0, "twice");
    let back = Request::Resume {
        nth: 0,
        connection: 2,
    };
    assert_eq!(go(&mut world, back), 1);
    assert_eq!(go(&mut world, away), 0, "taken over");
    let leave = Request::Disconnect {
        connection: 2,
        keep: None,
    };
    assert_eq!(go(&mut world, leave), 1);
    assert_eq!(go(&mut world, leave), 0, "given up");
}

/// The newest command of a member is recognised however much has happened since, and so is
/// another command with its number. An older one is forgotten with the history.
#[test]
fn the_newest_command_of_a_member_is_never_forgotten() {
    let mut world = World::new(2);
    for connection in 1..=2 {
        let join = Request::Join {
            connection,
            key: None,
            named: false,
            colour: None,
        };
        go(&mut world, join);
    }
    let put = |number, digest| Request::Command {
        nth: 0,
        number,
        digest,
        command: Command::Put(1),
    };
    assert_eq!(go(&mut world, put(1, 0)), 1);
    assert_eq!(go(&mut world, put(2, 0)), 1);
    for _ in 0..3 {
        let by_the_other = Request::Burst { nth: 1, count: 100 };
        assert_eq!(go(&mut world, by_the_other), 100);
    }
    for (number, digest) in [(2, 0), (2, 1), (1, 0)] {
        assert_eq!(go(&mut world, put(number, digest)), 0);
    }
    assert_eq!(go(&mut world, put(3, 0)), 1);
}
