//! Where two things happen at once that seldom do: a drain and a join, a late
//! commit and a refusal, a stale node and somebody who comes back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use support::rooms::Node;
use support::{Hands, NEVER};
use tablecast::core::CloseReason;
use tablecast::core::limits::Rate;
use tablecast::hub::CreateError;
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::client::Said;
use tablecast_testing::faulty::{Call, Fault, PublicationFault};
use tablecast_testing::{FaultyBackend, until};

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A drain that lasts longer than the node's lease: while members are being closed
/// the other node must not take them for those of a dead one. Leases are as long as
/// this thread runs: all that would renew one stands still when the clock does.
#[tokio::test]
async fn a_draining_node_lives_until_its_last_member_is_told() {
    const ROOMS: usize = 400;
    let hands = Hands::new();
    let store = hands.store();
    let other = Arc::new(store.another_node());
    tokio::spawn(async move {
        loop {
            // sleep: makes the clock's time, however late it wakes
            tokio::time::sleep(ms(5)).await;
            hands.pass(ms(5));
        }
    });
    let config = HubConfig {
        node_lease: ms(200),
        command_rate: Rate::OFF,
        ..HubConfig::default()
    };
    let drains = Node::on(Arc::new(store), config.clone()).await;
    let stays = Node::on(other, config).await;
    let (mut told, mut witnesses) = (Vec::new(), Vec::new());
    for number in 0..ROOMS {
        let room = format!("r{number}");
        drains.make(&room).await;
        told.push(drains.json(&room).await.client);
        witnesses.push(stays.json(&room).await);
    }
    let told: Vec<_> = told
        .into_iter()
        .map(|mut client| tokio::spawn(async move { client.closed().await.unwrap() }))
        .collect();
    drains.hub.drain(Duration::from_secs(10)).await;
    for code in told {
        assert_eq!(code.await.unwrap(), CloseReason::Restarting.code());
    }
}

#[tokio::test]
async fn a_join_under_way_when_the_drain_begins_is_told_too() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let node = Node::on(Arc::new(backend), HubConfig::default()).await;
    node.make("r").await;
    let before = faults.calls(Call::Commit);
    faults.next(Call::Commit, Fault::Delay(ms(300)));
    let mut client = node.say_first("r", r#"{"join":{}}"#).await;
    while faults.calls(Call::Commit) == before {
        tokio::task::yield_now().await;
    }
    let (code, ()) = tokio::join!(client.closed(), node.hub.drain(Duration::from_secs(20)));
    assert_eq!(code.unwrap(), CloseReason::Restarting.code());
    assert_eq!(node.hub.metrics().members.get(), 0);
}

/// The node has not heard of the seat yet, which is no reason to turn its owner
/// away for good.
#[tokio::test]
async fn a_node_that_is_behind_asks_the_store_before_it_turns_anybody_away() {
    let store = MemoryBackend::new();
    let behind = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = behind.faults();
    let first = Node::on(Arc::new(store), HubConfig::default()).await;
    let behind = Node::on(Arc::new(behind), HubConfig::default()).await;
    first.make("r").await;
    let _open = behind.json("r").await;
    for _ in 0..3 {
        faults.next_publication(PublicationFault::Delay(Duration::from_secs(3600)));
    }
    let member = first.json("r").await;
    let again = behind.resume("r", &member.hello, member.seq()).await;
    assert_eq!(again.hello["you"], member.hello["you"]);
}

#[tokio::test]
async fn a_seat_given_by_a_commit_that_landed_late_is_freed() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        seat_grace: ms(100),
        command_deadline: ms(200),
        ..HubConfig::default()
    };
    let node = Node::on(Arc::new(backend), config).await;
    node.make("r").await;
    let mut witness = node.json("r").await;
    // Long after the join was given up, on a slow machine too.
    faults.next(Call::Commit, Fault::UnknownThenLate(ms(2000)));
    faults.every(Call::Commit, Fault::Unavailable);
    assert_eq!(node.refusal("r").await, 503);
    // Until then no other commit can forestall it.
    let joined = loop {
        let message = witness.client.next_json().await.unwrap();
        if message["event"]["joined"].is_object() {
            break message["event"]["seq"].clone();
        }
    };
    faults.none();
    loop {
        let message = witness.client.next_json().await.unwrap();
        if message["event"]["left"]["member"] == joined {
            break;
        }
    }
}

/// Nobody is in the room, so this node closes it; the commit would fit until another one
/// has been made at its position.
#[tokio::test]
async fn a_join_that_was_refused_gets_no_seat_from_a_commit_after_the_room_was_closed() {
    let late = ms(2000);
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        command_deadline: ms(200),
        ..HubConfig::default()
    };
    let node = Node::on(Arc::new(backend), config).await;
    node.make("r").await;
    faults.next(Call::Commit, Fault::UnknownThenLate(late));
    // It is decided again, but not answered before its deadline.
    faults.next(Call::Commit, Fault::Hang);
    assert_eq!(node.refusal("r").await, 503);
    node.until_quiet().await;
    // sleep: longer than the commit's delay; nobody is told that it was carried out
    tokio::time::sleep(late + ms(100)).await;
    assert_eq!(node.hub.view("r").await.unwrap().members.len(), 0);
}

/// The store took the member back and the answer was lost: a drain refuses the request, and
/// the seat is kept for the grace, as after any other lost connection.
#[tokio::test]
async fn a_drain_keeps_the_seat_of_one_who_may_have_come_back() {
    let config = HubConfig {
        command_deadline: NEVER,
        ..HubConfig::default()
    };
    let store = MemoryBackend::new();
    let other = Node::on(Arc::new(store.another_node()), config.clone()).await;
    let backend = FaultyBackend::new(Arc::new(store));
    let faults = backend.faults();
    let node = Node::on(Arc::new(backend), config).await;
    node.make("r").await;
    let _witness = other.json("r").await;
    let member = node.json("r").await;
    let (seat, seq) = (member.hello.clone(), member.seq());
    drop(member);
    let is_away = async || other.hub.view("r").await.unwrap().members[1].away;
    until("the member is away", is_away, |away| *away).await;

    faults.next(Call::Commit, Fault::UnknownAfter);
    faults.every(Call::Load, Fault::Unavailable);
    let loads = async || faults.calls(Call::Load);
    let before = loads().await;
    let resume = json!({"resume": {"seat": seat["seat"]}}).to_string();
    let mut client = node.say_first("r", &resume).await;
    until("the commit is answered", loads, |calls| *calls > before).await;
    assert!(!is_away().await);
    let told = async {
        let code = client.closed().await.unwrap();
        assert_eq!(code, CloseReason::Restarting.code());
        faults.none();
    };
    tokio::join!(node.hub.drain(Duration::from_secs(20)), told);
    assert!(is_away().await);
    let back = other.resume("r", &seat, seq).await;
    assert_eq!(back.hello["you"], seat["you"]);
}

#[tokio::test]
async fn a_room_whose_logic_panicked_is_not_counted_for_ever() {
    let config = HubConfig {
        max_rooms: 1,
        room_ttl: ms(300),
        ..HubConfig::default()
    };
    // By the store's clock, which stands still, the room lives until all is said in it.
    let node = Node::on(Arc::new(Hands::new().store()), config).await;
    node.make("r").await;
    let mut member = node.json("r").await;
    member.send(json!({"id": 1, "panic": {}})).await;
    while !matches!(
        member.client.next().await.unwrap(),
        Said::Close(_) | Said::End
    ) {}
    let make = async || {
        let new = "new".parse().unwrap();
        node.hub.create(new, Default::default()).await.map(drop)
    };
    let has_place =
        |made: &Result<_, CreateError>| !matches!(made, Err(CreateError::TooManyRooms { .. }));
    let made = until("the place is free", make, has_place).await;
    assert!(made.is_ok(), "{made:?}");
}

/// Defect 7, for rooms.
#[tokio::test]
async fn many_who_make_rooms_at_once_do_not_make_more_than_allowed() {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let config = HubConfig {
        max_rooms: 3,
        ..HubConfig::default()
    };
    let node = Node::on(Arc::new(backend), config).await;
    faults.every(Call::Create, Fault::Delay(ms(50)));
    let creates = (0..40).map(|number| {
        let id = format!("r{number}").parse().unwrap();
        node.hub.create(id, Default::default())
    });
    let made = futures_util::future::join_all(creates).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 3);
}
