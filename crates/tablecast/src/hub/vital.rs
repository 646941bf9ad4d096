//! The tasks that a hub needs. If one of them ends early, by a panic or because the store
//! is gone for good, the hub has failed: otherwise it would still report that it is ready,
//! but follow and renew nothing.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Why a hub has failed, once it has.
#[derive(Debug)]
pub(super) struct Vital(watch::Sender<Option<Arc<str>>>);

impl Vital {
    pub(super) fn new() -> Self {
        Vital(watch::Sender::new(None))
    }

    /// Spawns a task that must run until `stop`, or until it returns `Ok`.
    pub(super) fn spawn(
        &self,
        stop: &CancellationToken,
        what: &'static str,
        task: impl Future<Output = Result<(), String>> + Send + 'static,
    ) {
        let failed = self.0.clone();
        let task = AssertUnwindSafe(task).catch_unwind();
        let until = stop.clone().run_until_cancelled_owned(task);
        tokio::spawn(async move {
            let reason = match until.await {
                None | Some(Ok(Ok(()))) => return,
                Some(Ok(Err(reason))) => format!("{what} has ended: {reason}"),
                Some(Err(panic)) => format!("{what} has panicked: {}", words(&*panic)),
            };
            // The first reason is the cause of later ones.
            failed.send_if_modified(|first| {
                let is_first = first.is_none();
                first.get_or_insert(reason.into());
                is_first
            });
        });
    }

    /// The reason of the failure, if it has failed.
    pub(super) fn reason(&self) -> Option<Arc<str>> {
        self.0.borrow().clone()
    }

    /// Waits until it fails, and returns the reason.
    pub(super) async fn failed(&self) -> Arc<str> {
        let mut heard = self.0.subscribe();
        let reason = heard.wait_for(Option::is_some).await;
        match reason.ok().and_then(|reason| reason.clone()) {
            Some(reason) => reason,
            // This does not happen: `self` has the sender.
            None => std::future::pending().await,
        }
    }
}

/// The message of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a word")
}
