//! The program itself: where operators come, its log, and its end.

use super::*;

fn started(options: &[&str]) -> Process {
    let mut command = program(env!("CARGO_BIN_EXE_tablecast"));
    command
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .args(["--store", "memory"])
        .args(options);
    Process::start(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_asked_to_drain_tells_its_members_and_ends_well() {
    let mut server = started(&[]);
    server.until_ready();
    let line = async || {
        server.said().lines().find_map(|line| {
            line.strip_prefix("operators:    http://")
                .map(str::to_owned)
        })
    };
    let address = until("it says where operators come", line, Option::is_some)
        .await
        .unwrap();
    let operators = Operators(address.trim_end_matches('/').parse().unwrap());
    let request = "POST /session/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
    let made = support::Client::to(server.address())
        .await
        .ask(request)
        .await
        .json();
    let url = made["url"].as_str().unwrap();
    let mut mina = Client::connect(server.address(), url).await.unwrap();
    let node = async || operators.get("/api/node").await;
    until("a connection is open", node, |node| {
        node["connections"] == 1
    })
    .await;
    let asked = operators.post("/api/drain", "{}").await;
    assert_eq!((asked.status, asked.json()), (200, json!({})));
    assert_eq!(mina.closed().await.unwrap(), 1012);
    assert_eq!(server.exit_code().await, Some(0));
    assert!(
        server
            .log()
            .contains("an operator asked this server to end")
    );
}

#[tokio::test]
async fn an_operator_who_sees_what_people_said_is_in_the_log_with_the_reason() {
    let server = started(&["--log-format", "json"]);
    server.logs("listening for operators").await;
    let log = server.log();
    let line = log
        .lines()
        .find(|line| line.contains("listening for operators"))
        .unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    let operators = Operators(line["fields"]["address"].as_str().unwrap().parse().unwrap());
    operators
        .see(
            "/api/visits?room=r",
            "Tablecast-Reveal: %EB%AF%B8%EB%82%98\r\n",
        )
        .await;
    server.logs("an operator sees what people said").await;
    assert!(server.log().contains("미나"), "{}", server.log());
}
