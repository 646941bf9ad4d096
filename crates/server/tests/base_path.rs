//! A site below a path of a host, behind a proxy that takes the path away or does not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use serde_json::Value;
use support::{Running, config, start};
use tablecast_testing::client::Client;

/// A server that is found at `/lunch/`.
async fn below() -> Running {
    let mut config = config();
    config.base_path = "/lunch".parse().unwrap();
    start(config).await
}

#[tokio::test]
async fn what_programs_are_told_is_below_the_path() {
    let server = below().await;
    for asked in [
        "POST /lunch/session/",
        "POST /lunch/session",
        "POST /session/",
    ] {
        let made = server.request(asked, "", "").await;
        assert_eq!(made.status, 201, "{asked}");
        let room = made.json();
        let id = room["id"].as_str().unwrap();
        assert_eq!(room["url"], format!("/lunch/ws/{id}/"));
        assert_eq!(room["page"], format!("/lunch/r/{id}"));
        let place = format!("/lunch/session/{id}/");
        assert_eq!(made.header("location"), Some(place.as_str()));
        // What was told leads there.
        assert_eq!(server.get(&place).await.status, 200);
        let page = server.get(room["page"].as_str().unwrap()).await;
        assert_eq!(page.status, 200);
        let mut mina = Client::connect_json(server.at, room["url"].as_str().unwrap())
            .await
            .unwrap();
        mina.send_text(r#"{"join":{"name":"Mina"}}"#).await.unwrap();
        assert_eq!(mina.next_json().await.unwrap()["hello"]["name"], "Mina");
    }
    let document = server.get("/lunch/openapi.json").await.json();
    assert_eq!(document["servers"][0]["url"], "/lunch");
    let document = server.get("/asyncapi.json").await.json();
    assert_eq!(document["servers"]["this"]["pathname"], "/lunch");
    let document = start(config()).await.get("/asyncapi.json").await.json();
    assert_eq!(document["servers"]["this"]["pathname"], Value::Null);
}

#[tokio::test]
async fn all_is_answered_with_the_path_and_without_and_nothing_beside_it() {
    let server = below().await;
    let id = server.room().await;
    for path in [
        "/",
        "/healthz",
        "/metrics",
        "/docs",
        "/web/0/room.js",
        &format!("/r/{id}"),
        &format!("/session/{id}/?any=thing"),
        &format!("/r/{id}/qr.svg?origin=http://{}/lunch", server.at),
    ] {
        let plain = server.get(path).await;
        assert_eq!(plain.status, 200, "{path}");
        let inside = server.get(&format!("/lunch{path}")).await;
        assert_eq!(inside.status, 200, "{path}");
        assert_eq!(inside.header("content-type"), plain.header("content-type"));
    }
    for path in [
        "/lunchtime/",
        "/lunch/lunch/",
        "/Lunch/",
        "//lunch/",
        "/lunch//",
    ] {
        assert_eq!(server.get(path).await.code(), "not_found", "{path}");
    }
    // Without its slash the first page would look for its files beside it.
    let moved = server.get("/lunch?from=mail").await;
    assert_eq!(moved.status, 308);
    assert_eq!(moved.header("location"), Some("./lunch/?from=mail"));
}

#[tokio::test]
async fn a_page_has_one_address_without_a_slash_at_the_end() {
    let server = start(config()).await;
    for (asked, place) in [
        ("/r/a-room/", "../a-room"),
        ("/r/a-room/?from=mail&x", "../a-room?from=mail&x"),
        // As it was written: what it leads to is told there.
        ("/r/%3Cimg%3E/", "../%3Cimg%3E"),
        ("/docs/", "../docs"),
        ("/docs/live/", "../live"),
    ] {
        for method in ["GET", "HEAD"] {
            let head = format!("{method} {asked} HTTP/1.1\r\nHost: a\r\n\r\n");
            let answer = server.ask(&head).await;
            assert_eq!(answer.status, 308, "{method} {asked}");
            assert_eq!(answer.all("location"), [place], "{asked}");
        }
        let refused = server.request(&format!("POST {asked}"), "", "").await;
        assert_eq!(refused.code(), "method_not_allowed", "{asked}");
    }
    for asked in ["/r/a-room", "/docs", "/docs/live", "/"] {
        assert_eq!(server.get(asked).await.status, 200, "{asked}");
    }
}

#[tokio::test]
async fn a_page_that_is_too_deep_to_be_one_is_told_as_a_problem() {
    let server = start(config()).await;
    let html = "Accept: text/html\r\n";
    let deep = "/a".repeat(500);
    let answer = server.request(&format!("GET {deep}"), html, "").await;
    assert_eq!(answer.code(), "not_found");
    let page = server.request("GET /a/a/a/a", html, "").await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("href=\"../../../\""), "{}", page.body);
}
