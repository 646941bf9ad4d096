//! Pages of listed origins may do all that the server's own may; other pages nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use support::{Answer, Running, config, start};
use tablecast_core::limits::Rate;

const APP: &str = "capacitor://localhost";
const PAGE: &str = "https://lunch.example";

async fn listing() -> Running {
    let mut config = config();
    config.allowed_origins = vec![PAGE.parse().unwrap(), APP.parse().unwrap()];
    config.create_rate = Rate {
        per_second: 1e-6,
        burst: 1,
    };
    start(config).await
}

/// That a page of this origin can read the answer, with what stands in its head.
fn assert_readable(answer: &Answer, origin: &str) {
    assert_eq!(
        answer.all("access-control-allow-origin"),
        [origin],
        "{answer:?}"
    );
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert_eq!(exposed, "location, retry-after");
    assert!(varies(answer), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), None);
}

fn varies(answer: &Answer) -> bool {
    let lists = answer.all("vary");
    let mut names = lists.iter().flat_map(|list| list.split(','));
    names.any(|name| name.trim().eq_ignore_ascii_case("origin"))
}

#[tokio::test]
async fn a_listed_page_makes_a_room_and_reads_every_answer() {
    for origin in [PAGE, APP] {
        let server = listing().await;
        let from = format!("Origin: {origin}\r\n");
        let json = format!("{from}Content-Type: application/json\r\n");
        let asks = "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n";
        let preflight = server
            .request("OPTIONS /session/", &format!("{from}{asks}"), "")
            .await;
        assert_eq!(preflight.status, 204);
        assert_readable(&preflight, origin);
        assert_eq!(
            preflight.header("access-control-allow-methods"),
            Some("POST")
        );
        assert_eq!(
            preflight.header("access-control-allow-headers"),
            Some("content-type, tablecast-join")
        );
        assert_eq!(preflight.header("access-control-max-age"), Some("7200"));

        let made = server.request("POST /session/", &json, "{}").await;
        assert_eq!(made.status, 201);
        assert_readable(&made, origin);
        let room = made.header("location").unwrap().to_owned();
        let id = room
            .trim_matches('/')
            .trim_start_matches("session/")
            .to_owned();
        let asked = origin.replace(':', "%3A");
        for (line, headers, status) in [
            (format!("GET {room}"), &from, 200),
            (format!("HEAD {room}"), &from, 200),
            (format!("GET {room}result/"), &from, 404),
            (format!("GET /r/{id}/qr.svg?origin={asked}"), &from, 200),
            (
                format!("GET /r/{id}/qr.svg?origin=https://evil.example"),
                &from,
                400,
            ),
            ("POST /session/".to_owned(), &json, 429),
            ("POST /session/nowhere/".to_owned(), &from, 405),
            ("GET /nowhere".to_owned(), &from, 404),
            (format!("GET /ws/{id}/"), &from, 426),
            (format!("GET /{}", "x".repeat(9000)), &from, 414),
        ] {
            let answer = server.request(&line, headers, "").await;
            assert_eq!(answer.status, status, "{line:.60}");
            assert_readable(&answer, origin);
            // Of a preflight alone.
            assert_eq!(answer.header("access-control-allow-methods"), None);
        }
        let handshake = server.handshake(&format!("/ws/{id}/"), &from).await;
        assert_eq!(handshake.status, 101);
    }
}

#[tokio::test]
async fn other_pages_get_nothing_and_caches_are_told_that_it_is_for_them_alone() {
    let server = listing().await;
    let preflight = "Access-Control-Request-Method: POST\r\n";
    for origin in [
        "Origin: https://evil.example\r\n",
        "Origin: http://lunch.example\r\n",
        "Origin: https://lunch.example.evil\r\n",
        "Origin: null\r\n",
        "Origin: tauri://localhost\r\n",
        "Origin: https://lunch.example\r\nOrigin: https://lunch.example\r\n",
        "",
    ] {
        for line in ["OPTIONS /session/", "GET /healthz", "GET /", "GET /nowhere"] {
            let answer = server
                .request(line, &format!("{origin}{preflight}"), "")
                .await;
            let head = answer.head.to_ascii_lowercase();
            assert!(!head.contains("access-control"), "{origin}{answer:?}");
            assert!(varies(&answer), "{line}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_lists_nobody_says_nothing_of_it() {
    let server = start(config()).await;
    let answer = server
        .request("GET /healthz", "Origin: https://lunch.example\r\n", "")
        .await;
    assert!(!varies(&answer), "{answer:?}");
}
