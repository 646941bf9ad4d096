//! The table as its members see it, and how events change it: the same on every node and in
//! every client.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_core::{MemberId, text::folded};

use crate::decision::{Decision, How};
use crate::draw::{Contribution, Drawing, NextDraw};
use crate::event::{Began, Decided, Event};
use crate::item::{Candidate, Item};

/// The menu as the JSON dialect shows it: without its secret.
// The same item may be there twice. Cloning copies the list of items; everything else is shared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(rename = "Menu")
)]
pub struct Table {
    /// What the room is called.
    pub title: Option<Arc<str>>,
    /// The items in order of adding.
    pub items: Vec<Arc<Item>>,
    /// How many items are allowed.
    pub max_items: usize,
    /// Shared, because most events do not change it.
    #[serde(flatten)]
    pub settling: Arc<Settling>,
}

/// The draw under way, and the last decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Settling {
    /// The next draw.
    // Older servers without draws do not send it; then its number is 0, which no draw has.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(!default))]
    pub next_draw: NextDraw,
    /// The draw under way.
    pub drawing: Option<Drawing>,
    /// The last decision.
    pub decision: Option<Arc<Decision>>,
}

impl Table {
    /// The index of an item, or else the index at which it would be inserted.
    fn place(&self, number: u64) -> Result<usize, usize> {
        self.items.binary_search_by_key(&number, |item| item.number)
    }

    /// The item with this number.
    pub fn item(&self, number: u64) -> Option<&Arc<Item>> {
        let at = self.place(number).ok()?;
        self.items.get(at)
    }

    /// The first item with exactly this text.
    pub fn find(&self, text: &str) -> Option<&Arc<Item>> {
        self.items.iter().find(|item| *item.item == *text)
    }

    /// The first item that people take for the same as this text. Adding it again would only split
    /// its votes.
    pub fn find_alike(&self, text: &str) -> Option<&Arc<Item>> {
        let text = folded(text);
        self.items.iter().find(|item| folded(&item.item) == text)
    }

    /// Applies an event. An event that does not fit the table changes nothing, because a client
    /// cannot rely on what a server sends.
    pub fn apply(&mut self, by: Option<MemberId>, event: &Event) {
        let Some(by) = by else { return };
        match event {
            Event::Added { number, item, name } => {
                if self.items.last().is_none_or(|last| last.number < *number) {
                    self.items.push(Arc::new(Item {
                        number: *number,
                        item: item.clone(),
                        by,
                        name: name.clone(),
                        votes: Vec::new(),
                    }));
                }
            }
            Event::Removed { number } => {
                if let Ok(at) = self.place(*number) {
                    self.items.remove(at);
                }
            }
            Event::Restored(item) => {
                if let Err(at) = self.place(item.number) {
                    self.items.insert(at, item.clone());
                }
            }
            Event::Voted { number, on } => {
                if let Ok(at) = self.place(*number) {
                    let votes = &mut Arc::make_mut(&mut self.items[at]).votes;
                    votes.retain(|member| *member != by);
                    if *on {
                        votes.push(by);
                    }
                }
            }
            Event::Titled { title } => self.title.clone_from(title),
            Event::Extended {} => {}
            Event::Drawing(began) => self.begin(by, began),
            Event::Contributed { name, value } => {
                if let Some(drawing) = &mut Arc::make_mut(&mut self.settling).drawing {
                    drawing.contributions.push(Contribution {
                        member: by,
                        name: name.clone(),
                        value: *value,
                    });
                }
            }
            Event::Decided(decided) => {
                if let Some(decision) = self.decided(by, decided) {
                    Arc::make_mut(&mut self.settling).decision = Some(Arc::new(decision));
                }
            }
        }
    }

    fn begin(&mut self, by: MemberId, began: &Began) {
        let items = began.candidates.iter().filter_map(|n| self.item(*n));
        let drawing = Drawing {
            number: began.number,
            commitment: began.commitment,
            by,
            name: began.name.clone(),
            candidates: items.map(|item| Candidate::from(&**item)).collect(),
            contributions: Vec::new(),
        };
        let settling = Arc::make_mut(&mut self.settling);
        settling.drawing = Some(drawing);
        settling.next_draw = NextDraw {
            number: began.number.saturating_add(1),
            commitment: began.next_commitment,
        };
    }

    /// The decision of an event; `None` if it does not fit this table.
    fn decided(&mut self, by: MemberId, decided: &Decided) -> Option<Decision> {
        match decided {
            Decided::Votes { name, winner } => Some(Decision {
                how: How::Votes,
                by,
                name: name.clone(),
                winner: Candidate::from(&**self.item(*winner)?),
                draw: None,
            }),
            Decided::Draw {
                name,
                winner,
                secret,
            } => {
                let drawing = Arc::make_mut(&mut self.settling).drawing.take()?;
                let mut candidates = drawing.candidates.iter();
                Some(Decision {
                    how: How::Draw,
                    by: drawing.by,
                    name: name.clone(),
                    winner: candidates.find(|c| c.number == *winner)?.clone(),
                    draw: Some(drawing.end(*secret)),
                })
            }
        }
    }
}
