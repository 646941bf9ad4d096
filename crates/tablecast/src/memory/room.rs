//! One room in memory: its snapshot, and the events since.

use std::collections::VecDeque;
use std::time::Duration;

use tablecast_core::backend::{
    BackendError, Commit, Committed, LOG_EVENTS, Loaded, NewRoom, Snapshot, Stamp, StoredEvent,
};
use tablecast_core::id::unique;
use tablecast_core::stored::Record;
use tablecast_core::{Epoch, Position};

pub(super) struct Room {
    pub(super) position: Position,
    /// The last event that is part of the snapshot.
    snapshot_seq: u64,
    snapshot: Record,
    /// The newest events, at most [`LOG_EVENTS`]; the last one has seq `position.seq`. They
    /// always cover everything after the snapshot.
    log: VecDeque<Record>,
    pub(super) expires_at: u64,
    /// No extension goes beyond this.
    dies_at: u64,
}

impl Room {
    pub(super) fn new(new: NewRoom, now: u64) -> Self {
        let dies_at = now.saturating_add(millis(new.max_age));
        Room {
            position: Position {
                epoch: Epoch(unique()),
                seq: 0,
            },
            snapshot_seq: 0,
            snapshot: new.snapshot.into(),
            log: VecDeque::new(),
            expires_at: new
                .alarm
                .unwrap_or(0)
                .max(now)
                .saturating_add(millis(new.ttl))
                .min(dies_at),
            dies_at,
        }
    }

    pub(super) fn stamp(&self, now: u64) -> Stamp {
        Stamp {
            now,
            expires_at: self.expires_at,
        }
    }

    /// What leads from a known position to where it stands: the events, or the snapshot and all events.
    pub(super) fn missing_since(
        &self,
        known: Option<Position>,
        now: u64,
    ) -> Result<Loaded, BackendError> {
        let newest = self.position.seq;
        // The seq before the log's first event.
        let before = newest - self.log.len() as u64;
        let reached = known
            .filter(|known| known.epoch == self.position.epoch)
            .map(|known| known.seq)
            .filter(|seq| (before..=newest).contains(seq));
        let from = reached.unwrap_or(before);
        let snapshot = match reached {
            Some(_) => None,
            None => Some(Snapshot {
                seq: self.snapshot_seq,
                state: self.snapshot.encode()?,
            }),
        };
        let events = (from + 1..)
            .zip(self.log.range((from - before) as usize..))
            .map(|(seq, event)| event.encode().map(|event| StoredEvent { seq, event }))
            .collect::<Result<_, _>>()?;
        Ok(Loaded {
            position: self.position,
            stamp: self.stamp(now),
            dies_at: self.dies_at,
            snapshot,
            events,
        })
    }

    /// One step, if the room still stands where it is expected to.
    pub(super) fn commit(&mut self, commit: Commit, now: u64) -> Result<Committed, BackendError> {
        if commit.expected != self.position {
            let missing = self.missing_since(Some(commit.expected), now)?;
            return Ok(Committed::Conflict(missing));
        }
        let position = self.position.after(commit.events.len());
        match commit.snapshot {
            Some(state) => {
                if cfg!(debug_assertions) {
                    state.encode()?;
                }
                self.snapshot_seq = position.seq;
                self.snapshot = state;
            }
            // Refused, because the log would grow without limit, or no longer lead from the
            // snapshot to the newest event.
            None if position.seq - self.snapshot_seq > LOG_EVENTS as u64 => {
                return Err(BackendError::Corrupt(format!(
                    "a commit without a snapshot, {} events after the last one; \
                     at most {LOG_EVENTS} are kept",
                    position.seq - self.snapshot_seq
                )));
            }
            None => {}
        }
        for event in commit.events {
            if self.log.len() == LOG_EVENTS {
                self.log.pop_front();
            }
            self.log.push_back(event);
        }
        self.position = position;
        if let Some(extend) = commit.extend {
            let extended = now.saturating_add(millis(extend)).min(self.dies_at);
            self.expires_at = self.expires_at.max(extended);
        }
        Ok(Committed::Accepted(self.stamp(now)))
    }
}

/// In milliseconds.
pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
