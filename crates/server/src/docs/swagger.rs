//! Swagger UI, whose files `build.rs` puts here compressed. It is SmartBear's, under
//! the Apache License 2.0 (<https://github.com/swagger-api/swagger-ui>).

use std::io::Read;

use axum::body::Body;
use axum::http::Response;
use axum::http::header::HeaderMap;
use bytes::Bytes;
use flate2::read::GzDecoder;

use crate::web::{self, Coding};

static SCRIPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz"));
static STYLE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz"));

/// The file of this name, if it is one of them.
pub(crate) fn file(name: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    let (content_type, file) = match name {
        "swagger-ui.js" => ("text/javascript; charset=utf-8", SCRIPT),
        "swagger-ui.css" => ("text/css; charset=utf-8", STYLE),
        _ => return None,
    };
    // A gzip file ends with a checksum of what is in it, and its length.
    let (_, sum) = file.split_last_chunk::<8>()?;
    let tag = format!("\"{:016x}\"", u64::from_be_bytes(*sum));
    let response = web::answer(
        content_type,
        &tag,
        asked,
        "no-cache",
        |coding| match coding {
            Coding::Gzip => Bytes::from_static(file),
            Coding::Plain => decompressed(file),
        },
    );
    Some(response)
}

fn decompressed(file: &[u8]) -> Bytes {
    let mut plain = Vec::new();
    if let Err(error) = GzDecoder::new(file).read_to_end(&mut plain) {
        tracing::error!(%error, "a file of Swagger UI is not what it was compressed to");
    }
    plain.into()
}
