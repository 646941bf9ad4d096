//! A backend that fails as and when a test asks, to test what is built on it.
//!
//! [`FaultyBackend`] wraps any other backend. Its [`Faults`] say what goes wrong:
//! the [next](Faults::next) call of a kind, [every](Faults::every) call of a
//! kind, everything while the store is [down](Faults::down), changes while it is
//! [refusing](Faults::refusing) them, or a share of all
//! that happens, [at random](Faults::random) but the same for the same seed.
//! Without any of these it behaves as the backend it wraps.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! use std::sync::Arc;
//! use tablecast::MemoryBackend;
//! use tablecast::core::{Backend, BackendError};
//! use tablecast::testing::faulty::{Call, Fault, FaultyBackend};
//!
//! let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
//! let faults = backend.faults();
//! let room = "lunch".parse().unwrap();
//!
//! faults.next(Call::Load, Fault::Unavailable);
//! let failed = backend.load(&room, None).await;
//! assert!(matches!(failed, Err(BackendError::Unavailable(_))));
//! assert_eq!(backend.load(&room, None).await, Ok(None));
//! # }
//! ```

mod way;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use fastrand::Rng;
use futures_util::stream;
use tablecast_core::backend::{
    Backend, BackendError, BackendFuture, Commit, Committed, Created, Health, HealthChanges,
    Keepsake, Listener, Loaded, NewRoom, Watch,
};
use tablecast_core::{NodeId, Position, RoomId};
use tokio::sync::watch;

use self::way::{Entrance, Way};

/// How often rooms are to be compared with the store, at least: publications
/// can be lost here. Short, so that tests need not wait.
const RESYNC_INTERVAL: Duration = Duration::from_millis(200);

/// What can be asked of a backend, and go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// [`Backend::create`]
    Create,
    /// [`Backend::load`]
    Load,
    /// [`Backend::commit`]
    Commit,
    /// [`Backend::keepsake`]
    Keepsake,
    /// [`Backend::watch`]. When it fails, the room is watched all the same, as the
    /// port promises, and the listener hears that it missed something.
    Watch,
    /// [`Backend::renew`]
    Renew,
    /// [`Backend::release`]
    Release,
}

impl Call {
    /// Whether it changes something in the store that a full one may refuse.
    fn is_change(self) -> bool {
        match self {
            Call::Create | Call::Commit | Call::Renew => true,
            Call::Load | Call::Keepsake | Call::Watch | Call::Release => false,
        }
    }
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Fails with [`BackendError::Unavailable`], and is never carried out.
    Unavailable,
    /// Fails with [`BackendError::Refused`], and is never carried out.
    Refused,
    /// Fails with [`BackendError::Unknown`], and is never carried out.
    UnknownBefore,
    /// Is carried out, then fails with [`BackendError::Unknown`].
    UnknownAfter,
    /// Fails with [`BackendError::Unknown`], and is carried out this much later.
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
    /// It does not arrive. This breaks what [`Backend::watch`] promises, as a
    /// store does when a subscription dies silently: only
    /// [`Backend::resync_interval`] helps.
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

/// Any backend, with faults.
pub struct FaultyBackend {
    inner: Arc<dyn Backend>,
    faults: Faults,
}

impl FaultyBackend {
    /// This backend, for now without faults.
    pub fn new(inner: Arc<dyn Backend>) -> Self {
        FaultyBackend {
            inner,
            faults: Faults(Arc::new(Shared {
                health: watch::Sender::new(Health::Up),
                ways: Mutex::default(),
                plan: Mutex::default(),
            })),
        }
    }

    /// The handle by which a test says what goes wrong.
    pub fn faults(&self) -> Faults {
        self.faults.clone()
    }

    /// Lets a call happen, or not. `work` has not begun yet.
    fn call<'a, T: Send + 'static>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, BackendError>> + Send + 'static,
    ) -> BackendFuture<'a, T> {
        let faults = self.faults.clone();
        BackendFuture::later(async move {
            let Some((fault, why)) = faults.plan().meet(call) else {
                return work.await;
            };
            match fault {
                Fault::Unavailable => Err(BackendError::Unavailable(why)),
                Fault::Refused => Err(BackendError::Refused(why)),
                Fault::UnknownBefore => Err(BackendError::Unknown(why)),
                Fault::UnknownAfter => {
                    let _ = work.await;
                    Err(BackendError::Unknown(why))
                }
                Fault::UnknownThenLate(late) => {
                    tokio::spawn(async move {
                        tokio::time::sleep(late).await;
                        let _ = work.await;
                    });
                    Err(BackendError::Unknown(why))
                }
                Fault::Hang => std::future::pending().await,
                Fault::HangAfter => {
                    let _ = work.await;
                    std::future::pending().await
                }
                Fault::Delay(delay) => {
                    tokio::time::sleep(delay).await;
                    work.await
                }
            }
        })
    }
}

impl fmt::Debug for FaultyBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyBackend").finish_non_exhaustive()
    }
}

impl Backend for FaultyBackend {
    fn create<'a>(&'a self, room: &'a RoomId, new: NewRoom) -> BackendFuture<'a, Created> {
        let (inner, room) = (Arc::clone(&self.inner), room.clone());
        self.call(Call::Create, async move { inner.create(&room, new).await })
    }

    fn load<'a>(
        &'a self,
        room: &'a RoomId,
        known: Option<Position>,
    ) -> BackendFuture<'a, Option<Loaded>> {
        let (inner, room) = (Arc::clone(&self.inner), room.clone());
        self.call(Call::Load, async move { inner.load(&room, known).await })
    }

    fn commit<'a>(&'a self, room: &'a RoomId, commit: Commit) -> BackendFuture<'a, Committed> {
        let (inner, room) = (Arc::clone(&self.inner), room.clone());
        self.call(
            Call::Commit,
            async move { inner.commit(&room, commit).await },
        )
    }

    fn keepsake<'a>(&'a self, room: &'a RoomId) -> BackendFuture<'a, Option<Keepsake>> {
        let (inner, room) = (Arc::clone(&self.inner), room.clone());
        self.call(Call::Keepsake, async move { inner.keepsake(&room).await })
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        let way = Way::new(Arc::clone(&listener), self.faults.clone());
        self.faults.adopt(&way);
        let (watch, begun) = self.inner.watch(room, Arc::new(Entrance(way)));
        let answered = self.call(Call::Watch, std::future::ready(Ok(())));
        let begun = BackendFuture::later(async move {
            let answer = answered.await;
            begun.await?;
            // While the store is down, `up` says so to all.
            if answer.is_err() && !self.faults.is_down() {
                listener.missed();
            }
            answer
        });
        (watch, begun)
    }

    fn health(&self) -> HealthChanges {
        let mut health = self.faults.0.health.subscribe();
        if !health.borrow().is_up() {
            health.mark_changed();
        }
        let said = (self.faults.clone(), health, false);
        let said = stream::unfold(said, |(faults, mut health, is_back)| async move {
            // After whoever reads this has heard that the store is up.
            if is_back {
                faults.all_missed();
            }
            health.changed().await.ok()?;
            let newest = health.borrow_and_update().clone();
            let is_back = newest.is_up();
            Some((newest, (faults, health, is_back)))
        });
        Box::pin(stream::select(self.inner.health(), Box::pin(said)))
    }

    fn renew<'a>(&'a self, node: &'a NodeId, lease: Duration) -> BackendFuture<'a, Vec<NodeId>> {
        let (inner, node) = (Arc::clone(&self.inner), node.clone());
        self.call(Call::Renew, async move { inner.renew(&node, lease).await })
    }

    fn release<'a>(&'a self, node: &'a NodeId) -> BackendFuture<'a, ()> {
        let (inner, node) = (Arc::clone(&self.inner), node.clone());
        self.call(Call::Release, async move { inner.release(&node).await })
    }

    fn snapshot_interval(&self) -> usize {
        self.inner.snapshot_interval()
    }

    /// At most 200 ms, since publications can be lost here.
    fn resync_interval(&self) -> Option<Duration> {
        let inner = self.inner.resync_interval().unwrap_or(RESYNC_INTERVAL);
        Some(inner.min(RESYNC_INTERVAL))
    }
}

/// Says what goes wrong with a [`FaultyBackend`]. A handle: clones say it to the
/// same one.
///
/// What a call meets is decided when its future is first polled: a fault for the
/// next call comes first, then the store being down, then a fault for every
/// call, then chance.
#[derive(Clone)]
pub struct Faults(Arc<Shared>);

struct Shared {
    health: watch::Sender<Health>,
    /// Of all rooms that are watched.
    ways: Mutex<Vec<Weak<Way>>>,
    plan: Mutex<Plan>,
}

impl Faults {
    /// The next call of this kind meets this fault; said again, the one after
    /// it, and so on.
    pub fn next(&self, call: Call, fault: Fault) {
        self.plan().next.entry(call).or_default().push_back(fault);
    }

    /// Every call of this kind meets this fault, until [`Faults::none`].
    pub fn every(&self, call: Call, fault: Fault) {
        self.plan().every.insert(call, fault);
    }

    /// The next publication meets this fault; said again, the one after it, and
    /// so on.
    pub fn next_publication(&self, fault: PublicationFault) {
        self.plan().publications.push_back(fault);
    }

    /// Faults by chance, at these rates; the same ones for the same seed and the
    /// same order of calls and publications.
    pub fn random(&self, seed: u64, rates: Rates) {
        self.plan().chance = Some((Rng::with_seed(seed), rates));
    }

    /// No faults any more, of those that were asked for. A store that is down
    /// stays down, and what hangs goes on hanging.
    pub fn none(&self) {
        let mut plan = self.plan();
        plan.next.clear();
        plan.every.clear();
        plan.publications.clear();
        plan.chance = None;
    }

    /// The store cannot be reached from now on: the node is told, every call
    /// fails with [`BackendError::Unavailable`], and publications are lost.
    pub fn down(&self, reason: impl Into<String>) {
        let reason = reason.into();
        self.plan().down = Some(reason.clone());
        self.say(Health::Down(reason));
    }

    /// The store takes no changes from now on, for this reason, which members are told:
    /// the node is told, and every call that would change something fails with
    /// [`BackendError::Refused`]. All others go through.
    pub fn refusing(&self, why: impl Into<String>) {
        let why = why.into();
        self.plan().refusing = Some(why.clone());
        let words = format!("REFUSED {why}");
        self.say(Health::Refusing { why, words });
    }

    /// The store can be reached again, and takes changes. The node is told; then all
    /// listeners hear that they missed something.
    pub fn up(&self) {
        let mut plan = self.plan();
        plan.down = None;
        plan.refusing = None;
        drop(plan);
        self.say(Health::Up);
    }

    /// Tells the node that this is the store's health, and changes nothing else.
    pub fn say(&self, health: Health) {
        self.0.health.send_replace(health);
    }

    fn adopt(&self, way: &Arc<Way>) {
        let mut ways = lock(&self.0.ways);
        ways.retain(|way| way.strong_count() > 0);
        ways.push(Arc::downgrade(way));
    }

    fn all_missed(&self) {
        let ways: Vec<_> = lock(&self.0.ways)
            .iter()
            .filter_map(Weak::upgrade)
            .collect();
        for way in ways {
            way.missed();
        }
    }

    /// How many calls of this kind were made so far, whatever they met.
    pub fn calls(&self, call: Call) -> u64 {
        self.plan().calls.get(&call).copied().unwrap_or(0)
    }

    fn is_down(&self) -> bool {
        self.plan().down.is_some()
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        lock(&self.0.plan)
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faults").finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What was asked for.
#[derive(Default)]
struct Plan {
    next: HashMap<Call, VecDeque<Fault>>,
    every: HashMap<Call, Fault>,
    publications: VecDeque<PublicationFault>,
    chance: Option<(Rng, Rates)>,
    down: Option<String>,
    refusing: Option<String>,
    calls: HashMap<Call, u64>,
}

impl Plan {
    /// What this call meets, and the text for its error.
    fn meet(&mut self, call: Call) -> Option<(Fault, String)> {
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
    fn meet_publication(&mut self) -> Option<PublicationFault> {
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

#[cfg(test)]
mod tests;
