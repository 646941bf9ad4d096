//! What somebody at this terminal can do, however it is shown: lines that are typed become
//! commands, and what was removed can be put back.

use tablecast_client::protocol::client::{Join, Rename, Request, Watch};
use tablecast_client::protocol::push::Member;
use tablecast_client::protocol::{Colour, MemberId, text::folded};
use tablecast_client::{Millis, Who};
use tablecast_lunch::{Command, Dismiss, Event, MakeHost, Restore, SetDeadline};

use crate::action::{Action, Mistake};
use crate::lunch::{self, Notification, Session};
use crate::text::short;
use crate::words::Lang;

/// Somebody at a terminal.
#[derive(Debug)]
pub(crate) struct User {
    pub(crate) lang: &'static Lang,
    /// How they asked to be called, until the room knows it.
    who: Option<Join>,
    /// Numbers of items that were removed here, the newest last.
    removed: Vec<u64>,
    /// They left for the room that follows this one.
    pub(crate) goes_on: bool,
    /// They want no seat.
    pub(crate) only_watches: bool,
}

impl User {
    pub(crate) fn new(lang: &'static Lang, who: Join) -> Self {
        User {
            lang,
            only_watches: who.watch == Watch::Only,
            who: Some(who),
            removed: Vec::new(),
            goes_on: false,
        }
    }

    /// Takes note of what happened.
    pub(crate) fn note(&mut self, notification: &Notification, session: &mut Session, now: Millis) {
        if *notification == Notification::Snapshot && !session.is_watching() {
            let who = self.who.take();
            who.into_iter().for_each(|who| introduce(who, session, now));
        }
        if let Notification::Change(Some(Who::You), news) = notification
            && let Event::Removed { number } = news.event
        {
            self.removed.push(number);
        }
    }

    /// Does what somebody said. Returns what they are to be told of it.
    ///
    /// # Errors
    /// It cannot be done: why not, for people.
    pub(crate) fn act(
        &mut self,
        action: Action,
        session: &mut Session,
        now: Millis,
    ) -> Result<Option<String>, String> {
        let lang = self.lang;
        let not_here = || lang.not_here_yet.to_owned();
        let own_name = |session: &Session| {
            let room = session.room()?;
            room.member(room.you?).map(|member| member.name.to_string())
        };
        match action {
            // What there is to show, the user interface shows.
            Action::Nothing | Action::Show(_) => {}
            Action::Add(item) => return Ok(self.add(item, session, now)),
            Action::Send(command) => session.send(command, now),
            Action::DecideAt(when) => {
                let at = session.room().zip(when.after(now));
                let (room, at) = at.ok_or_else(not_here)?;
                let deadline = SetDeadline {
                    at: Some(Some(room.store_time(at))),
                    in_ms: None,
                };
                session.send(Command::Deadline(deadline), now);
            }
            // On the full screen it is known which one is chosen.
            Action::VetoChosen(on) => {
                let word = if on { "/veto" } else { "/unveto" };
                return Err((lang.mistake)(&Mistake::NoNumber(word)));
            }
            Action::Host(name) => {
                let host = |member| Command::Host(MakeHost { member });
                self.ask_for(&name, host, session, now)?;
            }
            Action::Dismiss(name) => {
                let dismiss = |member| Command::Dismiss(Dismiss { member });
                self.ask_for(&name, dismiss, session, now)?;
            }
            Action::Name(name) => rename(name, None, session, now),
            Action::Colour(colour) => {
                let name = own_name(session).ok_or_else(not_here)?;
                rename(name, Some(colour), session, now);
            }
            Action::Undo => {
                let number = self.removed.pop();
                let number = number.ok_or_else(|| lang.nothing_to_undo.to_owned())?;
                session.send(Command::Restore(Restore { number }), now);
            }
            Action::Retry => session.retry_now(),
            Action::Again => {
                self.goes_on = true;
                session.close();
            }
            Action::Quit => session.close(),
        }
        Ok(None)
    }

    /// Asks for something with the member who is called so, or whose id stands behind a `#`.
    fn ask_for(
        &self,
        name: &str,
        command: impl FnOnce(MemberId) -> Command,
        session: &mut Session,
        now: Millis,
    ) -> Result<(), String> {
        let room = session.room();
        let room = room.ok_or_else(|| self.lang.not_here_yet.to_owned())?;
        let is_meant =
            |one: &&Member| folded(&one.name) == folded(name) || format!("#{}", one.id) == name;
        let meant = room.members.iter().filter(is_meant).map(|one| one.id);
        let meant: Vec<MemberId> = meant.collect();
        let (lang, name) = (self.lang, short(name));
        match *meant {
            [] => Err((lang.nobody_called)(&name)),
            [member] => {
                session.send(command(member), now);
                Ok(())
            }
            _ => {
                let ids: Vec<String> = meant.iter().map(|id| format!("#{id}")).collect();
                Err((lang.several_called)(&name, &ids.join(", ")))
            }
        }
    }

    /// If the item is there already, votes for it instead.
    fn add(&self, item: String, session: &mut Session, now: Millis) -> Option<String> {
        let is_same = |request: &lunch::Request| match request {
            Request::Command(Command::Add(add)) => folded(&add.item) == folded(&item),
            _ => false,
        };
        if session.pending().any(is_same) {
            return Some((self.lang.on_its_way)(&short(&item)));
        }
        let table = session.room().map(|room| &room.state);
        match table.and_then(|table| table.find_alike(&item)).cloned() {
            Some(item) => {
                session.send(Command::vote(item.number, true), now);
                Some((self.lang.voted_instead)(&item.item))
            }
            None => {
                session.send(Command::add(item), now);
                None
            }
        }
    }

    /// Gives a vote or takes it back. A vote that is not answered yet counts as done.
    pub(crate) fn toggle(&self, number: u64, session: &mut Session, now: Millis) {
        let asked = session.pending().rev().find_map(|request| match request {
            Request::Command(Command::Vote(vote)) if vote.number == Some(number) => Some(vote.on),
            _ => None,
        });
        let Some(room) = session.room() else { return };
        let Some(item) = room.state.item(number) else {
            return;
        };
        let on = !asked.unwrap_or_else(|| item.votes.iter().any(|by| room.is_you(*by)));
        session.send(Command::vote(number, on), now);
    }
}

/// Somebody whom the room knows already comes in with the name and colour that they had: if they
/// asked for others, they take them now.
fn introduce(who: Join, session: &mut Session, now: Millis) {
    let Some(own) = session.room().and_then(|room| room.member(room.you?)) else {
        return;
    };
    let name = who.name.unwrap_or_else(|| own.name.clone());
    let colour = who.colour.or(own.colour);
    if (&name, colour) != (&own.name, own.colour) {
        rename(name, colour, session, now);
    }
}

fn rename(name: String, colour: Option<Colour>, session: &mut Session, now: Millis) {
    session.send(Request::Rename(Rename { name, colour }), now);
}
