//! What this client does for a draw by itself, and that it believes no draw unchecked.
#![allow(clippy::unwrap_used)]

#[path = "../../client/tests/support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::{START, commitment, epoch, hello_with, state};
use tablecast_client::{Incoming, Notification};
use tablecast_lunch::{Command, Extend, How, Verdict};
use tablecast_terminal::lunch::{Lunch, verdict};

type At = support::At<Lunch>;

/// Of the first draw of a room whose master secret is 64 zeros, by `sha256sum`:
/// `printf 'tablecast secret\n%064d\n1\n' 0 | sha256sum`.
const SECRET: &str = "43efa20dc34826e2cf3d9da9da16c9b352b516335a85c310aa8e760c4bd192da";
/// `printf %s SECRET | sha256sum`.
const COMMITMENT: &str = "3109e81db0f9f4e8613c3cb2881589350ec27cd5081d4ce25b7fa83382cf4fcc";

/// Three items, and what the server has committed to.
fn hello() -> Value {
    let mut state = state();
    let item = |number| json!({"number":number,"item":format!("i{number}"),"by":1,"name":"Mina","votes":[]});
    state["items"] = json!([item(1), item(3), item(4)]);
    state["next_draw"] = json!({"number":1,"commitment":COMMITMENT});
    hello_with(
        state,
        json!([{"id":1,"name":"Mina","away":false},{"id":2,"name":"Juno","away":false}]),
        1,
    )
}

fn began(number: u64, commitment: &str) -> Value {
    json!({"change":{"drawing":{"number":number,"name":"Juno","candidates":[1,3,4],"commitment":commitment,"next_commitment":support::commitment()}}})
}

fn contributed(value: char) -> Value {
    json!({"change":{"contributed":{"name":"X","value":String::from(value).repeat(64)}}})
}

fn decided(winner: u64, secret: &str) -> Value {
    json!({"change":{"decided":{"how":"draw","name":"Juno","winner":winner,"secret":secret}}})
}

/// Member 1, whose random bytes are all 0x11, in a draw that member 2 began.
fn drawing() -> At {
    let mut at = At::start(0x11);
    at.open();
    at.hears(hello());
    at.happens_by(2, 2, began(1, COMMITMENT));
    at
}

#[test]
fn it_contributes_unasked_and_once_and_reveals_when_all_have() {
    let mut at = drawing();
    let contribute = json!({"id":1,"contribute":{"draw":1,"value":"1".repeat(64)}});
    assert_eq!(at.said(), [contribute]);
    assert_eq!(
        at.session.pending().count(),
        0,
        "that is not the user's matter"
    );
    at.happens_by(1, 3, contributed('1'));
    assert_eq!(at.said(), [] as [Value; 0], "Juno is awaited");
    at.happens_by(2, 4, contributed('2'));
    assert_eq!(at.said(), [json!({"id":2,"reveal":{"draw":1}})]);
    at.happens_by(1, 5, decided(4, SECRET));
    assert_eq!(verdict(&at.session), Some(Verdict::Fair));
    let table = &at.session.room().unwrap().state;
    assert_eq!(table.settling.drawing, None);
    let decision = table.settling.decision.as_ref().unwrap();
    assert_eq!((&*decision.winner.item, decision.how), ("i4", How::Draw));
    // Somebody else's reveal came first, and ours is answered by an error.
    at.hears(json!({"error":{"id":2,"code":"not_found","message":""}}));
    assert!(
        at.notifications()
            .iter()
            .all(|told| !matches!(told, Notification::Refused(..)))
    );
}

#[test]
fn it_does_not_wait_for_ever_for_somebody_who_adds_nothing() {
    let mut at = drawing();
    at.said();
    at.happens_by(1, 3, contributed('1'));
    at.hears(json!({"ack":{"id":1,"seq":3}}));
    assert_eq!(at.waits(), 3_000);
    assert_eq!(at.said(), [json!({"id":2,"reveal":{"draw":1}})]);
    at.hears(json!({"ack":{"id":2,"seq":3}}));
    assert_eq!(at.waits(), 3_000);
    assert_eq!(
        at.said(),
        [json!({"id":3,"reveal":{"draw":1}})],
        "and again"
    );
    at.hears(json!({"ack":{"id":3,"seq":4}}));
    at.happens_by(1, 4, decided(1, SECRET));
    // In the next one Juno is awaited again: a slow network once leaves nobody out for good.
    at.happens_by(1, 5, began(2, &commitment()));
    at.said();
    at.happens_by(1, 6, contributed('1'));
    at.hears(json!({"ack":{"id":4,"seq":6}}));
    assert_eq!(at.said(), [] as [Value; 0]);
    at.happens_by(2, 7, contributed('2'));
    assert_eq!(at.said()[0]["reveal"], json!({"draw":2}));
}

#[test]
fn what_it_added_is_added_again_if_the_store_lost_it() {
    let mut at = drawing();
    let added = at.said().remove(0)["contribute"].clone();
    let mut lost = hello()["hello"].clone();
    lost["epoch"] = json!(epoch(2));
    lost["seq"] = json!(2);
    let candidate = |number| json!({"number":number,"item":"x","name":"Mina","votes":0});
    lost["state"]["drawing"] = json!({"number":1,"commitment":COMMITMENT,"by":2,"name":"Juno",
        "candidates":[candidate(1),candidate(3),candidate(4)],"contributions":[]});
    at.hears(json!({"ack":{"id":1,"seq":3}}));
    at.happens_by(1, 3, contributed('1'));
    at.hears(json!({ "snapshot": lost }));
    assert_eq!(at.said(), [json!({"id":2,"contribute":added})]);
    at.hears(json!({"ack":{"id":2,"seq":3}}));
    at.happens_by(1, 3, contributed('1'));
    at.happens_by(2, 4, contributed('2'));
    assert_eq!(at.said(), [json!({"id":3,"reveal":{"draw":1}})]);
    // What is there is not added again.
    lost["epoch"] = json!(epoch(3));
    let contribution =
        |member: u64| json!({"member":member,"name":"X","value":member.to_string().repeat(64)});
    lost["state"]["drawing"]["contributions"] = json!([contribution(1)]);
    at.hears(json!({ "snapshot": lost }));
    assert_eq!(at.said(), [] as [Value; 0]);
    at.happens_by(1, 3, decided(1, SECRET));
    let first = verdict(&at.session);
    // A draw that the store lost and that ends otherwise is checked anew.
    lost["epoch"] = json!(epoch(4));
    lost["state"]["drawing"]["contributions"] = json!([contribution(1), contribution(2)]);
    at.hears(json!({ "snapshot": lost }));
    assert_eq!(verdict(&at.session), None);
    at.happens_by(1, 3, decided(4, SECRET));
    assert_eq!(verdict(&at.session), Some(Verdict::Fair));
    assert_ne!(first, Some(Verdict::Fair));
}

/// Somebody left while the draw went on, and is back. Their value is in it, and only the client that
/// gave it knows that it is theirs.
#[test]
fn whoever_comes_back_into_a_draw_has_their_part_in_it() {
    let candidate = |number| json!({"number":number,"item":"x","name":"Mina","votes":0});
    let mut first = hello();
    let state = &mut first["hello"]["state"];
    state["next_draw"]["number"] = json!(2);
    state["drawing"] = json!({"number":1,"commitment":COMMITMENT,"by":2,"name":"Juno",
        "candidates":[candidate(1),candidate(3),candidate(4)],
        "contributions":[{"member":1,"name":"Mina","value":"1".repeat(64)}]});
    let mut at = At::start(0x22);
    at.open();
    at.hears(first);
    assert_eq!(at.said(), [] as [Value; 0]);
    at.happens_by(2, 2, contributed('2'));
    assert_eq!(at.said(), [json!({"id":1,"reveal":{"draw":1}})]);
    at.happens_by(1, 3, decided(4, SECRET));
    assert_eq!(verdict(&at.session), Some(Verdict::AddsUp));
}

#[test]
fn it_waits_for_nobody_who_is_away() {
    let mut at = drawing();
    at.said();
    at.happens_by(1, 3, contributed('1'));
    at.happens_by(2, 4, json!({"away":{"member":2,"until":START}}));
    assert_eq!(at.said()[0]["reveal"], json!({"draw":1}));
}

#[test]
fn a_draw_that_is_not_fair_is_told_so() {
    let other = "00".repeat(32);
    for (winner, secret, commitment, expected) in [
        (4, SECRET, COMMITMENT, Verdict::Fair),
        (1, SECRET, COMMITMENT, Verdict::OtherWinner),
        (4, &other, COMMITMENT, Verdict::OtherSecret),
        // The record agrees with itself, but not with what was promised before.
        (
            4,
            &other,
            "60e05bd1b195af2f94112fa7197a5c88289058840ce7c6df9693756bc6250f55",
            Verdict::OtherSecret,
        ),
    ] {
        let mut at = At::start(0x11);
        at.open();
        at.hears(hello());
        at.happens_by(2, 2, began(1, commitment));
        at.happens_by(1, 3, contributed('1'));
        at.happens_by(2, 4, contributed('2'));
        at.happens_by(2, 5, decided(winner, secret));
        assert_eq!(verdict(&at.session), Some(expected), "{winner} {secret}");
    }
}

#[test]
fn the_winner_of_many_is_the_one_that_sha256sum_gives() {
    // The transcript's lines, `sha256sum`, and modulo 100 by `bc`: the ninth.
    let candidate = |number| json!({"number":number,"item":"x","name":"Mina","votes":0});
    let candidates: Vec<Value> = (1..=100).map(candidate).collect();
    let contributions = json!([{"member":1,"name":"Mina","value":"1".repeat(64)}]);
    for (winner, expected) in [(9, Verdict::AddsUp), (59, Verdict::OtherWinner)] {
        let mut first = hello();
        first["hello"]["state"]["decision"] = json!({"how":"draw","by":1,"name":"Mina","winner":candidate(winner),
            "draw":{"number":0,"commitment":COMMITMENT,"secret":SECRET,"candidates":candidates,"contributions":contributions}});
        let mut at = At::start(0x11);
        at.open();
        at.hears(first);
        assert_eq!(verdict(&at.session), Some(expected), "{winner}");
    }
}

#[test]
fn whoever_was_left_out_is_told() {
    // Which of the three it is follows from the secret and one contribution.
    let winners = [1, 3, 4].map(|winner| {
        let mut at = drawing();
        at.happens_by(2, 3, contributed('2'));
        at.happens_by(2, 4, decided(winner, SECRET));
        verdict(&at.session)
    });
    assert!(
        winners.contains(&Some(Verdict::WithoutYours)),
        "{winners:?}"
    );
    assert!(!winners.contains(&Some(Verdict::Fair)), "{winners:?}");
}

#[test]
fn a_decision_that_was_there_before_adds_up_or_does_not() {
    let candidate = |number| json!({"number":number,"item":"x","name":"Mina","votes":0});
    for (winner, expected) in [(4, Verdict::AddsUp), (1, Verdict::OtherWinner)] {
        let mut first = hello();
        let state = &mut first["hello"]["state"];
        state["next_draw"]["number"] = json!(2);
        state["decision"] = json!({"how":"draw","by":2,"name":"Juno","winner":candidate(winner),"draw":{
            "number":1,"commitment":COMMITMENT,"secret":SECRET,
            "candidates":[candidate(1),candidate(3),candidate(4)],
            "contributions":[{"member":1,"name":"Mina","value":"1".repeat(64)},{"member":2,"name":"Juno","value":"2".repeat(64)}]}});
        let mut at = At::start(0x11);
        at.open();
        at.hears(first);
        assert_eq!(verdict(&at.session), Some(expected));
    }
}

#[test]
fn a_contribution_survives_a_broken_connection_with_its_number() {
    let mut at = drawing();
    let said = at.effects();
    at.session.hear(Incoming::Closed(1006), at.now);
    at.session.send(Command::Extend(Extend {}), at.now);
    at.waits();
    at.effects();
    at.open();
    at.hears(support::resumed());
    let again = at.effects();
    assert_eq!(again[0], said[0]);
}
