//! Three nodes, one Redis, and members without WebSocket whose POSTs reach each node in turn.

use serde_json::{Value, json};
use tablecast_testing::events::{Events, Heard};
use tablecast_testing::redis::RedisServer;

use crate::harness::{Member, Node};

/// The numbers of the items that were added, in order.
async fn items(stream: &mut Events, count: usize) -> Vec<u64> {
    let mut items = Vec::new();
    while items.len() < count {
        match stream.next().await {
            Heard::Frame(frame) => {
                let added = &frame["event"]["change"]["added"]["item"];
                items.extend(added.as_str().map(|item| item.parse::<u64>().unwrap()));
            }
            Heard::Ping => {}
            ended => panic!("it has ended: {ended:?}"),
        }
    }
    items
}

/// None of it sticks to a node: neither who speaks, nor who resumes, nor when one of them ends.
#[tokio::test(flavor = "multi_thread")]
async fn posts_reach_each_node_in_turn_and_each_command_is_applied_once_and_in_order() {
    const COMMANDS: u64 = 60;
    let redis = RedisServer::start(&[]);
    let options = ["--command-rate", "0"];
    let mut nodes: Vec<Node> = (0..3)
        .map(|_| Node::start(&redis.url(), &options))
        .collect();
    let room = nodes[0].make_room().await;
    let path = format!("/sse/{room}/");
    let join = json!({"join": {}});
    let mut mina = Events::open(nodes[0].address(), &path, &join).await;
    let mut juno = Events::open(nodes[1].address(), &path, &join).await;

    let add = |id: u64| json!({"id": id, "add": {"item": id.to_string()}});
    for first in (1..=COMMANDS).step_by(3) {
        let node = &nodes[(first / 3) as usize % 3];
        let commands: Vec<Value> = (first..first + 3).map(add).collect();
        let answers = mina.say(node.address(), &path, &commands).await;
        assert!(
            answers.iter().all(|answer| answer["ack"].is_object()),
            "{answers:?}"
        );
        // As one whose answer was lost, sent again to another node.
        let other = &nodes[(first / 3 + 1) as usize % 3];
        assert_eq!(mina.say(other.address(), &path, &commands).await, answers);
    }
    let all: Vec<u64> = (1..=COMMANDS).collect();
    assert_eq!(items(&mut mina, all.len()).await, all);
    assert_eq!(items(&mut juno, all.len()).await, all);

    // The node that has her stream ends: she comes back on another, and by WebSocket on a third.
    nodes[0].signal("-TERM");
    assert_eq!(mina.close_code().await, 1012);
    let ended = nodes.remove(0);
    let resume = json!({"resume": {"seat": mina.secret()}});
    let again = Events::open(nodes[0].address(), &path, &resume).await;
    assert_eq!(again.hello["you"], mina.hello["you"]);
    let answers = again
        .say(nodes[1].address(), &path, &[add(COMMANDS + 1)])
        .await;
    assert!(answers[0]["ack"].is_object());
    let mut socket = Member::program(&nodes[1], &room, resume).await;
    let hello = socket.json().await["hello"].take();
    assert_eq!(hello["you"], mina.hello["you"]);
    assert_eq!(
        hello["state"]["items"].as_array().unwrap().len() as u64,
        COMMANDS + 1
    );
    drop(ended);
}
