//! The lunch menu: its items, its draw and its decision, and what events do to them.

use serde::Deserialize;

use super::MemberId;
use super::news::{News, Who};
use super::wire::{Change, Decided, DrawingBegan};
use crate::text::Shown;

/// The menu.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct Menu {
    /// What the room is called.
    #[serde(default)]
    pub title: Option<Shown>,
    /// Sorted by number.
    pub items: Vec<Item>,
    /// How many items there may be.
    pub max_items: usize,
    /// What the server has committed to for the draw that comes next; absent from servers
    /// that know no draws.
    #[serde(default)]
    pub next_draw: Option<NextDraw>,
    /// A draw is under way.
    #[serde(default)]
    pub drawing: Option<Drawing>,
    /// The newest decision.
    #[serde(default)]
    pub decision: Option<Decision>,
}

/// One thing on the menu.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    /// Never used twice in a room.
    pub number: u64,
    /// What it is.
    pub item: Shown,
    /// Who added it.
    pub by: MemberId,
    /// Their name at that time.
    pub name: Shown,
    /// Who votes for it, members who left among them.
    pub votes: Vec<MemberId>,
}

/// The draw that comes next.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NextDraw {
    /// Its number.
    pub number: u64,
    /// The SHA-256 of its secret, as 64 hex digits.
    pub commitment: String,
}

/// An item as it was when it could win.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Candidate {
    /// Its number.
    pub number: u64,
    /// What it is.
    pub item: Shown,
    /// Who added it.
    pub name: Shown,
    /// How many votes it had.
    pub votes: usize,
}

/// A draw that is under way.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Drawing {
    /// Its number.
    pub number: u64,
    /// The SHA-256 of its secret.
    pub commitment: String,
    /// Who began it.
    pub by: MemberId,
    /// Their name.
    pub name: Shown,
    /// What can win.
    pub candidates: Vec<Candidate>,
    /// What members added to it, in order.
    pub contributions: Vec<Contribution>,
}

/// What a member added to a draw.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Contribution {
    /// Who.
    pub member: MemberId,
    /// 64 hex digits.
    pub value: String,
}

/// By what it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// One item had the most votes.
    Votes,
    /// By lot.
    Draw,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Decision {
    /// By what.
    pub how: How,
    /// The name of who decided, or began the draw.
    pub name: Shown,
    /// What won.
    pub winner: Candidate,
    /// All that is needed to check a draw.
    pub draw: Option<Drawn>,
}

/// A draw that is over.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Drawn {
    /// Its number.
    pub number: u64,
    /// The SHA-256 of the secret.
    pub commitment: String,
    /// What the server had committed to.
    pub secret: String,
    /// What could win.
    pub candidates: Vec<Candidate>,
    /// What members added to it, in order.
    pub contributions: Vec<Contribution>,
}

impl From<&Item> for Candidate {
    fn from(item: &Item) -> Self {
        Candidate {
            number: item.number,
            item: item.item.clone(),
            name: item.name.clone(),
            votes: item.votes.len(),
        }
    }
}

impl Menu {
    /// The item with this number.
    pub fn item(&self, number: u64) -> Option<&Item> {
        self.items.iter().find(|item| item.number == number)
    }

    /// The first item with this text.
    pub fn find(&self, text: &str) -> Option<&Item> {
        self.items.iter().find(|item| &*item.item == text)
    }

    /// Whether the newest decision is for it.
    pub fn is_decided(&self, number: u64) -> bool {
        let decision = self.decision.as_ref();
        decision.is_some_and(|decision| decision.winner.number == number)
    }

    /// Most wanted first; among equals in order of adding.
    pub fn by_votes(&self) -> Vec<&Item> {
        let mut items: Vec<&Item> = self.items.iter().collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.votes.len()));
        items
    }

    pub(super) fn apply(&mut self, by: MemberId, who: &Who, change: Change) -> Vec<News> {
        let mut news = Vec::new();
        if let Some(added) = change.added {
            news.push(News::Added(who.clone(), added.number, added.item.clone()));
            self.items.push(Item {
                number: added.number,
                item: added.item,
                by,
                name: added.name,
                votes: Vec::new(),
            });
        }
        if let Some(removed) = change.removed
            && let Some(at) = self.items.iter().position(|i| i.number == removed.number)
        {
            let item = self.items.remove(at);
            news.push(News::Removed(who.clone(), item.number, item.item));
        }
        if let Some(voted) = change.voted
            && let Some(item) = self.items.iter_mut().find(|i| i.number == voted.number)
        {
            item.votes.retain(|member| *member != by);
            if voted.on {
                item.votes.push(by);
            }
            news.push(News::Voted {
                who: who.clone(),
                item: item.item.clone(),
                on: voted.on,
                votes: item.votes.len(),
            });
        }
        if let Some(item) = change.restored
            && let Err(at) = self.items.binary_search_by_key(&item.number, |i| i.number)
        {
            news.push(News::Restored(who.clone(), item.number, item.item.clone()));
            self.items.insert(at, item);
        }
        if let Some(titled) = change.titled {
            self.title = titled.title.clone();
            news.push(News::Titled(who.clone(), titled.title));
        }
        if change.extended.is_some() {
            news.push(News::Extended(who.clone()));
        }
        if let Some(began) = change.drawing {
            news.push(News::Drawing(who.clone(), began.candidates.len()));
            self.begin(by, began);
        }
        if let Some(contributed) = change.contributed
            && let Some(drawing) = &mut self.drawing
        {
            drawing.contributions.push(Contribution {
                member: by,
                value: contributed.value,
            });
        }
        if let Some(decided) = change.decided
            && let Some(decision) = self.decide(decided)
        {
            news.push(News::Decided(decision.how, decision.winner.item.clone()));
            self.decision = Some(decision);
        }
        news
    }

    fn begin(&mut self, by: MemberId, began: DrawingBegan) {
        let candidates = began.candidates.iter();
        self.next_draw = Some(NextDraw {
            number: began.number.saturating_add(1),
            commitment: began.next_commitment,
        });
        self.drawing = Some(Drawing {
            number: began.number,
            commitment: began.commitment,
            by,
            name: began.name,
            candidates: candidates
                .filter_map(|number| self.item(*number).map(Candidate::from))
                .collect(),
            contributions: Vec::new(),
        });
    }

    fn decide(&mut self, decided: Decided) -> Option<Decision> {
        let drawing = match decided.how {
            How::Votes => None,
            How::Draw => Some(self.drawing.take()?),
        };
        let winner = match &drawing {
            None => self.item(decided.winner).map(Candidate::from)?,
            Some(drawing) => {
                let mut candidates = drawing.candidates.iter();
                candidates
                    .find(|candidate| candidate.number == decided.winner)?
                    .clone()
            }
        };
        Some(Decision {
            how: decided.how,
            name: decided.name,
            winner,
            draw: drawing.map(|drawing| Drawn {
                number: drawing.number,
                commitment: drawing.commitment,
                secret: decided.secret.unwrap_or_default(),
                candidates: drawing.candidates,
                contributions: drawing.contributions,
            }),
        })
    }
}
