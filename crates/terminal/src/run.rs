//! The loop that joins a session, its connection, the clock and whoever sits there.

use std::io;
use std::time::Duration;

use futures_util::future::OptionFuture;
use futures_util::{Stream, StreamExt};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};

use crate::clock::{Millis, now};
use crate::net::socket::{Connection, In, Out};
use crate::place::Place;
use crate::session::link::{Status, Why};
use crate::session::{Effect, Session, Told};

/// How long a goodbye may take to be answered.
const GOODBYE: Duration = Duration::from_secs(2);

/// A way to show a room and to be told what to do.
pub(crate) trait Face {
    /// What comes from whoever sits there.
    type Input;

    /// Whether something may come: what does not waits where it is.
    fn takes_input(&self, session: &Session) -> bool;

    /// Something came.
    fn input(&mut self, input: Self::Input, session: &mut Session, now: Millis) -> io::Result<()>;

    /// Nothing comes any more: leave, now or when all is done.
    fn input_ended(&mut self, session: &mut Session);

    /// Something may have changed.
    fn show(&mut self, session: &mut Session, told: &[Told], now: Millis) -> io::Result<()>;

    /// Whether to go on although the room has ended: it is looked at, or tried again.
    fn stays(&self) -> bool;

    /// How often something changes by time alone.
    const BEAT: Option<Duration>;
}

/// Runs until the room is left or has ended: why.
///
/// # Errors
/// The terminal, or what stands in its place, cannot be read or written. The room is left
/// all the same.
pub(crate) async fn run<F: Face>(
    face: &mut F,
    mut inputs: impl Stream<Item = io::Result<F::Input>> + Unpin,
    place: &Place,
    session: &mut Session,
) -> io::Result<Why> {
    let mut connection: Option<Connection> = None;
    let mut inputs_end = false;
    let mut is_told_to_end = false;
    let mut broken = None;
    let mut signals = Signals::new()?;
    loop {
        let told = session.told();
        if broken.is_none()
            && let Err(error) = face.show(session, &told, now())
        {
            broken = Some(error);
            session.leave();
        }
        for effect in session.effects() {
            match (effect, &connection) {
                (Effect::Open, _) => connection = Some(Connection::open(place)),
                (Effect::Drop, _) => connection = None,
                (Effect::Send(text), Some(connection)) => connection.send(Out::Text(text)),
                (Effect::Ping, Some(connection)) => connection.send(Out::Ping),
                (Effect::Goodbye, Some(connection)) => connection.send(Out::Goodbye),
                (Effect::Send(_) | Effect::Ping | Effect::Goodbye, None) => {}
            }
        }
        if let Status::Ended(why) = session.status()
            && (is_told_to_end || broken.is_some() || !face.stays())
        {
            if let Some(mut connection) = connection {
                // Whether it was heard or not, whoever left wants to be gone.
                let _ = timeout(GOODBYE, connection.closed()).await;
            }
            return match broken {
                Some(error) => Err(error),
                None => Ok(why),
            };
        }
        let at = session.next_at();
        let wait = at.map(|at| Duration::from_millis(at.saturating_sub(now())));
        let wait = wait.into_iter().chain(F::BEAT).min();
        let heard = OptionFuture::from(connection.as_mut().map(Connection::next));
        let clock = OptionFuture::from(wait.map(sleep));
        tokio::select! {
            Some(heard) = heard => match heard {
                In::Opened => session.opened(now()),
                In::Text(text) => session.heard(&text, now()),
                In::Alive => session.alive(now()),
                In::Closed(code) => {
                    connection = None;
                    session.closed(code, now());
                }
                In::Failed(failure) => {
                    connection = None;
                    session.failed(failure, now());
                }
            },
            input = inputs.next(), if !inputs_end && face.takes_input(session) => match input {
                Some(input) => {
                    let done = input.and_then(|input| face.input(input, session, now()));
                    if let Err(error) = done {
                        broken = Some(error);
                        session.leave();
                    }
                }
                None => {
                    inputs_end = true;
                    face.input_ended(session);
                }
            },
            Some(()) = clock => session.tick(now()),
            () = signals.next() => {
                is_told_to_end = true;
                session.leave();
            }
        }
    }
}

/// What a shell, a service manager and a closed terminal send. The first of them is a
/// goodbye, so that the seat is free for others.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals([
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
            signal(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let Signals([interrupt, terminate, hang_up]) = self;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    }
}
