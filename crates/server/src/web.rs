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
//! The modules of the first page and of a room's page are one file, in the language that is
//! asked for. With a file for each module, a room's page weighed 60.6 kilobytes and was
//! usable after 1.6 s on a phone (1.6 Mbit/s, 150 ms, a slow processor); so it weighs 43.1
//! and is usable after 0.9 s. The file is put together when it is first asked for, from the
//! files in the binary, so the build needs no bundler. Names and lines of the code stay, so
//! that an error that somebody reports can be found.

mod bare;
mod bundle;

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
use sha2::{Digest, Sha256};

use crate::language::Language;
use crate::negotiation;
use crate::packed::Folder;

/// The page's own files.
static PAGE: Folder = Folder::new("web", include_bytes!(concat!(env!("OUT_DIR"), "/web.gz")));

/// The JavaScript client, which the page uses as it is.
static SCRIPTS: Folder = Folder::new(
    "client",
    include_bytes!(concat!(env!("OUT_DIR"), "/client.gz")),
);

/// Where the files of the operators' page are.
pub(crate) const OPERATORS: &str = "admin/";

/// Where the client's files appear among the page's.
const CLIENT: &str = "client/";

/// The pages whose modules are one file each: the name, and the page's own module.
const BUNDLED: [(&str, &str); 2] = [("home", "home.js"), ("room", "room.js")];

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

/// The code that makes what is served from the files: it is part of their version.
const MAKERS: [&[u8]; 2] = [
    include_bytes!("web/bare.rs"),
    include_bytes!("web/bundle.rs"),
];

/// A hash of all files together: a document and the files it loads have the same version,
/// whatever a browser has cached.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let (page, client) = (PAGE.files(), SCRIPTS.files());
    // Each hash is cryptographic already, and the order is fixed.
    let files = page.values().chain(client.values()).map(|file| hash(file));
    let folded = files.chain(MAKERS.map(hash)).fold(0u64, |folded, hash| {
        folded.rotate_left(5).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ hash
    });
    format!("{folded:016x}")
});

/// A placeholder for what is different from room to room, in the head of a document.
const HEAD_MARK: &str = "{{head}}";

/// Compressed files by tag.
static COMPRESSED: LazyLock<Mutex<HashMap<String, Bytes>>> = LazyLock::new(Mutex::default);

/// The file at this path below `/web/{version}/`, if there is one.
pub(crate) fn file(version: &str, path: &str, asked: &HeaderMap) -> Option<Response<Body>> {
    // During a rolling restart, documents and files may come from different servers. So a
    // file is also served under another version's address, but then it must not be cached.
    let kept = match version == *VERSION && !cfg!(debug_assertions) {
        true => "max-age=31536000, immutable",
        false => "no-cache",
    };
    let served = match path.strip_prefix(bundle::FOLDER) {
        Some(name) => bundled(name)?,
        None => {
            let file = source(path)?;
            let bytes = match std::str::from_utf8(&file) {
                Ok(text) if path.ends_with(".css") => bare::style(text).into(),
                Ok(text) if path.ends_with(".js") => bare::code(text).into(),
                _ => file.clone(),
            };
            (bytes, tag(hash(&file)))
        }
    };
    let (bytes, tag) = served;
    let body = |coding| match coding {
        Coding::Gzip => compressed(&tag, &bytes),
        Coding::Plain => bytes.clone(),
    };
    let mut response = answer(content_type(path), &tag, asked, kept, body);
    let policy = HeaderValue::from_static(FILE_POLICY);
    response
        .headers_mut()
        .insert(CONTENT_SECURITY_POLICY, policy);
    Some(response)
}

/// The file at this path as it is in the sources.
fn source(path: &str) -> Option<Bytes> {
    match path.strip_prefix(CLIENT) {
        Some(path) => SCRIPTS.get(path).filter(|_| path.ends_with(".js")),
        None if path.ends_with(".html") => None,
        None => PAGE.get(path),
    }
}

/// A short tag: a file has few versions.
fn tag(hash: u64) -> String {
    format!("\"{:08x}\"", hash >> 32)
}

/// The modules of a page in a language, as in `room.ko.js`, and the tag.
fn bundled(name: &str) -> Option<(Bytes, String)> {
    static KEPT: LazyLock<Mutex<HashMap<String, (Bytes, String)>>> = LazyLock::new(Mutex::default);
    let (page, language) = name.strip_suffix(".js")?.rsplit_once('.')?;
    let page = BUNDLED.iter().find(|(bundled, _)| *bundled == page)?.1;
    let language = Language::ALL.iter().find(|one| one.tag() == language)?;
    if let Some(kept) = KEPT.lock().get(name) {
        return Some(kept.clone());
    }
    let read = |path: &str| {
        let file = source(path)?;
        Some(bare::code(std::str::from_utf8(&file).ok()?))
    };
    let words = format!("i18n/{}.js", language.tag());
    let text = bundle::bundle(&[&words, page], read)
        .inspect_err(|error| tracing::error!(name, error, "a page's modules are not one file"))
        .ok()?;
    let tag = tag(hash(text.as_bytes()));
    let made = (Bytes::from(text), tag);
    if !cfg!(debug_assertions) {
        KEPT.lock().insert(name.to_owned(), made.clone());
    }
    Some(made)
}

/// A document of the page: `name` is a file of `web/`, `root` leads from the requested
/// address to the first page, `head` is markup for its head.
pub(crate) fn document(
    name: &str,
    root: &str,
    head: &str,
    asked: &HeaderMap,
) -> Option<Response<Body>> {
    let file = PAGE.get(name)?;
    let text = String::from_utf8_lossy(&file)
        .replace(ROOT_MARK, root)
        .replace(VERSION_MARK, &VERSION);
    let language = match text.contains(LANGUAGE_MARK) {
        true => Language::asked(asked).tag(),
        false => Language::English.tag(),
    };
    // The last one: there are texts of people in it.
    let text = text
        .replace(LANGUAGE_MARK, language)
        .replace(HEAD_MARK, head);
    let tag = format!("\"{:016x}\"", hash(text.as_bytes()));
    // Not remembered: there are as many as rooms.
    let body = |coding| match coding {
        Coding::Gzip => gzip(text.as_bytes()),
        Coding::Plain => Bytes::copy_from_slice(text.as_bytes()),
    };
    let mut response = answer(content_type(name), &tag, asked, "no-cache", body);
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(PAGE_POLICY),
    );
    headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(language));
    headers.append(VARY, HeaderValue::from_static("accept-language"));
    Some(response)
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

fn hash(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_one_file_in_each_language() {
        for (page, _) in BUNDLED {
            for language in Language::ALL {
                let name = format!("{page}.{}.js", language.tag());
                let (text, _) = bundled(&name).unwrap();
                let text = String::from_utf8(text.to_vec()).unwrap();
                let other = text.contains("'../i18n/en.js'");
                assert_eq!(other, language == Language::Korean, "{name}");
            }
        }
        for nothing in [
            "",
            "room",
            "room.js",
            "room.de.js",
            "room/top.en.js",
            "live/main.en.js",
        ] {
            assert!(bundled(nothing).is_none(), "{nothing}");
        }
    }
}
