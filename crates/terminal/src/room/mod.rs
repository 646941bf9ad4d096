//! The room as this client knows it. Pure: it changes by what the server says, and by
//! nothing else.

pub mod news;
pub mod wire;

use std::time::Duration;

use tablecast_lunch::{Item, Table};
use tablecast_protocol::push::{Member, What};
use tablecast_protocol::{Epoch, Known, MemberId};

use crate::clock::Millis;
use news::{News, Who};
use wire::{Event, Hello, Snapshot};

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
    pub menu: Table,
    /// Names the unbroken history that `seq` counts in.
    pub epoch: Epoch,
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
        let (you, seats) = (hello.you, hello.seats);
        match (known, hello.whole) {
            (Some(room), None) if hello.resumed => Ok(Room { you, seats, ..room }),
            (_, Some(whole)) => Ok(Room::at(you, seats, whole, now)),
            (_, None) => Err(Broken::NoState),
        }
    }

    fn at(you: MemberId, seats: usize, whole: Snapshot, now: Millis) -> Room {
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
    pub fn replace(&mut self, whole: Snapshot, now: Millis) {
        *self = Room::at(self.you, self.seats, whole, now);
    }

    /// Lets an event happen: what people may want to hear of it. An event that is known
    /// already, and what this client does not understand of a newer server, changes nothing.
    ///
    /// # Errors
    /// [`Broken::Gap`] if it is not the next one.
    pub fn apply(&mut self, event: Event) -> Result<Option<News>, Broken> {
        if event.seq <= self.seq {
            return Ok(None);
        }
        if event.seq - self.seq > 1 {
            return Err(Broken::Gap);
        }
        self.seq = event.seq;
        self.expires_at = event.expires_at;
        let Known(Some(what)) = event.what else {
            return Ok(None);
        };
        // Nobody has the id 0.
        Ok(self.happen(event.by.unwrap_or(MemberId(0)), what))
    }

    fn happen(
        &mut self,
        by: MemberId,
        what: What<'_, Known<tablecast_lunch::Event>>,
    ) -> Option<News> {
        match what {
            What::Joined {
                member: id,
                name,
                colour,
            } => {
                self.members.push(Member {
                    id,
                    name: name.into_owned(),
                    colour,
                    away: false,
                });
                Some(News::Joined(self.who(id)))
            }
            What::Back { member } => {
                let is_new = std::mem::take(&mut self.member_mut(member)?.away);
                is_new.then(|| News::Back(self.who(member)))
            }
            What::Away { member, .. } => {
                let was_away = std::mem::replace(&mut self.member_mut(member)?.away, true);
                (!was_away).then(|| News::Away(self.who(member)))
            }
            What::Left { member } => {
                let who = self.who(member);
                self.members.retain(|one| one.id != member);
                Some(News::Left(who))
            }
            What::Renamed {
                member,
                name,
                colour,
            } => {
                let was = self.who(member);
                let member = self.member_mut(member)?;
                member.colour = colour.or(member.colour);
                let is_new = *member.name != *name;
                member.name = name.into_owned();
                is_new.then(|| News::Renamed(was, member.name.clone()))
            }
            What::Change(Known(change)) => {
                let change = change?;
                let before = self.menu.clone();
                self.menu.apply(by, &change);
                news::of_table(&change, self.who(by), &before, &self.menu)
            }
        }
    }

    /// The items, most wanted first; among equals in order of adding.
    pub fn by_votes(&self) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.menu.items.iter().map(|item| &**item).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.votes.len()));
        items
    }

    /// Whether the newest decision is for this item.
    pub fn is_decided(&self, number: u64) -> bool {
        let decision = self.menu.settling.decision.as_ref();
        decision.is_some_and(|decision| decision.winner.number == number)
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
