//! What is printed where.
#![allow(clippy::unwrap_used)]

#[path = "../../../client/tests/support/mod.rs"]
mod support;

use serde_json::json;
use support::hello;
use tablecast_client::protocol::client::Join;

use super::Plain;
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
