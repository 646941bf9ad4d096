//! A seat over a network that comes and goes: "Coming back" of docs/protocol.md.
#![allow(clippy::unwrap_used)]

mod support;

use serde_json::json;
use support::{At, SEAT, START, commitment, epoch, hello, hello_with, resumed, state};
use tablecast_lunch::{Command, Extend};
use tablecast_protocol::client::Request;
use tablecast_protocol::close::{CloseReason, ComeBack};
use tablecast_protocol::{Colour, Epoch, MemberId};
use tablecast_terminal::room::news::{News, Who};
use tablecast_terminal::session::commands::Ask;
use tablecast_terminal::session::link::{Status, Why};
use tablecast_terminal::session::{Effect, Failure, Told};

fn add(item: &str) -> Ask {
    Command::add(item).into()
}

#[test]
fn it_joins_by_name_and_comes_back_by_seat_and_position() {
    let mut at = At::start(0);
    assert_eq!(at.session.status(), Status::Connecting);
    assert_eq!(at.open(), json!({"join":{"name":"Mina"}}));
    at.hears(hello());
    assert_eq!(at.session.status(), Status::Live);
    at.happens(
        2,
        json!({"change":{"added":{"number":1,"item":"pizza","name":"Mina"}}}),
    );
    at.session.closed(1006, at.now);
    assert!(matches!(at.session.status(), Status::Offline(Why::Lost, _)));
    at.waits();
    assert_eq!(at.effects(), [Effect::Open]);
    assert_eq!(
        at.open(),
        json!({"resume":{"seat":SEAT,"epoch":epoch(1),"seq":2}})
    );
    at.hears(resumed());
    assert_eq!(
        at.session.status(),
        Status::Connecting,
        "what was missed is not here yet"
    );
    at.happens(3, json!({"change":{"removed":{"number":1}}}));
    assert_eq!(at.session.status(), Status::Connecting);
    at.happens(4, json!({"back":{"member":1}}));
    assert_eq!(at.session.status(), Status::Live);
    assert_eq!(at.session.room().unwrap().menu.items, []);
}

#[test]
fn every_close_code_leads_to_what_the_protocol_says() {
    let others = [1001, 1005, 1006, 1011, 4999].map(|code| (code, ComeBack::Soon));
    let known = CloseReason::ALL.map(|reason| (reason.code(), reason.come_back()));
    for (code, again) in known.into_iter().chain(others) {
        if code == CloseReason::BadSeat.code() {
            continue;
        }
        let mut at = At::joined();
        at.session.closed(code, at.now);
        assert_eq!(at.effects(), [], "{code}");
        match (again, at.session.status()) {
            (ComeBack::Never, Status::Ended(_)) => assert_eq!(at.session.next_at(), None),
            // The randomness is the largest there is.
            (ComeBack::Soon, Status::Offline(_, retry)) => assert_eq!(retry, at.now + 500),
            (ComeBack::Later, Status::Offline(_, retry)) => assert_eq!(retry, at.now + 60_000),
            (again, status) => panic!("{code}: {again:?}, but {status:?}"),
        }
    }
}

#[test]
fn waits_are_random_from_nothing_to_a_bound_that_doubles_and_is_short_again_after_a_steady_time() {
    let refused = || Failure {
        again: ComeBack::Soon,
        after: None,
        why: Why::Lost,
    };
    let mut waits = Vec::new();
    let mut at = At::start(0xff);
    for _ in 0..8 {
        at.session.failed(refused(), at.now);
        waits.push(at.waits());
        assert_eq!(at.effects(), [Effect::Open]);
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
    at.open();
    at.now += 4_999;
    at.session.closed(1006, at.now);
    assert_eq!(at.waits(), 20000, "it did not hold");
    at.effects();
    at.open();
    at.now += 5_000;
    at.session.closed(1006, at.now);
    assert_eq!(at.waits(), 500);

    let mut at = At::start(0);
    at.session.failed(refused(), at.now);
    assert_eq!(at.waits(), 0, "full jitter begins with nothing");
    let mut at = At::start(0);
    at.session.closed(4403, at.now);
    assert_eq!(at.waits(), 30_000);
}

#[test]
fn a_server_that_asks_to_be_left_alone_is() {
    let mut at = At::start(0);
    let failure = Failure {
        again: ComeBack::Soon,
        after: Some(7_000),
        why: Why::Unreachable("503".to_owned()),
    };
    at.session.failed(failure, at.now);
    assert_eq!(at.waits(), 7_000);
}

#[test]
fn somebody_may_try_now_also_when_it_has_ended() {
    let mut at = At::start(0xff);
    at.session.closed(4403, at.now);
    at.session.retry();
    assert_eq!(at.effects(), [Effect::Open]);
    at.session.retry();
    assert_eq!(at.effects(), [], "it tries already");
    at.session.closed(4409, at.now);
    at.session.retry();
    assert_eq!(at.effects(), [Effect::Open]);
}

/// A slow server may let a connection in that was given up, later than the newer one.
#[test]
fn a_seat_that_an_own_connection_took_over_is_taken_back_once_for_each() {
    let mut at = At::joined();
    at.session.closed(1006, at.now);
    let come_back = |at: &mut At| {
        at.waits();
        assert_eq!(at.effects(), [Effect::Open]);
        at.open();
    };
    come_back(&mut at);
    // Given up without an answer.
    at.session.closed(1006, at.now);
    come_back(&mut at);
    at.hears(hello());
    at.session.closed(4409, at.now);
    come_back(&mut at);
    at.hears(hello());
    at.session.closed(4409, at.now);
    let why = Why::Closed(CloseReason::TakenOver);
    assert_eq!(at.session.status(), Status::Ended(why));
}

#[test]
fn what_was_not_answered_is_said_again_in_order_and_to_the_byte() {
    let mut at = At::joined();
    for item in ["a", "b", "c"] {
        at.session.ask(add(item), at.now);
    }
    let first = at.effects();
    at.hears(json!({"ack":{"id":1,"seq":2}}));
    at.session.closed(1012, at.now);
    at.session.ask(add("d"), at.now);
    assert_eq!(at.effects(), [], "nothing is said while offline");
    at.waits();
    at.effects();
    at.open();
    at.hears(resumed());
    let again = at.effects();
    assert_eq!(again[..2], first[1..]);
    assert_eq!(
        again[2..],
        [Effect::Send(r#"{"id":4,"add":{"item":"d"}}"#.to_owned())]
    );
}

#[test]
fn a_lost_seat_is_joined_anew_once_and_what_was_sent_is_unsure() {
    let mut at = At::joined();
    at.session.ask(add("sent"), at.now);
    at.effects();
    at.session.closed(1006, at.now);
    at.session.ask(add("not sent"), at.now);
    at.waits();
    at.effects();
    at.open();
    at.session.closed(4401, at.now);
    assert_eq!(at.effects(), [Effect::Open], "at once");
    assert_eq!(at.told(), [Told::Unsure(vec![add("sent")])]);
    assert_eq!(at.open(), json!({"join":{"name":"Mina"}}));
    at.hears(hello());
    assert_eq!(at.said(), [json!({"id":1,"add":{"item":"not sent"}})]);

    let mut at = At::start(0);
    at.open();
    at.session.closed(4401, at.now);
    assert!(matches!(at.session.status(), Status::Ended(_)), "not twice");
}

#[test]
fn a_command_whose_outcome_is_unknown_is_said_again_before_anything_newer() {
    let mut at = At::joined();
    at.session.ask(add("a"), at.now);
    let first = at.effects();
    at.hears(json!({"error":{"id":1,"code":"unavailable","message":"…"}}));
    at.session.ask(add("b"), at.now);
    assert_eq!(at.effects(), []);
    assert_eq!(at.told(), [], "nobody needs to do anything");
    assert_eq!(at.waits(), 1_000);
    let again = at.effects();
    assert_eq!(again[..1], first);
    assert_eq!(again.len(), 2);
}

#[test]
fn a_refusal_is_told_and_the_command_is_done_with() {
    let mut at = At::joined();
    at.session.ask(Command::remove(9), at.now);
    assert!(!at.session.is_settled());
    at.hears(json!({"error":{"id":1,"code":"not_found","message":"no\u{1b}[2J"}}));
    let told = at.told();
    let [Told::Refused(refusal, Some(Request::Command(command)))] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(*command, Command::remove(9));
    assert_eq!(&*refusal.message, "no\u{FFFD}[2J");
    assert!(at.session.is_settled());
}

#[test]
fn no_more_is_said_than_the_server_allows() {
    let mut at = At::joined();
    for _ in 0..30 {
        at.session.ask(add("x"), at.now);
    }
    assert_eq!(at.said().len(), 10, "half of what is allowed at once");
    assert_eq!(at.waits(), 100);
    assert_eq!(at.said().len(), 1);
    for _ in 0..300 {
        at.session.ask(add("x"), at.now);
    }
    assert_eq!(at.session.pending().count(), 256);
    assert!(at.told().contains(&Told::TooMany(add("x"))));
}

#[test]
fn after_silence_it_asks_and_without_an_answer_it_gives_the_connection_up_not_the_seat() {
    let mut at = At::joined();
    assert_eq!(at.waits(), 27_000, "the server's ping is due before");
    assert_eq!(at.effects(), [Effect::Ping]);
    at.now += 9_000;
    at.session.alive(at.now);
    assert_eq!(at.waits(), 27_000);
    assert_eq!(at.effects(), [Effect::Ping]);
    assert_eq!(at.waits(), 10_000);
    assert_eq!(at.effects(), [Effect::Drop]);
    assert!(matches!(
        at.session.status(),
        Status::Offline(Why::Silent, _)
    ));
    at.waits();
    at.effects();
    assert_eq!(at.open()["resume"]["seat"], SEAT);
    assert_eq!(at.waits(), 10_000, "the first message is due too");
    assert_eq!(at.effects(), [Effect::Drop]);
}

#[test]
fn an_unanswered_command_is_a_sign_of_a_dead_connection() {
    let mut at = At::joined();
    at.session.ask(add("x"), at.now);
    at.effects();
    assert_eq!(at.waits(), 10_000);
    assert_eq!(at.effects(), [Effect::Drop]);
}

#[test]
fn a_snapshot_takes_the_place_of_all_that_was_known() {
    let mut at = At::joined();
    let mut whole = state();
    whole["items"] = json!([{"number":4,"item":"김치찌개","by":1,"name":"Mina","votes":[1,2]}]);
    at.hears(json!({"snapshot":{"epoch":epoch(2),"seq":0,"state":whole,"members":[],"expires_at":START,"now":START}}));
    let room = at.session.room().unwrap();
    assert_eq!((room.epoch, room.seq), (Epoch(2), 0));
    assert_eq!(room.menu.items.len(), 1);
    assert_eq!(at.told(), [Told::Whole]);
    at.session.closed(1006, at.now);
    at.waits();
    at.effects();
    assert_eq!(at.open()["resume"]["epoch"], epoch(2));
}

#[test]
fn a_gap_or_rubbish_leads_to_a_new_connection_and_old_events_to_nothing() {
    let mut at = At::joined();
    at.happens(1, json!({"left":{"member":1}}));
    assert_eq!(at.session.room().unwrap().members.len(), 1);
    at.happens(3, json!({"left":{"member":1}}));
    assert_eq!(at.effects(), [Effect::Drop]);
    for rubbish in [
        "",
        "nonsense",
        "[]",
        "{\"hello\":{}}",
        "{\"event\":{\"seq\":\"2\"}}",
    ] {
        let mut at = At::joined();
        at.session.heard(rubbish, at.now);
        assert_eq!(at.effects(), [Effect::Drop], "{rubbish}");
        assert!(matches!(
            at.session.status(),
            Status::Offline(Why::Garbled(_), _)
        ));
    }
}

#[test]
fn what_a_newer_server_says_is_ignored_but_counted() {
    let mut at = At::joined();
    at.hears(json!({"weather":{"rain":true}}));
    at.happens(2, json!({"danced":{"member":1}}));
    at.happens(3, json!({"change":{"seasoned":{"number":1,"salt":2}}}));
    at.happens(
        4,
        json!({"change":{"added":{"number":1,"item":"x","name":"Mina","price":9}}}),
    );
    assert_eq!(at.effects(), []);
    let room = at.session.room().unwrap();
    assert_eq!((room.seq, room.menu.items.len()), (4, 1));
}

#[test]
fn whoever_leaves_says_goodbye_and_does_not_come_back() {
    let mut at = At::joined();
    at.session.leave();
    at.session.leave();
    assert_eq!(at.effects(), [Effect::Goodbye], "twice is once");
    assert_eq!(
        at.session.status(),
        Status::Ended(Why::Closed(CloseReason::Left))
    );
    assert_eq!(at.session.next_at(), None);

    let mut at = At::start(0);
    at.session.leave();
    assert_eq!(at.effects(), [Effect::Drop], "there is nobody to say it to");

    let mut at = At::joined();
    at.session.closed(4410, at.now);
    at.session.leave();
    assert_eq!(
        at.session.status(),
        Status::Ended(Why::Closed(CloseReason::Expired)),
        "the first reason stays"
    );
}

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
    let numbers: Vec<u64> = room.menu.items.iter().map(|item| item.number).collect();
    assert_eq!(numbers, [1, 2], "restored at its place");
    assert_eq!(room.menu.items[0].votes, [MemberId(2)]);
    assert_eq!(room.menu.title.as_deref(), Some("Friday"));
    let (one, two) = (&room.members[0], &room.members[1]);
    assert_eq!((&*one.name, one.colour), ("Mina K", Colour::new(5)));
    assert_eq!(
        (&*two.name, two.colour, two.away),
        ("Juno", Colour::new(7), true)
    );
    let decision = room.menu.settling.decision.as_ref().unwrap();
    assert_eq!((decision.winner.number, decision.winner.votes), (1, 1));
    assert_eq!(at.session.verdict(), None, "votes need no checking");
    let told = at.told();
    let juno = || Who::Other("Juno".to_owned());
    let voted = Told::News(News::Voted {
        who: juno(),
        item: "pizza".into(),
        on: true,
        votes: 1,
    });
    assert_eq!(told[3..5], [voted.clone(), voted], "twice is once");
    assert_eq!(told[0], Told::News(News::Joined(juno())));
    assert_eq!(
        told[5],
        Told::News(News::Removed(juno(), 1, "pizza".into()))
    );
    at.happens(14, json!({"change":{"titled":{"title":null}}}));
    at.happens(15, json!({"left":{"member":2}}));
    let room = at.session.room().unwrap();
    assert_eq!(room.menu.title, None);
    assert_eq!(room.members.len(), 1);
    // The name goes with whoever has to join anew.
    at.session.closed(4401, at.now);
    at.effects();
    assert_eq!(at.open(), json!({"join":{"name":"Mina K","colour":5}}));
}

#[test]
fn the_time_that_is_left_goes_by_the_stores_clock() {
    let mut at = At::start(0);
    // This machine's clock is an hour behind.
    at.now -= 3_600_000;
    at.open();
    at.hears(hello_with(state(), json!([]), 1));
    at.now += 1_000;
    let left = at.session.room().unwrap().left(at.now);
    assert_eq!(left.as_secs(), 599);
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
            at.session.ask(Command::Extend(Extend {}), at.now);
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
            at.session.ask(Command::Extend(Extend {}), at.now);
        }
        assert!(at.session.next_at().is_some(), "{rate}");
    }
}
