//! Whether this server runs, and whether it should get new clients.

use std::time::SystemTime;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use tablecast_core::backend::Health;

use super::route::{Answer, Route, Tag};
use super::site::{DRAIN_RETRY, STORE_RETRY, SharedSite, SiteState};
use crate::status::{Status, healthz};
use crate::{reason, tls};
use tablecast_http::problem::{Problem, ok};

pub(super) fn routes() -> Vec<Route<SharedSite>> {
    let status = |about, status| Answer::json(StatusCode::OK, about, &Status::from(status));
    vec![
        Route::get("/healthz", healthz)
            .named(
                "isAlive",
                Tag::Operators,
                "Does the process answer?",
                "200 for as long as it does. A supervisor starts the process again when it does not.",
            )
            .answers(status("It does", "running")),
        Route::get("/readyz", readyz)
            .named(
                "isReady",
                Tag::Operators,
                "Can somebody who connects now be served?",
                "A load balancer sends nobody here while the answer is 503.",
            )
            .answers(status("Yes", "ready"))
            .refuses(&[reason::UNAVAILABLE, reason::DRAINING]),
    ]
}

/// `GET /readyz`: 200 if a client that connects now can be served.
pub(crate) async fn readyz(State(site): State<SharedSite>) -> Result<Response, Problem> {
    if site.hub.is_draining() {
        let detail = "this server is shutting down";
        return Err(Problem::not_now(reason::DRAINING, detail, DRAIN_RETRY));
    }
    match site.hub.health() {
        Health::Up => Ok(ok(&Status {
            status: "ready",
            detail: of_certificate(&site),
        })),
        Health::Down(reason) => Err(unavailable(format!(
            "the store cannot be reached: {reason}"
        ))),
        Health::Refusing { words, .. } => {
            Err(unavailable(format!("the store takes no changes: {words}")))
        }
    }
}

/// What is wrong with the certificate. The old one is shown, so this node goes on.
fn of_certificate(site: &SiteState) -> Option<String> {
    tls::trouble(&site.tls.as_ref()?.status(), SystemTime::now())
}

fn unavailable(detail: String) -> Problem {
    Problem::not_now(reason::UNAVAILABLE, detail, STORE_RETRY)
}
