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
            Told::Refused(refusal, None) => self.refusal(refusal),
            Told::Refused(refusal, Some(ask)) => {
                format!("{}: {}", self.ask(ask), self.refusal(refusal))
            }
            Told::Unsure(asks) => self.unsure(self.asks(asks.iter())),
            Told::TooMany(ask) => self.too_much_waits(self.ask(ask)),
            Told::Store(false) => self.store_down().to_owned(),
            Told::Store(true) => self.store_up().to_owned(),
        })
    }

    fn news(self, news: &News) -> String {
        match news {
            News::Joined(who) => self.joined(self.who(who)),
            News::Back(who) => self.back(self.who(who)),
            News::Away(who) => self.went_away(self.who(who)),
            News::Left(who) => self.left_room(self.who(who)),
            News::Renamed(who, name) => self.renamed(self.who(who), name),
            News::Added(who, _, item) => self.added(self.who(who), item),
            News::Removed(who, _, item) => self.removed(self.who(who), item),
            News::Restored(who, _, item) => self.restored(self.who(who), item),
            News::Voted {
                who,
                item,
                on,
                votes,
            } => match on {
                true => self.voted(self.who(who), item, self.votes(*votes)),
                false => self.unvoted(self.who(who), item, self.votes(*votes)),
            },
            News::Titled(who, Some(title)) => self.titled(self.who(who), title),
            News::Titled(who, None) => self.untitled(self.who(who)),
            News::Extended(who) => self.extended(self.who(who)),
            News::Drawing(who, count) => self.draw_began(self.who(who), count),
            News::Decided(How::Votes, item) => self.decided_by_votes(item),
            News::Decided(How::Draw, item) => self.drawn(item),
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
