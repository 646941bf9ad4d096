//! A session whose clock and server are the test's.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};
use tablecast_client::protocol::client::Join;
use tablecast_client::protocol::{MemberId, text::is_forbidden};
use tablecast_client::{Application, Effect, Entropy, Incoming, Notification, Outgoing, Session};
use tablecast_lunch::{Command, Event, Table};

/// When a test begins.
pub const START: u64 = 1_800_000_000_000;

pub const SEAT: &str = "093bd625f1da1601b8c6145ff69a1c2c";

/// The history of a room that was never lost.
pub fn epoch(number: u64) -> String {
    format!("{number:016x}")
}

/// What a draw is bound to, as far as a test does not look.
pub fn commitment() -> String {
    "ff".repeat(32)
}

/// The lunch table as it is; of what others wrote, only the text of errors is cleaned.
#[derive(Debug, Default)]
pub struct Lunch;

impl Application for Lunch {
    type State = Table;
    type Event = Event;
    type Command = Command;
    type News = Event;

    fn apply(table: &mut Table, by: Option<MemberId>, event: Event) -> Option<Event> {
        table.apply(by, &event);
        Some(event)
    }

    fn clean(message: &mut Value) {
        if let Some(Value::String(text)) = message.pointer_mut("/error/message") {
            *text = text.replace(is_forbidden, "\u{FFFD}");
        }
    }
}

pub struct At<A: Application> {
    pub session: Session<A>,
    pub now: u64,
}

impl<A: Application + Default> At<A> {
    /// A session that is about to connect; randomness is these bytes, over and over.
    pub fn start(random: u8) -> Self {
        let who = Join {
            name: Some("Mina".to_owned()),
            ..Join::default()
        };
        let mut at = At {
            session: Session::new(
                A::default(),
                who,
                Entropy::new(move |bytes| bytes.fill(random)),
            ),
            now: START,
        };
        assert_eq!(at.effects(), [Effect::Open]);
        at
    }

    /// One that has joined as member 1, with an empty menu.
    pub fn joined() -> Self {
        let mut at = At::start(0xff);
        at.open();
        at.hears(hello());
        at.session.notifications();
        at
    }

    /// The socket opens: what is said first, without the client's number.
    pub fn open(&mut self) -> Value {
        self.session.hear(Incoming::Opened, self.now);
        let mut said = self.said();
        assert_eq!(said.len(), 1);
        let mut said = said.remove(0);
        let first = said
            .as_object_mut()
            .and_then(|said| said.values_mut().next());
        let client = first.unwrap().as_object_mut().unwrap().remove("client");
        assert!(client.is_some_and(|number| number.as_u64() > Some(0)));
        said
    }

    pub fn hears(&mut self, push: Value) {
        self.session
            .hear(Incoming::Text(push.to_string()), self.now);
    }

    /// An event by member 1 at this place.
    pub fn happens(&mut self, seq: u64, what: Value) {
        self.happens_by(1, seq, what);
    }

    /// An event by this member; 0: by the server or the clock.
    pub fn happens_by(&mut self, by: u64, seq: u64, what: Value) {
        let mut event = what;
        event["seq"] = json!(seq);
        event["by"] = json!(Some(by).filter(|by| *by > 0));
        event["expires_at"] = json!(START + 600_000);
        self.hears(json!({ "event": event }));
    }

    pub fn effects(&mut self) -> Vec<Effect> {
        self.session.effects()
    }

    /// What was sent, which is all that was done.
    pub fn said(&mut self) -> Vec<Value> {
        let read = |effect| match effect {
            Effect::Send(Outgoing::Text(text)) => serde_json::from_str(&text).unwrap(),
            other => panic!("not only said something: {other:?}"),
        };
        self.effects().into_iter().map(read).collect()
    }

    pub fn notifications(&mut self) -> Vec<Notification<A::News, A::Command>> {
        self.session.notifications()
    }

    /// Lets the time pass up to the next thing that is due: how long that is.
    pub fn waits(&mut self) -> u64 {
        let at = self.session.next_at().expect("nothing is due");
        let wait = at.saturating_sub(self.now);
        self.now = self.now.max(at);
        self.session.tick(self.now);
        wait
    }
}

pub fn limits() -> Value {
    json!({"message_bytes":16384,"commands_per_second":10.0,"command_burst":20,"seat_grace_ms":30000,"ping_interval_ms":25000})
}

pub fn state() -> Value {
    json!({"title":null,"items":[],"max_items":100,"next_draw":{"number":1,"commitment":commitment()},"drawing":null,"decision":null})
}

/// The first message to member 1.
pub fn hello() -> Value {
    hello_with(
        state(),
        json!([{"id":1,"name":"Mina","colour":0,"away":false}]),
        1,
    )
}

pub fn hello_with(state: Value, members: Value, seq: u64) -> Value {
    json!({"hello":{"you":1,"name":"Mina","colour":0,"seat":SEAT,"room":"r","resumed":false,"epoch":epoch(1),"seq":seq,
        "state":state,"members":members,"expires_at":START + 600_000,"now":START,"seats":10,"ttl_ms":600_000,"limits":limits()}})
}

pub fn resumed() -> Value {
    json!({"hello":{"you":1,"name":"Mina","seat":SEAT,"room":"r","resumed":true,"seats":10,"ttl_ms":600_000,"limits":limits()}})
}
