//! What members know and others may not see: events in the form for everybody, the sender's own
//! form with the answer, and a view of one's own.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::rooms::{JsonMember, code};
use support::secrets::{Node, config, hide, two_nodes};
use tablecast::App;
use tablecast::{HubConfig, MemoryBackend};
use tablecast_testing::FaultyBackend;
use tablecast_testing::faulty::{Call, Fault};

async fn node() -> Node {
    let node = Node::start(config()).await;
    node.make("r").await;
    node
}

fn say(id: u64, text: &str) -> Value {
    json!({"id": id, "say": {"text": text}})
}

fn shown(hidden: bool, text: Option<&str>) -> Value {
    match text {
        Some(text) => json!({"wrote": {"hidden": hidden, "text": text}}),
        None => json!({"wrote": {"hidden": hidden}}),
    }
}

/// The next event of the application.
async fn change(member: &mut JsonMember) -> Value {
    loop {
        let mut event = member.event().await;
        if event["change"].is_object() {
            return event["change"].take();
        }
    }
}

#[tokio::test]
async fn the_sender_is_told_with_the_answer_and_all_see_the_form_for_everybody() {
    let (here, there, _) = two_nodes().await;
    let mut mina = here.json("r").await;
    let mut near = here.json("r").await;
    let mut far = there.json("r").await;
    while mina.event().await["joined"]["member"] != far.hello["you"] {}

    mina.send(hide(1, "pizza")).await;
    let ack = mina.next().await;
    let seq = ack["ack"]["seq"].as_u64().unwrap();
    let own = json!([shown(true, Some("pizza"))]);
    assert_eq!(ack, json!({"ack": {"id": 1, "seq": seq, "own": own}}));
    let event = mina.next().await["event"].clone();
    assert_eq!(event["seq"], seq, "the answer comes first");
    assert_eq!(event["change"], shown(true, None));
    for other in [&mut near, &mut far] {
        assert_eq!(change(other).await, shown(true, None));
    }

    let ack = mina.ask(say(2, "soup")).await;
    assert_eq!(ack, json!({"ack": {"id": 2, "seq": seq + 1}}), "no secret");
    assert_eq!(change(&mut far).await, shown(false, Some("soup")));

    // All events of a command, if one of them is secret.
    let ack = mina
        .ask(json!({"id": 3, "both": {"hide": "a", "say": "b"}}))
        .await;
    let own = json!([shown(true, Some("a")), shown(false, Some("b"))]);
    assert_eq!(
        ack,
        json!({"ack": {"id": 3, "seq": seq + 3, "own": own}}),
        "the last one is at seq"
    );
    assert_eq!(change(&mut far).await, shown(true, None));
    assert_eq!(change(&mut far).await, shown(false, Some("b")));

    mina.ask(json!({"id": 4, "reveal": {}})).await;
    let texts = |change: &Value| -> Vec<String> {
        let lines = change["revealed"]["lines"].as_array().unwrap().iter();
        lines
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let revealed = change(&mut far).await;
    assert_eq!(texts(&revealed), ["pizza", "soup", "a", "b"]);
}

#[tokio::test]
async fn each_sees_a_view_of_their_own_and_nobody_in_particular_sees_no_secret() {
    let node = node().await;
    let mut mina = node.json("r").await;
    mina.ask(hide(1, "pizza")).await;
    let mut text = node.try_text("r").await.unwrap();
    let state: Value = serde_json::from_str(&text.next_text().await.unwrap()).unwrap();
    let hidden = json!({"by": mina.hello["you"], "hidden": true});
    assert_eq!(state, json!([hidden]));
    // Nor does somebody who types see their own.
    text.send_text("by hand").await.unwrap();
    let state: Value = serde_json::from_str(&text.next_text().await.unwrap()).unwrap();
    assert_eq!(state.as_array().unwrap().len(), 2);
    assert!(!state.to_string().contains("by hand"));

    let other = node.json("r").await;
    assert_eq!(other.hello["state"][0], hidden);
    let seat = mina.hello.clone();
    drop(mina);
    let again = node
        .enter("r", json!({"resume": {"seat": seat["seat"]}}))
        .await;
    assert_eq!(again.hello["state"][0]["text"], "pizza");
}

#[tokio::test]
async fn a_repeated_command_is_answered_with_the_same_own_events() {
    let (here, there, _) = two_nodes().await;
    let mut mina = here.json("r").await;
    let first = mina.ask(hide(1, "pizza")).await;
    mina.ask(hide(2, "soup")).await;
    assert_eq!(mina.ask(hide(1, "pizza")).await, first);
    // Twice at once.
    for _ in 0..2 {
        mina.send(hide(3, "rice")).await;
    }
    let (mut acks, mut events) = (Vec::new(), 0);
    while acks.len() < 2 {
        let said = mina.next().await;
        match said["ack"].is_object() {
            true => acks.push(said),
            false => events += u32::from(said["event"]["change"]["wrote"]["hidden"] == true),
        }
    }
    assert_eq!(acks[0], acks[1]);
    assert_eq!(acks[0]["ack"]["own"], json!([shown(true, Some("rice"))]));
    assert!(events <= 2, "it happens once: {events}");
    assert_eq!(code(&mina.ask(hide(2, "pizza")).await), "conflict");

    // On another node too, as long as the events are remembered.
    let mut again = there.resume("r", &mina.hello, mina.seq()).await;
    assert_eq!(again.ask(hide(1, "pizza")).await, first);
    let mut busy = there.json("r").await;
    for id in 1..=300 {
        busy.ask(say(id, "x")).await;
    }
    let ack = again.ask(hide(3, "rice")).await;
    assert_eq!(
        ack["ack"]["seq"], acks[0]["ack"]["seq"],
        "the newest is known"
    );
    assert!(ack["ack"].get("own").is_none(), "its event is not: {ack}");
}

#[tokio::test]
async fn who_missed_an_own_secret_gets_the_whole_state_and_others_continue() {
    let node = node().await;
    let mut mina = node.json("r").await;
    let other = node.json("r").await;
    let joined = mina.event().await["seq"].as_u64().unwrap();
    mina.ask(hide(1, "pizza")).await;
    let seq = mina.event().await["seq"].as_u64().unwrap();
    assert_eq!(seq, joined + 1);

    let (you, seat) = (mina.hello["you"].clone(), mina.hello.clone());
    drop(mina);
    let mut known = node.resume("r", &seat, seq).await;
    assert_eq!(known.hello["resumed"], true, "nothing secret was missed");
    assert!(known.event().await["away"].is_object());
    drop(known);
    let missed = node.resume("r", &seat, joined).await;
    assert_eq!(missed.hello["resumed"], false);
    let own = json!({"by": you, "hidden": true, "text": "pizza"});
    assert_eq!(missed.hello["state"], json!([own]));

    let seat = other.hello.clone();
    drop(other);
    let mut others = node.resume("r", &seat, joined).await;
    assert_eq!(others.hello["resumed"], true);
    assert_eq!(change(&mut others).await, shown(true, None));
}

/// Also by a seat that was taken without saying who comes.
#[tokio::test]
async fn whoever_was_asked_to_leave_comes_back_by_no_seat() {
    let (here, _, _) = two_nodes().await;
    here.until_persons().await;
    let person = "fedcba9876543210fedcba9876543210";
    let mut host = here.json("r").await;
    let guest = here.json("r").await;
    let mut mina = here.enter("r", json!({"join": {"person": person}})).await;
    let you = mina.hello["you"].clone();
    host.ask(json!({"id": 1, "dismiss": {"member": you}})).await;
    assert_eq!(mina.client.closed().await.unwrap(), 4411);
    let resume = json!({"resume": {"seat": guest.hello["seat"], "person": person}});
    let mut back = here.say_first("r", &resume.to_string()).await;
    assert_eq!(back.closed().await.unwrap(), 4411);
}

/// The client has seen the room as another member.
#[tokio::test]
async fn who_comes_back_as_another_member_gets_their_own_view() {
    let (here, _, _) = two_nodes().await;
    here.until_persons().await;
    let person = "fedcba9876543210fedcba9876543210";
    let mut guest = here.json("r").await;
    guest.ask(hide(1, "pizza")).await;
    let mut mina = here.enter("r", json!({"join": {"person": person}})).await;
    let seq = mina.ask(hide(1, "soup")).await["ack"]["seq"].clone();
    let seat = guest.hello.clone();
    guest.client.send_close(1000).await.unwrap();
    here.until_seats("r", 1).await;
    let (seat, epoch) = (&seat["seat"], &seat["epoch"]);
    let resume = json!({"resume": {"seat": seat, "epoch": epoch, "seq": seq, "person": person}});
    let again = here.enter("r", resume).await;
    assert_eq!(again.hello["you"], mina.hello["you"]);
    assert_eq!(again.hello["resumed"], false);
    let state = again.hello["state"].to_string();
    assert!(
        state.contains("soup") && !state.contains("pizza"),
        "{state}"
    );
}

#[tokio::test]
async fn a_snapshot_is_a_frame_for_each() {
    let (here, there, faults) = two_nodes().await;
    let mut mina = here.json("r").await;
    let mut lee = here.json("r").await;
    mina.ask(hide(1, "pizza")).await;
    lee.ask(hide(1, "soup")).await;
    faults.down("a wire was cut");
    let mut busy = there.json("r").await;
    for id in 1..=300 {
        busy.ask(say(id, "x")).await;
    }
    faults.up();
    for (member, own, other) in [(&mut mina, "pizza", "soup"), (&mut lee, "soup", "pizza")] {
        let snapshot = loop {
            let mut said = member.next().await;
            if said["snapshot"].is_object() {
                break said["snapshot"].take();
            }
        };
        let state = snapshot["state"].to_string();
        assert!(
            state.contains(own) && !state.contains(other),
            "{state:.200}"
        );
    }
    let view = serde_json::to_string(&here.hub.view("r").await.unwrap().app.view(None));
    let view = view.unwrap();
    assert!(!view.contains("pizza") && view.contains("hidden"));
}

/// The command was answered `unavailable`, and then shows to have been applied.
#[tokio::test]
async fn an_own_secret_that_comes_without_an_answer_comes_with_the_whole_state() {
    for fault in [Fault::UnknownAfter, Fault::HangAfter] {
        let one = MemoryBackend::new();
        let faulty = FaultyBackend::new(Arc::new(one));
        let faults = faulty.faults();
        let quick = HubConfig {
            command_deadline: Duration::from_millis(200),
            ..config()
        };
        let node = Node::on(Arc::new(faulty), quick).await;
        node.make("r").await;
        let mut lee = node.json("r").await;
        let mut mina = node.json("r").await;
        faults.next(Call::Commit, fault);
        mina.send(hide(1, "pizza")).await;
        // What everybody is told may come before the answer, but then not alone.
        let mut is_whole = false;
        let seq = loop {
            let said = mina.next().await;
            if said["snapshot"].is_object() {
                is_whole = true;
                assert_eq!(said["snapshot"]["state"][0]["text"], "pizza");
            }
            if said["ack"]["own"].is_array() {
                is_whole = true;
            }
            if said["event"]["change"].is_object() {
                assert!(is_whole, "{fault:?}: {said}");
                break said["event"]["seq"].clone();
            }
        };
        assert_eq!(change(&mut lee).await, shown(true, None));
        let ack = loop {
            let ack = mina.ask(hide(1, "pizza")).await;
            if ack["ack"].is_object() {
                break ack;
            }
        };
        assert_eq!(ack["ack"]["seq"], seq, "applied once");
    }
}

#[tokio::test]
async fn whoever_is_asked_to_leave_is_told_so_by_the_code() {
    let (here, there, _) = two_nodes().await;
    here.until_persons().await;
    let mut host = here.json("r").await;
    let mut near = here.json("r").await;
    let mut far = there.json("r").await;
    for (id, member) in [(1, &mut near), (2, &mut far)] {
        let you = member.hello["you"].clone();
        host.ask(json!({"id": id, "dismiss": {"member": you}}))
            .await;
        assert_eq!(member.client.closed().await.unwrap(), 4411);
    }
    host.send(say(3, "quiet")).await;
    here.until_seats("r", 1).await;
}
