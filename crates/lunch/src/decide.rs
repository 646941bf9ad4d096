//! The decisions on commands: their events, or the reason of a refusal.

mod deadline;
mod host;
mod items;
mod settle;
mod votes;

use serde::Serialize;
use tablecast_core::code::BAD_COMMAND;
use tablecast_core::logic::{Context, Member};
use tablecast_core::{Logic, MemberId, Rejection};

use crate::command::{
    Add, Command, Contribute, Decide, Dismiss, Extend, Lock, MakeHost, Nudge, Reinstate, Restore,
    Reveal, Target, Title, Veto, Vote,
};
use crate::decision::Keepsake;
use crate::event::Event;
use crate::item::Candidate;
use crate::limits::clean_title;
use crate::menu::{HostRight, Menu};

impl Logic for Menu {
    type Command = Command;
    type Event = Event;

    const FORMS: u32 = 3;

    #[inline]
    fn form(event: &Event) -> u32 {
        event.form()
    }

    fn state_form(&self) -> u32 {
        let is_plain = *self.table.house == Default::default() && self.private.host.is_none();
        if is_plain { 1 } else { 2 }
    }

    fn decide(&self, context: &Context<'_>, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Some(by) = context.by else {
            return Err(Rejection::new(BAD_COMMAND, "only members give commands"));
        };
        if self.table.house.locked && command.is_locked() {
            self.check_host(by)?;
        }
        match command {
            Command::Add(Add { item }) => self.add(by, item),
            Command::Remove(Target { item, number }) => {
                let found = self.find(item.as_deref(), *number)?;
                Ok(vec![Event::Removed {
                    number: found.number,
                }])
            }
            Command::Restore(Restore { number }) => self.restore(*number),
            Command::Vote(Vote { item, number, on }) => {
                let found = self.find(item.as_deref(), *number)?;
                self.vote(by, found, *on)
            }
            Command::Title(Title { title }) => {
                let title = title.as_deref().map(clean_title).transpose()?;
                if self.table.title.as_deref() == title.as_deref() {
                    return Ok(Vec::new());
                }
                let title = title.map(Into::into);
                Ok(vec![Event::Titled { title }])
            }
            Command::Extend(Extend {}) => Ok(vec![Event::Extended {}]),
            Command::Decide(Decide { how }) => {
                let at = has_times(context).then_some(context.now);
                self.settle(by, *how, at)
            }
            Command::Contribute(Contribute { draw, value }) => self.contribute(by, *draw, *value),
            Command::Reveal(Reveal { draw }) => {
                let at = has_times(context).then_some(context.now);
                self.reveal(*draw, at)
            }
            Command::Deadline(deadline) => self.set_deadline(by, deadline, context.now),
            Command::Nudge(Nudge {}) => self.nudge(by, context.now),
            Command::Veto(Veto { item, number, on }) => {
                let found = self.find(item.as_deref(), *number)?;
                self.veto(by, found, *on)
            }
            Command::Rules(rules) => self.change_rules(by, rules),
            Command::Lock(Lock { on }) => self.lock(by, *on),
            Command::Host(MakeHost { member }) => self.make_host(by, context.seats, *member),
            Command::Dismiss(Dismiss { member }) => self.dismiss(by, context.seats, *member),
            Command::Reinstate(Reinstate { decision }) => {
                self.reinstate(by, *decision, context.now)
            }
        }
    }

    fn apply(&mut self, by: Option<MemberId>, event: &Event) {
        self.take(by, event);
    }

    #[inline]
    fn alarm(&self) -> Option<u64> {
        self.next_alarm()
    }

    fn ring(&self, now: u64) -> Vec<Event> {
        self.at_alarm(now)
    }

    /// The host is back.
    fn joined(&self, member: Member<'_>) -> Vec<Event> {
        let is_host = match self.private.host {
            Some(HostRight::Person(person)) => member.person == Some(person),
            Some(HostRight::Member(host)) => member.id == host,
            None => false,
        };
        let hosted = || Event::Hosted {
            member: Some(member.id),
            name: None,
        };
        let is_news = is_host && self.table.house.host != Some(member.id);
        is_news.then(hosted).into_iter().collect()
    }

    /// Without the host everybody may do everything: nothing waits for somebody who is not there.
    /// Whoever was asked to leave has no say any more.
    fn left(&self, member: MemberId, dismissed: bool) -> Vec<Event> {
        let hosted = || Event::Hosted {
            member: None,
            name: None,
        };
        let is_host = self.table.house.host == Some(member);
        let is_heard = dismissed && self.has_say(member);
        let cleared = is_heard.then_some(Event::Cleared { member });
        is_host.then(hosted).into_iter().chain(cleared).collect()
    }

    #[inline]
    fn dismisses(event: &Event) -> Option<MemberId> {
        match event {
            Event::Dismissed { member, .. } => Some(*member),
            _ => None,
        }
    }

    /// Whoever has an item, a vote or a veto, also on what can be put back, or a part in the draw
    /// under way; and the host.
    fn remembers(&self, member: MemberId) -> bool {
        let drawing = self.table.settling.drawing.as_ref();
        let mut contributions = drawing.iter().flat_map(|drawing| &drawing.contributions);
        self.all_items().any(|item| item.by == member)
            || self.has_say(member)
            || self.needs(member)
            || contributions.any(|contribution| contribution.member == member)
    }

    /// The host: nobody else can take over what is theirs.
    fn needs(&self, member: MemberId) -> bool {
        self.private.host == Some(HostRight::Member(member))
    }

    fn keepsake(&self, event: &Event) -> Option<impl Serialize + Send + Sync + 'static> {
        let (Event::Decided(_) | Event::Reinstated { .. }) = event else {
            return None;
        };
        Some(Keepsake {
            title: self.table.title.clone(),
            decision: self.table.settling.decision.clone()?,
            menu: self.items().map(Candidate::from).collect(),
        })
    }
}

/// Whether decisions have a time and a number, which the first servers do not know.
fn has_times(context: &Context<'_>) -> bool {
    context.forms >= 2
}
