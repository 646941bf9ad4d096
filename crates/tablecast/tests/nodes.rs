//! Several nodes on one store: one order for all, one count of the seats, and what
//! becomes of a node that starts or dies.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tablecast::core::limits::Rate;
use tablecast::core::{Backend, CloseReason};
use tablecast::hub::RoomSettings;
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::FaultyBackend;
use tablecast_testing::client::{ClientError, Said};

use support::Hands;
use support::rooms::Node;

fn no_rate() -> HubConfig {
    HubConfig {
        command_rate: Rate::OFF,
        ..HubConfig::default()
    }
}

/// Defect 7 and hostile input 75.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_joins_at_once_on_two_nodes_fill_exactly_ten_seats() {
    let store = MemoryBackend::new();
    let other = Arc::new(store.another_node());
    let one = Arc::new(Node::on(Arc::new(store), no_rate()).await);
    let two = Arc::new(Node::on(other, no_rate()).await);
    one.make("r").await;
    let joins: Vec<_> = (0..50)
        .map(|number| {
            let node = [&one, &two][number % 2].clone();
            tokio::spawn(async move {
                if number % 3 == 0 {
                    let mut client = node.say_first("r", r#"{"join":{}}"#).await;
                    match client.next().await.unwrap() {
                        Said::Text(_) => Ok(client),
                        Said::Close(code) => Err(code.unwrap()),
                        other => panic!("{other:?}"),
                    }
                } else {
                    node.try_text("r").await.map_err(|error| match error {
                        ClientError::Refused { status, .. } => status,
                        other => panic!("{other}"),
                    })
                }
            })
        })
        .collect();
    let mut seated = Vec::new();
    for join in joins {
        match join.await.unwrap() {
            Ok(client) => seated.push(client),
            Err(code) => assert!(
                [403, CloseReason::RoomFull.code()].contains(&code),
                "{code}"
            ),
        }
    }
    assert_eq!(seated.len(), 10);
    assert_eq!(one.hub.view("r").await.unwrap().members.len(), 10);
    // Who speaks JSON and just drops would keep the seat, and the room open, for a while.
    for mut client in seated {
        client.send_close(1000).await.unwrap();
        client.ended().await.unwrap();
    }
    two.until_quiet().await;
}

/// A node's own setting is for the rooms that it makes; so all nodes agree about each.
#[tokio::test]
async fn a_room_lives_for_its_own_time_on_whichever_node_something_happens() {
    let minutes = |minutes| Duration::from_secs(60 * minutes);
    let config = |ttl| HubConfig {
        room_ttl: minutes(ttl),
        room_max_age: minutes(90),
        ..no_rate()
    };
    // Time stands still, so that a life can be told to the millisecond.
    let hands = Hands::new();
    let store = hands.store();
    let other = Arc::new(store.another_node());
    let one = Node::on(Arc::new(store), config(1)).await;
    let two = Node::on(other, config(2)).await;
    for (room, asked, lives) in [
        ("default", None, 1),
        ("longer", Some(minutes(30)), 30),
        ("too-long", Some(minutes(600)), 90),
    ] {
        let settings = RoomSettings { ttl: asked };
        let id = room.parse().unwrap();
        let made = one.hub.create_with(id, Default::default(), settings).await;
        let made = made.unwrap();
        assert_eq!(made.ttl, minutes(lives), "{room}");
        let lives = 60_000 * lives;
        let expires_at = hands.now() + lives;
        assert_eq!(made.stamp.expires_at, expires_at, "{room}");
        let mut member = two.json(room).await;
        assert_eq!(member.hello["ttl_ms"], lives, "{room}");
        member.send(json!({"id": 1, "add": {"item": "x"}})).await;
        let event = member.event().await;
        assert_eq!(event["expires_at"], expires_at, "{room}");
        let view = two.hub.view(room).await.unwrap();
        assert_eq!(view.ttl.as_millis(), u128::from(lives), "{room}");
    }
}

/// Defects 8, 9, 10 and 14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_on_two_nodes_lose_nothing_and_all_members_see_one_order() {
    // All of it is less than the log holds: a node that is further behind is sent
    // the state, and so are its members, in place of the events.
    const EACH: usize = 40;
    let store = MemoryBackend::new();
    let other = Arc::new(store.another_node());
    let mut config = no_rate();
    config.connection.outbox.bytes = usize::MAX;
    let one = Node::on(Arc::new(store), config.clone()).await;
    let two = Node::on(other, config).await;
    one.make("r").await;
    let mut watcher = two.text("r").await;
    let mut members = Vec::new();
    for who in 0..6 {
        members.push([&one, &two][who % 2].json("r").await);
    }
    let mut writers = Vec::new();
    for (who, mut member) in members.into_iter().enumerate() {
        let known = member.seq();
        writers.push(tokio::spawn(async move {
            for id in 1..=EACH {
                member
                    .send(json!({"id": id, "add": {"item": format!("{who}-{id}")}}))
                    .await;
            }
            // Every later event, without a gap and in order.
            let (mut seq, mut seen, mut acks) = (known, Vec::new(), 0);
            while seen.len() < 6 * EACH || acks < EACH {
                let message = member.next().await;
                if message["ack"].is_object() {
                    acks += 1;
                } else {
                    let event = &message["event"];
                    seq += 1;
                    assert_eq!(event["seq"], seq, "{message}");
                    if let Some(item) = event["change"]["added"]["item"].as_str() {
                        seen.push(item.to_owned());
                    }
                }
            }
            (member, seen)
        }));
    }
    let mut orders = Vec::new();
    for writer in writers {
        orders.push(writer.await.unwrap());
    }
    let stored = one.items("r").await;
    assert_eq!(stored.len(), 6 * EACH, "nothing is lost");
    assert!(
        orders.iter().all(|(_, order)| *order == stored),
        "one order for all"
    );
    // The watcher, who never said a word, saw every state once.
    for count in 1..=6 * EACH {
        let state: Vec<String> = serde_json::from_str(&watcher.next_text().await.unwrap()).unwrap();
        assert_eq!(state, stored[..count]);
    }
}

/// Defect 13.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_during_writes_gets_the_state_and_everything_after_it() {
    const WRITES: usize = 400;
    let store = MemoryBackend::new();
    let other = Arc::new(store.another_node());
    // Who leaves may have the seat a moment longer than the next one needs.
    let config = HubConfig {
        seats: 10_000,
        ..no_rate()
    };
    let one = Node::on(Arc::new(store), config.clone()).await;
    let two = Node::on(other, config).await;
    one.make("r").await;
    let mut writer = one.json("r").await;
    let writing = tokio::spawn(async move {
        for id in 1..=WRITES {
            let answer = writer
                .ask(json!({"id": id, "add": {"item": id.to_string()}}))
                .await;
            assert!(answer["ack"].is_object(), "{answer}");
        }
        writer
    });
    let mut round = 0;
    while !writing.is_finished() {
        round += 1;
        let mut joiner = [&one, &two][round % 2].json("r").await;
        let mut items = joiner.hello["state"].as_array().unwrap().len();
        let mut seq = joiner.seq();
        let mut heard = 0;
        while heard < 5 && items < WRITES {
            let message = joiner.next().await;
            let (event, snapshot) = (&message["event"], &message["snapshot"]);
            if event.is_object() {
                heard += 1;
                seq += 1;
                assert_eq!(event["seq"], seq);
                if let Some(item) = event["change"]["added"]["item"].as_str() {
                    items += 1;
                    assert_eq!(item, items.to_string(), "neither missed nor twice");
                }
            } else if snapshot.is_object() {
                // Its node stood still while more happened than the log holds.
                seq = snapshot["seq"].as_u64().unwrap();
                items = snapshot["state"].as_array().unwrap().len();
            }
        }
        joiner.client.send_close(1000).await.unwrap();
        // Going with events unread would be a reset, which can overtake the goodbye.
        joiner.client.ended().await.unwrap();
    }
    let writer = writing.await.unwrap();
    one.until_seats("r", 1).await;
    drop(writer);
}

/// Nobody has to know what the others have stored: whichever commit passes a multiple of
/// the interval has the snapshot, and no other.
#[tokio::test]
async fn nodes_take_turns_with_the_snapshots_of_a_room_in_which_both_write() {
    let store = Arc::new(MemoryBackend::new());
    let other = Arc::new(store.another_node());
    let one = Node::on(store.clone(), no_rate()).await;
    let two = Node::on(other, no_rate()).await;
    one.make("r").await;
    let mut members = [one.json("r").await, two.json("r").await];
    let (room, interval) = ("r".parse().unwrap(), store.snapshot_interval() as u64);
    for id in 1..=interval {
        for member in &mut members {
            let answer = member.ask(json!({"id": id, "add": {"item": "x"}})).await;
            let seq = answer["ack"]["seq"].as_u64().unwrap();
            let stored = store.load(&room, None).await.unwrap().unwrap();
            assert_eq!(stored.position.seq, seq);
            assert_eq!(stored.snapshot.unwrap().seq, seq - seq % interval);
        }
    }
}

/// Defect 32.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rooms_open_on_the_same_nodes_never_see_each_others_words() {
    const EACH: usize = 50;
    let store = MemoryBackend::new();
    let other = Arc::new(store.another_node());
    let one = Node::on(Arc::new(store), no_rate()).await;
    let two = Node::on(other, no_rate()).await;
    let mut talking = Vec::new();
    for room in ["a", "b", "c", "d"] {
        one.make(room).await;
        // Each room's only word is its own name.
        let mut text = one.text(room).await;
        let mut json = two.json(room).await;
        talking.push(tokio::spawn(async move {
            for _ in 0..EACH {
                text.send_text(&format!("add:{room}")).await.unwrap();
            }
            for seen in 1..=2 * EACH {
                let state = text.next_json().await.unwrap();
                assert_eq!(state, json!(vec![room; seen]));
            }
            text
        }));
        talking.push(tokio::spawn(async move {
            for id in 1..=EACH {
                json.send(json!({"id": id, "add": {"item": room}})).await;
            }
            let mut seen = 0;
            while seen < 2 * EACH {
                let event = json.event().await;
                if event["change"].is_object() {
                    assert_eq!(event["change"]["added"]["item"], room);
                    seen += 1;
                }
            }
            json.client
        }));
    }
    for one in talking {
        one.await.unwrap();
    }
}

/// The list of nodes that live is a few seconds old, so a node that started since
/// is not on it.
#[tokio::test]
async fn members_on_a_node_that_has_just_started_are_not_taken_for_dead() {
    let lease = Duration::from_millis(400);
    let config = HubConfig {
        node_lease: lease,
        ..no_rate()
    };
    // Its clock stands still: no lease ends, so whoever is not on the list started since.
    let store = Hands::new().store();
    let other = Arc::new(store.another_node());
    let one = Node::on(Arc::new(store), config.clone()).await;
    one.make("r").await;
    // sleep: a node believes in leases only after one has passed; nothing shows when
    tokio::time::sleep(lease * 2).await;
    for round in 0..4 {
        let two = Node::on(
            Arc::new(MemoryBackend::another_node(&other)),
            config.clone(),
        )
        .await;
        let mut member = two.json("r").await;
        let witness = one.text("r").await;
        let answer = member.ask(json!({"id": 1, "add": {"item": "x"}})).await;
        assert!(answer["ack"].is_object(), "round {round}: {answer}");
        drop(witness);
        member.client.send_close(1000).await.unwrap();
        // sleep: the next node starts at another moment between two renewals
        tokio::time::sleep(lease / 7).await;
    }
}

/// Nobody said that they left, so only the lease tells.
#[tokio::test]
async fn the_members_of_a_node_that_died_leave_when_its_lease_ends() {
    let lease = Duration::from_millis(400);
    let config = HubConfig {
        node_lease: lease,
        // A runtime that is shut down may still manage to say that they dropped.
        seat_grace: lease,
        ..no_rate()
    };
    // Its clock stands still, so that a slow machine ends no lease before its time.
    let hands = Hands::new();
    let store = hands.store();
    let other = Arc::new(store.another_node());
    let one = Node::on(Arc::new(store), config.clone()).await;
    one.make("r").await;
    let mut witness = one.json("r").await;
    // Another runtime, which ends without a word to anybody.
    let dead = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let member = runtime.block_on(async {
            let two = Node::on(other, config).await;
            let member = two.json("r").await;
            std::mem::forget(member.client);
            std::mem::forget(two);
            member.hello["you"].clone()
        });
        // After this none of its tasks renews the lease any more.
        runtime.shutdown_timeout(Duration::from_secs(20));
        member
    });
    let joined = witness.event().await;
    let member = dead.join().unwrap();
    assert_eq!(joined["joined"]["member"], member);
    hands.pass(lease);
    loop {
        let event = witness.event().await;
        if event["left"]["member"] == member {
            break;
        }
    }
}

/// It was paused, or cut off from the store; for the others it was dead.
#[tokio::test]
async fn a_node_that_was_away_for_longer_than_its_lease_tells_its_members_that_they_left() {
    let lease = Duration::from_millis(400);
    let config = HubConfig {
        node_lease: lease,
        ..no_rate()
    };
    let hands = Hands::new();
    let store = hands.store();
    let backend = FaultyBackend::new(Arc::new(store.another_node()));
    let faults = backend.faults();
    let one = Node::on(Arc::new(store), config.clone()).await;
    let two = Node::on(Arc::new(backend), config).await;
    one.make("r").await;
    let mut witness = one.json("r").await;
    let mut member = two.json("r").await;
    let you = member.hello["you"].clone();
    assert_eq!(witness.event().await["joined"]["member"], you);
    faults.down("as the test asked");
    // The other one renews its lease soon, and is back on time.
    hands.pass(lease);
    assert_eq!(witness.event().await["left"]["member"], you);
    faults.up();
    assert_eq!(
        member.client.closed().await.unwrap(),
        CloseReason::BadSeat.code()
    );
    one.until_seats("r", 1).await;
}
