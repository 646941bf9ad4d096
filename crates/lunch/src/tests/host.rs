//! The host: who is one, and what only a host may do.

use super::*;

/// Anna's room: she has the person key 1.
fn hosted() -> Menu {
    let mut menu = menu(&["add:a", "add:b"]).with_host(person(1));
    assert_eq!(joins(&mut menu, BEN, 2), 0);
    assert_eq!(joins(&mut menu, ANNA, 1), 1);
    menu
}

/// A member with this key has a seat now. How many events follow.
fn joins(menu: &mut Menu, member: Member<'_>, key: u128) -> usize {
    let person = Some(person(key));
    let events = menu.joined(Member { person, ..member });
    for event in &events {
        menu.apply(Some(member.id), event);
    }
    events.len()
}

fn leaves(menu: &mut Menu, member: Member<'_>) -> usize {
    let events = menu.left(member.id, false);
    for event in &events {
        menu.apply(None, event);
    }
    events.len()
}

fn host(menu: &Menu) -> Option<u64> {
    menu.table.house.host.map(|host| host.0)
}

const LOCK: &str = r#"{"lock":{"on":true}}"#;

#[test]
fn whoever_made_the_room_is_its_host_whenever_they_are_there() {
    let mut menu = hosted();
    assert_eq!(host(&menu), Some(1));
    assert!(menu.remembers(ANNA.id) && menu.state_form() == 2);
    assert!(menu.needs(ANNA.id) && !menu.needs(BEN.id));
    assert_eq!(leaves(&mut menu, BEN), 0);
    assert_eq!(leaves(&mut menu, ANNA), 1);
    assert_eq!(host(&menu), None);
    assert_eq!(joins(&mut menu, BEN, 2), 0);
    assert_eq!(joins(&mut menu, ANNA, 1), 1);
    assert_eq!(joins(&mut menu, ANNA, 1), 0);
    assert_eq!(host(&menu), Some(1));
}

#[test]
fn without_a_host_everybody_may_do_everything_but_what_is_the_hosts() {
    let mut menu = menu(&["add:a"]);
    for command in [
        LOCK,
        r#"{"host":{"member":2}}"#,
        r#"{"dismiss":{"member":2}}"#,
    ] {
        assert_eq!(asks(&mut menu, ANNA, command), Err("no_host"), "{command}");
    }
    assert_eq!(asks(&mut menu, BEN, r#"{"remove":{"number":1}}"#), Ok(1));
}

#[test]
fn a_locked_menu_is_the_hosts_and_votes_stay_everybodys() {
    let mut menu = hosted();
    assert_eq!(asks(&mut menu, BEN, LOCK), Err("host_only"));
    assert_eq!(asks(&mut menu, ANNA, LOCK), Ok(1));
    assert_eq!(asks(&mut menu, ANNA, LOCK), Ok(0));
    for command in [
        r#"{"add":{"item":"c"}}"#,
        r#"{"remove":{"number":1}}"#,
        r#"{"restore":{"number":1}}"#,
        r#"{"title":{"title":"x"}}"#,
        r#"{"rules":{"votes_each":1}}"#,
        r#"{"deadline":{"in_ms":60000}}"#,
        r#"{"decide":{"how":"votes"}}"#,
        r#"{"reinstate":{"decision":1}}"#,
    ] {
        assert_eq!(asks(&mut menu, BEN, command), Err("host_only"), "{command}");
    }
    let line = Menu::text_command("add:c").unwrap();
    assert_eq!(does(&mut menu, BEN, &line), Err("host_only"));
    for command in [
        r#"{"vote":{"number":1,"on":true}}"#,
        r#"{"veto":{"number":2,"on":true}}"#,
        r#"{"nudge":{}}"#,
        r#"{"extend":{}}"#,
    ] {
        assert_eq!(asks(&mut menu, BEN, command), Ok(1), "{command}");
    }
    assert_eq!(asks(&mut menu, ANNA, r#"{"add":{"item":"c"}}"#), Ok(1));
    asks(&mut menu, ANNA, r#"{"decide":{"how":"draw"}}"#).unwrap();
    let value = "1".repeat(64);
    let contribute = format!(r#"{{"contribute":{{"draw":1,"value":"{value}"}}}}"#);
    assert_eq!(asks(&mut menu, BEN, &contribute), Ok(1));
    assert_eq!(asks(&mut menu, BEN, r#"{"reveal":{"draw":1}}"#), Ok(1));
    assert_eq!(asks(&mut menu, ANNA, r#"{"lock":{"on":false}}"#), Ok(1));
    assert_eq!(asks(&mut menu, BEN, r#"{"title":{"title":"x"}}"#), Ok(1));
}

#[test]
fn a_lock_ends_when_the_host_has_left() {
    let mut menu = hosted();
    asks(&mut menu, ANNA, LOCK).unwrap();
    leaves(&mut menu, ANNA);
    assert_eq!(asks(&mut menu, BEN, r#"{"remove":{"number":1}}"#), Ok(1));
    joins(&mut menu, ANNA, 1);
    assert!(!menu.table.house.locked);
}

#[test]
fn the_host_hands_over_to_somebody_who_has_a_seat() {
    let mut menu = hosted();
    let hand_to = |member: u64| format!(r#"{{"host":{{"member":{member}}}}}"#);
    assert_eq!(asks(&mut menu, BEN, &hand_to(2)), Err("host_only"));
    assert_eq!(asks(&mut menu, ANNA, &hand_to(3)), Err("not_found"));
    assert_eq!(asks(&mut menu, ANNA, &hand_to(1)), Ok(0));
    asks(&mut menu, ANNA, LOCK).unwrap();
    assert_eq!(asks(&mut menu, ANNA, &hand_to(2)), Ok(1));
    assert_eq!(host(&menu), Some(2));
    assert_eq!(asks(&mut menu, ANNA, &hand_to(1)), Err("host_only"));
    assert_eq!(
        asks(&mut menu, ANNA, r#"{"add":{"item":"c"}}"#),
        Err("host_only")
    );
    assert_eq!(asks(&mut menu, BEN, r#"{"add":{"item":"c"}}"#), Ok(1));
    // Who made the room has no right any more.
    leaves(&mut menu, ANNA);
    assert_eq!(joins(&mut menu, ANNA, 1), 0);
    leaves(&mut menu, BEN);
    assert_eq!(joins(&mut menu, ANNA, 1), 0);
    // The person comes back as the same member.
    assert_eq!(joins(&mut menu, BEN, 2), 1);
    assert_eq!(host(&menu), Some(2));
}

/// Whoever has no person comes back as somebody else.
#[test]
fn the_right_of_a_member_without_a_person_ends_when_they_leave() {
    let mut menu = hosted();
    asks(&mut menu, ANNA, r#"{"host":{"member":2}}"#).unwrap();
    leaves(&mut menu, BEN);
    assert_eq!(host(&menu), None);
    let other = Member {
        id: MemberId(9),
        ..BEN
    };
    assert_eq!(menu.joined(other), []);
    assert_eq!(asks(&mut menu, ANNA, LOCK), Err("no_host"));
}

#[test]
fn the_host_asks_others_to_leave_and_not_themselves() {
    let mut menu = hosted();
    let dismiss = |member: u64| format!(r#"{{"dismiss":{{"member":{member}}}}}"#);
    assert_eq!(asks(&mut menu, BEN, &dismiss(1)), Err("host_only"));
    assert_eq!(asks(&mut menu, ANNA, &dismiss(1)), Err("bad_command"));
    assert_eq!(asks(&mut menu, ANNA, &dismiss(3)), Err("not_found"));
    let command = json(&dismiss(2)).unwrap();
    let events = menu.decide(&context(ANNA), &command).unwrap();
    assert_eq!(events.iter().find_map(Menu::dismisses), Some(BEN.id));
    let other = Event::Extended {};
    assert_eq!(Menu::dismisses(&other), None);
}

/// Wherever they said it: on the menu or on what was removed, in secret or not.
#[test]
fn whoever_was_asked_to_leave_has_no_say_any_more() {
    for hidden in [false, true] {
        let mut menu = hosted();
        asks(&mut menu, ANNA, r#"{"vote":{"number":2,"on":true}}"#).unwrap();
        if hidden {
            asks(&mut menu, ANNA, r#"{"rules":{"hidden_votes":true}}"#).unwrap();
        }
        says(&mut menu, "add:c").unwrap();
        says(&mut menu, "remove:c").unwrap();
        let before = menu.clone();
        assert_eq!(menu.left(BEN.id, true), [], "{hidden}");

        asks(&mut menu, ANNA, r#"{"restore":{"number":3}}"#).unwrap();
        for number in [1, 2, 3] {
            let veto = format!(r#"{{"veto":{{"number":{number},"on":true}}}}"#);
            does(&mut menu, BEN, &Command::vote(number, true)).unwrap();
            asks(&mut menu, BEN, &veto).unwrap();
        }
        says(&mut menu, "remove:c").unwrap();
        assert_eq!(menu.left(BEN.id, false), [], "they may come back");
        let events = menu.left(BEN.id, true);
        for event in &events {
            menu.apply(None, event);
        }
        assert_eq!(events, [Event::Cleared { member: BEN.id }]);
        // Anna has voted before votes were hidden, so somebody may have voted in secret still.
        Arc::make_mut(&mut menu.private).sealed = false;
        assert_eq!(menu, before);
    }
}

#[test]
fn hiding_may_end_when_all_are_gone_who_voted_in_secret() {
    let mut menu = hosted();
    let hide = |on: bool| format!(r#"{{"rules":{{"hidden_votes":{on}}}}}"#);
    asks(&mut menu, ANNA, &hide(true)).unwrap();
    does(&mut menu, BEN, &Command::vote(1, true)).unwrap();
    assert_eq!(asks(&mut menu, ANNA, &hide(false)), Err("votes_hidden"));
    for event in menu.left(BEN.id, true) {
        menu.apply(None, &event);
    }
    assert_eq!(asks(&mut menu, ANNA, &hide(false)), Ok(1));
}

#[test]
fn the_server_gives_no_command() {
    let menu = hosted();
    let by = None;
    let context = Context {
        by,
        ..context(ANNA)
    };
    let refused = menu.decide(&context, &json(r#"{"extend":{}}"#).unwrap());
    assert_eq!(refused.unwrap_err().code.as_str(), "bad_command");
}
