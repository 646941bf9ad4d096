//! What happened, and what went wrong, in words.

use tablecast_client::{Notification as N, Refusal};
use tablecast_lunch::How;

use super::Lang;
use super::Lang::{English, Korean};
use crate::lunch::{News, Notification};

impl Lang {
    /// Something that people want to be told.
    pub fn notification(self, notification: &Notification) -> String {
        match notification {
            N::Joined(who) => self.joined(self.who(who)),
            N::Back(who) => self.back(self.who(who)),
            N::Away(who) => self.went_away(self.who(who)),
            N::Left(who) => self.left_room(self.who(who)),
            N::Renamed(who, name) => self.renamed(self.who(who), name),
            N::Change(who, news) => self.news(self.who(who), news),
            // It is shown itself.
            N::Snapshot => String::new(),
            N::Refused(refusal, None) => self.refusal(refusal),
            N::Refused(refusal, Some(ask)) => {
                format!("{}: {}", self.ask(ask), self.refusal(refusal))
            }
            N::Unsure(asks) => self.unsure(self.asks(asks.iter())),
            N::TooMany(ask) => self.too_much_waits(self.ask(ask)),
            N::Store(false) => self.store_down().to_owned(),
            N::Store(true) => self.store_up().to_owned(),
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
