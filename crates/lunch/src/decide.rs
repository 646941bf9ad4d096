//! The decisions on commands: their events, or the reason of a refusal.

use serde::Serialize;
use tablecast_core::code::BAD_COMMAND;
use tablecast_core::logic::{Context, Member};
use tablecast_core::{Logic, MemberId, Rejection};

use crate::code;
use crate::command::{
    Add, Command, Contribute, Decide, Extend, Restore, Reveal, Target, Title, Vote,
};
use crate::decision::{How, Keepsake};
use crate::draw::Drawing;
use crate::event::{Began, Decided, Event};
use crate::hex::Hex32;
use crate::item::{Candidate, Item};
use crate::limits::{MAX_CONTRIBUTIONS, MAX_REMOVED, MAX_VOTES, clean_item, clean_title};
use crate::menu::Menu;

impl Logic for Menu {
    type Command = Command;
    type Event = Event;

    fn decide(&self, context: &Context<'_>, command: &Command) -> Result<Vec<Event>, Rejection> {
        let Some(by) = context.by else {
            return Err(Rejection::new(BAD_COMMAND, "only members give commands"));
        };
        match command {
            Command::Add(Add { item }) => {
                let item = clean_item(item)?;
                self.has_room()?;
                Ok(vec![Event::Added {
                    number: self.last.saturating_add(1),
                    item: item.into(),
                    name: by.name.into(),
                }])
            }
            Command::Remove(Target { item, number }) => {
                let found = self.find(item.as_deref(), *number)?;
                Ok(vec![Event::Removed {
                    number: found.number,
                }])
            }
            Command::Restore(Restore { number }) => self.restore(*number),
            Command::Vote(Vote { item, number, on }) => {
                let found = self.find(item.as_deref(), *number)?;
                if found.votes.contains(&by.id) == *on {
                    return Ok(Vec::new());
                }
                if *on && found.votes.len() >= MAX_VOTES {
                    return Err(Rejection::new(
                        code::VOTES_FULL,
                        format!("an item has at most {MAX_VOTES} votes"),
                    ));
                }
                Ok(vec![Event::Voted {
                    number: found.number,
                    on: *on,
                }])
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
            Command::Decide(Decide { how }) => self.settle(by, *how),
            Command::Contribute(Contribute { draw, value }) => self.contribute(by, *draw, *value),
            Command::Reveal(Reveal { draw }) => self.reveal(*draw),
        }
    }

    fn apply(&mut self, by: Option<MemberId>, event: &Event) {
        match event {
            Event::Added { number, .. } => self.last = self.last.max(*number),
            Event::Removed { number } => {
                if let Some(item) = self.table.item(*number) {
                    let forgotten = (self.removed.len() + 1).saturating_sub(MAX_REMOVED);
                    let kept = self.removed.iter().skip(forgotten);
                    self.removed = kept.chain([item]).cloned().collect();
                }
            }
            Event::Restored(item) => {
                let others = self.removed.iter().filter(|o| o.number != item.number);
                self.removed = others.cloned().collect();
            }
            Event::Voted { .. }
            | Event::Titled { .. }
            | Event::Extended {}
            | Event::Drawing(_)
            | Event::Contributed { .. }
            | Event::Decided(_) => {}
        }
        self.table.apply(by, event);
    }

    /// Whoever has an item or a vote, also of an item that can be put back, or a part in the
    /// draw under way.
    fn remembers(&self, member: MemberId) -> bool {
        let drawing = self.table.settling.drawing.as_ref();
        let mut contributions = drawing.iter().flat_map(|drawing| &drawing.contributions);
        let mut items = self.items().chain(self.removed.iter().map(|item| &**item));
        items.any(|item| item.by == member || item.votes.contains(&member))
            || contributions.any(|contribution| contribution.member == member)
    }

    fn keepsake(&self, event: &Event) -> Option<impl Serialize + Send + Sync + 'static> {
        let Event::Decided(_) = event else {
            return None;
        };
        Some(Keepsake {
            title: self.table.title.clone(),
            decision: self.table.settling.decision.clone()?,
            menu: self.items().map(Candidate::from).collect(),
        })
    }
}

impl Menu {
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.table.items.iter().map(|item| &**item)
    }

    fn find(&self, item: Option<&str>, number: Option<u64>) -> Result<&Item, Rejection> {
        match (item, number) {
            (Some(text), None) => {
                let text = clean_item(text)?;
                match self.table.find(&text) {
                    Some(item) => Ok(item),
                    None => Err(not_found(format!("{text:?} is not on the menu"))),
                }
            }
            (None, Some(number)) => match self.table.item(number) {
                Some(item) => Ok(item),
                None => Err(not_found(format!(
                    "there is no item number {number} on the menu"
                ))),
            },
            (None, None) => Err(Rejection::new(
                BAD_COMMAND,
                "say which item: by \"item\" or by \"number\"",
            )),
            (Some(_), Some(_)) => Err(Rejection::new(
                BAD_COMMAND,
                "name the item by \"item\" or by \"number\", not by both",
            )),
        }
    }

    fn has_room(&self) -> Result<(), Rejection> {
        let most = self.table.max_items;
        if self.table.items.len() < most {
            return Ok(());
        }
        Err(Rejection::new(
            code::MENU_FULL,
            format!("the menu is full: at most {most} items; remove one first"),
        ))
    }

    fn restore(&self, number: u64) -> Result<Vec<Event>, Rejection> {
        if self.table.item(number).is_some() {
            return Ok(Vec::new());
        }
        let removed = self.removed.iter().find(|item| item.number == number);
        let item = removed.ok_or_else(|| {
            not_found(format!(
                "number {number} is none of the {MAX_REMOVED} items that were removed last"
            ))
        })?;
        self.has_room()?;
        Ok(vec![Event::Restored(item.clone())])
    }

    fn settle(&self, by: Member<'_>, how: How) -> Result<Vec<Event>, Rejection> {
        if let Some(drawing) = &self.table.settling.drawing {
            return Err(Rejection::new(
                code::DRAWING,
                format!(
                    "draw number {} is under way; decide again when it is over",
                    drawing.number
                ),
            ));
        }
        let most = match how {
            How::Votes => self.items().map(|item| item.votes.len()).max(),
            How::Draw => None,
        };
        let among = self
            .items()
            .filter(|item| most.is_none_or(|most| item.votes.len() == most));
        let candidates: Vec<u64> = among.map(|item| item.number).collect();
        let name = by.name.into();
        let next = &self.table.settling.next_draw;
        let event = match (how, &*candidates) {
            (_, []) => {
                return Err(Rejection::new(
                    code::NOTHING_TO_DECIDE,
                    "the menu is empty: add something first",
                ));
            }
            (How::Votes, &[winner]) => Event::Decided(Decided::Votes { name, winner }),
            _ => Event::Drawing(Box::new(Began {
                number: next.number,
                name,
                candidates,
                commitment: next.commitment,
                next_commitment: self
                    .secret
                    .next_draw(next.number.saturating_add(1))
                    .commitment,
            })),
        };
        Ok(vec![event])
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
        Err(not_found(format!(
            "draw number {number} did not begin yet; the next one is number {next}"
        )))
    }

    fn contribute(&self, by: Member<'_>, draw: u64, value: Hex32) -> Result<Vec<Event>, Rejection> {
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

    fn reveal(&self, draw: u64) -> Result<Vec<Event>, Rejection> {
        let Some(drawing) = self.drawing(draw)? else {
            return Ok(Vec::new());
        };
        if drawing.contributions.is_empty() {
            return Err(Rejection::new(
                code::NO_CONTRIBUTION,
                "nobody contributed to the draw yet; a draw needs at least one contribution",
            ));
        }
        let secret = self.secret.secret(draw);
        let decided = drawing.end(secret).winner().map(|winner| {
            Event::Decided(Decided::Draw {
                name: drawing.name.clone(),
                winner: winner.number,
                secret,
            })
        });
        Ok(decided.into_iter().collect())
    }
}

fn not_found(message: String) -> Rejection {
    Rejection::new(code::NOT_FOUND, message)
}
