//! How a command finds its way to the server that has its slot, and what becomes
//! of it.

use std::sync::Arc;
use std::time::Duration;

use redis::{RedisError, Value};
use tablecast_core::backend::BackendError;
use tokio::time::{Instant, sleep, timeout_at};

use crate::client::Client;
use crate::link::{DEADLINE, Live, explain};
use crate::node::{Link, Node};
use crate::refusal::{Refusal, code_of};
use crate::scripts::Call;
use crate::topology::Address;
use crate::url::at_address;

/// Whether a call changes anything, which decides what a lost answer means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Read,
    Write,
}

impl Client {
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
                Ok(Err(error)) => Problem::of(error, target.host(&route)),
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
                Problem::Moving => {
                    self.refresh_topology();
                    let error = BackendError::Unavailable("the slot is being moved".into());
                    sleep_before(deadline, error).await?;
                    Route::Owner
                }
                Problem::Refused(refusal, is_replica) => {
                    self.refresh_topology();
                    let mut is_known = false;
                    if let Some(node) = target.node {
                        is_known = node.doubt();
                        if is_replica {
                            node.replace();
                        }
                    }
                    if is_known {
                        return Err(refusal.error());
                    }
                    sleep_before(deadline, refusal.error()).await?;
                    Route::Owner
                }
                Problem::Denied(reason) => {
                    if let Some(node) = target.node {
                        node.doubt();
                    }
                    return Err(lost(effect, reason));
                }
                Problem::Lost(reason) => return Err(lost(effect, reason)),
                Problem::Wrong(reason) => return Err(BackendError::Corrupt(reason)),
            };
        }
    }

    async fn pause(&self, route: &Route, deadline: Instant) -> Result<(), BackendError> {
        match route {
            Route::Owner => Ok(()),
            Route::Moved(_) | Route::Asking(_) => {
                let reason = "the Cluster's servers send each other's clients in circles";
                sleep_before(deadline, BackendError::Unavailable(reason.into())).await
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
            live: Arc::new(live),
            node: None,
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
            if let Some(error) = self.why_down() {
                return Err(error);
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
    live: Arc<Live>,
    node: Option<Arc<Node>>,
}

impl Target {
    fn host<'a>(&'a self, route: &'a Route) -> &'a str {
        match (&self.node, route) {
            (Some(node), _) => node.host(),
            (None, Route::Moved(address) | Route::Asking(address)) => &address.host,
            (None, Route::Owner) => "",
        }
    }
}

/// The node's connection, waiting while it is only just being made.
async fn ready(node: Arc<Node>, deadline: Instant) -> Result<Target, BackendError> {
    let mut link = node.link.subscribe();
    loop {
        let now = link.borrow_and_update().clone();
        match now {
            Link::Live(live) => {
                let node = Some(node);
                return Ok(Target { live, node });
            }
            Link::Down(trouble) => return Err(trouble.error()),
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
    /// Not executed: some of its keys are here, and some elsewhere.
    Moving,
    /// Not executed, and may be soon. True: this server is a replica.
    Refused(Refusal, bool),
    /// A right is missing, maybe in the middle of a script.
    Denied(String),
    /// May have been executed.
    Lost(String),
    /// Executed, with an answer that makes no sense.
    Wrong(String),
}

impl Problem {
    fn of(error: RedisError, answered: &str) -> Problem {
        let text = explain(&error);
        let code = code_of(&error).unwrap_or_default();
        let refusal = Refusal::told_by(&error);
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
        match code.as_str() {
            "MOVED" => address().map_or(Problem::Wrong(text), Problem::Moved),
            "ASK" => address().map_or(Problem::Wrong(text), Problem::Ask),
            "TRYAGAIN" => Problem::Moving,
            "NOPERM" => Problem::Denied(text),
            // By all others a script is refused before its first effect.
            code => match refusal {
                Some(refusal) => Problem::Refused(refusal, code == "READONLY"),
                None => Problem::Wrong(text),
            },
        }
    }
}

/// What an answer that did not come means.
fn lost(effect: Effect, reason: String) -> BackendError {
    match effect {
        Effect::Read => BackendError::Unavailable(reason),
        Effect::Write => BackendError::Unknown(reason),
    }
}

/// Waits a moment, or gives up if too little time would be left for another
/// attempt: one whose answer comes too late has an unknown outcome.
async fn sleep_before(deadline: Instant, error: BackendError) -> Result<(), BackendError> {
    let moment = Duration::from_millis(fastrand::u64(20..60));
    if Instant::now() + moment + DEADLINE / 4 >= deadline {
        return Err(error);
    }
    sleep(moment).await;
    Ok(())
}
