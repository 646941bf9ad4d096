//! Keeps the topology of a Cluster up to date.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, Value};
use tokio::time::{sleep, timeout};

use crate::connection::{Backoff, Connection, late};
use crate::refusal::explain;
use crate::router::{Router, Topology};
use crate::server::{Link, Server};
use crate::slots::{SlotRange, slot_table};
use crate::url::at_address;

/// How often the slots are requested without a reason.
const EVERY: Duration = Duration::from_secs(5);

/// How often while some slots have no server.
const EVERY_PARTIAL: Duration = Duration::from_millis(500);

/// The shortest time between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// Requests the slots repeatedly, for ever.
pub(crate) async fn keep(router: Arc<Router>, seeds: Vec<ConnectionInfo>) {
    let mut backoff = Backoff::new();
    let mut working = true;
    loop {
        match slots(&router, &seeds).await {
            Ok(table) => {
                backoff = Backoff::new();
                apply(&router, table);
                let uncovered = router.topology().uncovered();
                let whole = uncovered == 0;
                if working && !whole {
                    tracing::warn!(uncovered, "slots of the redis cluster have no server");
                } else if !working && whole {
                    tracing::info!("the redis cluster's slots are known again");
                }
                working = whole;
                tokio::select! {
                    () = router.context.refresh.notified() => {}
                    () = sleep(if whole { EVERY } else { EVERY_PARTIAL }) => {}
                }
                sleep(PAUSE).await;
            }
            Err(reason) => {
                if working {
                    tracing::warn!(reason, "the redis cluster cannot be asked for its slots");
                }
                working = false;
                router.set_undiscovered(reason);
                backoff.wait().await;
            }
        }
    }
}

fn apply(router: &Router, table: Vec<SlotRange>) {
    let Some(like) = &router.like else { return };
    let mut servers = router.topology().servers().to_vec();
    let table = table.into_iter().map(|SlotRange { slots, address }| {
        let known = servers
            .iter()
            .find(|server| server.address() == Some(&address));
        let server = known.cloned().unwrap_or_else(|| {
            let info = at_address(like, &address.host, address.port);
            let server = Server::start(&router.context, info, Some(address));
            servers.push(Arc::clone(&server));
            server
        });
        (slots, server)
    });
    router.apply(Topology::new(table));
}

/// The slots, from the first server that answers. Servers with a working connection are
/// asked before the seeds, each group in random order, because a server may be cut off from
/// the others and know only old slots.
async fn slots(router: &Router, seeds: &[ConnectionInfo]) -> Result<Vec<SlotRange>, String> {
    let limit = router.context.timeout;
    let mut reason = String::from("no server of the Cluster is known");
    let mut servers = router.topology().servers().to_vec();
    fastrand::shuffle(&mut servers);
    for server in servers {
        let Link::Live(live) = server.link() else {
            continue;
        };
        match ask(live.commands.clone(), server.host(), limit).await {
            Ok(table) => return Ok(table),
            Err(why) => reason = why,
        }
    }
    let mut seeds = seeds.to_vec();
    fastrand::shuffle(&mut seeds);
    for seed in &seeds {
        let host = seed.addr().to_string();
        let host = host.rsplit_once(':').map_or("", |(host, _)| host);
        match Connection::dial(seed, limit, |_| {}).await {
            Ok(connection) => match ask(connection.commands, host, limit).await {
                Ok(table) => return Ok(table),
                Err(why) => reason = why,
            },
            Err(error) => reason = explain(&error),
        }
    }
    Err(reason)
}

async fn ask(
    mut commands: MultiplexedConnection,
    host: &str,
    limit: Duration,
) -> Result<Vec<SlotRange>, String> {
    let mut question = redis::cmd("CLUSTER");
    question.arg("SLOTS");
    match timeout(limit, question.query_async::<Value>(&mut commands)).await {
        Ok(Ok(answer)) => match slot_table(answer, host) {
            Some(table) if table.is_empty() => Err("the Cluster has no slots".into()),
            Some(table) => Ok(table),
            None => Err("the answer to CLUSTER SLOTS cannot be understood".into()),
        },
        Ok(Err(error)) => Err(explain(&error)),
        Err(_) => Err(late("no answer to CLUSTER SLOTS", limit)),
    }
}
