//! What is opened is closed: in a file of its own, because it counts what the
//! whole process has open.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use tablecast::HubConfig;
use tablecast::config::ConnectionConfig;
use tablecast_testing::client::{Client, TEXT, frame};
use tablecast_testing::until;

use support::Relay;
use support::rooms::Node;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Defects 5 and 23, hostile input 53: however a connection ends, nothing of it stays.
#[tokio::test]
async fn descriptors_and_tasks_are_back_to_where_they_were_after_500_connections() {
    let (relay, relay_address) = Relay::serve(ConnectionConfig::default()).await;
    let node = Node::start(HubConfig::default()).await;
    node.make("r").await;
    let runtime = tokio::runtime::Handle::current().metrics();
    let idle = runtime.num_alive_tasks();
    // The first of each kind may open what stays.
    drop(Client::connect(relay_address, "/").await.unwrap());
    drop(node.text("r").await);
    node.until_quiet().await;
    relay.ended(1).await;
    // Their clock and their closing handshakes, too.
    let left = async || (relay.channel.len(), runtime.num_alive_tasks());
    until("the first connections end", left, |left| *left == (0, idle)).await;
    let baseline = (descriptors(), runtime.num_alive_tasks());

    for _ in 0..100 {
        let mut text = node.text("r").await;
        text.send_close(1000).await.unwrap();
        text.ended().await.unwrap();
        let json = node.json("r").await;
        json.client.reset().unwrap();
        assert_eq!(node.refusal("unknown").await, 404);
        let mut cut = Client::connect(relay_address, "/").await.unwrap();
        cut.send_bytes(&frame(TEXT, b"hello")[..3]).await.unwrap();
        cut.reset().unwrap();
        let mut wrong = Client::connect(relay_address, "/").await.unwrap();
        wrong.send_bytes(&[0xFF; 20]).await.unwrap();
        wrong.ended().await.unwrap();
        // A seat that is kept for a while is no leak: take it up and leave.
        let seat = json.hello["seat"].clone();
        let first = serde_json::json!({"resume": {"seat": seat}});
        let mut back = node.enter("r", first).await;
        back.client.send_close(1000).await.unwrap();
        back.client.ended().await.unwrap();
    }
    node.until_quiet().await;
    relay.ended(201).await;
    let left = async || (descriptors(), runtime.num_alive_tasks());
    until("all is closed", left, |left| *left == baseline).await;
}
