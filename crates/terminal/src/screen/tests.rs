//! The picture, and what keys do, without a terminal.
#![allow(clippy::unwrap_used)]

mod desk;
mod rules;

use crossterm::event::{Event, KeyCode};
use serde_json::json;
use tablecast_client::Incoming;
use unicode_width::UnicodeWidthStr;

use crate::run::Ui;
use crate::words::{ENGLISH, KOREAN};
use desk::{Desk, NOW, url};

fn assert_picture(desk: &mut Desk<'_>, expected: &str) {
    let picture = desk.picture();
    assert_eq!(picture.trim_end(), expected.trim_end(), "it is:\n{picture}");
}

#[test]
fn a_room_fits_on_80_by_24() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.types("칼국수");
    assert_picture(&mut desk, include_str!("pictures/english-80x24.txt"));
}

#[test]
fn a_room_fits_on_40_by_12_in_korean() {
    let url = url();
    let mut desk = Desk::joined(&url, &KOREAN, 40, 12);
    desk.happens(10, 2, json!({"voted":{"number":3,"on":true}}));
    assert_picture(&mut desk, include_str!("pictures/korean-40x12.txt"));
}

#[test]
fn help_and_what_was_decided_fit_on_40_by_12() {
    let url = url();
    let hex = "0".repeat(64);
    for (lang, name, verdict) in [
        (&ENGLISH, "english", "NOT FAIR"),
        (&KOREAN, "korean", "공정하지 않음"),
    ] {
        let mut desk = Desk::joined(&url, lang, 40, 12);
        desk.press(KeyCode::F(1));
        (0..60).for_each(|_| desk.press(KeyCode::Down));
        let help = desk.picture();
        assert!(
            help.contains("/link") && !help.contains("Enter"),
            "{name}: {help}"
        );
        desk.press(KeyCode::Esc);
        desk.happens(10, 2, json!({"drawing":{"number":1,"name":"하나","candidates":[1,2,3],"commitment":hex,"next_commitment":hex}}));
        desk.happens(11, 2, json!({"contributed":{"name":"하나","value":hex}}));
        desk.happens(
            12,
            2,
            json!({"decided":{"how":"draw","name":"하나","winner":2,"secret":hex}}),
        );
        let picture = desk.picture();
        let text = picture.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(verdict), "{name}: {picture}");
    }
}

#[test]
fn no_line_is_wider_than_the_screen_and_tiny_screens_do_no_harm() {
    let url = url();
    for lang in [&ENGLISH, &KOREAN] {
        assert!(lang.keys_wide.width() < usize::from(super::paint::WIDE));
        assert!(lang.keys_narrow.width() < 40);
        assert!(lang.press_to_end.width() < 40);
        let rows = lang.keys.iter().chain(lang.commands);
        let key = rows.clone().map(|(key, _)| key.width()).max().unwrap();
        for (_, does) in rows {
            assert!(1 + key + 2 + does.width() <= 40, "{does}");
        }
    }
    for (width, height) in [(1, 1), (3, 2), (20, 5), (200, 60)] {
        let mut desk = Desk::joined(&url, &KOREAN, width, height);
        desk.types("김치");
        desk.press(KeyCode::F(1));
    }
}

#[test]
fn a_low_screen_still_shows_the_menu() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 30, 8);
    desk.happens(
        10,
        1,
        json!({"decided":{"how":"votes","name":"Mina","winner":1}}),
    );
    let picture = desk.picture();
    assert!(picture.contains("김치찌개"), "{picture}");
    assert!(picture.contains("pizza"), "{picture}");
}

#[test]
fn what_was_said_is_shown_to_its_end() {
    let url = url();
    for (lang, end) in [(&ENGLISH, "adds it"), (&KOREAN, "쓰세요")] {
        for width in (50..=100).step_by(3) {
            let mut desk = Desk::joined(&url, lang, width, 24);
            desk.types("/nope");
            desk.press(KeyCode::Enter);
            let picture = desk.picture();
            let words: Vec<&str> = picture.split_whitespace().collect();
            assert!(words.join(" ").contains(end), "{picture}");
            // It takes no row that it does not need: its end is above the prompt.
            let last = picture.lines().nth(24 - 3).unwrap();
            assert!(!last.trim().is_empty(), "{picture}");
        }
    }
}

#[test]
fn what_the_connection_is_like_is_told_as_it_is() {
    let url = url();
    let mut desk = Desk::new(&url, &ENGLISH, 80, 24);
    assert!(desk.picture().contains("connecting"));
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    assert!(desk.picture().contains("live, 9:30 left"));
    desk.session.hear(Incoming::Closed(4403), NOW);
    let picture = desk.picture();
    assert!(picture.contains("offline, again in 30 s"), "{picture}");
    assert!(picture.contains("the room is full"), "{picture}");
    desk.types("pizza night");
    desk.press(KeyCode::Enter);
    assert!(desk.picture().contains("(1 not sent yet)"));
    desk.session.hear(Incoming::Closed(4410), NOW);
    let picture = desk.picture();
    assert!(
        picture.contains("ended") && picture.contains("expired"),
        "{picture}"
    );
    assert!(desk.screen.stays());
    // What cannot be understood can be left.
    desk.types("/nope");
    for key in [KeyCode::Enter, KeyCode::Left, KeyCode::Esc, KeyCode::Esc] {
        assert!(desk.screen.stays());
        desk.press(key);
    }
    assert!(!desk.screen.stays());
}

#[test]
fn enter_on_nothing_votes_for_what_is_chosen_and_takes_the_vote_back() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.press(KeyCode::Enter);
    assert_eq!(
        desk.said(),
        [r#"{"id":1,"vote":{"number":2,"on":false}}"#],
        "most wanted first"
    );
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Enter);
    // Before any answer came.
    desk.press(KeyCode::Enter);
    assert_eq!(
        desk.said(),
        [
            r#"{"id":2,"vote":{"number":1,"on":true}}"#,
            r#"{"id":3,"vote":{"number":1,"on":false}}"#
        ]
    );
}

#[test]
fn keys_act_on_the_chosen_item_wherever_it_moves() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.press(KeyCode::Down);
    desk.press(KeyCode::Down);
    for (seq, by) in [(10, 1), (11, 2), (12, 7), (13, 8)] {
        desk.happens(seq, by, json!({"voted":{"number":3,"on":true}}));
    }
    desk.control('x');
    assert_eq!(desk.said(), [r#"{"id":1,"remove":{"number":3}}"#]);
    desk.happens(14, 1, json!({"removed":{"number":3}}));
    desk.control('z');
    desk.control('z');
    assert_eq!(desk.said(), [r#"{"id":2,"restore":{"number":3}}"#]);
    assert!(desk.picture().contains("you have removed nothing"));
    desk.press(KeyCode::Delete);
    assert_eq!(desk.said(), [r#"{"id":3,"remove":{"number":2}}"#]);
}

#[test]
fn keys_that_edit_do_not_remove() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.types("ab");
    desk.press(KeyCode::Home);
    desk.press(KeyCode::Delete);
    desk.control('d');
    assert_eq!(desk.said(), [""; 0]);
    assert!(desk.screen.stays(), "there was something to delete");
    desk.control('d');
    assert_eq!(desk.said(), ["Goodbye"]);
    assert!(!desk.screen.stays());
}

#[test]
fn what_is_there_already_is_voted_for_instead() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    // Decomposed, as some input methods and file names have it.
    let nfd = "\u{1100}\u{1175}\u{11B7}\u{110E}\u{1175}\u{110D}\u{1175}\u{1100}\u{1162}";
    let paste = Event::Paste(format!(" {nfd}\n"));
    desk.screen.input(paste, &mut desk.session, NOW).unwrap();
    desk.press(KeyCode::Enter);
    assert_eq!(desk.said(), [r#"{"id":1,"vote":{"number":2,"on":true}}"#]);
    assert!(desk.picture().contains("on the menu already"));
    // As the page has it, case and what cannot be seen make no other dish.
    desk.types(" PIZZA\u{200B}");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.said(), [r#"{"id":2,"vote":{"number":1,"on":true}}"#]);
    for soup in ["Soup", "soup"] {
        desk.types(soup);
        desk.press(KeyCode::Enter);
    }
    assert_eq!(desk.said(), [r#"{"id":3,"add":{"item":"Soup"}}"#]);
    assert!(desk.picture().contains("on its way already"));
}

#[test]
fn a_line_that_is_not_understood_stays_to_be_mended() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.types("/drow");
    desk.press(KeyCode::Enter);
    let picture = desk.picture();
    assert!(
        picture.contains("there is no /drow") && picture.contains("> /drow"),
        "{picture}"
    );
    desk.control('u');
    desk.types("/title Friday");
    desk.press(KeyCode::Enter);
    assert_eq!(desk.said(), [r#"{"id":1,"title":{"title":"Friday"}}"#]);
}

#[test]
fn nothing_that_others_write_reaches_the_terminal_as_a_control_sequence() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    let evil = "\u{1b}]0;x\u{7}\u{9b}2J\u{202e}evil";
    desk.happens(10, 2, json!({"added":{"number":4,"item":evil,"name":evil}}));
    desk.happens(11, 2, json!({"titled":{"title":evil}}));
    desk.hears(json!({"error":{"id":1,"code":"x","message":evil}}));
    let picture = desk.picture();
    assert!(picture.contains("evil"));
    assert!(!picture.contains(|c: char| c != '\n' && (c.is_control() || c == '\u{202e}')));
}

#[test]
fn each_line_that_is_pasted_is_a_dish() {
    let url = url();
    let add = |id: u64, item: &str| format!(r#"{{"id":{id},"add":{{"item":"{item}"}}}}"#);
    for ends in ["\n", "\r", "\r\n", "\n\n"] {
        let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
        desk.types("hot ");
        let text = ["soup", "  ", "냉면", "/nope", "fries", "fries"].join(ends);
        let paste = Event::Paste(text);
        desk.screen.input(paste, &mut desk.session, NOW).unwrap();
        assert_eq!(
            desk.said(),
            [add(1, "hot soup"), add(2, "냉면"), add(3, "fries")],
            "{ends:?}"
        );
        let picture = desk.picture();
        assert!(picture.contains("there is no /nope"), "{picture}");
    }
    // One line is there to be looked at, and what is far too long is not taken in silence.
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    for (pasted, shown) in [
        ("soup\n", "> soup"),
        (&*"x".repeat(5_000), "too long for a line"),
    ] {
        let paste = Event::Paste(pasted.to_owned());
        desk.screen.input(paste, &mut desk.session, NOW).unwrap();
        let picture = desk.picture();
        assert!(picture.contains(shown), "{picture}");
    }
    assert_eq!(desk.said(), [""; 0]);
    // Without brackets a line end is a key, which some terminals send as Control and J.
    desk.control('j');
    desk.control('j');
    assert_eq!(desk.said(), [add(1, "soup")]);
}

#[test]
fn a_refusal_stays_until_something_else_is_entered() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    let paste = Event::Paste("soup\nrice\n".to_owned());
    desk.screen.input(paste, &mut desk.session, NOW).unwrap();
    let refused = |id: u64, message: &str| json!({"error":{"id":id,"code":"x","message":message}});
    desk.hears(refused(1, "no soup"));
    desk.happens(10, 2, json!({"voted":{"number":1,"on":false}}));
    desk.types("fries");
    assert!(desk.picture().contains("no soup"), "{}", desk.picture());
    desk.hears(refused(2, "no rice"));
    let picture = desk.picture();
    assert!(picture.contains("no soup, 1 more"), "{picture}");
    desk.session.hear(Incoming::Closed(4403), NOW);
    let picture = desk.picture();
    assert!(picture.contains("the room is full; "), "{picture}");
    desk.press(KeyCode::Enter);
    assert!(!desk.picture().contains("no soup"));
}

/// Nothing was typed then, and Enter in an empty line votes.
#[test]
fn lines_that_cannot_be_taken_do_not_vote() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    let long = "x".repeat(5_000);
    for pasted in [format!("{long}\n{long}"), "\u{7}\n\u{7}".to_owned()] {
        let paste = Event::Paste(pasted);
        desk.screen.input(paste, &mut desk.session, NOW).unwrap();
        assert_eq!(desk.said(), [""; 0]);
    }
    let picture = desk.picture();
    assert!(
        !picture.contains("too long for a line, 1 more"),
        "{picture}"
    );
}

#[test]
fn all_of_the_help_can_be_reached_and_left() {
    let url = url();
    for (lang, forth, back) in [
        (&ENGLISH, KeyCode::Down, KeyCode::Up),
        (&KOREAN, KeyCode::PageDown, KeyCode::PageUp),
        (&ENGLISH, KeyCode::End, KeyCode::Home),
    ] {
        let mut desk = Desk::joined(&url, lang, 40, 12);
        desk.press(KeyCode::F(1));
        let first = desk.picture();
        let mut seen = first.clone();
        for _ in 0..40 {
            desk.press(forth);
            seen.push_str(&desk.picture());
        }
        let last = desk.picture();
        assert!(first.contains(lang.help_goes_on), "{first}");
        assert!(last.contains("/quit"), "{last}");
        for (key, does) in lang.keys.iter().chain(lang.commands) {
            let is_jump = forth == KeyCode::End;
            assert!(
                is_jump || (seen.contains(key) && seen.contains(does)),
                "{key}: {does}"
            );
        }
        // However often a key was pressed, the first one back moves it.
        desk.press(back);
        assert_ne!(desk.picture(), last);
        (0..40).for_each(|_| desk.press(back));
        assert_eq!(desk.picture(), first);
        desk.press(KeyCode::Esc);
        assert!(!desk.picture().contains(lang.help_goes_on));
    }
}

#[test]
fn what_does_not_fit_ends_with_dots_and_is_shown_whole_below() {
    let url = url();
    for (width, columns) in [(80, 46), (40, 31)] {
        let mut desk = Desk::joined(&url, &ENGLISH, width, 24);
        let long = "가".repeat(60) + "끝";
        desk.happens(
            10,
            2,
            json!({"added":{"number":4,"item":long,"name":"하나"}}),
        );
        desk.happens(11, 2, json!({"titled":{"title":"긴".repeat(60)}}));
        (0..3).for_each(|_| desk.press(KeyCode::Down));
        let picture = desk.picture();
        let row = picture.lines().find(|row| row.starts_with(">  0")).unwrap();
        let item = &row[">  0 [ ] ".len()..];
        let item = item.split("..").next().unwrap();
        assert!(
            item.width() <= columns && item.width() > columns - 4,
            "{picture}"
        );
        assert!(row.contains(".."), "{picture}");
        assert!(picture.lines().next().unwrap().contains(".."), "{picture}");
        let text = picture.replace(['\n', ' '], "");
        assert!(text.contains('끝'), "{picture}");
    }
    let mut desk = Desk::joined(&url, &ENGLISH, 40, 12);
    for id in 3..10 {
        let who = json!({"joined":{"member":id,"name":format!("somebody {id}"),"colour":1}});
        let mut event = who;
        event["seq"] = json!(id + 7);
        event["expires_at"] = json!(NOW + 570_000);
        desk.hears(json!({ "event": event }));
    }
    let picture = desk.picture();
    assert!(
        picture.lines().nth(1).unwrap().ends_with(" .."),
        "{picture}"
    );
    desk.types("/members");
    desk.press(KeyCode::Enter);
    assert!(desk.picture().contains("somebody 7"), "{}", desk.picture());
}

#[test]
fn what_was_decided_is_said_once_and_marked() {
    let url = url();
    for (lang, said, mark) in [
        (&ENGLISH, "Decided", "[x] 김치찌개  <- decided"),
        (&KOREAN, "결정:", "[x] 김치찌개  <- 결정"),
    ] {
        let mut desk = Desk::joined(&url, lang, 80, 24);
        desk.happens(
            10,
            2,
            json!({"decided":{"how":"votes","name":"하나","winner":2}}),
        );
        let picture = desk.picture();
        assert_eq!(picture.matches(said).count(), 1, "{picture}");
        assert!(picture.contains(mark), "{picture}");
    }
}

#[test]
fn what_was_not_sent_when_it_ended_is_named() {
    let url = url();
    let mut desk = Desk::joined(&url, &ENGLISH, 80, 24);
    desk.session.hear(Incoming::Closed(1006), NOW);
    for dish in ["pizza night", "냉면"] {
        desk.types(dish);
        desk.press(KeyCode::Enter);
    }
    desk.session.hear(Incoming::Closed(4404), NOW);
    // Its writer may not have seen the end yet.
    desk.types("soup");
    desk.press(KeyCode::Enter);
    assert!(desk.screen.stays());
    let picture = desk.picture();
    let picture = picture.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "the room is gone",
        "not sent: \"pizza night\", \"냉면\", \"soup\"",
    ] {
        assert!(picture.contains(part), "no {part}: {picture}");
    }
    assert!(
        !picture.contains("not sent yet") && !picture.contains("no such room"),
        "{picture}"
    );
    desk.press(KeyCode::Enter);
    assert!(!desk.screen.stays());
}

#[test]
fn that_a_newer_program_is_needed_is_told_once_and_the_room_goes_on() {
    let url = url();
    for lang in [&ENGLISH, &KOREAN] {
        let mut desk = Desk::joined(&url, lang, 120, 24);
        desk.happens(10, 2, json!({"seasoned":{"number":1}}));
        let picture = desk.picture();
        assert!(picture.contains((lang.again_in)(1).as_str()), "{picture}");
        assert!(picture.contains(lang.outdated), "{picture}");
        desk.joins_again();
        let picture = desk.picture();
        assert!(picture.contains(lang.outdated), "still: {picture}");
        desk.happens(10, 2, json!({"voted":{"number":3,"on":true}}));
        desk.happens(11, 2, json!({"seasoned":{"number":1}}));
        desk.joins_again();
        let picture = desk.picture();
        assert!(!picture.contains(lang.outdated), "again: {picture}");
        desk.press(KeyCode::Enter);
        assert_eq!(
            desk.said().last().map(String::as_str),
            Some(r#"{"id":1,"vote":{"number":2,"on":false}}"#)
        );
    }
}
