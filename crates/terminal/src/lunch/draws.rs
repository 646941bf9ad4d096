//! What this client does in a draw by itself: it contributes a random value, ends the draw, and
//! checks the result.

use std::collections::BTreeMap;

use tablecast_client::protocol::{Epoch, MemberId};
use tablecast_client::{Entropy, Millis, Room};
use tablecast_lunch::{Command, Contribute, Hex32, Known, Reveal, Table, Verdict};

/// It waits so long for the others to contribute, and then between two attempts to reveal.
const PATIENCE: Millis = 3_000;

/// The part in the draw that is under way.
#[derive(Debug)]
struct Part {
    draw: u64,
    /// Which member this client was when it contributed, and its value.
    own: (MemberId, Hex32),
    /// When to reveal, even if somebody has not contributed.
    reveal_at: Millis,
    /// It was revealed because everybody has contributed.
    asked: bool,
}

/// Draws as this client lives through them.
#[derive(Debug, Default)]
pub(super) struct Draws {
    /// The history that all of this happened in.
    epoch: Option<Epoch>,
    /// What the server committed to before a draw began, by the draw's number.
    commitments: BTreeMap<u64, Hex32>,
    part: Option<Part>,
    verdict: Option<(u64, Verdict)>,
}

impl Draws {
    /// What checking the newest decision found, if it was a draw.
    pub(super) fn verdict(&self, room: &Room<Table>) -> Option<Verdict> {
        let draw = room.state.settling.decision.as_ref()?.draw.as_ref()?;
        let (number, verdict) = self.verdict?;
        (number == draw.number).then_some(verdict)
    }

    /// Looks at the room and the clock: what is to be said.
    pub(super) fn tend(
        &mut self,
        room: &Room<Table>,
        now: Millis,
        entropy: &mut Entropy,
    ) -> Vec<Command> {
        let next = &room.state.settling.next_draw;
        self.commitments
            .entry(next.number)
            .or_insert(next.commitment);
        // The one under way, the next one, and the one that may just have ended.
        let oldest = next.number.saturating_sub(2);
        self.commitments.retain(|number, _| *number >= oldest);
        let is_another_epoch = self.epoch.replace(room.epoch) != Some(room.epoch);
        if is_another_epoch {
            self.verdict = None;
        }
        self.judge(room);
        let Some(drawing) = &room.state.settling.drawing else {
            self.part = None;
            return Vec::new();
        };
        let mut asks = Vec::new();
        let is_over = |part: &mut Part| part.draw != drawing.number || part.own.0 != room.you;
        self.part.take_if(is_over);
        let is_new = self.part.is_none();
        let part = self.part.get_or_insert_with(|| Part {
            draw: drawing.number,
            own: (room.you, entropy.bytes().into()),
            reveal_at: now + PATIENCE,
            asked: false,
        });
        let mut added = drawing.contributions.iter().map(|c| (c.member, c.value));
        // In another epoch the store may have lost what was added already. If nobody adds it
        // again, the draw never ends.
        if is_new || (is_another_epoch && !added.any(|value| value == part.own)) {
            asks.push(Command::Contribute(Contribute {
                draw: part.draw,
                value: part.own.1,
            }));
        }
        part.asked &= !is_another_epoch;
        // It waits also for members who missed an earlier draw. Otherwise one moment of a slow
        // network would leave them out of all later draws.
        let mut awaited = room.members.iter().filter(|member| !member.away);
        let all_added = awaited.all(|member| drawing.has(member.id));
        if now >= part.reveal_at || (all_added && !part.asked) {
            part.asked = true;
            part.reveal_at = now + PATIENCE;
            asks.push(Command::Reveal(Reveal { draw: part.draw }));
        }
        asks
    }

    /// When to look again.
    pub(super) fn next_at(&self) -> Option<Millis> {
        self.part.as_ref().map(|part| part.reveal_at)
    }

    fn judge(&mut self, room: &Room<Table>) {
        let Some(decision) = &room.state.settling.decision else {
            return;
        };
        let Some(draw) = &decision.draw else { return };
        let judged = self.verdict.map(|(number, _)| number);
        if judged == Some(draw.number) {
            return;
        }
        let part = self.part.as_ref().filter(|part| part.draw == draw.number);
        let known = Known {
            commitment: self.commitments.get(&draw.number).copied(),
            own: part.map(|part| part.own),
        };
        let verdict = draw.check(decision.winner.number, known);
        self.verdict = Some((draw.number, verdict));
    }
}
