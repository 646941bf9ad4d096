//! What one connection says, from its first word to its last: read, understood,
//! kept within its rate, and put into the room's mailbox.

mod visit;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tablecast_core::limits::{Bucket, Rate};
use tablecast_core::room::Op;
use tablecast_core::text::clean;
use tablecast_core::{CloseReason, ConnectionId, MemberId, Rejection, SeatToken};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use crate::app::App;
use crate::codec::Frame;
use crate::connection::{Connection, Message};
use crate::dialect::json::{self, Entry, Said};
use crate::dialect::{Dialect, text};
use crate::hub::{Hub, RoomError, Shared};
use crate::metrics::{LEFT, MISUNDERSTOOD, SILENT};
use crate::outbox::Outbox;
use crate::room_task::{Mail, Mailbox, Say, What, Wish};

pub(crate) use visit::Visit;

/// Messages in a row that are not understood, until the connection is closed.
const MISUNDERSTANDINGS: u32 = 20;

/// Commands beyond the rate that are answered; past it the connection is closed. A
/// client that is a little too fast now and then stays; one that does not listen
/// does not.
const BEYOND_RATE: Rate = Rate {
    per_second: 1.0,
    burst: 100,
};

/// The longest name, in characters as people count them.
const NAME_GRAPHEMES: usize = 40;

/// The codes of a client that does not come back: a normal closure, or a close
/// frame without a code. A browser that leaves the page or sleeps says 1001, or
/// nothing.
const GOODBYES: [u16; 2] = [1000, 1005];

/// A place at the table. Dropping it gives the seat up, or keeps it for a while.
pub(crate) struct Place<A: App> {
    mailbox: Mailbox<A>,
    connection: ConnectionId,
    keep_seat: bool,
}

impl<A: App> Place<A> {
    pub(crate) fn new(mailbox: Mailbox<A>, connection: ConnectionId, keep_seat: bool) -> Self {
        Place {
            mailbox,
            connection,
            keep_seat,
        }
    }
}

impl<A: App> Drop for Place<A> {
    fn drop(&mut self) {
        let (connection, keep_seat) = (self.connection, self.keep_seat);
        self.mailbox.send(Mail::Leave {
            connection,
            keep_seat,
        });
    }
}

/// A new secret for a seat, from the system's randomness.
pub(crate) fn random_token() -> Result<SeatToken, RoomError> {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(SeatToken(u128::from_ne_bytes(bytes))),
        Err(error) => Err(RoomError::Unavailable(format!("no randomness: {error}"))),
    }
}

/// Counts a connection for as long as it is open, and why it ended.
struct Counted<A: App> {
    /// The hub's own tasks go on for as long as anybody is connected.
    hub: Hub<A>,
    outbox: Arc<Outbox>,
    visit: Visit,
}

impl<A: App> Counted<A> {
    fn new(hub: Hub<A>, visit: Visit, connection: &Connection) -> Self {
        hub.shared.metrics.connections.add(1);
        Counted {
            hub,
            outbox: connection.outbox().clone(),
            visit,
        }
    }
}

impl<A: App> Drop for Counted<A> {
    fn drop(&mut self) {
        let shared = &self.hub.shared;
        // The process may end with this conversation under way, or a fault may end it.
        // Dropped without a reason it would hear 1000, after which a client does not come
        // back.
        if shared.is_draining() || std::thread::panicking() {
            self.outbox.close(CloseReason::Restarting);
        }
        shared.metrics.connections.add(-1);
        let reason = self.outbox.close_reason().unwrap_or(CloseReason::Left);
        shared.metrics.closed(reason);
        self.visit.closed(reason);
    }
}

/// A member who speaks the text dialect and has a seat already.
pub(crate) fn text<A: App>(
    hub: Hub<A>,
    place: Place<A>,
    member: MemberId,
    visit: Visit,
    mut connection: Connection,
) -> impl Future<Output = ()> + Send {
    let mut speaker = Speaker::new(hub.shared.clone(), place, member, Dialect::Text);
    let mut counted = Counted::new(hub, visit, &connection);
    counted.visit.seated(member);
    async move {
        // Dropped before the connection: it says why.
        let _counted = counted;
        let mut number = 0;
        while let Some(message) = connection.recv().await {
            if let Some(said) = speaker.hear_text(&mut connection, message, &mut number) {
                said.await;
            }
        }
    }
}

/// Somebody who speaks `tablecast.v1` and says first what seat they want.
pub(crate) fn json<A: App>(
    hub: Hub<A>,
    room: Box<str>,
    visit: Visit,
    mut connection: Connection,
) -> impl Future<Output = ()> + Send {
    let counted = Counted::new(hub, visit, &connection);
    async move {
        // Dropped before the connection, as above.
        let mut counted = counted;
        let shared = counted.hub.shared.clone();
        // Boxed, since it is over soon, and what follows takes half the memory.
        let entered = Box::pin(enter(shared, room, &mut connection)).await;
        let mut speaker = match entered {
            Ok(speaker) => speaker,
            Err(why) => return counted.visit.refused(why),
        };
        counted.visit.seated(speaker.member);
        while let Some(message) = connection.recv().await {
            if let Some(said) = speaker.hear_json(&mut connection, message) {
                said.await;
            }
        }
        speaker.place.keep_seat = !connection
            .client_code()
            .is_some_and(|code| GOODBYES.contains(&code));
    }
}

/// The seat that the first message asks for. Without one the connection is closed: why, in
/// the word that metrics have for it.
async fn enter<A: App>(
    shared: Arc<Shared<A>>,
    room: Box<str>,
    connection: &mut Connection,
) -> Result<Speaker<A>, &'static str> {
    let limit = shared.config.connection.handshake;
    let wish = match tokio::time::timeout(limit, connection.recv()).await {
        Ok(Some(Message::Text(line))) => wish(&line),
        Ok(Some(Message::Binary(_))) => {
            connection.close(CloseReason::Binary);
            return Err(MISUNDERSTOOD);
        }
        Ok(None) => return Err(LEFT),
        Err(_) => {
            connection.close(CloseReason::NoPong);
            return Err(SILENT);
        }
    };
    let wish = match wish {
        Ok(wish) => wish,
        Err(rejection) => {
            let _ = connection.outbox().send(&json::error(None, &rejection));
            connection.close(CloseReason::BadProtocol);
            return Err(MISUNDERSTOOD);
        }
    };
    let outbox = connection.outbox().clone();
    let entered = shared.enter(&room, Dialect::Json, &outbox, wish);
    match connection.while_waiting(entered).await {
        Ok((mut place, member)) => {
            // Whatever ends this, the member may come back; unless it says goodbye.
            place.keep_seat = true;
            Ok(Speaker::new(shared, place, member, Dialect::Json))
        }
        Err(error) => {
            connection.close(error.close_reason());
            Err(error.word())
        }
    }
}

/// What seat a first message asks for.
fn wish(line: &str) -> Result<Wish, Rejection> {
    match json::entry(line).map_err(|no| no.rejection)? {
        Entry::Join { name, colour } => {
            let name = name
                .map(|name| clean("the name", &name, NAME_GRAPHEMES).map(Cow::into_owned))
                .transpose()?;
            let token =
                random_token().map_err(|error| Rejection::new("unavailable", error.to_string()))?;
            Ok(Wish::New {
                name,
                colour,
                token,
            })
        }
        Entry::Resume { seat, known } => Ok(Wish::Again { token: seat, known }),
    }
}

/// A member's side of the conversation.
struct Speaker<A: App> {
    shared: Arc<Shared<A>>,
    place: Place<A>,
    member: MemberId,
    dialect: Dialect,
    bucket: Bucket,
    born: Instant,
    misunderstood: u32,
    beyond_rate: Bucket,
}

impl<A: App> Speaker<A> {
    fn new(shared: Arc<Shared<A>>, place: Place<A>, member: MemberId, dialect: Dialect) -> Self {
        Speaker {
            shared,
            place,
            member,
            dialect,
            bucket: Bucket::full(),
            born: Instant::now(),
            misunderstood: 0,
            beyond_rate: Bucket::full(),
        }
    }

    /// Takes in a line. `number` is that of the last one. Returns what
    /// [`Speaker::say`] does.
    fn hear_text<'a>(
        &'a mut self,
        connection: &'a mut Connection,
        message: Message,
        number: &mut u64,
    ) -> Option<BoxFuture<'a, ()>> {
        let said = match message {
            Message::Text(line) => A::text_command(&line),
            Message::Binary(_) => Err(Rejection::new(
                "bad_command",
                "say it in text, not in a binary message",
            )),
        };
        let said = said.map(|command| {
            *number += 1;
            // The number is ours and stands for one line, so nothing is to be told
            // apart by a digest.
            let op = Op {
                number: *number,
                digest: 0,
            };
            (op, What::Command(command))
        });
        let no = |rejection| json::Misunderstood {
            id: None,
            rejection,
        };
        self.heard(connection, said.map_err(no))
    }

    /// Takes in a message of `tablecast.v1`. Returns what [`Speaker::say`] does.
    fn hear_json<'a>(
        &'a mut self,
        connection: &'a mut Connection,
        message: Message,
    ) -> Option<BoxFuture<'a, ()>> {
        let Message::Text(line) = message else {
            connection.close(CloseReason::Binary);
            return None;
        };
        let said = json::said::<A::Command>(&line).and_then(|said| match said {
            Said::Command { op, command } => Ok((op, What::Command(command))),
            Said::Rename { op, name, colour } => match clean("the name", &name, NAME_GRAPHEMES) {
                Ok(name) => {
                    let name = name.into_owned();
                    Ok((op, What::Rename { name, colour }))
                }
                Err(rejection) => Err(json::Misunderstood {
                    id: Some(op.number),
                    rejection,
                }),
            },
        });
        self.heard(connection, said)
    }

    /// Says what was understood; answers what was not.
    fn heard<'a>(
        &'a mut self,
        connection: &'a mut Connection,
        said: Result<(Op, What<A::Command>), json::Misunderstood>,
    ) -> Option<BoxFuture<'a, ()>> {
        match said {
            Ok((op, what)) => self.say(connection, op, what),
            Err(no) => {
                self.misunderstood(connection, no.id, &no.rejection);
                None
            }
        }
    }

    /// Puts a command into the room's mailbox. If it has no place for it now, what is
    /// returned does so when it has.
    fn say<'a>(
        &'a mut self,
        connection: &'a mut Connection,
        op: Op,
        what: What<A::Command>,
    ) -> Option<BoxFuture<'a, ()>> {
        self.misunderstood = 0;
        let now = Instant::now();
        if let Err(wait) = self.within_rate(now) {
            let rate = self.shared.config.command_rate;
            let rejection = Rejection::new(
                "rate_limited",
                format!(
                    "at most {} commands a second, {} at once; try again in {} ms",
                    rate.per_second,
                    rate.burst,
                    wait.as_millis().max(1)
                ),
            );
            self.refuse(connection, Some(op.number), &rejection);
            if self.beyond_rate.take(BEYOND_RATE, now - self.born).is_err() {
                connection.close(CloseReason::TooMany);
            }
            return None;
        }
        let places = self.place.mailbox.commands();
        match places.clone().try_acquire_owned() {
            Ok(permit) => {
                self.mail(connection.outbox(), op, what, now, permit);
                None
            }
            // Boxed, since it is the exception, as in `while_waiting`.
            Err(_) => Some(Box::pin(async move {
                let place = self.place.mailbox.commands().clone().acquire_owned();
                // Never closed; and if it were, the room would be gone.
                if let Ok(permit) = connection.while_waiting(place).await {
                    self.mail(connection.outbox(), op, what, Instant::now(), permit);
                }
            })),
        }
    }

    fn mail(
        &self,
        outbox: &Arc<Outbox>,
        op: Op,
        what: What<A::Command>,
        since: Instant,
        permit: OwnedSemaphorePermit,
    ) {
        self.place.mailbox.send(Mail::Say(Box::new(Say {
            connection: self.place.connection,
            member: self.member,
            dialect: self.dialect,
            outbox: outbox.clone(),
            op,
            what,
            deadline: since + self.shared.config.command_deadline,
            _permit: permit,
        })));
    }

    fn within_rate(&mut self, now: Instant) -> Result<(), Duration> {
        let rate = self.shared.config.command_rate;
        if !rate.is_on() {
            return Ok(());
        }
        self.bucket.take(rate, now - self.born)
    }

    fn misunderstood(&mut self, connection: &Connection, id: Option<u64>, rejection: &Rejection) {
        self.misunderstood += 1;
        self.refuse(connection, id, rejection);
        if self.misunderstood >= MISUNDERSTANDINGS {
            connection.close(CloseReason::BadProtocol);
        }
    }

    fn refuse(&self, connection: &Connection, id: Option<u64>, rejection: &Rejection) {
        self.shared.metrics.rejections.count(rejection.code);
        let (member, code) = (self.member, rejection.code);
        tracing::debug!(%member, code, "a command was refused");
        let frame: Frame = match self.dialect {
            Dialect::Text => text::error(rejection),
            Dialect::Json => json::error(id, rejection),
        };
        // If this fails, the connection ends and `recv` says so.
        let _ = connection.outbox().send(&frame);
    }
}
