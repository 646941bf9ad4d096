//! What happened, and what went wrong, in words.

use tablecast_lunch::How;

use super::Lang;
use super::Lang::{English, Korean};
use crate::room::news::News;
use crate::session::{Refusal, Told};

impl Lang {
    /// Something that people want to be told.
    pub fn told(self, told: &Told) -> Option<String> {
        Some(match told {
            Told::News(news) => self.news(news),
            Told::Whole => return None,
            Told::Refused(refusal, ask) => {
                let why = self.refusal(refusal);
                match ask {
                    Some(ask) => format!("{}: {why}", self.ask(ask)),
                    None => why,
                }
            }
            Told::Unsure(asks) => {
                let asks = self.asks(asks.iter());
                self.pick(
                    format!("the seat was lost; look whether this was done: {asks}"),
                    format!("자리를 잃었습니다. 반영됐는지 확인하세요: {asks}"),
                )
            }
            Told::TooMany(ask) => {
                let ask = self.ask(ask);
                self.pick(
                    format!("{ask}: too much is waiting to be sent"),
                    format!("{ask}: 보낼 것이 너무 많습니다"),
                )
            }
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
        korean.map_or_else(|| refusal.message.clone(), str::to_owned)
    }
}
