//! What a language is, and what is said in the same way in all of them.

use std::sync::Arc;

use tablecast_client::protocol::push::Member;
use tablecast_client::protocol::{CloseReason, MemberId};
use tablecast_client::{Millis, Reason, Refusal, Status, Who};
use tablecast_lunch::{Candidate, Decision, How, Item, Rules, Verdict};

use crate::action::{Mistake, typed};
use crate::clock;
use crate::lines::{self, Line};
use crate::lunch::{self, Notification, Room, by_votes, is_decided};
use crate::show::Show;
use crate::text::{quoted, sanitise, short};

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
    pub(crate) watching: Text,
    pub(crate) again_in: fn(u64) -> String,
    pub(crate) ended: Text,

    // Members in a list, and what stands behind a name.
    pub(crate) listed_you: Text,
    pub(crate) gone_members: fn(usize) -> String,
    pub(crate) behind_you: Text,
    pub(crate) behind_away: Text,
    pub(crate) behind_host: Text,
    pub(crate) behind_voted: Text,

    // The room, and an item on its menu.
    pub(crate) seats_taken: fn(usize, usize) -> String,
    /// Of those who are here, how many have voted.
    pub(crate) voted_of: fn(usize, usize) -> String,
    pub(crate) time_left: fn(&str) -> String,
    pub(crate) decides_in: fn(&str) -> String,
    pub(crate) hidden_votes: Text,
    pub(crate) open_votes: Text,
    pub(crate) votes_each: fn(u32) -> String,
    pub(crate) any_votes: Text,
    pub(crate) locked: Text,
    pub(crate) empty_menu: Text,
    pub(crate) added_by: fn(&str) -> String,
    pub(crate) votes: fn(usize) -> String,
    /// How many cannot eat it, or who.
    pub(crate) vetoes: fn(usize) -> String,
    pub(crate) vetoed_by: fn(&str) -> String,
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

    pub(crate) nothing_removed: Text,
    pub(crate) nothing_past: Text,

    // A draw and a decision: the number of candidates, and of members who took part.
    pub(crate) drawing_among: fn(usize, usize) -> String,
    pub(crate) decided_with: fn(&str, &str) -> String,
    /// Stands behind a decision that nobody asked for.
    pub(crate) by_deadline: Text,
    pub(crate) drawn: fn(item: &str) -> String,
    pub(crate) drawn_of: fn(&str, usize, usize, &str) -> String,
    pub(crate) verdict: fn(Option<Verdict>) -> Text,

    // What was typed cannot be done.
    pub(crate) mistake: fn(&Mistake) -> String,
    pub(crate) nobody_called: fn(&str) -> String,
    /// A name, and the numbers of those who have it.
    pub(crate) several_called: fn(&str, &str) -> String,
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
    pub(crate) refusal: fn(&str, Option<&lunch::Request>) -> Option<Text>,

    /// What happened; nothing of a snapshot, which the user interface shows itself.
    pub(crate) notification: fn(&Lang, &Notification, Option<&Room>) -> String,

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

impl Lang {
    /// What a member is called; nothing, if nobody knows any more.
    fn name(&self, room: &Room, member: MemberId) -> Option<String> {
        match room.who(member) {
            Who::You => Some(self.listed_you.to_owned()),
            Who::Other(name) => Some(name),
            Who::Nobody => None,
        }
    }

    /// A member in a sentence.
    pub(super) fn called(&self, room: Option<&Room>, member: MemberId) -> String {
        room.map_or_else(
            || (self.gone_members)(1),
            |room| self.names(room, &[member]),
        )
    }

    /// When it is this time of the store's clock, by the clock on the wall.
    pub(super) fn time_of_day(&self, at: u64, room: Option<&Room>) -> String {
        clock::shown(room.map_or(at, |room| room.local_time(at)))
    }

    /// Names of members; of those whom nobody knows any more only how many.
    pub(crate) fn names(&self, room: &Room, members: &[MemberId]) -> String {
        let names = members.iter().filter_map(|id| self.name(room, *id));
        let mut names: Vec<String> = names.collect();
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
        let vetoed = match item.vetoes.is_empty() {
            true => String::new(),
            false => format!("; {}", (self.vetoed_by)(&self.names(room, &item.vetoes))),
        };
        format!("{} ({by}){decided}, {votes}{who}{vetoed}", item.item)
    }

    /// What a list shows: a number, a key or a command, and what it is.
    pub(crate) fn rows(&self, show: Show, room: Option<&Room>) -> Vec<(String, String)> {
        let help = |rows: Help| {
            let row = |(key, does): &(Text, Text)| (key.to_string(), does.to_string());
            rows.iter().map(row)
        };
        let of_room = |rows: fn(&Lang, &Room) -> Vec<(String, String)>| {
            room.map_or_else(Vec::new, |room| rows(self, room))
        };
        match show {
            Show::Help => help(self.keys).chain(help(self.commands)).collect(),
            Show::Menu => of_room(|lang, room| lang.items(room, by_votes(&room.state))),
            Show::Removed => {
                of_room(|lang, room| lang.items(room, room.state.removed.iter().map(|one| &**one)))
            }
            Show::Past => of_room(|lang, room| {
                // Only those with a number can be the decision again.
                let past = room.state.past.iter();
                let row =
                    |one: &Arc<Decision>| Some((one.number?.to_string(), lang.decision(one, None)));
                past.filter_map(row).collect()
            }),
            Show::Members | Show::Link => Vec::new(),
        }
    }

    fn items<'a>(
        &self,
        room: &Room,
        items: impl IntoIterator<Item = &'a Item>,
    ) -> Vec<(String, String)> {
        let row = |item: &Item| (item.number.to_string(), self.item(room, item));
        items.into_iter().map(row).collect()
    }

    /// That such a list is empty.
    pub(crate) fn empty(&self, show: Show) -> Text {
        match show {
            Show::Removed => self.nothing_removed,
            Show::Past => self.nothing_past,
            Show::Menu | Show::Members | Show::Link | Show::Help => self.empty_menu,
        }
    }

    /// How members vote, and who may change the menu; nothing, if all is as usual.
    pub(crate) fn house(&self, room: &Room) -> String {
        let house = &room.state.house;
        let hidden = house
            .rules
            .hidden_votes
            .then(|| self.hidden_votes.to_owned());
        let each = house.rules.votes_each.map(self.votes_each);
        let locked = house.locked.then(|| self.locked.to_owned());
        let parts: Vec<String> = [hidden, each, locked].into_iter().flatten().collect();
        parts.join(", ")
    }

    /// How members vote.
    pub(super) fn rules(&self, rules: Rules) -> String {
        let hidden = match rules.hidden_votes {
            true => self.hidden_votes,
            false => self.open_votes,
        };
        let each = rules.votes_each.map(self.votes_each);
        let each = each.unwrap_or_else(|| self.any_votes.to_owned());
        format!("{hidden}, {each}")
    }

    /// How long it is until the votes decide, or else how long the room lives; and, if there is
    /// something to vote for, how many of those who are here have voted.
    pub(crate) fn progress(&self, room: &Room, now: Millis) -> String {
        let deadline = room.state.house.deadline.as_ref();
        let (time, text) = match deadline {
            Some(deadline) => (room.until(deadline.at, now), self.decides_in),
            None => (room.left(now), self.time_left),
        };
        let seconds = time.as_secs();
        let time = match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
            (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
        };
        let time = text(&time);
        if room.state.items.is_empty() {
            return time;
        }
        let voted = room.state.voted();
        let voted = room.members.iter().filter(|one| voted.contains(&one.id));
        let voted = (self.voted_of)(voted.count(), room.members.len());
        format!("{time}, {voted}")
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
        let text = match &decision.draw {
            // Of earlier draws only the winner is kept.
            None if decision.how == How::Draw => (self.drawn)(item),
            None => (self.decided_with)(item, &(self.votes)(*votes)),
            Some(draw) => {
                let (candidates, added) = (draw.candidates.len(), draw.contributions.len());
                (self.drawn_of)(item, candidates, added, (self.verdict)(verdict))
            }
        };
        let by_clock = if decision.deadline {
            self.by_deadline
        } else {
            ""
        };
        format!("{text}{by_clock}")
    }

    /// Commands by what they are about, as far as a line has room.
    pub(super) fn asks(&self, asks: &[lunch::Request]) -> String {
        self.some_of(asks.iter().map(typed).collect())
    }

    fn some_of(&self, mut names: Vec<String>) -> String {
        let more = names.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            names.truncate(MOST_NAMED);
            names.push((self.and_more)(more));
        }
        names.join(", ")
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
        let names: Vec<String> = asks.map(typed).chain(lines.map(quoted)).collect();
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
        let is_host = room.state.house.host == Some(member.id);
        let host = Some(self.behind_host).filter(|_| is_host);
        let has_voted = room.state.voted().contains(&member.id);
        let voted = Some(self.behind_voted).filter(|_| has_voted);
        [you, host, voted, away].into_iter().flatten().collect()
    }

    /// That a command was refused, and why.
    pub(super) fn refused(&self, refusal: &Refusal, ask: Option<&lunch::Request>) -> String {
        let why = (self.refusal)(&refusal.code, ask).unwrap_or(&refusal.message);
        let ask = ask.map(|ask| format!("{}: ", typed(ask)));
        format!("{}{why}", ask.unwrap_or_default())
    }

    /// The title of the room.
    pub(crate) fn title<'a>(&self, room: Option<&'a Room>) -> &'a str {
        let title = room.and_then(|room| room.state.title.as_deref());
        title.unwrap_or(self.lunch)
    }
}
