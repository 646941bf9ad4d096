//! What is counted: from the start, with bounded labels, as the documents have it.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use support::{UPGRADE, config, start};
use tablecast::MemoryBackend;
use tablecast_core::CloseReason;
use tablecast_server::Server;
use tablecast_testing::frail::FrailBackend;
use tokio::net::TcpListener;
use tokio::time::timeout;

/// The values of a label, of all series of this name.
fn labels(metrics: &str, series: &str, label: &str) -> BTreeSet<String> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(series));
    let values = lines.filter_map(|line| line.split_once(&format!("{label}=\"")));
    values
        .map(|(_, rest)| rest.split('"').next().unwrap().to_owned())
        .collect()
}

/// What stands in the first column of the table below this heading, in backticks or not.
fn column(path: &str, heading: &str) -> BTreeSet<String> {
    let path = format!("{}/../../docs/{path}", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let (_, below) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    let lines = below.lines().skip_while(|line| !line.starts_with("|--"));
    let rows = lines.skip(1).take_while(|line| line.starts_with('|'));
    let cells = rows.map(|row| row.split('|').nth(1).unwrap());
    cells
        .map(|cell| cell.trim().trim_matches('`').to_owned())
        .collect()
}

#[tokio::test]
async fn every_series_is_there_before_anything_happens() {
    let server = start(config()).await;
    let metrics = server.get("/metrics").await.body;
    let codes = labels(&metrics, "tablecast_rejections_total", "code");
    assert_eq!(codes, column("protocol.md", "Error codes"));
    let closes = labels(&metrics, "tablecast_closes_total", "code");
    assert_eq!(closes, column("protocol.md", "Close codes"));
    assert_eq!(closes.len(), CloseReason::ALL.len());
    let outcomes = labels(&metrics, "tablecast_handshakes_total", "outcome");
    for outcome in [
        "seated",
        "rate_limited",
        "not_found",
        "room_full",
        "foreign_origin",
    ] {
        assert!(outcomes.contains(outcome), "{outcomes:?}");
    }
    for line in [
        "tablecast_http_responses_total{route=\"/session/\",status=\"201\"} 0",
        "tablecast_http_responses_total{route=\"/session/\",status=\"429\"} 0",
        "tablecast_http_responses_total{route=\"/ws/{id}/\",status=\"101\"} 0",
        "tablecast_http_responses_total{route=\"none\",status=\"404\"} 0",
    ] {
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    for line in metrics
        .lines()
        .filter(|line| line.starts_with("tablecast_") && line.contains("_total"))
    {
        assert!(line.ends_with(" 0"), "{line}");
    }
}

#[tokio::test]
async fn answers_are_counted_by_route_and_no_path_makes_a_series() {
    let server = start(config()).await;
    let series = |metrics: &str| {
        metrics
            .lines()
            .filter(|line| line.contains("_total"))
            .count()
    };
    let before = series(&server.get("/metrics").await.body);
    let id = server.room().await;
    for path in [
        format!("/session/{id}/"),
        format!("/session/{id}"),
        "/session/unknown".to_owned(),
        "/nowhere".to_owned(),
        "/elsewhere".to_owned(),
        format!("/{}", "x".repeat(9000)),
    ] {
        server.get(&path).await;
    }
    server.handshake(&format!("/ws/{id}/"), "").await;
    server.handshake("/ws/unknown/", "").await;
    server
        .handshake("/ws/unknown/", "Origin: https://evil.example\r\n")
        .await;
    server
        .request(&format!("GET /ws/{id}"), &UPGRADE.replace("13", "8"), "")
        .await;
    let metrics = server.get("/metrics").await.body;
    for line in [
        "http_responses_total{route=\"/session/\",status=\"201\"} 1",
        "http_responses_total{route=\"/session/{id}/\",status=\"200\"} 2",
        "http_responses_total{route=\"/session/{id}/\",status=\"404\"} 1",
        "http_responses_total{route=\"/ws/{id}/\",status=\"101\"} 1",
        "http_responses_total{route=\"/ws/{id}/\",status=\"426\"} 1",
        "http_responses_total{route=\"none\",status=\"404\"} 2",
        "http_responses_total{route=\"none\",status=\"414\"} 1",
        "handshakes_total{outcome=\"seated\"} 1",
        "handshakes_total{outcome=\"not_found\"} 1",
        "handshakes_total{outcome=\"foreign_origin\"} 1",
        "handshakes_total{outcome=\"upgrade_required\"} 1",
    ] {
        let line = format!("tablecast_{line}");
        assert!(
            metrics.lines().any(|found| found == line),
            "{line}\n{metrics}"
        );
    }
    assert_eq!(series(&metrics), before);
}

/// A shell that says ready and hears nothing is worse than none.
#[tokio::test]
async fn a_server_whose_backend_has_died_tells_its_members_and_ends() {
    let (backend, fate) = FrailBackend::new(Arc::new(MemoryBackend::new()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let server = Server::new(config(), backend);
    let hub = server.hub().clone();
    let serving = tokio::spawn(server.run(listener, std::future::pending()));
    let menu = tablecast_lunch::Menu::new(10, tablecast_lunch::MasterSecret::new([0; 32]));
    hub.create("r".parse().unwrap(), menu).await.unwrap();
    let mut member = tablecast_testing::client::Client::connect(at, "/ws/r/")
        .await
        .unwrap();
    fate.panic.notify_one();
    let ended = timeout(support::DEADLINE, serving)
        .await
        .expect("it goes on")
        .unwrap();
    let reason = ended.unwrap_err().to_string();
    assert!(
        reason.contains("cannot go on") && reason.contains("hearing the store has panicked"),
        "{reason}"
    );
    member.set_deadline(Duration::from_secs(20));
    assert_eq!(
        member.closed().await.unwrap(),
        CloseReason::Restarting.code()
    );
}
