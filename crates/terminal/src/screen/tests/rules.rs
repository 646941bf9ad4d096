//! A room's own rules: how they look, and how they are changed.

use crossterm::event::KeyCode;
use serde_json::{Value, json};
use tablecast_client::Incoming;

use super::desk::{Desk, NOW, url};
use crate::clock::When;
use crate::run::Ui;
use crate::words::{ENGLISH, KOREAN};

/// What has changed, and by whom (0: nobody), in order.
fn happen(desk: &mut Desk<'_>, changes: Vec<(u64, Value)>) {
    for (seq, (by, change)) in (10..).zip(changes) {
        desk.happens(seq, by, change);
    }
}

#[test]
fn the_rules_of_a_room_are_seen() {
    let url = url();
    for (lang, parts) in [
        (
            &ENGLISH,
            [
                "(votes are hidden, one vote each, locked by the host)",
                "decides in 4:30, 1/2 voted",
                "pizza  (1 cannot eat it)",
                "cannot eat it: 하나",
                "하나 host voted",
                "하나 asked everybody to vote",
            ],
        ),
        (
            &KOREAN,
            [
                "(비밀 투표, 한 사람 1표, 방장만 메뉴 변경)",
                "마감까지 4:30, 투표 1/2",
                "pizza  (1명 못 먹어요)",
                "못 먹어요: 하나",
                "하나 방장 투표함",
                "하나 님이 투표해 달라고 해요",
            ],
        ),
    ] {
        let mut desk = Desk::joined(&url, lang, 120, 24);
        let at = NOW + 270_000;
        let voted = |number: u64, on: bool| json!({"voted":{"number":number,"on":on}});
        happen(
            &mut desk,
            vec![
                (1, voted(2, false)),
                (
                    2,
                    json!({"ruled":{"hidden_votes":true,"votes_each":1,"name":"하나"}}),
                ),
                (2, json!({"hosted":{"member":2,"name":"Mina"}})),
                (2, json!({"locked":{"on":true,"name":"하나"}})),
                (2, json!({"deadline":{"at":at,"name":"하나"}})),
                (2, json!({"vetoed":{"number":1,"on":true}})),
                (2, json!({"nudged":{"name":"하나","at":NOW}})),
            ],
        );
        desk.press(KeyCode::Down);
        let picture = desk.picture();
        for part in parts {
            assert!(picture.contains(part), "no {part}: {picture}");
        }
    }
}

#[test]
fn what_the_clock_decides_is_told_as_that() {
    let url = url();
    let hex = "0".repeat(64);
    let mut desk = Desk::joined(&url, &ENGLISH, 120, 24);
    let began = json!({"number":1,"candidates":[1,2],"commitment":hex,"next_commitment":hex,"at":NOW,"ends_at":NOW + 5_000});
    desk.happens(10, 0, json!({ "drawing": began }));
    assert!(desk.picture().contains("Drawing among 2: 0 took part"));
    let said = desk.said();
    let [contribute] = said.as_slice() else {
        panic!("it contributes, and does not end the draw: {said:?}");
    };
    assert!(contribute.contains("contribute"), "{said:?}");
    assert_eq!(desk.session.next_at(), Some(NOW + 10_000), "the answer");
    // SHA-256 of "0" in another history than this one, so the winner is not looked at.
    for number in [1, 2] {
        desk.happens(
            11,
            0,
            json!({"decided":{"how":"draw","winner":number,"secret":hex,"at":NOW}}),
        );
    }
    assert!(desk.picture().contains("when the time was up"));
    desk.happens(
        12,
        1,
        json!({"decided":{"how":"votes","name":"Mina","winner":2,"at":NOW}}),
    );
    assert!(!desk.picture().contains("when the time was up"));
    desk.types("/past");
    desk.press(KeyCode::Enter);
    let picture = desk.picture();
    assert!(picture.contains(" 1  Drawn: "), "{picture}");
    desk.press(KeyCode::Esc);
    assert!(desk.picture().contains("김치찌개"));
}

#[test]
fn whoever_is_asked_to_leave_is_told_so_and_it_is_the_end() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.happens(10, 2, json!({"dismissed":{"member":1,"name":"하나"}}));
    desk.session.hear(Incoming::Closed(4411), NOW);
    let picture = desk.picture();
    assert!(picture.contains("you were asked to leave"), "{picture}");
    desk.press(KeyCode::Enter);
    assert!(!desk.screen.stays());
}

#[test]
fn what_was_removed_is_listed_as_long_as_it_can_be_put_back() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    let list = |desk: &mut Desk<'_>| {
        desk.types("/removed");
        desk.press(KeyCode::Enter);
        desk.picture()
    };
    assert!(list(&mut desk).contains("nothing was removed"));
    desk.happens(10, 2, json!({"removed":{"number":2}}));
    desk.happens(11, 2, json!({"removed":{"number":1}}));
    let picture = list(&mut desk);
    let rows: Vec<&str> = picture.lines().take(2).collect();
    assert!(
        rows[0].starts_with(" 1  pizza (from Mina), 1 vote"),
        "{picture}"
    );
    assert!(
        rows[1].starts_with(" 2  김치찌개 (from Mina), 3 votes"),
        "{picture}"
    );
    desk.press(KeyCode::Esc);
    desk.types("/restore 2");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.said(), [r#"{"id":1,"restore":{"number":2}}"#]);
}

#[test]
fn commands_name_members_by_name_or_number_and_items_by_choosing_them() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    let enter = |desk: &mut Desk<'_>, line: &str| {
        desk.types(line);
        desk.press(KeyCode::Enter);
        desk.said()
    };
    for (line, sent) in [
        ("/host 하나", r#"{"id":1,"host":{"member":2}}"#),
        ("/dismiss #2", r#"{"id":2,"dismiss":{"member":2}}"#),
        ("/veto", r#"{"id":3,"veto":{"number":2,"on":true}}"#),
        (
            "/unveto pizza",
            r#"{"id":4,"veto":{"item":"pizza","on":false}}"#,
        ),
    ] {
        assert_eq!(enter(&mut desk, line), [sent], "{line}");
    }
    assert_eq!(enter(&mut desk, "/host Jun"), [""; 0]);
    assert!(desk.picture().contains("nobody here is called Jun"));
    let joined =
        json!({"joined":{"member":9,"name":"하나","colour":1},"seq":10,"expires_at":NOW + 570_000});
    desk.hears(json!({ "event": joined }));
    assert_eq!(enter(&mut desk, "/host 하나"), [""; 0]);
    assert!(desk.picture().contains("#2, #9"), "{}", desk.picture());

    let half_past: When = "12:30".parse().unwrap();
    let at = half_past.after(NOW).unwrap();
    let sent = format!(r#"{{"id":5,"deadline":{{"at":{at}}}}}"#);
    assert_eq!(enter(&mut desk, "/deadline 12:30"), [sent]);
}

#[test]
fn again_leaves_for_the_next_room() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.session.hear(Incoming::Closed(4410), NOW);
    desk.types("/again");
    assert!(desk.screen.stays());
    desk.press(KeyCode::Enter);
    assert!(!desk.screen.stays());
    assert!(desk.screen.user().goes_on);
}
