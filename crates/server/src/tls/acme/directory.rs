//! HTTP to an ACME server: one request on each connection, since there are ten in two months.

use std::error::Error;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::HOST;
use axum::http::{HeaderValue, Request, Uri};
use bytes::Bytes;
use http_body_util::Limited;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::tls::error::TlsError;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// More than the longest answer, which is a chain of certificates.
const LONGEST: usize = 1 << 20;

/// Talks to an ACME server.
#[derive(Clone)]
pub(super) struct Directory(TlsConnector);

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Directory")
    }
}

impl Directory {
    /// Trusts the public roots, which are in the program: a bare system has none. And this one.
    pub(super) fn trusting(root: Option<&Path>) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(path) = root {
            let wrong = |error: String| TlsError::Root {
                path: path.to_owned(),
                error,
            };
            let found = CertificateDer::pem_file_iter(path);
            let found = found.and_then(Iterator::collect::<Result<Vec<_>, _>>);
            let found = found.map_err(|error| wrong(error.to_string()))?;
            let (added, _) = roots.add_parsable_certificates(found);
            if added == 0 {
                return Err(wrong("there is none in it".to_owned()));
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Directory(Arc::new(config).into()))
    }

    /// Whether what is at this URL is the directory of an ACME server, in words if not.
    pub(super) async fn look(&self, url: &str) -> Result<(), String> {
        let request = Request::get(url).body(BodyWrapper::default());
        let request = request.map_err(|error| error.to_string())?;
        let answer = self.request(request).await;
        let mut answer = answer.map_err(|error| error.to_string())?;
        let status = answer.parts.status;
        if !status.is_success() {
            return Err(format!("{url} answers {status}"));
        }
        let body = answer.body.into_bytes().await;
        let body = body.map_err(|error| error.to_string())?;
        let is_directory = serde_json::from_slice::<serde_json::Value>(&body)
            .is_ok_and(|said| said["newOrder"].is_string());
        match is_directory {
            true => Ok(()),
            false => Err(format!("{url} is no directory of an ACME server")),
        }
    }
}

type Answered = Result<BytesResponse, instant_acme::Error>;

impl HttpClient for Directory {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Answered> + Send>> {
        let connector = self.0.clone();
        Box::pin(async move {
            let server = request.uri().authority().map(ToString::to_string);
            let asked = timeout(PATIENCE, ask(connector, request)).await;
            let asked =
                asked.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
            asked.map_err(|error| {
                let server = server.unwrap_or_default();
                let error = format!("the ACME server {server} does not answer: {error}");
                instant_acme::Error::Other(error.into())
            })
        })
    }
}

async fn ask(
    connector: TlsConnector,
    mut request: Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Box<dyn Error + Send + Sync>> {
    let uri = request.uri();
    let (Some(authority), true) = (uri.authority(), uri.scheme_str() == Some("https")) else {
        return Err(format!("{uri} is not https").into());
    };
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let port = authority.port_u16().unwrap_or(443);
    let header = HeaderValue::try_from(authority.as_str())?;
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let path: Uri = path.parse()?;
    request.headers_mut().insert(HOST, header);
    *request.uri_mut() = path;
    let stream = tablecast_client::dial(&host, port).await?;
    let stream = connector
        .connect(ServerName::try_from(host)?, stream)
        .await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends after the answer, or with an error that the answer has as well.
    tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    Ok(BytesResponse::from(
        answer.map(|body| Limited::new(body, LONGEST)),
    ))
}
