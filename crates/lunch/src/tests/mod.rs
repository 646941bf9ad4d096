#![allow(clippy::unwrap_used, clippy::expect_used)]

mod deadline;
mod draw;
mod hidden;
mod history;
mod host;
mod length;
mod properties;
mod votes;
mod words;
mod worlds;

use std::sync::Arc;

use super::*;
use tablecast_core::logic::{Context, Member};
use tablecast_core::{App, Logic, MemberId, PersonId, PersonKey};
use unicode_normalization::UnicodeNormalization;

/// 00 01 02 … 1f.
fn secret() -> MasterSecret {
    MasterSecret::new(std::array::from_fn(|at| at as u8))
}

fn empty(max_items: usize) -> Menu {
    Menu::new(max_items, secret())
}

const ANNA: Member<'_> = Member {
    id: MemberId(1),
    name: "Anna",
    person: None,
    role: None,
};
const BEN: Member<'_> = Member {
    id: MemberId(2),
    name: "Ben",
    person: None,
    role: None,
};

fn context(by: Member<'_>) -> Context<'_> {
    at(by, 0)
}

fn at(by: Member<'_>, now: u64) -> Context<'_> {
    Context {
        by: Some(by),
        now,
        seats: &[ANNA, BEN],
        forms: Menu::FORMS,
    }
}

/// Decides and applies; the code of a rejection.
fn does(menu: &mut Menu, by: Member<'_>, command: &Command) -> Result<usize, &'static str> {
    does_at(menu, by, command, 0)
}

fn does_at(
    menu: &mut Menu,
    by: Member<'_>,
    command: &Command,
    now: u64,
) -> Result<usize, &'static str> {
    let events = menu
        .decide(&at(by, now), command)
        .map_err(|r| r.code.as_str())?;
    for event in &events {
        menu.apply(Some(by.id), event);
    }
    Ok(events.len())
}

/// As `does`, by the command's JSON.
fn asks(menu: &mut Menu, by: Member<'_>, command: &str) -> Result<usize, &'static str> {
    does(menu, by, &json(command).unwrap())
}

/// Whoever has this key.
fn person(key: u128) -> PersonId {
    PersonId::new(PersonKey(key), &"r".parse().unwrap())
}

/// The winner and the kind of the decision.
fn decided(menu: &Menu) -> Option<(u64, How)> {
    let decision = menu.table.settling.decision.as_deref()?;
    Some((decision.winner.number, decision.how))
}

/// The table as a member's client reads it.
fn seen_by(menu: &Menu, viewer: Option<MemberId>) -> Table {
    serde_json::from_str(&serde_json::to_string(&menu.view(viewer)).unwrap()).unwrap()
}

/// The votes for an item as somebody sees them.
fn votes(menu: &Menu, viewer: Option<MemberId>, number: u64) -> Vec<u64> {
    let seen = seen_by(menu, viewer);
    let mut all = seen.items.iter().chain(&*seen.removed);
    let item = all.find(|item| item.number == number).unwrap();
    item.votes.iter().map(|member| member.0).collect()
}

fn says(menu: &mut Menu, line: &str) -> Result<usize, &'static str> {
    let command = Menu::text_command(line).map_err(|r| r.code.as_str())?;
    does(menu, ANNA, &command)
}

fn json(text: &str) -> Result<Command, serde_json::Error> {
    serde_json::from_str(text)
}

fn menu(lines: &[&str]) -> Menu {
    let mut menu = empty(100);
    for line in lines {
        says(&mut menu, line).unwrap();
    }
    menu
}

#[test]
fn the_menu_is_in_order_of_adding_and_holds_the_same_item_twice() {
    let menu = menu(&["add:pizza", "add:김치찌개", "add:pizza"]);
    assert_eq!(menu.text_state(), r#"["pizza","김치찌개","pizza"]"#);
    assert_eq!(empty(1).text_state(), "[]");
}

#[test]
fn remove_takes_the_first_equal_one() {
    let mut menu = menu(&["add:a", "add:b", "add:a", "add:c"]);
    says(&mut menu, "remove:a").unwrap();
    assert_eq!(menu.text_state(), r#"["b","a","c"]"#);
    assert_eq!(
        menu.items().map(|i| i.number).collect::<Vec<_>>(),
        [2, 3, 4]
    );
}

#[test]
fn a_number_is_never_used_twice() {
    let mut menu = menu(&["add:a", "remove:a", "add:b"]);
    assert_eq!(menu.items().next().unwrap().number, 2);
    does(
        &mut menu,
        ANNA,
        &json(r#"{"remove":{"number":2}}"#).unwrap(),
    )
    .unwrap();
    assert_eq!(menu.text_state(), "[]");
}

#[test]
fn every_line_that_is_no_command_is_refused_by_its_code_and_changes_nothing() {
    let mut menu = menu(&["add:pizza"]);
    let before = menu.clone();
    let nfd: String = "김치찌개".nfd().collect();
    let long = "x".repeat(1 << 20);
    for (line, code) in [
        ("", "bad_command"),
        ("add", "bad_command"),
        (":", "bad_command"),
        (":pizza", "bad_command"),
        ("drop:x", "bad_command"),
        ("vote:pizza", "bad_command"),
        ("ad d:x", "bad_command"),
        ("add：x", "bad_command"),
        ("add:", "empty"),
        ("add:   ", "empty"),
        ("add:\u{200B}\u{200D}", "empty"),
        ("remove:", "empty"),
        ("remove:absent", "not_found"),
        (&format!("remove:{nfd}"), "not_found"),
        ("add:a\rb", "bad_item"),
        ("add:a\nadd:b", "bad_item"),
        ("add:a\0", "bad_item"),
        ("add:\u{202E}evil", "bad_item"),
        (&format!("add:{long}"), "too_long"),
        (&format!("remove:{long}"), "too_long"),
        (&format!("add:a{}", "\u{0301}".repeat(500)), "too_long"),
    ] {
        assert_eq!(
            says(&mut menu, line),
            Err(code),
            "{:?}",
            line.get(..40).unwrap_or(line)
        );
    }
    assert_eq!(menu, before);
}

#[test]
fn a_refused_line_is_told_what_is_allowed_in_few_words() {
    for line in [
        "",
        "hello",
        "drop:x",
        &format!("{}:x", "\u{7}".repeat(100_000)),
    ] {
        let message = Menu::text_command(line).unwrap_err().message;
        assert!(message.contains("add:ITEM or remove:ITEM"), "{message}");
        assert!(message.len() < 300 && message.chars().all(|c| !c.is_control()));
    }
}

#[test]
fn the_word_may_be_in_any_case_with_blanks_and_splits_at_the_first_colon() {
    let menu = menu(&["ADD: x ", " Add :a:b", "add:::", "aDD:http://x"]);
    assert_eq!(menu.text_state(), r#"["x","a:b","::","http://x"]"#);
}

#[test]
fn an_item_is_data_whatever_it_looks_like() {
    let odd = [
        "<img src=x onerror=alert(1)>",
        "javascript:alert(1)",
        "__proto__",
        "constructor",
        "👨‍👩‍👧‍👦",
        "\"quoted\\\"",
    ];
    let lines: Vec<String> = odd.iter().map(|item| format!("add:{item}")).collect();
    let menu = menu(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let back: Vec<String> = serde_json::from_str(&menu.text_state()).unwrap();
    assert_eq!(back, odd);
}

#[test]
fn an_item_is_found_in_either_unicode_form() {
    let nfd: String = "김치찌개".nfd().collect();
    let mut menu = menu(&[&format!("add:{nfd}")]);
    assert_eq!(menu.text_state(), r#"["김치찌개"]"#);
    says(&mut menu, "remove:김치찌개").unwrap();
    assert_eq!(menu.text_state(), "[]");
}

#[test]
fn a_full_menu_takes_no_more_until_something_is_removed() {
    let mut menu = empty(2);
    says(&mut menu, "add:a").unwrap();
    says(&mut menu, "add:b").unwrap();
    assert_eq!(says(&mut menu, "add:c"), Err("menu_full"));
    says(&mut menu, "remove:a").unwrap();
    says(&mut menu, "add:c").unwrap();
}

#[test]
fn a_vote_counts_once_and_can_be_taken_back_and_outlives_its_member() {
    let mut menu = menu(&["add:pizza", "add:pho"]);
    let on = json(r#"{"vote":{"item":"pho","on":true}}"#).unwrap();
    let off = json(r#"{"vote":{"number":2,"on":false}}"#).unwrap();
    assert_eq!(does(&mut menu, ANNA, &on), Ok(1));
    assert_eq!(does(&mut menu, ANNA, &on), Ok(0));
    assert_eq!(does(&mut menu, BEN, &on), Ok(1));
    assert_eq!(menu.items().nth(1).unwrap().votes, [ANNA.id, BEN.id]);
    assert_eq!(does(&mut menu, ANNA, &off), Ok(1));
    assert_eq!(does(&mut menu, ANNA, &off), Ok(0));
    assert_eq!(menu.items().nth(1).unwrap().votes, [BEN.id]);
}

#[test]
fn votes_are_bounded() {
    let mut menu = menu(&["add:pizza"]);
    let on = json(r#"{"vote":{"number":1,"on":true}}"#).unwrap();
    let by = |id| Member {
        person: None,
        role: None,
        id: MemberId(id),
        name: "x",
    };
    for id in 0..MAX_VOTES as u64 {
        does(&mut menu, by(id), &on).unwrap();
    }
    assert_eq!(does(&mut menu, by(1 << 40), &on), Err("votes_full"));
}

#[test]
fn a_target_is_named_exactly_once() {
    let mut menu = menu(&["add:pizza"]);
    for (text, code) in [
        (r#"{"remove":{}}"#, "bad_command"),
        (r#"{"remove":{"item":"pizza","number":1}}"#, "bad_command"),
        (r#"{"vote":{"on":true}}"#, "bad_command"),
        (r#"{"remove":{"number":2}}"#, "not_found"),
        (r#"{"vote":{"item":"pho","on":true}}"#, "not_found"),
        (r#"{"add":{"item":" "}}"#, "empty"),
    ] {
        assert_eq!(
            does(&mut menu, ANNA, &json(text).unwrap()),
            Err(code),
            "{text}"
        );
    }
}

#[test]
fn a_json_command_with_anything_unknown_is_refused_by_name() {
    for (text, named) in [
        (r#"{"drop":{"item":"x"}}"#, "drop"),
        (r#"{"add":{"item":"x","member":7}}"#, "member"),
        (r#"{"add":{}}"#, "item"),
        (r#"{"add":{"item":1}}"#, "integer"),
        (r#"{"remove":{"number":-1}}"#, "-1"),
        (r#"{"remove":{"number":1e999}}"#, "range"),
        (r#"{"vote":{"number":1}}"#, "on"),
        (r#"{"vote":{"number":1,"on":true,"by":2}}"#, "by"),
        (r#"{"add":{"item":"x","item":"y"}}"#, "item"),
        (r#"{"add":{"item":"\ud800"}}"#, "hex escape"),
        (r#"{"title":{}}"#, "title"),
        (r#"{"title":{"title":7}}"#, "string"),
        (r#"{"extend":{"minutes":5}}"#, "minutes"),
        (r#"{"extend":null}"#, "{}"),
        (r#"{"restore":{"item":"a"}}"#, "item"),
        (r#"{"decide":{"how":"dice"}}"#, "dice"),
        (r#"{"decide":{}}"#, "how"),
        (r#"{"contribute":{"draw":1}}"#, "value"),
        (
            r#"{"contribute":{"draw":1,"value":""}}"#,
            "64 lower-case hex",
        ),
        (r#"{"reveal":{"draw":"1"}}"#, "string"),
    ] {
        let error = json(text).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error}");
    }
}

#[test]
fn what_is_stored_and_read_again_is_the_same() {
    let mut menu = menu(&["add:a", "add:b", "remove:a"]);
    let on = json(r#"{"vote":{"number":2,"on":true}}"#).unwrap();
    does(&mut menu, BEN, &on).unwrap();
    let stored = serde_json::to_string(&menu).unwrap();
    assert_eq!(serde_json::from_str::<Menu>(&stored).unwrap(), menu);
    // Rooms outlive the server that wrote them.
    let master = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    let commitment = "aafeac2f0a18f68f495a6423e1bb429225bbf2e0969217e8f0e192e26e5b9b1e";
    assert_eq!(
        stored,
        format!(
            r#"{{"max_items":100,"title":null,"last":2,"items":[{{"number":2,"item":"b","by":1,"name":"Anna","votes":[2]}}],"removed":[{{"number":1,"item":"a","by":1,"name":"Anna","votes":[]}}],"settling":{{"secret":"{master}","next_draw":{{"number":1,"commitment":"{commitment}"}},"drawing":null,"decision":null}}}}"#
        )
    );
}

/// What a store gives back may be damaged.
#[test]
fn what_is_stored_in_no_order_is_refused_and_an_event_that_does_not_fit_keeps_the_order() {
    let mut menu = menu(&["add:a", "add:b"]);
    let stored = serde_json::to_string(&menu).unwrap();
    for (number, other) in [(2, 1), (1, 3)] {
        let damaged = stored.replace(
            &format!("\"number\":{number},\"item\""),
            &format!("\"number\":{other},\"item\""),
        );
        let refused = serde_json::from_str::<Menu>(&damaged).unwrap_err();
        assert!(refused.to_string().contains("order"), "{refused}");
    }
    for number in [0, 1, 2, u64::MAX, 3] {
        let (item, name) = ("c".into(), "Anna".into());
        menu.apply(Some(ANNA.id), &Event::Added { number, item, name });
        let stored = serde_json::to_string(&menu).unwrap();
        assert_eq!(serde_json::from_str::<Menu>(&stored).unwrap(), menu);
    }
    let numbers: Vec<u64> = menu.items().map(|item| item.number).collect();
    assert_eq!(numbers, [1, 2, u64::MAX]);
    assert_eq!(says(&mut menu, "add:d"), Ok(1), "and it does not overflow");
}

#[test]
fn the_json_view_tells_who_added_what_and_who_votes() {
    let mut menu = menu(&["add:pho"]);
    let on = json(r#"{"vote":{"number":1,"on":true}}"#).unwrap();
    does(&mut menu, BEN, &on).unwrap();
    assert_eq!(
        serde_json::to_value(menu.view(None)).unwrap(),
        serde_json::json!({
            "title": null,
            "items": [{"number": 1, "item": "pho", "by": 1, "name": "Anna", "votes": [2]}],
            "max_items": 100,
            "next_draw": {
                "number": 1,
                "commitment": "aafeac2f0a18f68f495a6423e1bb429225bbf2e0969217e8f0e192e26e5b9b1e",
            },
            "drawing": null,
            "decision": null,
            "rules": {"hidden_votes": false, "votes_each": null},
            "locked": false,
            "voted": [2],
            "removed": [],
            "past": [],
        })
    );
}

#[test]
fn a_title_is_cleaned_and_can_be_taken_away() {
    let mut menu = empty(100);
    let nfd: String = "점심".nfd().collect();
    let title = |title: &str| {
        Command::Title(Title {
            title: Some(title.to_owned()),
        })
    };
    let none = json(r#"{"title":{"title":null}}"#).unwrap();
    assert_eq!(does(&mut menu, ANNA, &none), Ok(0));
    assert_eq!(does(&mut menu, ANNA, &title(&format!("  {nfd} "))), Ok(1));
    assert_eq!(menu.table.title.as_deref(), Some("점심"));
    assert_eq!(does(&mut menu, BEN, &title("점심")), Ok(0));
    for (text, code) in [
        (" \u{200B}", "empty"),
        (&*"x".repeat(61), "too_long"),
        ("a\nb", "bad_item"),
    ] {
        assert_eq!(does(&mut menu, ANNA, &title(text)), Err(code), "{text:?}");
        assert_eq!(
            empty(1).with_title(text).map_err(|r| r.code.as_str()),
            Err(code)
        );
    }
    assert_eq!(does(&mut menu, ANNA, &title(&"😀".repeat(60))), Ok(1));
    assert_eq!(does(&mut menu, ANNA, &none), Ok(1));
    assert_eq!(menu.table.title.as_deref(), None);
    assert_eq!(
        empty(1).with_title(" a ").unwrap().table.title.as_deref(),
        Some("a")
    );
}

#[test]
fn an_item_is_put_back_at_its_place_with_its_votes() {
    let mut menu = menu(&["add:a", "add:b", "add:c"]);
    let on = json(r#"{"vote":{"number":2,"on":true}}"#).unwrap();
    does(&mut menu, BEN, &on).unwrap();
    let before = menu.clone();
    let restore = json(r#"{"restore":{"number":2}}"#).unwrap();
    says(&mut menu, "remove:b").unwrap();
    assert_eq!(does(&mut menu, BEN, &on), Err("not_found"));
    assert_eq!(does(&mut menu, BEN, &restore), Ok(1));
    assert_eq!(menu, before);
    assert_eq!(does(&mut menu, BEN, &restore), Ok(0));
    let restore = json(r#"{"restore":{"number":4}}"#).unwrap();
    assert_eq!(does(&mut menu, BEN, &restore), Err("not_found"));
}

#[test]
fn a_full_menu_takes_nothing_back_either() {
    let mut menu = empty(1);
    for line in ["add:a", "remove:a", "add:b"] {
        says(&mut menu, line).unwrap();
    }
    let restore = json(r#"{"restore":{"number":1}}"#).unwrap();
    assert_eq!(does(&mut menu, ANNA, &restore), Err("menu_full"));
    says(&mut menu, "remove:b").unwrap();
    assert_eq!(does(&mut menu, ANNA, &restore), Ok(1));
}

#[test]
fn the_twenty_that_were_removed_last_can_be_put_back() {
    let mut menu = empty(100);
    for number in 1..=MAX_REMOVED as u64 + 2 {
        says(&mut menu, &format!("add:{number}")).unwrap();
        says(&mut menu, &format!("remove:{number}")).unwrap();
    }
    let restore = |number| Command::Restore(Restore { number });
    assert_eq!(does(&mut menu, ANNA, &restore(2)), Err("not_found"));
    assert_eq!(does(&mut menu, ANNA, &restore(3)), Ok(1));
    assert_eq!(menu.table.removed.len(), MAX_REMOVED - 1);
}

#[test]
fn extending_is_an_event_and_changes_nothing() {
    let mut menu = menu(&["add:a"]);
    let before = menu.clone();
    let extend = json(r#"{"extend":{}}"#).unwrap();
    assert_eq!(does(&mut menu, BEN, &extend), Ok(1));
    assert_eq!(menu, before);
}

#[test]
fn what_the_text_dialect_shows_changes_only_with_the_items() {
    let item = || {
        Arc::new(Item {
            number: 1,
            item: "a".into(),
            by: ANNA.id,
            name: "Anna".into(),
            votes: Vec::new(),
            vetoes: Vec::new(),
        })
    };
    assert!(Menu::changes_text(&Event::Restored(item())));
    assert!(Menu::changes_text(&Event::Removed { number: 1 }));
    assert!(!Menu::changes_text(&Event::Extended {}));
    assert!(!Menu::changes_text(&Event::Titled { title: None }));
}
