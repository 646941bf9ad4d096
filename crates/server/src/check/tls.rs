//! The certificate, and whether an ACME server could give one.

use std::fs::{self, OpenOptions};
use std::io;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tablecast_core::id::unique;
use tablecast_http::tls::{Certificate, load};
use tokio::net::lookup_host;
use tokio::time::timeout;

use super::finding::{Finding, Subject, fail, ok, warn};
use crate::config::{AcmeOptions, ChallengeKind, Config, Https};
use crate::tls::{kept, open_to_others, out_of_time, reach, said, secret_files};

/// Whoever has a certificate in files replaces it before this.
const SOON: Duration = Duration::from_secs(14 * 86_400);

/// How long a look-up of a name, or an answer of the ACME server, may take.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn certificate(subject: &Subject<'_>) -> Vec<Finding> {
    match &subject.config.https {
        None => Vec::new(),
        Some(Https::Files { certificate, key }) => match load(certificate, key) {
            Ok(found) => {
                let mut findings = vec![in_files(&found)];
                findings.extend(readable("--tls-key", key));
                findings
            }
            Err(error) => vec![fail(format!("--tls-cert, --tls-key: {error}"))],
        },
        Some(Https::Acme(options)) => {
            let mut findings = vec![got_before(options)];
            let files = secret_files(options);
            findings.extend(
                files
                    .iter()
                    .filter_map(|file| readable("--acme-store", file)),
            );
            findings
        }
    }
}

/// Whether everybody may read a file with a secret, which this option names.
fn readable(option: &str, file: &Path) -> Option<Finding> {
    open_to_others(file).map(|words| warn(format!("{option}: {words}")))
}

fn in_files(found: &Certificate) -> Finding {
    let (names, end) = (found.names().join(", "), said(found.not_after()));
    let shown = format!("for {names}, until {end}");
    let now = SystemTime::now();
    match out_of_time(found, now) {
        Some(why) => fail(format!("--tls-cert: {why}: clients refuse it")),
        None if names.is_empty() => warn(format!(
            "--tls-cert: the certificate, until {end}, is for no name: clients refuse it"
        )),
        None if found.not_after() < now + SOON => {
            warn(format!("--tls-cert: the certificate ends soon: {shown}"))
        }
        None => ok(shown),
    }
}

fn got_before(options: &AcmeOptions) -> Finding {
    match kept(options) {
        Ok(Some(found)) => {
            let (names, end) = (found.names().join(", "), said(found.not_after()));
            let all = options
                .domains
                .iter()
                .all(|name| found.names().contains(name));
            let shown = format!("got before for {names}, until {end}");
            match out_of_time(&found, SystemTime::now()) {
                Some(why) => warn(format!("{why}; a new one would be got")),
                None if !all => warn(format!("{shown}; one for all of --domain would be got")),
                None => ok(shown),
            }
        }
        Ok(None) => ok("there is none yet; one would be got after the start"),
        Err(error) => warn(format!("{error}; a new one would be got")),
    }
}

pub(super) fn acme(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(Https::Acme(options)) = &subject.config.https else {
        return Vec::new();
    };
    let mut findings = vec![store(&options.store)];
    let reached = subject.runtime.block_on(timeout(PATIENCE, reach(options)));
    let late = || Err(format!("no answer within {} s", PATIENCE.as_secs()));
    findings.push(match reached.unwrap_or_else(|_| late()) {
        Ok(()) => ok(format!("{} answers", options.directory)),
        Err(words) => fail(format!("--acme-directory {}: {words}", options.directory)),
    });
    findings.extend(way_in(subject.config, options.challenge));
    findings
}

/// Whether account and certificate can be kept there.
fn store(dir: &Path) -> Finding {
    let shown = dir.display();
    let mut there = dir;
    // An empty path is this directory.
    while !there.as_os_str().is_empty() && !there.exists() {
        there = there.parent().unwrap_or(Path::new(""));
    }
    let made = if there == dir {
        ""
    } else {
        " would be made, and"
    };
    match write_in(there) {
        Ok(()) => ok(format!("{shown}{made} can be written")),
        Err(error) => fail(format!("--acme-store {shown} cannot be written: {error}")),
    }
}

/// Makes a file in a directory and removes it.
fn write_in(dir: &Path) -> io::Result<()> {
    let path = dir.join(format!(".tablecast-check-{:016x}", unique()));
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    fs::remove_file(&path)
}

/// An ACME server comes to one port, wherever this server listens.
fn way_in(config: &Config, challenge: ChallengeKind) -> Option<Finding> {
    let (port, option, ours) = match challenge {
        ChallengeKind::TlsAlpn01 => (443, "--listen", config.listen),
        ChallengeKind::Http01 => (80, "--http-listen", config.http_listen?),
    };
    (ours.port() != port).then(|| {
        warn(format!(
            "the ACME server comes to port {port}, and {option} is {ours}: something must lead from there to here"
        ))
    })
}

pub(super) fn domains(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(Https::Acme(options)) = &subject.config.https else {
        return Vec::new();
    };
    let names = options.domains.iter();
    let findings = names.map(|name| {
        let found = lookup_host((name.as_str(), 0));
        let found = subject.runtime.block_on(timeout(PATIENCE, found));
        let addresses: Vec<IpAddr> = match found {
            Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
            Ok(Err(_)) | Err(_) => Vec::new(),
        };
        let shown = addresses.iter().map(IpAddr::to_string);
        let shown = shown.collect::<Vec<_>>().join(", ");
        match addresses.iter().any(|address| is_ours(*address)) {
            _ if addresses.is_empty() => warn(format!(
                "--domain {name} leads nowhere: its DNS record is missing, or cannot be asked for"
            )),
            true => ok(format!("{name} leads here, to {shown}")),
            false => warn(format!(
                "--domain {name} leads to {shown}, which this machine does not have: all is well if that is passed on to here"
            )),
        }
    });
    findings.collect()
}

/// Whether this machine has the address: only then something can be bound to it.
fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}
