//! Who came, who was kept out and who went.

use super::*;

#[tokio::test]
async fn why_mina_was_cut_is_one_request() {
    let mut config = unhurried();
    config.hub.connection.outbox.bytes = 32 * 1024;
    config.hub.seats = 2;
    let (server, operators) = managed(config).await;
    let room = server.room().await;
    let path = format!("/ws/{room}/");

    // She reads nothing.
    let connect = Connect::to(server.at, &path).protocol("tablecast.v1");
    let mut slow = connect.receive_buffer(4096).open().await.unwrap();
    let first = r#"{"join":{"name":"Mina"}}"#;
    slow.send_text(first).await.unwrap();
    operators.visit("name=Mina").await;
    let mut jun = join(&server, &room, "Jun").await;
    let titles = ["가".repeat(60), "나".repeat(60)];
    let closes = || server.hub.metrics().closes.all().into_iter();
    let cut = || closes().any(|(code, count)| code == 4413 && count > 0);
    for (id, title) in (1..).zip(titles.iter().cycle()) {
        say(&mut jun, json!({ "id": id, "title": { "title": title } })).await;
        if cut() {
            break;
        }
    }
    let visit = operators.visit("name=mina&code=4413").await;
    assert_eq!(visit["what"], "closed", "{visit}");
    assert_eq!(visit["reason"], "reading too slowly");
    assert_eq!(
        (&visit["room"], &visit["name"]),
        (&json!(room), &json!("Mina"))
    );
    assert_eq!(
        (&visit["member"], &visit["dialect"]),
        (&json!("1"), &json!("json"))
    );
    assert_eq!(
        (&visit["address"], &visit["transport"]),
        (&json!("127.0.0.1"), &json!("websocket"))
    );
    assert!(visit["lasted_ms"].is_u64() && visit["at"].as_u64().unwrap() > 1_000_000_000_000);
    let before = visit["at"].as_u64().unwrap() - 1;
    let earlier = format!("/api/visits?name=Mina&until={before}&code=4413");
    let none = operators.see(&earlier, REVEAL);
    assert_eq!(none.await["visits"], json!([]));

    // The seat of who was cut is kept, so this room is full.
    let mut late = Client::connect_json(server.at, &path).await.unwrap();
    late.send_text(r#"{"join":{"name":"Bora"}}"#).await.unwrap();
    assert_eq!(late.closed().await.unwrap(), 4403);
    let visit = operators.visit("code=room_full").await;
    assert_eq!(
        (&visit["what"], &visit["reason"]),
        (&json!("refused"), &json!("room full"))
    );
    assert_eq!(server.handshake(&path, "").await.status, 403);
    let text = operators.visit("code=room_full").await;
    assert_eq!(
        (&text["dialect"], &text["member"]),
        (&json!("text"), &Value::Null)
    );

    let mut again = Client::connect_json(server.at, &path).await.unwrap();
    again.send_text(r#"{"join":{"watch":true}}"#).await.unwrap();
    again.next_json().await.unwrap();
    let watching = operators.visit("room=").await;
    assert_eq!(watching["what"], "watching");
    again.send_close(1001).await.unwrap();
    let left = operators.visit("code=1001").await;
    assert_eq!(left["reason"], "the client closed it");

    let origin = format!("{UPGRADE}Origin: https://evil.example\r\n");
    server.request(&format!("GET {path}"), &origin, "").await;
    let foreign = operators.visit("code=foreign_origin").await;
    assert_eq!(
        (&foreign["what"], &foreign["room"]),
        (&json!("refused"), &json!(room))
    );

    let dismiss = format!("/api/rooms/{room}/dismiss");
    let answer = operators.post(&dismiss, r#"{"member":"2"}"#);
    assert_eq!(answer.await.status, 200);
    assert_eq!(jun.closed().await.unwrap(), 4411);
    let kicked = operators.visit("member=2&code=4411").await;
    assert_eq!(
        (&kicked["name"], &kicked["reason"]),
        (&json!("Jun"), &json!("asked to leave"))
    );
}

#[tokio::test]
async fn refusals_before_the_hub_and_connections_that_break_off_are_remembered_too() {
    let mut config = config();
    config.join_rate = Rate {
        per_second: 0.001,
        burst: 1,
    };
    let (server, operators) = managed(config).await;
    let room = server.room().await;
    let (mina, hello) = enter(&server, &room, json!({ "join": { "name": "Mina" } })).await;
    assert_eq!(
        server.handshake(&format!("/ws/{room}/"), "").await.status,
        429
    );
    let limited = operators.visit("code=rate_limited").await;
    assert_eq!(limited["what"], "refused");
    assert!(
        limited["reason"].as_str().unwrap().contains("too many"),
        "{limited}"
    );
    mina.reset().unwrap();
    let broken = operators.visit("code=1006").await;
    assert_eq!(broken["reason"], "the connection broke off");
    assert_eq!(broken["member"], hello["you"].to_string());
    // What somebody takes for an id is cut.
    let long = "x".repeat(5000);
    server
        .handshake(&format!("/ws/{long}/"), "Origin: https://evil.example\r\n")
        .await;
    let visit = operators.visit("code=foreign_origin").await;
    assert_eq!(visit["room"].as_str().unwrap().len(), 64);
    let all = operators.get("/api/visits").await;
    assert_eq!(all["oldest_refusal_at"], limited["at"], "{all}");
    assert!(all["oldest_at"].as_u64() <= limited["at"].as_u64(), "{all}");
}

/// A member who comes back, and has another name then.

#[tokio::test]
async fn a_visit_is_found_by_the_name_that_somebody_had_in_the_end() {
    let (server, operators) = managed(config()).await;
    let room = server.room().await;
    let (mut mina, hello) = enter(&server, &room, json!({ "join": {} })).await;
    say(
        &mut mina,
        json!({ "id": 1, "rename": { "name": "Mina", "colour": 1 } }),
    )
    .await;
    let resume = json!({ "resume": { "seat": hello["seat"] } });
    let (_again, _) = enter(&server, &room, resume).await;
    let taken = operators.visit("name=mina&code=4409").await;
    assert_eq!(
        (&taken["what"], &taken["member"]),
        (&json!("closed"), &json!("1"))
    );
    let all = operators.see("/api/visits?name=MINA", REVEAL).await;
    let what: Vec<&str> = all["visits"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["what"].as_str().unwrap())
        .collect();
    assert!(
        what.contains(&"resumed") && !what.contains(&"joined"),
        "{all}"
    );
    let first = operators
        .get(&format!("/api/visits?room={room}&limit=1000"))
        .await;
    assert_eq!(
        first["visits"].as_array().unwrap().last().unwrap()["what"],
        "joined"
    );
    assert!(first["oldest_at"].is_u64());
}
