//! What a client says by HTTP.

use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tablecast_core::draft::Refusal;
use tablecast_core::id::unique;
use tablecast_core::{App, CloseReason, ConnectionId, Rejection, RoomId, SeatToken, code};
use tablecast_protocol::client::{Post, Request};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::codec::{Frame, Part, parts};
use crate::config::{ConnectionConfig, OutboxLimits};
use crate::dialect::message::{ClientMessage, Misunderstood};
use crate::dialect::{Dialect, json};
use crate::error::{RoomError, Unavailable};
use crate::fence::{Fence, not_before, too_fast, watching};
use crate::hub::LocalRooms;
use crate::identity::Identity;
use crate::outbox::Outbox;
use crate::room_task::{Claim, CommandRequest, Heard, Knock, Mail, Said};

/// How many commands one POST may have.
pub const MAX_COMMANDS: usize = 64;

/// How large the body of a POST may be.
pub fn max_body_bytes(config: &ConnectionConfig) -> usize {
    (64 * 1024).max(config.message_bytes.saturating_add(4 * 1024))
}

/// No frame waits in this outbox for a socket.
const ANSWERS: OutboxLimits = OutboxLimits {
    bytes: usize::MAX,
    time: Duration::from_secs(3600),
};

/// Why a POST was not taken. Nothing of it has been done, except after `Room(Unavailable)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The body is not understood: 400.
    #[error("{0}")]
    Malformed(String),
    /// There are too many commands: 413.
    #[error("a POST has at most {MAX_COMMANDS} commands")]
    TooMany,
    /// A command is too large: 413.
    #[error("a command has at most {max} bytes")]
    TooLarge {
        /// How many bytes are allowed.
        max: usize,
    },
    /// Too many commands came too fast, despite `rate_limited` answers: 429.
    #[error("too many commands, despite answers that said so")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// There is no such room (404), or it cannot be asked now (503), or the seat is not the
    /// client's: no such seat (403), or it has been taken over, or its owner was asked to leave
    /// (409).
    #[error(transparent)]
    Room(#[from] RoomError),
}

impl PostError {
    /// The status of the refusal.
    pub fn status(&self) -> StatusCode {
        match self {
            PostError::Malformed(_) => StatusCode::BAD_REQUEST,
            PostError::TooMany | PostError::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            PostError::RateLimited { .. } => StatusCode::TOO_MANY_REQUESTS,
            PostError::Room(RoomError::NotFound) => StatusCode::NOT_FOUND,
            PostError::Room(RoomError::Refused(Refusal::TakenOver | Refusal::Dismissed)) => {
                StatusCode::CONFLICT
            }
            PostError::Room(RoomError::Refused(_)) => StatusCode::FORBIDDEN,
            PostError::Room(RoomError::Unavailable(_)) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// What a WebSocket would be told.
    pub fn close_reason(&self) -> CloseReason {
        match self {
            PostError::Malformed(_) => CloseReason::BadProtocol,
            PostError::TooMany | PostError::TooLarge { .. } => CloseReason::TooBig,
            PostError::RateLimited { .. } => CloseReason::TooMany,
            PostError::Room(error) => error.close_reason(),
        }
    }
}

impl IntoResponse for PostError {
    fn into_response(self) -> Response {
        (self.status(), self.to_string()).into_response()
    }
}

impl From<Unavailable> for PostError {
    fn from(why: Unavailable) -> Self {
        PostError::Room(why.into())
    }
}

/// The answers to the commands of a POST, as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answers(String);

impl Answers {
    /// `{"answers":[…]}`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn of(frames: &[Frame]) -> Self {
        let texts = frames.iter().filter_map(text);
        let all: Vec<&str> = texts.collect();
        Answers(format!("{{\"answers\":[{}]}}\n", all.join(",")))
    }
}

impl IntoResponse for Answers {
    fn into_response(self) -> Response {
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (headers, self.0).into_response()
    }
}

fn text(frame: &Frame) -> Option<&str> {
    match parts(&frame.0).next()? {
        Part::Text(text) => std::str::from_utf8(text).ok(),
        Part::Ping | Part::Close(..) | Part::Other => None,
    }
}

impl<A: App> LocalRooms<A> {
    /// Has the commands of a POST decided in order, and hears its sender.
    pub(super) async fn post(
        self: &Arc<Self>,
        room: &str,
        body: &[u8],
        identity: Option<&Identity>,
    ) -> Result<Answers, PostError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        let said = self.read(body)?;
        if let Some(connection) = ConnectionId::of_watching(said.seat) {
            let leaves = said.leave;
            self.hear(&id, Heard { connection, leaves }).await;
            let refused = |text: &&RawValue| self.watching(json::later(text.get()));
            return Ok(Answers::of(
                &said.commands.iter().map(refused).collect::<Vec<_>>(),
            ));
        }
        let mut taken = Vec::new();
        // For each command its answer, or the number under which it is asked of the room.
        let mut answers = Vec::new();
        let mut fence = Fence::default();
        for text in &said.commands {
            let refused = match json::later(text.get()) {
                Ok(command) => self.take(said.seat, &mut fence, command, identity)?,
                Err(no) => Err(self.refused(no.id, &no.rejection, None)),
            };
            answers.push(refused.map(|command| {
                let number = command.op.number;
                taken.push(command);
                number
            }));
        }
        let asked = taken.len();
        let (frames, heard) = self.decide(&id, &said, taken, identity).await?;
        let are_all_answered = frames.len() == asked;
        let is_ack = |frame| text(frame).is_some_and(|text| text.starts_with("{\"ack\""));
        let is_any_done = frames.iter().any(is_ack);
        let mut frames = frames.into_iter();
        let all = answers.into_iter().map(|answer| match answer {
            Err(refused) => refused,
            Ok(number) => frames.next().unwrap_or_else(|| unanswered(number)),
        });
        let all: Vec<Frame> = all.collect();
        match heard {
            Ok(elsewhere) => {
                if let Some(connection) = elsewhere {
                    let leaves = false;
                    self.signal(&id, Heard { connection, leaves });
                }
            }
            // It lost the seat after its commands.
            Err(RoomError::Refused(_)) if is_any_done => {}
            // Who leaves is told if that was not done.
            Err(RoomError::Unavailable(_))
                if !all.is_empty() && are_all_answered && !said.leave => {}
            Err(why) => return Err(why.into()),
        }
        Ok(Answers::of(&all))
    }

    fn read<'a>(&self, body: &'a [u8]) -> Result<Post<&'a RawValue>, PostError> {
        let malformed =
            |why: String| PostError::Malformed(format!("the body is not understood: {why}"));
        // serde would also accept an array with the fields in order.
        if !body.trim_ascii_start().starts_with(b"{") {
            return Err(malformed("it must be a JSON object".to_owned()));
        }
        let body = str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
        let said: Post<&RawValue> = serde_json::from_str(body).map_err(|error| {
            malformed(match error.is_data() {
                true => json::fault::<Post<IgnoredAny>>(body, &error),
                // Of what is no JSON the place says more.
                false => error.to_string(),
            })
        })?;
        if said.commands.len() > MAX_COMMANDS {
            return Err(PostError::TooMany);
        }
        let max = self.node.config.connection.message_bytes;
        match said
            .commands
            .iter()
            .all(|command| command.get().len() <= max)
        {
            true => Ok(said),
            false => Err(PostError::TooLarge { max }),
        }
    }

    /// A command, if it does not come too fast, nor behind one that does; else its answer.
    fn take(
        &self,
        seat: SeatToken,
        fence: &mut Fence,
        mut command: ClientMessage<A::Command>,
        identity: Option<&Identity>,
    ) -> Result<Result<ClientMessage<A::Command>, Frame>, PostError> {
        let number = command.op.number;
        let refuse = |rejection: &Rejection, after| self.refused(Some(number), rejection, after);
        if let Err(first) = fence.pass(number) {
            return Ok(Err(refuse(&not_before(first), Some(first))));
        }
        let rate = self.node.config.command_rate;
        if let Err(wait) = self.posters.may_say(seat, rate) {
            fence.raise(number);
            let beyond = self.posters.may_be_refused(seat);
            beyond.map_err(|retry_after| PostError::RateLimited { retry_after })?;
            return Ok(Err(refuse(&too_fast(rate, wait), None)));
        }
        if let (Request::Rename(rename), Some(identity)) = (&mut command.content, identity) {
            identity.name().clone_into(&mut rename.name);
        }
        Ok(Ok(command))
    }

    /// The answer to what somebody says who watches.
    fn watching(&self, said: Result<ClientMessage<A::Command>, Misunderstood>) -> Frame {
        match said {
            Ok(said) => self.refused(Some(said.op.number), &watching(), None),
            Err(no) => self.refused(no.id, &no.rejection, None),
        }
    }

    /// A refusal, which counts. With `after`: because the command with that number must come first.
    fn refused(&self, number: Option<u64>, why: &Rejection, after: Option<u64>) -> Frame {
        self.node.metrics.rejections.count(why.code);
        json::error(number, why, after)
    }

    /// The answers to the commands, and whether their sender has the seat: then also by which
    /// connection, if that is on another node.
    async fn decide(
        self: &Arc<Self>,
        room: &RoomId,
        said: &Post<&RawValue>,
        commands: Vec<ClientMessage<A::Command>>,
        identity: Option<&Identity>,
    ) -> Result<(Vec<Frame>, Result<Option<ConnectionId>, RoomError>), PostError> {
        let outbox = Arc::new(Outbox::new(ANSWERS));
        let claim = Arc::new(Claim {
            seat: said.seat,
            person: identity.map(|identity| identity.person_in(room)),
        });
        // None that holds a seat: it tells the commands of this POST from others.
        let connection = ConnectionId::two_way(unique(), None);
        let deadline = Instant::now() + self.node.config.command_deadline;
        let (reply, answer) = oneshot::channel();
        self.deliver(room.clone(), |mailbox| {
            let full = || Unavailable::Store("too many commands wait in this room".to_owned());
            let places = mailbox.commands().clone();
            let places = places.try_acquire_many_owned(commands.len() as u32 + 1);
            let mut places = places.map_err(|_| full())?;
            let commands = commands.into_iter().map(|message| {
                Ok(Box::new(CommandRequest {
                    connection,
                    claim: Some(claim.clone()),
                    dialect: Dialect::Json,
                    outbox: outbox.clone(),
                    message,
                    deadline,
                    _permit: places.split(1).ok_or_else(full)?,
                }))
            });
            let commands = commands.collect::<Result<_, Unavailable>>()?;
            let knock = Box::new(Knock {
                connection,
                claim: claim.clone(),
                leaves: said.leave,
                deadline,
                reply,
                _permit: places,
            });
            Ok(Mail::Said(Box::new(Said { commands, knock })))
        })?;
        let ended = |_| Err(Unavailable::Store("the room ended meanwhile".to_owned()).into());
        let heard = answer.await.unwrap_or_else(ended);
        // Whoever answers the knock has answered the commands before it.
        Ok((outbox.take(), heard))
    }
}

/// The answer to a command to which the room gave none, because it has ended meanwhile.
fn unanswered(number: u64) -> Frame {
    let why = "the room ended meanwhile; whether this was applied is unknown: \
               send it again with the same id";
    json::error(Some(number), &Rejection::new(code::UNAVAILABLE, why), None)
}
