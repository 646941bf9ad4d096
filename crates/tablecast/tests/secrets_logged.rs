//! What members may not see is in no line of the log. A process of its own: what is logged at all is
//! remembered for the whole process, from the first thread that asks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::json;
use support::rooms::code;
use support::secrets::{hide, two_nodes};
use tablecast_testing::faulty::{Call, Fault};
use tablecast_testing::until;
use tracing::field::{Field, Visit};
use tracing::span;

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let line = format!("{field}={value:?} ");
        self.0.lock().unwrap().push_str(&line);
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        span.record(&mut self.clone());
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test]
async fn nothing_hidden_is_logged() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let (here, there, faults) = two_nodes().await;
    let mut mina = here.json("r").await;
    let mut far = there.json("r").await;
    far.ask(hide(1, "sesame")).await;
    faults.next(Call::Commit, Fault::UnknownAfter);
    mina.ask(hide(1, "sesame")).await;
    mina.ask(hide(2, "sesame")).await;
    assert_eq!(code(&mina.ask(hide(1, "sesame seed")).await), "conflict");
    let unread = json!({"id": 9, "hide": {"sesame": "sesame"}});
    assert_eq!(code(&mina.ask(unread).await), "bad_command");
    let mut text = here.try_text("r").await.unwrap();
    text.send_text("sesame").await.unwrap();
    while !text.next_text().await.unwrap().contains("hidden") {}
    drop((mina, text, far));
    here.hub.drain(Duration::from_secs(20)).await;
    let logged = async || log.0.lock().unwrap().clone();
    let all = ["joined", "a command was refused", "closed"];
    let is_all = |log: &String| all.iter().all(|logged| log.contains(logged));
    let log = until("all of it is logged", logged, is_all).await;
    assert!(!log.contains("sesame"), "{log}");
}
