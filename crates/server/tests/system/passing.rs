//! What each proxy passes on, and what it keeps to itself.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;
use tablecast_testing::client::{ClientError, Connect, Said};
use tablecast_testing::events::{Events, Heard, post};
use tablecast_testing::reverse_proxy::KINDS;

use crate::site::{Site, ask};

/// A room in which nobody speaks lives by the pings alone. A proxy must wait longer than the
/// ping interval and the pong timeout, 35 s by default.
#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_room_outlasts_the_patience_of_each_proxy() {
    // A node looks twice in that time, and pings whoever was silent since the last look. All start
    // before anybody speaks: a start blocks, and a node does not wait long for a request.
    let sites = KINDS.map(|kind| (kind, Site::start(kind, &["--ping-interval", "90s"])));
    join_all(sites.map(async |(kind, site)| {
        let room = site.nodes[0].make_room().await;
        let connect = Connect::to(site.proxy.address(), &format!("/ws/{room}/"));
        let mut member = connect.open().await.unwrap();
        assert_eq!(member.next_text().await.unwrap(), "[]");
        let begin = Instant::now();
        // A stream of events is pinged as a WebSocket; and it is passed on at once.
        let path = format!("/sse/{room}/");
        let first = json!({"join": {"watch": "only"}});
        let mut stream = Events::open(site.proxy.address(), &path, &first).await;
        // The right secret would be a sign of life.
        let nobody = json!({"seat": "0".repeat(32)});
        let said = post(site.proxy.address(), &path, &nobody).await;
        assert_eq!((said.status, &said.body["close"]), (403, &json!(4401)));
        let (next, heard) = tokio::join!(member.next(), stream.next());
        let next = next.unwrap();
        assert_eq!(heard, Heard::Ping, "{kind:?}, after {:?}", begin.elapsed());
        let silence = begin.elapsed();
        assert!(
            matches!(next, Said::Ping(_)),
            "{kind:?}, after {silence:?}: {next:?}"
        );
        assert!(
            silence > Duration::from_secs(35),
            "too soon to show anything: {silence:?}"
        );
    }))
    .await;
}

/// The rate of looks counts by the client's address, which only the proxy can tell; what a
/// client says of itself does not help it.
#[tokio::test(flavor = "multi_thread")]
async fn each_proxy_tells_the_clients_address_whatever_the_client_says() {
    for kind in KINDS {
        // Three looks at once for each address and node.
        let site = Site::start(kind, &["--join-rate", "0.03"]);
        let room = site.nodes[0].make_room().await;
        let look = format!("GET /session/{room}/");
        let looks = async |from: [u8; 4], said: &str| {
            let said = format!("X-Forwarded-For: {said}\r\n");
            let reply = ask(from.into(), site.proxy.address(), &look, &said, "").await;
            reply.status
        };
        let mut answers = Vec::new();
        for at in 0..12 {
            answers.push(looks([127, 0, 0, 5], &format!("198.51.100.{at}")).await);
        }
        assert_eq!(answers[0], 200, "{kind:?}: {answers:?}");
        assert_eq!(answers[11], 429, "{kind:?}: {answers:?}");
        let another = looks([127, 0, 0, 6], "127.0.0.5").await;
        assert_eq!(another, 200, "{kind:?}: one address for all");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_proxy_passes_on_the_host_and_its_port() {
    for kind in KINDS {
        let site = Site::start(kind, &[]);
        let at = site.proxy.address();
        let make = async |headers: &str| {
            let reply = ask(
                Ipv4Addr::LOCALHOST.into(),
                at,
                "POST /session/",
                headers,
                "",
            )
            .await;
            (reply.status, reply.code())
        };
        for host in [at.to_string(), "lunch.example:8443".to_owned()] {
            let own = make(&format!("Host: {host}\r\nOrigin: https://{host}\r\n")).await;
            assert_eq!(own, (201, None), "{kind:?}: {host}");
        }
        let foreign = make("Origin: https://evil.example\r\n").await;
        assert_eq!(
            foreign,
            (403, Some("foreign_origin".to_owned())),
            "{kind:?}"
        );

        let room = site.nodes[0].make_room().await;
        let connect =
            |origin: String| Connect::to(at, &format!("/ws/{room}/")).header("Origin", &origin);
        connect(format!("http://{at}")).open().await.unwrap();
        let foreign = connect("http://evil.example".to_owned()).open().await;
        let refused = matches!(foreign, Err(ClientError::Refused { status: 403, .. }));
        assert!(refused, "{kind:?}: {foreign:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_shows_the_metrics() {
    for kind in KINDS {
        let site = Site::start(kind, &["--base-path", "/lunch"]);
        for path in [
            "/metrics",
            "/metrics/",
            "/lunch/metrics",
            "/lunch/metrics/",
            "/metrics?x=1",
            "//metrics",
            "/metrics//",
            "/./metrics",
            "/x/../metrics",
            "/%6detrics",
            "/metrics%2f",
        ] {
            let line = format!("GET {path}");
            let reply = ask(
                Ipv4Addr::LOCALHOST.into(),
                site.proxy.address(),
                &line,
                "",
                "",
            )
            .await;
            let hidden = reply.status != 0 && !reply.body.contains("tablecast_");
            assert!(hidden, "{kind:?} shows {path}: {reply:?}");
        }
        assert!(site.nodes[0].metric("tablecast_backend_up").await > 0.0);
    }
}

/// Whoever sends too much hears so, instead of a connection that just ends: the node
/// answers before it has read all.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_answered_through_each_proxy() {
    for kind in KINDS {
        let site = Site::start(kind, &[]);
        for kilobytes in [70, 1000] {
            let body = json!({"title": "x".repeat(kilobytes * 1000)}).to_string();
            let headers = "Content-Type: application/json\r\n";
            let from = Ipv4Addr::LOCALHOST.into();
            let reply = ask(from, site.proxy.address(), "POST /session/", headers, &body).await;
            assert_eq!(
                reply.status, 413,
                "{kind:?}, {kilobytes} kB: {}",
                reply.head
            );
            // The node's own words, where the proxy does not refuse it first.
            let is_told = kilobytes > 100 || reply.body.contains("too_long");
            assert!(is_told, "{kind:?}: {}", reply.body);
        }
    }
}
