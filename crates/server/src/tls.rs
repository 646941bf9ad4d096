//! TLS of this server: where its certificates come from, and that they are kept new.

mod acme;
mod clock;
mod error;
mod files;
mod redirect;
mod secrets;

use std::time::SystemTime;

use tablecast_http::tls::{Status, Tls};
use tokio::net::TcpListener;
use tokio::signal::unix::Signal;
use tokio_util::sync::CancellationToken;

use crate::config::{ChallengeKind, Https};
use acme::Acme;
pub(crate) use acme::{kept, reach, secret_files};
pub use clock::{Clock, Hand};
pub(crate) use clock::{out_of_time, said};
pub use error::TlsError;
use files::Files;
use redirect::Redirect;
use secrets::Secrets;
pub(crate) use secrets::open_to_others;

/// The certificates of a server. Nothing is asked of an ACME server until the server runs.
#[derive(Debug)]
pub struct Certificates {
    tls: Tls,
    source: Source,
    secrets: Secrets,
}

#[derive(Debug)]
enum Source {
    Files(Files),
    Acme(Box<Acme>),
}

impl Certificates {
    /// Reads what is there: the files, or what an ACME server has given before.
    ///
    /// # Errors
    /// A file is wrong, or the directory cannot be used.
    pub fn open(https: &Https, clock: Clock) -> Result<Self, TlsError> {
        match https {
            Https::Files { certificate, key } => {
                let (files, found) = Files::open(certificate, key)?;
                if let Some(why) = out_of_time(&found, clock.now()) {
                    tracing::warn!("{}: {why}", certificate.display());
                }
                Ok(Certificates {
                    tls: Tls::new(found)?,
                    source: Source::Files(files),
                    secrets: Secrets::in_files([key.clone()]),
                })
            }
            Https::Acme(options) => {
                let tls = Tls::awaiting(&options.domains)?;
                let acme = Acme::open(options.clone(), clock)?;
                match acme.stored() {
                    Ok(Some(stored)) => tls.show(stored),
                    Ok(None) => {}
                    Err(error) => tracing::warn!("the stored certificate is not used: {error}"),
                }
                Ok(Certificates {
                    tls,
                    source: Source::Acme(Box::new(acme)),
                    secrets: Secrets::in_files(secret_files(options)),
                })
            }
        }
    }

    /// From now on this signal lets files be read again.
    #[must_use]
    pub fn read_again_on(mut self, signal: Signal) -> Self {
        if let Source::Files(files) = &mut self.source {
            files.read_again_on(signal);
        }
        self
    }

    /// What handshakes show.
    pub fn tls(&self) -> &Tls {
        &self.tls
    }

    /// The name and the port behind which the site is found from outside, if it listens on this
    /// port; `None` if no certificate says a name.
    pub fn authority(&self, port: u16) -> Option<String> {
        let name = redirect::first_name(&self.tls.status().domains)?.to_owned();
        Some(redirect::authority(&name, self.port_outside(port)))
    }

    /// The port of https as seen from outside, if it listens on this one. Whoever proves its names
    /// by a handshake is reached at 443, whatever the port is here.
    fn port_outside(&self, port: u16) -> u16 {
        match &self.source {
            Source::Acme(acme) if acme.challenge() == ChallengeKind::TlsAlpn01 => 443,
            Source::Acme(_) | Source::Files(_) => port,
        }
    }

    /// Answers plain HTTP with the way to https, which listens on this port.
    pub(crate) fn redirect(
        &self,
        listener: TcpListener,
        https_port: u16,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<> {
        let tokens = match &self.source {
            Source::Acme(acme) => acme.tokens().clone(),
            Source::Files(_) => redirect::Tokens::default(),
        };
        let redirect = Redirect {
            tls: self.tls.clone(),
            tokens,
            port: self.port_outside(https_port),
        };
        redirect.serve(listener, stop)
    }

    /// Keeps the certificate new, and warns if others may read its key. It never ends.
    pub(crate) async fn keep(self) {
        let Certificates {
            tls,
            source,
            secrets,
        } = self;
        let renews = async {
            match source {
                Source::Files(files) => files.keep(&tls).await,
                Source::Acme(acme) => acme.keep(&tls).await,
            }
        };
        tokio::join!(renews, secrets.watch());
    }
}

/// What an operator should know of a certificate, if something is wrong with it.
pub(crate) fn trouble(status: &Status, now: SystemTime) -> Option<String> {
    let error = status.last_error.as_deref();
    let shown = match status.not_after {
        None => "there is no certificate yet".to_owned(),
        Some(end) if end <= now => format!("the certificate has ended at {}", said(end)),
        Some(end) if error.is_some() => format!("the old certificate is shown until {}", said(end)),
        Some(_) => return None,
    };
    Some(match error {
        Some(error) => format!("{shown}: {error}"),
        None => shown,
    })
}
