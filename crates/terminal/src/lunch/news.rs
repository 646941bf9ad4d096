//! What happened to the table, as people speak of it; in no language yet.

use std::sync::Arc;

use tablecast_client::protocol::MemberId;
use tablecast_lunch::{Event, How, Rules, Table, Voted};

/// Something that people may want to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// An item was put on the menu: its number and what it is.
    Added(u64, Arc<str>),
    /// An item was taken away.
    Removed(u64, Arc<str>),
    /// A removed item was put back.
    Restored(u64, Arc<str>),
    /// Votes are hidden: somebody voted, and votes for anything now or not.
    VotedHidden(bool),
    /// A vote was given: for what, and how many it has now.
    Voted(Arc<str>, usize),
    /// A vote was taken back: from what, and how many it has now.
    Unvoted(Arc<str>, usize),
    /// The room has this title, or none any more.
    Titled(Option<Arc<str>>),
    /// The room lives its whole lifetime again.
    Extended,
    /// The votes decide at this time (store's clock, ms since 1970), or not by themselves.
    Deadline(Option<u64>),
    /// The deadline passed, and there was nothing to decide.
    Undecided,
    /// The others are asked to vote.
    Nudged,
    /// Somebody cannot eat this (`true`), or can after all.
    Vetoed(Arc<str>, bool),
    /// Members vote by these rules.
    Ruled(Rules),
    /// The menu is the host's alone (`true`), or everybody's again.
    Locked(bool),
    /// This member is host, or nobody is.
    Hosted(Option<MemberId>),
    /// This member was asked to leave.
    Dismissed(MemberId),
    /// An earlier decision is the decision again: what won.
    Reinstated(Arc<str>),
    /// A draw began among so many items.
    Drawing(usize),
    /// The deadline came with so many items wanted equally: they are drawn from.
    Tied(usize),
    /// It was decided: how, and what won.
    Decided(How, Arc<str>),
}

impl News {
    /// What there is to tell of an event, which led from one table to the other.
    pub(super) fn of(event: Event, before: &Table, after: &Table) -> Option<News> {
        Some(match event {
            Event::Added { number, item, .. } => News::Added(number, item),
            Event::Removed { number } => News::Removed(number, before.item(number)?.item.clone()),
            Event::Restored(item) if before.item(item.number).is_some() => return None,
            Event::Restored(item) => News::Restored(item.number, item.item.clone()),
            Event::Voted(Voted::Hidden { any, .. }) => News::VotedHidden(any),
            Event::Voted(Voted::For { number, on, .. }) => {
                let item = after.item(number)?;
                let (item, votes) = (item.item.clone(), item.votes.len());
                match on {
                    true => News::Voted(item, votes),
                    false => News::Unvoted(item, votes),
                }
            }
            Event::Titled { title } => News::Titled(title),
            Event::Extended {} => News::Extended,
            Event::Deadline {
                at: None,
                name: None,
            } => News::Undecided,
            Event::Deadline { at, .. } => News::Deadline(at),
            Event::Nudged { .. } => News::Nudged,
            Event::Vetoed { number, on } => News::Vetoed(after.item(number)?.item.clone(), on),
            Event::Ruled(ruled) => News::Ruled(ruled.rules),
            Event::Locked { on, .. } => News::Locked(on),
            Event::Hosted { member, .. } => News::Hosted(member),
            Event::Dismissed { member, .. } => News::Dismissed(member),
            Event::Reinstated { .. } => {
                News::Reinstated(after.settling.decision.as_ref()?.winner.item.clone())
            }
            Event::Drawing(began) => match (began.candidates.len(), began.name) {
                (candidates, Some(_)) => News::Drawing(candidates),
                (candidates, None) => News::Tied(candidates),
            },
            Event::Contributed { .. } | Event::Cleared { .. } => return None,
            Event::Decided(decided) => {
                let decision = after.settling.decision.as_ref()?;
                let is_this = decision.winner.number == decided.winner();
                is_this.then(|| News::Decided(decision.how, decision.winner.item.clone()))?
            }
        })
    }
}
