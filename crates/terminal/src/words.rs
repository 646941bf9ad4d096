//! What is said to people, in their language.

mod table;

use std::time::Duration;

use tablecast_client::protocol::push::Member;
use tablecast_client::protocol::{CloseReason, MemberId, client::Request};
use tablecast_client::{Millis, Notification as N, Reason, Refusal, Status, Who};
use tablecast_lunch::{Candidate, Command, Decision, How, Item, Verdict};

use crate::lines::{self, Line};
use crate::lunch::{self, News, Notification, Room, is_decided};
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
            Who::You => self.subject_you(),
            Who::Other(name) => self.subject(name),
            Who::Nobody => self.somebody(),
        }
    }

    /// Names of members; of those who left only how many.
    pub fn names(self, room: &Room, members: &[MemberId]) -> String {
        let known = members.iter().filter_map(|id| room.member(*id));
        let name = |member: &Member| match member.id == room.you {
            true => self.listed_you(),
            false => member.name.clone(),
        };
        let mut names: Vec<String> = known.map(name).collect();
        let gone = members.len() - names.len();
        if gone > 0 {
            names.push(self.gone_members(gone));
        }
        names.join(", ")
    }

    /// So many votes.
    pub fn votes(self, count: usize) -> String {
        match count {
            1 => self.one_vote(),
            count => self.many_votes(count),
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
            Status::Connecting => self.connecting(),
            Status::Live => self.live(),
            // Never 0: then it is connecting.
            Status::Offline(_, at) => self.again_in(at.saturating_sub(now).div_ceil(1000).max(1)),
            Status::Ended(_) => self.ended(),
        }
    }

    /// Why there is no connection.
    pub fn reason(self, reason: &Reason) -> String {
        use CloseReason as R;
        match reason {
            Reason::Silent => self.silent(),
            Reason::Lost => self.lost(),
            Reason::Unreachable(what) => sanitise(what),
            Reason::Garbled(what) => self.garbled(sanitise(what)),
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
                // These are defects of this program. The text is for its developers.
                R::Protocol | R::Binary | R::NotUtf8 | R::TooBig | R::BadProtocol => {
                    reason.text().to_owned()
                }
            },
        }
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
        self.some_of(asks.map(|ask| self.ask(ask)).collect())
    }

    fn some_of(self, mut names: Vec<String>) -> String {
        let more = names.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            names.truncate(MOST_NAMED);
            names.push(self.and_more(more));
        }
        names.join(", ")
    }

    /// A command by what it is about.
    pub fn ask(self, ask: &lunch::Request) -> String {
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

    /// The commands that were not done when the room ended, and behind them the lines that
    /// waited for it.
    pub(crate) fn unsent<'a>(
        self,
        asks: impl Iterator<Item = &'a lunch::Request>,
        lines: &[Line],
    ) -> Option<String> {
        let lines = lines.iter().map(|line| match line {
            Line::Text(text) => text.trim(),
            Line::Unreadable { begin, .. } => begin,
        });
        let asks = asks.map(|ask| self.ask(ask));
        let names: Vec<String> = asks.chain(lines.map(quoted)).collect();
        (!names.is_empty()).then(|| self.not_sent(self.some_of(names)))
    }

    /// A line of a pipe that cannot be read.
    pub(crate) fn unreadable(self, number: u64, begin: &str, why: lines::Why) -> String {
        let why = match why {
            lines::Why::NotUtf8 => self.not_utf8(),
            lines::Why::TooLong => self.line_too_long(lines::MOST_BYTES),
        };
        self.line_not_said(number, short(begin), why)
    }

    /// What stands behind a member's name.
    pub fn behind(self, room: &Room, member: &Member) -> String {
        let you = Some(self.you()).filter(|_| member.id == room.you);
        let away = Some(self.away()).filter(|_| member.away);
        you.into_iter().chain(away).collect()
    }

    /// A notification; nothing of a snapshot.
    pub fn notification(self, notification: &Notification) -> String {
        match notification {
            N::Joined(who) => self.joined(self.who(who)),
            N::Back(who) => self.back(self.who(who)),
            N::Away(who) => self.went_away(self.who(who)),
            N::Left(who) => self.left_room(self.who(who)),
            N::Renamed(who, name) => self.renamed(self.who(who), name),
            N::Change(who, news) => self.news(self.who(who), news),
            // The user interface shows the snapshot itself.
            N::Snapshot => String::new(),
            N::Refused(refusal, None) => self.refusal(refusal),
            N::Refused(refusal, Some(ask)) => {
                format!("{}: {}", self.ask(ask), self.refusal(refusal))
            }
            N::Unsure(asks) => self.unsure(self.asks(asks.iter())),
            N::TooMany(ask) => self.too_much_waits(self.ask(ask)),
            N::Store(false) => self.store_down(),
            N::Store(true) => self.store_up(),
        }
    }

    fn news(self, who: String, news: &News) -> String {
        match news {
            News::Added(_, item) => self.added(who, item),
            News::Removed(_, item) => self.removed(who, item),
            News::Restored(_, item) => self.restored(who, item),
            News::Voted { item, on, votes } => match on {
                true => self.voted(who, item, self.votes(*votes)),
                false => self.unvoted(who, item, self.votes(*votes)),
            },
            News::Titled(Some(title)) => self.titled(who, title),
            News::Titled(None) => self.untitled(who),
            News::Extended => self.extended(who),
            News::Drawing(count) => self.draw_began(who, count),
            News::Decided(How::Votes, item) => self.decided_by_votes(item),
            News::Decided(How::Draw, item) => self.drawn(item),
        }
    }

    fn refusal(self, refusal: &Refusal) -> String {
        let korean = match &*refusal.code {
            "not_found" => "메뉴에 없습니다",
            "menu_full" => "메뉴가 꽉 찼습니다. 하나를 빼고 추가하세요",
            "votes_full" => "이 항목은 더 투표할 수 없습니다",
            "empty" => "빈 글입니다",
            "too_long" => "너무 깁니다",
            "bad_item" => "쓸 수 없는 글자가 있습니다",
            "nothing_to_decide" => "메뉴가 비어 있어 정할 것이 없습니다",
            "drawing" => "이미 뽑는 중입니다",
            "outdated" | "conflict" => "이 변경은 반영되지 않았을 수 있습니다",
            _ => &refusal.message,
        };
        self.pick(&*refusal.message, korean).to_owned()
    }

    /// The title of the room.
    pub fn title(self, room: Option<&Room>) -> String {
        let title = room.and_then(|room| room.state.title.as_deref());
        title.map_or_else(|| self.lunch(), str::to_owned)
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
