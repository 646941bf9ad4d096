//! The site's pages, and the files they load.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap};
use axum::response::{IntoResponse, Response};
use qrcode::render::svg;
use qrcode::{EcLevel, QrCode};
use serde::Deserialize;
use tablecast_core::RoomId;

use super::Id;
use crate::origin::{self, Origin};
use crate::problem::Problem;
use crate::web;

/// `GET /`: make a room.
pub(super) async fn home(headers: HeaderMap) -> Result<Response, Problem> {
    web::document("home.html", &headers).ok_or_else(no_such_file)
}

/// `GET /r/{id}`: a room, if there is one, and else what became of it: that is the
/// page's to find out, so any id gets the same answer.
pub(super) async fn room(Id(id): Id, headers: HeaderMap) -> Result<Response, Problem> {
    let page = web::document("room.html", &headers).ok_or_else(no_such_file)?;
    match id.parse::<RoomId>() {
        Ok(_) => Ok(page),
        // A page still, for it is people who see it.
        Err(_) => Ok((StatusCode::NOT_FOUND, page).into_response()),
    }
}

/// `GET /docs/live`: the console, for developers.
pub(super) async fn console(headers: HeaderMap) -> Result<Response, Problem> {
    web::document("live.html", &headers).ok_or_else(no_such_file)
}

/// `GET /web/{version}/{path}`: a file that a page loads.
pub(super) async fn file(
    Path((version, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    web::file(&version, &path, &headers).ok_or_else(no_such_file)
}

/// What the QR code is to lead to.
#[derive(Deserialize)]
pub(super) struct Link {
    /// The page's own origin, which behind a proxy it alone knows.
    origin: String,
}

/// `GET /r/{id}/qr.svg?origin=…`: the room's address as a picture.
pub(super) async fn qr(
    Id(id): Id,
    link: Result<Query<Link>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id: RoomId = id.parse().map_err(|_| Problem::no_such_room())?;
    let refused = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "say ?origin=, the origin of the page: http:// or https:// and the host that is asked",
        )
    };
    let Query(Link { origin }) = link.map_err(|_| refused())?;
    let origin: Origin = origin.parse().map_err(|_| refused())?;
    // Codes that lead elsewhere are not this server's to make.
    if !origin::is_own(&origin, &headers) {
        return Err(refused());
    }
    let code = QrCode::with_error_correction_level(format!("{origin}/r/{id}"), EcLevel::M)
        .map_err(|_| refused())?;
    let picture = code.render::<svg::Color>().build();
    let headers = [
        (CONTENT_TYPE, "image/svg+xml"),
        (CACHE_CONTROL, "private, max-age=86400"),
    ];
    Ok((headers, picture).into_response())
}

fn no_such_file() -> Problem {
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        "there is nothing at this address",
    )
}
