//! What events do to the lunch table, and what people are told of them.
#![allow(clippy::unwrap_used)]

#[path = "../../client/tests/support/mod.rs"]
mod support;

use serde_json::json;
use support::{START, commitment};
use tablecast_client::protocol::{Colour, MemberId};
use tablecast_client::{Incoming, Notification, Who};
use tablecast_lunch::{Command, Event, Extend};
use tablecast_terminal::lunch::{Lunch, News, verdict};

type At = support::At<Lunch>;

#[test]
fn every_event_does_to_the_room_what_the_protocol_says() {
    let mut at = At::joined();
    let by_two = |at: &mut At, seq, what| at.happens_by(2, seq, what);
    by_two(
        &mut at,
        2,
        json!({"joined":{"member":2,"name":"Juno","colour":7}}),
    );
    at.happens(
        3,
        json!({"change":{"added":{"number":1,"item":"pizza","name":"Mina"}}}),
    );
    at.happens(
        4,
        json!({"change":{"added":{"number":2,"item":"김밥","name":"Mina"}}}),
    );
    by_two(
        &mut at,
        5,
        json!({"change":{"voted":{"number":1,"on":true}}}),
    );
    by_two(
        &mut at,
        6,
        json!({"change":{"voted":{"number":1,"on":true}}}),
    );
    by_two(&mut at, 7, json!({"change":{"removed":{"number":1}}}));
    at.happens(
        8,
        json!({"change":{"restored":{"number":1,"item":"pizza","by":1,"name":"Mina","votes":[2]}}}),
    );
    at.happens(9, json!({"change":{"titled":{"title":"Friday"}}}));
    at.happens(10, json!({"change":{"extended":{}}}));
    at.happens(
        11,
        json!({"renamed":{"member":1,"name":"Mina K","colour":5}}),
    );
    at.happens(
        12,
        json!({"change":{"decided":{"how":"votes","name":"Mina K","winner":1}}}),
    );
    by_two(&mut at, 13, json!({"away":{"member":2,"until":START}}));
    let room = at.session.room().unwrap();
    let numbers: Vec<u64> = room.state.items.iter().map(|item| item.number).collect();
    assert_eq!(numbers, [1, 2], "restored at its place");
    assert_eq!(room.state.items[0].votes, [MemberId(2)]);
    assert_eq!(room.state.title.as_deref(), Some("Friday"));
    let (one, two) = (&room.members[0], &room.members[1]);
    assert_eq!((&*one.name, one.colour), ("Mina K", Colour::new(5)));
    assert_eq!(
        (&*two.name, two.colour, two.away),
        ("Juno", Colour::new(7), true)
    );
    let decision = room.state.settling.decision.as_ref().unwrap();
    assert_eq!((decision.winner.number, decision.winner.votes), (1, 1));
    assert_eq!(verdict(&at.session), None, "votes need no checking");
    let told = at.notifications();
    let juno = || Who::Other("Juno".to_owned());
    let news = |event| {
        let (item, votes) = ("pizza".into(), 1);
        Notification::Change(Some(juno()), News { event, item, votes })
    };
    let voted = news(Event::voted(1, true));
    assert_eq!(told[3..5], [voted.clone(), voted], "twice is once");
    assert_eq!(told[0], Notification::Joined(juno()));
    assert_eq!(told[5], news(Event::Removed { number: 1 }));
    at.happens(14, json!({"change":{"titled":{"title":null}}}));
    at.happens(15, json!({"left":{"member":2}}));
    let room = at.session.room().unwrap();
    assert_eq!(room.state.title, None);
    assert_eq!(room.members.len(), 1);
    // The name goes with whoever has to join anew.
    at.session.hear(Incoming::Closed(4401), at.now);
    at.effects();
    assert_eq!(at.open(), json!({"join":{"name":"Mina K","colour":5}}));
}

#[test]
fn no_number_that_a_server_says_is_too_much() {
    let numbers = [
        json!(0),
        json!(i64::MAX),
        json!(i64::MAX as u64 + 1),
        json!(u64::MAX),
    ];
    let places = [
        "/hello/expires_at",
        "/hello/now",
        "/hello/seq",
        "/hello/you",
        "/hello/seats",
        "/hello/limits/ping_interval_ms",
        "/hello/limits/command_burst",
        "/hello/limits/message_bytes",
        "/hello/state/next_draw/number",
        "/hello/state/max_items",
    ];
    for (place, number) in places
        .iter()
        .flat_map(|place| numbers.iter().map(move |number| (place, number)))
    {
        let mut first = support::hello();
        first["hello"]["state"]["next_draw"] = json!({"number":1,"commitment":commitment()});
        *first.pointer_mut(place).unwrap() = number.clone();
        let mut at = At::start(0);
        at.open();
        at.hears(first);
        let seq = at.session.room().map_or(0, |room| room.seq);
        let began = json!({"number":number,"name":"X","candidates":[number],"commitment":commitment(),"next_commitment":commitment()});
        at.happens(seq.wrapping_add(1), json!({"change":{"drawing":began}}));
        at.happens(
            u64::MAX,
            json!({"change":{"added":{"number":number,"item":"x","name":"X"}}}),
        );
        for _ in 0..3 {
            at.session.send(Command::Extend(Extend {}), at.now);
            if let Some(room) = at.session.room() {
                room.left(at.now);
            }
            if at.session.next_at().is_some() {
                at.waits();
            }
        }
    }
    for rate in [-1.0, 1e-300, 1e300] {
        let mut first = support::hello();
        first["hello"]["limits"]["commands_per_second"] = json!(rate);
        let mut at = At::start(0);
        at.open();
        at.hears(first);
        for _ in 0..20 {
            at.session.send(Command::Extend(Extend {}), at.now);
        }
        assert!(at.session.next_at().is_some(), "{rate}");
    }
}

#[test]
fn a_time_of_the_server_is_shown_by_the_clock_here() {
    let mut first = support::hello();
    // The server's clock is a minute ahead.
    first["hello"]["now"] = json!(START + 60_000);
    first["hello"]["expires_at"] = json!(START + 660_000);
    let mut at = At::start(0);
    at.open();
    at.hears(first);
    let room = at.session.room().unwrap();
    assert_eq!(room.store_time(START + 5_000), START + 65_000);
    assert_eq!(room.local_time(START + 65_000), START + 5_000);
    assert_eq!(room.until(START + 65_000, at.now).as_secs(), 5);
    assert_eq!(room.until(START, at.now).as_secs(), 0, "it has passed");
    assert_eq!(room.left(at.now).as_secs(), 600);
}
