//! Alarms: what a room's logic does by itself when a time has come, with and without members.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;
mod alarms {
    pub(crate) mod egg;
}

use std::sync::Arc;
use std::time::{Duration, Instant};

use alarms::egg::{Egg, Node, SECOND, config, quick, set, stored, until_forgotten, until_rung};
use serde_json::json;
use support::rooms::{code, connect_in_memory};
use support::{Hands, NEVER};
use tablecast::core::backend::Stamp;
use tablecast::core::id::unique;
use tablecast::core::{Backend, Forms, NodeId, RoomId};
use tablecast::hub::{CreateError, RoomSettings};
use tablecast::{Hub, HubConfig, MemoryBackend};
use tablecast_testing::client::Client;
use tablecast_testing::faulty::{Call, Fault, Faults};
use tablecast_testing::{FaultyBackend, until};

/// Members see it as an event that nobody caused.
#[tokio::test]
async fn an_alarm_rings_for_those_who_are_there() {
    let hands = Hands::new();
    let store = hands.store();
    let other = Node::on(store.another_node()).await;
    let node = Node::on(store).await;
    node.make("r").await;
    let mut member = node.join("r").await;
    let mut friend = other.join("r").await;
    // Of the store's clock; the room's task counts the time itself from what it has heard.
    let at = hands.now() + 300;
    set(&mut member, 1, at).await;
    for one in [&mut member, &mut friend] {
        let rang = loop {
            let event = one.event().await;
            if event["change"]["rang"].is_object() {
                break event;
            }
        };
        assert_eq!(rang["by"], json!(null));
        assert_eq!(rang["change"]["rang"]["at"], at);
        assert!(rang["change"]["rang"]["now"].as_u64().unwrap() >= at);
    }
    assert_eq!(node.rang("r").await.len(), 1);
}

/// Nobody has the room open: a node is told by the store.
#[tokio::test]
async fn an_alarm_rings_in_a_room_that_is_open_nowhere() {
    let hands = Hands::new();
    let store = hands.store();
    let (look, other) = (store.another_node(), store.another_node());
    let node = Node::on(store).await;
    node.make("r").await;
    let at = hands.now() + 60_000;
    node.set("r", at).await;
    drop(node);
    let node = Node::on(other).await;
    assert_eq!(stored(&look, "r").await.rang, []);
    hands.pass(60 * SECOND);
    assert_eq!(until_rung(&look, "r", 1).await, [(at, at)]);
    until_forgotten(&look).await;
    node.until_closed().await;
}

/// Three nodes, and each alarm rings once.
#[tokio::test]
async fn an_alarm_rings_once_over_all_nodes() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let nodes = [
        Node::on(store.another_node()).await,
        Node::on(store.another_node()).await,
        Node::on(store).await,
    ];
    let rooms: Vec<String> = (0..40).map(|number| format!("r{number}")).collect();
    let mut members = Vec::new();
    let mut expected = Vec::new();
    for (number, room) in rooms.iter().enumerate() {
        nodes[0].make(room).await;
        let mut member = nodes[number % 3].join(room).await;
        let at = hands.now() + 5000 + number as u64 % 7;
        set(&mut member, 1, at).await;
        set(&mut member, 2, at + 30_000).await;
        expected.push([at, at + 30_000]);
        // Some stay.
        if number % 2 == 0 {
            members.push(member);
        }
    }
    for _ in 0..2 {
        hands.pass(30 * SECOND);
        for room in &rooms {
            until_rung(&look, room, 1).await;
        }
    }
    until_forgotten(&look).await;
    for (room, times) in rooms.iter().zip(expected) {
        let rang = until_rung(&look, room, 2).await;
        let at: Vec<u64> = rang.iter().map(|(at, _)| *at).collect();
        assert_eq!(at, times, "{room}");
        assert!(rang.iter().all(|(at, now)| at <= now));
    }
}

/// Whoever looks at a room, or at its result, sees what the alarm has done, however soon.
#[tokio::test]
async fn a_view_and_a_result_come_after_an_alarm_that_is_due() {
    let hands = Hands::new();
    let backend = FaultyBackend::new(Arc::new(hands.store()));
    let faults = backend.faults();
    let node = Node::with(backend, quick()).await;
    node.until_sure().await;
    // No node is told by the store.
    faults.every(Call::DueAlarms, Fault::Unavailable);
    for room in ["a", "b"] {
        node.make(room).await;
        node.set(room, hands.now() + 1000).await;
    }
    hands.pass(SECOND);
    assert_eq!(node.rang("a").await.len(), 1);
    let kept = node.hub.keepsake("b").await.unwrap();
    assert_eq!(kept.what, "1");
    node.until_closed().await;
}

/// A new room may have an alarm from the beginning.
#[tokio::test]
async fn a_new_room_has_its_alarm() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let node = Node::on(store).await;
    let egg = |at| Egg {
        times: vec![at],
        ..Egg::default()
    };
    let at = hands.now() + 3_600_000;
    let made = node.hub.create("r".parse().unwrap(), egg(at)).await;
    let life = made.unwrap().stamp.expires_at - at;
    assert_eq!(life, config().room_ttl.as_millis() as u64);
    hands.pass(3600 * SECOND);
    assert_eq!(until_rung(&look, "r", 1).await, [(at, at)]);

    let late = hands.now() + config().room_max_age.as_millis() as u64;
    let refused = node.hub.create("s".parse().unwrap(), egg(late)).await;
    assert_eq!(refused, Err(CreateError::TooLate));
}

/// A node that has just started asks the store for the time where it needs it.
#[tokio::test]
async fn a_node_that_has_just_started_asks_for_the_time() {
    let hands = Hands::new();
    let begin = hands.now();
    let late = Egg {
        times: vec![begin + config().room_max_age.as_millis() as u64],
        ..Egg::default()
    };
    // None of the hub's own tasks has run yet.
    let start = || Hub::<Egg>::start(Arc::new(hands.store()), config());
    let refused = start().create("r".parse().unwrap(), late).await;
    assert_eq!(refused, Err(CreateError::TooLate));
    assert_eq!(start().now().await, Ok(begin));

    let store = FaultyBackend::new(Arc::new(hands.store()));
    store.faults().down("it was switched off");
    let hub = Hub::<Egg>::start(Arc::new(store), config());
    let why = hub.now().await.unwrap_err().to_string();
    assert!(why.contains("it was switched off"), "{why}");
}

/// A room lives a lifetime beyond its alarm, and what its maximum age does not allow is refused.
#[tokio::test]
async fn a_room_lives_beyond_its_alarm_or_the_alarm_is_refused() {
    let hands = Hands::new();
    let store = hands.store();
    let node = Node::on(store).await;
    node.make("r").await;
    let begin = hands.now();
    let (ttl, max_age) = (config().room_ttl, config().room_max_age);
    let end = |life: Duration| begin + life.as_millis() as u64;
    // The store's clock stands still. The node's goes on from what it heard last, so to it the alarm
    // is nearer by the time that has passed.
    let real = Instant::now();
    let lives = |stamp: Stamp, life: Duration| {
        let passed = real.elapsed().as_millis() as u64 + 1;
        let range = end(life) - passed..=end(life);
        assert!(range.contains(&stamp.expires_at), "{stamp:?}, {range:?}");
    };
    let mut member = node.join("r").await;
    set(&mut member, 1, end(3 * 3600 * SECOND)).await;
    let stamp = node.hub.view("r").await.unwrap().stamp;
    lives(stamp, 3 * 3600 * SECOND + ttl);

    // At least a minute must be left of it.
    let minute = 60 * SECOND;
    for (at, life) in [(2 * 3600 * SECOND, None), (max_age - minute, Some(max_age))] {
        let room = format!("r{}", at.as_secs());
        node.make(&room).await;
        let mut member = node.join(&room).await;
        let late = end(max_age - minute) + 1;
        let answer = member.ask(json!({"id": 1, "set": {"at": late}})).await;
        assert_eq!(code(&answer), "too_late");
        set(&mut member, 2, end(at)).await;
        let stamp = node.hub.view(&room).await.unwrap().stamp;
        lives(stamp, life.unwrap_or(at + ttl));
        let app = node.hub.view(&room).await.unwrap().app;
        assert_eq!(app.times, [end(at)]);
    }

    // A room that is to live as long as it may can have alarms, too.
    let settings = RoomSettings { ttl: Some(max_age) };
    let id: RoomId = "long".parse().unwrap();
    let made = node.hub.create_with(id, Egg::default(), settings).await;
    made.unwrap();
    let mut member = node.join("long").await;
    set(&mut member, 1, end(3600 * SECOND)).await;
}

/// What a refused command would have done is not to be seen, and what was decided with it stays.
#[tokio::test]
async fn of_a_command_that_is_refused_as_too_late_nothing_is_left() {
    let hands = Hands::new();
    let backend = FaultyBackend::new(Arc::new(hands.store()));
    let faults = backend.faults();
    let config = HubConfig {
        command_deadline: NEVER,
        ..config()
    };
    let node = Node::with(backend, config).await;
    node.make("r").await;
    let mut member = node.join("r").await;
    // While this one waits for the store, the others gather behind it.
    faults.next(Call::Commit, Fault::Delay(SECOND));
    let at = |second: u64| hands.now() + 1000 * second;
    for message in [
        json!({"id": 1, "set": {"at": at(100)}}),
        json!({"id": 2, "set": {"at": at(200)}}),
        json!({"id": 3, "only": {"at": at(100_000)}}),
        json!({"id": 4, "set": {"at": at(300)}}),
    ] {
        member.send(message).await;
    }
    let mut refused = Vec::new();
    loop {
        let message = member.next().await;
        refused.extend(message["error"]["id"].as_u64());
        if message["ack"]["id"] == 4 {
            break;
        }
    }
    assert_eq!(refused, [3]);
    let app = node.hub.view("r").await.unwrap().app;
    assert_eq!(app.times, [at(100), at(200), at(300)]);
}

/// Outcomes that nobody knows, conflicts, nodes that come too late: each alarm rings once.
#[tokio::test]
async fn whatever_goes_wrong_an_alarm_rings_once() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let mut nodes = Vec::new();
    let mut all = Vec::new();
    for _ in 0..3 {
        let backend = FaultyBackend::new(Arc::new(store.another_node()));
        all.push(backend.faults());
        nodes.push(Node::with(backend, quick()).await);
    }
    for node in &nodes {
        node.until_sure().await;
    }
    nodes[0].make("r").await;
    let mut times = Vec::new();
    for round in 1..=12_u64 {
        let at = hands.now() + 1000;
        times.push(at);
        let node = &nodes[round as usize % 3];
        let join = async || node.try_join("r").await;
        let joined = until("somebody has joined", join, Option::is_some).await;
        let mut member = joined.unwrap();
        set(&mut member, 1, at).await;
        if round % 2 == 0 {
            member.client.send_close(1000).await.unwrap();
        }
        for (number, faults) in all.iter().enumerate() {
            let fault = match (round as usize + number) % 4 {
                0 => Fault::UnknownAfter,
                1 => Fault::UnknownBefore,
                2 => Fault::UnknownThenLate(Duration::from_millis(100)),
                _ => Fault::HangAfter,
            };
            faults.next(Call::Commit, fault);
        }
        hands.pass(SECOND);
        until_rung(&look, "r", times.len()).await;
        all.iter().for_each(Faults::none);
    }
    until_forgotten(&look).await;
    let rang = stored(&look, "r").await.rang;
    let at: Vec<u64> = rang.iter().map(|(at, _)| *at).collect();
    assert_eq!(at, times);
}

/// The node that is to ring dies at that moment, with all of its connections.
#[tokio::test]
async fn an_alarm_rings_although_its_node_dies_at_that_moment() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let (one, two) = (store.another_node(), store.another_node());
    let others = [Node::on(one).await, Node::on(two).await];
    let at = hands.now() + 5000;
    // A runtime of its own: nothing of it runs on when it is dropped.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let member = runtime
        .spawn(async move {
            let node = Node::on(store).await;
            node.make("r").await;
            let mut member = node.join("r").await;
            set(&mut member, 1, at).await;
            (node, member)
        })
        .await
        .unwrap();
    hands.pass(5 * SECOND);
    runtime.shutdown_background();
    drop(member);
    assert_eq!(until_rung(&look, "r", 1).await, [(at, at)]);
    until_forgotten(&look).await;
    drop(others);
    assert_eq!(stored(&look, "r").await.rang.len(), 1);
}

/// A logic whose alarm does not go on is not asked again and again at once, with or without
/// members, and others ring meanwhile.
#[tokio::test]
async fn an_alarm_that_does_not_go_on_spins_nowhere() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let node = Node::on(store).await;
    let broken = ["a", "b"];
    for room in broken {
        node.make(room).await;
        let mut member = node.join(room).await;
        member.ask(json!({"id": 1, "break": {}})).await;
        set(&mut member, 2, hands.now() + 1000).await;
        if room == "a" {
            // Somebody stays.
            tokio::spawn(async move { while member.client.next_text().await.is_ok() {} });
        }
    }
    node.make("c").await;
    let at = hands.now() + 2000;
    let mut member = node.join("c").await;
    set(&mut member, 1, at).await;
    hands.pass(2 * SECOND);
    for room in broken {
        until_rung(&look, room, 2).await;
    }
    assert_eq!(until_rung(&look, "c", 1).await.len(), 1);
    for room in broken {
        let rang = stored(&look, room).await.rang.len();
        assert!(rang < 40, "{room} rang {rang} times");
    }
}

/// What an older node could not read is not made: the alarm waits for the end of that node.
#[tokio::test]
async fn an_alarm_waits_until_all_nodes_read_what_it_does() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let node = Node::with(store, quick()).await;
    for room in ["r", "s"] {
        node.make(room).await;
    }
    let mut member = node.join("r").await;
    let old: NodeId = "old".parse().unwrap();
    look.renew(&old, Forms::FIRST, NEVER).await.unwrap();
    let egg = Egg {
        times: vec![u64::MAX / 2],
        ..Egg::default()
    };
    let make = async || {
        let id = format!("t{}", unique()).parse().unwrap();
        node.hub.create(id, egg.clone()).await
    };
    let is_known = |made: &Result<_, _>| matches!(made, Err(CreateError::NotYet));
    let refused = until("the older node is known", make, is_known).await;
    assert_eq!(refused.unwrap_err(), CreateError::NotYet);
    let at = hands.now() + 1000;
    set(&mut member, 1, at).await;
    let mut other = node.join("s").await;
    set(&mut other, 1, at).await;
    other.client.send_close(1000).await.unwrap();
    hands.pass(SECOND);
    for room in ["r", "s"] {
        // Whoever looks has it tried, in vain.
        assert_eq!(node.rang(room).await, []);
    }
    look.release(&old).await.unwrap();
    for room in ["r", "s"] {
        assert_eq!(until_rung(&look, room, 1).await.len(), 1);
    }
}

/// The hint of a room that is not there any more is forgotten.
#[tokio::test]
async fn a_hint_that_leads_nowhere_is_forgotten() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let node = Node::on(store.another_node()).await;
    node.make("r").await;
    let mut member = node.join("r").await;
    set(&mut member, 1, hands.now() + 1000).await;
    drop(member);
    drop(node);
    // Nothing of the room is left, but its hint.
    hands.pass(2 * config().room_max_age);
    assert_eq!(look.due_alarms(9).await.unwrap().hints.len(), 1);
    let _node = Node::on(store).await;
    until_forgotten(&look).await;
}

/// Who puts an alarm off again and again does not fill the store with hints.
#[tokio::test]
async fn of_an_alarm_that_is_put_off_again_and_again_one_hint_stays() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let node = Node::on(store).await;
    node.make("r").await;
    let mut member = node.join("r").await;
    let at = hands.now() + 60_000;
    // The last time is said twice: after the answer all before it is done.
    for id in 1..=20 {
        let only = json!({"id": id, "only": {"at": at + id.min(19)}});
        assert_eq!(member.ask(only).await["ack"]["id"], id);
    }
    hands.pass(100 * SECOND);
    let hints = look.due_alarms(100).await.unwrap().hints;
    assert_eq!(hints.len(), 1, "{hints:?}");
    assert_eq!(hints[0].at, at + 19);
}

/// Nor does who opens the room again and again: each node that opens it notes the alarm.
#[tokio::test]
async fn of_a_room_that_is_opened_again_and_again_one_hint_stays() {
    let hands = Hands::new();
    let store = hands.store();
    let look = store.another_node();
    let node = Node::on(store).await;
    node.make("r").await;
    let at = hands.now() + 60_000;
    node.set("r", at).await;
    for _ in 0..5 {
        let mut member = node.join("r").await;
        member.client.send_close(1000).await.unwrap();
        member.client.ended().await.unwrap();
        node.until_closed().await;
    }
    drop(node);
    hands.pass(100 * SECOND);
    let hints = look.due_alarms(100).await.unwrap().hints;
    assert_eq!(hints.len(), 1, "{hints:?}");
}

/// Enters a room through memory, without the network, so that time can stand still meanwhile.
async fn enter(hub: &Hub<Egg>, room: &str) -> Client {
    let mut client = Client::over(connect_in_memory(hub, room).await);
    client.set_deadline(NEVER);
    client.send_text(r#"{"join":{}}"#).await.unwrap();
    assert!(client.next_json().await.unwrap()["hello"].is_object());
    client
}

/// A room that is open rings by itself and at the time, between two looks at the store.
#[tokio::test(start_paused = true)]
async fn an_open_room_rings_at_its_time() {
    let begin = tokio::time::Instant::now();
    let clock = move || 1_000_000 + begin.elapsed().as_millis() as u64;
    let store = MemoryBackend::with_clock(clock);
    let look = store.another_node();
    let hub: Hub<Egg> = Hub::start(Arc::new(store), config());
    let times = [1_005_500, 1_005_501, 1_090_600];
    let egg = Egg {
        times: times.to_vec(),
        ..Egg::default()
    };
    hub.create("r".parse().unwrap(), egg).await.unwrap();
    let mut member = enter(&hub, "r").await;
    let mut events = 0;
    while events < times.len() {
        events += usize::from(member.next_json().await.unwrap()["event"].is_object());
    }
    for ((at, now), time) in stored(&look, "r").await.rang.into_iter().zip(times) {
        assert_eq!(at, time);
        assert!(
            (time..time + 5).contains(&now),
            "at {now} and not at {time}"
        );
    }
}
