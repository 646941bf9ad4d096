//! What is printed where.
#![allow(clippy::unwrap_used)]

#[path = "../../../client/tests/support/mod.rs"]
mod support;

use serde_json::json;
use support::{START, hello};
use tablecast_client::Incoming;
use tablecast_client::protocol::client::Join;

use super::Plain;
use crate::lines::Line;
use crate::lunch::Lunch;
use crate::run::Ui;
use crate::user::User;
use crate::words::{ENGLISH, KOREAN};

#[test]
fn that_a_newer_program_is_needed_is_one_line_on_stderr() {
    let url = "http://127.0.0.1:8000/r/friday".parse().unwrap();
    for lang in [&ENGLISH, &KOREAN] {
        let (mut out, mut errors) = (Vec::new(), Vec::new());
        let mut plain = Plain::new(
            User::new(lang, Join::default()),
            &url,
            false,
            &mut out,
            &mut errors,
        );
        let mut at = support::At::<Lunch>::start(0);
        for _ in 0..3 {
            at.open();
            at.hears(hello());
            plain.show(&mut at.session, at.now).unwrap();
            assert!(plain.takes_input(&at.session));
            at.happens(2, json!({"change":{"seasoned":{"number":1}}}));
            plain.show(&mut at.session, at.now).unwrap();
            assert!(!plain.takes_input(&at.session), "the menu may be wrong");
            at.waits();
            at.effects();
        }
        assert!(!plain.has_refused());
        let said = String::from_utf8(errors).unwrap();
        assert_eq!(said, format!("{}\n", lang.outdated));
        let said = String::from_utf8(out).unwrap();
        assert_eq!(said.matches(lang.empty_menu).count(), 3, "{said}");
    }
}

#[test]
fn each_thing_that_happens_is_a_line() {
    let url = "http://127.0.0.1:8000/r/friday".parse().unwrap();
    // By Juno, in an order in which each of them is possible.
    let lines = [
        (
            json!({"added":{"number":1,"item":"라면","name":"Juno"}}),
            "Juno added 라면",
            "Juno 님이 라면을 추가했어요",
        ),
        (
            json!({"vetoed":{"number":1,"on":true}}),
            "Juno cannot eat 라면",
            "Juno 님이 라면은 못 먹어요",
        ),
        (
            json!({"vetoed":{"number":1,"on":false}}),
            "Juno can eat 라면 after all",
            "Juno 님이 이제 라면은 먹을 수 있어요",
        ),
        (
            json!({"nudged":{"name":"Juno","at":START}}),
            "Juno asked everybody to vote",
            "Juno 님이 투표해 달라고 해요",
        ),
        (
            json!({"ruled":{"hidden_votes":true,"votes_each":3,"name":"Juno"}}),
            "Juno changed the rules: votes are hidden, 3 votes each",
            "Juno 님이 규칙을 바꿨어요: 비밀 투표, 한 사람 3표",
        ),
        (
            json!({"voted":{"hidden":true,"any":true}}),
            "Juno voted",
            "Juno 님이 투표했어요",
        ),
        (
            json!({"voted":{"hidden":true,"any":false}}),
            "Juno took all their votes back",
            "Juno 님이 투표를 모두 취소했어요",
        ),
        (
            json!({"hosted":{"member":1,"name":"Juno"}}),
            "Host now: you",
            "지금 방장: 나",
        ),
        (
            json!({"locked":{"on":true,"name":"Juno"}}),
            "Juno locked the menu",
            "Juno 님이 메뉴를 잠갔어요",
        ),
        (
            json!({"locked":{"on":false,"name":"Juno"}}),
            "Juno unlocked the menu",
            "Juno 님이 메뉴를 다시 열었어요",
        ),
        (
            json!({"hosted":{}}),
            "Nobody is host any more",
            "이제 방장이 없어요",
        ),
        (
            json!({"deadline":{"at":null,"name":"Juno"}}),
            "Juno took the deadline away",
            "Juno 님이 마감을 없앴어요",
        ),
        (
            json!({"deadline":{"at":null}}),
            "The time is up, and there was nothing to decide",
            "마감 시간이 됐지만 정할 메뉴가 없었어요",
        ),
        (
            json!({"decided":{"how":"votes","winner":1,"at":START}}),
            "Decided: 라면, with 0 votes, when the time was up",
            "결정: 라면, 0표, 마감 시간에 결정",
        ),
        (
            json!({"decided":{"how":"votes","winner":1,"at":START,"name":"Juno"}}),
            "Decided: 라면, with 0 votes",
            "결정: 라면, 0표",
        ),
        (
            json!({"reinstated":{"decision":1,"name":"Juno","at":START}}),
            "Juno went back to the decision for 라면",
            "Juno 님이 라면으로 다시 정했어요",
        ),
        (
            json!({"dismissed":{"member":1,"name":"Juno"}}),
            "Juno asked you to leave",
            "Juno 님이 나가 달라고 했어요: 나",
        ),
    ];
    for lang in [&ENGLISH, &KOREAN] {
        let mut out = Vec::new();
        let user = User::new(lang, Join::default());
        let mut plain = Plain::new(user, &url, false, &mut out, std::io::sink());
        let mut at = support::At::<Lunch>::joined();
        at.happens_by(
            2,
            2,
            json!({"joined":{"member":2,"name":"Juno","colour":7}}),
        );
        for (seq, (change, ..)) in (3..).zip(&lines) {
            // Whoever does something is named; of these without a name, the clock does some.
            let is_named = change.to_string().contains("name");
            let is_clock = !is_named
                && ["deadline", "decided"]
                    .iter()
                    .any(|what| change.get(what).is_some());
            at.happens_by(
                if is_clock { 0 } else { 2 },
                seq,
                json!({ "change": change }),
            );
            plain.show(&mut at.session, at.now).unwrap();
        }
        let said = String::from_utf8(out).unwrap();
        let told = lines.iter().map(|(_, english, korean)| match lang.code {
            "en" => *english,
            _ => *korean,
        });
        let told: Vec<&str> = told.collect();
        let said: Vec<&str> = said.lines().skip(1).collect();
        assert_eq!(said, told);
    }
}

/// Nothing of it changes the room; and whoever types must not be caught.
#[test]
fn who_types_may_look_retry_and_leave_while_offline() {
    let url = "http://127.0.0.1:8000/r/friday".parse().unwrap();
    let line = |text: &str| Line::Text(text.to_owned());
    for is_typed in [true, false] {
        let user = User::new(&ENGLISH, Join::default());
        let mut plain = Plain::new(user, &url, is_typed, std::io::sink(), std::io::sink());
        let mut at = support::At::<Lunch>::joined();
        at.session.hear(Incoming::Closed(1006), at.now);
        plain.show(&mut at.session, at.now).unwrap();
        assert!(!plain.takes_input(&at.session));
        assert_eq!(plain.looks_ahead(), is_typed);
        for urgent in ["/list", "/retry", "/quit"] {
            assert!(plain.is_urgent(&line(urgent)), "{urgent}");
        }
        for waits in ["pizza", "/vote 1", "/again", "/nope", ""] {
            assert!(!plain.is_urgent(&line(waits)), "{waits}");
        }
    }
}

#[test]
fn lists_are_numbered_as_commands_name_them() {
    let url = "http://127.0.0.1:8000/r/friday".parse().unwrap();
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    let user = User::new(&ENGLISH, Join::default());
    let mut plain = Plain::new(user, &url, false, &mut out, &mut errors);
    let mut at = support::At::<Lunch>::joined();
    for (seq, change) in [
        (
            2,
            json!({"added":{"number":1,"item":"pizza","name":"Mina"}}),
        ),
        (3, json!({"added":{"number":2,"item":"soup","name":"Mina"}})),
        (4, json!({"vetoed":{"number":2,"on":true}})),
        (
            5,
            json!({"decided":{"how":"votes","winner":1,"at":START,"name":"Mina"}}),
        ),
        (
            6,
            json!({"decided":{"how":"votes","winner":2,"at":START,"name":"Mina"}}),
        ),
        (7, json!({"removed":{"number":1}})),
    ] {
        at.happens(seq, json!({ "change": change }));
    }
    at.session.notifications();
    for line in ["/list", "/removed", "/past"] {
        let line = Line::Text(line.to_owned());
        plain.input(line, &mut at.session, at.now).unwrap();
    }
    assert!(!plain.has_refused());
    for line in ["/veto", "/undo", "/dismiss nobody"] {
        let line = Line::Text(line.to_owned());
        plain.input(line, &mut at.session, at.now).unwrap();
    }
    assert!(plain.has_refused());
    let said = String::from_utf8(out).unwrap();
    assert_eq!(
        said,
        "2. soup (from Mina), decided, 0 votes; cannot eat it: you\n\
         1. pizza (from Mina), 0 votes\n\
         1. Decided: pizza, with 0 votes\n"
    );
    let said = String::from_utf8(errors).unwrap();
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(
        said,
        [
            "/veto needs the number of an item, as in /veto 2",
            ENGLISH.nothing_to_undo,
            &(ENGLISH.nobody_called)("nobody"),
        ]
    );
}
