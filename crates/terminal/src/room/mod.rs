//! The room as this client knows it. Pure: it changes by what the server says, and by
//! nothing else.

pub mod draw;
pub mod menu;
pub mod news;
pub mod wire;

use std::time::Duration;

use crate::clock::Millis;
use menu::Menu;
use news::{News, Who};
use wire::{Event, Hello, Member, Whole};

/// Names a member in a room.
pub type MemberId = u64;

/// A room at a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Room {
    /// Which member this client is.
    pub you: MemberId,
    /// How many seats there are.
    pub seats: usize,
    /// Who has one, in order of joining.
    pub members: Vec<Member>,
    /// What is chosen from.
    pub menu: Menu,
    /// Names the unbroken history that `seq` counts in.
    pub epoch: String,
    /// The place of the newest event.
    pub seq: u64,
    /// When the room ends, by the store's clock.
    expires_at: u64,
    /// What the store's clock is ahead of ours, milliseconds.
    ahead: i64,
}

/// A push that cannot belong to the conversation: reconnect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An event was left out.
    #[error("the server left out an event")]
    Gap,
    /// A first message without the state that it must have.
    #[error("the server's first message lacks the room's state")]
    NoState,
}

impl Room {
    /// The room after a first message: a resumed one leads on from what was known.
    ///
    /// # Errors
    /// [`Broken::NoState`] if there is neither.
    pub fn greeted(known: Option<Room>, hello: Hello, now: Millis) -> Result<Room, Broken> {
        let Hello {
            you, seats, whole, ..
        } = hello;
        match (known, whole) {
            (Some(room), None) => Ok(Room { you, seats, ..room }),
            (_, Some(whole)) => Ok(Room::whole(you, seats, whole, now)),
            (None, None) => Err(Broken::NoState),
        }
    }

    fn whole(you: MemberId, seats: usize, whole: Whole, now: Millis) -> Room {
        Room {
            you,
            seats,
            members: whole.members,
            menu: whole.state,
            epoch: whole.epoch,
            seq: whole.seq,
            expires_at: whole.expires_at,
            ahead: (whole.now as i64).saturating_sub(now as i64),
        }
    }

    /// Puts a whole state in place of all that was known.
    pub fn replace(&mut self, whole: Whole, now: Millis) {
        *self = Room::whole(self.you, self.seats, whole, now);
    }

    /// Lets an event happen: what people may want to hear of it. An event that is known
    /// already, and what this client does not understand of a newer server, changes nothing.
    ///
    /// # Errors
    /// [`Broken::Gap`] if it is not the next one.
    pub fn apply(&mut self, event: Event) -> Result<Vec<News>, Broken> {
        if event.seq <= self.seq {
            return Ok(Vec::new());
        }
        if event.seq - self.seq > 1 {
            return Err(Broken::Gap);
        }
        self.seq = event.seq;
        self.expires_at = event.expires_at;
        let mut news = Vec::new();
        if let Some(joined) = event.joined {
            self.members.push(Member {
                id: joined.member,
                name: joined.name,
                colour: joined.colour,
                away: false,
            });
            news.push(News::Joined(self.who(joined.member)));
        }
        if let Some(back) = event.back
            && self.set_away(back.member, false)
        {
            news.push(News::Back(self.who(back.member)));
        }
        if let Some(away) = event.away
            && self.set_away(away.member, true)
        {
            news.push(News::Away(self.who(away.member)));
        }
        if let Some(left) = event.left {
            news.push(News::Left(self.who(left.member)));
            self.members.retain(|member| member.id != left.member);
        }
        if let Some(renamed) = event.renamed {
            let was = self.who(renamed.member);
            if let Some(member) = self.member_mut(renamed.member) {
                let is_new = member.name != renamed.name;
                member.name = renamed.name.clone();
                member.colour = renamed.colour.or(member.colour);
                if is_new {
                    news.push(News::Renamed(was, renamed.name));
                }
            }
        }
        if let Some(change) = event.change {
            let by = event.by.unwrap_or_default();
            let who = self.who(by);
            news.extend(self.menu.apply(by, &who, change));
        }
        Ok(news)
    }

    fn set_away(&mut self, id: MemberId, away: bool) -> bool {
        match self.member_mut(id) {
            Some(member) => std::mem::replace(&mut member.away, away) != away,
            None => false,
        }
    }

    fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// A member who has a seat.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// A member as people speak of them; somebody without a seat is nobody in particular.
    pub fn who(&self, id: MemberId) -> Who {
        match self.member(id) {
            _ if id == self.you => Who::You,
            Some(member) => Who::Other(member.name.clone()),
            None => Who::Nobody,
        }
    }

    /// How long the room lives unless something extends it.
    pub fn left(&self, now: Millis) -> Duration {
        let store_now = (now as i64).saturating_add(self.ahead);
        let left = (self.expires_at as i64).saturating_sub(store_now);
        Duration::from_millis(left.max(0) as u64)
    }
}
