//! Making rooms with settings of their own, looking at them, and at what they leave.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use support::{Answer, Running, config, redis_backend, say, start, start_on};
use tablecast::MemoryBackend;
use tablecast::core::backend::{Commit, NewKeepsake};
use tablecast::core::limits::Rate;
use tablecast::core::stored::Record;
use tablecast::core::{Backend, Forms};
use tablecast_testing::client::Client;
use tablecast_testing::redis::RedisServer;
use tablecast_testing::until;

const JSON: &str = "Content-Type: application/json\r\n";

async fn make(server: &Running, body: &Value) -> Answer {
    let body = body.to_string();
    server.request("POST /session/", JSON, &body).await
}

/// The room's own address.
async fn made(server: &Running, body: &Value) -> String {
    let made = make(server, body).await;
    assert_eq!(made.status, 201, "{body}: {made:?}");
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    format!("/session/{id}")
}

async fn member(server: &Running, room: &str) -> Client {
    let id = room.trim_start_matches("/session/");
    let path = format!("/ws/{id}/");
    let mut member = Client::connect_json(server.at, &path).await.unwrap();
    member
        .send_text(r#"{"join":{"name":"Mina"}}"#)
        .await
        .unwrap();
    member
}

#[tokio::test]
async fn a_room_has_the_title_and_the_lifetime_it_was_made_with() {
    let server = start(config()).await;
    for (body, title, minutes) in [
        (json!({}), Value::Null, 10),
        (json!({"title": null, "minutes": null}), Value::Null, 10),
        (json!({"title": " 점심 "}), json!("점심"), 10),
        (json!({"minutes": 1}), Value::Null, 1),
        (json!({"minutes": 30.0}), Value::Null, 30),
        // What a newer client may say, an older server takes.
        (json!({"seats": 5, "logo": {"a": [1]}}), Value::Null, 10),
        (
            json!({"title": "Friday", "minutes": 1440}),
            json!("Friday"),
            1440,
        ),
    ] {
        let answer = make(&server, &body).await;
        assert_eq!(answer.status, 201, "{body}: {answer:?}");
        let made = answer.json();
        let shown = server.get(answer.header("location").unwrap()).await.json();
        assert_eq!(shown["state"]["title"], title, "{body}");
        for room in [&made, &shown] {
            let number = |name: &str| room[name].as_u64().unwrap();
            assert_eq!(number("ttl_ms"), minutes * 60_000, "{body}");
        }
        let number = |name: &str| made[name].as_u64().unwrap();
        assert_eq!(
            number("expires_at") - number("now"),
            number("ttl_ms"),
            "{body}"
        );
    }
}

/// All of it is seen by everybody, but who the host is only when they are there.
#[tokio::test]
async fn a_room_has_the_rules_the_deadline_and_the_host_it_was_made_with() {
    let server = start(config()).await;
    let key = "0123456789abcdef0123456789abcdef";
    let body = json!({"person": key, "decide_in": 1.5, "hidden_votes": true, "votes_each": 3});
    // A server that has just started does not know the store's clock yet.
    let ask = async || make(&server, &body).await;
    let answer = until("it is made", ask, |answer| answer.status != 503).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let shown = server.get(answer.header("location").unwrap()).await;
    assert!(!shown.body.contains(key), "{shown:?}");
    let (shown, made) = (shown.json(), answer.json());
    let rules = json!({"hidden_votes": true, "votes_each": 3});
    assert_eq!(shown["state"]["rules"], rules);
    assert!(shown["state"].get("host").is_none(), "{shown}");
    let number = |value: &Value| value.as_u64().unwrap();
    let at = number(&shown["state"]["deadline"]["at"]);
    let ahead = at.abs_diff(number(&made["now"]) + 90_000);
    assert!(ahead <= 60_000, "{ahead} ms");

    let path = made["url"].as_str().unwrap();
    let mut mina = Client::connect_json(server.at, path).await.unwrap();
    let join = json!({"join": {"person": key}}).to_string();
    mina.send_text(&join).await.unwrap();
    let hello = mina.next_json().await.unwrap();
    assert_eq!(hello["hello"]["state"]["host"], hello["hello"]["you"]);

    let by_time = make(&server, &json!({"decide_at": at})).await;
    let shown = server.get(by_time.header("location").unwrap()).await;
    assert_eq!(shown.json()["state"]["deadline"], json!({"at": at}));
}

/// Not only at first: each sign of life gives it as much again.
/// A node that has just started takes others for older ones, until its lease tells.
#[tokio::test(flavor = "multi_thread")]
async fn while_an_older_server_lives_a_room_is_made_without_a_host() {
    let redis = RedisServer::start(&[]);
    let store = redis_backend(&redis.url());
    let older = "older".parse().unwrap();
    let lease = Duration::from_secs(3600);
    store.renew(&older, Forms::FIRST, lease).await.unwrap();
    let mut config = config();
    config.hub.node_lease = lease;
    let server = start_on(config, Arc::new(store)).await;
    // It makes nothing yet that the version before could not read, and then learns of an older one.
    let rules = json!({"hidden_votes": true});
    let make_one = async || make(&server, &rules).await;
    until("it is known", make_one, |made| made.status == 503).await;
    let person = "0123456789abcdef0123456789abcdef";
    let room = made(&server, &json!({"title": "Friday", "person": person})).await;
    let path = room.replace("/session/", "/ws/");
    let path = format!("{path}/");
    let mut member = Client::connect_json(server.at, &path).await.unwrap();
    let join = json!({"join": {"person": person}}).to_string();
    member.send_text(&join).await.unwrap();
    let hello = member.next_json().await.unwrap();
    assert!(hello["hello"]["you"].is_u64(), "{hello}");
    let shown = server.get(&room).await.json();
    assert_eq!(shown["state"]["title"], "Friday");
    assert_eq!(shown["state"].get("host"), None);

    let path = format!("POST {room}/again/");
    let body = json!({"person": person}).to_string();
    let next = server.request(&path, JSON, &body).await;
    assert_eq!(next.status, 201, "{next:?}");
    // What else an older server could not read is what was asked for.
    for body in [
        json!({"hidden_votes": true}),
        json!({"hidden_votes": true, "person": person}),
    ] {
        let refused = make(&server, &body).await;
        assert_eq!((refused.status, refused.code().as_str()), (503, "not_yet"));
    }
}

#[tokio::test]
async fn a_room_lives_on_for_its_own_lifetime() {
    let server = start(config()).await;
    let room = made(&server, &json!({"minutes": 60})).await;
    let mut mina = member(&server, &room).await;
    let hello = mina.next_json().await.unwrap();
    assert_eq!(hello["hello"]["ttl_ms"], 3_600_000);
    let begin = hello["hello"]["now"].as_u64().unwrap();
    say(&mut mina, json!({"id": 1, "add": {"item": "pizza"}})).await;
    let event = mina.next_json().await.unwrap();
    let expires_at = event["event"]["expires_at"].as_u64().unwrap();
    assert!(expires_at >= begin + 3_600_000, "{event}");
}

#[tokio::test]
async fn a_setting_that_is_not_allowed_is_named_with_what_is() {
    let server = start(config()).await;
    // The latest deadline that there is, as soon as the store's clock is known.
    let latest = json!({"decide_in": 1439});
    let make_it = async || make(&server, &latest).await.status;
    until("the clock is known", make_it, |status| *status == 201).await;
    let long = "x".repeat(100);
    let short = "x".repeat(61);
    for (body, code, named) in [
        (json!({"minutes": 0}), "bad_request", "from 1 to 1440"),
        (
            json!({"minutes": 1441}),
            "bad_request",
            "\"minutes\" is 1441",
        ),
        (json!({"minutes": -1}), "bad_request", "is -1,"),
        (json!({"minutes": 1.5}), "bad_request", "is 1.5,"),
        (json!({"minutes": "10"}), "bad_request", "whole number"),
        (json!({"minutes": [1]}), "bad_request", "is [1],"),
        (
            json!({"minutes": u64::MAX}),
            "bad_request",
            "from 1 to 1440",
        ),
        (
            json!({"title": 5}),
            "bad_request",
            "must be a string, or null",
        ),
        (
            json!({"title": {"a": long}}),
            "bad_request",
            "\"title\" is {",
        ),
        (json!({"person": "ABC"}), "bad_request", "\"person\" is"),
        (json!({"person": 1}), "bad_request", "32 lower-case hex"),
        (json!({"hidden_votes": 1}), "bad_request", "true or false"),
        (json!({"votes_each": 0}), "bad_request", "from 1 to 100"),
        (json!({"votes_each": 101}), "bad_request", "is 101,"),
        (
            json!({"decide_in": 0.5}),
            "bad_request",
            "minutes from 1 to",
        ),
        (json!({"decide_in": 1441}), "bad_request", "is 1441,"),
        // The room lives 1440 minutes, and a minute beyond the deadline.
        (
            json!({"decide_in": 1440}),
            "bad_deadline",
            "at most 1439 minutes",
        ),
        (json!({"decide_in": "1"}), "bad_request", "\"decide_in\" is"),
        (json!({"decide_at": -1}), "bad_request", "milliseconds"),
        (json!({"decide_at": 1}), "bad_deadline", "24 hours"),
        (
            json!({"decide_at": 1, "decide_in": 1}),
            "bad_request",
            "left out where",
        ),
        (json!({"title": ""}), "empty", "the title"),
        (json!({"title": short}), "too_long", "at most 60 characters"),
        (json!({"title": "a\nb"}), "bad_item", "U+000A"),
    ] {
        let answer = make(&server, &body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, code),
            "{body}: {answer:?}"
        );
        let problem = answer.json();
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(named), "{body}: {detail}");
        assert!(detail.len() < 200, "{body}: {detail}");
    }
}

#[tokio::test]
async fn whoever_says_an_unknown_command_is_told_all_that_are_known() {
    let server = start(config()).await;
    let room = made(&server, &json!({})).await;
    let mut member = member(&server, &room).await;
    member.next_json().await.unwrap();
    member.send_text(r#"{"id":1,"fly":{}}"#).await.unwrap();
    let error = member.next_json().await.unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    for named in ["fly", "add", "deadline", "rules", "dismiss", "rename"] {
        assert!(message.contains(&format!("`{named}`")), "{message}");
    }
    // What is unknown here is no command.
    let how = r#"{"id":1,"decide":{"how":"coin"}}"#;
    member.send_text(how).await.unwrap();
    let error = member.next_json().await.unwrap();
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.contains("`coin`") && message.contains("`draw`"),
        "{message}"
    );
    assert!(!message.contains("`rename`"), "{message}");
}

#[tokio::test]
async fn nobody_asks_for_a_longer_life_than_the_operator_allows() {
    let mut hours = config();
    hours.hub.room_max_age = Duration::from_secs(2 * 3600 + 59);
    let server = start(hours).await;
    let answer = make(&server, &json!({"minutes": 121})).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "bad_request")
    );
    assert!(answer.body.contains("from 1 to 120"), "{answer:?}");
    made(&server, &json!({"minutes": 120})).await;

    let mut moment = config();
    moment.hub.room_max_age = Duration::from_secs(30);
    let server = start(moment).await;
    let answer = make(&server, &json!({"minutes": 1})).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "bad_request")
    );
    assert!(
        answer.body.contains("left out on this server"),
        "{answer:?}"
    );
    // And it is not lived longer by what the server sets for all.
    let made = make(&server, &json!({})).await.json();
    assert_eq!(made["ttl_ms"], 30_000);
}

#[tokio::test]
async fn what_was_decided_can_be_read_while_the_room_lives_and_after_it() {
    let mut brief = config();
    // Long enough for the steps before its end, on a busy machine.
    brief.hub.room_ttl = Duration::from_secs(3);
    let server = start(brief).await;
    let room = made(&server, &json!({"title": "Friday"})).await;
    let undecided = server.get(&format!("{room}/result/")).await;
    let mut mina = member(&server, &room).await;
    mina.next_json().await.unwrap();
    say(&mut mina, json!({"id": 1, "add": {"item": "pizza"}})).await;
    say(&mut mina, json!({"id": 2, "add": {"item": "김치찌개"}})).await;
    say(
        &mut mina,
        json!({"id": 3, "vote": {"number": 2, "on": true}}),
    )
    .await;
    say(&mut mina, json!({"id": 4, "decide": {"how": "votes"}})).await;
    let shown = server.get(&format!("{room}/")).await.json();
    // What comes after it is no part of it.
    say(&mut mina, json!({"id": 5, "add": {"item": "sushi"}})).await;

    let living = server.get(&format!("{room}/result/")).await;
    assert_eq!(living.status, 200, "{living:?}");
    let result = living.json();
    assert_eq!(
        result["decision"], shown["state"]["decision"],
        "as members see it"
    );
    assert_eq!(result["decision"]["winner"]["item"], "김치찌개");
    assert_eq!(result["id"], shown["id"]);
    assert_eq!(result["title"], "Friday");
    let menu = result["menu"].as_array().unwrap();
    let items: Vec<&Value> = menu.iter().map(|candidate| &candidate["item"]).collect();
    assert_eq!(items, ["pizza", "김치찌개"]);
    let number = |name: &str| result[name].as_u64().unwrap();
    let week = 7 * 24 * 3600 * 1000;
    assert_eq!(number("kept_until") - number("decided_at"), week);
    assert!(number("decided_at") <= shown["now"].as_u64().unwrap());

    while mina.next_json().await.is_ok() {}
    let expired = server.get(&format!("{room}/")).await;
    assert_eq!(
        (expired.status, expired.code().as_str()),
        (404, "not_found")
    );
    let later = server.get(&format!("{room}/result")).await;
    assert_eq!((later.status, later.json()), (200, result));
    // One answer for every result that is not there, and it is true of each.
    let unknown = server.get("/session/nobody/result").await;
    assert_eq!((undecided.status, &undecided.body), (404, &unknown.body));
    assert!(
        unknown
            .body
            .contains("nothing was decided in this room, or")
    );
}

#[tokio::test]
async fn a_result_whose_time_is_over_is_not_found() {
    let mut config = config();
    config.hub.keepsake_ttl = Duration::from_millis(500);
    let server = start(config).await;
    let room = made(&server, &json!({})).await;
    let mut mina = member(&server, &room).await;
    say(&mut mina, json!({"id": 1, "add": {"item": "pizza"}})).await;
    say(&mut mina, json!({"id": 2, "decide": {"how": "votes"}})).await;
    let result = async || server.get(&format!("{room}/result/")).await;
    let over = until("it is over", result, |answer| answer.status != 200).await;
    assert_eq!((over.status, over.code().as_str()), (404, "not_found"));
    assert_eq!(server.get(&room).await.status, 200, "the room lives");
}

/// Looking at results is bounded as looking at rooms is, so that none is guessed.
#[tokio::test]
async fn results_that_are_not_there_are_counted_as_unknown_rooms() {
    let mut config = config();
    config.miss_rate = Rate {
        per_second: 0.001,
        burst: 100,
    };
    let server = start(config).await;
    let look = async || server.get("/session/nobody/result/").await;
    let answer = until("it is counted", look, |answer| answer.status != 404).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(answer.code(), "rate_limited");
}

/// A result may have been stored by a version that knew other fields.
#[tokio::test]
async fn a_result_is_shown_as_it_was_stored_and_damage_is_told_as_a_fault() {
    let store = MemoryBackend::new();
    let server = start_on(config(), Arc::new(store.another_node())).await;
    let room = made(&server, &json!({})).await;
    let id = room.trim_start_matches("/session/").parse().unwrap();
    let keep = async |what: &'static str| {
        let expected = store.load(&id, None).await.unwrap().unwrap().position;
        let what = Record::from(Bytes::from_static(what.as_bytes()));
        let commit = Commit {
            expected,
            // Nobody is connected, so nobody reads it.
            events: vec![what.clone()],
            snapshot: None,
            extend: None,
            keepsake: Some(NewKeepsake {
                what,
                ttl: Duration::from_secs(60),
            }),
            alarm: None,
        };
        store.commit(&id, commit).await.unwrap();
    };
    keep(r#"{"decision":"by dice","dice":[3,4]}"#).await;
    let shown = server.get(&format!("{room}/result")).await.json();
    assert_eq!(shown["decision"], "by dice");
    assert_eq!(shown["dice"], json!([3, 4]));
    keep("[1]").await;
    let damaged = server.get(&format!("{room}/result")).await;
    assert_eq!((damaged.status, damaged.code().as_str()), (500, "internal"));
}
