//! A table that ended leads to one successor.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Answer, Running, config, say, start, start_on};
use tablecast::MemoryBackend;
use tablecast::core::limits::Rate;
use tablecast_testing::client::Client;
use tablecast_testing::until;

const JSON: &str = "Content-Type: application/json\r\n";

async fn make(server: &Running, body: &Value) -> String {
    let body = body.to_string();
    let made = server.request("POST /session/", JSON, &body).await.json();
    made["id"].as_str().expect("an id").to_owned()
}

async fn again(server: &Running, id: &str) -> Answer {
    let line = format!("POST /session/{id}/again");
    server.request(&line, "", "").await
}

async fn member(server: &Running, id: &str) -> Client {
    let path = format!("/ws/{id}/");
    let mut member = Client::connect_json(server.at, &path).await.unwrap();
    let join = r#"{"join":{"name":"Mina"}}"#;
    member.send_text(join).await.unwrap();
    member
}

/// A room with two dishes, of which the second was decided on.
async fn decided(server: &Running, body: &Value) -> (String, Client) {
    let id = make(server, body).await;
    let mut mina = member(server, &id).await;
    say(&mut mina, json!({"id": 1, "add": {"item": "pizza"}})).await;
    say(&mut mina, json!({"id": 2, "add": {"item": "김치찌개"}})).await;
    let vote = json!({"id": 3, "vote": {"number": 2, "on": true}});
    say(&mut mina, vote).await;
    say(&mut mina, json!({"id": 4, "decide": {"how": "votes"}})).await;
    (id, mina)
}

async fn state(server: &Running, answer: &Answer) -> Value {
    let place = answer.header("location").unwrap();
    server.get(place).await.json()["state"].take()
}

fn dishes(state: &Value) -> Vec<(u64, &str, &str, usize)> {
    let items = state["items"].as_array().unwrap().iter();
    let dish = |item: &'_ Value| {
        (
            item["number"].as_u64().unwrap(),
            item["votes"].as_array().unwrap().len(),
        )
    };
    items
        .map(|item| {
            let (number, votes) = dish(item);
            let text = |name: &str| item[name].as_str().unwrap();
            (number, text("item"), text("name"), votes)
        })
        .collect()
}

#[tokio::test]
async fn a_living_table_leads_to_one_with_its_title_and_dishes_and_no_votes() {
    let server = start(config()).await;
    let (id, mut mina) = decided(&server, &json!({"title": "Friday"})).await;
    // As it is now, not as it was when it was decided.
    say(&mut mina, json!({"id": 5, "add": {"item": "sushi"}})).await;
    let made = again(&server, &id).await;
    assert_eq!(made.status, 201, "{made:?}");
    let next = state(&server, &made).await;
    assert_eq!(next["title"], "Friday");
    assert_eq!(next["decision"], Value::Null);
    let expected = [
        (1, "pizza", "Mina", 0),
        (2, "김치찌개", "Mina", 0),
        (3, "sushi", "Mina", 0),
    ];
    assert_eq!(dishes(&next), expected);

    // Whoever says it later gets the same room, with what happened in it since.
    let successor = made.json()["id"].as_str().unwrap().to_owned();
    let mut lee = member(&server, &successor).await;
    say(&mut lee, json!({"id": 1, "add": {"item": "soup"}})).await;
    say(
        &mut lee,
        json!({"id": 2, "vote": {"number": 1, "on": true}}),
    )
    .await;
    let line = format!("POST /session/{id}/again/");
    let body = r#"{"title": "another", "minutes": 5}"#;
    let there = server.request(&line, JSON, body).await;
    assert_eq!(there.status, 200, "{there:?}");
    assert_eq!(there.json()["id"], successor.as_str());
    assert_eq!(there.json()["ttl_ms"], made.json()["ttl_ms"]);
    let next = state(&server, &there).await;
    assert_eq!((&next["title"], dishes(&next).len()), (&json!("Friday"), 4));
    // And that one leads to another.
    let third = again(&server, &successor).await;
    assert_eq!(third.status, 201);
    assert_ne!(third.json()["id"], id.as_str());
}

#[tokio::test]
async fn a_table_that_has_ended_leads_to_one_by_its_result() {
    let mut brief = config();
    // Long enough for the steps before its end, on a busy machine.
    brief.hub.room_ttl = Duration::from_secs(3);
    let server = start(brief).await;
    let (id, mut mina) = decided(&server, &json!({"title": "Friday"})).await;
    let undecided = make(&server, &json!({})).await;
    while mina.next_json().await.is_ok() {}
    let gone = async || server.get(&format!("/session/{undecided}/")).await.status;
    until("the other has ended too", gone, |status| *status == 404).await;

    let line = format!("POST /session/{id}/again/");
    let body = r#"{"minutes": 60, "title": "another"}"#;
    let made = server.request(&line, JSON, body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["ttl_ms"], 3_600_000);
    let next = state(&server, &made).await;
    assert_eq!(next["title"], "Friday");
    let expected = [(1, "pizza", "Mina", 0), (2, "김치찌개", "Mina", 0)];
    assert_eq!(dishes(&next), expected);
    // What nobody knows any more is as the first who asks remembers it: for all the same.
    let line = format!("POST /session/{undecided}/again/");
    let wrong = r#"{"menu": [{"item": "pizza"}]}"#;
    let refused = server.request(&line, JSON, wrong).await;
    assert_eq!(refused.status, 400);
    assert!(refused.body.contains("menu"), "{refused:?}");
    for nothing in [&*undecided, "unknown", "no%20id"] {
        let refused = again(&server, nothing).await;
        assert_eq!(
            (refused.status, refused.code().as_str()),
            (404, "not_found")
        );
    }
    let menu = json!([
        {"item": "pizza", "name": "Mina", "number": 7, "votes": 2},
        {"item": " ", "name": "Mina"},
        {"item": "soup", "name": "\u{202e}"},
    ]);
    let body = json!({"title": "Monday", "menu": menu}).to_string();
    let made = server.request(&line, JSON, &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    let other = json!({"title": "Tuesday", "menu": []}).to_string();
    let there = server.request(&line, JSON, &other).await;
    assert_eq!(
        (there.status, &there.json()["id"]),
        (200, &made.json()["id"])
    );
    let next = state(&server, &there).await;
    assert_eq!(next["title"], "Monday");
    assert_eq!(dishes(&next), [(1, "pizza", "Mina", 0)]);
}

/// A new room of its id would have deleted its result.
#[tokio::test]
async fn where_the_next_table_has_ended_too_its_result_stays_and_another_follows() {
    let mut brief = config();
    // Long enough for the steps before its end, on a busy machine.
    brief.hub.room_ttl = Duration::from_secs(3);
    let server = start(brief).await;
    let (id, _mina) = decided(&server, &json!({"title": "Friday"})).await;
    let made = again(&server, &id).await;
    assert_eq!(made.status, 201, "{made:?}");
    let next = made.json()["id"].as_str().unwrap().to_owned();
    let mut lee = member(&server, &next).await;
    say(&mut lee, json!({"id": 1, "add": {"item": "soup"}})).await;
    say(
        &mut lee,
        json!({"id": 2, "vote": {"number": 3, "on": true}}),
    )
    .await;
    say(&mut lee, json!({"id": 3, "decide": {"how": "votes"}})).await;
    let path = format!("/session/{next}/result/");
    let result = server.get(&path).await.json();
    while lee.next_json().await.is_ok() {}
    let place = format!("/session/{next}/");
    let gone = async || server.get(&place).await.status;
    until("the next one has ended", gone, |status| *status == 404).await;

    let body = r#"{"minutes": 60}"#;
    let line = format!("POST /session/{id}/again/");
    let third = server.request(&line, JSON, body).await;
    assert_eq!(server.get(&path).await.json(), result);
    assert_eq!(third.status, 201, "{third:?}");
    assert_eq!(dishes(&state(&server, &third).await).len(), 3);
    for old in [&id, &next] {
        let there = again(&server, old).await;
        assert_eq!(
            (there.status, &there.json()["id"]),
            (200, &third.json()["id"])
        );
    }
}

#[tokio::test]
async fn all_who_say_it_at_once_on_two_nodes_get_one_room() {
    let store = MemoryBackend::new();
    let other = store.another_node();
    let here = start_on(config(), Arc::new(store)).await;
    let there = start_on(config(), Arc::new(other)).await;
    let id = make(&here, &json!({})).await;
    let both = [&here, &there].into_iter().cycle().take(10);
    let answers = futures_util::future::join_all(both.map(|node| again(node, &id))).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1, "{answers:?}");
    let ids: Vec<Value> = answers
        .iter()
        .map(|answer| answer.json()["id"].clone())
        .collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{answers:?}");
}

#[tokio::test]
async fn what_is_not_allowed_for_a_new_room_is_not_allowed_for_this_one() {
    let mut config = config();
    config.miss_rate = Rate {
        per_second: 0.001,
        burst: 20,
    };
    let server = start(config).await;
    let id = make(&server, &json!({})).await;
    let line = format!("POST /session/{id}/again/");
    let refused = server.request(&line, JSON, r#"{"minutes": 0}"#).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (400, "bad_request")
    );
    let foreign = "Origin: https://evil.example\r\n";
    let refused = server.request(&line, foreign, "").await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "foreign_origin")
    );
    let guess = async || again(&server, "nobody").await;
    let limited = until("it is counted", guess, |answer| answer.status != 404).await;
    assert_eq!(
        (limited.status, limited.code().as_str()),
        (429, "rate_limited")
    );
}
