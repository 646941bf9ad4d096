//! A member's side of the conversation: messages are read, limited by the rate, and put
//! into the room's mailbox.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tablecast_core::App;
use tablecast_core::limits::Bucket;
use tablecast_core::membership::Op;
use tablecast_core::{CloseReason, Rejection};
use tablecast_protocol::client;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tracing::field::display;

use crate::codec::Frame;
use crate::connection::{Connection, Message};
use crate::dialect::message::{ClientMessage, Misunderstood};
use crate::dialect::{Dialect, json, text};
use crate::fence::{BEYOND_RATE, Fence, not_before, too_fast};
use crate::hub::LocalRooms;
use crate::identity::Identity;
use crate::outbox::Outbox;
use crate::room_task::{CommandRequest, Entered, Mail, SeatGuard};

/// How long lines of a member who has left are still handled. At the default rate this is
/// enough for all lines that may wait.
const LEFT_IS_HEARD: Duration = Duration::from_secs(10);

/// After this many messages in a row that are not understood the connection is closed.
const MISUNDERSTANDINGS: u32 = 20;

/// How many lines beyond the rate may wait; further ones are refused. Enough for a pasted
/// list, whose lines have no numbers for sending a part again.
const LINES_THAT_WAIT: usize = 100;

/// A member's side of the conversation.
pub(super) struct Speaker<A: App> {
    rooms: Arc<LocalRooms<A>>,
    seat: SeatGuard<A>,
    /// How the connection began; whoever watched may have a seat since.
    pub(super) entered: Entered,
    dialect: Dialect,
    /// Whose name the member has, whatever they say.
    identity: Option<Arc<Identity>>,
    /// How many lines were commands.
    lines: u64,
    bucket: Bucket,
    born: Instant,
    misunderstood: u32,
    beyond_rate: Bucket,
    /// The fence for JSON commands that came too fast.
    fence: Fence,
}

impl<A: App> Speaker<A> {
    pub(super) fn new(
        rooms: Arc<LocalRooms<A>>,
        seat: SeatGuard<A>,
        entered: Entered,
        dialect: Dialect,
        identity: Option<Arc<Identity>>,
    ) -> Self {
        Speaker {
            rooms,
            seat,
            entered,
            dialect,
            identity,
            lines: 0,
            bucket: Bucket::full(),
            born: Instant::now(),
            misunderstood: 0,
            beyond_rate: Bucket::full(),
            fence: Fence::default(),
        }
    }

    /// Handles a message. Returns the same as [`Speaker::say`], or a future in which lines
    /// wait.
    pub(super) fn hear<'a>(
        &'a mut self,
        connection: &'a mut Connection,
        message: Message,
    ) -> Option<BoxFuture<'a, ()>> {
        let said = self.understand(connection, message)?;
        let number = said.op.number;
        let now = Instant::now();
        match (self.within_rate(now), self.dialect) {
            (Ok(()), _) => {}
            // Boxed, because this case is rare, as in `while_waiting`.
            (Err(wait), Dialect::Text) => {
                return Some(Box::pin(self.pace(connection, said, wait)));
            }
            (Err(wait), Dialect::Json) => {
                self.beyond_rate(connection, Some(number), wait);
                return None;
            }
        }
        if let Err(first) = self.fence.pass(number) {
            self.refuse(connection, Some(number), &not_before(first), Some(first));
            return None;
        }
        self.say(connection, said, now)
    }

    /// Reads a message. A message that is not understood is answered, and too many of them
    /// end the connection.
    fn understand(
        &mut self,
        connection: &Connection,
        message: Message,
    ) -> Option<ClientMessage<A::Command>> {
        let said = match (message, self.dialect) {
            (Message::Text(line), Dialect::Text) => self.read_line(&line),
            (Message::Binary(_), Dialect::Text) => {
                let why = "say it in text, not in a binary message";
                Err(Misunderstood::bad_command(None, why))
            }
            (Message::Text(text), Dialect::Json) => json::later(&text),
            (Message::Binary(_), Dialect::Json) => {
                connection.close(CloseReason::Binary);
                return None;
            }
        };
        match said {
            Ok(mut said) => {
                self.misunderstood = 0;
                if let client::Request::Rename(rename) = &mut said.content
                    && let Some(identity) = &self.identity
                {
                    identity.name().clone_into(&mut rename.name);
                }
                Some(said)
            }
            Err(no) => {
                self.misunderstood += 1;
                self.refuse(connection, no.id, &no.rejection, None);
                if self.misunderstood >= MISUNDERSTANDINGS {
                    connection.close(CloseReason::BadProtocol);
                }
                None
            }
        }
    }

    /// Reads a line. The server numbers each line, so no digest is needed to recognise
    /// repetitions.
    fn read_line(&mut self, line: &str) -> Result<ClientMessage<A::Command>, Misunderstood> {
        let command = A::text_command(line).map_err(|rejection| Misunderstood {
            id: None,
            rejection,
        })?;
        self.lines += 1;
        let op = Op {
            number: self.lines,
            digest: 0,
        };
        let content = command.into();
        Ok(ClientMessage { op, content })
    }

    /// Passes on a line when the rate allows it, then those that come meanwhile.
    async fn pace(
        &mut self,
        connection: &mut Connection,
        first: ClientMessage<A::Command>,
        wait: Duration,
    ) {
        let mut lines = VecDeque::from([first]);
        let mut turn = Instant::now() + wait;
        let mut left_until = None;
        while !lines.is_empty() {
            let heard = match connection.outbox().close_reason() {
                None => tokio::time::timeout_at(turn, connection.recv()).await,
                // Lines of a member who leaves are still handled, for example of a list piped
                // into the room; but this does not keep the seat long, nor delay the end of the
                // process.
                Some(CloseReason::Left) => {
                    let until = left_until.get_or_insert_with(|| Instant::now() + LEFT_IS_HEARD);
                    if turn > *until || self.rooms.is_draining() {
                        return;
                    }
                    tokio::time::sleep_until(turn).await;
                    Ok(None)
                }
                Some(_) => return,
            };
            if let Ok(Some(message)) = heard {
                match self.understand(connection, message) {
                    Some(said) if lines.len() < LINES_THAT_WAIT => lines.push_back(said),
                    Some(_) => self.beyond_rate(connection, None, turn - Instant::now()),
                    None => {}
                }
            }
            let now = Instant::now();
            if now < turn {
                continue;
            }
            match self.within_rate(now) {
                Err(wait) => turn = now + wait,
                Ok(()) => {
                    if let Some(said) = lines.pop_front()
                        && let Some(waits) = self.say(connection, said, now)
                    {
                        waits.await;
                    }
                }
            }
        }
    }

    /// Refuses a command that came too fast, and ends the connection after too many of
    /// them.
    fn beyond_rate(&mut self, connection: &Connection, id: Option<u64>, wait: Duration) {
        let rate = self.rooms.node.config.command_rate;
        let rejection = too_fast(rate, wait);
        let after = id.and_then(|number| self.fence.raise(number));
        self.refuse(connection, id, &rejection, after);
        if self
            .beyond_rate
            .take(BEYOND_RATE, self.born.elapsed())
            .is_err()
        {
            connection.close(CloseReason::TooMany);
        }
    }

    /// Puts a command into the room's mailbox. If the mailbox is full, the returned future
    /// does it when there is space.
    fn say<'a>(
        &'a mut self,
        connection: &'a mut Connection,
        said: ClientMessage<A::Command>,
        now: Instant,
    ) -> Option<BoxFuture<'a, ()>> {
        let places = self.seat.mailbox.commands();
        match places.clone().try_acquire_owned() {
            Ok(permit) => {
                self.mail(connection.outbox(), said, permit, now);
                None
            }
            // Boxed, since it is the exception, as in `while_waiting`.
            Err(_) => Some(Box::pin(async move {
                let place = self.seat.mailbox.commands().clone().acquire_owned();
                // The semaphore is never closed; if it were, the room would be gone.
                if let Ok(permit) = connection.while_waiting(place).await {
                    self.mail(connection.outbox(), said, permit, Instant::now());
                }
            })),
        }
    }

    fn mail(
        &self,
        outbox: &Arc<Outbox>,
        message: ClientMessage<A::Command>,
        permit: OwnedSemaphorePermit,
        now: Instant,
    ) {
        let request = Box::new(CommandRequest {
            connection: self.seat.connection,
            claim: None,
            dialect: self.dialect,
            outbox: outbox.clone(),
            message,
            deadline: now + self.rooms.node.config.command_deadline,
            _permit: permit,
        });
        self.seat.mailbox.send(Mail::Command(request));
    }

    fn within_rate(&mut self, now: Instant) -> Result<(), Duration> {
        let rate = self.rooms.node.config.command_rate;
        if !rate.is_on() {
            return Ok(());
        }
        self.bucket.take(rate, now - self.born)
    }

    /// With `after`: because the command with that number must come first.
    fn refuse(
        &self,
        connection: &Connection,
        id: Option<u64>,
        rejection: &Rejection,
        after: Option<u64>,
    ) {
        self.rooms.node.metrics.rejections.count(rejection.code);
        let (member, code) = (self.entered.member().map(display), rejection.code.as_str());
        tracing::debug!(member, code, "a command was refused");
        let frame: Frame = match self.dialect {
            Dialect::Text => text::error(rejection),
            Dialect::Json => json::error(id, rejection, after),
        };
        // If this fails, the connection ends, and `recv` reports it.
        let _ = connection.outbox().send(&frame);
    }
}
