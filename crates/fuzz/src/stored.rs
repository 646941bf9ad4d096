//! What a store gives back: a room, its events, and commands after them.

use tablecast_core::Room;
use tablecast_core::position::{Epoch, Position};
use tablecast_core::room::Event;
use tablecast_lunch::{Command, Menu};
use tablecast_protocol::client::{Numbered, Request};

use crate::menu;

/// Each line is one stored form: the first one a room, each other one an event or a command. A
/// line that is none of them is passed over.
///
/// # Panics
/// What was read and written is read as something else or written in another way; or an event or
/// a command breaks the room.
pub fn check(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    // Room for as many members as a room may have had.
    let position = Position {
        epoch: Epoch(7),
        seq: 1000,
    };
    let mut room = match lines
        .next()
        .map(|line| Room::<Menu>::decode(position, line))
    {
        Some(Ok(room)) => room,
        Some(Err(error)) => {
            assert!(!error.to_string().is_empty());
            menu::room()
        }
        None => return,
    };
    again(&room);
    for line in lines {
        let seq = room.position.seq + 1;
        if let Ok(event) = Event::decode::<Menu>(seq, line) {
            let bytes = written(event.encode());
            match Event::decode::<Menu>(seq, &bytes) {
                Ok(read) => assert_eq!(read, event),
                Err(error) => panic!("what was written is not read: {error}"),
            }
            room.apply(&event);
        } else if let Ok(Numbered { id, request }) =
            serde_json::from_slice::<Numbered<Request<Command>>>(line)
        {
            menu::decide(&mut room, id, &request);
        }
    }
    again(&room);
}

/// The room is read as it was written, and written in the same bytes again.
fn again(room: &Room<Menu>) {
    let bytes = written(room.encode());
    match Room::<Menu>::decode(room.position, &bytes) {
        Ok(read) => {
            assert_eq!(read, *room);
            assert_eq!(written(read.encode()), bytes);
        }
        Err(error) => panic!("what was written is not read: {error}"),
    }
}

fn written<T, E: std::fmt::Display>(bytes: Result<T, E>) -> T {
    match bytes {
        Ok(bytes) => bytes,
        Err(error) => panic!("what was read cannot be written: {error}"),
    }
}
