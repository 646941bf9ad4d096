//! A screen without a terminal.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::{Value, json};
use tablecast_client::protocol::client::Join;
use tablecast_client::{Effect, Entropy, Incoming, Outgoing};
use unicode_width::UnicodeWidthStr;

use crate::lunch::{Lunch, Session};
use crate::room_url::RoomUrl;
use crate::run::Ui;
use crate::screen::Screen;
use crate::user::User;
use crate::words::Lang;

pub(super) const NOW: u64 = 1_800_000_000_000;

/// The screen of a member, whose clock and server are the test's.
pub(super) struct Desk<'a> {
    pub(super) screen: Screen<'a, TestBackend>,
    pub(super) session: Session,
}

pub(super) fn url() -> RoomUrl {
    "http://127.0.0.1:8000/r/friday".parse().unwrap()
}

fn hello() -> Value {
    let item = |number, item, votes: &[u64]| json!({"number":number,"item":item,"by":1,"name":"Mina","votes":votes});
    json!({"hello":{"you":1,"name":"Mina","colour":3,"seat":"0".repeat(32),"room":"friday","resumed":false,"epoch":"0".repeat(16),"seq":9,
        "state":{"title":"금요일 점심","items":[item(1, "pizza", &[2]), item(2, "김치찌개", &[1, 2, 7]), item(3, "비빔밥 👨‍👩‍👧", &[])],
            "max_items":100,"next_draw":{"number":1,"commitment":"f".repeat(64)},"drawing":null,"decision":null},
        "members":[{"id":1,"name":"Mina","colour":3,"away":false},{"id":2,"name":"하나","colour":7,"away":true}],
        "expires_at":NOW + 570_000,"now":NOW,"seats":10,"ttl_ms":600_000,
        "limits":{"message_bytes":16384,"commands_per_second":0.0,"command_burst":20,"seat_grace_ms":30000,"ping_interval_ms":25000}}})
}

impl<'a> Desk<'a> {
    pub(super) fn new(url: &'a RoomUrl, lang: &'static Lang, width: u16, height: u16) -> Self {
        let terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let entropy = Entropy::new(|bytes| bytes.fill(0));
        let session = Session::new(Lunch::default(), Join::default(), entropy);
        let screen = Screen::new(terminal, User::new(lang, Join::default()), url);
        Desk { screen, session }
    }

    pub(super) fn joined(url: &'a RoomUrl, lang: &'static Lang, width: u16, height: u16) -> Self {
        let mut desk = Desk::new(url, lang, width, height);
        desk.joins_again();
        desk.session.effects();
        desk
    }

    /// A connection is there, and the whole state comes.
    pub(super) fn joins_again(&mut self) {
        self.session.hear(Incoming::Opened, NOW);
        self.hears(hello());
    }

    pub(super) fn hears(&mut self, push: Value) {
        self.session.hear(Incoming::Text(push.to_string()), NOW);
        self.picture();
    }

    /// Something changed by this member; 0: by the server or the clock.
    pub(super) fn happens(&mut self, seq: u64, by: u64, change: Value) {
        let by = Some(by).filter(|by| *by > 0);
        self.hears(json!({"event":{"seq":seq,"by":by,"change":change,"expires_at":NOW + 570_000}}));
    }

    pub(super) fn key(&mut self, code: KeyCode, modifiers: KeyModifiers) {
        let event = Event::Key(KeyEvent::new(code, modifiers));
        self.screen.input(event, &mut self.session, NOW).unwrap();
        self.picture();
    }

    pub(super) fn press(&mut self, code: KeyCode) {
        self.key(code, KeyModifiers::NONE);
    }

    pub(super) fn control(&mut self, c: char) {
        self.key(KeyCode::Char(c), KeyModifiers::CONTROL);
    }

    pub(super) fn types(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(KeyCode::Char(c)));
    }

    pub(super) fn said(&mut self) -> Vec<String> {
        let said = self
            .session
            .effects()
            .into_iter()
            .map(|effect| match effect {
                Effect::Send(Outgoing::Text(text)) => text,
                Effect::Send(other) => format!("{other:?}"),
                other => format!("{other:?}"),
            });
        said.collect()
    }

    /// The rows as a reader sees them, without the blanks at their ends.
    pub(super) fn picture(&mut self) -> String {
        // Other than a terminal, the test's one keeps the right half of a wide character when
        // the left one is written over; so each picture is made anew.
        self.screen.terminal.clear().unwrap();
        self.screen.show(&mut self.session, NOW).unwrap();
        let buffer = self.screen.terminal.backend().buffer();
        let mut rows = String::new();
        for y in 0..buffer.area.height {
            let mut row = String::new();
            let mut x = 0;
            while x < buffer.area.width {
                let symbol = buffer[(x, y)].symbol();
                row.push_str(symbol);
                // What is two columns wide hides the cell behind it.
                x += (symbol.width() as u16).max(1);
            }
            rows.push_str(row.trim_end());
            rows.push('\n');
        }
        rows
    }
}
