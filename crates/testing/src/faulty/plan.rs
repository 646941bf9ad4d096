//! What is to go wrong, and when.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;

/// What can be asked of a backend, and go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`Backend::create`](tablecast_core::Backend::create)
    Create,
    /// [`Backend::load`](tablecast_core::Backend::load)
    Load,
    /// [`Backend::commit`](tablecast_core::Backend::commit)
    Commit,
    /// [`Backend::keepsake`](tablecast_core::Backend::keepsake)
    Keepsake,
    /// [`Backend::due_alarms`](tablecast_core::Backend::due_alarms)
    DueAlarms,
    /// [`Backend::forget_alarm`](tablecast_core::Backend::forget_alarm)
    ForgetAlarm,
    /// [`Backend::watch`](tablecast_core::Backend::watch). When it fails, the room is
    /// watched all the same, as the port promises, and the listener hears that it missed
    /// something.
    Watch,
    /// [`Backend::signal`](tablecast_core::Backend::signal)
    Signal,
    /// [`Backend::renew`](tablecast_core::Backend::renew)
    Renew,
    /// [`Backend::release`](tablecast_core::Backend::release)
    Release,
}

impl Call {
    /// Whether it changes something in the store that a full one may refuse.
    fn is_change(self) -> bool {
        match self {
            Call::Create | Call::Commit | Call::Renew => true,
            Call::Load
            | Call::Keepsake
            | Call::DueAlarms
            | Call::ForgetAlarm
            | Call::Watch
            | Call::Signal
            | Call::Release => false,
        }
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Fails with [`BackendError::Unavailable`](tablecast_core::BackendError::Unavailable), and is never carried out.
    Unavailable,
    /// Fails with [`BackendError::Refused`](tablecast_core::BackendError::Refused), and is never carried out.
    Refused,
    /// Fails with [`BackendError::Unknown`](tablecast_core::BackendError::Unknown), and is never carried out.
    UnknownBefore,
    /// Is carried out, then fails with [`BackendError::Unknown`](tablecast_core::BackendError::Unknown).
    UnknownAfter,
    /// Fails with [`BackendError::Unknown`](tablecast_core::BackendError::Unknown), and is carried out this much later.
    UnknownThenLate(Duration),
    /// Does not answer until it is dropped, and is never carried out.
    Hang,
    /// Is carried out, then does not answer until it is dropped.
    HangAfter,
    /// Is carried out after this time.
    Delay(Duration),
}

/// What goes wrong with a publication on its way to this node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicationFault {
    /// It does not arrive. This breaks what [`Backend::watch`](tablecast_core::Backend::watch) promises, as a
    /// store does when a subscription dies silently: only
    /// [`Backend::resync_interval`](tablecast_core::Backend::resync_interval) helps.
    Lose,
    /// It arrives twice.
    Double,
    /// It arrives after the room's next one, or after 100 ms if there is none.
    Reorder,
    /// It arrives this much later; those behind it do not wait.
    Delay(Duration),
}

/// How often things go wrong at random: shares of 1, by default none. Those for
/// calls add up to at most 1, and so do those for publications.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Calls that meet [`Fault::Unavailable`].
    pub unavailable: f64,
    /// Calls that meet [`Fault::UnknownBefore`].
    pub unknown_before: f64,
    /// Calls that meet [`Fault::UnknownAfter`].
    pub unknown_after: f64,
    /// Calls that meet [`Fault::UnknownThenLate`].
    pub unknown_then_late: f64,
    /// Calls that meet [`Fault::Delay`].
    pub delay: f64,
    /// Publications that meet [`PublicationFault::Lose`].
    pub lose: f64,
    /// Publications that meet [`PublicationFault::Double`].
    pub double: f64,
    /// Publications that meet [`PublicationFault::Reorder`].
    pub reorder: f64,
    /// Publications that meet [`PublicationFault::Delay`].
    pub delay_publication: f64,
    /// The longest delay; each is anything from nothing to this.
    pub longest_delay: Duration,
}

/// What was asked for.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) next: HashMap<Call, VecDeque<Fault>>,
    pub(super) every: HashMap<Call, Fault>,
    pub(super) publications: VecDeque<PublicationFault>,
    pub(super) chance: Option<(Rng, Rates)>,
    pub(super) down: Option<String>,
    pub(super) refusing: Option<String>,
    pub(super) calls: HashMap<Call, u64>,
}

impl Plan {
    /// What this call meets, and the text for its error.
    pub(super) fn meet(&mut self, call: Call) -> Option<(Fault, String)> {
        *self.calls.entry(call).or_default() += 1;
        if let Some(fault) = self.next.get_mut(&call).and_then(VecDeque::pop_front) {
            return Some((fault, "a test asked for this".to_owned()));
        }
        if let Some(reason) = &self.down {
            return Some((Fault::Unavailable, reason.clone()));
        }
        if let Some(why) = self.refusing.as_ref().filter(|_| call.is_change()) {
            return Some((Fault::Refused, why.clone()));
        }
        if let Some(fault) = self.every.get(&call) {
            return Some((*fault, "a test asked for this every time".to_owned()));
        }
        let (rng, rates) = self.chance.as_mut()?;
        let delay = rates.longest_delay.mul_f64(rng.f64());
        let fault = pick(
            rng,
            [
                (rates.unavailable, Fault::Unavailable),
                (rates.unknown_before, Fault::UnknownBefore),
                (rates.unknown_after, Fault::UnknownAfter),
                (rates.unknown_then_late, Fault::UnknownThenLate(delay)),
                (rates.delay, Fault::Delay(delay)),
            ],
        )?;
        Some((fault, "a test asked for this now and then".to_owned()))
    }

    /// What this publication meets.
    pub(super) fn meet_publication(&mut self) -> Option<PublicationFault> {
        if self.down.is_some() {
            return Some(PublicationFault::Lose);
        }
        if let Some(fault) = self.publications.pop_front() {
            return Some(fault);
        }
        let (rng, rates) = self.chance.as_mut()?;
        let delay = rates.longest_delay.mul_f64(rng.f64());
        pick(
            rng,
            [
                (rates.lose, PublicationFault::Lose),
                (rates.double, PublicationFault::Double),
                (rates.reorder, PublicationFault::Reorder),
                (rates.delay_publication, PublicationFault::Delay(delay)),
            ],
        )
    }
}

/// One of these, each as often as it says, or none.
fn pick<T, const N: usize>(rng: &mut Rng, choices: [(f64, T); N]) -> Option<T> {
    let mut left = rng.f64();
    for (share, choice) in choices {
        if left < share {
            return Some(choice);
        }
        left -= share;
    }
    None
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
