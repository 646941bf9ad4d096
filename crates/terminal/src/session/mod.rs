//! A seat in a room over a network that comes and goes: what to do on everything that
//! happens. Pure; the clock and randomness are passed in, and what is to be done comes out
//! as [`Effect`]s.

pub mod commands;
mod draws;
mod entropy;
pub mod link;

use tablecast_lunch::Verdict;
use tablecast_protocol::client::{First, Join, Resume};
use tablecast_protocol::close::{CloseReason, ComeBack};
use tablecast_protocol::push::{Push, What};
use tablecast_protocol::{Known, SeatToken};

use crate::clock::Millis;
use crate::room::news::News;
use crate::room::wire::{self, Event, Hello};
use crate::room::{Broken, Room};
use crate::text::sanitise;
use commands::{Ask, Commands, Refused, is_unasked};
use draws::Draws;
pub use entropy::Entropy;
use link::{Link, Status, Turn, Why, closed};

/// What the session wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Connect, in place of any connection there is.
    Open,
    /// Say this.
    Send(String),
    /// Send a ping.
    Ping,
    /// Cut the connection without a goodbye, so that the seat is kept.
    Drop,
    /// Close with 1000: the seat is given up.
    Goodbye,
}

/// What people want to be told, besides what the room shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Something happened.
    News(News),
    /// The whole state came anew.
    Whole,
    /// A command was refused: this one, unless it is not known any more.
    Refused(Refusal, Option<Ask>),
    /// The seat was lost, and of these commands it is unknown whether they were applied.
    Unsure(Vec<Ask>),
    /// Too many commands wait already; this one is not among them.
    TooMany(Ask),
    /// The store cannot be reached (`false`), or answers again.
    Store(bool),
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
}

/// How a connection could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether to try again.
    pub again: ComeBack,
    /// How long the server wants to be left alone.
    pub after: Option<Millis>,
    /// For people.
    pub why: Why,
}

/// A seat in a room.
#[derive(Debug)]
pub struct Session {
    who: Join,
    seat: Option<SeatToken>,
    room: Option<Room>,
    /// Nothing that happened is missing.
    caught_up: bool,
    store_is_up: bool,
    link: Link,
    commands: Commands,
    /// The place of the newest event that was acknowledged.
    acknowledged: u64,
    draws: Draws,
    /// What the server did not understand; a close may follow it.
    complaint: Option<String>,
    entropy: Entropy,
    effects: Vec<Effect>,
    told: Vec<Told>,
}

impl Session {
    /// About to connect.
    pub fn new(who: Join, entropy: Entropy) -> Self {
        Session {
            who,
            seat: None,
            room: None,
            caught_up: false,
            store_is_up: true,
            link: Link::new(),
            commands: Commands::new(),
            acknowledged: 0,
            draws: Draws::default(),
            complaint: None,
            entropy,
            effects: vec![Effect::Open],
            told: Vec::new(),
        }
    }

    /// The room as it is known; live only if [`Session::status`] says so.
    pub fn room(&self) -> Option<&Room> {
        self.room.as_ref()
    }

    /// Whether there is a connection.
    pub fn status(&self) -> Status {
        match self.link.status() {
            Status::Live if !self.caught_up => Status::Connecting,
            status => status,
        }
    }

    /// Whether the store answers; while it does not, nothing changes.
    pub fn store_is_up(&self) -> bool {
        self.store_is_up
    }

    /// Commands without an answer, in order.
    pub fn pending(&self) -> impl DoubleEndedIterator<Item = &Ask> {
        self.commands.pending().filter(|ask| !is_unasked(ask))
    }

    /// Whether all that was asked for is answered, and the room shows it.
    pub fn is_settled(&self) -> bool {
        let shows = |room: &Room| room.seq >= self.acknowledged;
        self.is_here() && self.pending().next().is_none() && self.room().is_some_and(shows)
    }

    /// What checking the newest decision found, if it was a draw.
    pub fn verdict(&self) -> Option<Verdict> {
        self.draws.verdict(self.room.as_ref()?)
    }

    /// What is to be done, in order.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// What people want to be told, in order.
    pub fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// When [`Session::tick`] is due.
    pub fn next_at(&self) -> Option<Millis> {
        let draws = self.draws.next_at().filter(|_| self.is_here());
        [self.link.next_at(), self.commands.next_at(), draws]
            .into_iter()
            .flatten()
            .min()
    }

    /// The socket is open.
    pub fn opened(&mut self, now: Millis) {
        self.link.opened(now);
        let first = match self.seat {
            Some(seat) => First::Resume(Resume {
                seat,
                epoch: self.room.as_ref().map(|room| room.epoch),
                seq: self.room.as_ref().map(|room| room.seq),
            }),
            None => First::Join(self.who.clone()),
        };
        // Strings and numbers can always be written.
        let first = serde_json::to_string(&first).unwrap_or_default();
        self.effects.push(Effect::Send(first));
    }

    /// Something came that is no message: a sign of life.
    pub fn alive(&mut self, now: Millis) {
        self.link.heard(now);
    }

    /// The server said something.
    pub fn heard(&mut self, text: &str, now: Millis) {
        self.link.heard(now);
        let understood = match wire::read(text) {
            Ok(Some(push)) => self.push(push, now).map_err(|broken| broken.to_string()),
            Ok(None) => Ok(()),
            Err(error) => Err(error.to_string()),
        };
        match understood {
            Ok(()) => self.go_on(now),
            Err(what) => {
                self.effects.push(Effect::Drop);
                let why = Why::Garbled(sanitise(&what));
                self.lost((ComeBack::Soon, why), None, now);
            }
        }
    }

    fn push(&mut self, push: wire::Push, now: Millis) -> Result<(), Broken> {
        match push {
            Push::Hello(hello) => self.greeted(hello, now)?,
            Push::Snapshot(whole) => {
                if let Some(room) = &mut self.room {
                    room.replace(whole, now);
                    self.caught_up = true;
                    self.whole();
                }
            }
            Push::Event(event) => self.happened(event)?,
            Push::Ack { id, seq } => {
                self.commands.acknowledged(id);
                self.acknowledged = seq;
            }
            Push::Error {
                id, code, message, ..
            } => {
                let (code, message) = (code.into_owned(), message.into_owned());
                self.refused(id, Refusal { code, message }, now);
            }
            Push::Status { store } => {
                self.store_is_up = store == "up";
                self.told.push(Told::Store(self.store_is_up));
            }
        }
        Ok(())
    }

    fn greeted(&mut self, hello: Hello, now: Millis) -> Result<(), Broken> {
        let limits = hello.limits;
        let is_whole = hello.whole.is_some();
        let seat = hello.seat;
        self.room = Some(Room::greeted(self.room.take(), hello, now)?);
        self.seat = Some(seat);
        self.caught_up = is_whole;
        self.store_is_up = true;
        self.complaint = None;
        self.link.greeted(limits.ping_interval_ms);
        self.commands.greeted(limits, now);
        if is_whole {
            self.whole();
        }
        Ok(())
    }

    fn whole(&mut self) {
        // It may be of another epoch, which counts anew; and it shows what was acknowledged.
        self.acknowledged = 0;
        self.told.push(Told::Whole);
    }

    fn happened(&mut self, event: Event) -> Result<(), Broken> {
        let Some(room) = &mut self.room else {
            return Ok(());
        };
        match &event.what {
            // The last of the missed events says that we are back.
            Known(Some(What::Back { member })) if *member == room.you => self.caught_up = true,
            Known(Some(What::Renamed {
                member,
                name,
                colour,
            })) if *member == room.you => {
                self.who = Join {
                    name: Some(name.to_string()),
                    colour: colour.or(self.who.colour),
                };
            }
            _ => {}
        }
        let news = room.apply(event)?;
        self.told.extend(news.into_iter().map(Told::News));
        Ok(())
    }

    fn refused(&mut self, id: Option<u64>, refusal: Refusal, now: Millis) {
        let Some(id) = id else {
            self.complaint = Some(refusal.message);
            return;
        };
        match self.commands.refused(id, &refusal.code, now) {
            Refused::Final(Some(ask)) if is_unasked(&ask) => {}
            Refused::Final(ask) => self.told.push(Told::Refused(refusal, ask)),
            Refused::Again => {}
        }
    }

    /// The server closed the connection; 1006 stands for a connection that just ended.
    pub fn closed(&mut self, code: u16, now: Millis) {
        let (again, why) = closed(code);
        if code == CloseReason::BadSeat.code() && self.seat.take().is_some() {
            // Another one may be had, at once.
            let unsure = self.commands.forget();
            if !unsure.is_empty() {
                self.told.push(Told::Unsure(unsure));
            }
            self.lost((ComeBack::Soon, why), None, now);
            self.retry();
            return;
        }
        let why = match self.complaint.take() {
            Some(complaint) if code == CloseReason::BadProtocol.code() => Why::Garbled(complaint),
            // It was there, so the address is right.
            _ if code == CloseReason::NoSuchRoom.code() && self.room.is_some() => Why::Gone,
            _ => why,
        };
        self.lost((again, why), None, now);
    }

    /// The connection could not be made.
    pub fn failed(&mut self, failure: Failure, now: Millis) {
        self.lost((failure.again, failure.why), failure.after, now);
    }

    fn lost(&mut self, reason: (ComeBack, Why), after: Option<Millis>, now: Millis) {
        self.commands.lost();
        self.link.lost(now, reason, after, &mut self.entropy);
    }

    /// Looks at the clock.
    pub fn tick(&mut self, now: Millis) {
        match self.link.tick(now) {
            Turn::Nothing => {}
            Turn::Open => self.effects.push(Effect::Open),
            Turn::Ping => self.effects.push(Effect::Ping),
            Turn::Drop => {
                self.effects.push(Effect::Drop);
                self.lost((ComeBack::Soon, Why::Silent), None, now);
            }
        }
        self.go_on(now);
    }

    /// Asks for something; it is kept until there is an answer.
    pub fn ask(&mut self, ask: impl Into<Ask>, now: Millis) {
        let ask = ask.into();
        if self.commands.is_full() {
            self.told.push(Told::TooMany(ask));
            return;
        }
        self.commands.add(ask);
        self.go_on(now);
    }

    /// Connects at once, if it does not already.
    pub fn retry(&mut self) {
        if self.link.retry() {
            self.effects.push(Effect::Open);
        }
    }

    /// Leaves the room: the seat is given up. To leave twice is to leave once: the goodbye may
    /// still be on its way.
    pub fn leave(&mut self) {
        if matches!(self.link.status(), Status::Ended(_)) {
            return;
        }
        self.effects.push(match self.link.is_open() {
            true => Effect::Goodbye,
            // There may be an attempt.
            false => Effect::Drop,
        });
        self.seat = None;
        self.commands.lost();
        self.link.end(Why::Closed(CloseReason::Left));
    }

    /// Waits no longer to come back: it has ended for the reason there is.
    pub fn give_up(&mut self) {
        if let Status::Offline(why, _) = self.link.status() {
            self.link.end(why);
        }
    }

    fn is_here(&self) -> bool {
        self.status() == Status::Live
    }

    /// Says what there is to say.
    fn go_on(&mut self, now: Millis) {
        if self.is_here()
            && let Some(room) = &self.room
        {
            for ask in self.draws.tend(room, now, &mut self.entropy) {
                self.commands.add(ask.into());
            }
        }
        while let Some((ask, most)) = self.commands.too_long() {
            let refusal = Refusal {
                code: "too_long".to_owned(),
                message: format!("a command has at most {most} bytes"),
            };
            self.told.push(Told::Refused(refusal, Some(ask)));
        }
        for text in self.commands.flush(now) {
            self.link.asked(now);
            self.effects.push(Effect::Send(text));
        }
    }
}
