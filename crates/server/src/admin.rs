//! What operators see and do, at an address of its own: a page, and the API that it uses. It has
//! no passwords: whoever reaches the address is an operator. So it is never part of the public
//! site, and web pages of others are kept out.

mod guard;
mod node;
mod params;
mod rooms;
mod visits;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRef, Path};
use axum::handler::Handler;
use axum::http::{HeaderMap, Method};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use tablecast_http::{Problem, Site, Times};
use tokio_util::sync::CancellationToken;

use crate::routes::{self, SiteState, other_method};
use crate::since_1970;
use crate::status::healthz;
use crate::web;

/// The site of the operators of a server.
#[derive(Debug)]
pub(crate) struct AdminSite {
    public: Arc<SiteState>,
    /// When the server started (this machine's clock, ms since 1970).
    started_at: u64,
    /// Cancelled when an operator asks the server to end.
    drain: CancellationToken,
}

/// What the routes share.
#[derive(Debug, Clone)]
struct Admin(Arc<AdminSite>);

impl FromRef<Admin> for Arc<SiteState> {
    fn from_ref(Admin(admin): &Admin) -> Self {
        admin.public.clone()
    }
}

impl AdminSite {
    /// The operators' site beside this public one; `drain` is cancelled when an operator asks the
    /// server to end.
    pub(crate) fn new(public: Arc<SiteState>, drain: CancellationToken) -> Self {
        AdminSite {
            public,
            started_at: since_1970::now(),
            drain,
        }
    }
}

impl Site for AdminSite {
    fn times(&self) -> Times {
        self.public.times()
    }

    fn is_draining(&self) -> bool {
        self.public.hub.is_draining()
    }
}

/// All routes for operators.
pub(crate) fn router(site: Arc<AdminSite>) -> Router {
    let admin = Admin(site);
    let router = Router::new()
        .route("/", reading(page))
        .route("/web/{version}/{*path}", reading(file))
        .route("/metrics", reading(routes::metrics))
        .route("/healthz", reading(healthz))
        .route("/readyz", reading(routes::readyz))
        .route("/api/node", reading(node::show))
        .route("/api/drain", changing(node::drain))
        .route("/api/rooms", reading(rooms::list))
        .route("/api/rooms/{id}", reading(rooms::show))
        .route("/api/rooms/{id}/history", reading(rooms::history))
        .route("/api/rooms/{id}/close", changing(rooms::close))
        .route("/api/rooms/{id}/dismiss", changing(rooms::dismiss))
        .route("/api/visits", reading(visits::list))
        .fallback(async || Problem::nothing_here());
    // Around all routes, so that a page of somebody else learns nothing, not even what there is.
    let guarded = router.layer(from_fn_with_state(admin.clone(), guard::check));
    guarded.with_state(admin)
}

fn reading<T: 'static>(handler: impl Handler<T, Admin>) -> MethodRouter<Admin> {
    get(handler).fallback(async |method: Method| other_method(&method, "GET, HEAD"))
}

fn changing<T: 'static>(handler: impl Handler<T, Admin>) -> MethodRouter<Admin> {
    post(handler).fallback(async |method: Method| other_method(&method, "POST"))
}

/// `GET /`: the page.
async fn page(headers: HeaderMap) -> Result<Response, Problem> {
    web::document("admin/index.html", "", "", &headers).ok_or_else(Problem::nothing_here)
}

/// `GET /web/{version}/{path}`: a file that the page loads.
async fn file(
    Path((version, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    web::file(&version, &path, &headers).ok_or_else(Problem::nothing_here)
}
