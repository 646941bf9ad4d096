//! Deciding, storing and rendering: a room of ten members and twenty items.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use tablecast::App;
use tablecast_core::draft::{Draft, Join};
use tablecast_core::history::History;
use tablecast_core::membership::Op;
use tablecast_core::room::Event;
use tablecast_core::{ConnectionId, Epoch, Forms, MemberId, NodeId, Position, Room, SeatToken};
use tablecast_lunch::{self as menu, Add, Command, MasterSecret, Menu, Vote};

use crate::repeat;

const TIMES: usize = 100;

/// What is added; Korean, as nobody's text is all ASCII here.
const DISH: &str = "김치찌개 2인분";

struct Table {
    room: Room<Menu>,
    history: History<menu::Event>,
    members: Vec<MemberId>,
}

impl Table {
    /// Each of ten members added two items and voted for the first one.
    fn new() -> Table {
        let nowhere = Position {
            epoch: Epoch(1),
            seq: 0,
        };
        let mut room = Room::new(
            nowhere,
            10,
            Duration::from_secs(600),
            Menu::new(100, MasterSecret::new([7; 32])),
        );
        let mut history = History::default();
        let node: NodeId = "node-1".parse().unwrap();
        let members = (0..10)
            .map(|number| {
                let mut draft = Draft::new(&room, &history, Forms::FIRST, 0);
                let join = Join {
                    name: None,
                    colour: None,
                    token: SeatToken(number),
                    person: None,
                    role: None,
                    node: node.clone(),
                    connection: ConnectionId(number as u64),
                };
                let member = draft.join(&join).unwrap();
                for (number, command) in [(1, add_dish()), (2, add_dish()), (3, vote_for(1))] {
                    draft.command(member, op(number), &command).unwrap();
                }
                let (newer, events) = draft.finish();
                room = newer;
                events.into_iter().for_each(|event| history.push(event));
                member
            })
            .collect();
        Table {
            room,
            history,
            members,
        }
    }

    /// Decides a command of the last member on the same state each time; what follows from it is
    /// applied to a copy.
    fn decide(&self, command: &Command) -> (Room<Menu>, Vec<Arc<Event<menu::Event>>>) {
        let mut draft = Draft::new(&self.room, &self.history, Forms::FIRST, 0);
        draft.command(self.members[9], op(4), command).unwrap();
        draft.finish()
    }
}

fn op(number: u64) -> Op {
    Op { number, digest: 7 }
}

fn add_dish() -> Command {
    Command::Add(Add {
        item: DISH.to_owned(),
    })
}

fn vote_for(number: u64) -> Command {
    Command::Vote(Vote {
        item: None,
        number: Some(number),
        on: true,
    })
}

fn decide(command: &Command) -> usize {
    let table = Table::new();
    repeat(TIMES, || {
        let (_, events) = black_box(table.decide(black_box(command)));
        assert_eq!(events.len(), 1);
    })
}

pub(crate) fn add() -> usize {
    decide(&add_dish())
}

pub(crate) fn vote() -> usize {
    decide(&vote_for(20))
}

pub(crate) fn encode_event() -> usize {
    let (_, events) = Table::new().decide(&add_dish());
    repeat(TIMES, || {
        black_box(events[0].encode().unwrap());
    })
}

pub(crate) fn encode_room() -> usize {
    let room = Table::new().room;
    repeat(TIMES, || {
        black_box(room.encode().unwrap());
    })
}

pub(crate) fn render() -> usize {
    let menu = Table::new().room.logic;
    repeat(TIMES, || {
        black_box(menu.text_state());
    })
}
