//! The routes of the server.

mod answers;
pub(crate) mod body;
mod docs;
mod health;
mod metrics;
mod pages;
mod process;
pub(crate) mod route;
mod sessions;
mod site;
mod sse;
mod ws;

use axum::Router;
use axum::middleware::from_fn_with_state;

use crate::base_path;
pub(crate) use health::readyz;
pub(crate) use metrics::{expect, metrics};
use route::Route;
pub(crate) use route::other_method;
use site::SharedSite;
pub(crate) use site::{Id, SiteState, no_such_room, unavailable};

/// All routes.
pub(crate) fn all() -> Vec<Route<SharedSite>> {
    let mut routes = public();
    routes.extend(metrics::routes());
    routes
}

/// The routes where operators have an address of their own.
pub(crate) fn public() -> Vec<Route<SharedSite>> {
    let mut routes = sessions::routes();
    routes.extend(ws::routes());
    routes.extend(sse::routes());
    routes.extend(pages::routes());
    routes.extend(docs::routes());
    routes.extend(health::routes());
    routes
}

/// A router with all routes, with and without the base path. A slash at the end is optional
/// everywhere.
pub(crate) fn router(site: SharedSite) -> Router {
    let base = site.config.base_path.clone();
    let router = (site.table)()
        .into_iter()
        .fold(Router::new(), |router, route| route.mount(router));
    let router = router.fallback(pages::nowhere).with_state(site);
    if base.is_empty() {
        return router;
    }
    // Around all routes: the base path must be removed before a route is looked up.
    let below = from_fn_with_state(base, base_path::below);
    Router::new().fallback_service(router).layer(below)
}
