//! The store: it opens, a change passes, and it is set as it should be.

use std::path::Path;
use std::time::Duration;

use tablecast_core::Backend;
use tablecast_core::backend::Health;
use tablecast_redis::{RedisBackend, RedisConfig, Told};
use tablecast_sqlite::{Found, SqliteOptions, Trial, trial};
use tokio::time::timeout;

use super::finding::{Finding, Subject, fail, ok, warn};
use crate::config::Store;
use crate::since_1970::now;

/// With less than this on its disk a database may soon take no more changes.
const LITTLE_SPACE: u64 = 256 << 20;

/// How far the clocks of this machine and of the store may be apart without a word.
const NOTABLE: u64 = 2_000;

/// A database says when it was last changed. Where that is in the future, rooms expire late.
const NOTABLE_BEHIND: u64 = 60_000;

pub(super) fn store(subject: &Subject<'_>) -> Vec<Finding> {
    let config = subject.config;
    match &config.store {
        Store::Memory => vec![ok("memory: rooms end with the server")],
        Store::Sqlite(options) => sqlite(options),
        Store::Redis(url) => {
            let redis = redis(url, config.store_timeout);
            subject.runtime.block_on(redis)
        }
    }
}

fn sqlite(options: &SqliteOptions) -> Vec<Finding> {
    let Trial { path, found } = match trial(options) {
        Ok(tried) => tried,
        Err(error) => return vec![fail(format!("--store: {error}"))],
    };
    let shown = path.display();
    let mut findings = Vec::new();
    match found {
        Found::Nothing => findings.push(ok(format!("{shown} would be made"))),
        Found::InUse { process } => findings.push(warn(format!(
            "{shown} is in use by process {process}, which must end first"
        ))),
        Found::Database {
            rooms,
            clock,
            is_older,
            is_whole,
        } => {
            let looked = match is_whole {
                true => String::new(),
                false => {
                    format!("; it is large: `tablecast store check {shown}` looks at all of it")
                }
            };
            let opens = format!("{shown} opens, with {rooms} rooms, and takes a change{looked}");
            findings.push(ok(opens));
            if is_older {
                let words = format!(
                    "{shown} is of an older version, which cannot read it any more after the start: keep a copy by `tablecast store backup`"
                );
                findings.push(warn(words));
            }
            if clock > now() + NOTABLE_BEHIND {
                let behind = (clock - now()) / 1000;
                let words = format!(
                    "this machine's clock is {behind} s behind the last change in {shown}: rooms expire by the later one"
                );
                findings.push(warn(words));
            }
        }
    }
    findings.extend(space(&path));
    findings
}

/// What is left on the disk.
fn space(database: &Path) -> Option<Finding> {
    let directory = database.parent()?;
    let disk = rustix::fs::statvfs(directory).ok()?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let shown = format!("{} MiB are free in {}", free >> 20, directory.display());
    Some(match free {
        ..LITTLE_SPACE => warn(format!("only {shown}: without space no change is taken")),
        LITTLE_SPACE.. => ok(shown),
    })
}

async fn redis(url: &str, limit: Duration) -> Vec<Finding> {
    let config = RedisConfig {
        timeout: limit,
        ..RedisConfig::default()
    };
    let backend = match RedisBackend::connect_with(url, &config) {
        Ok(backend) => backend,
        Err(error) => return vec![fail(format!("--store: {error}"))],
    };
    let shown = Store::Redis(url.to_owned());
    // To connect, and for a change.
    if let Err(words) = until_up(&backend, limit * 3).await {
        return vec![fail(format!("--store {shown}: {words}"))];
    }
    let mut findings = vec![ok(format!("{shown} takes a change"))];
    for (server, told) in backend.servers() {
        findings.extend(settings(&server, &told));
    }
    findings.extend(clock(&backend).await);
    findings
}

/// Waits until changes pass.
async fn until_up(backend: &dyn Backend, patience: Duration) -> Result<(), String> {
    let mut changes = backend.health();
    let mut last = "it does not answer".to_owned();
    let up = async {
        while let Some(health) = std::future::poll_fn(|cx| changes.as_mut().poll_next(cx)).await {
            match health {
                Health::Up => return true,
                Health::Down(words) => last = format!("it cannot be reached: {words}"),
                Health::Refusing { words, .. } => last = format!("it takes no changes: {words}"),
            }
        }
        false
    };
    match timeout(patience, up).await {
        Ok(true) => Ok(()),
        Ok(false) | Err(_) => Err(last),
    }
}

/// How a server is set.
fn settings(server: &str, told: &Told) -> Vec<Finding> {
    let version = told.version.as_deref().unwrap_or("of an unknown version");
    let mut findings = vec![ok(format!("{server} is Redis {version}"))];
    match told.eviction.as_deref() {
        None | Some("noeviction") => {}
        Some(policy) => findings.push(warn(format!(
            "{server} may delete rooms when its memory is full: maxmemory-policy is {policy}, and should be noeviction"
        ))),
    }
    if told.appends == Some(false) {
        findings.push(warn(format!(
            "{server} loses all since its last dump when it is killed: appendonly is no, and should be yes"
        )));
    }
    findings
}

/// Whether this machine's clock agrees with the store's, by which rooms expire.
async fn clock(backend: &dyn Backend) -> Option<Finding> {
    let before = now();
    let stores = backend.due_alarms(1).await.ok()?.now;
    let after = now();
    let apart = before
        .saturating_sub(stores)
        .max(stores.saturating_sub(after));
    (apart > NOTABLE).then(|| {
        warn(format!(
            "this machine's clock and the store's are {} s apart: rooms expire by the store's; let NTP set both",
            apart / 1000
        ))
    })
}
