//! What this client does for a draw, without being asked: it adds its own chance, lets the
//! draw end, and checks it.

use std::collections::{BTreeMap, BTreeSet};

use super::Entropy;
use super::commands::Ask;
use crate::clock::Millis;
use crate::room::draw::{Known, Verdict, check, hex};
use crate::room::menu::{Contribution, Drawing};
use crate::room::{MemberId, Room};

/// So long others may take to contribute, and then again for somebody to reveal.
const PATIENCE: Millis = 3_000;

/// The part in the draw that is under way.
#[derive(Debug)]
struct Part {
    draw: u64,
    own: Contribution,
    /// When to ask for the end, whoever is missing.
    reveal_at: Millis,
    /// It was asked for because nobody is missing.
    asked: bool,
}

impl Part {
    fn contribute(&self) -> Ask {
        Ask::Contribute {
            draw: self.draw,
            value: self.own.value.clone(),
        }
    }
}

/// Draws as this client lives through them.
#[derive(Debug, Default)]
pub(super) struct Draws {
    /// The history that all of this happened in.
    epoch: String,
    /// What the server committed to before a draw began, by the draw's number.
    commitments: BTreeMap<u64, String>,
    part: Option<Part>,
    /// Members who sat through a draw and added nothing, as those of the text dialect do:
    /// nobody waits for them again.
    silent: BTreeSet<MemberId>,
    verdict: Option<(u64, Verdict)>,
}

impl Draws {
    /// What checking the newest decision found, if it was a draw.
    pub(super) fn verdict(&self, room: &Room) -> Option<Verdict> {
        let draw = room.menu.decision.as_ref()?.draw.as_ref()?;
        let (number, verdict) = self.verdict?;
        (number == draw.number).then_some(verdict)
    }

    /// Looks at the room and the clock: what is to be said.
    pub(super) fn tend(&mut self, room: &Room, now: Millis, entropy: &mut Entropy) -> Vec<Ask> {
        if let Some(next) = &room.menu.next_draw {
            self.commitments
                .entry(next.number)
                .or_insert_with(|| next.commitment.clone());
            // The one under way, the next one, and the one that may just have ended.
            let oldest = next.number.saturating_sub(2);
            self.commitments.retain(|number, _| *number >= oldest);
        }
        let is_another_epoch = self.epoch != room.epoch;
        if is_another_epoch {
            self.epoch.clone_from(&room.epoch);
            self.verdict = None;
        }
        self.judge(room);
        let Some(drawing) = &room.menu.drawing else {
            self.part = None;
            return Vec::new();
        };
        let mut asks = Vec::new();
        let is_new = |part: &Part| part.draw != drawing.number || part.own.member != room.you;
        if self.part.as_ref().is_none_or(is_new) {
            let value = hex(&entropy.bytes());
            let part = Part {
                draw: drawing.number,
                own: Contribution {
                    member: room.you,
                    value,
                },
                reveal_at: now + PATIENCE,
                asked: false,
            };
            asks.push(part.contribute());
            self.part = Some(part);
        } else if let Some(part) = &mut self.part
            && is_another_epoch
        {
            // The store may have lost what was added already. If nobody adds it again,
            // the draw never ends.
            if !drawing.contributions.contains(&part.own) {
                asks.push(part.contribute());
            }
            part.asked = false;
        }
        for contribution in &drawing.contributions {
            self.silent.remove(&contribution.member);
        }
        let missing = missing(room, drawing, &self.silent);
        if let Some(part) = &mut self.part {
            let is_late = now >= part.reveal_at;
            if is_late || (!missing && !part.asked) {
                part.asked = true;
                part.reveal_at = now + PATIENCE;
                asks.push(Ask::Reveal {
                    draw: drawing.number,
                });
            }
        }
        asks
    }

    /// When to look again.
    pub(super) fn next_at(&self) -> Option<Millis> {
        self.part.as_ref().map(|part| part.reveal_at)
    }

    fn judge(&mut self, room: &Room) {
        let Some(decision) = &room.menu.decision else {
            return;
        };
        let Some(draw) = &decision.draw else { return };
        if self
            .verdict
            .is_some_and(|(number, _)| number == draw.number)
        {
            return;
        }
        let part = self.part.as_ref().filter(|part| part.draw == draw.number);
        let known = Known {
            commitment: self.commitments.get(&draw.number).map(String::as_str),
            own: part.map(|part| &part.own),
        };
        self.verdict = check(decision, known).map(|verdict| (draw.number, verdict));
        if part.is_some() {
            let members = room.members.iter().filter(|member| !member.away);
            let added = |id| draw.contributions.iter().any(|c| c.member == id);
            let silent = members.map(|member| member.id).filter(|id| !added(*id));
            self.silent.extend(silent);
        }
    }
}

/// Whether somebody who may still contribute has not.
fn missing(room: &Room, drawing: &Drawing, silent: &BTreeSet<MemberId>) -> bool {
    let mut awaited = room
        .members
        .iter()
        .filter(|member| !member.away && !silent.contains(&member.id));
    awaited.any(|member| {
        let mut contributions = drawing.contributions.iter();
        !contributions.any(|contribution| contribution.member == member.id)
    })
}
