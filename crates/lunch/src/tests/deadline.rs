//! A deadline: the votes decide by themselves.

use super::*;

const NOON: u64 = 1_750_000_000_000;

/// A menu that decides at noon, a minute from now.
fn waiting(lines: &[&str]) -> Menu {
    let mut menu = menu(lines);
    sets(&mut menu, &format!(r#"{{"at":{NOON}}}"#)).unwrap();
    menu
}

fn sets(menu: &mut Menu, deadline: &str) -> Result<usize, &'static str> {
    let command = json(&format!(r#"{{"deadline":{deadline}}}"#)).unwrap();
    does_at(menu, ANNA, &command, NOON - 60_000)
}

/// What the clock does at this time.
fn rings(menu: &mut Menu, now: u64) -> Vec<Event> {
    let events = menu.ring(now);
    for event in &events {
        assert_eq!(Menu::form(event), 2);
        menu.apply(None, event);
    }
    assert!(menu.alarm().is_none_or(|at| at > now));
    events
}

fn decision(menu: &Menu) -> serde_json::Value {
    serde_json::to_value(menu.table.settling.decision.as_deref()).unwrap()
}

#[test]
fn the_item_with_most_votes_wins_at_the_deadline() {
    let mut menu = waiting(&["add:a", "add:b"]);
    does(&mut menu, BEN, &Command::vote(2, true)).unwrap();
    assert_eq!(menu.alarm(), Some(NOON));
    assert_eq!(menu.ring(NOON - 1), []);
    assert_eq!(rings(&mut menu, NOON + 30).len(), 1);
    assert_eq!(
        decision(&menu),
        serde_json::json!({
            "how": "votes", "number": 1, "at": NOON + 30, "deadline": true,
            "winner": {"number": 2, "item": "b", "name": "Anna", "votes": 1},
            "draw": null,
        })
    );
    assert_eq!((menu.alarm(), menu.ring(u64::MAX)), (None, Vec::new()));
    assert_eq!(menu.table.house.deadline, None);
}

#[test]
fn a_tie_at_the_deadline_is_drawn_by_the_server_alone_if_nobody_is_there() {
    let mut menu = waiting(&["add:a", "add:b"]);
    let events = rings(&mut menu, NOON);
    assert!(matches!(&*events, [Event::Drawing(_)]), "{events:?}");
    let drawing = menu.table.settling.drawing.as_ref().unwrap();
    assert_eq!((drawing.by, &drawing.name), (None, &None));
    assert_eq!(drawing.ends_at, Some(NOON + 5_000));
    assert_eq!(menu.alarm(), Some(NOON + 5_000));
    let reveal = json(r#"{"reveal":{"draw":1}}"#).unwrap();
    assert_eq!(does(&mut menu, ANNA, &reveal), Err("no_contribution"));
    rings(&mut menu, NOON + 5_100);
    let decision = menu.table.settling.decision.clone().unwrap();
    assert!(decision.deadline && decision.by.is_none() && decision.name.is_none());
    let drawn = decision.draw.as_ref().unwrap();
    let winner = decision.winner.number;
    let commitment = Some(drawn.commitment);
    let saw = Known {
        commitment,
        own: None,
    };
    assert_eq!(drawn.check(winner, saw), Verdict::ServerAlone);
    assert_eq!(drawn.check(winner, Known::default()), Verdict::ServerAlone);
    assert_eq!(drawn.check(3 - winner, saw), Verdict::OtherWinner);
    let own = Some((ANNA.id, [7; 32].into()));
    assert_eq!(
        drawn.check(winner, Known { commitment, own }),
        Verdict::WithoutYours
    );
    assert_eq!(menu.alarm(), None);
}

#[test]
fn who_is_there_contributes_to_the_draw_of_a_deadline() {
    let mut menu = waiting(&["add:a", "add:b"]);
    rings(&mut menu, NOON);
    let value = [7; 32].into();
    let contribute = Command::Contribute(Contribute { draw: 1, value });
    does(&mut menu, BEN, &contribute).unwrap();
    rings(&mut menu, NOON + 5_000);
    let decision = menu.table.settling.decision.clone().unwrap();
    let drawn = decision.draw.as_ref().unwrap();
    let known = Known {
        commitment: Some(drawn.commitment),
        own: Some((BEN.id, value)),
    };
    assert_eq!(drawn.check(decision.winner.number, known), Verdict::Fair);
}

#[test]
fn at_the_deadline_a_draw_of_a_member_has_five_seconds_left() {
    let mut menu = waiting(&["add:a", "add:b"]);
    let draw = Command::Decide(Decide { how: How::Draw });
    does_at(&mut menu, BEN, &draw, NOON - 10).unwrap();
    assert_eq!(menu.alarm(), Some(NOON + 5_000));
    assert_eq!(menu.ring(NOON + 4_999), []);
    rings(&mut menu, NOON + 5_000);
    let decision = menu.table.settling.decision.as_deref().unwrap();
    assert_eq!((decision.by, decision.deadline), (Some(BEN.id), false));
    assert_eq!(decision.name.as_deref(), Some("Ben"));
    assert_eq!((menu.alarm(), decision.at), (None, Some(NOON + 5_000)));
}

#[test]
fn a_deadline_with_nothing_to_decide_passes() {
    let mut vetoed = waiting(&["add:a"]);
    asks(&mut vetoed, BEN, r#"{"veto":{"number":1,"on":true}}"#).unwrap();
    for mut menu in [waiting(&[]), vetoed] {
        let (at, name) = (None, None);
        assert_eq!(rings(&mut menu, NOON), [Event::Deadline { at, name }]);
        assert_eq!((menu.alarm(), decided(&menu)), (None, None));
    }
}

#[test]
fn a_decision_of_a_member_comes_before_the_deadline_and_ends_it() {
    let mut menu = waiting(&["add:a"]);
    does(&mut menu, BEN, &Command::Decide(Decide { how: How::Votes })).unwrap();
    assert_eq!((menu.alarm(), menu.ring(NOON)), (None, Vec::new()));
}

#[test]
fn a_deadline_is_set_again_and_taken_back() {
    let mut menu = waiting(&["add:a"]);
    let deadline = menu.table.house.deadline.clone().unwrap();
    assert_eq!(
        (deadline.by, deadline.name.as_deref()),
        (Some(ANNA.id), Some("Anna"))
    );
    assert_eq!(sets(&mut menu, &format!(r#"{{"at":{NOON}}}"#)), Ok(0));
    assert_eq!(sets(&mut menu, r#"{"in_ms":5000}"#), Ok(1));
    assert_eq!(menu.alarm(), Some(NOON - 55_000));
    assert_eq!(sets(&mut menu, r#"{"at":null}"#), Ok(1));
    assert_eq!(sets(&mut menu, r#"{"at":null}"#), Ok(0));
    assert_eq!((menu.alarm(), &menu.table.house.deadline), (None, &None));
}

#[test]
fn a_deadline_is_neither_too_early_nor_too_late() {
    let mut menu = menu(&["add:a"]);
    let now = NOON - 60_000;
    for (deadline, expected) in [
        ("{}".to_owned(), Err("bad_command")),
        (r#"{"at":null,"in_ms":9000}"#.to_owned(), Err("bad_command")),
        (format!(r#"{{"at":{}}}"#, now + 4_999), Err("bad_deadline")),
        (r#"{"in_ms":4999}"#.to_owned(), Err("bad_deadline")),
        (r#"{"at":0}"#.to_owned(), Err("bad_deadline")),
        (r#"{"in_ms":86400001}"#.to_owned(), Err("bad_deadline")),
        (format!(r#"{{"in_ms":{}}}"#, u64::MAX), Err("bad_deadline")),
        (r#"{"in_ms":5000}"#.to_owned(), Ok(1)),
        (r#"{"in_ms":86400000}"#.to_owned(), Ok(1)),
    ] {
        assert_eq!(sets(&mut menu, &deadline), expected, "{deadline}");
    }
    assert!(json(r#"{"deadline":{"at":"noon"}}"#).is_err());
    assert!(json(r#"{"deadline":{"at":1.5}}"#).is_err());
    let refused = empty(1).with_deadline(now + 1, now).unwrap_err();
    assert_eq!(refused.code.as_str(), "bad_deadline");
    let made = empty(1).with_deadline(NOON, now).unwrap();
    assert_eq!((made.alarm(), made.state_form()), (Some(NOON), 2));
}
