//! A seat in a room over a network that comes and goes: what to do on everything that
//! happens. Pure; the clock and randomness are passed in, and what is to be done comes out
//! as [`Effect`]s.

mod commands;
pub(crate) mod link;

use std::collections::BTreeMap;

use tablecast_protocol::client::{First, Join, Request, Resume};
use tablecast_protocol::close::{CloseReason, ComeBack};
use tablecast_protocol::push::{Event, Hello, Push, Version, What};
use tablecast_protocol::{ClientNumber, Known, SeatToken};

use crate::application::Application;
use crate::clock::Millis;
use crate::entropy::Entropy;
use crate::message;
use crate::notification::{Notification, Refusal};
use crate::room::Room;
use commands::{Commands, Refused};
use link::{Failure, Link, Reason, Status, Turn, closed};

/// What the session wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Connect, in place of any connection there is.
    Open,
    /// Give this to the connection.
    Send(Outgoing),
    /// Cut the connection without a goodbye, so that the seat is kept.
    Drop,
}

/// What goes over a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A message.
    Text(String),
    /// A ping.
    Ping,
    /// Close with 1000: the seat is given up.
    Goodbye,
}

/// What comes of a connection, or of an attempt at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// The socket is open.
    Opened,
    /// A message.
    Text(String),
    /// Anything else that came: a sign of life.
    Alive,
    /// It is closed, with this code; 1006 stands for a connection that just ended.
    Closed(u16),
    /// It could not be made.
    Failed(Failure),
}

/// A seat in a room of an application.
#[derive(Debug)]
pub struct Session<A: Application> {
    app: A,
    who: Join,
    seat: Option<SeatToken>,
    /// Whether it takes the seat from another client: not if it comes back by itself.
    takes: bool,
    room: Option<Room<A::State>>,
    /// Nothing that happened is missing.
    caught_up: bool,
    store_is_up: bool,
    /// What the server knows.
    version: Version,
    /// It told an event that is not known here. From then on the whole state is asked for after
    /// each drop: among the events that were missed may be more of the kind.
    is_outdated: bool,
    /// It told something that cannot be read. Among the missed events it would come again, so
    /// the whole state is asked for.
    is_unread: bool,
    link: Link,
    commands: Commands<A::Command>,
    /// The place of the newest event that was acknowledged.
    acknowledged: u64,
    /// Own changes of which others see less, by their places: they come with the answer, in front
    /// of the events for everybody.
    own: BTreeMap<u64, Known<A::Event>>,
    /// What the server did not understand; a close may follow it.
    complaint: Option<String>,
    entropy: Entropy,
    effects: Vec<Effect>,
    notifications: Vec<Notification<A::News, A::Command>>,
}

impl<A: Application> Session<A> {
    /// About to connect, as a client with a number of its own.
    pub fn new(app: A, mut who: Join, mut entropy: Entropy) -> Self {
        who.client = Some(ClientNumber::drawn(entropy.number()));
        Session {
            app,
            who,
            seat: None,
            takes: true,
            room: None,
            caught_up: false,
            store_is_up: true,
            version: Version::default(),
            is_outdated: false,
            is_unread: false,
            link: Link::new(),
            commands: Commands::new(),
            acknowledged: 0,
            own: BTreeMap::new(),
            complaint: None,
            entropy,
            effects: vec![Effect::Open],
            notifications: Vec::new(),
        }
    }

    /// What the application remembers.
    pub fn app(&self) -> &A {
        &self.app
    }

    /// The room as it is known; live only if [`Session::status`] says so.
    pub fn room(&self) -> Option<&Room<A::State>> {
        self.room.as_ref()
    }

    /// Whether there is a connection.
    pub fn status(&self) -> Status {
        match self.link.status() {
            Status::Live if !self.caught_up => Status::Connecting,
            status => status,
        }
    }

    /// Whether this client sees the room without a seat, and its commands are refused.
    pub fn is_watching(&self) -> bool {
        self.room.as_ref().is_some_and(|room| room.you.is_none())
    }

    /// Whether the store answers; while it does not, nothing changes.
    pub fn store_is_up(&self) -> bool {
        self.store_is_up
    }

    /// What the server knows, if it told an event that is not known here. What is shown is right
    /// again after the next [`Notification::Snapshot`], but may lack what is new.
    pub fn outdated(&self) -> Option<Version> {
        self.is_outdated.then_some(self.version)
    }

    /// Commands without an answer, in order.
    pub fn pending(&self) -> impl DoubleEndedIterator<Item = &Request<A::Command>> {
        self.commands.pending()
    }

    /// Whether all that was asked for is answered, and the room shows it.
    pub fn is_settled(&self) -> bool {
        let shows = |room: &Room<_>| room.seq >= self.acknowledged;
        self.is_here() && self.pending().next().is_none() && self.room().is_some_and(shows)
    }

    /// What is to be done, in order.
    pub fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// What people want to be told, in order.
    pub fn notifications(&mut self) -> Vec<Notification<A::News, A::Command>> {
        std::mem::take(&mut self.notifications)
    }

    /// When [`Session::tick`] is due.
    pub fn next_at(&self) -> Option<Millis> {
        let app = self.app.next_at().filter(|_| self.takes_part());
        let times = [self.link.next_at(), self.commands.next_at(), app];
        times.into_iter().flatten().min()
    }

    /// Something came of the connection.
    pub fn hear(&mut self, incoming: Incoming, now: Millis) {
        match incoming {
            Incoming::Opened => self.opened(now),
            Incoming::Text(text) => self.heard(&text, now),
            Incoming::Alive => self.link.heard(now),
            Incoming::Closed(code) => self.closed(code, now),
            Incoming::Failed(failure) => self.lost(failure, now),
        }
    }

    fn opened(&mut self, now: Millis) {
        self.link.opened(now);
        let follows = !self.is_outdated && !self.is_unread;
        let known = self.room.as_ref().filter(|_| follows);
        // What somebody gave in here is to be done, wherever they are now.
        let takes = self.takes || self.pending().next().is_some();
        let first = match self.seat {
            Some(seat) => First::Resume(Resume {
                seat,
                epoch: known.map(|room| room.epoch),
                seq: known.map(|room| room.seq),
                // Without the seat it joins as that person, with commands that count anew.
                person: None,
                client: self.who.client,
                take: (!takes).then_some(false),
            }),
            None => First::Join(self.who.clone()),
        };
        // Strings and numbers can always be written.
        let first = serde_json::to_string(&first).unwrap_or_default();
        self.effects.push(Effect::Send(Outgoing::Text(first)));
    }

    fn heard(&mut self, text: &str, now: Millis) {
        self.link.heard(now);
        let understood = match message::read::<A>(text) {
            Ok(Some(push)) => self.push(push, now),
            Ok(None) => Ok(()),
            Err(error) => {
                self.is_unread = true;
                Err(Reason::Garbled(error.to_string()))
            }
        };
        match understood {
            Ok(()) => self.go_on(now),
            Err(reason) => {
                if reason == Reason::Outdated && !self.is_outdated {
                    self.is_outdated = true;
                    self.notifications
                        .push(Notification::Outdated(self.version));
                }
                self.effects.push(Effect::Drop);
                self.lost(Failure::new(ComeBack::Soon, reason), now);
            }
        }
    }

    fn push(&mut self, push: message::Push<A>, now: Millis) -> Result<(), Reason> {
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
            Push::Ack { id, seq, own } => {
                self.commands.acknowledged(id);
                self.acknowledged = seq;
                self.own.extend((1..=seq).rev().zip(own.into_iter().rev()));
            }
            Push::Error {
                id, code, message, ..
            } => {
                let (code, message) = (code.into_owned(), message.into_owned());
                self.refused(id, Refusal { code, message }, now);
            }
            Push::Status { store } => {
                self.store_is_up = store == "up";
                let notification = Notification::Store(self.store_is_up);
                self.notifications.push(notification);
            }
        }
        Ok(())
    }

    fn greeted(&mut self, hello: Hello<'_, A::State>, now: Millis) -> Result<(), Reason> {
        let (limits, version) = (hello.limits, hello.version);
        let is_whole = hello.whole.is_some();
        let seat = hello.seated.as_ref().map(|seated| seated.seat);
        let watched = self.is_watching();
        self.room = Some(Room::greeted(self.room.take(), hello, now)?);
        self.seat = seat;
        self.takes = false;
        self.caught_up = is_whole;
        self.is_unread = false;
        self.store_is_up = true;
        self.version = version;
        self.complaint = None;
        // Whatever was missed of these comes with the whole state.
        self.own.clear();
        self.link.greeted(limits.ping_interval_ms);
        self.commands.greeted(limits, now);
        if is_whole {
            self.whole();
        }
        let watches = self.is_watching();
        if watches != watched {
            self.notifications.push(Notification::Watching(watches));
        }
        Ok(())
    }

    fn whole(&mut self) {
        // It may be of another epoch, which counts anew; and it shows what was acknowledged.
        self.acknowledged = 0;
        self.own.clear();
        self.notifications.push(Notification::Snapshot);
    }

    fn happened(&mut self, mut event: Event<'_, Known<A::Event>>) -> Result<(), Reason> {
        let Some(room) = &mut self.room else {
            return Ok(());
        };
        // The answer to a repeated command may say again what has happened already.
        let newer = self.own.split_off(&event.seq.saturating_add(1));
        let own = std::mem::replace(&mut self.own, newer).remove(&event.seq);
        if let Some(own) = own {
            event.what = Known(Some(What::Change(own)));
        }
        match &event.what {
            // The last of the missed events says that we are back.
            Known(Some(What::Back { member })) if room.is_you(*member) => self.caught_up = true,
            Known(Some(What::Renamed {
                member,
                name,
                colour,
            })) if room.is_you(*member) => {
                self.who.name = Some(name.to_string());
                self.who.colour = colour.or(self.who.colour);
            }
            _ => {}
        }
        self.notifications.extend(room.apply(event, A::apply)?);
        Ok(())
    }

    fn refused(&mut self, id: Option<u64>, refusal: Refusal, now: Millis) {
        let Some(id) = id else {
            self.complaint = Some(refusal.message);
            return;
        };
        match self.commands.refused(id, &refusal.code, now) {
            Refused::Final(request) => {
                let notification = Notification::Refused(refusal, request);
                self.notifications.push(notification);
            }
            Refused::Again | Refused::Unasked => {}
        }
    }

    fn closed(&mut self, code: u16, now: Millis) {
        let mut failure = closed(code);
        if code == CloseReason::BadSeat.code() && self.seat.take().is_some() {
            // Another one may be had, at once.
            let unsure = self.commands.forget();
            if !unsure.is_empty() {
                self.notifications.push(Notification::Unsure(unsure));
            }
            failure.again = ComeBack::Soon;
            self.lost(failure, now);
            return self.retry_now();
        }
        match self.complaint.take() {
            Some(complaint) if code == CloseReason::BadProtocol.code() => {
                failure.reason = Reason::Garbled(complaint);
            }
            // It was there, so the address is right.
            _ if code == CloseReason::NoSuchRoom.code() && self.room.is_some() => {
                failure.reason = Reason::Gone;
            }
            _ => {}
        }
        self.lost(failure, now);
    }

    fn lost(&mut self, failure: Failure, now: Millis) {
        self.commands.lost();
        self.link.lost(now, failure, &mut self.entropy);
    }

    /// Does what is due at this time.
    pub fn tick(&mut self, now: Millis) {
        match self.link.tick(now) {
            Turn::Nothing => {}
            Turn::Open => self.effects.push(Effect::Open),
            Turn::Ping => self.effects.push(Effect::Send(Outgoing::Ping)),
            Turn::Drop => {
                self.effects.push(Effect::Drop);
                self.lost(Failure::new(ComeBack::Soon, Reason::Silent), now);
            }
        }
        self.go_on(now);
    }

    /// Asks for something; it is kept until there is an answer.
    pub fn send(&mut self, request: impl Into<Request<A::Command>>, now: Millis) {
        let request = request.into();
        if let Some(error) = commands::unsayable(&request) {
            return self.refuse("bad_command", error.to_string(), request);
        }
        if self.commands.is_full() {
            self.notifications.push(Notification::TooMany(request));
            return;
        }
        self.commands.add(request, true);
        self.go_on(now);
    }

    /// Refuses what the server would not read.
    fn refuse(&mut self, code: &str, message: String, request: Request<A::Command>) {
        let code = code.to_owned();
        let notification = Notification::Refused(Refusal { code, message }, Some(request));
        self.notifications.push(notification);
    }

    /// Connects at once, if it does not already; also when it has ended.
    pub fn retry_now(&mut self) {
        self.takes |= matches!(self.status(), Status::Ended(_));
        if self.link.retry() {
            self.effects.push(Effect::Open);
        }
    }

    /// Leaves the room: the seat is given up. To leave twice is to leave once: the goodbye may
    /// still be on its way.
    pub fn close(&mut self) {
        if matches!(self.link.status(), Status::Ended(_)) {
            return;
        }
        self.effects.push(match self.link.is_open() {
            true => Effect::Send(Outgoing::Goodbye),
            // There may be an attempt.
            false => Effect::Drop,
        });
        self.seat = None;
        self.commands.lost();
        self.link.end(Reason::Closed(CloseReason::Left));
    }

    /// Waits no longer to come back: it has ended for the reason there is.
    pub fn give_up(&mut self) {
        if let Status::Offline(reason, _) = self.link.status() {
            self.link.end(reason);
        }
    }

    fn is_here(&self) -> bool {
        self.status() == Status::Live
    }

    fn takes_part(&self) -> bool {
        self.is_here() && !self.is_watching()
    }

    /// Says what there is to say.
    fn go_on(&mut self, now: Millis) {
        if self.takes_part()
            && let Some(room) = &self.room
        {
            for command in self.app.tend(room, now, &mut self.entropy) {
                self.commands.add(command.into(), false);
            }
        }
        while let Some((request, most)) = self.commands.too_long() {
            let message = format!("a command has at most {most} bytes");
            self.refuse("too_long", message, request);
        }
        for text in self.commands.flush(now) {
            self.link.asked(now);
            self.effects.push(Effect::Send(Outgoing::Text(text)));
        }
    }
}
