//! The axum extractor.
use axum::extract::FromRequestParts;
use axum::http::{StatusCode, request::Parts};
use axum::response::{IntoResponse, Response};

/// A WebSocket handshake that was checked and can be accepted.
#[derive(Debug)]
pub struct Upgrade {}

/// What is wrong with a handshake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Not a GET: 405.
    #[error("a WebSocket handshake is a GET request")]
    Method,
    /// Not an upgrade at all: 426.
    #[error("this is a WebSocket address: connect with `Upgrade: websocket`")]
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
        StatusCode::BAD_REQUEST
    }
}

impl IntoResponse for HandshakeError {
    fn into_response(self) -> Response {
        self.status().into_response()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = HandshakeError;
    async fn from_request_parts(_parts: &mut Parts, _state: &S) -> Result<Self, HandshakeError> {
        Ok(Upgrade {})
    }
}
