//! What is said to people, in their language.

mod help;
mod told;

use std::time::Duration;

use tablecast_lunch::{Candidate, Command, Decision, Drawing, How, Item, Verdict};
use tablecast_protocol::client::Request;
use tablecast_protocol::{CloseReason, MemberId};

use crate::clock::Millis;
use crate::lines;
use crate::room::Room;
use crate::room::news::Who;
use crate::say::Unsaid;
use crate::session::commands::Ask;
use crate::session::link::{Status, Why};
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
            names.push(self.pick(format!("{gone} who left"), format!("나간 사람 {gone}명")));
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
        let by = self.pick(
            format!("from {}", item.name),
            format!("{} 님 추가", item.name),
        );
        let votes = self.votes(item.votes.len());
        let who = match item.votes.is_empty() {
            true => String::new(),
            false => format!(": {}", self.names(room, &item.votes)),
        };
        let decided = match room.is_decided(item.number) {
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
        let time = self.time(time);
        self.pick(format!("{time} left"), format!("{time} 남음"))
    }

    /// Who is here.
    pub fn here(self, room: &Room) -> String {
        let (taken, seats) = (room.members.len(), room.seats);
        self.pick(
            format!("{taken} of {seats} here"),
            format!("{seats}자리 중 {taken}명"),
        )
    }

    /// Behind one's own name.
    pub fn you(self) -> &'static str {
        self.pick(" (you)", " (나)")
    }

    /// Behind the name of somebody who is not connected.
    pub fn away(self) -> &'static str {
        self.pick(" away", " 자리비움")
    }

    /// Whether there is a connection.
    pub fn status(self, status: &Status, now: Millis) -> String {
        match status {
            Status::Connecting => self.pick("connecting", "연결 중").to_owned(),
            Status::Live => self.pick("live", "연결됨").to_owned(),
            Status::Offline(_, at) => {
                // Never 0: then it is connecting.
                let wait = at.saturating_sub(now).div_ceil(1000).max(1);
                self.pick(
                    format!("offline, again in {wait} s"),
                    format!("오프라인, {wait}초 뒤 다시"),
                )
            }
            Status::Ended(_) => self.pick("ended", "끝남").to_owned(),
        }
    }

    /// Why there is no connection.
    pub fn why(self, why: &Why) -> String {
        use CloseReason as R;
        match why {
            Why::Silent => self.pick("the server does not answer", "서버가 응답하지 않습니다"),
            Why::Lost => self.pick("the connection was lost", "연결이 끊어졌습니다"),
            Why::Unreachable(what) => return what.to_string(),
            Why::Garbled(what) => {
                return self.pick(
                    format!("server and client do not understand each other: {what}"),
                    format!("서버와 말이 통하지 않습니다: {what}"),
                );
            }
            Why::Gone => self.pick(
                "the room is gone: its time was up, or the server has lost it",
                "방이 없어졌습니다. 시간이 다 됐거나 서버가 방을 잃었습니다",
            ),
            Why::Closed(reason) => match (self, reason) {
                (_, R::Left) => self.pick("you left", "나갔습니다"),
                (_, R::RoomFull) => self.pick(
                    "the room is full; you are let in when a seat is free",
                    "방이 꽉 찼습니다. 자리가 나면 들어갑니다",
                ),
                (_, R::NoSuchRoom) => self.pick(
                    "there is no such room, or it has expired: `tablecast create` makes another",
                    "없는 방이거나 시간이 다 된 방입니다. `tablecast create`로 새로 만드세요",
                ),
                (_, R::Expired) => self.pick("the room has expired", "방의 시간이 다 됐습니다"),
                (_, R::TakenOver) => self.pick(
                    "this seat is used by a newer connection",
                    "다른 곳에서 이 자리에 접속했습니다",
                ),
                (_, R::Restarting) => self.pick("the server restarts", "서버가 다시 시작합니다"),
                (_, R::BadSeat) => self.pick("the seat was given up", "자리를 잃었습니다"),
                (_, R::Unavailable) => {
                    self.pick("the store cannot be reached", "저장소에 닿지 않습니다")
                }
                (_, R::NoPong) => self.pick("no sign of life came", "신호가 없었습니다"),
                (_, R::TooSlow) => self.pick("it was read too slowly", "너무 느리게 읽었습니다"),
                (_, R::TooMany) => self.pick("too many commands", "명령이 너무 많았습니다"),
                // Faults of this program, for whoever mends it.
                (_, R::Protocol | R::Binary | R::NotUtf8 | R::TooBig | R::BadProtocol) => {
                    reason.text()
                }
            },
        }
        .to_owned()
    }

    /// A draw that is under way.
    pub fn drawing(self, drawing: &Drawing) -> String {
        let (candidates, added) = (drawing.candidates.len(), drawing.contributions.len());
        self.pick(
            format!("Drawing among {candidates}: {added} took part so far"),
            format!("뽑는 중: 후보 {candidates}개, {added}명 참여"),
        )
    }

    /// What was decided, and whether it can be believed.
    pub fn decision(self, decision: &Decision, verdict: Option<Verdict>) -> String {
        let Candidate { item, votes, .. } = &decision.winner;
        let Some(draw) = &decision.draw else {
            let votes = self.votes(*votes);
            return self.pick(
                format!("Decided: {item}, with {votes}"),
                format!("결정: {item}, {votes}"),
            );
        };
        let (candidates, added) = (draw.candidates.len(), draw.contributions.len());
        let verdict = match verdict {
            None => self.pick("not checked", "확인 안 됨"),
            Some(Verdict::Fair) => self.pick("verified", "검증됨"),
            Some(Verdict::AddsUp) => self.pick(
                "adds up, but began before you came",
                "계산은 맞지만 오기 전에 시작됨",
            ),
            Some(Verdict::WithoutYours) => {
                self.pick("verified, but without your chance", "검증됨, 내 몫은 빠짐")
            }
            Some(Verdict::OtherSecret) => self.pick(
                "NOT FAIR: not the secret that was promised",
                "공정하지 않음: 약속한 비밀값과 다름",
            ),
            Some(Verdict::OtherWinner) => self.pick(
                "NOT FAIR: the numbers lead to another item",
                "공정하지 않음: 계산 결과가 다름",
            ),
        };
        self.pick(
            format!("Drawn: {item}, 1 of {candidates}, {added} took part, {verdict}"),
            format!("뽑기: {item}, 후보 {candidates}개, {added}명 참여, {verdict}"),
        )
    }

    /// Commands by what they are about, as far as a line has room.
    pub fn asks<'a>(self, asks: impl Iterator<Item = &'a Ask>) -> String {
        let mut names: Vec<String> = asks.map(|ask| self.ask(ask)).collect();
        let more = names.len().saturating_sub(MOST_NAMED);
        if more > 0 {
            names.truncate(MOST_NAMED);
            names.push(self.pick(format!("{more} more"), format!("그 밖에 {more}개")));
        }
        names.join(", ")
    }

    /// A command by what it is about.
    pub fn ask(self, ask: &Ask) -> String {
        let quoted = |text: &str| format!("\"{}\"", cut(&sanitise(text), MOST_QUOTED));
        let command = match ask {
            Request::Rename(rename) => return format!("/name {}", quoted(&rename.name)),
            Request::Command(command) => command,
        };
        // This client names items by their numbers alone.
        let numbered = |word: &str, number: Option<u64>| match number {
            Some(number) => format!("{word} {number}"),
            None => word.to_owned(),
        };
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
    pub fn unsent<'a>(self, asks: impl Iterator<Item = &'a Ask>) -> Option<String> {
        let asks = self.asks(asks);
        let text = || self.pick(format!("not sent: {asks}"), format!("보내지 못함: {asks}"));
        (!asks.is_empty()).then(text)
    }

    /// Commands that were not answered yet.
    pub fn waiting(self, count: usize) -> String {
        self.pick(
            format!("{count} not sent yet"),
            format!("{count}개 보내는 중"),
        )
    }

    /// A line that could not be understood.
    pub fn unsaid(self, unsaid: &Unsaid) -> String {
        match unsaid {
            Unsaid::Unknown(word) => {
                let word = sanitise(word);
                self.pick(
                    format!("there is no {word}: /help lists what there is, // in front adds it"),
                    format!("{word} 명령은 없습니다. 목록은 /help, 그대로 추가하려면 // 로 쓰세요"),
                )
            }
            Unsaid::Number(word) => self.pick(
                format!("{word} needs the number of an item, as in {word} 2"),
                format!("{word} 뒤에 항목 번호를 쓰세요. 예: {word} 2"),
            ),
            Unsaid::Item => self.pick(
                "/add needs something to add, as in /add pizza".to_owned(),
                "/add 뒤에 추가할 것을 쓰세요. 예: /add 피자".to_owned(),
            ),
            Unsaid::Name => self.pick(
                "/name needs a name, as in /name Mina".to_owned(),
                "/name 뒤에 이름을 쓰세요. 예: /name 미나".to_owned(),
            ),
            Unsaid::Colour => self.pick(
                "/colour needs a number from 0 to 11".to_owned(),
                "/colour 뒤에 0부터 11까지의 숫자를 쓰세요".to_owned(),
            ),
        }
    }

    /// A line of a pipe that cannot be said.
    pub(crate) fn unreadable(self, number: u64, begin: &str, why: lines::Why) -> String {
        let begin = cut(begin, MOST_QUOTED);
        let why = match why {
            lines::Why::NotUtf8 => self.pick(
                "it is not UTF-8; `iconv -t UTF-8` makes it so".to_owned(),
                "UTF-8이 아닙니다. `iconv -t UTF-8`로 바꾸세요".to_owned(),
            ),
            lines::Why::TooLong => self.pick(
                format!("a line has at most {} bytes", lines::MOST_BYTES),
                format!("한 줄은 {}바이트까지입니다", lines::MOST_BYTES),
            ),
        };
        self.pick(
            format!("line {number}, \"{begin}\", was not said: {why}"),
            format!("{number}번째 줄 \"{begin}\": {why}"),
        )
    }

    /// An item was to be added that is there already.
    pub fn voted_instead(self, item: &Item) -> String {
        let item = &item.item;
        self.pick(
            format!("{item} is on the menu already; your vote is for it"),
            format!("이미 메뉴에 있습니다: {item}. 대신 투표했습니다"),
        )
    }

    /// An item was to be added that is being added already.
    pub fn coming_already(self, item: &str) -> String {
        let item = cut(&sanitise(item), MOST_QUOTED);
        self.pick(
            format!("{item} is on its way already"),
            format!("이미 보내는 중입니다: {item}"),
        )
    }

    /// Something needs the room, which is not known yet.
    pub fn not_here_yet(self) -> &'static str {
        self.pick(
            "you are not in the room yet",
            "아직 방에 들어가지 못했습니다",
        )
    }

    /// What was pasted does not fit into a line.
    pub fn too_much_pasted(self) -> &'static str {
        self.pick(
            "that is too long for a line; nothing of it was taken",
            "한 줄에 넣기에는 너무 깁니다. 넣지 않았습니다",
        )
    }

    /// Behind an item that was decided on.
    pub fn decided(self) -> &'static str {
        self.pick("decided", "결정")
    }

    /// There is nothing to undo.
    pub fn nothing_to_undo(self) -> &'static str {
        self.pick("you have removed nothing", "뺀 것이 없습니다")
    }

    /// An empty menu.
    pub fn empty_menu(self) -> &'static str {
        self.pick(
            "Nothing on the menu yet. Type what you would like, and Enter.",
            "아직 메뉴가 비어 있습니다. 먹고 싶은 것을 쓰고 Enter를 누르세요.",
        )
    }

    /// Which room this is, for a line of its own.
    pub fn title(self, room: Option<&Room>) -> String {
        let title = room.and_then(|room| room.menu.title.as_ref());
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
