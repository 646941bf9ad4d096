//! A seat over a network that comes and goes: "Coming back" of docs/protocol.md.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use support::{Lunch, SEAT, START, epoch, hello, hello_with, resumed, state};
use tablecast_client::protocol::client;
use tablecast_client::protocol::close::{CloseReason, ComeBack};
use tablecast_client::protocol::push::Version;
use tablecast_client::protocol::{Epoch, MemberId};
use tablecast_client::{
    Application, Effect, Entropy, Failure, Incoming, Millis, Notification, Outgoing, Reason, Room,
    Status,
};
use tablecast_lunch::{Command, Event, Table};

type At = support::At<Lunch>;
type Request = client::Request<Command>;

fn add(item: &str) -> Request {
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
    at.session.hear(Incoming::Closed(1006), at.now);
    assert!(matches!(
        at.session.status(),
        Status::Offline(Reason::Lost, _)
    ));
    at.waits();
    assert_eq!(at.effects(), [Effect::Open]);
    assert_eq!(
        at.open(),
        json!({"resume":{"seat":SEAT,"epoch":epoch(1),"seq":2,"take":false}})
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
    assert!(at.session.room().unwrap().state.items.is_empty());
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
        at.session.hear(Incoming::Closed(code), at.now);
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
        reason: Reason::Lost,
    };
    let mut waits = Vec::new();
    let mut at = At::start(0xff);
    for _ in 0..8 {
        at.session.hear(Incoming::Failed(refused()), at.now);
        waits.push(at.waits());
        assert_eq!(at.effects(), [Effect::Open]);
    }
    assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
    at.open();
    at.now += 4_999;
    at.session.hear(Incoming::Closed(1006), at.now);
    assert_eq!(at.waits(), 20000, "it did not hold");
    at.effects();
    at.open();
    at.now += 5_000;
    at.session.hear(Incoming::Closed(1006), at.now);
    assert_eq!(at.waits(), 500);

    let mut at = At::start(0);
    at.session.hear(Incoming::Failed(refused()), at.now);
    assert_eq!(at.waits(), 0, "full jitter begins with nothing");
    let mut at = At::start(0);
    at.session.hear(Incoming::Closed(4403), at.now);
    assert_eq!(at.waits(), 30_000);
}

#[test]
fn a_server_that_asks_to_be_left_alone_is() {
    let mut at = At::start(0);
    let failure = Failure {
        again: ComeBack::Soon,
        after: Some(7_000),
        reason: Reason::Unreachable("503".to_owned()),
    };
    at.session.hear(Incoming::Failed(failure), at.now);
    assert_eq!(at.waits(), 7_000);
}

#[test]
fn somebody_may_try_now_also_when_it_has_ended() {
    let mut at = At::start(0xff);
    at.session.hear(Incoming::Closed(4403), at.now);
    at.session.retry_now();
    assert_eq!(at.effects(), [Effect::Open]);
    at.session.retry_now();
    assert_eq!(at.effects(), [], "it tries already");
    at.session.hear(Incoming::Closed(4409), at.now);
    at.session.retry_now();
    assert_eq!(at.effects(), [Effect::Open]);
}

/// By itself it leaves the seat to another window that has it now; where somebody asks for it, it takes it.
#[test]
fn a_seat_is_taken_from_another_client_only_where_somebody_asks_for_it() {
    let mut at = At::joined();
    let comes_back = |at: &mut At| {
        at.effects();
        at.open()["resume"]["take"].clone()
    };
    at.session.hear(Incoming::Closed(1006), at.now);
    at.session.retry_now();
    assert_eq!(comes_back(&mut at), false);
    at.session.hear(Incoming::Closed(4409), at.now);
    at.session.retry_now();
    assert_eq!(comes_back(&mut at), Value::Null, "it had ended");
    at.session.hear(Incoming::Closed(1006), at.now);
    at.waits();
    assert_eq!(comes_back(&mut at), Value::Null, "not answered yet");
    at.hears(hello());
    at.session.hear(Incoming::Closed(1006), at.now);
    at.waits();
    assert_eq!(comes_back(&mut at), false);
    at.session.send(add("pho"), at.now);
    at.session.hear(Incoming::Closed(1006), at.now);
    at.waits();
    assert_eq!(comes_back(&mut at), Value::Null, "it is to be done");
}

/// A slow server may let a connection in that was given up, later than the newer one.
#[test]
fn a_seat_that_an_own_connection_took_over_is_taken_back_once_for_each() {
    let mut at = At::joined();
    at.session.hear(Incoming::Closed(1006), at.now);
    let come_back = |at: &mut At| {
        at.waits();
        assert_eq!(at.effects(), [Effect::Open]);
        at.open();
    };
    come_back(&mut at);
    // Given up without an answer.
    at.session.hear(Incoming::Closed(1006), at.now);
    come_back(&mut at);
    at.hears(hello());
    at.session.hear(Incoming::Closed(4409), at.now);
    come_back(&mut at);
    at.hears(hello());
    at.session.hear(Incoming::Closed(4409), at.now);
    let why = Reason::Closed(CloseReason::TakenOver);
    assert_eq!(at.session.status(), Status::Ended(why));
}

#[test]
fn what_was_not_answered_is_said_again_in_order_and_to_the_byte() {
    let mut at = At::joined();
    for item in ["a", "b", "c"] {
        at.session.send(add(item), at.now);
    }
    let first = at.effects();
    at.hears(json!({"ack":{"id":1,"seq":2}}));
    at.session.hear(Incoming::Closed(1012), at.now);
    at.session.send(add("d"), at.now);
    assert_eq!(at.effects(), [], "nothing is said while offline");
    at.waits();
    at.effects();
    at.open();
    at.hears(resumed());
    let again = at.effects();
    assert_eq!(again[..2], first[1..]);
    assert_eq!(
        again[2..],
        [Effect::Send(Outgoing::Text(
            r#"{"id":4,"add":{"item":"d"}}"#.to_owned()
        ))]
    );
}

#[test]
fn a_lost_seat_is_joined_anew_once_and_what_was_sent_is_unsure() {
    let mut at = At::joined();
    at.session.send(add("sent"), at.now);
    at.effects();
    at.session.hear(Incoming::Closed(1006), at.now);
    at.session.send(add("not sent"), at.now);
    at.waits();
    at.effects();
    at.open();
    at.session.hear(Incoming::Closed(4401), at.now);
    assert_eq!(at.effects(), [Effect::Open], "at once");
    assert_eq!(
        at.notifications(),
        [Notification::Unsure(vec![add("sent")])]
    );
    assert_eq!(at.open(), json!({"join":{"name":"Mina"}}));
    at.hears(hello());
    assert_eq!(at.said(), [json!({"id":1,"add":{"item":"not sent"}})]);

    let mut at = At::start(0);
    at.open();
    at.session.hear(Incoming::Closed(4401), at.now);
    assert!(matches!(at.session.status(), Status::Ended(_)), "not twice");
}

#[test]
fn a_command_whose_outcome_is_unknown_is_said_again_before_anything_newer() {
    let mut at = At::joined();
    at.session.send(add("a"), at.now);
    let first = at.effects();
    at.hears(json!({"error":{"id":1,"code":"unavailable","message":"…"}}));
    at.session.send(add("b"), at.now);
    assert_eq!(at.effects(), []);
    assert_eq!(at.notifications(), [], "nobody needs to do anything");
    assert_eq!(at.waits(), 1_000);
    let again = at.effects();
    assert_eq!(again[..1], first);
    assert_eq!(again.len(), 2);
}

#[test]
fn a_refusal_is_told_and_the_command_is_done_with() {
    let mut at = At::joined();
    at.session.send(Command::remove(9), at.now);
    assert!(!at.session.is_settled());
    at.hears(json!({"error":{"id":1,"code":"not_found","message":"no\u{1b}[2J"}}));
    let told = at.notifications();
    let [Notification::Refused(refusal, Some(Request::Command(command)))] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(*command, Command::remove(9));
    assert_eq!(&*refusal.message, "no\u{FFFD}[2J");
    assert!(at.session.is_settled());
}

/// Adds a dish by itself, once in each epoch.
#[derive(Default)]
struct Hungry(Option<Epoch>);

impl Application for Hungry {
    type State = Table;
    type Event = Event;
    type Command = Command;
    type News = Event;

    fn apply(table: &mut Table, by: Option<MemberId>, event: Event) -> Option<Event> {
        Lunch::apply(table, by, event)
    }

    fn tend(&mut self, room: &Room<Table>, _: Millis, _: &mut Entropy) -> Vec<Command> {
        let is_new = self.0.replace(room.epoch) != Some(room.epoch);
        is_new.then(|| Command::add("soup")).into_iter().collect()
    }
}

#[test]
fn what_the_application_says_by_itself_is_nobodys_matter() {
    let mut at = support::At::<Hungry>::joined();
    assert_eq!(at.said(), [json!({"id":1,"add":{"item":"soup"}})]);
    assert!(at.session.is_settled());
    at.hears(json!({"error":{"id":1,"code":"menu_full","message":"…"}}));
    assert_eq!(at.notifications(), []);
    let mut snapshot = hello()["hello"].clone();
    snapshot["epoch"] = json!(epoch(2));
    at.hears(json!({ "snapshot": snapshot }));
    assert_eq!(at.said(), [json!({"id":2,"add":{"item":"soup"}})]);
    // With the seat it is lost, and nobody has to look whether it was done.
    at.session.hear(Incoming::Closed(4401), at.now);
    assert_eq!(at.notifications(), [Notification::Snapshot]);
    at.effects();
    at.open();
    at.hears(hello());
    assert_eq!(at.said(), [json!({"id":1,"add":{"item":"soup"}})]);
}

/// Its commands have keys that are no strings.
#[derive(Default)]
struct Odd;

impl Application for Odd {
    type State = ();
    type Event = ();
    type Command = BTreeMap<Vec<u8>, u8>;
    type News = ();

    fn apply((): &mut (), _: Option<MemberId>, (): ()) -> Option<()> {
        None
    }
}

#[test]
fn what_json_cannot_carry_is_refused_at_once() {
    let mut at = support::At::<Odd>::start(0);
    at.session.send(BTreeMap::from([(vec![1], 2)]), at.now);
    let notifications = at.notifications();
    let [Notification::Refused(refusal, Some(_))] = notifications.as_slice() else {
        panic!("{notifications:?}");
    };
    assert_eq!(refusal.code, "bad_command");
    assert_eq!(at.session.pending().count(), 0);
}

#[test]
fn no_more_is_said_than_the_server_allows() {
    let mut at = At::joined();
    for _ in 0..30 {
        at.session.send(add("x"), at.now);
    }
    assert_eq!(at.said().len(), 10, "half of what is allowed at once");
    assert_eq!(at.waits(), 100);
    assert_eq!(at.said().len(), 1);
    for _ in 0..300 {
        at.session.send(add("x"), at.now);
    }
    assert_eq!(at.session.pending().count(), 256);
    assert!(
        at.notifications()
            .contains(&Notification::TooMany(add("x")))
    );
}

#[test]
fn after_silence_it_asks_and_without_an_answer_it_gives_the_connection_up_not_the_seat() {
    let mut at = At::joined();
    assert_eq!(at.waits(), 27_000, "the server's ping is due before");
    assert_eq!(at.effects(), [Effect::Send(Outgoing::Ping)]);
    at.now += 9_000;
    at.session.hear(Incoming::Alive, at.now);
    assert_eq!(at.waits(), 27_000);
    assert_eq!(at.effects(), [Effect::Send(Outgoing::Ping)]);
    assert_eq!(at.waits(), 10_000);
    assert_eq!(at.effects(), [Effect::Drop]);
    assert!(matches!(
        at.session.status(),
        Status::Offline(Reason::Silent, _)
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
    at.session.send(add("x"), at.now);
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
    assert_eq!(room.state.items.len(), 1);
    assert_eq!(at.notifications(), [Notification::Snapshot]);
    at.session.hear(Incoming::Closed(1006), at.now);
    at.waits();
    at.effects();
    assert_eq!(at.open()["resume"]["epoch"], epoch(2));
}

/// The server makes such an event when a join was refused that might have been carried out.
#[test]
fn of_one_who_never_had_a_seat_nothing_is_told() {
    let mut at = At::joined();
    at.notifications();
    at.happens(2, json!({"left":{"member":2}}));
    assert_eq!(at.notifications(), []);
    assert_eq!(at.session.room().unwrap().seq, 2);
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
        at.session.hear(Incoming::Text(rubbish.to_owned()), at.now);
        assert_eq!(at.effects(), [Effect::Drop], "{rubbish}");
        assert!(matches!(
            at.session.status(),
            Status::Offline(Reason::Garbled(_), _)
        ));
    }
}

/// Among the missed events it would come again.
#[test]
fn after_what_cannot_be_read_the_whole_state_is_asked_for() {
    let mut at = At::joined();
    at.happens(
        2,
        json!({"change":{"voted":{"number":"a newer kind of number"}}}),
    );
    assert_eq!(at.effects(), [Effect::Drop]);
    at.waits();
    at.effects();
    assert_eq!(at.open(), json!({"resume":{"seat":SEAT,"take":false}}));
    at.hears(hello());
    assert_eq!(at.session.status(), Status::Live);
    let lost = Failure {
        again: ComeBack::Soon,
        after: None,
        reason: Reason::Lost,
    };
    at.session.hear(Incoming::Failed(lost), at.now);
    at.waits();
    at.effects();
    assert!(at.open()["resume"]["seq"].is_u64(), "once is enough");
}

#[test]
fn what_a_newer_server_says_besides_events_is_ignored() {
    let mut at = At::joined();
    at.hears(json!({"weather":{"rain":true}}));
    at.happens(
        2,
        json!({"change":{"added":{"number":1,"item":"x","name":"Mina","price":9}}}),
    );
    assert_eq!(at.effects(), []);
    assert_eq!(at.session.outdated(), None);
    let room = at.session.room().unwrap();
    assert_eq!((room.seq, room.state.items.len()), (2, 1));
}

/// Else it would show something wrong, at the same position as those who are right.
#[test]
fn an_event_that_is_not_known_is_told_once_and_the_state_is_loaded_anew() {
    let version = Version {
        protocol: 1,
        app: 2,
    };
    for unknown in [
        json!({"danced":{"member":1}}),
        json!({"change":{"seasoned":{"number":1,"salt":2}}}),
    ] {
        let mut at = At::start(0xff);
        at.open();
        let mut first = hello();
        first["hello"]["version"] = json!(version);
        at.hears(first.clone());
        at.session.send(add("sent"), at.now);
        at.effects();
        at.notifications();
        at.happens(1, unknown.clone());
        assert_eq!(at.effects(), [], "an old one changes nothing");
        at.happens(2, unknown.clone());
        assert_eq!(at.effects(), [Effect::Drop]);
        assert_eq!(at.notifications(), [Notification::Outdated(version)]);
        assert_eq!(at.session.outdated(), Some(version));
        assert_eq!(at.session.room().unwrap().seq, 1);
        let back_at = at.now + 500;
        assert_eq!(
            at.session.status(),
            Status::Offline(Reason::Outdated, back_at)
        );
        at.session.send(add("soup"), at.now);
        assert_eq!(at.effects(), [], "nothing is asked of what may be wrong");
        // Also from the next connection on it may miss an event that it would not know.
        for _ in 0..2 {
            at.waits();
            at.effects();
            assert_eq!(at.open(), json!({"resume":{"seat":SEAT}}));
            first["hello"]["seq"] = json!(3);
            at.hears(first.clone());
            assert_eq!(at.said().len(), 2, "also what was sent before");
            assert_eq!(at.session.status(), Status::Live);
            assert_eq!(at.notifications(), [Notification::Snapshot]);
            at.happens(4, unknown.clone());
            assert_eq!(at.effects(), [Effect::Drop], "but it is not told again");
        }
    }
}

#[test]
fn whoever_leaves_says_goodbye_and_does_not_come_back() {
    let mut at = At::joined();
    at.session.close();
    at.session.close();
    assert_eq!(
        at.effects(),
        [Effect::Send(Outgoing::Goodbye)],
        "twice is once"
    );
    assert_eq!(
        at.session.status(),
        Status::Ended(Reason::Closed(CloseReason::Left))
    );
    assert_eq!(at.session.next_at(), None);

    let mut at = At::start(0);
    at.session.close();
    assert_eq!(at.effects(), [Effect::Drop], "there is nobody to say it to");

    let mut at = At::joined();
    at.session.hear(Incoming::Closed(4410), at.now);
    at.session.close();
    assert_eq!(
        at.session.status(),
        Status::Ended(Reason::Closed(CloseReason::Expired)),
        "the first reason stays"
    );
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
