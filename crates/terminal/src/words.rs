//! What is said to people, in their language.

mod table;
mod told;

use std::time::Duration;

use tablecast_client::protocol::client::Request;
use tablecast_client::protocol::{CloseReason, MemberId};
use tablecast_client::{Millis, Reason, Status, Who};
use tablecast_lunch::{Candidate, Command, Decision, Drawing, How, Item, Verdict};

use crate::lines;
use crate::lunch::{self, Room, is_decided};
use crate::say::Unsaid;
use crate::text::{cut, sanitise};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    English,
    /// Korean.
    Korean,
}

use Lang::{English, Korean};

/// So many commands are named; of more it is said how many.
const MOST_NAMED: usize = 5;

/// So many columns of what somebody wrote are repeated to them.
const MOST_QUOTED: usize = 40;

impl Lang {
    /// The language of messages by the environment: the first of `LC_ALL`, `LC_MESSAGES` and
    /// `LANG` that is not empty decides.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Lang {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .iter()
            .find_map(|name| variable(name).filter(|value| !value.is_empty()));
        match set {
            Some(value) if value == "ko" || value.starts_with("ko_") => Korean,
            _ => English,
        }
    }

    /// One of two texts.
    pub fn pick<T>(self, english: T, korean: T) -> T {
        match self {
            English => english,
            Korean => korean,
        }
    }

    /// Somebody, as the subject of a sentence.
    fn who(self, who: &Who) -> String {
        match who {
            Who::You => self.pick("You", "내가").to_owned(),
            Who::Other(name) => self.pick(name.clone(), format!("{name} 님이")),
            Who::Nobody => self.pick("Somebody", "누군가").to_owned(),
        }
    }

    /// A list of members, with how many of them are not known any more.
    pub fn names(self, room: &Room, members: &[MemberId]) -> String {
        let known = members.iter().filter_map(|id| room.member(*id));
        let you = self.pick("you", "나");
        let mut names: Vec<String> = known
            .map(|member| match member.id == room.you {
                true => you.to_owned(),
                false => member.name.to_string(),
            })
            .collect();
        let gone = members.len() - names.len();
        if gone > 0 {
            names.push(self.gone_members(gone));
        }
        names.join(", ")
    }

    /// So many votes.
    pub fn votes(self, count: usize) -> String {
        match (self, count) {
            (English, 1) => "1 vote".to_owned(),
            (English, _) => format!("{count} votes"),
            (Korean, _) => format!("{count}표"),
        }
    }

    /// An item with all that is known of it.
    pub fn item(self, room: &Room, item: &Item) -> String {
        let by = self.added_by(&item.name);
        let votes = self.votes(item.votes.len());
        let who = match item.votes.is_empty() {
            true => String::new(),
            false => format!(": {}", self.names(room, &item.votes)),
        };
        let decided = match is_decided(&room.state, item.number) {
            true => format!(", {}", self.decided()),
            false => String::new(),
        };
        format!("{} ({by}){decided}, {votes}{who}", item.item)
    }

    /// Minutes and seconds.
    pub fn time(self, time: Duration) -> String {
        let seconds = time.as_secs();
        match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
            (0, minutes, seconds) => format!("{minutes}:{seconds:02}"),
            (hours, minutes, seconds) => format!("{hours}:{minutes:02}:{seconds:02}"),
        }
    }

    /// How long the room lives.
    pub fn left(self, time: Duration) -> String {
        self.time_left(self.time(time))
    }

    /// Who is here.
    pub fn here(self, room: &Room) -> String {
        self.seats_taken(room.members.len(), room.seats)
    }

    /// Whether there is a connection.
    pub fn status(self, status: &Status, now: Millis) -> String {
        match status {
            Status::Connecting => self.pick("connecting", "연결 중").to_owned(),
            Status::Live => self.pick("live", "연결됨").to_owned(),
            Status::Offline(_, at) => {
                // Never 0: then it is connecting.
                let wait = at.saturating_sub(now).div_ceil(1000).max(1);
                self.again_in(wait)
            }
            Status::Ended(_) => self.pick("ended", "끝남").to_owned(),
        }
    }

    /// Why there is no connection.
    pub fn reason(self, reason: &Reason) -> String {
        use CloseReason as R;
        match reason {
            Reason::Silent => self.silent(),
            Reason::Lost => self.lost(),
            Reason::Unreachable(what) => return sanitise(what),
            Reason::Garbled(what) => return self.garbled(sanitise(what)),
            Reason::Gone => self.gone(),
            Reason::Closed(reason) => match reason {
                R::Left => self.you_left(),
                R::RoomFull => self.room_full(),
                R::NoSuchRoom => self.no_such_room(),
                R::Expired => self.expired(),
                R::TakenOver => self.taken_over(),
                R::Restarting => self.restarting(),
                R::BadSeat => self.bad_seat(),
                R::Unavailable => self.unavailable(),
                R::NoPong => self.no_pong(),
                R::TooSlow => self.too_slow(),
                R::TooMany => self.too_many(),
                // Faults of this program, for whoever mends it.
                R::Protocol | R::Binary | R::NotUtf8 | R::TooBig | R::BadProtocol => reason.text(),
            },
        }
        .to_owned()
    }

    /// A draw that is under way.
    pub fn drawing(self, drawing: &Drawing) -> String {
        self.drawing_among(drawing.candidates.len(), drawing.contributions.len())
    }

    /// What was decided, and whether it can be believed.
    pub fn decision(self, decision: &Decision, verdict: Option<Verdict>) -> String {
        let Candidate { item, votes, .. } = &decision.winner;
        let Some(draw) = &decision.draw else {
            return self.decided_with(item, self.votes(*votes));
        };
        let verdict = match verdict {
            None => self.unchecked(),
            Some(Verdict::Fair) => self.fair(),
            Some(Verdict::AddsUp) => self.adds_up(),
            Some(Verdict::WithoutYours) => self.without_yours(),
            Some(Verdict::OtherSecret) => self.other_secret(),
            Some(Verdict::OtherWinner) => self.other_winner(),
        };
        let (candidates, added) = (draw.candidates.len(), draw.contributions.len());
        self.drawn_of(item, candidates, added, verdict)
    }

    /// Commands by what they are about, as far as a line has room.
    pub fn asks<'a>(self, asks: impl Iterator<Item = &'a lunch::Request>) -> String {
        let mut names: Vec<String> = asks.map(|ask| self.ask(ask)).collect();
        let more = names.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            names.truncate(MOST_NAMED);
            names.push(self.and_more(more));
        }
        names.join(", ")
    }

    /// A command by what it is about.
    pub fn ask(self, ask: &lunch::Request) -> String {
        let quoted = |text: &str| format!("\"{}\"", cut(&sanitise(text), MOST_QUOTED));
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
        }
    }

    /// What was asked for when it ended, and never came to be.
    pub fn unsent<'a>(self, asks: impl Iterator<Item = &'a lunch::Request>) -> Option<String> {
        let asks = self.asks(asks);
        (!asks.is_empty()).then(|| self.not_sent(asks))
    }

    /// A line that could not be understood.
    pub fn unsaid(self, unsaid: &Unsaid) -> String {
        match unsaid {
            Unsaid::Unknown(word) => self.no_command(sanitise(word)),
            Unsaid::Number(word) => self.no_number(word),
            Unsaid::Item => self.no_item().to_owned(),
            Unsaid::Name => self.no_name().to_owned(),
            Unsaid::Colour => self.no_colour().to_owned(),
        }
    }

    /// A line of a pipe that cannot be said.
    pub(crate) fn unreadable(self, number: u64, begin: &str, why: lines::Why) -> String {
        let why = match why {
            lines::Why::NotUtf8 => self.not_utf8().to_owned(),
            lines::Why::TooLong => self.line_too_long(lines::MOST_BYTES),
        };
        self.line_not_said(number, cut(begin, MOST_QUOTED), why)
    }

    /// An item was to be added that is being added already.
    pub fn coming_already(self, item: &str) -> String {
        self.on_its_way(cut(&sanitise(item), MOST_QUOTED))
    }

    /// Which room this is, for a line of its own.
    pub fn title(self, room: Option<&Room>) -> String {
        let title = room.and_then(|room| room.state.title.as_ref());
        match title {
            Some(title) => title.to_string(),
            None => self.pick("Lunch", "점심").to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides_the_language() {
        for (set, lang) in [
            (vec![], English),
            (vec![("LANG", "ko_KR.UTF-8")], Korean),
            (
                vec![("LANG", "ko_KR.UTF-8"), ("LC_ALL", "en_GB.UTF-8")],
                English,
            ),
            (
                vec![("LANG", "C"), ("LC_ALL", ""), ("LC_MESSAGES", "ko")],
                Korean,
            ),
            (vec![("LANG", "kok_IN")], English),
        ] {
            let variable = |name: &str| {
                let found = set.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Lang::of(variable), lang, "{set:?}");
        }
    }
}
