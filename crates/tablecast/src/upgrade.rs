//! The axum extractor: checks a WebSocket handshake, answers it, and gives access to the
//! bare TCP stream.

mod rooms;

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::OptionFuture;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use crate::codec::accept_key;
use crate::config::ConnectionConfig;
use crate::connection::Connection;
use crate::outbox::Outbox;

/// A WebSocket handshake that was checked and can be accepted.
///
/// It does not check whether this client may connect (its origin, its rate): that is the
/// server's policy.
pub struct Upgrade {
    key: HeaderValue,
    protocols: Vec<String>,
    on_upgrade: OnUpgrade,
    client: Option<IpAddr>,
    to_tcp: ToTcp,
}

/// Gets at the TCP stream behind a handshake, with what was read beyond it; or gives the
/// stream back, if it is another one.
type ToTcp = fn(Upgraded) -> Result<(TcpStream, Bytes), Upgraded>;

impl std::fmt::Debug for Upgrade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upgrade")
            .field("protocols", &self.protocols)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Not a GET: 405.
    #[error("a WebSocket handshake is a GET request")]
    Method,
    /// Not an upgrade at all: 426.
    #[error(
        "this is a WebSocket address: connect with `Connection: Upgrade` and `Upgrade: websocket`"
    )]
    NotAnUpgrade,
    /// Another version: 426 with `Sec-WebSocket-Version: 13`.
    #[error("only WebSocket version 13 is spoken")]
    Version,
    /// Missing, doubled or malformed key: 400.
    #[error("Sec-WebSocket-Key must be given once and hold 16 bytes in base64")]
    Key,
}

impl HandshakeError {
    /// The status of the refusal.
    pub fn status(&self) -> StatusCode {
        match self {
            HandshakeError::Method => StatusCode::METHOD_NOT_ALLOWED,
            HandshakeError::NotAnUpgrade | HandshakeError::Version => StatusCode::UPGRADE_REQUIRED,
            HandshakeError::Key => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers of the refusal.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        match self {
            HandshakeError::Method => {
                vec![(axum::http::header::ALLOW, HeaderValue::from_static("GET"))]
            }
            HandshakeError::NotAnUpgrade | HandshakeError::Version => vec![
                (UPGRADE, HeaderValue::from_static("websocket")),
                (CONNECTION, HeaderValue::from_static("upgrade")),
                (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
            ],
            HandshakeError::Key => Vec::new(),
        }
    }
}

impl IntoResponse for HandshakeError {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.to_string()).into_response();
        response.headers_mut().extend(self.headers());
        response
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = HandshakeError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HandshakeError> {
        if parts.method != Method::GET {
            return Err(HandshakeError::Method);
        }
        let headers = &parts.headers;
        if !lists(headers, &CONNECTION, "upgrade") || !lists(headers, &UPGRADE, "websocket") {
            return Err(HandshakeError::NotAnUpgrade);
        }
        if only(headers, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(HandshakeError::Version);
        }
        let key = only(headers, &SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes()));
        let key = key.ok_or(HandshakeError::Key)?.clone();
        let protocols = items(headers, &SEC_WEBSOCKET_PROTOCOL)
            .map(str::to_owned)
            .collect();
        // Absent only over HTTP/2 or with a server that cannot upgrade.
        let on_upgrade = parts
            .extensions
            .remove::<OnUpgrade>()
            .ok_or(HandshakeError::NotAnUpgrade)?;
        Ok(Upgrade {
            key,
            protocols,
            on_upgrade,
            client: None,
            to_tcp: downcast::<TcpStream>,
        })
    }
}

impl Upgrade {
    /// Whether the client offers this subprotocol.
    pub fn offers(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|offered| offered == protocol)
    }

    /// Sets the client's address for the debug log lines about joining, refusals and
    /// leaving. The library cannot know it, because there may be a proxy in front.
    #[must_use]
    pub fn from_client(self, address: IpAddr) -> Self {
        Upgrade {
            client: Some(address),
            ..self
        }
    }

    /// Names the type of the server's streams, where it has put one of its own around each
    /// TCP stream. The connection then has the TCP stream alone, and writes to it directly;
    /// through a stream of a type that is not known all of it takes the way through a queue
    /// and a task.
    #[must_use]
    pub fn over<T>(self) -> Self
    where
        T: Into<TcpStream> + AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        Upgrade {
            to_tcp: downcast::<T>,
            ..self
        }
    }

    /// Accepts, and runs `serve` with the connection in a task of its own.
    pub fn accept<F>(
        self,
        config: ConnectionConfig,
        serve: impl FnOnce(Connection) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.accept_with(config, Arc::new(Outbox::new(config.outbox)), None, serve)
    }

    /// Accepts with an existing outbox, which may already have waiting frames, and with a
    /// subprotocol that the client [offers](Upgrade::offers). If the client is gone before
    /// the handshake is complete, `serve` is dropped without a call.
    pub fn accept_with<F>(
        self,
        config: ConnectionConfig,
        outbox: Arc<Outbox>,
        protocol: Option<&'static str>,
        serve: impl FnOnce(Connection) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let accept = accept_key(self.key.as_bytes());
        // `then` keeps either the handshake's state or the connection's; an async block
        // would keep both for as long as the connection lives.
        let to_tcp = self.to_tcp;
        tokio::spawn(self.on_upgrade.then(move |upgraded| {
            if let Err(error) = &upgraded {
                tracing::debug!(%error, "the client left during the handshake");
            }
            let connection = |upgraded| match to_tcp(upgraded).or_else(of_axum) {
                Ok((stream, early)) => Connection::tcp(stream, &early, outbox, config),
                Err(other) => Connection::stream(TokioIo::new(other), &[], outbox, config),
            };
            OptionFuture::from(upgraded.ok().map(connection).map(serve))
        }));
        let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        if let Ok(accept) = HeaderValue::try_from(accept) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        if let Some(protocol) = protocol {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(protocol));
        }
        response
    }
}

/// The stream without hyper's buffers.
fn downcast<T>(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded>
where
    T: Into<TcpStream> + AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let parts = upgraded.downcast::<TokioIo<T>>()?;
    Ok((parts.io.into_inner().into(), parts.read_buf))
}

/// As `axum::serve` has it: hyper-util has looked which version of HTTP is spoken.
fn of_axum(upgraded: Upgraded) -> Result<(TcpStream, Bytes), Upgraded> {
    let parts = auto::upgrade::downcast::<TokioIo<TcpStream>>(upgraded)?;
    Ok((parts.io.into_inner(), parts.read_buf))
}

/// The items of a header that is a list, over all its lines.
fn items<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let lines = headers
        .get_all(name)
        .into_iter()
        .filter_map(|line| line.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    items(headers, name).any(|item| item.eq_ignore_ascii_case(wanted))
}

fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).into_iter();
    let first = values.next();
    first.filter(|_| values.next().is_none())
}

/// 16 bytes in base64: 22 characters and two signs of padding.
fn is_key(key: &[u8]) -> bool {
    let letter = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(letter)
}
