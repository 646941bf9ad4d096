//! What is shown of rooms, and what of that is hidden.

use super::*;

/// All that an operator can ask of a room.
async fn everything(operators: &Operators, room: &str, headers: &str) -> (String, Vec<Value>) {
    let one = format!("/api/rooms/{room}");
    let history = operators.see(&format!("{one}/history"), headers).await;
    let newest = history["events"].as_array().unwrap().last().unwrap()["seq"]
        .as_u64()
        .unwrap();
    let mut all = vec![
        operators.see("/api/node", headers).await,
        operators.see("/api/rooms", headers).await,
        operators.see(&one, headers).await,
        history,
        operators
            .see(&format!("/api/visits?room={room}"), headers)
            .await,
    ];
    let mut steps = Vec::new();
    for seq in 0..=newest {
        steps.push(
            operators
                .see(&format!("{one}/history?at={seq}"), headers)
                .await,
        );
    }
    all.extend(steps.iter().cloned());
    (Value::from(all).to_string(), steps)
}

#[tokio::test]
async fn words_are_shown_for_a_reason_and_hidden_votes_never() {
    let (server, operators) = managed(config()).await;
    let room = make(&server, r#"{"title":"Zunftessen","hidden_votes":true}"#).await;
    let mut mina = join(&server, &room, "Mina").await;
    let mut jun = join(&server, &room, "Jun").await;
    for command in [
        json!({ "id": 1, "add": { "item": "bibimbap" } }),
        json!({ "id": 2, "add": { "item": "naengmyeon" } }),
        json!({ "id": 3, "vote": { "number": 2, "on": true } }),
        json!({ "id": 4, "rename": { "name": "Mina Kim", "colour": 3 } }),
        json!({ "id": 5, "remove": { "number": 1 } }),
    ] {
        say(&mut mina, command).await;
    }
    say(
        &mut jun,
        json!({ "id": 1, "vote": { "number": 2, "on": true } }),
    )
    .await;
    const WORDS: [&str; 6] = ["Zunftessen", "Mina", "Jun", "Kim", "bibimbap", "naengmyeon"];
    let (hidden, _) = everything(&operators, &room, "").await;
    for word in WORDS {
        assert!(!hidden.contains(word), "{word} is in {hidden}");
    }
    assert!(hidden.contains("(hidden)"));
    let (shown, steps) = everything(&operators, &room, REVEAL).await;
    for word in WORDS {
        assert!(shown.contains(word), "{word} is not in {shown}");
    }
    for answers in [&hidden, &shown] {
        // An event of a vote says this, unless it is hidden; and so does nothing else here.
        assert!(!answers.contains("\"on\""), "{answers}");
        assert!(answers.contains(r#"{"voted":{"any":true,"hidden":true}}"#));
        assert!(!answers.contains("token") && !answers.contains("person_id"));
    }
    for step in steps {
        let items = step["state"]["items"].as_array().unwrap();
        assert!(
            items.iter().all(|item| item["votes"] == json!([])),
            "{step}"
        );
    }
    // A decision shows all votes, but what was said before stays hidden.
    say(&mut mina, json!({ "id": 6, "decide": { "how": "votes" } })).await;
    let (decided, steps) = everything(&operators, &room, REVEAL).await;
    assert!(!decided.contains("\"on\""), "{decided}");
    let last = steps.last().unwrap();
    assert_eq!(last["state"]["items"][0]["votes"], json!([1, 2]), "{last}");
    let (hidden, _) = everything(&operators, &room, "").await;
    assert!(WORDS.iter().all(|word| !hidden.contains(word)), "{hidden}");
}

#[tokio::test]
async fn a_room_is_shown_with_its_connections_and_each_step_of_its_history() {
    let mut config = unhurried();
    config.hub.connection.ping_interval = Duration::from_millis(300);
    config.hub.connection.pong_timeout = Duration::from_secs(3600);
    let (server, operators) = managed(config).await;
    // One that is not open here is read, and not opened.
    let room = make(&server, r#"{"title":"Monday"}"#).await;
    let one = format!("/api/rooms/{room}");
    let closed = operators.get(&one).await;
    assert_eq!(
        (&closed["opened_at"], &closed["connections_here"]),
        (&Value::Null, &json!([]))
    );
    assert_eq!(closed["position"]["seq"], 0);
    assert_eq!(operators.get("/api/node").await["rooms"], 0);
    assert_eq!(operators.get("/api/rooms").await["rooms"], json!([]));

    let mut mina = join(&server, &room, "Mina").await;
    let text = Client::connect(server.at, &format!("/ws/{room}/"))
        .await
        .unwrap();
    say(&mut mina, json!({ "id": 1, "add": { "item": "soup" } })).await;
    let reading = tokio::spawn(async move { while mina.next_text().await.is_ok() {} });
    let seen = async || operators.see(&one, REVEAL).await;
    let measured = |seen: &Value| {
        seen["connections_here"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["round_trip_ms"].is_f64())
    };
    let seen = until("a ping was answered", seen, measured).await;
    assert_eq!(seen["members"], 2);
    let seats = seen["seats"].as_array().unwrap();
    assert_eq!(
        (&seats[0]["name"], &seats[0]["member"]),
        (&json!("Mina"), &json!("1"))
    );
    assert_eq!(
        (&seats[0]["here"], &seats[0]["person"]),
        (&json!(true), &json!(false))
    );
    let node = operators.get("/api/node").await;
    assert_eq!(seats[0]["node"], node["node"]);
    let connections = seen["connections_here"].as_array().unwrap();
    let of = |member: &str| {
        connections
            .iter()
            .find(|one| one["member"] == member)
            .unwrap()
    };
    assert_eq!(
        (&of("1")["dialect"], &of("2")["dialect"]),
        (&json!("json"), &json!("text"))
    );
    assert_eq!(
        of("1")["outbox"],
        json!({ "frames": 0, "bytes": 0, "oldest_ms": null })
    );
    assert_eq!(of("1")["address"], "127.0.0.1");
    assert!(of("1")["since"].as_u64() >= node["started_at"].as_u64());
    assert_eq!(seen["state"]["items"][0]["item"], "soup");

    let history = operators.see(&format!("{one}/history"), REVEAL).await;
    assert_eq!(
        (&history["from"]["seq"], &history["from"]["state"]["title"]),
        (&json!(0), &json!("Monday"))
    );
    let events = history["events"].as_array().unwrap();
    assert_eq!(events[0]["event"]["joined"]["name"], "Mina");
    assert_eq!(
        (&events[2]["event"]["added"]["item"], &events[2]["by"]),
        (&json!("soup"), &json!(1))
    );
    for (seq, items) in [(0, 0), (2, 0), (3, 1)] {
        let step = operators
            .see(&format!("{one}/history?at={seq}"), REVEAL)
            .await;
        assert_eq!(
            step["state"]["items"].as_array().unwrap().len(),
            items,
            "{step}"
        );
        assert_eq!(step["position"]["seq"], seq);
        assert_eq!(step["event"].is_null(), seq == 0);
    }
    let found = operators
        .get(&format!("/api/rooms?search={}", &room[9..14]))
        .await;
    assert_eq!(
        (&found["rooms"][0]["id"], &found["open"]),
        (&json!(room), &json!(1))
    );
    assert_eq!(
        operators.get("/api/rooms?search=nowhere").await["rooms"],
        json!([])
    );

    let closed = operators.post(&format!("{one}/close"), "{}").await;
    assert_eq!(closed.status, 200, "{closed:?}");
    let visit = operators.visit("code=4412&member=2").await;
    assert_eq!(visit["reason"], "room closed");
    drop(text);
    reading.await.unwrap();
}

/// The store keeps one state in so many events: what is older has none, and says so.

#[tokio::test]
async fn a_step_before_the_oldest_state_has_no_state() {
    let (server, operators) = managed(unhurried()).await;
    let room = server.room().await;
    let mut mina = join(&server, &room, "Mina").await;
    for id in 1..=300 {
        say(
            &mut mina,
            json!({ "id": id, "title": { "title": format!("{id}") } }),
        )
        .await;
    }
    let history = operators.get(&format!("/api/rooms/{room}/history")).await;
    let events = history["events"].as_array().unwrap();
    assert_eq!(events.len(), 256);
    let (first, from) = (
        events[0]["seq"].as_u64().unwrap(),
        history["from"]["seq"].as_u64().unwrap(),
    );
    assert!(first < from && from < 301, "{first} {from}");
    let at = async |seq: u64| {
        operators
            .see(&format!("/api/rooms/{room}/history?at={seq}"), REVEAL)
            .await
    };
    assert_eq!(at(first).await["state"], Value::Null);
    assert!(at(first).await["event"].is_object());
    for seq in [from, 301] {
        assert_eq!(at(seq).await["state"]["title"], (seq - 1).to_string());
    }
    for unknown in [first - 1, 302] {
        let path = format!("GET /api/rooms/{room}/history?at={unknown}");
        let answer = operators.ask(&path, "", "").await;
        assert_eq!((answer.status, &*answer.code()), (404, "not_found"));
        assert!(
            answer.body.contains(&format!("from {first} to 301")),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn rooms_are_listed_in_pages() {
    let (server, operators) = managed(config()).await;
    let mut members = Vec::new();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let room = server.room().await;
        members.push(join(&server, &room, "Mina").await);
        ids.push(room);
    }
    ids.sort_unstable();
    let (mut found, mut after) = (Vec::new(), String::new());
    loop {
        let page = operators
            .get(&format!("/api/rooms?limit=2&after={after}"))
            .await;
        assert_eq!(page["open"], 5);
        let rooms = page["rooms"].as_array().unwrap();
        assert!(
            rooms
                .iter()
                .all(|room| room["connections"] == 1 && room["members"] == 1)
        );
        found.extend(
            rooms
                .iter()
                .map(|room| room["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => break,
        }
    }
    assert_eq!(found, ids);
}

#[tokio::test]
async fn each_of_two_nodes_shows_its_own_connections_and_the_seats_say_the_node() {
    let redis = RedisServer::start(&[]);
    let open = || Arc::new(redis_backend(&redis.url()));
    let (here, at) = start_managed(config(), open()).await;
    let (there, other) = start_managed(config(), open()).await;
    let [at, other] = [at, other].map(Operators);
    let room = here.room().await;
    let _mina = join(&here, &room, "Mina").await;
    let _jun = join(&there, &room, "Jun").await;
    let one = format!("/api/rooms/{room}");
    let both = async || [at.get(&one).await, other.get(&one).await];
    let is_level = |both: &[Value; 2]| both.iter().all(|seen| seen["members"] == 2);
    let both = until("both nodes know both members", both, is_level).await;
    let nodes = [&at, &other].map(async |node| node.get("/api/node").await["node"].clone());
    let [first, second] = nodes;
    let nodes = [first.await, second.await];
    for (seen, member) in both.iter().zip(["1", "2"]) {
        let connections = seen["connections_here"].as_array().unwrap();
        assert_eq!(connections.len(), 1, "{seen}");
        assert_eq!(connections[0]["member"], member);
        let seats = [&seen["seats"][0]["node"], &seen["seats"][1]["node"]];
        assert_eq!(seats, [&nodes[0], &nodes[1]], "{seen}");
    }
    let elsewhere = at.see("/api/visits?name=Jun", REVEAL).await;
    assert_eq!(elsewhere["visits"], json!([]), "the other node remembers");
}
