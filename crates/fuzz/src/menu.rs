//! A lunch table for the targets.

use std::sync::Arc;
use std::time::Duration;

use tablecast_core::code;
use tablecast_core::draft::{Draft, Join};
use tablecast_core::history::History;
use tablecast_core::membership::Op;
use tablecast_core::position::{Epoch, Position};
use tablecast_core::room::Event;
use tablecast_core::{ConnectionId, Forms, MemberId, NodeId, Rejection, Room, SeatToken};
use tablecast_lunch::{Command, MasterSecret, Menu};
use tablecast_protocol::client::Request;

/// A refusal is short, whatever is refused: an answer does not grow with the request.
const MAX_REFUSAL: usize = 2048;

/// A room with one member and a few items.
pub(crate) fn room() -> Room<Menu> {
    let position = Position {
        epoch: Epoch(7),
        seq: 0,
    };
    let menu = Menu::new(4, MasterSecret::new([7; 32]));
    let room = Room::new(position, 2, Duration::from_secs(600), menu);
    let history = History::default();
    let mut draft = Draft::new(&room, &history, Forms::FIRST, 0);
    let joined = draft.join(&Join {
        name: Some("Mina".to_owned()),
        colour: None,
        token: SeatToken(1),
        person: None,
        role: None,
        node: node(),
        connection: ConnectionId(1),
    });
    assert_eq!(joined, Ok(MemberId(1)));
    for (number, item) in (1..).zip(["pizza", "김치찌개"]) {
        let added = draft.command(MemberId(1), op(number), &Command::add(item));
        assert_eq!(added, Ok(number + 1));
    }
    draft.finish().0
}

fn op(number: u64) -> Op {
    Op { number, digest: 0 }
}

fn node() -> NodeId {
    match "n".parse() {
        Ok(node) => node,
        Err(error) => panic!("{error}"),
    }
}

/// Decides what each member asks for, one after another. Whatever comes of it, a node that only
/// reads the events has the same room afterwards.
pub(crate) fn decide(room: &mut Room<Menu>, number: u64, request: &Request<Command>) {
    let history = History::default();
    let mut draft = Draft::new(room, &history, Forms::of::<Menu>(), 0);
    let members: Vec<_> = room.members.iter().map(|seat| seat.member).collect();
    for member in members {
        let decided = match request {
            Request::Rename(rename) => {
                draft.rename(member, op(number), &rename.name, rename.colour)
            }
            Request::Command(command) => draft.command(member, op(number), command),
        };
        if let Err(rejection) = decided {
            told(&rejection);
        }
    }
    let (decided, events) = draft.finish();
    for event in events {
        apply_again(room, &event);
    }
    assert_eq!(*room, decided, "another node has another room");
}

/// Applies an event as a node does that has read it.
fn apply_again(room: &mut Room<Menu>, event: &Arc<Event<<Menu as tablecast_core::Logic>::Event>>) {
    match event
        .encode()
        .and_then(|it| Event::decode::<Menu>(event.seq, &it))
    {
        Ok(read) => {
            assert_eq!(read, **event);
            room.apply(&read);
        }
        Err(error) => panic!("what was written is not read: {error}"),
    }
}

/// A refusal has one of the known codes, and says something short.
pub(crate) fn told(Rejection { code, message }: &Rejection) {
    let mut known = code::ALL.iter().chain(tablecast_lunch::code::ALL);
    assert!(known.any(|(known, _)| known == code), "{code}");
    assert!(!message.is_empty(), "{code} without words");
    assert!(message.len() <= MAX_REFUSAL, "{}", message.len());
}
