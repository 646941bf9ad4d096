//! How it is settled: by votes, or by a draw to which each member contributes.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tablecast_core::logic::Member;
use tablecast_core::{MemberId, Rejection};

use super::{
    Began, Candidate, Decided, Drawing, Drawn, Event, Hex32, MasterSecret, Menu, NextDraw,
    not_found,
};

/// The most contributions to one draw. Members who left are counted, so it
/// is bounded for the same reason as the votes.
pub const MAX_CONTRIBUTIONS: usize = 100;

/// How it is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The item with the most votes; among several of them, a draw.
    Votes,
    /// A draw among all items.
    Draw,
}

/// What was settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decision {
    /// How.
    pub how: How,
    /// Who had the votes counted, or started the draw.
    pub by: MemberId,
    /// Their name at that time.
    pub name: Arc<str>,
    /// What there will be.
    pub winner: Candidate,
    /// The draw, if there was one.
    pub draw: Option<Drawn>,
}

/// What stays of a room when it is gone: what was settled, and from what.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Keepsake {
    /// What the room was called.
    pub title: Option<Arc<str>>,
    /// What was settled.
    pub decision: Arc<Decision>,
    /// The menu as it was then.
    pub menu: Vec<Candidate>,
}

/// What draws come from, and what came of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settling {
    /// Never leaves the state.
    pub(super) secret: MasterSecret,
    /// Follows from the secret, and is here so that only who begins a draw
    /// computes it.
    pub(super) next_draw: NextDraw,
    pub(super) drawing: Option<Drawing>,
    /// The newest one.
    pub(super) decision: Option<Arc<Decision>>,
}

impl Settling {
    pub(super) fn new(secret: MasterSecret) -> Self {
        let next_draw = NextDraw {
            number: 1,
            commitment: secret.commitment(1),
        };
        Settling {
            secret,
            next_draw,
            drawing: None,
            decision: None,
        }
    }

    /// The draw with this number if it is under way; nothing if it is over.
    fn drawing(&self, number: u64) -> Result<Option<&Drawing>, Rejection> {
        let drawing = self.drawing.as_ref();
        if let Some(drawing) = drawing.filter(|drawing| drawing.number == number) {
            return Ok(Some(drawing));
        }
        if (1..self.next_draw.number).contains(&number) {
            return Ok(None);
        }
        Err(not_found(format!(
            "draw number {number} did not begin yet; the next one is number {}",
            self.next_draw.number
        )))
    }

    pub(super) fn contribute(
        &self,
        by: Member<'_>,
        draw: u64,
        value: Hex32,
    ) -> Result<Vec<Event>, Rejection> {
        let Some(Drawing { contributions, .. }) = self.drawing(draw)? else {
            return Ok(Vec::new());
        };
        if contributions.iter().any(|c| c.member == by.id) {
            return Ok(Vec::new());
        }
        if contributions.len() >= MAX_CONTRIBUTIONS {
            return Err(Rejection::new(
                "draw_full",
                format!("a draw has at most {MAX_CONTRIBUTIONS} contributions"),
            ));
        }
        let name = by.name.into();
        Ok(vec![Event::Contributed { name, value }])
    }

    pub(super) fn reveal(&self, draw: u64) -> Result<Vec<Event>, Rejection> {
        let Some(drawing) = self.drawing(draw)? else {
            return Ok(Vec::new());
        };
        if drawing.contributions.is_empty() {
            return Err(Rejection::new(
                "no_contribution",
                "nobody contributed to the draw yet; a draw needs at least one contribution",
            ));
        }
        let secret = self.secret.secret(draw);
        let decided = drawing.winner(secret).map(|winner| {
            Event::Decided(Decided::Draw {
                name: drawing.name.clone(),
                winner: winner.number,
                secret,
            })
        });
        Ok(decided.into_iter().collect())
    }
}

impl Menu {
    pub(super) fn decide_how(&self, by: Member<'_>, how: How) -> Result<Vec<Event>, Rejection> {
        let settling = &*self.settling;
        if let Some(drawing) = &settling.drawing {
            return Err(Rejection::new(
                "drawing",
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
        let event = match (how, &*candidates) {
            (_, []) => {
                return Err(Rejection::new(
                    "nothing_to_decide",
                    "the menu is empty: add something first",
                ));
            }
            (How::Votes, &[winner]) => Event::Decided(Decided::Votes { name, winner }),
            _ => Event::Drawing(Box::new(Began {
                number: settling.next_draw.number,
                name,
                candidates,
                commitment: settling.next_draw.commitment,
                next_commitment: settling.secret.commitment(settling.next_draw.number + 1),
            })),
        };
        Ok(vec![event])
    }

    /// Lets a draw begin.
    pub(super) fn begin(&mut self, by: MemberId, began: &Began) {
        let items = began.candidates.iter().filter_map(|n| self.get(*n));
        let drawing = Drawing {
            number: began.number,
            commitment: began.commitment,
            by,
            name: began.name.clone(),
            candidates: items.map(Candidate::from).collect(),
            contributions: Vec::new(),
        };
        let settling = Arc::make_mut(&mut self.settling);
        settling.drawing = Some(drawing);
        settling.next_draw = NextDraw {
            number: began.number + 1,
            commitment: began.next_commitment,
        };
    }

    /// What a decision was come to by; nothing if it is not of this state.
    pub(super) fn decided(&mut self, by: MemberId, decided: &Decided) -> Option<Decision> {
        match decided {
            Decided::Votes { name, winner } => Some(Decision {
                how: How::Votes,
                by,
                name: name.clone(),
                winner: self.get(*winner)?.into(),
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
                    draw: Some(Drawn {
                        number: drawing.number,
                        commitment: drawing.commitment,
                        secret: *secret,
                        candidates: drawing.candidates,
                        contributions: drawing.contributions,
                    }),
                })
            }
        }
    }

    /// What is to be kept, once something is settled.
    pub(super) fn result(&self) -> Option<Keepsake> {
        Some(Keepsake {
            title: self.title.clone(),
            decision: self.settling.decision.clone()?,
            menu: self.items().map(Candidate::from).collect(),
        })
    }
}
