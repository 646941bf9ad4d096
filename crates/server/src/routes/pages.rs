//! The site's pages, and the files they load.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header::{
    ACCEPT, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, IF_NONE_MATCH, VARY,
};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;
use tablecast::hub::RoomError;
use tablecast_core::RoomId;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use utoipa::openapi::path::ParameterIn;

use super::route::{Answer, Route, Tag};
use super::site::{Id, SharedSite, SiteState, no_such_room};
use crate::base_path::{self, BasePath};
use crate::language::Language;
use crate::negotiation;
use crate::picture;
use crate::preview::{Place, Preview, Words};
use crate::reason;
use crate::web;
use tablecast_http::Client;
use tablecast_http::origin::{self, Origin};
use tablecast_http::problem::{PROBLEM_JSON, Problem};

pub(super) fn routes() -> Vec<Route<SharedSite>> {
    let html = |about| Answer::media(about, "text/html; charset=utf-8").kept();
    vec![
        Route::get("/", home)
            .named("home", Tag::Pages, "The page that makes a room", "")
            .answers(html("The page"))
            .unless_known(),
        Route::page("/r/{id}", room)
            .named(
                "roomPage",
                Tag::Pages,
                "The page of a room",
                "For every id that could be one: whether there is such a room is the page's to find out. For chats its head says what the room is called and what is on the menu, if there is one. Not a join.",
            )
            .room()
            .answers(html("The page"))
            .answers(html("The page, for an id that no room can have").with(StatusCode::NOT_FOUND))
            .unless_known(),
        Route::get("/r/{id}/qr.svg", qr)
            .named(
                "roomQrCode",
                Tag::Pages,
                "The address of a room's page as a QR code",
                "Whether there is such a room is not asked.",
            )
            .room()
            .text(
                ParameterIn::Query,
                "origin",
                "Where the page that asks has the site, which behind a proxy it alone knows: `http://` or `https://`, the host that is asked, and the path below which the site is, if there is one",
                "http://127.0.0.1:8000",
            )
            .answers(Answer::media("The picture", "image/svg+xml"))
            .refuses(&[reason::NOT_FOUND, reason::RATE_LIMITED]),
        Route::get("/r/{id}/picture.png", picture)
            .named(
                "roomPicture",
                Tag::Pages,
                "What a chat shows for a link to a room's page",
                "1200 by 630 pixels, with the title and some dishes, or what was chosen, in the language that is asked for. The same for all rooms that are gone. Not a join.",
            )
            .room()
            .answers(Answer::media("The picture", "image/png"))
            .refuses(&[reason::NOT_FOUND, reason::RATE_LIMITED, reason::UNAVAILABLE]),
        Route::get("/web/{version}/{*path}", file)
            .named(
                "pageFile",
                Tag::Pages,
                "A file that a page loads",
                "The version is that of all files together; another one gets the file as it is now.",
            )
            .text(ParameterIn::Path, "version", "As the page says", "0")
            .text(ParameterIn::Path, "path", "Of the file", "icon.svg")
            .answers(Answer::media("The file", "*/*").kept())
            .unless_known()
            .refuses(&[reason::NOT_FOUND]),
    ]
}

/// `GET /`: make a room.
pub(super) async fn home(
    State(site): State<SharedSite>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let link = address(&site, &headers).map(|site| Place::to_home(&site));
    let head = Preview::default().tags(Language::asked(&headers), link.as_ref());
    page("home.html", &uri, &head, &headers)
}

/// `GET /r/{id}`: the page of a room, or of a room that is gone. The page itself finds out
/// which; only its head knows the room, for chats that show a link.
pub(super) async fn room(
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    /// People wait for the page, so it does not wait for a slow store.
    const PATIENCE: Duration = Duration::from_millis(500);
    let language = Language::asked(&headers);
    if id.parse::<RoomId>().is_err() {
        // Still a page, because people see it.
        let head = Preview::default().tags(language, None);
        return not_found("room.html", &uri, &head, headers);
    }
    let seen = timeout(PATIENCE, seen(&site, client, &id)).await;
    // Of a room that is gone, or not seen in time, a chat asks for the picture all the same.
    let preview = match seen {
        Ok(Ok(Some(preview))) => preview,
        _ => Preview::default(),
    };
    let link = address(&site, &headers).map(|site| Place::to_room(&site, &id));
    let head = preview.tags(language, link.as_ref());
    page("room.html", &uri, &head, &headers)
}

/// What a chat may show of a room, or of its result; nothing if it is gone.
async fn seen(site: &SiteState, client: IpAddr, id: &str) -> Result<Option<Preview>, Problem> {
    site.may_look(client)?;
    match site.hub.view(id).await {
        Ok(view) => return Ok(Some(Preview::of_table(view.app.table()))),
        Err(RoomError::NotFound) => {}
        Err(error) => return Err(site.refused(client, error)),
    }
    match site.hub.keepsake(id).await {
        Ok(kept) => Ok(Preview::of_result(&kept.what)),
        Err(RoomError::NotFound) => {
            let _ = site.refused(client, RoomError::NotFound);
            Ok(None)
        }
        Err(error) => Err(site.refused(client, error)),
    }
}

/// Where the site is, seen from outside: chats do not resolve relative addresses. Of a proxy
/// only the header tells that it speaks TLS; who lies here is told a wrong address.
fn address(site: &SiteState, headers: &HeaderMap) -> Option<String> {
    let host = headers.get(HOST)?.to_str().ok()?;
    let proto = headers.get("x-forwarded-proto");
    let scheme = match site.tls.is_some() || proto.is_some_and(|proto| proto == "https") {
        true => "https",
        false => "http",
    };
    let origin: Origin = format!("{scheme}://{host}").parse().ok()?;
    Some(format!("{origin}{}", site.config.base_path))
}

/// `GET /r/{id}/picture.png`: what a chat shows for the link.
pub(super) async fn picture(
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    id.parse::<RoomId>().map_err(|_| no_such_room())?;
    let drawn = site.pictures.take(client);
    drawn.map_err(|wait| Problem::too_many("too many pictures for this address", wait))?;
    let preview = seen(&site, client, &id).await?.unwrap_or_default();
    let words = Words::of(Language::asked(&headers));
    let drawn = one_of_few(move || picture::draw(&preview, words)).await;
    let drawn = drawn.flatten().ok_or_else(|| {
        tracing::error!(room = %id, "the picture of a room could not be drawn");
        Problem::internal("the picture could not be drawn")
    })?;
    let headers = [
        (CONTENT_TYPE, "image/png"),
        (CACHE_CONTROL, "public, max-age=60"),
        (VARY, "accept-language"),
    ];
    Ok((headers, drawn).into_response())
}

/// How many pictures are drawn at once: each takes three megabytes, and a core for some
/// hundredths of a second.
static DRAWING: Semaphore = Semaphore::const_new(2);

/// What drawing a picture makes, when it is its turn. It keeps its place until it is done, also if
/// nobody waits for it any more: it cannot be stopped.
async fn one_of_few<T: Send + 'static>(draw: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let place = DRAWING.acquire().await.ok()?;
    let drawing = spawn_blocking(move || {
        let _place = place;
        draw()
    });
    drawing.await.ok()
}

/// An address without a route. People get a page with a link to the first one, because
/// browsers prefer HTML; programs get a problem document.
pub(super) async fn nowhere(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let json = ["application/json", PROBLEM_JSON];
    if negotiation::weight_of(&headers, ACCEPT, &["text/html"])
        <= negotiation::weight_of(&headers, ACCEPT, &json)
    {
        return Err(Problem::nothing_here());
    }
    let mut page = not_found("nowhere.html", &uri, "", headers)?;
    page.headers_mut()
        .append(VARY, HeaderValue::from_static("accept"));
    Ok(page)
}

/// `GET /web/{version}/{path}`: a file that a page loads.
pub(super) async fn file(
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Nothing of the operators' page is found at the site's address.
    let path = path
        .ok()
        .filter(|Path((_, path))| !path.starts_with(web::OPERATORS));
    path.and_then(|Path((version, path))| web::file(&version, &path, &headers))
        .ok_or_else(Problem::nothing_here)
}

/// The target of the QR code.
#[derive(Deserialize)]
pub(super) struct Link {
    /// The site's address as the page sees it; behind a proxy only the page knows it.
    origin: String,
}

/// `GET /r/{id}/qr.svg?origin=…`: the room's address as a picture.
pub(super) async fn qr(
    State(site): State<SharedSite>,
    Client(client): Client,
    Id(id): Id,
    link: Result<Query<Link>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id: RoomId = id.parse().map_err(|_| no_such_room())?;
    let refused = || {
        Problem::new(
            reason::BAD_REQUEST,
            "say ?origin=, the origin of the page: http:// or https:// and the host that is asked, or an origin that the server's operator allows (--allowed-origin); behind it the path of the site, if it has one",
        )
    };
    let Query(Link { origin }) = link.map_err(|_| refused())?;
    let (origin, base) = origin_and_path(&origin).ok_or_else(refused)?;
    // This server does not make codes that lead to other sites.
    if !origin::is_trusted(&origin, &headers, &site.config.allowed_origins) {
        return Err(refused());
    }
    site.may_look(client)?;
    let code = QrCode::with_error_correction_level(format!("{origin}{base}/r/{id}"), EcLevel::M)
        .map_err(|_| refused())?;
    let picture = code.render::<svg::Color>().build();
    let headers = [
        (CONTENT_TYPE, "image/svg+xml"),
        (CACHE_CONTROL, "private, max-age=86400"),
    ];
    Ok((headers, picture).into_response())
}

/// An origin, and the path after it.
fn origin_and_path(text: &str) -> Option<(Origin, BasePath)> {
    let host = text.find("://")? + "://".len();
    let path = text.get(host..)?.find('/').map(|slash| host + slash);
    let (origin, base) = match path {
        Some(path) => (text.get(..path)?, text.get(path..)?.parse().ok()?),
        None => (text, BasePath::default()),
    };
    Some((origin.parse().ok()?, base))
}

/// A page that says that there is nothing here.
fn not_found(
    name: &'static str,
    uri: &Uri,
    head: &str,
    mut headers: HeaderMap,
) -> Result<Response, Problem> {
    // Conditions apply only to a found resource (RFC 9110, 13.2.1): a client that has the page
    // already would get an empty one.
    headers.remove(IF_NONE_MATCH);
    Ok((StatusCode::NOT_FOUND, page(name, uri, head, &headers)?).into_response())
}

/// A page from the binary, for the address at which it was requested, with this in its head.
pub(super) fn page(
    name: &'static str,
    uri: &Uri,
    head: &str,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let root = base_path::way_up(uri.path()).ok_or_else(Problem::nothing_here)?;
    web::document(name, &root, head, headers).ok_or_else(|| {
        tracing::error!(name, "a page is not in the binary");
        Problem::internal("the page is missing")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn no_more_pictures_are_drawn_at_once_if_clients_go_away() {
        let free = DRAWING.available_permits();
        let (began, begins) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        let waits = tokio::spawn(one_of_few(move || {
            began.send(()).unwrap();
            let _ = goes_on.recv();
        }));
        let begins = spawn_blocking(move || begins.recv());
        begins.await.unwrap().unwrap();
        waits.abort();
        assert!(waits.await.unwrap_err().is_cancelled());
        assert_eq!(DRAWING.available_permits(), free - 1);
        drop(go_on);
    }
}
