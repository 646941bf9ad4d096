//! How a command gets to the server that has its slot, and its outcome.

use std::sync::Arc;
use std::time::Duration;

use redis::{RedisError, Value};
use tablecast_core::backend::BackendError;
use tokio::time::{Instant, sleep, timeout_at};

use crate::connection::{Live, late};
use crate::refusal::{Trouble, code_of, explain, unavailable};
use crate::router::Router;
use crate::scripts::Call;
use crate::server::Server;
use crate::slots::Address;
use crate::url::at_address;

impl Router {
    /// Calls a script on the server that has the slot.
    pub(crate) async fn call(&self, slot: u16, call: &Call<'_>) -> Result<Value, BackendError> {
        let limit = self.context.timeout;
        let deadline = Instant::now() + limit;
        // An attempt that begins later may be answered too late: its outcome is unknown then.
        let last_attempt = deadline - limit / 4;
        // The meaning of a missing answer.
        let lost = match call.script.is_change {
            false => BackendError::Unavailable,
            true => BackendError::Unknown,
        };
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
                Err(_) => Problem::Lost(late("no answer", limit)),
            };
            route = match problem {
                Problem::Moved(address) => {
                    self.context.refresh.notify_one();
                    // The second redirection in a row: two servers may be naming each
                    // other.
                    if !matches!(route, Route::Owner) {
                        let circle = "the Cluster's servers send each other's clients in circles";
                        sleep_before(last_attempt, unavailable(circle)).await?;
                    }
                    Route::Moved(address)
                }
                Problem::Ask(address) => Route::Asking(address),
                Problem::Moving => {
                    self.context.refresh.notify_one();
                    sleep_before(last_attempt, unavailable("the slot is being moved")).await?;
                    Route::Owner
                }
                Problem::Refused(refusal, is_replica) => {
                    self.context.refresh.notify_one();
                    if is_replica {
                        target.live.replace();
                    }
                    let server = target.server.as_ref();
                    if server.is_some_and(|server| server.doubt()) {
                        return Err(refusal.error());
                    }
                    sleep_before(last_attempt, refusal.error()).await?;
                    Route::Owner
                }
                Problem::Denied(reason) => {
                    if let Some(server) = target.server {
                        server.doubt();
                    }
                    return Err(lost(reason));
                }
                Problem::Lost(reason) => return Err(lost(reason)),
                Problem::Wrong(reason) => return Err(BackendError::Corrupt(reason)),
            };
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
        let topology = self.topology();
        let mut servers = topology.servers().iter();
        if let Some(server) = servers.find(|server| server.address() == Some(address)) {
            return Target::of(Arc::clone(server), deadline).await;
        }
        // A server without slots yet.
        let Some(like) = &self.like else {
            return Err(unavailable("the Cluster has no server"));
        };
        let info = at_address(like, &address.host, address.port);
        let dial = Live::dial(&info, self.context.timeout);
        let Ok(Ok((live, _))) = timeout_at(deadline, dial).await else {
            let Address { host, port } = address;
            return Err(unavailable(format!("{host}:{port} cannot be reached")));
        };
        Ok(Target {
            live: Arc::new(live),
            server: None,
        })
    }

    /// The slot's server; waits while it is being discovered.
    async fn owner_of(&self, slot: u16, deadline: Instant) -> Result<Target, BackendError> {
        let mut topologies = self.topologies();
        loop {
            let owner = topologies.borrow_and_update().owner(slot).cloned();
            if let Some(server) = owner {
                return Target::of(server, deadline).await;
            }
            if let Some(error) = self.why_down() {
                return Err(error);
            }
            let Ok(Ok(())) = timeout_at(deadline, topologies.changed()).await else {
                return Err(unavailable("the Cluster's slots are not known"));
            };
        }
    }
}

/// Where to send a command.
enum Route {
    /// To the known owner of the slot.
    Owner,
    /// To the server that another one named as the slot's owner.
    Moved(Address),
    /// To the server that is taking over the slot.
    Asking(Address),
}

/// A server that can get the command.
struct Target {
    live: Arc<Live>,
    /// Absent for a server without slots yet.
    server: Option<Arc<Server>>,
}

impl Target {
    async fn of(server: Arc<Server>, deadline: Instant) -> Result<Target, BackendError> {
        let live = server.ready(deadline).await?;
        let server = Some(server);
        Ok(Target { live, server })
    }

    fn host<'a>(&'a self, route: &'a Route) -> &'a str {
        match (&self.server, route) {
            (Some(server), _) => server.host(),
            (None, Route::Moved(address) | Route::Asking(address)) => &address.host,
            (None, Route::Owner) => "",
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
    /// Not executed: Redis refuses work at the moment. True: it is a replica.
    Refused(Trouble, bool),
    /// A right is missing, maybe in the middle of a script.
    Denied(String),
    /// May have been executed.
    Lost(String),
    /// Executed, with an unreadable answer.
    Wrong(String),
}

impl Problem {
    fn of(error: RedisError, answered: &str) -> Problem {
        let text = explain(&error);
        let code = code_of(&error).unwrap_or_default();
        let refusal = Trouble::told_by(&error);
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
            // With every other code a script was refused before it changed anything.
            code => match refusal {
                Some(refusal) => Problem::Refused(refusal, code == "READONLY"),
                None => Problem::Wrong(text),
            },
        }
    }
}

/// Waits a moment, or gives up if another attempt could not begin in time.
async fn sleep_before(last_attempt: Instant, error: BackendError) -> Result<(), BackendError> {
    let moment = Duration::from_millis(fastrand::u8(20..60).into());
    if Instant::now() + moment >= last_attempt {
        return Err(error);
    }
    sleep(moment).await;
    Ok(())
}
