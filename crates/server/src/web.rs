//! The files of the page, which are in the binary. They are found by path, compressed once,
//! and cached by browsers for ever under an address with their version.
//!
//! Pages do not know the site's path. The addresses in a document are relative: they go up
//! as many steps as the request's path is deep. Modules find the site from their own
//! address (`import.meta.url`). So the site works under any path without configuration,
//! whatever the proxy does with the path. `<base href>` would need the path or the same
//! count, and a policy that lets markup set it. Therefore each page has one address, to
//! which the form with a slash redirects.
//!
//! In debug builds the files are read from the sources each time, so that reloading the
//! page shows a change.

mod bare;

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::Write;
use std::sync::LazyLock;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY,
};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::language::Language;
use crate::negotiation;

/// The page's own files.
#[derive(RustEmbed)]
#[folder = "web"]
struct Page;

/// The JavaScript client, which the page uses as it is.
#[derive(RustEmbed)]
#[folder = "client"]
struct Client;

/// Where the client's files appear among the page's.
const CLIENT: &str = "client/";

/// The content security policy of a page: it may load files from this server and talk to
/// it. Nothing inline, nothing from elsewhere, and no text becomes markup by mistake.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; manifest-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The policy of a file that somebody opens as a document: it may neither run nor load
/// anything. Short, because it is sent with each file.
const FILE_POLICY: &str = "default-src 'none'";

/// A placeholder in documents for the version, as in `web/{{version}}/room.js`.
const VERSION_MARK: &str = "{{version}}";

/// A placeholder for the relative path to the first page, as in `{{root}}docs`.
const ROOT_MARK: &str = "{{root}}";

/// A placeholder for the requested language, in documents with several.
const LANGUAGE_MARK: &str = "{{language}}";

/// A hash of all files together: a document and the files it loads have the same version,
/// whatever a browser has cached.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let page = Page::iter().filter_map(|path| Page::get(&path));
    let client = Client::iter().filter_map(|path| Client::get(&path));
    // Each hash is cryptographic already, and the order is fixed.
    let folded = page.chain(client).fold(0u64, |folded, file| {
        let hash = file.metadata.sha256_hash();
        let head = hash.first_chunk().copied().unwrap_or_default();
        folded.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ u64::from_le_bytes(head)
    });
    format!("{folded:016x}")
});

/// Compressed bodies by tag. Their number is limited: the files, and the documents in each
/// language and at each depth.
static COMPRESSED: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);

/// The file at this path below `/web/{version}/`, if there is one.
pub(crate) fn file(version: &str, path: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    let file = match path.strip_prefix(CLIENT) {
        Some(path) => Client::get(path).filter(|_| path.ends_with(".js")),
        None if path.ends_with(".html") => None,
        None => Page::get(path),
    }?;
    // During a rolling restart, documents and files may come from different servers. So a
    // file is also served under another version's address, but then it must not be cached.
    let kept = match version == *VERSION && !cfg!(debug_assertions) {
        true => "max-age=31536000, immutable",
        false => "no-cache",
    };
    // A short tag: a file has few versions, and each page loads dozens of files.
    let tag = format!("\"{:08x}\"", head(&file) >> 32);
    let code = path.ends_with(".js");
    let bytes = match std::str::from_utf8(&file.data) {
        Ok(text) if path.ends_with(".css") => Cow::Owned(bare::style(text).into_bytes()),
        Ok(text) if code => Cow::Owned(bare::code(text).into_bytes()),
        _ => file.data,
    };
    let mut response = embedded(path, &bytes, tag, asked, kept);
    let policy = HeaderValue::from_static(FILE_POLICY);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    Some(response)
}

/// A document of the page: `name` is a file of `web/`, `root` leads from the requested
/// address to the first page.
pub(crate) fn document(name: &str, root: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    let file = Page::get(name)?;
    let text = String::from_utf8_lossy(&file.data)
        .replace(ROOT_MARK, root)
        .replace(VERSION_MARK, &VERSION);
    let language = match text.contains(LANGUAGE_MARK) {
        true => Language::asked(asked).tag(),
        false => Language::English.tag(),
    };
    let text = text.replace(LANGUAGE_MARK, language);
    let up = root.len();
    let tag = format!("\"{:016x}-{}-{language}-{up}\"", head(&file), *VERSION);
    let mut response = embedded(name, text.as_bytes(), tag, asked, "no-cache");
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PAGE_POLICY),
    );
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language));
    headers.append(VARY, HeaderValue::from_static("accept-language"));
    Some(response)
}

fn embedded(
    path: &str,
    bytes: &[u8],
    tag: String,
    asked: &HeaderMap,
    kept: &'static str,
) -> Response<Body> {
    answer(
        content_type(path),
        &tag,
        asked,
        kept,
        |coding| match coding {
            Coding::Gzip => compressed(&tag, bytes),
            Coding::Plain => Bytes::copy_from_slice(bytes),
        },
    )
}

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    /// As it is.
    Plain,
    /// Compressed.
    Gzip,
}

/// The answer with a body that changes only with the program. A client that has it already,
/// by its tag (an `ETag` with its quotes), gets 304.
pub(crate) fn answer(
    content_type: &'static str,
    tag: &str,
    asked: &HeaderMap,
    kept: &'static str,
    body: impl FnOnce(Coding) -> Bytes,
) -> Response<Body> {
    let known = asked.get_all(IF_NONE_MATCH).iter().any(|tags| {
        let tags = tags.to_str().unwrap_or_default();
        tags.split(',')
            .map(|known| known.trim().trim_start_matches("W/"))
            .any(|known| known == tag || known == "*")
    });
    let mut response = Response::new(Body::empty());
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else if negotiation::weight_of(asked, ACCEPT_ENCODING, &["gzip"]) > 0.0 {
        *response.body_mut() = body(Coding::Gzip).into();
        let headers = response.headers_mut();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    } else {
        *response.body_mut() = body(Coding::Plain).into();
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(tag) = HeaderValue::from_str(tag) {
        headers.insert(ETAG, tag);
    }
    response
}

fn head(file: &EmbeddedFile) -> u64 {
    let hash = file.metadata.sha256_hash();
    u64::from_be_bytes(hash.first_chunk().copied().unwrap_or_default())
}

fn compressed(tag: &str, bytes: &[u8]) -> Bytes {
    if cfg!(debug_assertions) {
        return gzip(bytes);
    }
    let mut compressed = COMPRESSED.lock();
    let done = compressed.entry(tag.to_owned());
    done.or_insert_with(|| gzip(bytes)).clone()
}

/// These bytes, compressed as far as gzip can.
pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    // Writing into memory cannot fail.
    let done = encoder.write_all(bytes).and_then(|()| encoder.finish());
    Bytes::from(done.unwrap_or_default())
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, kind)| kind) {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        // Modules are always UTF-8, so the charset is left out: there are many of them.
        "js" => "text/javascript",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
