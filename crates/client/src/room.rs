//! The room as this client knows it. Pure: it changes by what the server says, and by nothing
//! else.

use std::time::Duration;

use tablecast_protocol::FORMER_MEMBERS;
use tablecast_protocol::push::{Event, Former, Hello, Member, Snapshot, What};
use tablecast_protocol::{Epoch, Known, MemberId};

use crate::clock::Millis;
use crate::notification::{Notification, Who};
use crate::session::link::Reason;

/// A room at a position.
#[derive(Debug, Clone, PartialEq)]
pub struct Room<S> {
    /// Which member this client is; `None`: it watches and has no seat.
    pub you: Option<MemberId>,
    /// How many seats there are.
    pub seats: usize,
    /// Who has one, sorted by id.
    pub members: Vec<Member>,
    /// Who had one and has a part in the state, or may come back. Whoever leaves is added, at
    /// most 256; a whole state says who is remembered.
    pub former: Vec<Former>,
    /// The application's state.
    pub state: S,
    /// Names the unbroken history that `seq` counts in.
    pub epoch: Epoch,
    /// The place of the newest event.
    pub seq: u64,
    /// When the room ends, by the store's clock.
    expires_at: u64,
    /// What the store's clock is ahead of ours, milliseconds.
    ahead: i64,
}

impl<S> Room<S> {
    /// The room after a first message: a resumed one leads on from what was known.
    pub(crate) fn greeted(
        known: Option<Self>,
        hello: Hello<'_, S>,
        now: Millis,
    ) -> Result<Self, Reason> {
        let seats = hello.seats;
        let you = hello.seated.map(|seat| seat.you);
        if you.is_none() && !hello.watching {
            return Err(garbled("the server's first message gives no seat"));
        }
        match (known, hello.whole) {
            (Some(room), None) if hello.resumed => Ok(Room { you, seats, ..room }),
            (_, Some(whole)) => Ok(Room::at(you, seats, whole, now)),
            (_, None) => Err(garbled("the server's first message lacks the room's state")),
        }
    }

    fn at(you: Option<MemberId>, seats: usize, whole: Snapshot<S>, now: Millis) -> Self {
        Room {
            you,
            seats,
            members: whole.members,
            former: whole.former,
            state: whole.state,
            epoch: whole.epoch,
            seq: whole.seq,
            expires_at: whole.expires_at,
            ahead: (whole.now as i64).saturating_sub(now as i64),
        }
    }

    /// Puts a whole state in place of all that was known.
    pub(crate) fn replace(&mut self, whole: Snapshot<S>, now: Millis) {
        *self = Room::at(self.you, self.seats, whole, now);
    }

    /// Applies an event and returns what there is to tell of it. An event that was applied already
    /// changes nothing. `change` applies an event of the application.
    ///
    /// # Errors
    /// Why this room cannot be right any more: the event is not known here, or not the next one.
    pub(crate) fn apply<E, N, C>(
        &mut self,
        event: Event<'_, Known<E>>,
        change: impl FnOnce(&mut S, Option<MemberId>, E) -> Option<N>,
    ) -> Result<Option<Notification<N, C>>, Reason> {
        if event.seq <= self.seq {
            return Ok(None);
        }
        if event.seq - self.seq > 1 {
            return Err(garbled("the server left out an event"));
        }
        let what = match event.what {
            Known(Some(What::Change(Known(None))) | None) => return Err(Reason::Outdated),
            Known(Some(what)) => what,
        };
        self.seq = event.seq;
        self.expires_at = event.expires_at;
        Ok(self.happen(event.by, what, change))
    }

    fn happen<E, N, C>(
        &mut self,
        by: Option<MemberId>,
        what: What<'_, Known<E>>,
        change: impl FnOnce(&mut S, Option<MemberId>, E) -> Option<N>,
    ) -> Option<Notification<N, C>> {
        match what {
            What::Joined {
                member: id,
                name,
                colour,
            } => {
                self.former.retain(|one| one.id != id);
                let at = self.members.partition_point(|one| one.id < id);
                let member = Member {
                    id,
                    name: name.into_owned(),
                    colour,
                    away: false,
                };
                self.members.insert(at, member);
                Some(Notification::Joined(self.who(id)))
            }
            What::Back { member } => {
                let is_new = std::mem::take(&mut self.member_mut(member)?.away);
                is_new.then(|| Notification::Back(self.who(member)))
            }
            What::Away { member, .. } => {
                let was_away = std::mem::replace(&mut self.member_mut(member)?.away, true);
                (!was_away).then(|| Notification::Away(self.who(member)))
            }
            What::Left { member } => {
                // It may be somebody who never had a seat.
                self.member(member)?;
                let who = self.who(member);
                let left = self.members.extract_if(.., |one| one.id == member);
                self.former.extend(left.map(Former::from));
                let too_many = self.former.len().saturating_sub(FORMER_MEMBERS);
                self.former.drain(..too_many);
                Some(Notification::Left(who))
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
                is_new.then(|| Notification::Renamed(was, member.name.clone()))
            }
            What::Change(Known(event)) => {
                let news = change(&mut self.state, by, event?)?;
                Some(Notification::Change(by.map(|by| self.who(by)), news))
            }
        }
    }

    fn member_mut(&mut self, id: MemberId) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| member.id == id)
    }

    /// A member who has a seat.
    pub fn member(&self, id: MemberId) -> Option<&Member> {
        self.members.iter().find(|member| member.id == id)
    }

    /// Whether this member is this client.
    pub fn is_you(&self, id: MemberId) -> bool {
        self.you == Some(id)
    }

    /// A member as people speak of them; somebody who is not known is nobody in particular.
    pub fn who(&self, id: MemberId) -> Who {
        let former = || self.former.iter().find(|one| one.id == id);
        match self.member(id) {
            _ if self.is_you(id) => Who::You,
            Some(member) => Who::Other(member.name.clone()),
            None => former().map_or(Who::Nobody, |one| Who::Other(one.name.clone())),
        }
    }

    /// How long the room lives unless something extends it.
    pub fn left(&self, now: Millis) -> Duration {
        self.until(self.expires_at, now)
    }

    /// How long it is until a time of the store's clock; nothing, if it has passed.
    pub fn until(&self, store_time: u64, now: Millis) -> Duration {
        Duration::from_millis(self.local_time(store_time).saturating_sub(now))
    }

    /// What our clock shows at a time of the store's clock, milliseconds since 1970.
    pub fn local_time(&self, store_time: u64) -> Millis {
        store_time.saturating_add_signed(self.ahead.saturating_neg())
    }

    /// What the store's clock shows at a time of ours, milliseconds since 1970.
    pub fn store_time(&self, local_time: Millis) -> u64 {
        local_time.saturating_add_signed(self.ahead)
    }
}

fn garbled(what: &str) -> Reason {
    Reason::Garbled(what.to_owned())
}
