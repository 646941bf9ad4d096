//! Swagger UI; `build.rs` adds its files, compressed. It is by SmartBear, under the Apache
//! License 2.0 (<https://github.com/swagger-api/swagger-ui>).

use std::sync::OnceLock;

use axum::body::Body;
use axum::http::Response;
use axum::http::header::HeaderMap;
use bytes::Bytes;

use crate::packed;
use crate::web::{self, Coding};

struct File {
    content_type: &'static str,
    gzip: &'static [u8],
    /// Uncompressed, for clients that do not accept gzip; made at the first such request.
    /// All answers share it: it has a megabyte, and a client that does not read would hold
    /// its own copy.
    plain: OnceLock<Bytes>,
}

static SCRIPT: File = File {
    content_type: "text/javascript; charset=utf-8",
    gzip: include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui-bundle.js.gz")),
    plain: OnceLock::new(),
};

static STYLE: File = File {
    content_type: "text/css; charset=utf-8",
    gzip: include_bytes!(concat!(env!("OUT_DIR"), "/swagger-ui.css.gz")),
    plain: OnceLock::new(),
};

/// The file of this name, if it is one of them.
pub(crate) fn file(name: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    let file = match name {
        "swagger-ui.js" => &SCRIPT,
        "swagger-ui.css" => &STYLE,
        _ => return None,
    };
    // A gzip file ends with a checksum of its content, and its length.
    let (_, sum) = file.gzip.split_last_chunk::<8>()?;
    let tag = format!("\"{:016x}\"", u64::from_be_bytes(*sum));
    let body = |coding| match coding {
        Coding::Gzip => Bytes::from_static(file.gzip),
        Coding::Plain => file
            .plain
            .get_or_init(|| packed::inflated(file.gzip))
            .clone(),
    };
    let response = web::answer(file.content_type, &tag, asked, "no-cache", body);
    Some(response)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn answers_share_the_bytes_of_a_file() {
        let answer = async || {
            let response = file("swagger-ui.js", &HeaderMap::new()).unwrap();
            response.into_body().collect().await.unwrap().to_bytes()
        };
        let (one, other) = (answer().await, answer().await);
        assert!(one.len() > 1_000_000);
        assert_eq!(one.as_ptr(), other.as_ptr());
    }
}
