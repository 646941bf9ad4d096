//! A room on the full screen: what is chosen, what is typed, and what keys do.

mod paint;
mod terminal;
#[cfg(test)]
mod tests;
mod view;

use std::io;
use std::mem::ManuallyDrop;
use std::time::Duration;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::Backend;
use tablecast_client::{Millis, Status};
use tablecast_lunch::{Command, Veto};

use crate::action::{self, Action};
use crate::editor::Editor;
use crate::lunch::{Notification, Room, Session, by_votes};
use crate::room_url::RoomUrl;
use crate::run::Ui;
use crate::show::Show;
use crate::user::User;

pub(crate) use terminal::{Guard, keys};
use view::View;

/// Rows that a page key moves by; a list has at least as many on most screens.
const PAGE: isize = 8;

/// A room on the full screen.
pub(crate) struct Screen<'a, B: Backend> {
    /// Never dropped: on an error its `Drop` prints to stderr, which panics when the terminal
    /// is gone. [`Guard`] gives the terminal back.
    terminal: ManuallyDrop<Terminal<B>>,
    view: View<'a>,
}

impl<'a, B: Backend> Screen<'a, B> {
    /// Who is at it.
    pub(crate) fn user(&self) -> &User {
        &self.view.user
    }

    pub(crate) fn new(terminal: Terminal<B>, user: User, url: &'a RoomUrl) -> Self {
        Screen {
            terminal: ManuallyDrop::new(terminal),
            view: View {
                user,
                url,
                editor: Editor::default(),
                chosen: None,
                said: String::new(),
                refused: Vec::new(),
                list: None,
                list_rows: 0,
                is_done: false,
            },
        }
    }
}

impl View<'_> {
    fn key(&mut self, key: KeyEvent, session: &mut Session, now: Millis) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let is_over = matches!(session.status(), Status::Ended(_));
        // The next key closes the list, unless it scrolls it.
        let list = self.list.take();
        if let Some((show, at)) = list
            && let Some(at) = scrolled(key.code, at, self.list_rows)
        {
            self.list = Some((show, at));
            return;
        }
        if matches!(key.code, KeyCode::Enter | KeyCode::Esc) {
            self.refused.clear();
        }
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::F(1) if list.is_some() => {}
            KeyCode::Char('c') if control => self.leave(session),
            KeyCode::Char('d') if control && self.editor.is_empty() => self.leave(session),
            KeyCode::Char('r') if control => session.retry_now(),
            // What was typed may be a command; or it was typed before the end was seen, and is named as not sent.
            KeyCode::Enter | KeyCode::Esc if is_over && self.editor.text().trim().is_empty() => {
                self.is_done = true;
            }
            KeyCode::Esc if is_over => {
                self.editor.take();
            }
            KeyCode::F(1) => self.list = Some((Show::Help, 0)),
            KeyCode::Char('g') if control => self.list = list.xor(Some((Show::Help, 0))),
            KeyCode::Char('x') if control => self.remove(session, now),
            KeyCode::Delete if self.editor.is_empty() => self.remove(session, now),
            KeyCode::Char('z') if control => self.act(Action::Undo, session, now),
            KeyCode::Enter => self.enter(session, now),
            // Some terminals send this for a line end in pasted text.
            KeyCode::Char('j') if control && !self.editor.is_empty() => self.enter(session, now),
            KeyCode::Up => self.choose(-1, session),
            KeyCode::Down => self.choose(1, session),
            KeyCode::PageUp => self.choose(-PAGE, session),
            KeyCode::PageDown => self.choose(PAGE, session),
            _ => self.edit(key, control),
        }
    }

    fn edit(&mut self, key: KeyEvent, control: bool) {
        match key.code {
            KeyCode::Char('a') if control => self.editor.home(),
            KeyCode::Char('e') if control => self.editor.end(),
            KeyCode::Char('w') if control => self.editor.delete_word(),
            KeyCode::Char('u') if control => self.editor.delete_all(),
            KeyCode::Char('d') if control => self.editor.delete(),
            // Some terminals send this for Backspace.
            KeyCode::Char('h') if control => self.editor.backspace(),
            KeyCode::Char(_) if control || key.modifiers.contains(KeyModifiers::ALT) => {}
            KeyCode::Char(c) => {
                self.insert(c.encode_utf8(&mut [0; 4]));
            }
            KeyCode::Backspace => self.editor.backspace(),
            KeyCode::Delete => self.editor.delete(),
            KeyCode::Left => self.editor.left(),
            KeyCode::Right => self.editor.right(),
            KeyCode::Home => self.editor.home(),
            KeyCode::End => self.editor.end(),
            _ => {}
        }
    }

    /// Puts text into the line, if there is room for it: whether there was.
    fn insert(&mut self, text: &str) -> bool {
        let fits = self.editor.insert(text);
        if !fits {
            self.refuse(self.lang().too_much_pasted.to_owned());
        }
        fits
    }

    /// Several lines are entered as if each had been typed; a single line can be edited first.
    fn paste(&mut self, text: &str, session: &mut Session, now: Millis) {
        self.list = None;
        let lines = text.split(['\n', '\r']);
        let lines: Vec<&str> = lines.filter(|line| !line.trim().is_empty()).collect();
        if let [line] = lines.as_slice() {
            self.insert(line);
            return;
        }
        self.refused.clear();
        for line in lines {
            if !self.insert(line) {
                continue;
            }
            // What is nothing to be shown must not vote, as Enter does in an empty line.
            if !self.editor.text().trim().is_empty() {
                self.enter(session, now);
            }
            // A line that was not understood is not kept: the next one needs its place.
            self.editor.take();
        }
    }

    fn leave(&mut self, session: &mut Session) {
        session.close();
        self.is_done = true;
    }

    /// Enters what was typed. If nothing was typed, it votes for the chosen item.
    fn enter(&mut self, session: &mut Session, now: Millis) {
        match action::read(self.editor.text()) {
            Ok(Action::Nothing) => {
                if let Some(number) = self.chosen(session) {
                    self.user.toggle(number, session, now);
                }
                self.editor.take();
            }
            Ok(action) => {
                self.editor.take();
                self.act(action, session, now);
            }
            // The line stays, so that it can be corrected.
            Err(mistake) => self.refuse((self.lang().mistake)(&mistake)),
        }
    }

    fn act(&mut self, action: Action, session: &mut Session, now: Millis) {
        match (action, session.room()) {
            (Action::Quit, _) => self.leave(session),
            (Action::Show(Show::Link), _) => self.said = self.url.to_string(),
            (Action::Show(Show::Members), Some(room)) => {
                let ids: Vec<_> = room.members.iter().map(|member| member.id).collect();
                let names = self.lang().names(room, &ids);
                self.said = format!("{}: {names}", self.lang().here(room));
            }
            // The menu is shown anyway.
            (Action::Show(Show::Menu | Show::Members), _) => {}
            (Action::Show(show), room) => match self.lang().rows(show, room).is_empty() {
                true => self.said = self.lang().empty(show).to_owned(),
                false => self.list = Some((show, 0)),
            },
            (action, _) => {
                let action = match (action, self.chosen(session)) {
                    (Action::VetoChosen(on), Some(number)) => Action::Send(Command::Veto(Veto {
                        item: None,
                        number: Some(number),
                        on,
                    })),
                    (action, _) => action,
                };
                match self.user.act(action, session, now) {
                    Ok(notice) => self.said = notice.unwrap_or_default(),
                    Err(why) => self.refuse(why),
                }
                self.is_done |= self.user.goes_on;
            }
        }
    }

    fn remove(&mut self, session: &mut Session, now: Millis) {
        if let Some(number) = self.chosen(session) {
            session.send(Command::remove(number), now);
        }
    }

    /// The item that keys act on, if it is still there.
    fn chosen(&self, session: &Session) -> Option<u64> {
        let room = session.room()?;
        room.state.item(self.chosen?).map(|item| item.number)
    }

    fn choose(&mut self, by: isize, session: &Session) {
        let Some(room) = session.room() else { return };
        let items = by_votes(&room.state);
        let at = items
            .iter()
            .position(|item| Some(item.number) == self.chosen);
        let last = items.len().saturating_sub(1);
        let to = match at {
            Some(at) => at.saturating_add_signed(by).min(last),
            None => 0,
        };
        self.chosen = items.get(to).map(|item| item.number);
    }

    /// While there are items, one is always chosen: if the chosen one is gone, the first.
    fn keep_chosen(&mut self, room: &Room) {
        let is_there = |number: &u64| room.state.item(*number).is_some();
        let first = || by_votes(&room.state).first().map(|item| item.number);
        self.chosen = self.chosen.filter(is_there).or_else(first);
    }
}

/// The first line of a list after a key that scrolls. It may be too far: where the list ends
/// is known when it is painted.
fn scrolled(code: KeyCode, at: u16, page: u16) -> Option<u16> {
    Some(match code {
        KeyCode::Up => at.saturating_sub(1),
        KeyCode::Down => at.saturating_add(1),
        KeyCode::PageUp => at.saturating_sub(page),
        KeyCode::PageDown | KeyCode::Char(' ') => at.saturating_add(page),
        KeyCode::Home => 0,
        KeyCode::End => u16::MAX,
        _ => return None,
    })
}

impl<B: Backend<Error: Send + Sync + 'static>> Ui for Screen<'_, B> {
    type Input = Event;

    /// The time that is left counts down.
    const TICK: Option<Duration> = Some(Duration::from_secs(1));

    fn takes_input(&self, _: &Session) -> bool {
        true
    }

    fn looks_ahead(&self) -> bool {
        false
    }

    fn is_urgent(&self, _: &Event) -> bool {
        true
    }

    fn input(&mut self, event: Event, session: &mut Session, now: Millis) -> io::Result<()> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => {
                self.view.key(key, session, now);
            }
            Event::Paste(text) => self.view.paste(&text, session, now),
            // After any event everything is painted again.
            _ => {}
        }
        Ok(())
    }

    fn input_ended(&mut self, session: &mut Session) {
        self.view.leave(session);
    }

    fn show(&mut self, session: &mut Session, now: Millis) -> io::Result<()> {
        for notification in session.notifications() {
            self.view.user.note(&notification, session, now);
            let lang = self.view.lang();
            let text = (lang.notification)(lang, &notification, session.room());
            use Notification as N;
            match notification {
                N::Snapshot => {}
                N::Refused(..) | N::Unsure(_) | N::TooMany(_) => self.view.refuse(text),
                // It has a line of its own.
                N::Change(_, news) if news.is_decision() => self.view.said.clear(),
                _ => self.view.said = text,
            }
        }
        if let Some(room) = session.room() {
            self.view.keep_chosen(room);
        }
        self.terminal
            .draw(|frame| paint::paint(frame, &mut self.view, session, now))
            .map_err(io::Error::other)?;
        Ok(())
    }

    fn stays(&self) -> bool {
        !self.view.is_done
    }
}
