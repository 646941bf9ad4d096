//! What the log says of the stored forms that are made. A process of its own: what is logged at all is
//! remembered for the whole process, from the first thread that asks.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::rooms::Node;
use support::{Hands, NEVER};
use tablecast::HubConfig;
use tablecast::core::{Backend, Forms, NodeId};
use tablecast_testing::until;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const LEASE: Duration = Duration::from_millis(400);

/// Keeps what is logged of the forms that are made.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.fields().field("forms").is_some()
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn the_log_says_whether_newer_forms_are_made_from_now_on_or_no_more() {
    let log = Log::default();
    let _kept = tracing::subscriber::set_default(log.clone());
    let said = async || log.0.lock().unwrap().clone();
    let store = Hands::new().store();
    let older = store.another_node();
    let id: NodeId = "older".parse().unwrap();
    let live = async || older.renew(&id, Forms::FIRST, NEVER).await.unwrap().len();
    assert_eq!(live().await, 1);
    let config = HubConfig {
        node_lease: LEASE,
        ..HubConfig::default()
    };
    let _new = Node::on(Arc::new(store), config).await;
    until("it has seen the older one", live, |live| *live == 2).await;
    older.release(&id).await.unwrap();
    let is_told = |said: &Vec<String>| said.len() == 1;
    let up = until("newer forms are made", said, is_told).await;
    let what = "all nodes read these stored forms, so they are made from now on";
    assert_eq!(up, [what]);

    live().await;
    let is_told = |said: &Vec<String>| said.len() == 2;
    let down = until("no newer ones are made", said, is_told).await;
    let what = "a node reads no newer stored forms than these, so none are made any more";
    assert_eq!(down, [up[0].as_str(), what]);
}
