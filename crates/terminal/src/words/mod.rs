//! What is said to people, in their language.

mod help;

use std::time::Duration;

use tablecast_core::close::CloseReason;

use crate::clock::Millis;
use crate::room::draw::Verdict;
use crate::room::menu::{Candidate, Decision, Drawing, How, Item};
use crate::room::news::{News, Who};
use crate::room::wire::Refusal;
use crate::room::{MemberId, Room};
use crate::say::Unsaid;
use crate::session::Told;
use crate::session::link::{Status, Why};
use crate::text::Shown;

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    English,
    /// Korean.
    Korean,
}

use Lang::{English, Korean};

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
            Who::Other(name) => self.pick(name.to_string(), format!("{name} 님이")),
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
        format!("{} ({by}), {votes}{who}", item.item)
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

    /// Something that people want to be told.
    pub fn told(self, told: &Told) -> Option<String> {
        Some(match told {
            Told::News(news) => self.news(news),
            Told::Whole => return None,
            Told::Refused(refusal) => self.refusal(refusal),
            Told::Unsure(count) => self.pick(
                format!("the seat was lost; look whether your last changes ({count}) are there"),
                format!("자리를 잃었습니다. 마지막 변경 {count}개가 반영됐는지 확인하세요"),
            ),
            Told::TooMany => self
                .pick("too much is waiting to be sent", "보낼 것이 너무 많습니다")
                .to_owned(),
            Told::Store(false) => self
                .pick(
                    "the store cannot be reached: nothing changes until it answers",
                    "저장소에 닿지 않습니다. 응답할 때까지 아무것도 바뀌지 않습니다",
                )
                .to_owned(),
            Told::Store(true) => self
                .pick("the store answers again", "저장소가 다시 응답합니다")
                .to_owned(),
        })
    }

    fn news(self, news: &News) -> String {
        match news {
            News::Joined(who) => {
                let who = self.who(who);
                self.pick(format!("{who} joined"), format!("{who} 들어왔습니다"))
            }
            News::Back(who) => {
                let who = self.who(who);
                self.pick(format!("Back again: {who}"), format!("{who} 돌아왔습니다"))
            }
            News::Away(who) => {
                let who = self.who(who);
                self.pick(format!("Away: {who}"), format!("{who} 자리를 비웠습니다"))
            }
            News::Left(who) => {
                let who = self.who(who);
                self.pick(format!("{who} left"), format!("{who} 나갔습니다"))
            }
            News::Renamed(who, name) => {
                let who = self.who(who);
                self.pick(
                    format!("{who} took the name {name}"),
                    format!("{who} 이름을 {name} (으)로 바꿨습니다"),
                )
            }
            News::Added(who, _, item) => {
                let who = self.who(who);
                self.pick(format!("{who} added {item}"), format!("{who} 추가: {item}"))
            }
            News::Removed(who, _, item) => {
                let who = self.who(who);
                self.pick(format!("{who} removed {item}"), format!("{who} 뺌: {item}"))
            }
            News::Restored(who, _, item) => {
                let who = self.who(who);
                self.pick(
                    format!("{who} put {item} back"),
                    format!("{who} 되돌림: {item}"),
                )
            }
            News::Voted {
                who,
                item,
                on,
                votes,
            } => {
                let who = self.who(who);
                let votes = self.votes(*votes);
                match on {
                    true => self.pick(
                        format!("{who} voted for {item}: {votes}"),
                        format!("{who} 투표: {item}, {votes}"),
                    ),
                    false => self.pick(
                        format!("{who} took a vote from {item}: {votes}"),
                        format!("{who} 투표 취소: {item}, {votes}"),
                    ),
                }
            }
            News::Titled(who, Some(title)) => {
                let who = self.who(who);
                self.pick(
                    format!("{who} named the room {title}"),
                    format!("{who} 방 제목을 정했습니다: {title}"),
                )
            }
            News::Titled(who, None) => {
                let who = self.who(who);
                self.pick(
                    format!("{who} took the room's name away"),
                    format!("{who} 방 제목을 지웠습니다"),
                )
            }
            News::Extended(who) => {
                let who = self.who(who);
                self.pick(
                    format!("{who} extended the time"),
                    format!("{who} 시간을 늘렸습니다"),
                )
            }
            News::Drawing(who, count) => {
                let who = self.who(who);
                self.pick(
                    format!("{who} began a draw among {count}"),
                    format!("{who} 뽑기를 시작했습니다: 후보 {count}개"),
                )
            }
            News::Decided(How::Votes, item) => self.pick(
                format!("Decided by votes: {item}"),
                format!("투표로 결정: {item}"),
            ),
            News::Decided(How::Draw, item) => {
                self.pick(format!("Drawn: {item}"), format!("뽑기로 결정: {item}"))
            }
        }
    }

    fn refusal(self, refusal: &Refusal) -> String {
        let korean = match (self, &*refusal.code) {
            (English, _) => None,
            (Korean, "not_found") => Some("메뉴에 없습니다"),
            (Korean, "menu_full") => Some("메뉴가 꽉 찼습니다. 하나를 빼고 추가하세요"),
            (Korean, "votes_full") => Some("이 항목은 더 투표할 수 없습니다"),
            (Korean, "empty") => Some("빈 글입니다"),
            (Korean, "too_long") => Some("너무 깁니다"),
            (Korean, "bad_item") => Some("쓸 수 없는 글자가 있습니다"),
            (Korean, "nothing_to_decide") => Some("메뉴가 비어 있어 정할 것이 없습니다"),
            (Korean, "drawing") => Some("이미 뽑는 중입니다"),
            (Korean, "outdated" | "conflict") => Some("이 변경은 반영되지 않았을 수 있습니다"),
            (Korean, _) => None,
        };
        korean.map_or_else(|| refusal.message.to_string(), str::to_owned)
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
                let word = Shown::from(&**word);
                self.pick(
                    format!("there is no {word}: /help lists what there is, // in front adds it"),
                    format!("{word} 명령은 없습니다. 목록은 /help, 그대로 추가하려면 // 로 쓰세요"),
                )
            }
            Unsaid::Number(word) => self.pick(
                format!("{word} needs the number of an item, as in {word} 2"),
                format!("{word} 뒤에 항목 번호를 쓰세요. 예: {word} 2"),
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

    /// An item was to be added that is there already.
    pub fn voted_instead(self, item: &Item) -> String {
        let item = &item.item;
        self.pick(
            format!("{item} is on the menu already; your vote is for it"),
            format!("이미 메뉴에 있습니다: {item}. 대신 투표했습니다"),
        )
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
