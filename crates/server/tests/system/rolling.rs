//! An update: nodes of two versions work together on one Redis while they are replaced one after
//! the other. Without another version at hand, each is replaced by one of its own.

use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};
use tablecast_testing::process::program;
use tablecast_testing::redis::RedisServer;
use tablecast_testing::until;
use tokio::sync::{RwLock, watch};

use crate::harness::{Ended, Member, Node, tablecast};
use crate::history::{add, check, client_who_says, menu};
use crate::nodes::UNLIMITED;

/// Names the server's program of the other version: `cargo xtask rolling` sets it.
const OTHER: &str = "TABLECAST_OTHER_SERVER";

fn other() -> Command {
    match std::env::var_os(OTHER) {
        Some(path) => program(path),
        None => tablecast(),
    }
}

/// Adds mostly, and does everything else that leaves the items as they are.
fn anything(id: u64, name: &str) -> (Value, Option<String>) {
    let said = match id % 20 {
        // The second time there is nothing to do.
        3 | 12 => json!({"id": id, "vote": {"number": 1, "on": true}}),
        6 => json!({"id": id, "rename": {"name": format!("{name} {id}"), "colour": id % 8}}),
        9 => json!({"id": id, "title": {"title": format!("by {name} {id}")}}),
        15 => json!({"id": id, "extend": {}}),
        18 => json!({"id": id, "decide": {"how": "votes"}}),
        _ => return add(id, name),
    };
    (said, None)
}

/// Waits until some more is on the menu of each of these rooms, as this node sees it.
async fn all_go_on(node: &Node, rooms: &[String]) {
    for room in rooms {
        let before = menu(node, room).await.len();
        let items = async || menu(node, room).await.len();
        until("the menu grows", items, |items| *items >= before + 20).await;
    }
}

/// A room that one node makes is the same on all: what a member of each says is heard by the
/// members of the others, in one order.
async fn understand_each_other(nodes: &[Node]) {
    let room = nodes[0].make_room().await;
    let mut members = Vec::new();
    for node in nodes {
        members.push(Member::join_json(node, &room).await.0);
    }
    for at in 0..members.len() {
        let add = json!({"id": 1, "add": {"item": format!("by {at}")}});
        members[at].say(&add.to_string()).await;
        for member in &mut members {
            let added = loop {
                let event = member.json_with("event").await;
                if event["change"]["added"].is_object() {
                    break event;
                }
            };
            assert_eq!(added["change"]["added"]["item"], format!("by {at}"));
        }
    }
    for member in members {
        member.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_of_all_nodes_and_the_way_back_lose_nothing() {
    let redis = RedisServer::start(&[]);
    let start = |program: Command| Node::start_by(program, &redis.url(), &UNLIMITED);
    let nodes: Vec<Node> = (0..3).map(|_| start(other())).collect();
    let rooms = [nodes[0].make_room().await, nodes[1].make_room().await];
    let nodes = Arc::new(RwLock::new(nodes));
    let (stop, stopped) = watch::channel(false);
    let clients = rooms.each_ref().map(|room| {
        let client = |at| client_who_says(anything, &nodes, room, at, &stopped);
        (0..4).map(client).collect::<Vec<_>>()
    });
    all_go_on(&nodes.read().await[0], &rooms).await;
    // There, and back.
    let versions = [tablecast as fn() -> Command, other];
    for program in versions.into_iter().flat_map(|version| [version; 3]) {
        // As behind a load balancer: nobody is sent to a node that is to end.
        let mut ends = {
            let mut nodes = nodes.write().await;
            nodes.insert(0, start(program()));
            nodes.remove(3)
        };
        ends.signal("-TERM");
        assert_eq!(ends.exit_code().await, Some(0), "{}", ends.log());
        let nodes = nodes.read().await;
        understand_each_other(&nodes).await;
        all_go_on(&nodes[2], &rooms).await;
    }
    stop.send(true).unwrap();
    for (room, clients) in rooms.iter().zip(clients) {
        let mut histories = Vec::new();
        for client in clients {
            histories.push(client.await.unwrap());
        }
        let nodes = nodes.read().await;
        let last = menu(&nodes[0], room).await;
        for node in &*nodes {
            assert_eq!(menu(node, room).await, last);
        }
        check(&histories, &last);
        for client in &histories {
            let restarts = |ended: &Ended| *ended == Ended::Closed(1012);
            assert!(client.ended.iter().all(restarts), "{:?}", client.ended);
        }
    }
}
