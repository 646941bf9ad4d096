//! Who reaches the address, and what is wrong with a request.

use super::*;

/// Every address of the operators.
const PATHS: [&str; 8] = [
    "/metrics",
    "/api/node",
    "/api/rooms",
    "/api/rooms/r",
    "/api/rooms/r/history",
    "/api/visits",
    "/api/drain",
    "/api/rooms/r/close",
];

#[tokio::test]
async fn nothing_of_the_operators_is_found_at_the_public_address() {
    let (server, operators) = managed(config()).await;
    let nowhere = server.get("/nowhere").await;
    for path in PATHS.into_iter().chain(["/api/rooms/r/dismiss"]) {
        for method in ["GET", "POST"] {
            let headers = "Content-Type: application/json\r\n";
            let answer = server
                .request(&format!("{method} {path}"), headers, "{}")
                .await;
            assert_eq!(
                (answer.status, &answer.body),
                (404, &nowhere.body),
                "{method} {path}"
            );
        }
    }
    let described = server.get("/openapi.json").await.json();
    assert!(described["paths"].get("/metrics").is_none());
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(
            operators.ask(&format!("GET {path}"), "", "").await.status,
            200
        );
    }
    // And nothing of the site is at theirs.
    for path in ["/session/", "/ws/r/", "/docs", "/openapi.json"] {
        let answer = operators.ask(&format!("GET {path}"), "", "").await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (404, "not_found"),
            "{path}"
        );
    }
    // Without an address for them the metrics are public, as they were.
    let alone = start(config()).await;
    assert_eq!(alone.get("/metrics").await.status, 200);
    assert_eq!(alone.get("/api/node").await.status, 404);
}

#[tokio::test]
async fn pages_of_others_learn_nothing_and_change_nothing() {
    let mut config = config();
    config.admin_hosts = vec!["tables.internal".to_owned()];
    let (server, operators) = managed(config).await;
    let room = server.room().await;
    let mut mina = join(&server, &room, "Mina").await;
    let asked = async |line: &str, host: &str, more: &str| {
        let request =
            format!("{line} HTTP/1.1\r\nHost: {host}\r\n{more}Content-Length: 2\r\n\r\n{{}}");
        support::Client::to(operators.0).await.ask(request).await
    };
    // A page may let its own name lead here, and is then of the same origin.
    for path in PATHS.into_iter().chain(["/", "/healthz", "/nowhere"]) {
        for line in [format!("GET {path}"), format!("POST {path}")] {
            let answer = asked(&line, "evil.example", "").await;
            assert_eq!(
                (answer.status, &*answer.code()),
                (403, "foreign_host"),
                "{line}"
            );
            assert!(answer.body.contains("--admin-host"), "{answer:?}");
        }
    }
    for host in ["tables.internal", "localhost:9000", "[::1]", "10.0.0.1:80"] {
        assert_eq!(asked("GET /api/node", host, "").await.status, 200, "{host}");
    }
    let close = format!("POST /api/rooms/{room}/close");
    let json = "Content-Type: application/json\r\n";
    for (origin, expected) in [
        ("Origin: http://evil.example\r\n", "foreign_origin"),
        ("Origin: http://localhost:1\r\n", "foreign_origin"),
        ("Origin: null\r\n", "foreign_origin"),
    ] {
        let answer = asked(&close, "localhost", &format!("{json}{origin}")).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (403, expected),
            "{origin}"
        );
    }
    // What a form of a page can send.
    for kind in [
        "",
        "Content-Type: text/plain\r\n",
        "Content-Type: application/x-www-form-urlencoded\r\n",
    ] {
        let answer = asked(&close, "localhost", kind).await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (415, "bad_content_type"),
            "{kind}"
        );
    }
    say(&mut mina, json!({ "id": 1, "extend": {} })).await;
    let own = format!("{json}Origin: http://localhost\r\n");
    assert_eq!(asked(&close, "localhost", &own).await.status, 200);
    assert_eq!(mina.closed().await.unwrap(), 4412);
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let (server, operators) = managed(config()).await;
    let room = server.room().await;
    for (path, headers, part) in [
        ("/api/visits?adress=1", "", "there is no parameter"),
        ("/api/visits?adress=1", "", "known are room, member"),
        ("/api/visits?code=1&code=2", "", "code is there twice"),
        (
            "/api/visits?limit=0",
            "",
            "limit is \\\"0\\\", but must be a whole number from 1 to 10000",
        ),
        (
            "/api/visits?from=noon",
            "",
            "from is \\\"noon\\\", but must be a whole number from 0 on",
        ),
        ("/api/visits?name=Mina", "", "Tablecast-Reveal"),
        (
            "/api/visits",
            "Tablecast-Reveal: \r\n",
            "the reason in Tablecast-Reveal",
        ),
        (
            "/api/visits",
            "Tablecast-Reveal: %zz\r\n",
            "is not UTF-8 with %XX",
        ),
        ("/api/rooms?limit=ten", "", "limit is"),
        ("/api/rooms?name=Mina", "", "there is no parameter"),
        (&format!("/api/rooms/{room}/history?at=-1"), "", "at is"),
    ] {
        let answer = operators.ask(&format!("GET {path}"), headers, "").await;
        assert_eq!(
            (answer.status, &*answer.code()),
            (400, "bad_request"),
            "{path}"
        );
        assert!(answer.body.contains(part), "{path}: {answer:?}");
    }
    for path in [
        "/api/rooms/unknown",
        "/api/rooms/unknown/history",
        "/api/nowhere",
    ] {
        assert_eq!(
            operators.ask(&format!("GET {path}"), "", "").await.code(),
            "not_found",
            "{path}"
        );
    }
    assert_eq!(
        operators
            .post("/api/rooms/unknown/close", "{}")
            .await
            .code(),
        "not_found"
    );
    let dismiss = format!("/api/rooms/{room}/dismiss");
    for (body, code) in [
        ("", "bad_json"),
        ("[]", "bad_json"),
        ("{}", "bad_request"),
        (r#"{"member":"Mina"}"#, "bad_request"),
        (r#"{"membr":1}"#, "bad_json"),
        (r#"{"member":4711}"#, "not_found"),
    ] {
        assert_eq!(operators.post(&dismiss, body).await.code(), code, "{body}");
    }
    let unknown = "/api/rooms/unknown/dismiss";
    let answer = operators.post(unknown, r#"{"member":1}"#).await;
    assert_eq!((answer.status, &*answer.code()), (404, "not_found"));
    let other = operators.ask("GET /api/drain", "", "").await;
    assert_eq!((other.status, other.header("allow")), (405, Some("POST")));
    assert_eq!(operators.ask("DELETE /api/rooms", "", "").await.status, 405);
}
