//! Vetoes, and how many votes each has.

use super::*;

fn rules(text: &str) -> String {
    format!(r#"{{"rules":{text}}}"#)
}

fn vote(number: u64, on: bool) -> Command {
    Command::vote(number, on)
}

fn veto(number: u64, on: bool) -> String {
    format!(r#"{{"veto":{{"number":{number},"on":{on}}}}}"#)
}

const DECIDE: &str = r#"{"decide":{"how":"votes"}}"#;

#[test]
fn a_vetoed_item_is_no_candidate_until_the_veto_is_taken_back() {
    let mut menu = menu(&["add:a", "add:b", "add:c"]);
    for member in [ANNA, BEN] {
        does(&mut menu, member, &vote(1, true)).unwrap();
    }
    does(&mut menu, BEN, &vote(2, true)).unwrap();
    assert_eq!(asks(&mut menu, BEN, &veto(1, true)), Ok(1));
    assert_eq!(asks(&mut menu, BEN, &veto(1, true)), Ok(0));
    assert_eq!(menu.items().next().unwrap().vetoes, [BEN.id]);
    asks(&mut menu, ANNA, DECIDE).unwrap();
    assert_eq!(decided(&menu), Some((2, How::Votes)));
    assert_eq!(asks(&mut menu, ANNA, &veto(1, false)), Ok(0), "Ben's stays");
    assert_eq!(asks(&mut menu, BEN, &veto(1, false)), Ok(1));
    asks(&mut menu, ANNA, DECIDE).unwrap();
    assert_eq!(decided(&menu), Some((1, How::Votes)));
}

#[test]
fn a_draw_is_among_what_everybody_can_eat() {
    let mut menu = menu(&["add:a", "add:b", "add:c"]);
    asks(&mut menu, BEN, &veto(2, true)).unwrap();
    asks(&mut menu, BEN, r#"{"decide":{"how":"draw"}}"#).unwrap();
    let drawing = menu.table.settling.drawing.as_ref().unwrap();
    let candidates: Vec<u64> = drawing.candidates.iter().map(|one| one.number).collect();
    assert_eq!(candidates, [1, 3]);
}

#[test]
fn where_somebody_cannot_eat_anything_there_is_nothing_to_decide() {
    let mut menu = menu(&["add:a"]);
    asks(&mut menu, BEN, &veto(1, true)).unwrap();
    for how in ["votes", "draw"] {
        let decide = format!(r#"{{"decide":{{"how":"{how}"}}}}"#);
        assert_eq!(asks(&mut menu, ANNA, &decide), Err("nothing_to_decide"));
    }
}

/// The candidates are those of the moment when the draw began.
#[test]
fn a_veto_during_a_draw_counts_from_the_next_decision_on() {
    let mut menu = menu(&["add:a"]);
    asks(&mut menu, ANNA, r#"{"decide":{"how":"draw"}}"#).unwrap();
    asks(&mut menu, BEN, &veto(1, true)).unwrap();
    let value = "1".repeat(64);
    let contribute = format!(r#"{{"contribute":{{"draw":1,"value":"{value}"}}}}"#);
    asks(&mut menu, ANNA, &contribute).unwrap();
    asks(&mut menu, ANNA, r#"{"reveal":{"draw":1}}"#).unwrap();
    assert_eq!(decided(&menu), Some((1, How::Draw)));
    assert_eq!(asks(&mut menu, ANNA, DECIDE), Err("nothing_to_decide"));
}

#[test]
fn vetoes_are_bounded_and_come_back_with_their_item() {
    let mut menu = menu(&["add:a"]);
    let by = |id| Member {
        id: MemberId(id),
        ..BEN
    };
    for id in 1..=MAX_VOTES as u64 {
        asks(&mut menu, by(id), &veto(1, true)).unwrap();
    }
    assert_eq!(
        asks(&mut menu, by(1_000), &veto(1, true)),
        Err("votes_full")
    );
    assert!(menu.remembers(MemberId(7)));
    says(&mut menu, "remove:a").unwrap();
    assert!(menu.remembers(MemberId(7)));
    let events = menu
        .decide(
            &context(ANNA),
            &json(r#"{"restore":{"number":1}}"#).unwrap(),
        )
        .unwrap();
    assert_eq!(Menu::form(&events[0]), 2, "older servers know no vetoes");
    menu.apply(Some(ANNA.id), &events[0]);
    assert_eq!(menu.items().next().unwrap().vetoes.len(), MAX_VOTES);
}

#[test]
fn nobody_votes_more_often_than_allowed() {
    let mut menu = menu(&["add:a", "add:b", "add:c"]);
    assert_eq!(asks(&mut menu, ANNA, &rules(r#"{"votes_each":2}"#)), Ok(1));
    assert_eq!(does(&mut menu, BEN, &vote(1, true)), Ok(1));
    assert_eq!(does(&mut menu, BEN, &vote(2, true)), Ok(1));
    assert_eq!(does(&mut menu, BEN, &vote(3, true)), Err("votes_spent"));
    assert_eq!(does(&mut menu, ANNA, &vote(3, true)), Ok(1));
    assert_eq!(does(&mut menu, BEN, &vote(1, false)), Ok(1));
    assert_eq!(does(&mut menu, BEN, &vote(3, true)), Ok(1));
}

/// Whose item was removed votes anew. The item brings the vote back only if it was not used since.
#[test]
fn a_restored_item_brings_no_more_votes_than_allowed() {
    let restore = r#"{"restore":{"number":1}}"#;
    for votes_anew in [false, true] {
        let mut menu = menu(&["add:a", "add:b"]);
        asks(&mut menu, ANNA, &rules(r#"{"votes_each":1}"#)).unwrap();
        does(&mut menu, BEN, &vote(1, true)).unwrap();
        says(&mut menu, "remove:a").unwrap();
        assert_eq!(menu.table.voted(), [BEN.id]);
        if votes_anew {
            assert_eq!(does(&mut menu, BEN, &vote(2, true)), Ok(1));
        }
        asks(&mut menu, ANNA, restore).unwrap();
        let item = menu.table.item(1).unwrap();
        assert_eq!(item.votes.is_empty(), votes_anew);
        assert_eq!(menu.table.voted(), [BEN.id]);
    }
}

#[test]
fn stricter_rules_are_refused_while_somebody_has_more_votes() {
    let mut menu = menu(&["add:a", "add:b", "add:c"]);
    for number in 1..=3 {
        does(&mut menu, BEN, &vote(number, true)).unwrap();
    }
    let two = rules(r#"{"votes_each":2}"#);
    assert_eq!(asks(&mut menu, ANNA, &two), Err("too_many_votes"));
    says(&mut menu, "remove:a").unwrap();
    assert_eq!(asks(&mut menu, ANNA, &two), Ok(1), "two are on the menu");
    asks(&mut menu, ANNA, r#"{"restore":{"number":1}}"#).unwrap();
    assert_eq!(menu.table.item(1).unwrap().votes, []);
    let free = rules(r#"{"votes_each":null}"#);
    assert_eq!(asks(&mut menu, ANNA, &free), Ok(1));
    assert_eq!(does(&mut menu, BEN, &vote(1, true)), Ok(1));
}

#[test]
fn rules_that_are_none_are_refused_and_what_is_absent_stays() {
    let mut menu = menu(&["add:a"]);
    for none in [0, MAX_VOTES_EACH + 1] {
        let none = rules(&format!(r#"{{"votes_each":{none}}}"#));
        assert_eq!(asks(&mut menu, ANNA, &none), Err("bad_command"));
    }
    assert_eq!(asks(&mut menu, ANNA, &rules("{}")), Ok(0));
    asks(&mut menu, ANNA, &rules(r#"{"votes_each":3}"#)).unwrap();
    asks(&mut menu, ANNA, &rules(r#"{"hidden_votes":true}"#)).unwrap();
    let three_hidden = Rules {
        hidden_votes: true,
        votes_each: Some(3),
    };
    assert_eq!(menu.table.house.rules, three_hidden);
    let bad = Rules {
        votes_each: Some(0),
        ..Rules::default()
    };
    let refused = empty(1).with_rules(bad).unwrap_err();
    assert_eq!(refused.code.as_str(), "bad_command");
    let made = empty(1).with_rules(three_hidden).unwrap();
    assert_eq!(made.table.house.rules, three_hidden);
    assert_eq!((made.state_form(), empty(1).state_form()), (2, 1));
}

#[test]
fn a_nudge_is_possible_once_a_minute() {
    let mut menu = menu(&["add:a"]);
    let nudge = json(r#"{"nudge":{}}"#).unwrap();
    assert_eq!(does_at(&mut menu, ANNA, &nudge, 1_000_000), Ok(1));
    assert_eq!(menu.table.house.nudged_at, Some(1_000_000));
    let refused = menu.decide(&at(BEN, 1_059_001), &nudge).unwrap_err();
    assert_eq!(refused.code.as_str(), "too_soon");
    assert!(refused.message.contains("1 second"), "{}", refused.message);
    assert_eq!(does_at(&mut menu, BEN, &nudge, 1_060_000), Ok(1));
}
