//! What was removed, and what was decided before.

use super::*;

const DECIDE: &str = r#"{"decide":{"how":"votes"}}"#;

fn past(menu: &Menu) -> Vec<u64> {
    let past = menu.table.past.iter();
    past.map(|decision| decision.number.unwrap()).collect()
}

fn present(menu: &Menu) -> Option<u64> {
    menu.table.settling.decision.as_deref()?.number
}

/// Decided seven times.
fn decided_often() -> Menu {
    let mut menu = menu(&["add:a"]);
    for _ in 0..7 {
        asks(&mut menu, ANNA, DECIDE).unwrap();
    }
    menu
}

#[test]
fn the_last_five_decisions_before_the_present_one_are_kept() {
    let menu = decided_often();
    assert_eq!(
        (present(&menu), past(&menu)),
        (Some(7), vec![6, 5, 4, 3, 2])
    );
}

#[test]
fn an_earlier_decision_is_reinstated_as_it_was() {
    let mut menu = decided_often();
    let before = menu.table.past[2].clone();
    assert_eq!(
        asks(&mut menu, BEN, r#"{"reinstate":{"decision":4}}"#),
        Ok(1)
    );
    assert_eq!(menu.table.settling.decision.as_ref(), Some(&before));
    assert_eq!(past(&menu), [7, 6, 5, 3, 2]);
    assert_eq!(
        asks(&mut menu, BEN, r#"{"reinstate":{"decision":4}}"#),
        Ok(0)
    );
    for unknown in [0, 1, 8] {
        let unknown = format!(r#"{{"reinstate":{{"decision":{unknown}}}}}"#);
        assert_eq!(asks(&mut menu, BEN, &unknown), Err("not_found"));
    }
    asks(&mut menu, BEN, DECIDE).unwrap();
    assert_eq!(
        (present(&menu), past(&menu)),
        (Some(8), vec![4, 7, 6, 5, 3])
    );
}

#[test]
fn what_somebody_cannot_eat_is_not_reinstated_as_long_as_they_say_so() {
    let mut menu = menu(&["add:a", "add:b"]);
    for number in [1, 2] {
        does(&mut menu, ANNA, &Command::vote(number, true)).unwrap();
        asks(&mut menu, ANNA, DECIDE).unwrap();
        does(&mut menu, ANNA, &Command::vote(number, false)).unwrap();
    }
    let veto = |on: bool| format!(r#"{{"veto":{{"number":1,"on":{on}}}}}"#);
    let reinstate = r#"{"reinstate":{"decision":1}}"#;
    asks(&mut menu, BEN, &veto(true)).unwrap();
    assert_eq!(asks(&mut menu, ANNA, reinstate), Err("vetoed"));
    says(&mut menu, "remove:a").unwrap();
    assert_eq!(asks(&mut menu, ANNA, reinstate), Err("vetoed"));
    asks(&mut menu, ANNA, r#"{"restore":{"number":1}}"#).unwrap();
    asks(&mut menu, BEN, &veto(false)).unwrap();
    assert_eq!(asks(&mut menu, ANNA, reinstate), Ok(1));
}

#[test]
fn a_reinstated_decision_is_the_rooms_result() {
    let mut menu = menu(&["add:a", "add:b"]);
    for (vote, by) in [(1, ANNA), (2, BEN)] {
        does(&mut menu, by, &Command::vote(vote, true)).unwrap();
        asks(&mut menu, ANNA, DECIDE).unwrap();
        does(&mut menu, by, &Command::vote(vote, false)).unwrap();
    }
    let reinstate = json(r#"{"reinstate":{"decision":1}}"#).unwrap();
    let events = menu.decide(&context(BEN), &reinstate).unwrap();
    menu.apply(Some(BEN.id), &events[0]);
    let kept = serde_json::to_value(menu.keepsake(&events[0])).unwrap();
    assert_eq!(kept["decision"]["winner"]["number"], 1);
}

#[test]
fn while_a_draw_is_under_way_nothing_is_reinstated() {
    let mut menu = decided_often();
    asks(&mut menu, ANNA, r#"{"decide":{"how":"draw"}}"#).unwrap();
    assert_eq!(
        asks(&mut menu, BEN, r#"{"reinstate":{"decision":4}}"#),
        Err("drawing")
    );
}

/// It could not read a decision with a number, nor what was decided before.
#[test]
fn while_an_older_server_lives_decisions_are_as_it_makes_them() {
    let mut menu = menu(&["add:a"]);
    let old = Context {
        forms: 1,
        ..context(ANNA)
    };
    for _ in 0..2 {
        let events = menu.decide(&old, &json(DECIDE).unwrap()).unwrap();
        assert!(events.iter().all(|event| Menu::form(event) == 1));
        menu.apply(Some(ANNA.id), &events[0]);
    }
    assert_eq!((present(&menu), past(&menu)), (None, Vec::new()));
    asks(&mut menu, ANNA, DECIDE).unwrap();
    asks(&mut menu, ANNA, DECIDE).unwrap();
    assert_eq!((present(&menu), past(&menu)), (Some(2), vec![1]));
}

#[test]
fn everybody_sees_what_was_removed_the_last_first() {
    let menu = menu(&["add:a", "add:b", "add:c", "remove:a", "remove:c"]);
    let seen = seen_by(&menu, Some(BEN.id));
    let removed: Vec<u64> = seen.removed.iter().map(|item| item.number).collect();
    assert_eq!(removed, [3, 1]);
}
