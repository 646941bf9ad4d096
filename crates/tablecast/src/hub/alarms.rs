//! One of the hub's own tasks: it opens rooms whose alarm is due. A room that is open anywhere
//! decides its alarm by itself, so this is for rooms that are open nowhere.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tablecast_core::App;
use tablecast_core::backend::AlarmHint;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::hub::rooms::LocalRooms;

/// How often the store is asked.
const EVERY: Duration = Duration::from_secs(1);

/// How many hints one turn takes, beside those that wait for another attempt, and how many in
/// all.
const TURN: usize = 256;
const MOST: usize = 4096;

/// How many rooms are looked at together.
const TOGETHER: usize = 32;

/// The wait before a hint is looked at again: a quarter of the time that it is late, at least and
/// at most this.
const WAIT: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(60));

/// After this time no commit is under way any more that could set the alarm of a hint, in
/// milliseconds.
const SETTLED: u64 = 60_000;

/// Asks the store for alarms that are due as long as the hub lives, and has them decided.
pub(super) async fn ring<A: App>(rooms: Arc<LocalRooms<A>>) -> Result<(), String> {
    let mut interval = interval(EVERY);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut later = HashMap::new();
    loop {
        interval.tick().await;
        while !rooms.is_draining() && turn(&rooms, &mut later).await {}
        if rooms.is_draining() {
            return Ok(());
        }
    }
}

/// Looks at the alarms that are due. Returns whether there may be more. `later`: hints that were
/// looked at and stay, with the time of the next attempt.
async fn turn<A: App>(rooms: &Arc<LocalRooms<A>>, later: &mut HashMap<AlarmHint, Instant>) -> bool {
    let limit = (TURN + later.len()).min(MOST);
    let due = match rooms.node.backend.due_alarms(limit).await {
        Ok(due) => due,
        Err(error) => {
            tracing::debug!(%error, "the store was asked for alarms in vain");
            return false;
        }
    };
    rooms.node.heard_clock(due.now);
    let is_full = due.hints.len() == limit;
    let now = Instant::now();
    let known = std::mem::take(later);
    let (mut next, mut has_looked) = (Vec::new(), false);
    for hint in due.hints {
        match known.get(&hint) {
            Some(at) if *at > now => {
                later.insert(hint, *at);
            }
            _ => next.push(hint),
        }
    }
    // In tasks of their own: an application that panics ends no task of the hub's.
    let mut looked = stream::iter(next)
        .map(|hint| async {
            let look = tokio::spawn(is_done(rooms.clone(), hint.clone(), due.now));
            (hint, look.await.unwrap_or(false))
        })
        .buffer_unordered(TOGETHER);
    while let Some((hint, is_done)) = looked.next().await {
        has_looked = true;
        if !is_done {
            let late = Duration::from_millis(due.now.saturating_sub(hint.at));
            later.insert(hint, now + (late / 4).clamp(WAIT.0, WAIT.1));
        }
    }
    is_full && has_looked
}

/// Looks at one hint. Returns whether it was forgotten: then the room has no alarm any more that
/// is as old as the hint, and will have none.
async fn is_done<A: App>(rooms: Arc<LocalRooms<A>>, hint: AlarmHint, now: u64) -> bool {
    let is_old = now.saturating_sub(hint.at) >= SETTLED;
    let is_done = match rooms.load_rung(&hint.room).await {
        Ok(Some((room, _))) => {
            let is_set = room.logic.alarm().is_some_and(|at| at <= hint.at);
            !is_set && (is_old || room.position.seq >= hint.seq)
        }
        // It may be just being made.
        Ok(None) => is_old,
        Err(error) => {
            tracing::debug!(room = %hint.room, %error, "a room with an alarm was not read");
            false
        }
    };
    is_done && rooms.node.backend.forget_alarm(&hint).await.is_ok()
}
