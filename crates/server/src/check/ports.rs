//! That the addresses can be listened on: all are taken at once, and given back.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use tablecast_client::url::Url;
use tablecast_client::{Trust, get};

use super::finding::{Finding, Subject, fail, ok, warn};
use crate::config::Config;
use crate::listen::{bind, reachable};

/// How long what has an address may take to say what it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// All addresses that a server with these options listens on, by their options.
fn addresses(config: &Config) -> Vec<(&'static str, SocketAddr)> {
    let mut addresses = vec![("--listen", config.listen)];
    let others = [
        ("--http-listen", config.http_listen),
        ("--admin-listen", config.admin_listen),
    ];
    let given = |(option, address): (&'static str, Option<SocketAddr>)| Some((option, address?));
    addresses.extend(others.into_iter().filter_map(given));
    addresses
}

pub(super) fn ports(subject: &Subject<'_>) -> Vec<Finding> {
    // Two options may name one address.
    let mut taken = Vec::new();
    let addresses = addresses(subject.config).into_iter();
    let findings = addresses.map(|(option, address)| match bind(address) {
        Ok(listener) => {
            taken.push(listener);
            ok(format!("{option} {address} is free"))
        }
        Err(error) => match error.kind() {
            ErrorKind::AddrInUse if is_tablecast(subject, address) => warn(format!(
                "{option} {address} is in use by a running tablecast, which must end first"
            )),
            ErrorKind::AddrInUse => fail(format!(
                "{option} {address} is in use by another program, or by another option: choose another port, or end that program"
            )),
            ErrorKind::PermissionDenied => fail(format!(
                "{option} {address} is not allowed to this user: ports below 1024 need CAP_NET_BIND_SERVICE"
            )),
            ErrorKind::AddrNotAvailable => fail(format!(
                "{option} {address} is no address of this machine: choose one that it has, or 0.0.0.0 or [::] for all"
            )),
            _ => fail(format!("{option} {address}: {error}")),
        },
    });
    findings.chain(open_to_others(subject.config)).collect()
}

/// What whoever reaches the operators' address may do.
fn open_to_others(config: &Config) -> Option<Finding> {
    let address = config.admin_listen?;
    (!address.ip().is_loopback()).then(|| {
        warn(format!(
            "--admin-listen {address} is not loopback: it has no password, so whoever reaches it sees all rooms and may end the server"
        ))
    })
}

/// Whether what listens there answers as a tablecast does.
fn is_tablecast(subject: &Subject<'_>, address: SocketAddr) -> bool {
    ["http", "https"].iter().any(|scheme| {
        let Ok(url) = Url::parse(&format!("{scheme}://{}/healthz", reachable(address))) else {
            return false;
        };
        let answer = subject
            .runtime
            .block_on(get(&url, Trust::Anybody, PATIENCE));
        answer.is_ok_and(|answer| {
            let said = serde_json::from_slice::<serde_json::Value>(&answer.body);
            said.is_ok_and(|said| said["status"] == "running")
        })
    })
}
