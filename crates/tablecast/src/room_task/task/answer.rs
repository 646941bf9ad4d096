//! Telling: what became of requests, and what happened in the room.

use std::sync::Arc;

use tablecast_core::draft::Refusal;
use tablecast_core::membership::Seat;
use tablecast_core::room::{Change, Event};
use tablecast_core::{CloseReason, MemberId, Rejection};

use crate::app::App;
use crate::codec::{Frame, Frames};
use crate::dialect::{Dialect, json, text};
use crate::fence::not_before;
use crate::hub::RoomError;
use crate::room_task::batch::{Batch, Outcome, Request};
use crate::room_task::task::RoomTask;
use crate::room_task::{Entrant, Say, Wish};

impl<A: App> RoomTask<'_, A> {
    /// A batch is ordered and stored (or had nothing to store): lets it happen and
    /// tells everybody.
    pub(super) fn accepted(&mut self, batch: Batch<A>) {
        let Batch {
            room, events, text, ..
        } = batch;
        for event in &events {
            self.history.push(event.clone());
        }
        self.room = Some(room);
        let mut entrants = Vec::new();
        let mut answered = Vec::new();
        while let Some((request, outcome)) = self.waiting.pop_decided() {
            match (request, outcome) {
                (Some(Request::Enter(entrant)), Outcome::Seated(member)) => {
                    entrants.push((entrant, member));
                }
                (Some(Request::Enter(entrant)), Outcome::Refused(refusal)) => {
                    let _ = entrant.reply.send(Err(refusal.into()));
                }
                (Some(Request::Say(say)), Outcome::Done(seq)) => {
                    self.hub.metrics.commands.add(1);
                    if say.dialect == Dialect::Json {
                        let _ = say.outbox.stage(&json::ack(say.op.number, seq));
                        answered.push(say);
                    }
                }
                (Some(Request::Say(say)), Outcome::Rejected(rejection)) => {
                    self.reject(&say, &rejection, None);
                }
                _ => {}
            }
        }
        self.locals.tell_events(&events, text, self.expires_at);
        for say in answered {
            say.outbox.flush();
        }
        for (entrant, member) in entrants {
            self.seat(*entrant, member);
        }
        let away = |event: &Arc<Event<A::Event>>| matches!(event.change, Change::Away { .. });
        if events.iter().any(away) {
            self.expect_away_end();
        }
    }

    /// With `after`: because the command of that number has to come first.
    fn reject(&self, say: &Say<A>, rejection: &Rejection, after: Option<u64>) {
        self.hub.metrics.rejections.count(rejection.code);
        let (room, member, code) = (self.id, say.member, rejection.code);
        tracing::debug!(%room, %member, code, "a command was refused");
        let frame = match say.dialect {
            Dialect::Text => text::error(rejection),
            Dialect::Json => json::error(Some(say.op.number), rejection, after),
        };
        let _ = say.outbox.send(&frame);
    }

    /// Greets somebody who has a seat now, and tells them everything from here on.
    pub(super) fn seat(&mut self, entrant: Entrant, member: MemberId) {
        let Some(room) = &self.room else { return };
        // It was given in the batch that was just committed; a later request of
        // the same batch may have taken it again.
        let held = |seat: &&Seat| seat.is_held_by(entrant.connection);
        let Some(seat) = room.members.seat(member).filter(held) else {
            entrant.outbox.close(CloseReason::TakenOver);
            let _ = entrant.reply.send(Err(Refusal::TakenOver.into()));
            return;
        };
        let greeting = json::Greeting {
            room_id: self.id.as_str(),
            seat,
            expires_at: self.expires_at,
            now: self.clock.now(),
            config: &self.hub.config,
        };
        let _ = match entrant.dialect {
            Dialect::Text => entrant.outbox.send(&Frame::text(&room.logic.text_state())),
            Dialect::Json => {
                let known = match &entrant.wish {
                    Wish::Again { known, .. } => known.filter(|k| k.epoch == room.position.epoch),
                    Wish::New { .. } => None,
                };
                let missed = known.and_then(|k| self.history.since(k.seq, room.position.seq));
                let mut frames = Frames::default();
                let resumed = missed.is_some();
                frames.text(&json::hello(room, &greeting, resumed));
                for event in missed.into_iter().flatten() {
                    frames.text(&json::event(event, self.expires_at));
                }
                if !self.hub.is_up() {
                    frames.text(&json::status(false));
                }
                entrant.outbox.send(&frames.finish())
            }
        };
        if self.draining {
            entrant.outbox.close(CloseReason::Restarting);
        }
        self.locals
            .add(entrant.connection, member, entrant.dialect, entrant.outbox);
        // If nobody waits for the answer any more, its `Leave` is on the way.
        let _ = entrant.reply.send(Ok(member));
    }

    /// The room is no more: everybody is told.
    pub(super) fn be_gone(&mut self) {
        self.gone = true;
        let gone = Rejection::new("gone", "the room has expired");
        while let Some(request) = self.waiting.pop() {
            match request {
                Request::Enter(entrant) => {
                    let _ = entrant.reply.send(Err(RoomError::NotFound));
                }
                Request::Say(say) => self.reject(&say, &gone, None),
                Request::Leave { .. } | Request::Reap => {}
            }
        }
        self.locals.close_all(CloseReason::Expired);
    }

    /// The room cannot be gone on with on this node. Why has been logged; to members
    /// it would say nothing.
    pub(super) fn fail(&mut self) {
        self.gone = true;
        let unavailable = RoomError::Unavailable("the stored room cannot be read".to_owned());
        while let Some(request) = self.waiting.pop() {
            self.give_up(request, &unavailable);
        }
        self.locals.close_all(CloseReason::Unavailable);
    }

    /// Hears a command, unless an earlier one has to come first.
    pub(super) fn hear(&mut self, say: Box<Say<A>>) {
        match self.locals.pass(say.connection, say.op.number) {
            Ok(()) => self.wait(Request::Say(say)),
            Err(first) => self.hold_back(&say, first),
        }
    }

    fn hold_back(&self, say: &Say<A>, first: u64) {
        self.reject(say, &not_before(first), Some(first));
    }

    pub(super) fn give_up(&mut self, request: Request<A>, error: &RoomError) {
        match request {
            Request::Enter(entrant) => {
                let _ = entrant.reply.send(Err(error.clone()));
            }
            Request::Say(say) => {
                if let Some(first) = self.locals.give_up(say.connection, say.op.number) {
                    return self.hold_back(&say, first);
                }
                let advice = match say.dialect {
                    Dialect::Text => "what you see next will tell",
                    Dialect::Json => "send it again with the same id",
                };
                let message = format!("{error}; whether this was applied is unknown: {advice}");
                self.reject(&say, &Rejection::new("unavailable", message), None);
            }
            Request::Leave { .. } | Request::Reap => {}
        }
    }
}
