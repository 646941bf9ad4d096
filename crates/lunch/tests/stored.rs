//! What each version has stored of a room is read by this one: its state at the beginning, each
//! event, and its state after them, as bytes, a line each. With `TABLECAST_WRITE_DATA` set those of
//! this version are written first; they are kept as they are from then on.
//!
//! - `1.jsonl`: the last version before rooms were stored in a database, commit 175930a.
//! - `2.jsonl`: the first in which what is stored says its forms.
//! - `3.jsonl`: the first that knows persons.
//! - `4.jsonl`: the first with rules, a deadline, a host, vetoes and earlier decisions.
//! - `5.jsonl`: the first that forgets the votes of whoever was asked to leave.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tablecast_core::draft::{Draft, Join};
use tablecast_core::history::History;
use tablecast_core::membership::Op;
use tablecast_core::room::{Change, Event as RoomEvent};
use tablecast_core::{
    Colour, ConnectionId, Epoch, Forms, MemberId, NodeId, PersonId, PersonKey, Position, Room,
    SeatToken,
};
use tablecast_lunch::{Decided, Event, MasterSecret, Menu, Voted};

/// The version whose bytes are written.
const NEWEST: &str = "5";

/// Every kind of event. All are in the files.
const KINDS: [&str; 29] = [
    "joined",
    "returned",
    "returned to a seat",
    "back",
    "away",
    "left",
    "renamed",
    "added",
    "removed",
    "restored",
    "voted",
    "titled",
    "extended",
    "drawing",
    "contributed",
    "decided by votes",
    "decided by draw",
    "deadline",
    "nudged",
    "vetoed",
    "ruled",
    "locked",
    "hosted",
    "dismissed",
    "cleared",
    "reinstated",
    "voted secretly",
    "drawing at a deadline",
    "dismissed and left",
];

fn kind(change: &Change<Event>) -> &'static str {
    match change {
        Change::Joined(_) => "joined",
        Change::Returned(returned) if returned.seated.is_none() => "returned",
        Change::Returned(_) => "returned to a seat",
        Change::Back { .. } => "back",
        Change::Away { .. } => "away",
        Change::Left {
            dismissed: true, ..
        } => "dismissed and left",
        Change::Left { .. } => "left",
        Change::Closed {} => "closed",
        Change::Renamed { .. } => "renamed",
        Change::Logic { event, .. } => match event {
            Event::Added { .. } => "added",
            Event::Removed { .. } => "removed",
            Event::Restored(_) => "restored",
            Event::Voted(Voted::For { any: Some(_), .. }) => "voted secretly",
            Event::Voted(_) => "voted",
            Event::Titled { .. } => "titled",
            Event::Extended {} => "extended",
            Event::Drawing(began) if began.ends_at.is_some() => "drawing at a deadline",
            Event::Drawing(_) => "drawing",
            Event::Contributed { .. } => "contributed",
            Event::Decided(decided) => match **decided {
                Decided::Votes { .. } => "decided by votes",
                Decided::Draw { .. } => "decided by draw",
            },
            Event::Deadline { .. } => "deadline",
            Event::Nudged { .. } => "nudged",
            Event::Vetoed { .. } => "vetoed",
            Event::Ruled(_) => "ruled",
            Event::Locked { .. } => "locked",
            Event::Hosted { .. } => "hosted",
            Event::Dismissed { .. } => "dismissed",
            Event::Cleared { .. } => "cleared",
            Event::Reinstated { .. } => "reinstated",
        },
    }
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn at(seq: u64) -> Position {
    let epoch = Epoch(1);
    Position { epoch, seq }
}

#[test]
fn what_each_version_has_stored_is_read() {
    if std::env::var_os("TABLECAST_WRITE_DATA").is_some() {
        fs::write(
            data().join(format!("{NEWEST}.jsonl")),
            written(Forms::of::<Menu>()),
        )
        .unwrap();
    }
    let mut kinds = BTreeSet::new();
    let mut versions = 0;
    for file in fs::read_dir(data()).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let [first, events @ .., last] = lines.as_slice() else {
            panic!("{}: no states", path.display());
        };
        let mut room = Room::<Menu>::decode(at(0), first.as_bytes()).unwrap();
        for (seq, line) in (1..).zip(events) {
            let event = RoomEvent::decode::<Menu>(seq, line.as_bytes()).unwrap();
            kinds.insert(kind(&event.change));
            room.apply(&event);
        }
        let stored = Room::decode(room.position, last.as_bytes()).unwrap();
        assert_eq!(room, stored, "{}", path.display());
        versions += 1;
    }
    assert_eq!(versions, 5, "all of them");
    assert_eq!(kinds, BTreeSet::from(KINDS));
}

/// While an older node lives, this version writes what that one would: the same bytes.
#[test]
fn what_is_not_new_is_stored_as_before() {
    let before = fs::read_to_string(data().join("1.jsonl")).unwrap();
    assert_eq!(written(Forms::FIRST), before);
}

struct Scribe {
    room: Room<Menu>,
    forms: Forms,
    lines: Vec<String>,
    number: u64,
    /// The store's clock.
    now: u64,
}

impl Scribe {
    fn decide<T>(&mut self, decide: impl FnOnce(&mut Draft<'_, Menu>) -> T) -> T {
        let history = History::default();
        let mut draft = Draft::new(&self.room, &history, self.forms, self.now);
        let decided = decide(&mut draft);
        let (room, events) = draft.finish();
        for event in events {
            self.line(&event.encode().unwrap());
        }
        self.room = room;
        decided
    }

    fn line(&mut self, bytes: &[u8]) {
        self.lines
            .push(std::str::from_utf8(bytes).unwrap().to_owned());
    }

    fn op(&mut self) -> Op {
        self.number += 1;
        let number = self.number;
        let digest = u64::MAX - number;
        Op { number, digest }
    }

    fn command(&mut self, member: MemberId, command: &str) {
        let op = self.op();
        let command = serde_json::from_str(command).unwrap();
        self.decide(|draft| draft.command(member, op, &command))
            .unwrap();
    }
}

/// Whoever has the nth seat.
fn person(nth: u64) -> PersonId {
    PersonId::new(PersonKey(nth.into()), &"r".parse().unwrap())
}

/// A table with one of everything that these forms have.
fn written(forms: Forms) -> String {
    let mut menu = Menu::new(100, MasterSecret::new([7; 32]));
    let has_rules = forms.app >= 2;
    if has_rules {
        menu = menu.with_host(person(0));
    }
    let room = Room::new(at(0), 10, Duration::from_secs(600), menu);
    let mut scribe = Scribe {
        room,
        forms,
        lines: Vec::new(),
        number: 0,
        now: 1_750_000_000_000,
    };
    let first = scribe.room.encode().unwrap();
    scribe.line(&first);
    let node: NodeId = "node-1".parse().unwrap();
    let [mina, jun, guest] =
        [("Mina", Some(3)), ("준", Some(4)), ("guest 3", None)].map(|(name, colour)| {
            let seat = scribe.number;
            scribe.number += 1;
            let join = Join {
                role: None,
                name: Some(name.to_owned()),
                colour: colour.and_then(Colour::new),
                token: SeatToken(u128::MAX - u128::from(seat)),
                person: Some(person(seat)),
                node: node.clone(),
                connection: ConnectionId(u64::MAX - seat),
            };
            scribe.decide(|draft| draft.join(&join)).unwrap()
        });
    for command in [
        r#"{"title":{"title":"Friday"}}"#,
        r#"{"add":{"item":"김치찌개"}}"#,
        r#"{"add":{"item":"pizza \"4\""}}"#,
        r#"{"add":{"item":"sushi"}}"#,
        r#"{"remove":{"number":3}}"#,
        r#"{"remove":{"number":2}}"#,
        r#"{"restore":{"number":2}}"#,
        r#"{"extend":{}}"#,
    ] {
        scribe.command(mina, command);
    }
    scribe.command(jun, r#"{"vote":{"number":1,"on":true}}"#);
    scribe.command(guest, r#"{"vote":{"number":2,"on":true}}"#);
    scribe.command(guest, r#"{"vote":{"number":2,"on":false}}"#);
    let op = scribe.op();
    scribe
        .decide(|draft| draft.rename(jun, op, "Jun", Colour::new(5)))
        .unwrap();
    scribe.command(jun, r#"{"decide":{"how":"votes"}}"#);
    scribe.command(jun, r#"{"decide":{"how":"draw"}}"#);
    let value = "0123456789abcdef".repeat(4);
    let contribute = format!(r#"{{"contribute":{{"draw":1,"value":"{value}"}}}}"#);
    scribe.command(mina, &contribute);
    scribe.command(jun, r#"{"reveal":{"draw":1}}"#);
    let until = Some(1_750_000_000_000);
    scribe.decide(|draft| {
        draft.disconnect(ConnectionId(u64::MAX), until);
        draft
            .resume(SeatToken(u128::MAX), &node, ConnectionId(1))
            .unwrap();
        draft.disconnect(ConnectionId(u64::MAX - 1), until);
        draft.disconnect(ConnectionId(u64::MAX - 2), None);
    });
    // While an older node lives, whoever comes back is somebody new.
    if forms != Forms::FIRST {
        for (seat, is_away) in [(1, true), (2, false)] {
            let back = Join {
                role: None,
                name: None,
                colour: None,
                token: SeatToken(seat.into()),
                person: Some(person(seat)),
                node: node.clone(),
                connection: ConnectionId(2 + seat),
            };
            let member = scribe.decide(|draft| draft.join(&back)).unwrap();
            assert_eq!(member, if is_away { jun } else { guest });
        }
        scribe.decide(|draft| draft.disconnect(ConnectionId(3), None));
    }
    if has_rules {
        with_rules(&mut scribe, mina, guest);
    }
    let last = scribe.room.encode().unwrap();
    scribe.line(&last);
    scribe.lines.join("\n") + "\n"
}

/// What the table knows since it has rules.
fn with_rules(scribe: &mut Scribe, mina: MemberId, guest: MemberId) {
    for command in [
        r#"{"lock":{"on":true}}"#,
        r#"{"nudge":{}}"#,
        r#"{"rules":{"hidden_votes":true,"votes_each":2}}"#,
        r#"{"vote":{"number":2,"on":true}}"#,
        r#"{"add":{"item":"bibimbap"}}"#,
    ] {
        scribe.command(mina, command);
    }
    scribe.command(guest, r#"{"veto":{"number":4,"on":true}}"#);
    // The first is decided by the server's secret alone, and the second by votes.
    for vote in [
        r#"{"vote":{"number":1,"on":false}}"#,
        r#"{"vote":{"number":2,"on":true}}"#,
    ] {
        scribe.command(mina, r#"{"deadline":{"in_ms":60000}}"#);
        scribe.command(guest, vote);
        for ms in [60_000, 5_000] {
            scribe.now += ms;
            scribe.decide(|draft| draft.ring());
        }
    }
    for command in [
        r#"{"reinstate":{"decision":3}}"#,
        r#"{"deadline":{"in_ms":60000}}"#,
        &format!(r#"{{"host":{{"member":{guest}}}}}"#),
    ] {
        scribe.command(mina, command);
    }
    scribe.command(guest, r#"{"vote":{"number":1,"on":true}}"#);
    let dismiss = format!(r#"{{"dismiss":{{"member":{mina}}}}}"#);
    scribe.command(guest, &dismiss);
    scribe.command(guest, r#"{"remove":{"number":4}}"#);
}
