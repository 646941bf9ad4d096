//! A room in lines: for pipes, and for screen readers. What happens is a line on stdout,
//! what went wrong one on stderr.

#[cfg(test)]
mod tests;

use std::io::{self, Write};

use tablecast_client::protocol::push::Member;
use tablecast_client::{Millis, Reason, Status};

use crate::action::{self, Action};
use crate::lines::Line;
use crate::lunch::{Notification, Room, Session, verdict};
use crate::room_url::RoomUrl;
use crate::run::Ui;
use crate::show::Show;
use crate::user::User;

/// A room in lines.
pub(crate) struct Plain<'a, O, E> {
    user: User,
    url: &'a RoomUrl,
    out: O,
    errors: E,
    /// The reason that was told last for having no connection.
    offline: Option<Reason>,
    /// Somebody types, and no program: they see what is refused, and say it in another way.
    is_typed: bool,
    /// There is no more input: leave as soon as everything is answered.
    input_ended: bool,
    /// A line was refused.
    has_refused: bool,
}

impl<'a, O: Write, E: Write> Plain<'a, O, E> {
    pub(crate) fn new(user: User, url: &'a RoomUrl, is_typed: bool, out: O, errors: E) -> Self {
        Plain {
            user,
            url,
            out,
            errors,
            offline: None,
            is_typed,
            input_ended: false,
            has_refused: false,
        }
    }

    /// Who is at it.
    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    /// Whether a line of a program was refused.
    pub(crate) fn has_refused(&self) -> bool {
        self.has_refused && !self.is_typed
    }

    fn read(&self, line: &Line) -> Result<Action, String> {
        let lang = self.user.lang;
        match line {
            Line::Text(text) => action::read(text).map_err(|mistake| (lang.mistake)(&mistake)),
            Line::Unreadable { number, begin, why } => Err(lang.unreadable(*number, begin, *why)),
        }
    }

    fn refuse(&mut self, why: &str) {
        self.has_refused = true;
        self.complain(why);
    }

    /// Tells what went wrong. If stderr cannot be written, all else goes on.
    fn complain(&mut self, text: &str) {
        let _ = writeln!(self.errors, "{text}");
    }

    /// A list with a number in front of each, or that there is nothing.
    fn list(&mut self, show: Show, room: &Room) -> io::Result<()> {
        let rows = self.user.lang.rows(show, Some(room));
        if rows.is_empty() {
            return writeln!(self.out, "{}", self.user.lang.empty(show));
        }
        for (number, what) in rows {
            writeln!(self.out, "{number}. {what}")?;
        }
        Ok(())
    }

    fn members(&mut self, room: &Room) -> io::Result<()> {
        let lang = self.user.lang;
        let name = |member: &Member| format!("{}{}", member.name, lang.behind(room, member));
        let names: Vec<String> = room.members.iter().map(name).collect();
        writeln!(self.out, "{}: {}", lang.here(room), names.join(", "))
    }

    fn whole(&mut self, session: &Session, room: &Room, now: Millis) -> io::Result<()> {
        let lang = self.user.lang;
        let (title, progress) = (lang.title(Some(room)), lang.progress(room, now));
        writeln!(self.out, "{title}, {progress}")?;
        let house = lang.house(room);
        if !house.is_empty() {
            writeln!(self.out, "{house}")?;
        }
        self.members(room)?;
        self.list(Show::Menu, room)?;
        self.decision(session, room)
    }

    fn decision(&mut self, session: &Session, room: &Room) -> io::Result<()> {
        let Some(decision) = &room.state.settling.decision else {
            return Ok(());
        };
        let text = self.user.lang.decision(decision, verdict(session));
        writeln!(self.out, "{text}")
    }

    fn help(&mut self) -> io::Result<()> {
        let lang = self.user.lang;
        for (command, does) in lang.commands.iter().chain(lang.numbered) {
            writeln!(self.out, "{command}: {does}")?;
        }
        Ok(())
    }

    /// Tells that the connection was lost, and why; and that it is back. It does not tell each
    /// attempt in between. The end is told when the program ends.
    fn status(&mut self, status: &Status, now: Millis) {
        let lang = self.user.lang;
        let reason = match status {
            // It was told as news, once.
            Status::Offline(Reason::Outdated, _) => return,
            Status::Offline(reason, _) => Some(reason),
            Status::Live => None,
            Status::Connecting | Status::Ended(_) => return,
        };
        let said = lang.status(status, now);
        match reason {
            Some(reason) if self.offline.as_ref() != Some(reason) => {
                self.complain(&format!("{said}: {}", lang.reason(reason)));
            }
            None if self.offline.is_some() => self.complain(&said),
            _ => {}
        }
        self.offline = reason.cloned();
    }
}

impl<O: Write, E: Write> Ui for Plain<'_, O, E> {
    type Input = Line;

    const TICK: Option<std::time::Duration> = None;

    /// A line is read when the room shows what the line before it did. So a script can add
    /// something, vote for it and take it away.
    fn takes_input(&self, session: &Session) -> bool {
        // Who waits for a seat has lines for when they have it.
        session.is_settled() && (self.user.only_watches || !session.is_watching())
    }

    /// A program's lines are done in their order. Whoever types must not have to wait for a
    /// connection to see what is there, to ask for one, or to leave.
    fn looks_ahead(&self) -> bool {
        self.is_typed
    }

    fn is_urgent(&self, line: &Line) -> bool {
        self.read(line).is_ok_and(|action| action.is_urgent())
    }

    fn input(&mut self, line: Line, session: &mut Session, now: Millis) -> io::Result<()> {
        let action = match self.read(&line) {
            Ok(action) => action,
            Err(why) => {
                self.refuse(&why);
                return Ok(());
            }
        };
        match (action, session.room()) {
            (Action::Show(Show::Help), _) => self.help()?,
            (Action::Show(Show::Link), _) => writeln!(self.out, "{}", self.url)?,
            (Action::Show(Show::Members), Some(room)) => self.members(room)?,
            (Action::Show(show), Some(room)) => self.list(show, room)?,
            (Action::Show(_), None) => {}
            (action, _) => match self.user.act(action, session, now) {
                Ok(Some(notice)) => writeln!(self.out, "{notice}")?,
                Ok(None) => {}
                Err(why) => self.refuse(&why),
            },
        }
        self.out.flush()
    }

    fn input_ended(&mut self, _: &mut Session) {
        self.input_ended = true;
    }

    fn show(&mut self, session: &mut Session, now: Millis) -> io::Result<()> {
        // Nothing answered yet at this address: most likely it is wrong, and a script wants to
        // know that. Who was in the room already wants to come back.
        if let Status::Offline(Reason::Unreachable(_), _) = session.status()
            && session.room().is_none()
        {
            session.give_up();
        }
        self.status(&session.status(), now);
        for notification in session.notifications() {
            self.user.note(&notification, session, now);
            let lang = self.user.lang;
            let text = (lang.notification)(lang, &notification, session.room());
            use Notification as N;
            match (&notification, session.room()) {
                (N::Snapshot, Some(room)) => self.whole(session, room, now)?,
                (N::Snapshot, None) => {}
                (N::Change(_, news), Some(room)) if news.is_decision() => {
                    self.decision(session, room)?;
                }
                (N::Refused(..) | N::Unsure(_) | N::TooMany(_), _) => self.refuse(&text),
                (N::Store(_) | N::Outdated(_) | N::Watching(_), _) => self.complain(&text),
                (N::Joined(_) | N::Back(_) | N::Away(_), _) => writeln!(self.out, "{text}")?,
                (N::Left(_) | N::Renamed(..) | N::Change(..), _) => writeln!(self.out, "{text}")?,
            }
        }
        // Whoever began a draw wants to know what came of it.
        let draws = |room: &Room| room.state.settling.drawing.is_some();
        let is_drawing = session.room().is_some_and(draws);
        if self.input_ended && session.is_settled() && !is_drawing {
            session.close();
        }
        self.out.flush()
    }

    fn stays(&self) -> bool {
        false
    }
}
