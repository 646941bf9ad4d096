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
//! use tablecast_testing::faulty::{Call, Fault, FaultyBackend};
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

mod plan;
mod way;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use futures_util::future::ready;
use futures_util::{StreamExt, stream};
use tablecast_core::backend::{
    AlarmHint, Backend, BackendError, BackendFuture, Commit, Committed, Created, DueAlarms, Health,
    HealthChanges, Keepsake, Listener, LiveNode, Loaded, NewRoom, Watch,
};
use tablecast_core::{Forms, NodeId, Position, RoomId};
use tokio::sync::watch;

pub use self::plan::{Call, Fault, PublicationFault, Rates};
use self::plan::{Plan, lock};
use self::way::{Entrance, Way};

/// How often rooms are to be compared with the store, at least: publications
/// can be lost here. Short, so that tests need not wait.
const RESYNC_INTERVAL: Duration = Duration::from_millis(200);

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
            faults: Faults(Arc::new(State {
                health: watch::Sender::new(Health::Up),
                ways: Mutex::default(),
                plan: Arc::default(),
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

    fn due_alarms(&self, limit: usize) -> BackendFuture<'_, DueAlarms> {
        let inner = Arc::clone(&self.inner);
        self.call(
            Call::DueAlarms,
            async move { inner.due_alarms(limit).await },
        )
    }

    fn forget_alarm<'a>(&'a self, hint: &'a AlarmHint) -> BackendFuture<'a, ()> {
        let (inner, hint) = (Arc::clone(&self.inner), hint.clone());
        self.call(
            Call::ForgetAlarm,
            async move { inner.forget_alarm(&hint).await },
        )
    }

    fn watch<'a>(
        &'a self,
        room: &'a RoomId,
        listener: Arc<dyn Listener>,
    ) -> (Watch, BackendFuture<'a, ()>) {
        let way = Way::new(Arc::clone(&listener), Arc::clone(&self.faults.0.plan));
        self.faults.adopt(&way);
        let (watch, begun) = self.inner.watch(room, Arc::new(Entrance(way)));
        let answered = self.call(Call::Watch, ready(Ok(())));
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

    fn signal<'a>(&'a self, room: &'a RoomId, signal: Bytes) -> BackendFuture<'a, ()> {
        let (inner, room) = (Arc::clone(&self.inner), room.clone());
        self.call(
            Call::Signal,
            async move { inner.signal(&room, signal).await },
        )
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
        // With the inner one it ends.
        let inner = self.inner.health().map(Some).chain(stream::iter([None]));
        let both = stream::select(inner, Box::pin(said.map(Some)));
        let until_end = both.take_while(|health| ready(health.is_some()));
        Box::pin(until_end.filter_map(ready))
    }

    fn renew<'a>(
        &'a self,
        node: &'a NodeId,
        forms: Forms,
        lease: Duration,
    ) -> BackendFuture<'a, Vec<LiveNode>> {
        let (inner, node) = (Arc::clone(&self.inner), node.clone());
        self.call(Call::Renew, async move {
            inner.renew(&node, forms, lease).await
        })
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

    fn stored_rooms(&self) -> Option<usize> {
        self.inner.stored_rooms()
    }

    fn is_exclusive(&self) -> bool {
        self.inner.is_exclusive()
    }
}

/// Says what goes wrong with a [`FaultyBackend`]. A handle: clones say it to the
/// same one.
///
/// What a call meets is decided when its future is first polled: a fault for the
/// next call comes first, then the store being down, then a fault for every
/// call, then chance.
#[derive(Clone)]
pub struct Faults(Arc<State>);

struct State {
    health: watch::Sender<Health>,
    /// Of all rooms that are watched.
    ways: Mutex<Vec<Weak<Way>>>,
    plan: Arc<Mutex<Plan>>,
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
