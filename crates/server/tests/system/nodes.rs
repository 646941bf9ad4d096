//! Several nodes, one Redis: nobody can tell which node they are on.

use std::process::Command;

use futures_util::future::join_all;
use serde_json::json;
use tablecast_testing::redis::RedisServer;
use tablecast_testing::until;

use crate::harness::{BRIEF, Ended, Member, Node, tablecast};

/// Settings under which a test may say as much as it likes.
pub(crate) const UNLIMITED: [&str; 8] = [
    "--command-rate",
    "0",
    "--max-items",
    "5000",
    "--outbox-bytes",
    "67108864",
    "--outbox-seconds",
    "60s",
];

fn start(redis: &RedisServer, count: usize, options: &[&str]) -> Vec<Node> {
    (0..count)
        .map(|_| Node::start(&redis.url(), options))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_say_again_at_once_on_two_nodes_get_one_room() {
    let redis = RedisServer::start(&[]);
    let nodes = start(&redis, 2, &[]);
    let room = nodes[0].make_room().await;
    let path = format!("/session/{room}/again/");
    let both = nodes.iter().cycle().take(10);
    let replies = join_all(both.map(|node| node.http("POST", &path))).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    assert_eq!(made, 1, "{replies:?}");
    let id = |reply: &crate::harness::Reply| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(&reply.body).unwrap()["id"].take()
    };
    let first = id(&replies[0]);
    assert!(first.is_string());
    assert!(
        replies.iter().all(|reply| id(reply) == first),
        "{replies:?}"
    );
}

/// Defects 1, 26 and 29.
#[tokio::test(flavor = "multi_thread")]
async fn ten_members_on_two_nodes_add_a_hundred_items_each_and_all_see_each_step_once() {
    const EACH: usize = 100;
    // All of a round is less than the log holds: a node that stood still while more
    // happened is sent the menu, and so are its members, in place of the steps.
    const ROUND: usize = 10;
    let redis = RedisServer::start(&[]);
    let nodes = start(&redis, 2, &UNLIMITED);
    let room = nodes[0].make_room().await;
    let mut members = Vec::new();
    for at in 0..10 {
        members.push(Member::join(&nodes[at % 2], &room).await.0);
    }
    let histories = join_all(members.into_iter().enumerate().map(|(at, mut member)| {
        tokio::spawn(async move {
            let mut items: Vec<String> = Vec::new();
            while items.len() < 10 * EACH {
                if items.len().is_multiple_of(10 * ROUND) {
                    let said = items.len() / 10;
                    for count in said..said + ROUND {
                        member.say(&format!("add:{at}-{count}")).await;
                    }
                }
                let menu = member.menu().await;
                assert_eq!(menu.len(), items.len() + 1, "each step is seen, and once");
                assert_eq!(
                    menu[..items.len()],
                    items[..],
                    "no step back to an older menu"
                );
                items = menu;
            }
            items
        })
    }))
    .await;
    let menus: Vec<Vec<String>> = histories.into_iter().map(Result::unwrap).collect();
    assert!(
        menus.iter().all(|menu| *menu == menus[0]),
        "the same order everywhere"
    );
    for at in 0..10 {
        let own: Vec<String> = (0..EACH).map(|count| format!("{at}-{count}")).collect();
        let prefix = format!("{at}-");
        let seen: Vec<&String> = menus[0]
            .iter()
            .filter(|item| item.starts_with(&prefix))
            .collect();
        assert!(
            own.iter().eq(seen),
            "what one member adds stays in their order"
        );
    }
}

/// Defect 7, five times running.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_joins_at_once_over_three_nodes_seat_exactly_ten() {
    let redis = RedisServer::start(&[]);
    let nodes = start(&redis, 3, &[]);
    for _ in 0..5 {
        let room = nodes[0].make_room().await;
        let joins = (0..50).map(|at| Member::try_join(&nodes[at % 3], &room));
        let results = join_all(joins).await;
        let (seated, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
        assert_eq!(seated.len(), 10);
        assert!(
            refused
                .iter()
                .all(|refusal| refusal.as_ref().err() == Some(&403))
        );
    }
}

/// Defects 8, 9 and 10.
#[tokio::test]
async fn one_who_only_watches_on_another_node_sees_every_change_in_order() {
    let redis = RedisServer::start(&[]);
    let nodes = start(&redis, 2, &[]);
    let room = nodes[0].make_room().await;
    let (mut speaks, _) = Member::join(&nodes[0], &room).await;
    let (mut watches, _) = Member::join(&nodes[1], &room).await;
    let items = ["a", "b", "c", "d", "e"];
    for item in items {
        speaks.say(&format!("add:{item}")).await;
    }
    for count in 1..=items.len() {
        assert_eq!(watches.menu().await, items[..count]);
    }
}

/// Defects 2, 13 and 33.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_joiners_during_writes_get_a_snapshot_and_then_every_event() {
    let redis = RedisServer::start(&[]);
    let nodes = std::sync::Arc::new(start(
        &redis,
        2,
        &[&UNLIMITED[..], &["--seats", "20"]].concat(),
    ));
    let room = nodes[0].make_room().await;
    let (mut writer, _) = Member::join(&nodes[0], &room).await;
    let (done, mut is_done) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(async move {
        let mut written = 0;
        while !*is_done.borrow_and_update() {
            writer.say(&format!("add:{written}")).await;
            written += 1;
            assert_eq!(writer.menu().await.len(), 1);
            writer.say(&format!("remove:{}", written - 1)).await;
            assert_eq!(writer.menu().await.len(), 0);
        }
        written
    });
    let joiners = (0..4).map(|at| {
        let (nodes, room) = (nodes.clone(), room.clone());
        tokio::spawn(async move {
            for _ in 0..250 {
                let (mut member, hello) = Member::join_json(&nodes[at % 2], &room).await;
                let mut seq = hello["seq"].as_u64().unwrap();
                let mut items = hello["state"]["items"].as_array().unwrap().len();
                let mut heard = 0;
                while heard < 3 {
                    let message = member.json().await;
                    let (event, snapshot) = (&message["event"], &message["snapshot"]);
                    if event.is_object() {
                        heard += 1;
                        seq += 1;
                        assert_eq!(event["seq"], seq, "no event is missing after the snapshot");
                        if event["change"]["added"].is_object() {
                            items += 1;
                        } else if event["change"]["removed"].is_object() {
                            items -= 1;
                        }
                    } else if snapshot.is_object() {
                        // Its node stood still while the log ran away.
                        let before = seq;
                        seq = snapshot["seq"].as_u64().unwrap();
                        assert!(seq - before > 256, "the log holds what was missed");
                        items = snapshot["state"]["items"].as_array().unwrap().len();
                    }
                    assert!(items <= 1, "the snapshot and the events fit together");
                }
                member.leave().await;
            }
        })
    });
    for joiner in join_all(joiners).await {
        joiner.unwrap();
    }
    done.send(true).unwrap();
    assert!(writing.await.unwrap() > 0);
}

/// Defect 23.
#[tokio::test]
async fn joining_and_leaving_leaves_no_redis_client_behind() {
    let redis = RedisServer::start(&[]);
    let node = Node::start(&redis.url(), &[]);
    let clients = || redis.cli(&["CLIENT", "LIST"]).lines().count();
    let room = node.make_room().await;
    Member::join(&node, &room).await.0.leave().await;
    let before = clients();
    for _ in 0..1000 {
        Member::join(&node, &room).await.0.leave().await;
    }
    let left = async || clients();
    until("no connection is left behind", left, |left| *left <= before).await;
    let channels = async || redis.cli(&["PUBSUB", "CHANNELS", "tablecast:{*"]);
    until("nobody is subscribed any more", channels, String::is_empty).await;
}

/// Defects 4 and 15.
#[tokio::test]
async fn an_expired_room_leaves_no_key_and_does_not_come_back() {
    let redis = RedisServer::start(&[]);
    let options = [&BRIEF[..], &["--seat-grace", "3s"]].concat();
    let nodes = start(&redis, 2, &options);
    let room = nodes[0].make_room().await;
    let (mut text, _) = Member::join(&nodes[0], &room).await;
    let (mut program, _) = Member::join_json(&nodes[1], &room).await;
    text.say("add:pizza").await;
    assert_eq!(text.menu().await, ["pizza"]);
    assert_eq!(text.end().await, Ended::Closed(4410));
    assert_eq!(program.end().await, Ended::Closed(4410));
    for node in &nodes {
        assert_eq!(Member::try_join(node, &room).await.err(), Some(404));
    }
    let members = async || nodes[0].metric("tablecast_members").await;
    until("both members have left", members, |count| *count == 0.0).await;
    assert_eq!(redis.cli(&["KEYS", "tablecast:{*"]).trim(), "");
}

/// What `faketime` sets for the program it runs. It runs it as a child of its own,
/// which would outlive the test, so the server is started with this directly.
fn an_hour_ahead() -> Vec<(String, String)> {
    let shown = Command::new("faketime").args(["-f", "+1h", "env"]).output();
    let shown = shown.expect("faketime is not there: apt-get install faketime");
    let shown = String::from_utf8(shown.stdout).unwrap();
    let variables = shown.lines().filter_map(|line| line.split_once('='));
    let set: Vec<(String, String)> = variables
        .filter(|(name, _)| matches!(*name, "LD_PRELOAD" | "FAKETIME"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(set.len(), 2, "faketime sets other variables: {shown}");
    set
}

/// Defect 17: one node's clock is an hour ahead and in another time zone.
#[tokio::test]
async fn the_clock_of_a_node_does_not_decide_expiry() {
    let redis = RedisServer::start(&[]);
    let right = Node::start(&redis.url(), &BRIEF);
    let mut wrong = tablecast();
    wrong.envs(an_hour_ahead()).env("TZ", "Asia/Seoul");
    let wrong = Node::start_by(wrong, &redis.url(), &BRIEF);
    let room = wrong.make_room().await;
    let (mut a, _) = Member::join(&right, &room).await;
    let (mut b, hello) = Member::join_json(&wrong, &room).await;
    let left = hello["expires_at"].as_u64().unwrap() - hello["now"].as_u64().unwrap();
    assert!((1..=5000).contains(&left), "{left} ms left");
    a.say("add:pizza").await;
    assert_eq!(a.menu().await, ["pizza"]);
    assert!(b.json_with("event").await["change"]["added"].is_object());
    assert_eq!(a.end().await, Ended::Closed(4410));
    assert_eq!(b.end().await, Ended::Closed(4410));
}

/// Defect 21.
#[tokio::test]
async fn a_foreign_key_named_like_a_room_is_neither_read_nor_touched() {
    let redis = RedisServer::start(&[]);
    let node = Node::start(&redis.url(), &[]);
    let room = "e0432a93-e791-437b-a8f8-3b27ea76c3e5";
    let keys = [room.to_owned(), format!("tablecast:{{{room}}}:state")];
    for key in &keys {
        redis.cli(&["SET", key, "secret"]);
    }
    assert_eq!(Member::try_join(&node, room).await.err(), Some(404));
    let shown = node.http("GET", &format!("/session/{room}/")).await;
    assert_eq!(shown.status, 404);
    assert!(!shown.body.contains("secret"));
    for key in &keys {
        assert_eq!(redis.cli(&["GET", key]).trim(), "secret");
    }
}

#[tokio::test]
async fn a_member_who_drops_resumes_on_another_node() {
    let redis = RedisServer::start(&[]);
    let nodes = start(&redis, 2, &[]);
    let room = nodes[0].make_room().await;
    let (mut first, hello) = Member::join_json(&nodes[0], &room).await;
    let (mut other, _) = Member::join(&nodes[0], &room).await;
    other.say("add:pizza").await;
    first.json_with("event").await;
    let resume =
        json!({"resume": {"seat": hello["seat"], "epoch": hello["epoch"], "seq": hello["seq"]}});
    let mut again = Member::program(&nodes[1], &room, resume).await;
    let hello_again = again.json_with("hello").await;
    assert_eq!(hello_again["you"], hello["you"]);
    assert_eq!(hello_again["resumed"], true);
    assert_eq!(
        first.end().await,
        Ended::Closed(4409),
        "the older connection is told"
    );
    again.say(r#"{"id":1,"add":{"item":"sushi"}}"#).await;
    assert_eq!(other.menu().await, ["pizza"]);
    assert_eq!(other.menu().await, ["pizza", "sushi"]);
}
