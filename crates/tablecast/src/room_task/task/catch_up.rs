//! Catching up: what others committed, told by a publication or loaded.

use std::sync::Arc;

use tablecast_core::backend::{Loaded, Publication, Stamp};
use tablecast_core::history::History;
use tablecast_core::position::{Order, Position};
use tablecast_core::room::{Event, Room};
use tablecast_core::stored::StoredError;

use tokio::time::Instant;

use crate::app::App;
use crate::codec::Frames;
use crate::dialect::Dialect;
use crate::room_task::batch::show;
use crate::room_task::task::RoomTask;

impl<A: App> RoomTask<'_, A> {
    /// Takes what the backend says of where the room stands.
    pub(super) fn install(&mut self, loaded: Loaded) {
        if let Err(error) = self.try_install(loaded) {
            tracing::error!(room = %self.id, %error, "the stored room cannot be read");
            self.fail();
        }
    }

    fn try_install(&mut self, loaded: Loaded) -> Result<(), StoredError> {
        self.stamp(loaded.stamp, Instant::now());
        let here = self.room.as_ref().map(|room| room.position);
        if here != Some(loaded.position) {
            self.made_progress();
        }
        let events = loaded
            .events
            .iter()
            .map(|stored| Event::decode(stored.seq, &stored.event).map(Arc::new))
            .collect::<Result<Vec<_>, _>>()?;
        match loaded.snapshot {
            None => {
                if !events.is_empty() {
                    self.hub.metrics.resyncs.add(1);
                    self.advance(events);
                }
            }
            Some(snapshot) => {
                let at = Position {
                    epoch: loaded.position.epoch,
                    seq: snapshot.seq,
                };
                let mut room = Room::decode(at, &snapshot.state)?;
                self.history = History::default();
                for event in events {
                    if event.seq > snapshot.seq {
                        room.apply(&event);
                    }
                    self.history.push(event);
                }
                if self.room.is_some() {
                    self.hub.metrics.resyncs.add(1);
                }
                self.locals
                    .tell_state(&room, self.expires_at, self.clock.now());
                self.room = Some(room);
                self.give_up_orphans();
                self.expect_away_end();
                self.reap_soon();
            }
        }
        Ok(())
    }

    pub(super) fn published(&mut self, published: &Publication) {
        if self.stale {
            return;
        }
        let Some(room) = &self.room else { return };
        let count = published.events.len();
        let known = match room.position.order(published.epoch, published.first, count) {
            Order::Old => return,
            Order::Next => 0,
            Order::Overlap { known } => known,
            Order::Gap | Order::OtherEpoch => {
                self.be_stale();
                return;
            }
        };
        let seqs = published.first..;
        let events = seqs.zip(&published.events).skip(known);
        let events = events
            .map(|(seq, bytes)| Event::decode(seq, bytes).map(Arc::new))
            .collect::<Result<Vec<_>, _>>();
        match events {
            Ok(events) => {
                // It may have been long on its way; time does not go back for it.
                let at = Instant::now();
                let now = published.stamp.now.max(self.clock.time_at(at));
                let stamp = Stamp {
                    now,
                    ..published.stamp
                };
                self.stamp(stamp, at);
                self.advance(events);
            }
            // Only a hint: the store has the truth.
            Err(error) => {
                tracing::debug!(room = %self.id, %error, "publication not understood");
                self.be_stale();
            }
        }
    }

    /// Lets the next events happen, which were committed elsewhere.
    fn advance(&mut self, events: Vec<Arc<Event<A::Event>>>) {
        let limit = self.text_bytes();
        let Some(room) = &mut self.room else { return };
        let speak = self.locals.speak(Dialect::Text);
        let mut text = Frames::default();
        let mut behind = false;
        for command in events.chunk_by(|a, b| a.op.is_some() && a.op == b.op && a.by() == b.by()) {
            for event in command {
                room.apply(event);
                self.history.push(event.clone());
            }
            if speak && !behind {
                show(&mut text, &room.logic, command);
                // Too far to be shown step by step: the newest is what counts.
                behind = text.len() > limit;
            }
        }
        if behind {
            text = Frames::default();
            text.text(&room.logic.text_state());
        }
        self.give_up_orphans();
        self.locals.tell_events(&events, text, self.expires_at);
        self.expect_away_end();
    }
}
