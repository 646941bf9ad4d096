//! https by a certificate in files: what is said of it, rooms inside TLS, files read again.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "support/program.rs"]
mod program;
#[path = "support/secure.rs"]
mod secure;

use std::net::SocketAddr;

use program::{ANY_PORT, tablecast};
use serde_json::json;
use tablecast_testing::client::Said;
use tablecast_testing::process::{Process, run_to_end};
use tablecast_testing::{Directory, until};

/// A server with this certificate, and where it answers plain HTTP.
async fn start(dir: &Directory) -> (Process, SocketAddr) {
    let mut command = tablecast(dir);
    command
        .args(ANY_PORT)
        .args(["--tls-cert", "cert.pem", "--tls-key", "key.pem"])
        .args(["--http-listen", "127.0.0.1:0"]);
    let server = Process::start(&mut command);
    let is_whole = |said: &String| said.contains("then type:");
    let said = until("it says what to do", async || server.said(), is_whole).await;
    let (_, http) = said.split_once("\nhttp://").unwrap();
    let (http, _) = http.split_once(" leads there\n").unwrap();
    let http = http.parse().unwrap();
    (server, http)
}

#[tokio::test]
async fn the_site_is_an_https_site_and_plain_http_leads_there() {
    let dir = Directory::new();
    let client = secure::trusting(&secure::write_certificate(&dir, "cert.pem", "key.pem"));
    let (mut server, http) = start(&dir).await;
    let at = server.address();
    let site = format!("localhost:{}", at.port());
    let said = server.said();
    for part in [
        format!("listens on https://{at} "),
        format!("open https://{site}/ "),
        format!("websocat wss://{site}/ws/"),
    ] {
        assert!(said.contains(&part), "{said}");
    }
    let room = secure::room(&client, at).await;
    let page = secure::get(&client, at, &format!("/r/{room}")).await;
    let tag = format!("<meta property=\"og:url\" content=\"https://{site}/r/{room}\">");
    assert!(page.contains(&tag), "{page}");
    // Nobody knows whether the next certificate will be trusted.
    let head = page.to_ascii_lowercase();
    assert!(!head.contains("strict-transport-security"), "{page}");

    for (host, name) in [
        ("localhost", "localhost"),
        ("evil.example", "localhost"),
        ("127.0.0.1:80", "127.0.0.1"),
    ] {
        let answer = secure::plain_get(http, host, "/r/a%20b?c=d").await;
        assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
        let there = format!("location: https://{name}:{}/r/a%20b?c=d\r\n", at.port());
        assert!(answer.to_ascii_lowercase().contains(&there), "{answer}");
    }
    // `tablecast check` knows by it whose port it is.
    let healthy = secure::plain_get(http, "localhost", "/healthz").await;
    assert!(healthy.starts_with("HTTP/1.1 200 "), "{healthy}");
    assert!(healthy.contains("\"running\""), "{healthy}");
    let lost = secure::plain_get(at, "localhost", "/").await;
    assert!(lost.starts_with("HTTP/1.1 400 "), "{lost}");
    for lost in [
        vec!["health".to_owned(), format!("http://{at}")],
        vec!["create".to_owned(), "--server".to_owned(), at.to_string()],
        vec![
            "join".to_owned(),
            "--plain".to_owned(),
            format!("ws://{at}/ws/{room}/"),
        ],
    ] {
        let (code, error) = run_to_end(tablecast(&dir).args(&lost));
        assert_eq!(code, Some(1), "{error}");
        assert!(
            error.contains("speaks TLS: say https:// or wss://"),
            "{lost:?}: {error}"
        );
    }
    secure::write_certificate(&dir, "other.pem", "other-key.pem");
    let mut create = tablecast(&dir);
    create.args(["create", "--server", &format!("https://{site}")]);
    let (code, error) = run_to_end(create.env("SSL_CERT_FILE", dir.path().join("other.pem")));
    assert_eq!(code, Some(1), "{error}");
    assert!(error.contains("nobody whom this machine trusts"), "{error}");
    server.signal("-TERM");
    assert_eq!(server.exit_code().await, Some(0));
}

#[tokio::test]
async fn members_meet_inside_tls_and_leave_in_order() {
    let dir = Directory::new();
    let client = secure::trusting(&secure::write_certificate(&dir, "cert.pem", "key.pem"));
    let (mut server, _) = start(&dir).await;
    let at = server.address();
    let room = secure::room(&client, at).await;
    let mut says = secure::join(&client, at, &room).await;
    let mut hears = secure::join(&client, at, &room).await;
    // More than one record of TLS, and than one read.
    for number in 0..50 {
        let add =
            json!({"id": number + 1, "add": {"item": format!("{number}: {}", "x".repeat(50))}});
        says.send_text(&add.to_string()).await.unwrap();
    }
    let mut items = 0;
    while items < 10 {
        let said = hears.next_json().await.unwrap();
        items += usize::from(said.to_string().contains(": xxx"));
    }
    says.send_close(1000).await.unwrap();
    says.closed().await.unwrap();
    server.signal("-TERM");
    let mut told = hears.next().await.unwrap();
    while !matches!(told, Said::Close(_)) {
        told = hears.next().await.unwrap();
    }
    assert_eq!(told, Said::Close(Some(1012)));
    assert_eq!(server.exit_code().await, Some(0));
}

#[tokio::test]
async fn a_hang_up_reads_the_files_again_and_a_broken_one_is_told_and_not_taken() {
    let dir = Directory::new();
    let old_pem = secure::write_certificate(&dir, "cert.pem", "key.pem");
    let old = secure::trusting(&old_pem);
    let (mut server, _) = start(&dir).await;
    let at = server.address();
    let ready = secure::get(&old, at, "/readyz").await;
    assert!(ready.contains("{\"status\":\"ready\"}"), "{ready}");

    dir.write("cert.pem", "broken");
    server.signal("-HUP");
    server.log_up_to("the old one stays: cert.pem holds no certificate");
    let ready = secure::get(&old, at, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200 "), "{ready}");
    assert!(ready.contains("cert.pem holds no certificate"), "{ready}");
    let metrics = secure::get(&old, at, "/metrics").await;
    for line in [
        "tablecast_certificate_renewals_total{outcome=\"failed\"} 1\n",
        "tablecast_certificate_renewals_total{outcome=\"ok\"} 0\n",
        "tablecast_certificate_expiry_timestamp_seconds{domain=\"localhost\"} ",
    ] {
        assert!(metrics.contains(line), "no {line:?} in {metrics}");
    }

    let new = secure::trusting(&secure::write_certificate(&dir, "cert.pem", "key.pem"));
    server.signal("-HUP");
    server.log_up_to("the certificate was read again");
    let ready = secure::get(&new, at, "/readyz").await;
    assert!(ready.contains("{\"status\":\"ready\"}"), "{ready}");
    // Not by `old`, which has a ticket: then no certificate is shown.
    let old = secure::trusting(&old_pem);
    secure::connect(&old, at).await.unwrap_err();
}

#[test]
fn options_that_cannot_go_together_are_told_what_to_do() {
    let dir = Directory::new();
    secure::write_certificate(&dir, "cert.pem", "key.pem");
    for (args, code, part) in [
        (&["--tls-cert", "cert.pem"][..], 2, "needs --tls-key"),
        (&["--tls-key", "key.pem"], 2, "needs --tls-cert"),
        (
            &["--tls-cert", "a", "--tls-key", "b", "--domain", "c.example"],
            2,
            "give one of them",
        ),
        (
            &["--http-listen", "127.0.0.1:0"],
            2,
            "needs --domain or --tls-cert",
        ),
        (
            &[
                "--domain",
                "a.example",
                "--acme-challenge",
                "http-01",
                "--http-listen",
                "off",
            ],
            2,
            "which is off",
        ),
        (
            &["--tls-cert", "none.pem", "--tls-key", "key.pem"],
            1,
            "cannot read none.pem",
        ),
        (
            &["--tls-cert", "cert.pem", "--tls-key", "cert.pem"],
            1,
            "holds no private key",
        ),
        (
            &[
                "--domain",
                "a.example",
                "--acme-root",
                "key.pem",
                "--http-listen",
                "off",
            ],
            1,
            "(--acme-root) is no certificate",
        ),
    ] {
        let (ended, error) = run_to_end(tablecast(&dir).args(ANY_PORT).args(args));
        assert_eq!(ended, Some(code), "{args:?}: {error}");
        assert!(error.contains(part), "{args:?}: {error}");
    }
}
