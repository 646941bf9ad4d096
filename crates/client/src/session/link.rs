//! When to connect, when to doubt a connection, and when to come back: "Coming back" of
//! docs/protocol.md. Pure.

use tablecast_protocol::close::{CloseReason, ComeBack};

use crate::clock::Millis;
use crate::entropy::Entropy;

/// The first wait is random up to this.
const FIRST_BOUND: Millis = 500;
/// It doubles up to this.
const LAST_BOUND: Millis = 20_000;
/// [`ComeBack::Later`] is at least this long, and at random up to twice as long.
const LATER: Millis = 30_000;
/// A connection that lived for so long was a good one: the next wait is short again.
const STEADY: Millis = 5_000;
/// How long an answer may take: the server's own patience after a ping.
const PATIENCE: Millis = 10_000;
/// For so long the server may still let in a connection that was given up unanswered.
const LATE: Millis = 60_000;
/// The server pings first, unless the connection is dead. So we ask this much later.
const SLACK: Millis = 2_000;

/// Why a connection is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The server said so.
    Closed(CloseReason),
    /// The room is not there any more, in which this client was.
    Gone,
    /// It closed with a code that the protocol does not know, or without one.
    Lost,
    /// It did not answer in time.
    Silent,
    /// It could not be reached, or let nobody in: for people, as the system says it.
    Unreachable(String),
    /// What it said is not of this protocol: for people.
    Garbled(String),
    /// It told an event that is not known here, so the state is loaded anew.
    Outdated,
}

/// How a connection could not be made, or was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Whether to try again.
    pub again: ComeBack,
    /// How long the server wants to be left alone, ms.
    pub after: Option<Millis>,
    /// Why.
    pub reason: Reason,
}

impl Failure {
    pub(crate) fn new(again: ComeBack, reason: Reason) -> Self {
        Failure {
            again,
            after: None,
            reason,
        }
    }
}

/// Whether there is a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// Not connected yet, or events that were missed are still on their way.
    Connecting,
    /// Connected, and everything that happened is known.
    Live,
    /// Not connected, and why; tries again at that time.
    Offline(Reason, Millis),
    /// Not connected, and it stays so.
    Ended(Reason),
}

#[derive(Debug)]
enum State {
    Opening,
    Open {
        since: Millis,
        heard_at: Millis,
        /// When an answer must have come.
        due: Option<Millis>,
        /// How much silence is usual; unknown before the first message.
        interval: Option<Millis>,
    },
    Offline(Reason, Millis),
    Ended(Reason),
}

/// What a look at the clock led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Nothing,
    /// Try to connect.
    Open,
    /// Ask whether the connection lives.
    Ping,
    /// Give the connection up.
    Drop,
}

/// One connection at a time, and the next one when it is lost.
#[derive(Debug)]
pub(super) struct Link {
    state: State,
    bound: Millis,
    /// How many own connections were given up before they were answered, and until when they
    /// matter: each may still take the seat over from the connection that was opened after it.
    late: (u32, Millis),
}

impl Link {
    /// About to connect.
    pub(super) fn new() -> Self {
        Link {
            state: State::Opening,
            bound: FIRST_BOUND,
            late: (0, 0),
        }
    }

    pub(super) fn status(&self) -> Status {
        match &self.state {
            State::Opening | State::Open { interval: None, .. } => Status::Connecting,
            State::Open { .. } => Status::Live,
            State::Offline(reason, at) => Status::Offline(reason.clone(), *at),
            State::Ended(reason) => Status::Ended(reason.clone()),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open { .. })
    }

    /// The socket is open: the first message is due.
    pub(super) fn opened(&mut self, now: Millis) {
        self.state = State::Open {
            since: now,
            heard_at: now,
            due: Some(now + PATIENCE),
            interval: None,
        };
    }

    /// The first message came.
    pub(super) fn greeted(&mut self, ping_interval: Millis) {
        if let State::Open { interval, .. } = &mut self.state {
            *interval = Some(ping_interval.saturating_add(SLACK));
        }
    }

    /// Any sign of life.
    pub(super) fn heard(&mut self, now: Millis) {
        if let State::Open { heard_at, due, .. } = &mut self.state {
            *heard_at = now;
            *due = None;
        }
    }

    /// Something was sent that the server answers.
    pub(super) fn asked(&mut self, now: Millis) {
        if let State::Open { due, .. } = &mut self.state {
            due.get_or_insert(now + PATIENCE);
        }
    }

    /// The connection is gone, or could not be made.
    pub(super) fn lost(&mut self, now: Millis, failure: Failure, entropy: &mut Entropy) {
        if let State::Open { since, .. } = self.state
            && now >= since + STEADY
        {
            self.bound = FIRST_BOUND;
        }
        let wait = match self.unless_by_itself(now, &failure) {
            ComeBack::Never => {
                self.state = State::Ended(failure.reason);
                return;
            }
            ComeBack::Soon => {
                let wait = entropy.up_to(self.bound);
                self.bound = (2 * self.bound).min(LAST_BOUND);
                wait
            }
            ComeBack::Later => LATER + entropy.up_to(LATER),
        };
        let wait = wait.max(failure.after.unwrap_or(0));
        self.state = State::Offline(failure.reason, now.saturating_add(wait));
    }

    /// After a take-over by an own older connection it comes back.
    fn unless_by_itself(&mut self, now: Millis, failure: &Failure) -> ComeBack {
        let late = match self.late {
            (late, until) if now <= until => late,
            _ => 0,
        };
        if failure.reason == Reason::Closed(CloseReason::TakenOver) && late > 0 {
            self.late.0 = late - 1;
            return ComeBack::Soon;
        }
        if let State::Open { interval: None, .. } = self.state
            && failure.again == ComeBack::Soon
        {
            self.late = (late.saturating_add(1), now.saturating_add(LATE));
        }
        failure.again
    }

    /// Ends until somebody tries again. What has ended already keeps its first reason.
    pub(super) fn end(&mut self, reason: Reason) {
        if !matches!(self.state, State::Ended(_)) {
            self.state = State::Ended(reason);
        }
    }

    /// Whether to connect now, although it is not time yet.
    pub(super) fn retry(&mut self) -> bool {
        let waits = matches!(self.state, State::Offline(..) | State::Ended(_));
        if waits {
            self.state = State::Opening;
        }
        waits
    }

    /// When to look at the clock again.
    pub(super) fn next_at(&self) -> Option<Millis> {
        match self.state {
            State::Open {
                heard_at,
                due,
                interval,
                ..
            } => due.or_else(|| Some(heard_at.saturating_add(interval?))),
            State::Offline(_, at) => Some(at),
            State::Opening | State::Ended(_) => None,
        }
    }

    /// Does what is due at this time.
    pub(super) fn tick(&mut self, now: Millis) -> Turn {
        if self.next_at().is_none_or(|at| now < at) {
            return Turn::Nothing;
        }
        match &mut self.state {
            State::Open { due: Some(_), .. } => Turn::Drop,
            State::Open { due, .. } => {
                *due = Some(now + PATIENCE);
                Turn::Ping
            }
            _ => {
                self.state = State::Opening;
                Turn::Open
            }
        }
    }
}

/// What a close code means. A code that is not in the protocol comes from the network.
pub(super) fn closed(code: u16) -> Failure {
    match CloseReason::of(code) {
        Some(reason) => Failure::new(reason.come_back(), Reason::Closed(reason)),
        None => Failure::new(ComeBack::Soon, Reason::Lost),
    }
}
