//! A certificate from an ACME server (RFC 8555), renewed in time.
//!
//! `order.rs` gets one certificate, `directory.rs` talks to the server, `store.rs` keeps account
//! and certificate in a directory. Here is when that is done.

mod directory;
mod order;
mod store;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use instant_acme::{Account, NewAccount};
use tablecast_http::tls::{Certificate, CertificateError, Tls};
use tokio::time::{sleep, timeout};

use super::clock::{Clock, out_of_time, said};
use super::error::TlsError;
use super::redirect::Tokens;
use crate::config::{AcmeOptions, ChallengeKind};
use directory::Directory;
use order::{Ask, OrderError};
use store::Store;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// The first pause after a failure; each further one is three times as long. Let's Encrypt takes
/// five failures of a name in an hour.
const FIRST_PAUSE: Duration = MINUTE;
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);

/// How long one attempt may take.
const ATTEMPT: Duration = Duration::from_secs(600);

/// How often it looks whether another process, which has the same directory, has finished.
const OTHERS_TURN: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Acme {
    options: AcmeOptions,
    clock: Clock,
    store: Store,
    directory: Directory,
    tokens: Tokens,
}

/// Whether the ACME server answers, in words if not. Nothing is ordered.
pub(crate) async fn reach(options: &AcmeOptions) -> Result<(), String> {
    let directory = Directory::trusting(options.root.as_deref());
    let directory = directory.map_err(|error| error.to_string())?;
    directory.look(&options.directory).await
}

/// The certificate that was got before, if there is one.
pub(crate) fn kept(options: &AcmeOptions) -> Result<Option<Certificate>, CertificateError> {
    Store::at(&options.store, &options.directory).certificate()
}

/// The files with the secrets of its account and of the certificate. They may not be there yet.
pub(crate) fn secret_files(options: &AcmeOptions) -> [PathBuf; 2] {
    Store::at(&options.store, &options.directory).secrets()
}

impl Acme {
    pub(super) fn open(options: AcmeOptions, clock: Clock) -> Result<Self, TlsError> {
        let store = Store::open(&options.store, &options.directory);
        Ok(Acme {
            store: store.map_err(|error| TlsError::Store {
                path: options.store.clone(),
                error,
            })?,
            directory: Directory::trusting(options.root.as_deref())?,
            tokens: Tokens::default(),
            options,
            clock,
        })
    }

    pub(super) fn challenge(&self) -> ChallengeKind {
        self.options.challenge
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The certificate that was got before.
    pub(super) fn stored(&self) -> Result<Option<Certificate>, CertificateError> {
        self.store.certificate()
    }

    pub(super) async fn keep(self, tls: &Tls) {
        let mut failures = 0;
        // A server whose clock is wrong must not order one certificate after the other.
        let mut earliest = SystemTime::UNIX_EPOCH;
        loop {
            let now = self.clock.now();
            let due = match tls.certificate() {
                _ if failures > 0 => now + pause(failures),
                // The clock may have been set back since.
                Some(shown) => self.due(&shown).max(earliest.min(now + HOUR)),
                None => now,
            };
            tls.plan(due);
            if !self.clock.sleep_until(due).await {
                continue;
            }
            let names = self.options.domains.join(", ");
            let renewed = timeout(ATTEMPT, self.renew(tls)).await;
            match renewed.unwrap_or(Err(OrderError::Late)) {
                Ok(certificate) => {
                    let end = said(certificate.not_after());
                    tracing::info!("there is a new certificate for {names}; it ends at {end}");
                    if let Some(why) = out_of_time(&certificate, self.clock.now()) {
                        tracing::warn!("{why}; is the clock of this machine right?");
                    }
                    tls.renewed(certificate);
                    failures = 0;
                    earliest = self.clock.now() + HOUR;
                }
                Err(error) => {
                    failures += 1;
                    let again = pause(failures);
                    let shown = match tls.certificate() {
                        Some(old) => {
                            format!("the old one, until {}, is shown", said(old.not_after()))
                        }
                        None => "handshakes fail".to_owned(),
                    };
                    tracing::warn!(
                        "no new certificate for {names}: {error}; tried again in {again:?}, meanwhile {shown}"
                    );
                    tls.not_renewed(error.to_string());
                }
            }
        }
    }

    /// When this certificate is to be replaced.
    fn due(&self, certificate: &Certificate) -> SystemTime {
        let has = |name: &String| certificate.names().contains(name);
        match self.options.domains.iter().all(has) {
            true => renewal(certificate),
            false => SystemTime::UNIX_EPOCH,
        }
    }

    /// Gets a new certificate and keeps it; or takes the one that another process has got.
    async fn renew(&self, tls: &Tls) -> Result<Certificate, OrderError> {
        let _turn = loop {
            match self.store.lock()? {
                Some(turn) => break turn,
                None => sleep(OTHERS_TURN).await,
            }
        };
        if let Ok(Some(stored)) = self.store.certificate()
            && self.due(&stored) > self.clock.now()
        {
            return Ok(stored);
        }
        let ask = Ask {
            domains: &self.options.domains,
            challenge: self.options.challenge,
            tls,
            tokens: &self.tokens,
        };
        let pem = match ask.order(&self.account().await?).await {
            Err(error) if error.is_unknown_account() => {
                // The server has lost it, or is another one by the same name.
                self.store.forget_account()?;
                ask.order(&self.account().await?).await?
            }
            ordered => ordered?,
        };
        let got = Certificate::from_pem("what the ACME server gave", pem.as_bytes())?;
        if let Err(error) = self.store.keep_certificate(&pem) {
            // It is good all the same, until the end of this process.
            tracing::warn!("the new certificate cannot be kept: {error}");
        }
        Ok(got)
    }

    /// The account at the ACME server; it is made the first time.
    async fn account(&self) -> Result<Account, OrderError> {
        let server = || Account::builder_with_http(Box::new(self.directory.clone()));
        if let Some(credentials) = self.store.account()? {
            return Ok(server().from_credentials(credentials).await?);
        }
        let contact = self.options.contact.as_ref();
        let contact = contact.map(|address| format!("mailto:{address}"));
        let contact: Vec<&str> = contact.iter().map(String::as_str).collect();
        let asked = NewAccount {
            contact: &contact,
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let made = server().create(&asked, self.options.directory.clone(), None);
        let (account, credentials) = made.await?;
        self.store.keep_account(&credentials)?;
        Ok(account)
    }
}

/// After two thirds of its life, and somewhat earlier, so that not all that were got together
/// are renewed together. It is the same time after each start.
fn renewal(certificate: &Certificate) -> SystemTime {
    let (from, until) = (certificate.not_before(), certificate.not_after());
    let life = until.duration_since(from).unwrap_or_default();
    // The signature, which is at the end, is as good as random.
    let random = certificate.der().last().copied().unwrap_or_default();
    let earlier = life / 20 * u32::from(random) / 256;
    from + life * 2 / 3 - earlier
}

/// How long it waits after so many failures in a row.
fn pause(failures: u32) -> Duration {
    let times = 3_u32.saturating_pow(failures.saturating_sub(1));
    FIRST_PAUSE.saturating_mul(times).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests;
