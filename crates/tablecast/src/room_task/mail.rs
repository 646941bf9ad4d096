//! The messages to a room's task.

use std::sync::Arc;

use tablecast_core::App;
use tablecast_core::backend::{Health, Publication};
use tablecast_core::draft::Draft;
use tablecast_core::membership::Op;
use tablecast_core::{ConnectionId, MemberId, PersonId, Position, Rejection, SeatToken, code};
use tablecast_protocol::client::{self, First, Rename, Resume};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;

use crate::dialect::Dialect;
use crate::dialect::message::ClientMessage;
use crate::error::{CommandError, RoomError};
use crate::identity::Identity;
use crate::inspect::Inspection;
use crate::outbox::Outbox;
use crate::room_task::claim::{Claim, Heard, Knock, may_be_of};

/// A message to a room's task. Small, because a mailbox has space for dozens of them, and
/// each is moved several times.
pub(crate) enum Mail<A: App> {
    /// A request for a seat.
    Join(Box<JoinRequest>),
    /// A member's command.
    Command(Box<CommandRequest<A>>),
    /// What a member says by POST.
    Said(Box<Said<A>>),
    /// Somebody has spoken by POST who watches, or whose stream is on this node as another one says.
    Heard {
        heard: Heard,
        /// Answered if the connection is here.
        here: Option<oneshot::Sender<()>>,
        _permit: OwnedSemaphorePermit,
    },
    /// What the server itself wants to be done.
    Order(Box<OrderRequest<A>>),
    /// A connection is gone; it may never have had a seat. Never refused.
    Leave {
        connection: ConnectionId,
        keep: Keep,
    },
    /// Events were published.
    Published(Box<Publication>, OwnedSemaphorePermit),
    /// Something may have been missed.
    Resync,
    /// The backend became reachable or unreachable.
    Health(Health),
    /// The set of live nodes has changed.
    Live,
    /// Decide the application's alarm if it is due. Answered by dropping the sender.
    Ring(oneshot::Sender<()>),
    /// An operator looks at the room. Not answered if it was never loaded.
    Inspect(oneshot::Sender<Box<Inspection<A>>>),
    /// The node is shutting down: close all connections.
    Drain,
}

/// Whether a seat is kept for a while when its connection has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The member may come back.
    Yes,
    /// They cannot, or have said goodbye.
    No,
    /// They can if they were sent the seat's secret. The connection may end between that and the
    /// moment in which its own task hears of the seat.
    IfTold,
}

/// A request for a seat.
pub(crate) struct JoinRequest {
    pub(crate) connection: ConnectionId,
    pub(crate) dialect: Dialect,
    pub(crate) outbox: Arc<Outbox>,
    /// What they said first: which seat they want.
    pub(crate) first: First,
    /// Who asks, if they or who embeds the hub say so.
    pub(crate) person: Option<PersonId>,
    /// What who embeds the hub says of them.
    pub(crate) identity: Option<Arc<Identity>>,
    /// The secret for the seat, unless the client has one that opens it.
    pub(crate) token: SeatToken,
    /// The seat is kept for a while if the connection gets no answer.
    pub(crate) keep_seat: bool,
    /// The position at which it was decided, if the outcome of that commit is not known.
    pub(crate) may_be_seated: Option<Position>,
    pub(crate) waits: Waits,
}

impl JoinRequest {
    /// Whether it waits for a seat, and surely has none.
    pub(crate) fn is_in_turn(&self) -> bool {
        matches!(self.waits, Waits::ForSeat { .. }) && self.may_be_seated.is_none()
    }

    /// Whether nobody waits for the answer any more: the client is gone.
    pub(crate) fn is_abandoned(&self) -> bool {
        matches!(&self.waits, Waits::ForAnswer { reply, .. } if reply.is_closed())
    }
}

/// What somebody waits for who asks for a seat.
pub(crate) enum Waits {
    /// For the answer.
    ForAnswer {
        /// After this time it is refused.
        deadline: Instant,
        reply: oneshot::Sender<Result<Entered, RoomError>>,
    },
    /// They watch meanwhile. Turns are counted in order of coming.
    ForSeat { turn: u64 },
}

impl Waits {
    /// Answers, if they wait for that. Whoever does not wait any more leaves.
    pub(crate) fn answer(self, answer: Result<Entered, RoomError>) {
        if let Waits::ForAnswer { reply, .. } = self {
            let _ = reply.send(answer);
        }
    }
}

/// How a client got into a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entered {
    /// With a seat.
    Seated(MemberId),
    /// Without one.
    Watching,
}

impl Entered {
    /// Who has a seat.
    pub(crate) fn member(self) -> Option<MemberId> {
        match self {
            Entered::Seated(member) => Some(member),
            Entered::Watching => None,
        }
    }
}

/// A member's command.
pub(crate) struct CommandRequest<A: App> {
    /// The command is that of the member whose seat it holds when the command is decided.
    pub(crate) connection: ConnectionId,
    /// Who says it by POST claims this. Then the connection holds no seat.
    pub(crate) claim: Option<Arc<Claim>>,
    pub(crate) dialect: Dialect,
    /// Where the answer goes.
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) message: ClientMessage<A::Command>,
    /// After this time it is answered `unavailable`.
    pub(crate) deadline: Instant,
    /// Its place in the bounded mailbox; freed when it is answered.
    pub(crate) _permit: OwnedSemaphorePermit,
}

impl<A: App> CommandRequest<A> {
    /// Decides it. Returns the seq of its last event.
    pub(super) fn decide(&self, draft: &mut Draft<'_, A>) -> Result<u64, Rejection> {
        let no_seat = |why: &str| Rejection::new(code::NO_SEAT, why);
        let seat = match &self.claim {
            None => (draft.room().members.held_by(self.connection))
                .ok_or_else(|| no_seat("this connection has no seat in the room any more")),
            Some(claim) => (claim.seat(draft)).map_err(|why| no_seat(&why.to_string())),
        };
        let (member, op) = (seat?.member, self.message.op);
        match &self.message.content {
            client::Request::Rename(Rename { name, colour }) => {
                draft.rename(member, op, name, *colour)
            }
            client::Request::Command(command) => draft.command(member, op, command),
        }
    }
}

/// What one POST says.
pub(crate) struct Said<A: App> {
    /// In order.
    pub(crate) commands: Vec<Box<CommandRequest<A>>>,
    /// Comes behind the commands.
    pub(crate) knock: Box<Knock>,
}

/// What the server wants to be done.
pub(crate) enum Order<C> {
    Command(C),
    /// A member is asked to leave.
    Dismiss(Who),
    /// All members are sent away.
    Close,
}

/// Who is asked to leave.
pub(crate) enum Who {
    Member(MemberId),
    /// The member who is this person.
    Person(PersonId),
}

/// An order, and who waits for its outcome.
pub(crate) struct OrderRequest<A: App> {
    pub(crate) order: Order<A::Command>,
    /// Recognises it when it is decided again.
    pub(crate) op: Op,
    /// After this time it is given up.
    pub(crate) deadline: Instant,
    /// The position at which it was first decided in a commit of which the outcome is not
    /// known: its events may be after it.
    pub(crate) may_be_done: Option<Position>,
    pub(crate) reply: oneshot::Sender<Result<u64, CommandError>>,
    /// Its place in the bounded mailbox.
    pub(crate) _permit: OwnedSemaphorePermit,
}

impl<A: App> OrderRequest<A> {
    /// Answers that it was not done for this reason, or that nobody knows.
    pub(crate) fn refuse(self, why: CommandError) {
        let why = match self.may_be_done {
            Some(_) => CommandError::Unknown(why.to_string()),
            None => why,
        };
        let _ = self.reply.send(Err(why));
    }
}

impl<A: App> OrderRequest<A> {
    /// Decides it. `None`: whether it was done before is no longer remembered.
    pub(super) fn decide(&self, draft: &mut Draft<'_, A>) -> Option<Result<u64, Rejection>> {
        let is_forgotten = |at| !draft.remembers_since(at);
        match &self.order {
            // Done a second time it changes nothing more, and may find nobody.
            Order::Dismiss(who) => {
                let member = match who {
                    Who::Member(member) => Some(*member),
                    Who::Person(person) => draft.room().members.by_person(*person),
                };
                let is_known = member.is_some_and(|member| draft.dismiss(member));
                let done = Ok(draft.room().position.seq);
                Some(match is_known || self.may_be_done.is_some() {
                    true => done,
                    false => Err(Rejection::new(code::NO_SEAT, "there is no such member")),
                })
            }
            _ if self.may_be_done.is_some_and(is_forgotten) => None,
            Order::Command(command) => Some(draft.server_command(self.op, command)),
            Order::Close => Some(draft.close(self.op)),
        }
    }
}

impl JoinRequest {
    /// Whether they come back by themselves to a seat that another client of theirs has now. It keeps it, or somebody's
    /// older tab would take it from the one that they use.
    pub(super) fn leaves_it_to_another_client<A: App>(&self, draft: &Draft<'_, A>) -> bool {
        let First::Resume(Resume {
            seat: token,
            take: Some(false),
            ..
        }) = &self.first
        else {
            return false;
        };
        let members = &draft.room().members;
        let theirs = || members.seat(members.by_person(self.person?)?);
        let seat = members.by_token(*token).or_else(theirs);
        seat.is_some_and(|seat| seat.is_held_by_another_client(self.connection))
    }

    /// Whether the client may use the secret of this seat. Where who embeds the hub says who it
    /// is, the seat must be theirs, with what they may do now.
    pub(super) fn may_open<A: App>(&self, draft: &Draft<'_, A>, token: SeatToken) -> bool {
        let Some(identity) = &self.identity else {
            return true;
        };
        let seat = draft.room().members.by_token(token);
        seat.is_some_and(|seat| {
            let may_as_much = seat.person.is_none() || seat.role.as_ref() == identity.role();
            may_be_of(seat, self.person) && may_as_much
        })
    }
}
