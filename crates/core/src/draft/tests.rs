#![allow(clippy::unwrap_used)]

use std::time::Duration;

use tablecast_protocol::position::{Epoch, Position};

use super::*;

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Nothing {}

impl Logic for Nothing {
    type Command = ();
    type Event = ();

    fn decide(&self, _: &Context<'_>, (): &()) -> Result<Vec<()>, Rejection> {
        Ok(Vec::new())
    }

    fn apply(&mut self, _: Option<MemberId>, (): &()) {}
}

/// The outcome of its `Back` was unknown although it was committed, and a newer
/// connection took the seat before the request was decided again.
#[test]
fn a_resume_that_is_decided_again_does_not_take_the_seat_back() {
    let nowhere = Position {
        epoch: Epoch(1),
        seq: 0,
    };
    let (node, token) = ("n".parse::<NodeId>().unwrap(), SeatToken(7));
    let mut history = History::default();
    let mut room = Room::new(nowhere, 1, Duration::from_secs(600), Nothing {});
    let mut draft = Draft::new(&room, &history, Forms::FIRST, 0);
    let join = Join {
        name: None,
        colour: None,
        token,
        person: None,
        role: None,
        node: node.clone(),
        connection: ConnectionId(1),
    };
    let member = draft.join(&join).unwrap();
    assert_eq!(draft.resume(token, &node, ConnectionId(2)), Ok(member));
    assert_eq!(draft.resume(token, &node, ConnectionId(3)), Ok(member));
    let (newer, events) = draft.finish();
    room = newer;
    events.into_iter().for_each(|event| history.push(event));

    let mut again = Draft::new(&room, &history, Forms::FIRST, 0);
    assert_eq!(
        again.resume(token, &node, ConnectionId(2)),
        Err(Refusal::TakenOver)
    );
    assert_eq!(again.resume(token, &node, ConnectionId(3)), Ok(member));
    assert!(again.events().is_empty());
}
