//! Decisions by votes and by draws.

use std::sync::Arc;

use tablecast_core::Rejection;
use tablecast_core::logic::Member;

use crate::code;
use crate::decision::How;
use crate::draw::Drawing;
use crate::event::{Began, Decided, Event};
use crate::hex::Hex32;
use crate::item::Item;
use crate::limits::MAX_CONTRIBUTIONS;
use crate::menu::Menu;

impl Menu {
    pub(super) fn settle(
        &self,
        by: Member<'_>,
        how: How,
        at: Option<u64>,
    ) -> Result<Vec<Event>, Rejection> {
        self.check_not_drawing()?;
        let decision = self.decision(Some(by.name.into()), how, at, None);
        let nothing = || {
            let why = match self.table.items.is_empty() {
                true => "the menu is empty: add something first",
                false => "every item has somebody who cannot eat it: add another one",
            };
            Rejection::new(code::NOTHING_TO_DECIDE, why)
        };
        Ok(vec![decision.ok_or_else(nothing)?])
    }

    fn check_not_drawing(&self) -> Result<(), Rejection> {
        let Some(drawing) = &self.table.settling.drawing else {
            return Ok(());
        };
        Err(Rejection::new(
            code::DRAWING,
            format!(
                "draw number {} is under way; decide again when it is over",
                drawing.number
            ),
        ))
    }

    /// The decision if votes are counted now, or the draw that begins; `None` if there is nothing to
    /// decide. `name` is absent if a deadline decides.
    pub(super) fn decision(
        &self,
        name: Option<Arc<str>>,
        how: How,
        at: Option<u64>,
        ends_at: Option<u64>,
    ) -> Option<Event> {
        let votes = |item: &Item| match self.private.ballots.is_empty() {
            true => item.votes.len(),
            false => self.private.ballots.votes(item).len(),
        };
        let edible = || self.items().filter(|item| item.vetoes.is_empty());
        let most = match how {
            How::Votes => edible().map(votes).max(),
            How::Draw => None,
        };
        let among = edible().filter(|item| most.is_none_or(|most| votes(item) == most));
        let candidates: Vec<u64> = among.map(|item| item.number).collect();
        let next = &self.table.settling.next_draw;
        let votes = self.revealed();
        match (how, &*candidates) {
            (_, []) => None,
            (How::Votes, &[winner]) => Some(Event::Decided(Box::new(Decided::Votes {
                name,
                winner,
                at,
                votes,
            }))),
            _ => Some(Event::Drawing(Box::new(Began {
                number: next.number,
                name,
                candidates,
                commitment: next.commitment,
                next_commitment: self
                    .private
                    .secret
                    .next_draw(next.number.saturating_add(1))
                    .commitment,
                at,
                ends_at,
                votes,
            }))),
        }
    }

    /// The draw with this number if it is under way; `None` if it is over.
    fn drawing(&self, number: u64) -> Result<Option<&Drawing>, Rejection> {
        let drawing = self.table.settling.drawing.as_ref();
        if let Some(drawing) = drawing.filter(|drawing| drawing.number == number) {
            return Ok(Some(drawing));
        }
        let next = self.table.settling.next_draw.number;
        if (1..next).contains(&number) {
            return Ok(None);
        }
        Err(Rejection::new(
            code::NOT_FOUND,
            format!("draw number {number} did not begin yet; the next one is number {next}"),
        ))
    }

    pub(super) fn contribute(
        &self,
        by: Member<'_>,
        draw: u64,
        value: Hex32,
    ) -> Result<Vec<Event>, Rejection> {
        let Some(drawing) = self.drawing(draw)? else {
            return Ok(Vec::new());
        };
        if drawing.has(by.id) {
            return Ok(Vec::new());
        }
        if drawing.contributions.len() >= MAX_CONTRIBUTIONS {
            return Err(Rejection::new(
                code::DRAW_FULL,
                format!("a draw has at most {MAX_CONTRIBUTIONS} contributions"),
            ));
        }
        let name = by.name.into();
        Ok(vec![Event::Contributed { name, value }])
    }

    pub(super) fn reveal(&self, draw: u64, at: Option<u64>) -> Result<Vec<Event>, Rejection> {
        let Some(drawing) = self.drawing(draw)? else {
            return Ok(Vec::new());
        };
        if drawing.contributions.is_empty() {
            return Err(Rejection::new(
                code::NO_CONTRIBUTION,
                "nobody contributed to the draw yet; a draw needs at least one contribution",
            ));
        }
        Ok(self.end(drawing, at).into_iter().collect())
    }

    /// The decision of a draw with what was contributed, also if that is nothing.
    pub(super) fn end(&self, drawing: &Drawing, at: Option<u64>) -> Option<Event> {
        let secret = self.private.secret.secret(drawing.number);
        let drawn = drawing.end(secret);
        let winner = drawn.winner()?.number;
        let name = drawing.name.clone();
        Some(Event::Decided(Box::new(Decided::Draw {
            name,
            winner,
            secret,
            at,
        })))
    }

    pub(super) fn reinstate(
        &self,
        by: Member<'_>,
        decision: u64,
        at: u64,
    ) -> Result<Vec<Event>, Rejection> {
        let is_it = |number: Option<u64>| number == Some(decision);
        let present = self.table.settling.decision.as_ref();
        if present.is_some_and(|present| is_it(present.number)) {
            return Ok(Vec::new());
        }
        self.check_not_drawing()?;
        let Some(past) = self.table.past.iter().find(|past| is_it(past.number)) else {
            return Err(Rejection::new(
                code::NOT_FOUND,
                format!("number {decision} is none of the earlier decisions"),
            ));
        };
        let winner = past.winner.number;
        let mut items = self.all_items().filter(|item| item.number == winner);
        if items.any(|item| !item.vetoes.is_empty()) {
            return Err(Rejection::new(
                code::VETOED,
                "somebody cannot eat what was chosen then; take that back first",
            ));
        }
        let name = by.name.into();
        Ok(vec![Event::Reinstated { decision, name, at }])
    }
}
