//! The state of the server, as it tells it at `/healthz` and `/readyz`.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use tablecast_http::problem::ok;

/// The state of the server.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Status {
    /// For people.
    pub(crate) status: &'static str,
    /// What an operator should look after soon, although all is served.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
}

impl From<&'static str> for Status {
    fn from(status: &'static str) -> Self {
        let detail = None;
        Status { status, detail }
    }
}

/// `GET /healthz`: 200 for as long as the process answers.
pub(crate) async fn healthz() -> Response {
    ok(&Status::from("running"))
}
