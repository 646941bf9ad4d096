//! The documents about this server: its messages over HTTP (OpenAPI) and over WebSocket
//! (AsyncAPI), generated from the types that write and read them, and the page that shows
//! them.

mod asyncapi;
mod openapi;
mod schemas;
pub(crate) mod swagger;

use std::sync::OnceLock;

use axum::body::Body;
use axum::http::Response;
use axum::http::header::HeaderMap;
use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::base_path::BasePath;
use crate::routes::route::Route;
use crate::web::{self, Coding};

/// The documents of a server, each made at the first request for it.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    openapi: OnceLock<Document>,
    asyncapi: OnceLock<Document>,
}

impl Documents {
    /// `/openapi.json`
    pub(crate) fn openapi<S>(&self, base: &BasePath, table: fn() -> Vec<Route<S>>) -> &Document {
        let made = || Document::new(&openapi::document(base, table()));
        self.openapi.get_or_init(made)
    }

    /// `/asyncapi.json`
    pub(crate) fn asyncapi(&self, base: &BasePath) -> &Document {
        let made = || Document::new(&asyncapi::document(base));
        self.asyncapi.get_or_init(made)
    }
}

/// A JSON document that does not change while the program runs.
#[derive(Debug)]
pub(crate) struct Document {
    tag: String,
    plain: Bytes,
    gzip: Bytes,
}

impl Document {
    fn new(value: &Value) -> Self {
        let plain = Bytes::from(format!("{value}\n"));
        let hash = Sha256::digest(&plain);
        let head = hash.first_chunk().copied().unwrap_or_default();
        Document {
            tag: format!("\"{:016x}\"", u64::from_be_bytes(head)),
            gzip: web::gzip(&plain),
            plain,
        }
    }

    pub(crate) fn answer(&self, asked: &HeaderMap) -> Response<Body> {
        web::answer(
            "application/json",
            &self.tag,
            asked,
            "no-cache",
            |coding| match coding {
                Coding::Plain => self.plain.clone(),
                Coding::Gzip => self.gzip.clone(),
            },
        )
    }
}
