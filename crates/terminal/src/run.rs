//! The loop that runs a client and its user interface.

use std::io;
use std::time::Duration;

use futures_util::future::{OptionFuture, select_all};
use tablecast_client::{Client, Millis, Reason, Status, now};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::sleep;

use crate::inputs::Inputs;
use crate::lunch::{Lunch, Session};

/// A user interface: it shows the room and takes input.
pub(crate) trait Ui {
    /// One piece of input.
    type Input: Send + 'static;

    /// Whether it takes input now. Else the input waits where it is.
    fn takes_input(&self, session: &Session) -> bool;

    /// Whether it looks at input that has to wait, for what need not.
    fn looks_ahead(&self) -> bool;

    /// Whether this need not wait for what was said before it.
    fn is_urgent(&self, input: &Self::Input) -> bool;

    /// Takes input.
    fn input(&mut self, input: Self::Input, session: &mut Session, now: Millis) -> io::Result<()>;

    /// There is no more input: it leaves, now or when everything is done.
    fn input_ended(&mut self, session: &mut Session);

    /// Shows what has changed, and tells the notifications.
    fn show(&mut self, session: &mut Session, now: Millis) -> io::Result<()>;

    /// Whether to go on although the room has ended, because somebody still looks at it.
    fn stays(&self) -> bool;

    /// How often to show it again although nothing happened.
    const TICK: Option<Duration>;
}

/// Runs until the room is left or has ended; returns why.
///
/// # Errors
/// The terminal, or what stands in its place, cannot be read or written. The room is left
/// all the same.
pub(crate) async fn run<F: Ui>(
    ui: &mut F,
    inputs: &mut Inputs<F::Input>,
    client: &mut Client<Lunch>,
    signals: &mut Signals,
) -> io::Result<Reason> {
    let mut inputs_end = false;
    // There is nothing more to look at, beside what waits.
    let mut all_seen = false;
    let mut broken = None;
    loop {
        let session = &mut client.session;
        if broken.is_none()
            && let Err(error) = ui.show(session, now())
        {
            broken = Some(error);
            session.close();
        }
        if let Status::Ended(reason) = session.status()
            && (signals.have_come || broken.is_some() || !ui.stays())
        {
            client.close().await;
            return broken.map_or(Ok(reason), Err);
        }
        let takes_input = !inputs_end && ui.takes_input(session);
        let looks_ahead = !all_seen && !takes_input && ui.looks_ahead();
        let next = async {
            match takes_input {
                true => inputs.next().await,
                false => inputs.newest().await,
            }
        };
        tokio::select! {
            () = client.changed() => {}
            input = next, if takes_input || looks_ahead => match input {
                Some(Ok(input)) if looks_ahead && !ui.is_urgent(&input) => inputs.hold(input),
                Some(input) => {
                    let session = &mut client.session;
                    let done = input.and_then(|input| ui.input(input, session, now()));
                    if let Err(error) = done {
                        broken = Some(error);
                        session.close();
                    }
                }
                None if looks_ahead => all_seen = true,
                None => {
                    (inputs_end, all_seen) = (true, true);
                    ui.input_ended(&mut client.session);
                }
            },
            Some(()) = OptionFuture::from(F::TICK.map(sleep)) => {}
            () = signals.next() => client.session.close(),
        }
    }
}

/// What a shell, a service manager and a closed terminal send. On the first of them the room is
/// left, so that the seat is free for others, and no other one is joined.
pub(crate) struct Signals {
    signals: Vec<Signal>,
    /// Whether one has come.
    pub(crate) have_come: bool,
}

impl Signals {
    /// From now on a signal ends nothing by itself, but is kept for [`Signals::next`].
    pub(crate) fn new() -> io::Result<Self> {
        use SignalKind as Kind;
        let kinds = [Kind::interrupt(), Kind::terminate(), Kind::hangup()];
        let signals = kinds.into_iter().map(signal);
        Ok(Signals {
            signals: signals.collect::<io::Result<_>>()?,
            have_come: false,
        })
    }

    pub(crate) async fn next(&mut self) {
        let next = self.signals.iter_mut().map(|one| Box::pin(one.recv()));
        select_all(next).await;
        self.have_come = true;
    }
}
