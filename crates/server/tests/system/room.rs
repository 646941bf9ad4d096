//! One node, one room.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tablecast_testing::until;

use crate::harness::{BRIEF, Ended, Member, Node, tablecast};
use crate::nodes::UNLIMITED;

fn node() -> Node {
    Node::start("memory", &[])
}

/// Defects 3 and 6.
#[tokio::test]
async fn leaving_frees_the_seat_and_leaves_the_room_to_the_others() {
    let node = node();
    let room = node.make_room().await;
    let (mut stays, _) = Member::join(&node, &room).await;
    stays.say("add:pizza").await;
    assert_eq!(stays.menu().await, ["pizza"]);
    for _ in 0..11 {
        let (passes, menu) = Member::join(&node, &room).await;
        assert_eq!(menu, ["pizza"]);
        passes.leave().await;
    }
    stays.leave().await;
    let (_comes, menu) = Member::join(&node, &room).await;
    assert_eq!(menu, ["pizza"]);
}

/// Defect 5.
#[tokio::test]
async fn a_change_is_exactly_one_frame_to_each_member() {
    let node = node();
    let room = node.make_room().await;
    let (mut a, _) = Member::join(&node, &room).await;
    let (mut b, _) = Member::join(&node, &room).await;
    for item in ["1", "2", "3"] {
        a.say(&format!("add:{item}")).await;
    }
    for member in [&mut a, &mut b] {
        assert_eq!(member.menu().await, ["1"]);
        assert_eq!(member.menu().await, ["1", "2"]);
        assert_eq!(member.menu().await, ["1", "2", "3"]);
    }
    assert_eq!(node.metric("tablecast_members").await, 2.0);
    a.leave().await;
    b.leave().await;
    for left in ["tablecast_members", "tablecast_connections"] {
        let count = async || node.metric(left).await;
        until("nobody is left", count, |count| *count == 0.0).await;
    }
}

/// Defects 11 and 12: with their sleeps each command would take 200 ms and more, of which
/// a request that has nothing to do with a room knows nothing. How slow the machine is
/// shows in both alike.
#[tokio::test]
async fn a_command_does_not_wait_for_the_one_before_it() {
    const COMMANDS: usize = 300;
    let node = Node::start("memory", &UNLIMITED);
    let room = node.make_room().await;
    let (mut member, _) = Member::join(&node, &room).await;
    let (mut commands, mut requests) = (Duration::ZERO, Duration::ZERO);
    for count in 1..=COMMANDS {
        let begin = Instant::now();
        member.say(&format!("add:{count}")).await;
        assert_eq!(member.menu().await.len(), count);
        commands += begin.elapsed();
        let begin = Instant::now();
        node.http("GET", "/healthz").await;
        requests += begin.elapsed();
    }
    let sleeps = Duration::from_millis(200) * COMMANDS as u32;
    assert!(
        commands < requests + sleeps / 2,
        "commands took {commands:?}, requests {requests:?}"
    );
}

/// Defect 19.
#[tokio::test]
async fn what_is_refused_is_told_to_its_sender_alone_and_keeps_the_connection() {
    let node = node();
    let room = node.make_room().await;
    let (mut a, _) = Member::join(&node, &room).await;
    let (mut b, _) = Member::join(&node, &room).await;
    for (said, code) in [
        ("pizza", "bad_command"),
        ("", "bad_command"),
        (":", "bad_command"),
        ("drop:pizza", "bad_command"),
        ("add:", "empty"),
        ("add:   ", "empty"),
        ("add:a\nb", "bad_item"),
        ("remove:absent", "not_found"),
    ] {
        a.say(said).await;
        let error = a.json().await;
        assert_eq!(
            error["error"]["code"], code,
            "{said:?} was answered {error}"
        );
        assert!(
            error["error"]["message"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    a.say("ADD: a:b ").await;
    assert_eq!(a.menu().await, ["a:b"]);
    assert_eq!(
        b.menu().await,
        ["a:b"],
        "the others heard of nothing before"
    );
}

/// Hostile input 60.
#[tokio::test]
async fn what_members_say_begins_no_line_of_the_log() {
    let mut command = tablecast();
    command.env("RUST_LOG", "trace");
    let mut node = Node::start_by(command, "memory", &[]);
    let room = node.make_room().await;
    let (mut member, _) = Member::join(&node, &room).await;
    for said in ["add:a\nFORGED", "add:a\r\nFORGED", "FORGED\n:a", "\nFORGED"] {
        member.say(said).await;
        assert!(member.json().await["error"].is_object(), "{said:?}");
    }
    let path = "/session/a%0AFORGED/";
    assert_eq!(node.http("GET", path).await.status, 404);
    member.leave().await;
    node.signal("-TERM");
    assert_eq!(node.exit_code().await, Some(0));
    node.logs("shutting down").await;
    let log = node.log();
    assert!(!log.lines().any(|line| line.starts_with("FORGED")), "{log}");
}

#[tokio::test]
async fn the_same_item_may_be_there_twice_and_remove_takes_the_first() {
    let node = node();
    let room = node.make_room().await;
    let (mut member, menu) = Member::join(&node, &room).await;
    assert!(menu.is_empty());
    for said in [
        "add:김치찌개",
        "add:pizza",
        "add:김치찌개",
        "remove:김치찌개",
    ] {
        member.say(said).await;
    }
    assert_eq!(member.menu().await, ["김치찌개"]);
    assert_eq!(member.menu().await, ["김치찌개", "pizza"]);
    assert_eq!(member.menu().await, ["김치찌개", "pizza", "김치찌개"]);
    assert_eq!(member.menu().await, ["pizza", "김치찌개"]);
}

/// Defects 18 and 4: the member is idle; nothing wakes the room but its time.
#[tokio::test]
async fn an_idle_member_is_told_when_the_room_expires() {
    let node = Node::start("memory", &BRIEF);
    let room = node.make_room().await;
    let (mut idle, _) = Member::join(&node, &room).await;
    let (mut program, _) = Member::join_json(&node, &room).await;
    assert_eq!(idle.end().await, Ended::Closed(4410));
    assert_eq!(program.end().await, Ended::Closed(4410));
    assert_eq!(Member::try_join(&node, &room).await.err(), Some(404));
    // Hostile input 72: nobody can tell it from a room that never was.
    let expired = node.http("GET", &format!("/session/{room}/")).await;
    let unknown = "/session/00000000-0000-4000-8000-000000000000/";
    let unknown = node.http("GET", unknown).await;
    assert_eq!((expired.status, expired.body), (404, unknown.body));
}

/// Defects 15 and 16: seconds are not rounded down to nothing or up to a day.
#[tokio::test]
async fn activity_in_the_last_second_extends_the_room_by_its_full_time() {
    let node = Node::start("memory", &["--room-ttl", "2s"]);
    let in_the_last_second = async || {
        let room = node.make_room().await;
        let mut member = Member::try_program(node.address(), &room, json!({"join": {}}))
            .await
            .ok()?;
        let hello: Value = serde_json::from_str(&member.hear().await.ok()?).unwrap();
        let time = |name: &str| hello["hello"][name].as_u64().unwrap();
        let left = Duration::from_millis(time("expires_at") - time("now"));
        // sleep: lets most of the room's time pass
        tokio::time::sleep(left.saturating_sub(Duration::from_millis(500))).await;
        member.try_say(r#"{"id":1,"add":{"item":"x"}}"#).await;
        let mut event = Value::Null;
        while !event["change"].is_object() {
            event = serde_json::from_str(&member.hear().await.ok()?).unwrap();
            event = event["event"].take();
        }
        let more = event["expires_at"].as_u64().unwrap() - time("expires_at");
        assert!((1000..=2000).contains(&more), "extended by {more} ms");
        Some(member)
    };
    // On a busy machine the room may end first; the next one has as much time.
    let member = until(
        "a command came in time",
        in_the_last_second,
        Option::is_some,
    );
    let mut member = member.await.unwrap();
    assert_eq!(member.end().await, Ended::Closed(4410));
}

/// Defect 20.
#[tokio::test]
async fn each_refusal_has_its_status_or_close_code() {
    let node = Node::start("memory", &["--seats", "1"]);
    let room = node.make_room().await;
    let (_member, _) = Member::join(&node, &room).await;
    assert_eq!(Member::try_join(&node, &room).await.err(), Some(403));
    let unknown = "00000000-0000-4000-8000-000000000000";
    for id in [
        unknown,
        "x",
        "no_such_room",
        "%7B%7D",
        "a%20b",
        "a%0d%0ab",
        "*",
    ] {
        assert_eq!(Member::try_join(&node, id).await.err(), Some(404), "{id}");
    }
    let join = json!({"join": {}});
    let mut full = Member::program(&node, &room, join.clone()).await;
    assert_eq!(full.end().await, Ended::Closed(4403));
    let mut nowhere = Member::program(&node, unknown, join).await;
    assert_eq!(nowhere.end().await, Ended::Closed(4404));
    let seat = json!({"resume": {"seat": "0".repeat(32)}});
    let mut nobody = Member::program(&node, &room, seat).await;
    assert_eq!(nobody.end().await, Ended::Closed(4401));
    let mut rude = Member::program(&node, &room, json!([1])).await;
    assert_eq!(rude.end().await, Ended::Closed(4400));
}

#[tokio::test]
async fn a_member_who_drops_comes_back_to_the_same_seat_and_misses_nothing() {
    let node = node();
    let room = node.make_room().await;
    let (dropped, hello) = Member::join_json(&node, &room).await;
    let (mut other, _) = Member::join_json(&node, &room).await;
    drop(dropped);
    assert_eq!(
        other.json_with("event").await["away"]["member"],
        hello["you"]
    );
    other.say(r#"{"id":1,"add":{"item":"pizza"}}"#).await;
    other
        .say(r#"{"id":2,"vote":{"item":"pizza","on":true}}"#)
        .await;
    let last = loop {
        let event = other.json_with("event").await;
        if event["change"]["voted"].is_object() {
            break event;
        }
    };

    let resume =
        json!({"resume": {"seat": hello["seat"], "epoch": hello["epoch"], "seq": hello["seq"]}});
    let mut back = Member::program(&node, &room, resume).await;
    let again = back.json_with("hello").await;
    assert_eq!(again["you"], hello["you"]);
    assert_eq!(again["resumed"], true);
    let mut seq = hello["seq"].as_u64().unwrap();
    loop {
        let event = back.json_with("event").await;
        seq += 1;
        assert_eq!(event["seq"], seq, "events are contiguous");
        if event["seq"] == last["seq"] {
            assert_eq!(event["change"], last["change"]);
            break;
        }
    }
}

/// Defects 22, 27 and 31.
#[tokio::test]
async fn six_members_who_do_not_read_hold_up_nobody_and_are_cut_at_their_bound() {
    let options = ["--outbox-seconds", "1h", "--command-rate", "0"];
    let node = Node::start("memory", &options);
    let room = node.make_room().await;
    let (mut speaks, _) = Member::join(&node, &room).await;
    let mut healthy = Vec::new();
    for _ in 0..3 {
        healthy.push(Member::join(&node, &room).await.0);
    }
    let mut stalled = Vec::new();
    for _ in 0..6 {
        stalled.push(Member::join_stalled(&node, &room).await);
    }
    let before = node.resident_bytes();
    let mut changes = 0;
    while node.metric("tablecast_members").await > 4.0 {
        // A menu of 20 KB, with its last item added and removed.
        let command = match changes {
            0..80 => format!("add:{changes}{}", "찌".repeat(78)),
            _ if changes % 2 == 0 => "add:pizza".to_owned(),
            _ => "remove:pizza".to_owned(),
        };
        speaks.say(&command).await;
        changes += 1;
        let menu = speaks.menu().await;
        for member in &mut healthy {
            assert_eq!(member.menu().await, menu, "the healthy see each change");
        }
        assert!(changes < 10_000, "the stalled are not cut");
    }
    let grown = node.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "six bounded outboxes took {grown} bytes");
    assert!(
        Member::try_join(&node, &room).await.is_ok(),
        "their seats are free"
    );
    // They are not asked: after minutes without room in a small buffer the kernel tries again only
    // once in two minutes.
    let too_slow = async || node.metric(r#"tablecast_closes_total{code="4413"}"#).await;
    until("all six were cut", too_slow, |cut| *cut == 6.0).await;
    let open = async || node.metric("tablecast_connections").await;
    until("their connections are closed", open, |open| *open <= 5.0).await;
    drop(stalled);
}

/// A signal: members are told to come back, the process ends well, a second
/// signal ends it at once.
#[tokio::test]
async fn a_server_that_is_told_to_end_tells_its_members() {
    let mut node = node();
    let room = node.make_room().await;
    let (mut text, _) = Member::join(&node, &room).await;
    let (mut program, _) = Member::join_json(&node, &room).await;
    node.signal("-TERM");
    assert_eq!(text.end().await, Ended::Closed(1012));
    assert_eq!(program.end().await, Ended::Closed(1012));
    assert_eq!(node.exit_code().await, Some(0));
}
