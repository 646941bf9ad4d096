//! What only this client may see of its commands, watching, and what no member did.
#![allow(clippy::unwrap_used)]

mod support;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use support::{SEAT, START, epoch, limits};
use tablecast_client::protocol::client::{Join, Watch};
use tablecast_client::protocol::{CloseReason, MemberId};
use tablecast_client::{
    Application, Effect, Entropy, Incoming, Millis, Notification, Reason, Room, Session, Status,
    Who,
};

/// Lines, of which others do not see what is hidden; it greets whoever it can.
#[derive(Debug, Default)]
struct Notes;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Event {
    Wrote { text: Option<String> },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Command {
    Hide(String),
    Greet {},
}

impl Application for Notes {
    type State = Vec<Option<String>>;
    type Event = Event;
    type Command = Command;
    type News = Event;

    fn apply(lines: &mut Self::State, _: Option<MemberId>, event: Event) -> Option<Event> {
        let Event::Wrote { text } = &event;
        lines.push(text.clone());
        Some(event)
    }

    fn tend(&mut self, room: &Room<Self::State>, _: Millis, _: &mut Entropy) -> Vec<Command> {
        match room.state.is_empty() {
            true => vec![Command::Greet {}],
            false => Vec::new(),
        }
    }

    fn next_at(&self) -> Option<Millis> {
        Some(START)
    }
}

type At = support::At<Notes>;

fn whole(seq: u64, lines: Value) -> Value {
    json!({"resumed":false,"epoch":epoch(1),"seq":seq,"state":lines,"members":[{"id":1,"name":"Mina","colour":0,"away":false}],
        "expires_at":START + 600_000,"now":START})
}

fn hello(seq: u64, lines: Value, role: Value) -> Value {
    let mut hello = whole(seq, lines);
    let rest = json!({"room":"r","seats":1,"ttl_ms":600_000,"limits":limits()});
    for part in [rest, role] {
        let parts = part.as_object().unwrap().clone();
        hello.as_object_mut().unwrap().extend(parts);
    }
    json!({ "hello": hello })
}

fn seated(you: u64) -> Value {
    json!({"you":you,"name":"Mina","colour":0,"seat":SEAT})
}

fn watching() -> Value {
    json!({"watching":true})
}

/// One that is member 1 of a room with a line.
fn joined() -> At {
    let mut at = At::start(0xff);
    at.open();
    at.hears(hello(1, json!(["first"]), seated(1)));
    at.notifications();
    at
}

/// One that watches a room without a line.
fn watches() -> At {
    let who = Join {
        name: Some("Mina".to_owned()),
        watch: Watch::UntilSeated,
        ..Join::default()
    };
    let entropy = Entropy::new(|bytes| bytes.fill(0));
    let mut at = At {
        session: Session::new(Notes, who, entropy),
        now: START,
    };
    assert_eq!(at.effects(), [Effect::Open]);
    assert_eq!(at.open(), json!({"join":{"name":"Mina","watch":true}}));
    at.hears(hello(1, json!([]), watching()));
    at
}

fn lines(at: &At) -> Vec<Option<&str>> {
    let lines = &at.session.room().unwrap().state;
    lines.iter().map(Option::as_deref).collect()
}

fn wrote(text: &str) -> Event {
    let text = Some(text.to_owned());
    Event::Wrote { text }
}

#[test]
fn an_own_change_is_as_the_answer_has_it_and_not_as_others_see_it() {
    let mut at = joined();
    at.session.send(Command::Hide("a".to_owned()), at.now);
    let own = json!([{"wrote":{"text":"a"}},{"wrote":{"text":"b"}}]);
    at.hears(json!({"ack":{"id":1,"seq":4,"own":own}}));
    assert_eq!(lines(&at), [Some("first")], "nothing has happened yet");
    assert!(!at.session.is_settled());
    at.happens_by(2, 2, json!({"change":{"wrote":{"text":"theirs"}}}));
    for seq in 3..=4 {
        at.happens(seq, json!({"change":{"wrote":{}}}));
    }
    assert_eq!(
        lines(&at),
        [Some("first"), Some("theirs"), Some("a"), Some("b")]
    );
    assert!(at.session.is_settled());
    assert_eq!(
        at.notifications()[1..],
        [
            Notification::Change(Some(Who::You), wrote("a")),
            Notification::Change(Some(Who::You), wrote("b")),
        ]
    );
    // Somebody else's stays hidden, also if the same answer comes once more.
    at.hears(json!({"ack":{"id":1,"seq":4,"own":own}}));
    at.happens_by(2, 5, json!({"change":{"wrote":{}}}));
    assert_eq!(lines(&at).last(), Some(&None));
}

#[test]
fn what_an_answer_said_is_void_when_the_whole_state_comes() {
    for push in [
        json!({"snapshot": whole(9, json!(["a"]))}),
        hello(9, json!(["a"]), seated(1)),
    ] {
        let mut at = joined();
        at.hears(json!({"ack":{"id":1,"seq":10,"own":[{"wrote":{"text":"lost"}}]}}));
        at.hears(push);
        at.happens_by(2, 10, json!({"change":{"wrote":{}}}));
        assert_eq!(lines(&at), [Some("a"), None]);
    }
}

#[test]
fn who_watches_sees_all_says_nothing_and_has_a_seat_by_a_second_hello() {
    let mut at = watches();
    assert_eq!(at.session.status(), Status::Live);
    assert!(at.session.is_watching());
    assert_eq!(at.session.room().unwrap().you, None);
    assert_eq!(
        at.said(),
        Vec::<Value>::new(),
        "the application says nothing"
    );
    assert!(at.session.next_at().is_some_and(|next| next > at.now));
    assert_eq!(
        at.notifications(),
        [Notification::Snapshot, Notification::Watching(true)]
    );
    at.happens(2, json!({"change":{"wrote":{"text":"theirs"}}}));
    let theirs = Notification::Change(Some(Who::Other("Mina".to_owned())), wrote("theirs"));
    assert_eq!(at.notifications(), [theirs]);

    at.session.send(Command::Hide("a".to_owned()), at.now);
    assert_eq!(at.said(), [json!({"id":1,"hide":"a"})]);
    at.hears(json!({"error":{"id":1,"code":"watching","message":"you watch"}}));
    let told = at.notifications();
    assert!(
        matches!(&told[..], [Notification::Refused(refusal, Some(_))] if refusal.code == "watching"),
        "{told:?}"
    );

    at.hears(hello(3, json!([]), seated(3)));
    assert!(!at.session.is_watching());
    assert_eq!(
        at.notifications(),
        [Notification::Snapshot, Notification::Watching(false)]
    );
    assert_eq!(at.said(), [json!({"id":2,"greet":{}})], "now it may");
    at.session.hear(Incoming::Closed(1006), at.now);
    at.waits();
    at.effects();
    assert_eq!(
        at.open(),
        json!({"resume":{"seat":SEAT,"epoch":epoch(1),"seq":3,"take":false}})
    );
}

#[test]
fn who_watched_and_lost_the_connection_joins_again() {
    let mut at = watches();
    at.session.hear(Incoming::Closed(1012), at.now);
    at.waits();
    at.effects();
    assert_eq!(at.open(), json!({"join":{"name":"Mina","watch":true}}));
    at.hears(hello(5, json!(["a"]), watching()));
    assert_eq!(lines(&at), [Some("a")]);
}

#[test]
fn a_hello_that_gives_no_seat_and_does_not_say_why_is_garbled() {
    let mut at = At::start(0);
    at.open();
    at.hears(hello(1, json!([]), json!({})));
    let status = at.session.status();
    assert!(
        matches!(status, Status::Offline(Reason::Garbled(_), _)),
        "{status:?}"
    );
}

#[test]
fn what_nobody_did_is_told_as_such() {
    let mut at = joined();
    at.hears(
        json!({"event":{"seq":2,"change":{"wrote":{"text":"noon"}},"expires_at":START + 600_000}}),
    );
    assert_eq!(
        at.notifications(),
        [Notification::Change(None, wrote("noon"))]
    );
}

#[test]
fn who_was_asked_to_leave_does_not_come_back() {
    for mut at in [joined(), watches()] {
        at.session.hear(Incoming::Closed(4411), at.now);
        let why = Reason::Closed(CloseReason::Dismissed);
        assert_eq!(at.session.status(), Status::Ended(why));
        assert_eq!(at.session.next_at(), None);
    }
}
