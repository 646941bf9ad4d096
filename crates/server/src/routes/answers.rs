//! Counts of the HTTP answers.

use axum::response::Response;
use tablecast::metrics::ByName;

use super::route::{At, Route};
use crate::reason;

/// The name of the route if the address has none, or if the head was refused.
const NOWHERE: &str = "none";

/// The number of HTTP answers by route and status. The routes are those of the description,
/// so the number of names is fixed whatever is requested.
#[derive(Debug)]
pub(super) struct Answers(ByName<(&'static str, u16)>);

impl Answers {
    pub(super) fn new<S>(routes: &[Route<S>]) -> Self {
        let answers = ByName::default();
        for route in routes {
            let statuses = route.every_status();
            answers.expect(statuses.map(|status| (route.path, status.as_u16())));
        }
        let refusals = reason::ANYWHERE.iter().chain([&reason::NOT_FOUND]);
        answers.expect(refusals.map(|reason| (NOWHERE, reason.status().as_u16())));
        Answers(answers)
    }

    /// Counts one answer.
    pub(super) fn count(&self, answer: &Response) {
        let at = answer.extensions().get::<At>();
        let route = at.map_or(NOWHERE, |At(route)| route);
        self.0.count((route, answer.status().as_u16()));
    }

    /// All counts, by route and status.
    pub(super) fn all(&self) -> Vec<((&'static str, u16), u64)> {
        self.0.all()
    }
}
