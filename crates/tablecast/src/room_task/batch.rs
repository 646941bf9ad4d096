//! Requests that are decided together and committed in one step.

use std::collections::HashSet;
use std::sync::Arc;

use tablecast_core::draft::{Draft, Join, Refusal};
use tablecast_core::history::History;
use tablecast_core::room::{Change, Event, Room};
use tablecast_core::stored::Record;
use tablecast_core::{ConnectionId, MemberId, NodeId, Rejection};
use tokio::time::Instant;

use crate::app::App;
use crate::codec::Frames;
use crate::room_task::queue::Queue;
use crate::room_task::task::AwayEnds;
use crate::room_task::{Entrant, Say, What, Wish};

/// A batch takes no further requests once it has made this many events: a quarter
/// of what a log keeps, so that a node several batches behind still catches up step
/// by step.
const EVENTS: usize = tablecast_core::backend::LOG_EVENTS / 4;

/// Something to be decided.
pub(super) enum Request<A: App> {
    Enter(Box<Entrant>),
    Say(Box<Say<A>>),
    /// Away until then (backend clock, ms), or gone.
    Leave {
        connection: ConnectionId,
        keep_until: Option<u64>,
    },
    /// Give up the seats of those who do not come back.
    Reap,
}

impl<A: App> Request<A> {
    /// Whether it is about the seat of this connection.
    pub(super) fn is_of(&self, id: ConnectionId) -> bool {
        match self {
            Request::Enter(entrant) => entrant.connection == id,
            Request::Leave { connection, .. } => *connection == id,
            Request::Say(_) | Request::Reap => false,
        }
    }

    /// When it is to be answered at the latest. Leaving has no deadline: it is
    /// never given up.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Request::Enter(entrant) => Some(entrant.deadline),
            Request::Say(say) => Some(say.deadline),
            Request::Leave { .. } | Request::Reap => None,
        }
    }
}

/// What was decided, to be told once it is committed.
pub(super) enum Outcome {
    Seated(MemberId),
    Refused(Refusal),
    /// With the seq of the last event it made.
    Done(u64),
    Rejected(Rejection),
    Quiet,
}

/// The state and the events to which the decided requests lead.
pub(super) struct Batch<A: App> {
    pub(super) room: Room<A>,
    pub(super) events: Vec<Arc<Event<A::Event>>>,
    pub(super) extends: bool,
    /// What is to be kept beyond the room's life.
    pub(super) keepsake: Option<Record>,
    /// What the text dialect shows: the state after each command that changed it.
    pub(super) text: Frames,
}

/// What deciding needs to know of the world.
pub(super) struct Surroundings<'a> {
    pub(super) node: &'a NodeId,
    /// When the seats of those who are away are given up.
    pub(super) away: &'a AwayEnds,
    /// The nodes that live, if that is known.
    pub(super) live: Option<&'a HashSet<NodeId>>,
    /// Whether anybody here is to be shown the text dialect.
    pub(super) text: bool,
    /// Past this many bytes of it the rest waits for the next batch, so that one
    /// write does not outgrow the outbox of a member who reads well.
    pub(super) text_bytes: usize,
}

impl<A: App> Batch<A> {
    /// Decides what waits, in order.
    pub(super) fn decide(
        waiting: &mut Queue<A>,
        room: &Room<A>,
        history: &History<A::Event>,
        around: &Surroundings<'_>,
    ) -> Self {
        let mut draft = Draft::new(room, history);
        let mut text = Frames::default();
        while draft.events().len() < EVENTS
            && text.len() <= around.text_bytes
            && let Some(request) = waiting.next_undecided()
        {
            let outcome = match request {
                Request::Enter(entrant) => enter(&mut draft, entrant, around),
                Request::Say(say) => {
                    let before = draft.events().len();
                    let outcome = self::say(&mut draft, say);
                    if around.text {
                        show(&mut text, &draft.room().logic, &draft.events()[before..]);
                    }
                    outcome
                }
                Request::Leave {
                    connection,
                    keep_until,
                } => {
                    draft.disconnect(*connection, *keep_until);
                    Outcome::Quiet
                }
                Request::Reap => {
                    draft.reap(
                        |member, until| around.away.is_over(member, until),
                        around.live,
                    );
                    Outcome::Quiet
                }
            };
            waiting.decided(outcome);
        }
        let extends = draft.extends();
        let keepsake = draft.take_keepsake();
        let (room, events) = draft.finish();
        Batch {
            room,
            events,
            extends,
            keepsake,
            text,
        }
    }
}

/// Adds the state to what the text dialect shows, if these events of one command
/// have changed it: one frame a command.
pub(super) fn show<A: App>(text: &mut Frames, logic: &A, events: &[Arc<Event<A::Event>>]) {
    let shown = |event: &Arc<Event<A::Event>>| match &event.change {
        Change::Logic { event, .. } => A::changes_text(event),
        Change::Joined { .. }
        | Change::Back { .. }
        | Change::Away { .. }
        | Change::Left { .. }
        | Change::Renamed { .. } => false,
    };
    if events.iter().any(shown) {
        text.text(&logic.text_state());
    }
}

fn enter<A: App>(
    draft: &mut Draft<'_, A>,
    entrant: &Entrant,
    around: &Surroundings<'_>,
) -> Outcome {
    let connection = entrant.connection;
    let seated = match &entrant.wish {
        Wish::New {
            name,
            colour,
            token,
        } => {
            // A seat that is free in truth must not keep anybody out.
            draft.reap(
                |member, until| around.away.is_over(member, until),
                around.live,
            );
            let (name, node) = (name.clone(), around.node.clone());
            draft.join(&Join {
                name,
                colour: *colour,
                token: *token,
                node,
                connection,
            })
        }
        Wish::Again { token, .. } => draft.resume(*token, around.node, connection),
    };
    match seated {
        Ok(member) => Outcome::Seated(member),
        Err(refusal) => Outcome::Refused(refusal),
    }
}

fn say<A: App>(draft: &mut Draft<'_, A>, say: &Say<A>) -> Outcome {
    let seat = draft.room().members.seat(say.member);
    if !seat.is_some_and(|seat| seat.is_held_by(say.connection)) {
        return Outcome::Rejected(Rejection::new(
            "no_seat",
            "this connection has no seat in the room any more",
        ));
    }
    let said = match &say.what {
        What::Rename { name, colour } => draft.rename(say.member, say.op, name, *colour),
        What::Command(command) => draft.command(say.member, say.op, command),
    };
    match said {
        Ok(seq) => Outcome::Done(seq),
        Err(rejection) => Outcome::Rejected(rejection),
    }
}
