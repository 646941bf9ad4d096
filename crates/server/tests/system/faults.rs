//! Things break under load, and afterwards nothing acknowledged is missing.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tablecast_testing::FaultyProxy;
use tablecast_testing::redis::{RedisCluster, RedisServer};
use tablecast_testing::until;
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;

use crate::harness::{Ended, IMPATIENT, Member, Node};
use crate::history::{Client, Nodes, check, client, menu};
use crate::nodes::UNLIMITED;

const DURABLE: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "always"];

/// Clients on several nodes who write without a pause.
struct Load {
    nodes: Nodes,
    room: String,
    stop: watch::Sender<bool>,
    clients: Vec<JoinHandle<Client>>,
}

impl Load {
    async fn start(store: &str, nodes: usize) -> Load {
        let options = [&UNLIMITED[..], &IMPATIENT].concat();
        let nodes: Vec<Node> = (0..nodes).map(|_| Node::start(store, &options)).collect();
        let room = nodes[0].make_room().await;
        let nodes = Arc::new(RwLock::new(nodes));
        let (stop, stopped) = watch::channel(false);
        let clients = (0..6)
            .map(|at| client(&nodes, &room, at, &stopped))
            .collect();
        let load = Load {
            nodes,
            room,
            stop,
            clients,
        };
        load.goes_on(20).await;
        load
    }

    async fn items(&self) -> usize {
        let nodes = self.nodes.read().await;
        let reply = nodes[0]
            .http("GET", &format!("/session/{}/", self.room))
            .await;
        let view: serde_json::Value = serde_json::from_str(&reply.body).unwrap_or_default();
        view["state"]["items"].as_array().map_or(0, Vec::len)
    }

    /// Waits until this many more items are there.
    async fn goes_on(&self, more: usize) {
        let from = self.items().await;
        let items = async || self.items().await;
        let are_more = |items: &usize| *items >= from + more;
        until("the load goes on", items, are_more).await;
    }

    /// Ends the load and checks the whole history.
    async fn check(self) {
        self.stop.send(true).unwrap();
        let mut clients = Vec::new();
        for client in self.clients {
            clients.push(client.await.unwrap());
        }
        let nodes = self.nodes.read().await;
        let last = menu(&nodes[0], &self.room).await;
        for node in &*nodes {
            assert_eq!(menu(node, &self.room).await, last);
        }
        check(&clients, &last);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_without_faults_has_a_sound_history() {
    let redis = RedisServer::start(&[]);
    let load = Load::start(&redis.url(), 3).await;
    load.goes_on(200).await;
    load.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_on_a_cluster_has_a_sound_history_though_subscriptions_are_killed() {
    let cluster = RedisCluster::start();
    let load = Load::start(&cluster.url(), 2).await;
    for _ in 0..3 {
        for server in cluster.nodes() {
            server.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        }
        load.goes_on(20).await;
    }
    load.check().await;
}

/// Defect 24.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_redis_is_killed_and_starts_again() {
    let mut redis = RedisServer::start(&DURABLE);
    let load = Load::start(&redis.url(), 2).await;
    for _ in 0..2 {
        redis.kill9();
        redis.restart();
        load.goes_on(20).await;
    }
    load.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_subscriptions_are_killed() {
    let redis = RedisServer::start(&[]);
    let load = Load::start(&redis.url(), 2).await;
    for _ in 0..5 {
        redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        load.goes_on(10).await;
    }
    load.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_all_redis_connections_are_killed() {
    let redis = RedisServer::start(&[]);
    let load = Load::start(&redis.url(), 2).await;
    for _ in 0..5 {
        redis.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
        redis.cli(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        load.goes_on(10).await;
    }
    load.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_a_node_is_killed() {
    let redis = RedisServer::start(&[]);
    let load = Load::start(&redis.url(), 3).await;
    let mut killed = load.nodes.write().await.pop().unwrap();
    killed.kill9();
    load.goes_on(50).await;
    load.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_paused_acknowledges_nothing_stale() {
    let redis = RedisServer::start(&[]);
    let load = Load::start(&redis.url(), 2).await;
    {
        let nodes = load.nodes.read().await;
        nodes[1].pause();
        // sleep: how long the node is paused; shorter than its lease
        tokio::time::sleep(Duration::from_secs(5)).await;
        nodes[1].resume();
    }
    load.goes_on(20).await;
    load.check().await;
}

/// A dish is removed and another one added on the other node while this one stands still.
/// What it hears first when it goes on, the votes or the changes, is chance; in the last
/// round it does not hear of the changes at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_has_just_woken_answers_nothing_from_before() {
    const ROUNDS: u64 = 20;
    let redis = RedisServer::start(&[]);
    let other = Node::start(&redis.url(), &UNLIMITED);
    let proxy = FaultyProxy::start(redis.port()).await;
    let through = format!("redis://127.0.0.1:{}", proxy.port());
    let sleeper = Node::start(&through, &UNLIMITED);
    let room = other.make_room().await;
    let (mut b, _) = Member::join_json(&other, &room).await;
    let (mut a, _) = Member::join_json(&sleeper, &room).await;
    let vote = |id: u64, dish: &str| json!({"id": id, "vote": {"item": dish, "on": true}});
    for round in 1..=ROUNDS {
        let (old, new) = (format!("old {round}"), format!("new {round}"));
        ask(&mut b, &json!({"id": 3 * round, "add": {"item": old}})).await;
        let voted = ask(&mut a, &vote(3 * round, &old)).await;
        assert!(voted["ack"].is_object(), "{voted}");

        sleeper.pause();
        if round == ROUNDS {
            proxy.swallow("SUBSCRIBE");
        }
        let removed = ask(
            &mut b,
            &json!({"id": 3 * round + 1, "remove": {"item": old}}),
        )
        .await;
        let added = ask(&mut b, &json!({"id": 3 * round + 2, "add": {"item": new}})).await;
        assert!(removed["ack"].is_object() && added["ack"].is_object());
        for (id, dish) in [(3 * round + 1, &old), (3 * round + 2, &new)] {
            a.say(&vote(id, dish).to_string()).await;
        }
        sleeper.resume();
        let answer = answer(&mut a, 3 * round + 1).await;
        assert_eq!(
            answer["error"]["code"], "not_found",
            "round {round}: {answer}"
        );
        let answer = self::answer(&mut a, 3 * round + 2).await;
        let seq = answer["ack"]["seq"].as_u64();
        assert!(
            seq > added["ack"]["seq"].as_u64(),
            "round {round}: {answer}"
        );
    }
}

/// Says a command and reads up to its answer.
async fn ask(member: &mut Member, command: &Value) -> Value {
    member.say(&command.to_string()).await;
    answer(member, command["id"].as_u64().unwrap()).await
}

/// The ack or the error of a command.
async fn answer(member: &mut Member, id: u64) -> Value {
    loop {
        let message = member.json().await;
        if message["ack"]["id"] == id || message["error"]["id"] == id {
            return message;
        }
    }
}

/// For the others it is dead, and its members have left. What one of them said
/// meanwhile must not be acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_was_paused_for_longer_than_its_lease_finds_the_seats_gone() {
    let redis = RedisServer::start(&[]);
    let stays = Node::start(&redis.url(), &[]);
    let pauses = Node::start(&redis.url(), &IMPATIENT);
    let room = stays.make_room().await;
    let (mut witness, _) = Member::join_json(&stays, &room).await;
    let (mut member, hello) = Member::join_json(&pauses, &room).await;
    assert_eq!(
        witness.json_with("event").await["joined"]["member"],
        hello["you"]
    );
    pauses.pause();
    member.say(r#"{"id":1,"add":{"item":"stale"}}"#).await;
    let left = witness.json_with("event").await;
    assert_eq!(left["left"]["member"], hello["you"], "{left}");
    pauses.resume();
    let ended = loop {
        match member.hear().await {
            Ok(text) => assert!(!text.contains("\"ack\""), "{text}"),
            Err(ended) => break ended,
        }
    };
    assert_eq!(ended, Ended::Closed(4401));
    assert!(menu(&stays, &room).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_loses_nothing() {
    let redis = RedisServer::start(&[]);
    let load = Load::start(&redis.url(), 3).await;
    for _ in 0..3 {
        let mut old = {
            let mut nodes = load.nodes.write().await;
            nodes.push(Node::start(&redis.url(), &UNLIMITED));
            nodes.remove(0)
        };
        old.signal("-TERM");
        assert_eq!(old.exit_code().await, Some(0), "{}", old.log());
        load.goes_on(20).await;
    }
    load.check().await;
}

/// Members stay, are told, and are answered; the load balancer is told too; and
/// all of it goes on by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_paused_redis_is_told_to_everybody_and_heals_by_itself() {
    let redis = RedisServer::start(&[]);
    let node = Node::start(&redis.url(), &IMPATIENT);
    let room = node.make_room().await;
    let (mut program, _) = Member::join_json(&node, &room).await;
    let (mut text, _) = Member::join(&node, &room).await;
    node.is_ready().await;

    redis.pause();
    text.say("add:pizza").await;
    assert_eq!(text.json().await["error"]["code"], "unavailable");
    assert_eq!(program.json_with("status").await["store"], "down");
    let ready = async || node.http("GET", "/readyz").await;
    until("it is not ready", ready, |reply| reply.status == 503).await;
    assert_eq!(node.http("GET", "/healthz").await.status, 200);
    assert_eq!(node.http("POST", "/session/").await.status, 503);

    redis.resume();
    assert_eq!(program.json_with("status").await["store"], "up");
    node.is_ready().await;
    program.say(r#"{"id":1,"add":{"item":"sushi"}}"#).await;
    program.json_with("ack").await;
    // Whether the pizza came through is unknown to its sender, but not to the room.
    let mut seen = text.menu().await;
    while seen.last().is_none_or(|item| item != "sushi") {
        seen = text.menu().await;
    }
    assert_eq!(seen, menu(&node, &room).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_ends_its_rooms_and_no_other() {
    let redis = RedisServer::start(&[]);
    let node = Node::start(&redis.url(), &[]);
    let room = node.make_room().await;
    let (mut member, _) = Member::join(&node, &room).await;
    redis.cli(&["FLUSHALL"]);
    member.say("add:pizza").await;
    assert_eq!(member.end().await, Ended::Closed(4410));
    let room = node.make_room().await;
    let (mut member, _) = Member::join(&node, &room).await;
    member.say("add:pizza").await;
    assert_eq!(member.menu().await, ["pizza"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seats_of_a_killed_node_are_freed_by_an_event() {
    let redis = RedisServer::start(&[]);
    let stays = Node::start(&redis.url(), &["--seats", "2"]);
    let mut dies = Node::start(&redis.url(), &["--seats", "2"]);
    let room = stays.make_room().await;
    // Leases can be believed once a node has been up for as long as one.
    let (mut witness, _) = Member::join_json(&stays, &room).await;
    let (_gone, hello) = Member::join_json(&dies, &room).await;
    assert_eq!(
        witness.json_with("event").await["joined"]["member"],
        hello["you"]
    );
    assert_eq!(Member::try_join(&stays, &room).await.err(), Some(403));
    dies.kill9();
    let left = witness.json_with("event").await;
    assert_eq!(left["left"]["member"], hello["you"], "{left}");
    assert!(Member::try_join(&stays, &room).await.is_ok());
}

/// A client that is cut off between its command and the answer, and says it
/// again: applied once.
#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_sent_again_after_a_cut_is_applied_once() {
    let redis = RedisServer::start(&[]);
    let nodes: Vec<Node> = (0..2)
        .map(|_| Node::start(&redis.url(), &UNLIMITED))
        .collect();
    let room = nodes[0].make_room().await;
    let (mut member, hello) = Member::join_json(&nodes[0], &room).await;
    let mut last = hello["seq"].clone();
    for id in 1..=50 {
        let command = json!({"id": id, "add": {"item": format!("{id}")}}).to_string();
        member.say(&command).await;
        drop(member);
        let resume =
            json!({"resume": {"seat": hello["seat"], "epoch": hello["epoch"], "seq": last}});
        member = Member::program(&nodes[id % 2], &room, resume).await;
        assert_eq!(member.json_with("hello").await["resumed"], true);
        member.say(&command).await;
        let ack = member.json_with("ack").await;
        assert_eq!(ack["id"], id);
        last = ack["seq"].clone();
    }
    let items: Vec<String> = (1..=50).map(|id| id.to_string()).collect();
    assert_eq!(menu(&nodes[0], &room).await, items);
}
