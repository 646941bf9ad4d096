//! What all tasks of a backend share: the topology, the wishes to be subscribed,
//! the health, and how a command finds its way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::{RedisError, Value};
use tablecast_core::backend::{BackendError, Health, Notice};
use tablecast_core::id::RoomId;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::keys::Keys;
use crate::link::{DEADLINE, Live};
use crate::node::{Link, Node};
use crate::notices::NoticeQueue;
use crate::scripts::Call;
use crate::topology::{Address, Topology};
use crate::url::{Place, at_address};

/// Whether a call changes anything, which decides what a lost answer means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

/// The shared part of a backend.
pub(crate) struct Client {
    pub(crate) place: Place,
    pub(crate) keys: Keys,
    pub(crate) notices: Arc<NoticeQueue>,
    pub(crate) topology: watch::Sender<Arc<Topology>>,
    pub(crate) refresh: Notify,
    pub(crate) cancel: CancellationToken,
    wishes: Mutex<HashMap<RoomId, Wish>>,
    health: Mutex<Assessment>,
}

/// That a room be subscribed.
#[derive(Default)]
struct Wish {
    /// Who waits for it.
    waiters: Vec<oneshot::Sender<Result<(), BackendError>>>,
    /// It was subscribed at some time, so that a new subscription means a gap.
    established: bool,
}

#[derive(Default)]
struct Assessment {
    told: Option<Health>,
    /// Why the Cluster's slots are not known, while they are not.
    undiscovered: Option<String>,
}

impl Client {
    pub(crate) fn new(place: Place, prefix: &str) -> Arc<Client> {
        Arc::new(Client {
            place,
            keys: Keys::new(prefix),
            notices: Arc::default(),
            topology: watch::Sender::new(Arc::default()),
            refresh: Notify::new(),
            cancel: CancellationToken::new(),
            wishes: Mutex::default(),
            health: Mutex::default(),
        })
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.place, Place::Cluster(_))
    }

    /// Asks for the Cluster's slots again, soon.
    pub(crate) fn refresh_topology(&self) {
        self.refresh.notify_one();
    }

    // Commands.

    /// Calls a script on the server that has the slot.
    pub(crate) async fn call(
        &self,
        slot: u16,
        call: &Call<'_>,
        effect: Effect,
    ) -> Result<Value, BackendError> {
        let deadline = Instant::now() + DEADLINE;
        let mut route = Route::Owner;
        loop {
            let target = self.target(slot, &route, deadline).await?;
            let answer = async {
                match route {
                    Route::Asking(_) => target.live.call_asking(call).await,
                    Route::Owner | Route::Moved(_) => target.live.call(call).await,
                }
            };
            let problem = match timeout_at(deadline, answer).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => Problem::of(error, &target.host),
                Err(_) => Problem::Lost("no answer within 1 s".into()),
            };
            route = match problem {
                Problem::Moved(address) => {
                    self.refresh_topology();
                    // A server that just said the same may be wrong as well.
                    self.pause(&route, deadline).await?;
                    Route::Moved(address)
                }
                Problem::Ask(address) => Route::Asking(address),
                Problem::Later(reason) => {
                    self.refresh_topology();
                    if let Some(node) = target.node.filter(|_| reason.starts_with("READONLY")) {
                        node.replace();
                    }
                    sleep_before(deadline, reason).await?;
                    Route::Owner
                }
                Problem::Lost(reason) => {
                    return Err(match effect {
                        Effect::Read => BackendError::Unavailable(reason),
                        Effect::Write => BackendError::Unknown(reason),
                    });
                }
                Problem::Wrong(reason) => return Err(BackendError::Corrupt(reason)),
            };
        }
    }

    async fn pause(&self, route: &Route, deadline: Instant) -> Result<(), BackendError> {
        match route {
            Route::Owner => Ok(()),
            Route::Moved(_) | Route::Asking(_) => {
                sleep_before(
                    deadline,
                    "the Cluster's servers send each other's clients in circles".into(),
                )
                .await
            }
        }
    }

    async fn target(
        &self,
        slot: u16,
        route: &Route,
        deadline: Instant,
    ) -> Result<Target, BackendError> {
        let address = match route {
            Route::Owner => return self.owner_of(slot, deadline).await,
            Route::Moved(address) | Route::Asking(address) => address,
        };
        let node = self.topology.borrow().at(address).cloned();
        if let Some(node) = node {
            return ready(node, deadline).await;
        }
        // A server that has no slot yet.
        let Some(seed) = self.place.any() else {
            return Err(BackendError::Unavailable(
                "the Cluster has no server".into(),
            ));
        };
        let info = at_address(seed, &address.host, address.port);
        let dial = timeout_at(deadline, Live::dial(&info)).await;
        let Ok(Ok((live, _))) = dial else {
            let reason = format!("{}:{} cannot be reached", address.host, address.port);
            return Err(BackendError::Unavailable(reason));
        };
        Ok(Target {
            live,
            node: None,
            host: address.host.clone(),
        })
    }

    /// The slot's server, waiting while it is only just being found.
    async fn owner_of(&self, slot: u16, deadline: Instant) -> Result<Target, BackendError> {
        let mut topology = self.topology.subscribe();
        loop {
            let owner = topology.borrow_and_update().owner(slot).cloned();
            if let Some(node) = owner {
                return ready(node, deadline).await;
            }
            if let Some(Health::Down(reason)) = &self.assessment().told {
                return Err(BackendError::Unavailable(reason.clone()));
            }
            match timeout_at(deadline, topology.changed()).await {
                Ok(Ok(())) => {}
                _ => {
                    return Err(BackendError::Unavailable(
                        "the Cluster's slots are not known".into(),
                    ));
                }
            }
        }
    }

    // Wishes.

    pub(crate) async fn watch(&self, room: &RoomId) -> Result<(), BackendError> {
        let (waiter, mut answer) = oneshot::channel();
        {
            let mut wishes = self.wishes();
            let wish = wishes.entry(room.clone()).or_default();
            wish.waiters.push(waiter);
        }
        let owner = self.owner(room);
        if let Some(node) = &owner {
            node.poke(room);
        }
        let link = owner.map(|node| node.link.borrow().clone());
        if let Some(Link::Down(reason)) = link {
            return Err(BackendError::Unavailable(reason.to_string()));
        }
        match timeout(DEADLINE, &mut answer).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(BackendError::Unavailable(
                "the room was unwatched meanwhile".into(),
            )),
            Err(_) => {
                // Whoever confirms from now on finds nobody waiting, and sends a
                // resync instead.
                answer.close();
                answer.try_recv().unwrap_or_else(|_| {
                    Err(BackendError::Unavailable(
                        "not subscribed within 1 s".into(),
                    ))
                })
            }
        }
    }

    pub(crate) fn unwatch(&self, room: &RoomId) {
        self.wishes().remove(room);
        if let Some(node) = self.owner(room) {
            node.poke(room);
        }
    }

    pub(crate) fn wished(&self) -> Vec<RoomId> {
        self.wishes().keys().cloned().collect()
    }

    /// Whether the room is to be subscribed on this server.
    pub(crate) fn is_wished_at(&self, room: &RoomId, node: &Arc<Node>) -> bool {
        self.owner(room)
            .is_some_and(|owner| Arc::ptr_eq(&owner, node))
            && self.wishes().contains_key(room)
    }

    /// The server confirmed a new subscription.
    pub(crate) fn subscribed(&self, room: &RoomId) {
        let owed = {
            let mut wishes = self.wishes();
            let Some(wish) = wishes.get_mut(room) else {
                return;
            };
            let gap = std::mem::replace(&mut wish.established, true);
            let nobody = wish.waiters.is_empty();
            !wish.answer(&Ok(())) || gap || nobody
        };
        if owed {
            self.notices.push(Notice::Resync(Some(room.clone())));
        }
    }

    /// There is nothing to do: it is subscribed and was all the time.
    pub(crate) fn still_subscribed(&self, room: &RoomId) {
        let owed = self
            .wishes()
            .get_mut(room)
            .is_some_and(|wish| !wish.answer(&Ok(())));
        if owed {
            self.notices.push(Notice::Resync(Some(room.clone())));
        }
    }

    /// The server refused a subscription. It will be tried again.
    pub(crate) fn refused(&self, room: &RoomId, error: &RedisError) {
        if error.is_cluster_error() {
            // The slot is elsewhere; whoever waits still may get it in time.
            self.refresh_topology();
            return;
        }
        tracing::warn!(%room, %error, "redis refused a subscription");
        if let Some(wish) = self.wishes().get_mut(room) {
            wish.answer(&Err(BackendError::Unavailable(error.to_string())));
        }
    }

    fn owner(&self, room: &RoomId) -> Option<Arc<Node>> {
        self.topology
            .borrow()
            .owner(self.keys.slot_of(room))
            .cloned()
    }

    fn wishes(&self) -> MutexGuard<'_, HashMap<RoomId, Wish>> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    // Topology and health.

    /// Puts a topology in force.
    pub(crate) fn set_topology(&self, topology: Topology) {
        self.assessment().undiscovered = None;
        let topology = Arc::new(topology);
        let old = self.topology.send_replace(Arc::clone(&topology));
        for node in old.nodes() {
            if !topology.nodes().iter().any(|kept| Arc::ptr_eq(kept, node)) {
                node.cancel.cancel();
            }
        }
        if !topology.same_as(&old) {
            for node in topology.nodes() {
                node.poke_all();
            }
        }
        self.assess();
    }

    /// Tells why the Cluster's slots could not be asked for.
    pub(crate) fn set_undiscovered(&self, reason: String) {
        self.assessment().undiscovered = Some(reason);
        self.assess();
    }

    pub(crate) fn set_link(&self, node: &Node, link: Link) {
        node.link.send_replace(link);
        self.assess();
    }

    /// Tells the node if the health has changed.
    fn assess(&self) {
        let mut assessment = self.assessment();
        let Some(health) = self.health(&assessment) else {
            return;
        };
        match (&assessment.told, &health) {
            (Some(Health::Up), Health::Up) | (Some(Health::Down(_)), Health::Down(_)) => return,
            (Some(Health::Down(_)), Health::Up) => {
                self.notices.push(Notice::Health(Health::Up));
                self.notices.push(Notice::Resync(None));
            }
            (None | Some(Health::Up), _) => self.notices.push(Notice::Health(health.clone())),
        }
        assessment.told = Some(health);
    }

    /// Up if every server answers, down if one does not; otherwise not known.
    fn health(&self, assessment: &Assessment) -> Option<Health> {
        let topology = Arc::clone(&self.topology.borrow());
        if topology.nodes().is_empty() {
            return assessment.undiscovered.clone().map(Health::Down);
        }
        let mut all = topology.uncovered() == 0;
        if !all {
            return Some(Health::Down(format!(
                "{} slots have no server",
                topology.uncovered()
            )));
        }
        for node in topology.nodes() {
            match &*node.link.borrow() {
                Link::Down(reason) => return Some(Health::Down(reason.to_string())),
                Link::Connecting => all = false,
                Link::Live(_) => {}
            }
        }
        all.then_some(Health::Up)
    }

    fn assessment(&self) -> MutexGuard<'_, Assessment> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wish {
    /// Answers all who wait; false if one of them waits no longer.
    fn answer(&mut self, outcome: &Result<(), BackendError>) -> bool {
        let mut all = true;
        for waiter in self.waiters.drain(..) {
            all &= waiter.send(outcome.clone()).is_ok();
        }
        all
    }
}

/// Where to send a command.
enum Route {
    /// To the server that has the slot, as far as is known.
    Owner,
    /// To the one that another named as the slot's owner.
    Moved(Address),
    /// To the one that is taking over the slot.
    Asking(Address),
}

/// A server that can be sent to.
struct Target {
    live: Live,
    node: Option<Arc<Node>>,
    host: String,
}

/// The node's connection, waiting while it is only just being made.
async fn ready(node: Arc<Node>, deadline: Instant) -> Result<Target, BackendError> {
    let mut link = node.link.subscribe();
    loop {
        let now = link.borrow_and_update().clone();
        match now {
            Link::Live(live) => {
                let host = node.host().to_owned();
                return Ok(Target {
                    live,
                    node: Some(node),
                    host,
                });
            }
            Link::Down(reason) => return Err(BackendError::Unavailable(reason.to_string())),
            Link::Connecting => match timeout_at(deadline, link.changed()).await {
                Ok(Ok(())) => {}
                _ => return Err(BackendError::Unavailable("not connected within 1 s".into())),
            },
        }
    }
}

/// Why a call has no answer.
enum Problem {
    /// Not executed: the slot is elsewhere.
    Moved(Address),
    /// Not executed: the key is elsewhere, or will be.
    Ask(Address),
    /// Not executed, and may be soon.
    Later(String),
    /// May have been executed.
    Lost(String),
    /// Executed, with an answer that makes no sense.
    Wrong(String),
}

impl Problem {
    fn of(error: RedisError, answered: &str) -> Problem {
        let text = error.to_string();
        let Some((_, server)) = error
            .into_server_errors()
            .and_then(|errors| errors.first().cloned())
        else {
            return Problem::Lost(text);
        };
        let address = || {
            let address = server.details()?.split_ascii_whitespace().nth(1)?;
            Address::parse(address, answered)
        };
        match server.code() {
            "MOVED" => address().map_or(Problem::Wrong(text), Problem::Moved),
            "ASK" => address().map_or(Problem::Wrong(text), Problem::Ask),
            // A script is refused by these before its first effect.
            code @ ("TRYAGAIN" | "CLUSTERDOWN" | "LOADING" | "READONLY" | "MASTERDOWN" | "BUSY"
            | "OOM" | "MISCONF" | "NOREPLICAS" | "NOAUTH") => {
                Problem::Later(format!("{code} {}", server.details().unwrap_or_default()))
            }
            // A right may be missing in the middle of a script.
            "NOPERM" => Problem::Lost(text),
            _ => Problem::Wrong(text),
        }
    }
}

/// Waits a moment, or gives up if too little time would be left for another
/// attempt: one whose answer comes too late has an unknown outcome.
async fn sleep_before(deadline: Instant, reason: String) -> Result<(), BackendError> {
    let moment = Duration::from_millis(fastrand::u64(20..60));
    if Instant::now() + moment + DEADLINE / 4 >= deadline {
        return Err(BackendError::Unavailable(reason));
    }
    sleep(moment).await;
    Ok(())
}
