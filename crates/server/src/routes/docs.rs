//! The documents, and the pages that show them.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderMap, HeaderValue};
use axum::response::Response;
use utoipa::openapi::path::ParameterIn;

use super::pages::page;
use super::route::{Answer, Route, Tag};
use super::site::SharedSite;
use crate::docs::swagger;
use crate::reason;
use tablecast_http::Problem;

/// The content security policy of the page with Swagger UI. Unlike the site's own pages it
/// may write markup, because React does so; therefore it cannot require trusted types.
const SWAGGER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Vec<Route<SharedSite>> {
    let html = || Answer::media("The page", "text/html; charset=utf-8").kept();
    let json = || Answer::media("The document", "application/json").kept();
    vec![
        Route::page("/docs", reference)
            .named("docs", Tag::Documents, "This page", "")
            .answers(html())
            .unless_known(),
        Route::page("/docs/live", live)
            .named(
                "console",
                Tag::Documents,
                "The page on which WebSockets can be tried",
                "Several members side by side, in both dialects.",
            )
            .answers(html())
            .unless_known(),
        Route::get("/docs/ui/{file}", file)
            .named(
                "docsFile",
                Tag::Documents,
                "A file that this page loads",
                "",
            )
            .text(ParameterIn::Path, "file", "Its name", "swagger-ui.css")
            .answers(Answer::media("The file", "*/*").kept())
            .unless_known()
            .refuses(&[reason::NOT_FOUND]),
        Route::get("/openapi.json", openapi)
            .named(
                "openapi",
                Tag::Documents,
                "What the server answers over HTTP",
                "OpenAPI 3.1.",
            )
            .answers(json())
            .unless_known(),
        Route::get("/asyncapi.json", asyncapi)
            .named(
                "asyncapi",
                Tag::Documents,
                "What is said over WebSocket",
                "AsyncAPI 3.0.",
            )
            .answers(json())
            .unless_known(),
    ]
}

/// `GET /docs`: Swagger UI.
async fn reference(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let mut page = page("docs.html", &uri, "", &headers)?;
    page.headers_mut().insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(SWAGGER_POLICY),
    );
    Ok(page)
}

/// `GET /docs/live`: the WebSocket console.
async fn live(uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    page("live.html", &uri, "", &headers)
}

/// `GET /docs/ui/{file}`: a file of Swagger UI.
async fn file(
    name: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = name.ok();
    name.and_then(|Path(name)| swagger::file(&name, &headers))
        .ok_or_else(Problem::nothing_here)
}

/// `GET /openapi.json`
async fn openapi(State(site): State<SharedSite>, headers: HeaderMap) -> Response {
    let document = site.documents.openapi(&site.config.base_path, site.table);
    document.answer(&headers)
}

/// `GET /asyncapi.json`
async fn asyncapi(State(site): State<SharedSite>, headers: HeaderMap) -> Response {
    let document = site.documents.asyncapi(&site.config.base_path);
    document.answer(&headers)
}
