//! Votes, vetoes, and the rules of voting.

use tablecast_core::Rejection;
use tablecast_core::logic::Member;

use crate::code;
use crate::command::ChangeRules;
use crate::event::{Event, Ruled, Voted};
use crate::item::Item;
use crate::limits::{MAX_VOTES, NUDGE_MS};
use crate::menu::{Menu, check_rules};
use crate::rules::Rules;

impl Menu {
    pub(super) fn vote(
        &self,
        by: Member<'_>,
        item: &Item,
        on: bool,
    ) -> Result<Vec<Event>, Rejection> {
        let votes = |item: &Item| self.private.ballots.has_vote(item, by.id);
        if votes(item) == on {
            return Ok(Vec::new());
        }
        let rules = self.table.house.rules;
        if on {
            self.check_votes(by, item)?;
            if rules.votes_each.is_some() {
                let given = self.items().filter(|item| votes(item)).count();
                check_spent(rules, given)?;
            }
        }
        let number = item.number;
        let any = rules.hidden_votes.then(|| {
            let mut others = self.all_items().filter(|other| other.number != number);
            on || others.any(votes)
        });
        Ok(vec![Event::Voted(Voted::For { number, on, any })])
    }

    /// Checks that the votes stay bounded. Where they are hidden, those who have voted are counted,
    /// whom everybody knows: else a refusal would tell how many want this item.
    fn check_votes(&self, by: Member<'_>, item: &Item) -> Result<(), Rejection> {
        let voters = &self.table.voters;
        let votes = match self.table.house.rules.hidden_votes {
            true => voters.len() + usize::from(voters.binary_search(&by.id).is_err()),
            false => item.votes.len() + 1,
        };
        if votes <= MAX_VOTES {
            return Ok(());
        }
        Err(Rejection::new(
            code::VOTES_FULL,
            format!("an item has at most {MAX_VOTES} votes"),
        ))
    }

    pub(super) fn veto(
        &self,
        by: Member<'_>,
        item: &Item,
        on: bool,
    ) -> Result<Vec<Event>, Rejection> {
        if item.vetoes.contains(&by.id) == on {
            return Ok(Vec::new());
        }
        if on && item.vetoes.len() >= MAX_VOTES {
            return Err(Rejection::new(
                code::VOTES_FULL,
                format!("at most {MAX_VOTES} members say of an item that they cannot eat it"),
            ));
        }
        let number = item.number;
        Ok(vec![Event::Vetoed { number, on }])
    }

    pub(super) fn change_rules(
        &self,
        by: Member<'_>,
        change: &ChangeRules,
    ) -> Result<Vec<Event>, Rejection> {
        let before = self.table.house.rules;
        let rules = Rules {
            hidden_votes: change.hidden_votes.unwrap_or(before.hidden_votes),
            votes_each: change.votes_each.unwrap_or(before.votes_each),
        };
        check_rules(rules)?;
        if rules == before {
            return Ok(Vec::new());
        }
        let ends_hiding = before.hidden_votes && !rules.hidden_votes;
        // Whoever has voted was told that nobody sees it before.
        if ends_hiding && self.private.sealed {
            return Err(Rejection::new(
                code::VOTES_HIDDEN,
                "somebody has voted, and nobody sees for what before it is decided; decide first",
            ));
        }
        if rules.are_stricter_than(before) {
            self.check_given(rules)?;
        }
        Ok(vec![Event::Ruled(Box::new(Ruled {
            rules,
            name: by.name.into(),
            votes: self.revealed().filter(|_| ends_hiding),
        }))])
    }

    /// Checks that nobody has more votes than these rules allow. Nobody can be told so of hidden
    /// votes: whoever tries it with one item removed, and with another, would learn who wants what.
    fn check_given(&self, rules: Rules) -> Result<(), Rejection> {
        if self.private.sealed {
            return Err(Rejection::new(
                code::TOO_MANY_VOTES,
                "somebody has voted, and votes are hidden; decide first",
            ));
        }
        let votes = |item| self.private.ballots.votes(item);
        let mut given: Vec<_> = self.items().flat_map(votes).collect();
        given.sort_unstable();
        let mut each = given.chunk_by(|one, next| one == next).map(<[_]>::len);
        if each.any(|given| rules.exceeded_by(given)) {
            return Err(Rejection::new(
                code::TOO_MANY_VOTES,
                "somebody has given more votes than that; they take some back first",
            ));
        }
        Ok(())
    }

    pub(super) fn nudge(&self, by: Member<'_>, at: u64) -> Result<Vec<Event>, Rejection> {
        let since = self
            .table
            .house
            .nudged_at
            .map(|last| at.saturating_sub(last));
        if let Some(since) = since.filter(|since| *since < NUDGE_MS) {
            let seconds = (NUDGE_MS - since).div_ceil(1_000);
            return Err(Rejection::new(
                code::TOO_SOON,
                format!("somebody did so a moment ago; wait {seconds} seconds"),
            ));
        }
        let name = by.name.into();
        Ok(vec![Event::Nudged { name, at }])
    }
}

fn check_spent(rules: Rules, given: usize) -> Result<(), Rejection> {
    match rules.votes_each {
        Some(most) if rules.exceeded_by(given + 1) => Err(Rejection::new(
            code::VOTES_SPENT,
            format!("each has {most} of these votes; take one back first"),
        )),
        _ => Ok(()),
    }
}
