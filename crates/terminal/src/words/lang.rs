//! What a language is, and what is said in the same way in all of them.

use std::time::Duration;

use tablecast_client::protocol::push::Member;
use tablecast_client::protocol::{CloseReason, MemberId, client::Request};
use tablecast_client::{Millis, Reason, Refusal, Status};
use tablecast_lunch::{Candidate, Command, Decision, How, Item, Verdict};

use crate::lines::{self, Line};
use crate::lunch::{self, Notification, Room, is_decided};
use crate::text::{cut, sanitise};

type Text = &'static str;
/// What is typed or pressed, and what it does. With the longest of the first, a row has at most 40 columns.
type Help = &'static [(&'static str, &'static str)];

/// A language: its texts. A text with values is a function of them.
#[derive(Debug)]
pub struct Lang {
    /// The language code (ISO 639-1), with which the environment chooses it.
    pub(crate) code: Text,
    /// The title of a room without one.
    pub(crate) lunch: Text,

    // Whether there is a connection.
    pub(crate) connecting: Text,
    pub(crate) live: Text,
    pub(crate) again_in: fn(u64) -> String,
    pub(crate) ended: Text,

    // Members in a list, and what stands behind a name.
    pub(crate) listed_you: Text,
    pub(crate) gone_members: fn(usize) -> String,
    pub(crate) behind_you: Text,
    pub(crate) behind_away: Text,

    // The room, and an item on its menu.
    pub(crate) seats_taken: fn(usize, usize) -> String,
    pub(crate) time_left: fn(&str) -> String,
    pub(crate) empty_menu: Text,
    pub(crate) added_by: fn(&str) -> String,
    pub(crate) votes: fn(usize) -> String,
    pub(crate) decided: Text,

    // Where something is typed, and the last line of a wide and a narrow screen, and of the help.
    pub(crate) placeholder: Text,
    pub(crate) keys_wide: Text,
    pub(crate) keys_narrow: Text,
    pub(crate) press_to_end: Text,
    pub(crate) help_goes_on: Text,
    pub(crate) help_ends: Text,

    // Why there is no connection.
    pub(crate) silent: Text,
    pub(crate) lost: Text,
    pub(crate) gone: Text,
    pub(crate) garbled: fn(&str) -> String,
    /// It told something that is not known here. That is also told as news.
    pub(crate) outdated: Text,
    /// For those that are defects of this program, the text for its developers.
    pub(crate) closed: fn(CloseReason) -> Text,

    // A draw and a decision: the number of candidates, and of members who took part.
    pub(crate) drawing_among: fn(usize, usize) -> String,
    pub(crate) decided_with: fn(&str, &str) -> String,
    pub(crate) drawn_of: fn(&str, usize, usize, &str) -> String,
    pub(crate) verdict: fn(Option<Verdict>) -> Text,

    // What was typed cannot be done.
    pub(crate) no_item: Text,
    pub(crate) no_name: Text,
    pub(crate) no_colour: Text,
    pub(crate) no_number: fn(&str) -> String,
    pub(crate) no_command: fn(&str) -> String,
    pub(crate) not_here_yet: Text,
    pub(crate) nothing_to_undo: Text,
    pub(crate) too_much_pasted: Text,
    pub(crate) not_utf8: Text,
    pub(crate) line_too_long: fn(usize) -> String,
    pub(crate) line_not_said: fn(u64, &str, &str) -> String,

    // What becomes of a command.
    pub(crate) voted_instead: fn(&str) -> String,
    pub(crate) on_its_way: fn(&str) -> String,
    pub(crate) waiting: fn(usize) -> String,
    pub(crate) not_sent: fn(&str) -> String,
    pub(crate) and_more: fn(usize) -> String,
    /// Why the server refuses something, by its code; nothing: as the server says it.
    pub(crate) refusal: fn(&str) -> Option<Text>,

    /// What happened; nothing of a snapshot, which the user interface shows itself.
    pub(crate) notification: fn(&Lang, &Notification) -> String,

    /// What is typed where no list can be chosen from.
    pub(crate) numbered: Help,
    /// What can be typed in both modes.
    pub(crate) commands: Help,
    /// The keys of the full screen.
    pub(crate) keys: Help,

    // The file by which the user is known again.
    pub(crate) person_not_kept: fn(&str) -> String,
    pub(crate) person_was_open: fn(&str) -> String,
    pub(crate) person_damaged: fn(&str) -> String,

    // What `create` prints.
    pub(crate) too_narrow: Text,
    pub(crate) only_here: Text,
    pub(crate) some_address: Text,
    pub(crate) listen_to_all: fn(u16, &str) -> String,
    pub(crate) in_a_browser: Text,
    pub(crate) in_a_terminal: Text,
    pub(crate) by_hand: Text,
}

/// At most so many commands are named; the rest is counted.
const MOST_NAMED: usize = 5;

/// At most so many columns of a text are quoted.
const MOST_QUOTED: usize = 40;

/// A text as it is quoted: its beginning, fit for a terminal.
pub(crate) fn short(text: &str) -> String {
    cut(&sanitise(text), MOST_QUOTED)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", short(text))
}

impl Lang {
    /// Names of members; of those who left only how many.
    pub(crate) fn names(&self, room: &Room, members: &[MemberId]) -> String {
        let known = members.iter().filter_map(|id| room.member(*id));
        let name = |member: &Member| match room.is_you(member.id) {
            true => self.listed_you.to_owned(),
            false => member.name.clone(),
        };
        let mut names: Vec<String> = known.map(name).collect();
        let gone = members.len() - names.len();
        if gone > 0 {
            names.push((self.gone_members)(gone));
        }
        names.join(", ")
    }

    /// An item with all that is known of it.
    pub(crate) fn item(&self, room: &Room, item: &Item) -> String {
        let by = (self.added_by)(&item.name);
        let votes = (self.votes)(item.votes.len());
        let who = match item.votes.is_empty() {
            true => String::new(),
            false => format!(": {}", self.names(room, &item.votes)),
        };
        let decided = match is_decided(&room.state, item.number) {
            true => format!(", {}", self.decided),
            false => String::new(),
        };
        format!("{} ({by}){decided}, {votes}{who}", item.item)
    }

    /// How long the room lives.
    pub(crate) fn left(&self, time: Duration) -> String {
        let seconds = time.as_secs();
        let time = match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
            (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
        };
        (self.time_left)(&time)
    }

    /// Who is here.
    pub(crate) fn here(&self, room: &Room) -> String {
        (self.seats_taken)(room.members.len(), room.seats)
    }

    /// Whether there is a connection.
    pub(crate) fn status(&self, status: &Status, now: Millis) -> String {
        match status {
            Status::Connecting => self.connecting.to_owned(),
            Status::Live => self.live.to_owned(),
            // Never 0: then it is connecting.
            Status::Offline(_, at) => (self.again_in)(at.saturating_sub(now).div_ceil(1000).max(1)),
            Status::Ended(_) => self.ended.to_owned(),
        }
    }

    /// Why there is no connection.
    pub(crate) fn reason(&self, reason: &Reason) -> String {
        match reason {
            Reason::Silent => self.silent.to_owned(),
            Reason::Lost => self.lost.to_owned(),
            Reason::Unreachable(what) => sanitise(what),
            Reason::Garbled(what) => (self.garbled)(&sanitise(what)),
            Reason::Gone => self.gone.to_owned(),
            Reason::Outdated => self.outdated.to_owned(),
            Reason::Closed(reason) => (self.closed)(*reason).to_owned(),
        }
    }

    /// What was decided, and whether it can be believed.
    pub(crate) fn decision(&self, decision: &Decision, verdict: Option<Verdict>) -> String {
        let Candidate { item, votes, .. } = &decision.winner;
        let Some(draw) = &decision.draw else {
            return (self.decided_with)(item, &(self.votes)(*votes));
        };
        let (candidates, added) = (draw.candidates.len(), draw.contributions.len());
        (self.drawn_of)(item, candidates, added, (self.verdict)(verdict))
    }

    /// Commands by what they are about, as far as a line has room.
    pub(super) fn asks(&self, asks: &[lunch::Request]) -> String {
        self.some_of(asks.iter().map(|ask| self.ask(ask)).collect())
    }

    fn some_of(&self, mut names: Vec<String>) -> String {
        let more = names.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            names.truncate(MOST_NAMED);
            names.push((self.and_more)(more));
        }
        names.join(", ")
    }

    /// A command by what it is about.
    pub(super) fn ask(&self, ask: &lunch::Request) -> String {
        let command = match ask {
            Request::Rename(rename) => return format!("/name {}", quoted(&rename.name)),
            Request::Command(command) => command,
        };
        // This client names items by their numbers alone.
        let numbered = |word, number: Option<u64>| format!("{word} {}", number.unwrap_or_default());
        match command {
            Command::Add(add) => quoted(&add.item),
            Command::Title(title) => match &title.title {
                Some(title) => format!("/title {}", quoted(title)),
                None => "/title".to_owned(),
            },
            Command::Remove(target) => numbered("/remove", target.number),
            Command::Restore(_) => "/undo".to_owned(),
            Command::Vote(vote) => numbered(if vote.on { "/vote" } else { "/unvote" }, vote.number),
            Command::Extend(_) => "/extend".to_owned(),
            Command::Decide(decide) if decide.how == How::Votes => "/decide".to_owned(),
            // This client says the last two by itself.
            Command::Decide(_) | Command::Contribute(_) | Command::Reveal(_) => "/draw".to_owned(),
            // This client does not say these.
            Command::Deadline(_)
            | Command::Nudge(_)
            | Command::Veto(_)
            | Command::Rules(_)
            | Command::Lock(_)
            | Command::Host(_)
            | Command::Dismiss(_)
            | Command::Reinstate(_) => String::new(),
        }
    }

    /// The commands that were not done when the room ended, and behind them the lines that
    /// waited for it.
    pub(crate) fn unsent<'a>(
        &self,
        asks: impl Iterator<Item = &'a lunch::Request>,
        lines: &[Line],
    ) -> Option<String> {
        let lines = lines.iter().map(|line| match line {
            Line::Text(text) => text.trim(),
            Line::Unreadable { begin, .. } => begin,
        });
        let asks = asks.map(|ask| self.ask(ask));
        let names: Vec<String> = asks.chain(lines.map(quoted)).collect();
        (!names.is_empty()).then(|| (self.not_sent)(&self.some_of(names)))
    }

    /// A line of a pipe that cannot be read.
    pub(crate) fn unreadable(&self, number: u64, begin: &str, why: lines::Why) -> String {
        let why = match why {
            lines::Why::NotUtf8 => self.not_utf8.to_owned(),
            lines::Why::TooLong => (self.line_too_long)(lines::MOST_BYTES),
        };
        (self.line_not_said)(number, &short(begin), &why)
    }

    /// What stands behind a member's name.
    pub(crate) fn behind(&self, room: &Room, member: &Member) -> String {
        let you = Some(self.behind_you).filter(|_| room.is_you(member.id));
        let away = Some(self.behind_away).filter(|_| member.away);
        you.into_iter().chain(away).collect()
    }

    /// That a command was refused, and why.
    pub(super) fn refused(&self, refusal: &Refusal, ask: Option<&lunch::Request>) -> String {
        let ask = ask.map(|ask| format!("{}: ", self.ask(ask)));
        let why = (self.refusal)(&refusal.code).unwrap_or(&refusal.message);
        format!("{}{why}", ask.unwrap_or_default())
    }

    /// The title of the room.
    pub(crate) fn title<'a>(&self, room: Option<&'a Room>) -> &'a str {
        let title = room.and_then(|room| room.state.title.as_deref());
        title.unwrap_or(self.lunch)
    }
}
