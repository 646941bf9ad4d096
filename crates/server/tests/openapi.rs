//! `/openapi.json` says what this server answers: no less, no more, and in that form.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;
mod support;
mod openapi {
    pub(crate) mod held;
}

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use openapi::held::{Held, JSON, Kind, SSE, described, place};
use program::{ANY_PORT, tablecast};
use serde_json::{Value, json};
use support::protocol::Table;
use support::{UPGRADE, config, start, start_on};
use tablecast::MemoryBackend;
use tablecast::core::limits::Rate;
use tablecast::core::{Backend, Forms, MemberId};
use tablecast_server::config::Config;
use tablecast_testing::client::Client;
use tablecast_testing::events::Events;
use tablecast_testing::process::Process;
use tablecast_testing::{Directory, FaultyBackend};

const ONCE: Rate = Rate {
    per_second: 1e-6,
    burst: 1,
};

/// What may happen to any request.
async fn anywhere(held: &mut Held) {
    let server = start(config()).await;
    let paths = held.document["paths"].as_object().unwrap().clone();
    for (path, item) in paths {
        let method = if item["get"].is_object() {
            "GET"
        } else {
            "POST"
        };
        let place = place(&path, "x");
        let long = "x".repeat(10 << 10);
        for request in [
            format!("{method} {place} HTTP/1.1\r\n\r\n"),
            format!("{method} {place}?{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
            format!("{method} {place} HTTP/1.1\r\nHost: a\r\nX: {long}{long}\r\n\r\n"),
            format!("DELETE {place} HTTP/1.1\r\nHost: a\r\n\r\n"),
        ] {
            held.hold(&path, &server.ask(&request).await);
        }
    }
}

async fn pages_and_documents(held: &mut Held) {
    let server = start(config()).await;
    let origin = format!("/r/x/qr.svg?origin=http://{}", server.at);
    let found = [
        ("/", "/"),
        ("/r/{id}", "/r/x"),
        ("/r/{id}/qr.svg", &origin),
        ("/r/{id}/picture.png", "/r/x/picture.png"),
        ("/web/{version}/{path}", "/web/0/style/base.css"),
        ("/docs", "/docs"),
        ("/docs/live", "/docs/live"),
        ("/docs/ui/{file}", "/docs/ui/swagger-ui.css"),
        ("/openapi.json", "/openapi.json"),
        ("/asyncapi.json", "/asyncapi.json"),
        ("/healthz", "/healthz"),
        ("/readyz", "/readyz"),
        ("/metrics", "/metrics"),
    ];
    for (path, place) in found {
        let answer = held.get(&server, path, place, "").await;
        assert_eq!(answer.status, 200, "{place}");
        if let Some(tag) = answer.header("etag") {
            let known = format!("If-None-Match: {tag}\r\n");
            let answer = held.get(&server, path, place, &known).await;
            assert_eq!(answer.status, 304, "{place}");
        }
    }
    for (path, place) in [
        ("/r/{id}", "/r/x/"),
        ("/docs", "/docs/"),
        ("/docs/live", "/docs/live/"),
    ] {
        assert_eq!(held.get(&server, path, place, "").await.status, 308);
    }
    for (path, place) in [
        ("/r/{id}", "/r/a:b"),
        ("/r/{id}/qr.svg", "/r/a:b/qr.svg"),
        ("/r/{id}/picture.png", "/r/a:b/picture.png"),
        ("/web/{version}/{path}", "/web/0/none.css"),
        ("/docs/ui/{file}", "/docs/ui/none.css"),
    ] {
        assert_eq!(held.get(&server, path, place, "").await.status, 404);
    }
}

async fn rooms(held: &mut Held) {
    let server = start(config()).await;
    let id = server.room().await;
    assert_eq!(held.again(&server, &id, "", "").await.status, 201);
    assert_eq!(held.again(&server, &id, "", "").await.status, 200);
    for body in ["", "{}", r#"{"title":"금요일 점심","minutes":30}"#] {
        let made = held.post(&server, JSON, body).await;
        assert_eq!(made.status, 201);
    }
    for (headers, body, code) in [
        (JSON, "[]", "bad_json"),
        (JSON, r#"{"title":" "}"#, "empty"),
        (JSON, r#"{"title":"a\nb"}"#, "bad_item"),
        (
            JSON,
            &json!({"title": "x".repeat(99)}).to_string(),
            "too_long",
        ),
        (JSON, r#"{"minutes":0}"#, "bad_request"),
        (JSON, r#"{"decide_at":1}"#, "bad_deadline"),
        (JSON, &" ".repeat(70 << 10), "too_long"),
        ("", "{}", "bad_content_type"),
        (
            "Origin: https://elsewhere.example\r\n",
            "",
            "foreign_origin",
        ),
    ] {
        let answer = held.post(&server, headers, body).await;
        assert_eq!(answer.code(), code, "{body:.40}");
        // That one has the title of the room before; of one that nobody knows, the one that is said.
        if let Some(rest) = body.strip_prefix("{\"title\"") {
            let body = format!("{{\"menu\":[],\"title\"{rest}");
            let answer = held.again(&server, "forgotten", headers, &body).await;
            assert_eq!(answer.code(), code, "{body:.40}");
        } else {
            let id = server.room().await;
            let answer = held.again(&server, &id, headers, body).await;
            assert_eq!(answer.code(), code, "{body:.40}");
        }
    }
    let paths = ["/session/", "/session/{id}/again/", SSE];
    let answers = join_all(paths.map(async |path| {
        let place = place(path, "x");
        let head = format!("POST {place} HTTP/1.1\r\nHost: a\r\n{JSON}Content-Length: 2\r\n\r\n{{");
        server.ask(&head).await
    }));
    for (path, answer) in paths.into_iter().zip(answers.await) {
        assert_eq!(answer.code(), "timeout");
        held.hold_of("post", path, &answer);
    }

    held.look(&server, "nobody").await;
    assert_eq!(
        held.again(&server, "nobody", "", "").await.code(),
        "not_found"
    );
    let mut mina = Client::connect_json(server.at, &format!("/ws/{id}/"))
        .await
        .unwrap();
    for said in [
        r#"{"join":{"name":"Mina"}}"#,
        r#"{"id":1,"add":{"item":"김치찌개"}}"#,
        r#"{"id":2,"vote":{"number":1,"on":true}}"#,
        r#"{"id":3,"decide":{"how":"votes"}}"#,
    ] {
        mina.send_text(said).await.unwrap();
    }
    while mina.next_json().await.unwrap()["ack"]["id"] != 3 {}
    held.look(&server, &id).await;

    let path = format!("/ws/{id}/");
    let json = format!("{UPGRADE}Sec-WebSocket-Protocol: tablecast.v1\r\n");
    assert_eq!(
        held.get(&server, "/ws/{id}/", &path, &json).await.status,
        101
    );
    let foreign = format!("{UPGRADE}Origin: https://elsewhere.example\r\n");
    held.get(&server, "/ws/{id}/", &path, &foreign).await;
    held.get(&server, "/ws/{id}/", &path, "").await;
    let no_key = UPGRADE.replace("Sec-WebSocket-Key", "X-Key");
    held.get(&server, "/ws/{id}/", &path, &no_key).await;
    let mut members = Vec::new();
    for _ in 0..10 {
        let mut member = server.connect().await;
        let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\n{UPGRADE}\r\n");
        member.ask(&head).await;
        members.push(member);
    }
    let answer = held.get(&server, "/ws/{id}/", &path, UPGRADE).await;
    assert_eq!(answer.code(), "room_full");
    assert_eq!(held.listen(&server, &id, "").await.code(), "room_full");
}

async fn streams(held: &mut Held) {
    let server = start(config()).await;
    let id = server.room().await;
    let path = place(SSE, &id);
    let foreign = "Origin: https://elsewhere.example\r\n";
    for (headers, code) in [
        (foreign, "foreign_origin"),
        ("Sec-Fetch-Site: cross-site\r\n", "foreign_origin"),
        ("Tablecast-Join: {}\r\n", "bad_request"),
    ] {
        assert_eq!(held.listen(&server, &id, headers).await.code(), code);
    }
    let html = "Accept: text/html\r\n";
    let answer = held.get(&server, SSE, &path, html).await;
    assert_eq!(answer.code(), "not_acceptable");

    let person = json!({"join": {"person": "0123456789abcdef0123456789abcdef"}});
    let stream = Events::open(server.at, &path, &person).await;
    let seat = json!({"seat": stream.secret()}).to_string();
    assert_eq!(held.say(&server, &id, JSON, &seat).await.status, 200);
    for (headers, body, code) in [
        (JSON, "[]", "bad_json"),
        (JSON, &" ".repeat(70 << 10), "too_long"),
        ("Content-Type: text/plain\r\n", &seat, "bad_content_type"),
        (&format!("{foreign}{JSON}"), &seat, "foreign_origin"),
    ] {
        assert_eq!(held.say(&server, &id, headers, body).await.code(), code);
    }
    let mut socket = Client::connect_json(server.at, &format!("/ws/{id}/"))
        .await
        .unwrap();
    let resume = json!({"resume": {"seat": stream.secret()}});
    socket.send_text(&resume.to_string()).await.unwrap();
    assert!(socket.next_json().await.unwrap()["hello"].is_object());
    let answer = held.say(&server, &id, JSON, &seat).await;
    assert_eq!(
        (answer.code(), &answer.json()["close"]),
        ("taken_over".to_owned(), &json!(4409))
    );
    let you = stream.hello["you"].as_u64().unwrap();
    server.hub.dismiss(&id, MemberId(you)).await.unwrap();
    assert_eq!(
        held.say(&server, &id, JSON, &seat).await.code(),
        "dismissed"
    );
    let first = format!("Tablecast-Join: {person}\r\n");
    let answer = held.listen(&server, &id, &first).await;
    assert_eq!(
        (answer.code(), &answer.json()["close"]),
        ("dismissed".to_owned(), &json!(4411))
    );
}

async fn limits(held: &mut Held) {
    let limited = |change: fn(&mut Config)| {
        let mut config = config();
        change(&mut config);
        start(config)
    };
    let server = limited(|config| config.join_rate = ONCE).await;
    server.get("/session/x/").await;
    held.look(&server, "x").await;
    let picture = format!("/r/x/qr.svg?origin=http://{}", server.at);
    held.get(&server, "/r/{id}/qr.svg", &picture, "").await;
    let path = "/r/{id}/picture.png";
    held.get(&server, path, &place(path, "x"), "").await;
    let server = limited(|config| config.create_rate = ONCE).await;
    let id = server.room().await;
    assert_eq!(held.post(&server, "", "").await.code(), "rate_limited");
    held.again(&server, &id, "", "").await;
    let server = limited(|config| config.hub.max_rooms = 1).await;
    let id = server.room().await;
    assert_eq!(held.post(&server, "", "").await.code(), "too_many_rooms");
    held.again(&server, &id, "", "").await;
}

async fn trouble(held: &mut Held) {
    let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
    let faults = backend.faults();
    let server = start_on(config(), Arc::new(backend)).await;
    let id = server.room().await;
    faults.down("the cable is out");
    assert_eq!(held.post(&server, "", "").await.code(), "unavailable");
    held.again(&server, &id, "", "").await;
    held.look(&server, &id).await;
    let path = "/r/{id}/picture.png";
    held.get(&server, path, &place(path, &id), "").await;
    held.get(&server, "/readyz", "/readyz", "").await;

    let server = start(config()).await;
    let id = server.room().await;
    server.hub.drain(Duration::from_secs(1)).await;
    assert_eq!(held.post(&server, "", "").await.code(), "draining");
    held.again(&server, &id, "", "").await;
    held.look(&server, &id).await;
    held.get(&server, "/readyz", "/readyz", "").await;

    let store = MemoryBackend::new();
    let other = store.another_node();
    let (older, lease) = ("older".parse().unwrap(), Duration::from_secs(3600));
    other.renew(&older, Forms::FIRST, lease).await.unwrap();
    let server = start_on(config(), Arc::new(store)).await;
    let id = server.room().await;
    let hidden = r#"{"hidden_votes":true}"#;
    assert_eq!(held.post(&server, JSON, hidden).await.code(), "not_yet");
    held.again(&server, &id, JSON, hidden).await;
}

#[tokio::test]
async fn every_answer_that_is_described_is_given_and_has_the_form_described() {
    let mut held = Held::new().await;
    anywhere(&mut held).await;
    pages_and_documents(&mut held).await;
    rooms(&mut held).await;
    streams(&mut held).await;
    limits(&mut held).await;
    trouble(&mut held).await;
    let mut expected = described(&held.document);
    // What the store holds must be damaged for it: see tests/sessions.rs.
    expected.retain(|(_, _, code)| code != "internal");
    let missing: Vec<&Kind> = expected.difference(&held.met).collect();
    assert!(missing.is_empty(), "described, and never met: {missing:#?}");
    assert_eq!(held.met, expected);
}

#[tokio::test]
async fn the_document_is_whole_and_stands_at_any_address() {
    let document = start(config()).await.get("/openapi.json").await.json();
    support::assert_references_resolve(&document);
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document["servers"],
        json!([{"url": "/", "description": "This server"}])
    );
    let operations: Vec<&Value> = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .flat_map(|item| item.as_object().unwrap().values())
        .collect();
    let ids: BTreeSet<&str> = operations
        .iter()
        .map(|operation| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), operations.len());
    for operation in operations {
        for response in operation["responses"].as_object().unwrap().values() {
            let links = response["links"].as_object().into_iter().flatten();
            for (_, link) in links {
                assert!(ids.contains(link["operationId"].as_str().unwrap()));
            }
        }
    }
}

/// What Swagger UI puts into the fields beforehand.
#[tokio::test]
async fn the_files_that_are_named_as_examples_are_there() {
    let server = start(config()).await;
    let document = server.get("/openapi.json").await.json();
    for path in ["/web/{version}/{path}", "/docs/ui/{file}"] {
        let mut place = path.to_owned();
        let parameters = &document["paths"][path]["get"]["parameters"];
        for parameter in parameters.as_array().unwrap() {
            let name = format!("{{{}}}", parameter["name"].as_str().unwrap());
            place = place.replace(&name, parameter["example"].as_str().unwrap());
        }
        assert_eq!(server.get(&place).await.status, 200, "{place}");
    }
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere_and_runs_nothing_inline() {
    let server = start(config()).await;
    for path in ["/docs", "/docs/live"] {
        let page = server.get(path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        assert!(
            !policy.contains("unsafe") && !policy.contains("http"),
            "{policy}"
        );
        for tag in page.body.split('<').filter(|tag| tag.starts_with("script")) {
            assert!(
                tag.contains(" src=\".") && tag.trim_end().ends_with('>'),
                "{tag}"
            );
        }
        let addresses = ["src=\"", "href=\""]
            .into_iter()
            .flat_map(|attribute| page.body.split(attribute).skip(1));
        for address in addresses.map(|rest| rest.split('"').next().unwrap()) {
            if address != "data:," {
                // Both pages lie so that this leads to the first one.
                let up = if path == "/docs" { "./" } else { "../" };
                let place = format!("/{}", address.strip_prefix(up).expect(address));
                assert_eq!(server.get(&place).await.status, 200, "{address}");
            }
        }
    }
}

/// Of a cell such as `` `413 · 414` `` its parts.
fn parts(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('·').map(|part| part.trim().trim_matches('`'))
}

#[tokio::test]
async fn refusals_and_addresses_are_those_of_the_description() {
    let document = start(config()).await.get("/openapi.json").await.json();
    let refused: BTreeSet<(u16, String)> = described(&document)
        .into_iter()
        .filter(|(_, _, code)| !code.is_empty())
        .map(|(_, status, code)| (status, code))
        .collect();
    let tables = Table::all("Addresses");
    let of_statuses = tables.last().unwrap();
    let named: BTreeSet<(u16, String)> = of_statuses
        .rows(["status", "`code`"])
        .flat_map(|[statuses, codes]| {
            parts(statuses).flat_map(move |status| {
                parts(codes).map(move |code| (status.parse().unwrap(), code.to_owned()))
            })
        })
        .collect();
    assert_eq!(refused, named);

    let paths: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let addresses = tables[0].column("address").flat_map(parts);
    let addresses: BTreeSet<&str> = addresses
        .map(|address| address.split(' ').next_back().unwrap())
        .map(|address| address.split('?').next().unwrap())
        .collect();
    // The files that pages load are theirs alone.
    let own = |path: &&str| !path.starts_with("/web/") && !path.starts_with("/docs/ui/");
    let paths: BTreeSet<&str> = paths.into_iter().filter(own).collect();
    assert_eq!(paths, addresses);
}

/// It makes up requests, right and wrong ones, from the document alone, follows the
/// links from answer to answer, and finds what is not described.
#[test]
fn schemathesis_finds_no_answer_that_is_not_described() {
    let dir = Directory::new();
    let unlimited = [
        "--create-rate",
        "0",
        "--join-rate",
        "0",
        "--max-rooms",
        "1000000",
    ];
    let server = Process::start(tablecast(&dir).args(ANY_PORT).args(unlimited));
    let crate_root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(crate_root.join("../../.venv/bin/schemathesis"))
        .arg("--config-file")
        .arg(crate_root.join("tests/schemathesis.toml"))
        .args(["run", &format!("http://{}/openapi.json", server.address())])
        // The server is on this machine, whatever proxy leads out of it.
        .env("NO_PROXY", "127.0.0.1")
        // What it remembers of a run stays with it.
        .current_dir(dir.path())
        .output()
        .expect("schemathesis is missing; `cargo xtask test` installs it");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
