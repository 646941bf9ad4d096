//! Hidden votes: who sees what, and when all are shown.

use super::*;

/// Votes are hidden from the beginning.
fn hidden(lines: &[&str]) -> Menu {
    let rules = Rules {
        hidden_votes: true,
        votes_each: None,
    };
    let mut menu = empty(100).with_rules(rules).unwrap();
    for line in lines {
        says(&mut menu, line).unwrap();
    }
    menu
}

fn vote(menu: &mut Menu, by: Member<'_>, number: u64, on: bool) -> Vec<Event> {
    let command = Command::vote(number, on);
    let events = menu.decide(&context(by), &command).unwrap();
    for event in &events {
        menu.apply(Some(by.id), event);
    }
    events
}

fn shown(event: &Event) -> serde_json::Value {
    serde_json::to_value(Menu::show(event)).unwrap()
}

#[test]
fn others_learn_that_somebody_voted_and_not_for_what() {
    let mut menu = hidden(&["add:a", "add:b"]);
    let events = vote(&mut menu, ANNA, 2, true);
    assert!(Menu::is_secret(&events[0]) && Menu::form(&events[0]) == 2);
    assert_eq!(
        shown(&events[0]),
        serde_json::json!({"voted": {"hidden": true, "any": true}})
    );
    assert_eq!(
        serde_json::to_value(&events[0]).unwrap(),
        serde_json::json!({"voted": {"number": 2, "on": true, "any": true}})
    );
    assert_eq!(format!("{:?}", events[0]), "Voted(Hidden { any: true })");
    assert_eq!(votes(&menu, Some(ANNA.id), 2), [1]);
    for viewer in [Some(BEN.id), None] {
        assert!(votes(&menu, viewer, 2).is_empty());
        assert_eq!(seen_by(&menu, viewer).voted(), [ANNA.id]);
    }
    assert!(menu.has_secrets() && menu.remembers(ANNA.id));
    assert!(!format!("{menu:?}").contains("true)"), "{menu:?}");
    let events = vote(&mut menu, ANNA, 2, false);
    assert_eq!(shown(&events[0])["voted"]["any"], false);
    assert!(!menu.has_secrets());
    assert_eq!(seen_by(&menu, None).voted(), []);
}

#[test]
fn a_decision_shows_all_votes_and_later_ones_are_hidden_again() {
    let mut menu = hidden(&["add:a", "add:b"]);
    vote(&mut menu, BEN, 2, true);
    vote(&mut menu, ANNA, 2, true);
    let decide = json(r#"{"decide":{"how":"votes"}}"#).unwrap();
    let events = menu.decide(&context(BEN), &decide).unwrap();
    assert_eq!(
        shown(&events[0])["decided"]["votes"],
        serde_json::json!([{"number": 1, "votes": []}, {"number": 2, "votes": [2, 1]}])
    );
    menu.apply(Some(BEN.id), &events[0]);
    assert_eq!(votes(&menu, None, 2), [2, 1]);
    let kept = serde_json::to_value(menu.keepsake(&events[0])).unwrap();
    assert_eq!(kept["decision"]["winner"]["votes"], 2);
    assert!(!menu.has_secrets());
    // From now on everybody sees the votes of the decision, and their own of now.
    vote(&mut menu, BEN, 2, false);
    vote(&mut menu, BEN, 1, true);
    assert!(votes(&menu, Some(ANNA.id), 1).is_empty());
    assert_eq!(votes(&menu, Some(ANNA.id), 2), [2, 1]);
    assert_eq!(votes(&menu, Some(BEN.id), 1), [2]);
    assert_eq!(votes(&menu, Some(BEN.id), 2), [1]);
    vote(&mut menu, BEN, 2, true);
    assert_eq!(votes(&menu, Some(BEN.id), 2), [1, 2]);
}

#[test]
fn a_draw_shows_the_votes_when_it_begins() {
    let mut menu = hidden(&["add:a", "add:b"]);
    vote(&mut menu, BEN, 2, true);
    vote(&mut menu, ANNA, 1, true);
    asks(&mut menu, ANNA, r#"{"decide":{"how":"votes"}}"#).unwrap();
    let drawing = menu.table.settling.drawing.as_ref().unwrap();
    let each: Vec<usize> = drawing.candidates.iter().map(|one| one.votes).collect();
    assert_eq!(each, [1, 1]);
    assert_eq!(votes(&menu, None, 1), [1]);
    // What is voted meanwhile is hidden, also when the draw ends and its result is kept.
    let carl = Member {
        id: MemberId(7),
        ..BEN
    };
    vote(&mut menu, carl, 1, true);
    let value = "1".repeat(64);
    let contribute = format!(r#"{{"contribute":{{"draw":1,"value":"{value}"}}}}"#);
    asks(&mut menu, ANNA, &contribute).unwrap();
    let reveal = json(r#"{"reveal":{"draw":1}}"#).unwrap();
    let events = menu.decide(&context(ANNA), &reveal).unwrap();
    menu.apply(Some(ANNA.id), &events[0]);
    assert_eq!(votes(&menu, None, 1), [1]);
    let kept = serde_json::to_value(menu.keepsake(&events[0])).unwrap();
    assert_eq!(kept["menu"][0]["votes"], 1);
}

/// Who voted was told so.
#[test]
fn hiding_does_not_end_before_the_decision_while_somebody_has_voted() {
    let mut menu = hidden(&["add:a", "add:b"]);
    let open = r#"{"rules":{"hidden_votes":false}}"#;
    vote(&mut menu, BEN, 1, true);
    for step in ["remove:a", "remove:b"] {
        assert_eq!(asks(&mut menu, ANNA, open), Err("votes_hidden"));
        says(&mut menu, step).unwrap();
    }
    assert_eq!(asks(&mut menu, BEN, open), Err("votes_hidden"));
    assert!(votes(&menu, None, 1).is_empty());
    let restore = r#"{"restore":{"number":1}}"#;
    asks(&mut menu, ANNA, restore).unwrap();

    // After it was taken back, and after the decision.
    let mut none = menu.clone();
    vote(&mut none, BEN, 1, false);
    assert_eq!(asks(&mut none, ANNA, open), Ok(1));
    asks(&mut menu, ANNA, r#"{"decide":{"how":"votes"}}"#).unwrap();
    assert_eq!(asks(&mut menu, ANNA, open), Ok(1));
    assert_eq!(votes(&menu, None, 1), [2]);
    assert!(!menu.has_secrets());
}

/// Whoever removes an item until it is forgotten, and then asks for open votes, does not learn
/// whether somebody wanted it.
#[test]
fn whether_hiding_may_end_does_not_tell_for_what_somebody_voted() {
    let open = r#"{"rules":{"hidden_votes":false}}"#;
    let stricter = r#"{"rules":{"votes_each":1}}"#;
    for number in [1, 2] {
        let mut menu = hidden(&["add:a", "add:b"]);
        vote(&mut menu, BEN, number, true);
        says(&mut menu, "remove:a").unwrap();
        for other in 0..=MAX_REMOVED {
            says(&mut menu, &format!("add:{other}")).unwrap();
            says(&mut menu, &format!("remove:{other}")).unwrap();
        }
        assert_eq!(asks(&mut menu, ANNA, open), Err("votes_hidden"));
        assert_eq!(asks(&mut menu, ANNA, stricter), Err("too_many_votes"));
        let stored = serde_json::to_string(&menu).unwrap();
        let mut read: Menu = serde_json::from_str(&stored).unwrap();
        assert_eq!(asks(&mut read, ANNA, open), Err("votes_hidden"));
    }
}

#[test]
fn after_a_decision_nothing_is_secret_until_somebody_votes() {
    let mut menu = hidden(&["add:a", "add:b"]);
    vote(&mut menu, BEN, 1, true);
    vote(&mut menu, BEN, 2, true);
    vote(&mut menu, ANNA, 1, true);
    asks(&mut menu, ANNA, r#"{"decide":{"how":"votes"}}"#).unwrap();
    // Votes that everybody sees are counted.
    let each = |most| format!(r#"{{"rules":{{"votes_each":{most}}}}}"#);
    assert_eq!(asks(&mut menu, ANNA, &each(1)), Err("too_many_votes"));
    assert_eq!(asks(&mut menu, ANNA, &each(2)), Ok(1));
    vote(&mut menu, ANNA, 1, false);
    assert_eq!(asks(&mut menu, ANNA, &each(1)), Err("too_many_votes"));
    let open = r#"{"rules":{"hidden_votes":false}}"#;
    assert_eq!(asks(&mut menu, ANNA, open), Err("votes_hidden"));
}

/// What was taken back in secret is shown when hiding ends.
#[test]
fn hiding_ends_where_nobody_votes_for_anything() {
    let mut menu = menu(&["add:a"]);
    vote(&mut menu, BEN, 1, true);
    asks(&mut menu, ANNA, r#"{"rules":{"hidden_votes":true}}"#).unwrap();
    vote(&mut menu, BEN, 1, false);
    assert_eq!(votes(&menu, None, 1), [2]);
    let stored = serde_json::to_string(&menu).unwrap();
    assert_eq!(serde_json::from_str::<Menu>(&stored).unwrap(), menu);
    asks(&mut menu, ANNA, r#"{"rules":{"hidden_votes":false}}"#).unwrap();
    assert!(votes(&menu, None, 1).is_empty());
    assert!(!menu.has_secrets());
}

#[test]
fn votes_that_were_open_stay_shown_when_hiding_begins() {
    let mut menu = menu(&["add:a", "add:b"]);
    vote(&mut menu, BEN, 1, true);
    asks(&mut menu, ANNA, r#"{"rules":{"hidden_votes":true}}"#).unwrap();
    assert_eq!(votes(&menu, None, 1), [2]);
    assert_eq!(seen_by(&menu, None).voted(), [BEN.id]);
    vote(&mut menu, BEN, 1, false);
    assert_eq!(votes(&menu, Some(ANNA.id), 1), [2]);
    assert!(votes(&menu, Some(BEN.id), 1).is_empty());
    assert_eq!(seen_by(&menu, Some(ANNA.id)).voted(), []);
}

#[test]
fn a_restored_item_shows_no_more_than_was_shown_and_has_its_true_votes() {
    let mut menu = hidden(&["add:a"]);
    vote(&mut menu, BEN, 1, true);
    says(&mut menu, "remove:a").unwrap();
    let restore = json(r#"{"restore":{"number":1}}"#).unwrap();
    let events = menu.decide(&context(ANNA), &restore).unwrap();
    assert_eq!(
        shown(&events[0])["restored"]["votes"],
        serde_json::json!([])
    );
    menu.apply(Some(ANNA.id), &events[0]);
    assert_eq!(votes(&menu, Some(BEN.id), 1), [2]);
    asks(&mut menu, ANNA, r#"{"decide":{"how":"votes"}}"#).unwrap();
    assert_eq!(votes(&menu, None, 1), [2]);
}

/// Whoever could try it with one item removed and then with another would learn who wants what.
#[test]
fn a_refusal_does_not_tell_how_many_hidden_votes_somebody_has_on_the_menu() {
    let mut menu = hidden(&["add:a", "add:b", "add:c"]);
    vote(&mut menu, BEN, 1, true);
    vote(&mut menu, BEN, 2, true);
    let one = r#"{"rules":{"votes_each":1}}"#;
    for line in ["remove:c", "remove:b", "remove:a"] {
        assert_eq!(asks(&mut menu, ANNA, one), Err("too_many_votes"));
        says(&mut menu, line).unwrap();
    }
    assert_eq!(asks(&mut menu, ANNA, one), Err("too_many_votes"));
    for number in [2, 1] {
        let restore = format!(r#"{{"restore":{{"number":{number}}}}}"#);
        asks(&mut menu, ANNA, &restore).unwrap();
        vote(&mut menu, BEN, number, false);
    }
    assert_eq!(asks(&mut menu, ANNA, one), Ok(1));
}

#[test]
fn hidden_votes_are_limited_too_and_what_was_removed_brings_no_more() {
    let mut menu = hidden(&["add:a", "add:b"]);
    asks(&mut menu, ANNA, r#"{"rules":{"votes_each":1}}"#).unwrap();
    vote(&mut menu, BEN, 1, true);
    assert_eq!(
        does(&mut menu, BEN, &Command::vote(2, true)),
        Err("votes_spent")
    );
    says(&mut menu, "remove:a").unwrap();
    vote(&mut menu, BEN, 2, true);
    asks(&mut menu, ANNA, r#"{"restore":{"number":1}}"#).unwrap();
    assert!(votes(&menu, Some(BEN.id), 1).is_empty());
    assert_eq!(votes(&menu, Some(BEN.id), 2), [2]);
}

/// Everybody knows who has voted. So the bound may tell that, and nothing else.
#[test]
fn the_bound_of_hidden_votes_is_that_of_the_voters() {
    let mut menu = hidden(&["add:a", "add:b"]);
    let by = |id| Member {
        id: MemberId(id),
        ..BEN
    };
    for id in 1..=MAX_VOTES as u64 {
        vote(&mut menu, by(id), 1 + id % 2, true);
    }
    let on = Command::vote(1, true);
    assert_eq!(does(&mut menu, by(1_000), &on), Err("votes_full"));
    assert_eq!(does(&mut menu, by(1), &on), Ok(1));
}

#[test]
fn hidden_votes_are_stored_and_read_again() {
    let mut menu = hidden(&["add:a", "add:b"]);
    vote(&mut menu, BEN, 1, true);
    says(&mut menu, "remove:a").unwrap();
    vote(&mut menu, ANNA, 2, true);
    let stored = serde_json::to_string(&menu).unwrap();
    assert_eq!(serde_json::from_str::<Menu>(&stored).unwrap(), menu);
}

/// The vote for what was removed is gone by the stricter rule.
#[test]
fn who_has_no_vote_left_when_hiding_begins_has_not_voted() {
    let mut menu = menu(&["add:a", "add:b"]);
    asks(&mut menu, ANNA, r#"{"vote":{"number":1,"on":true}}"#).unwrap();
    says(&mut menu, "remove:a").unwrap();
    assert_eq!(menu.table.voted(), [ANNA.id]);
    let both = r#"{"rules":{"hidden_votes":true,"votes_each":1}}"#;
    asks(&mut menu, BEN, both).unwrap();
    assert!(menu.table.removed[0].votes.is_empty());
    assert_eq!(menu.table.voted(), []);
}
