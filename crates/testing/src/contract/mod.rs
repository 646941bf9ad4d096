//! The contract every [`Backend`] passes: one function for each property, and
//! [`backend_contract!`](crate::backend_contract) to make tests of them.
//!
//! A backend's own test file needs nothing but a way to reach a store from two
//! nodes:
//!
//! ```
//! use std::sync::Arc;
//! use tablecast::MemoryBackend;
//! use tablecast_testing::contract::Nodes;
//!
//! async fn nodes() -> Nodes {
//!     let one = MemoryBackend::new();
//!     let two = one.another_node();
//!     Nodes::new(Arc::new(one), Arc::new(two))
//! }
//!
//! tablecast_testing::backend_contract!(nodes().await);
//! ```
//!
//! The properties use rooms and nodes with random names, so the store need not
//! be empty and may be shared by tests that run at the same time. They wait for
//! real time to pass, by the store's own clock, and fail by panicking.

pub mod alarms;
pub mod commits;
pub mod expiry;
pub mod keepsakes;
pub mod leases;
pub mod logs;
pub mod rooms;
pub mod watching;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tablecast_core::backend::{
    Backend, Commit, Committed, Created, LiveNode, Loaded, NewRoom, Publication, Stamp, StoredEvent,
};
use tablecast_core::id::unique;
use tablecast_core::stored::Record;
use tablecast_core::{Forms, NodeId, Position, RoomId};
use tokio::time::Instant;

use crate::wait::{DEADLINE, until};

/// A lifetime that no test outlives.
const LONG: Duration = Duration::from_secs(600);

/// A lifetime to wait for the end of: many times as long as some steps take now, since the steps
/// before the end have to fit into it on a busy machine.
async fn short(nodes: &Nodes) -> Duration {
    let begin = Instant::now();
    let room = any_room();
    let position = create(&*nodes.a, &room).await;
    accepted(&*nodes.a, &room, position, vec![event("e")]).await;
    load(&*nodes.b, &room, None).await;
    (20 * begin.elapsed()).clamp(Duration::from_millis(2500), DEADLINE / 4)
}

/// Two nodes on one store.
pub struct Nodes {
    /// One node.
    pub a: Arc<dyn Backend>,
    /// Another, which has nothing in common with the first but the store.
    pub b: Arc<dyn Backend>,
    _store: Option<Box<dyn Any + Send>>,
}

impl Nodes {
    /// Two nodes on one store.
    pub fn new(a: Arc<dyn Backend>, b: Arc<dyn Backend>) -> Self {
        Nodes { a, b, _store: None }
    }

    /// Keeps something until the test is over: a server process, for example.
    #[must_use]
    pub fn keeping(mut self, store: impl Any + Send) -> Self {
        self._store = Some(Box::new(store));
        self
    }

    fn each(&self) -> [&dyn Backend; 2] {
        [&*self.a, &*self.b]
    }
}

impl std::fmt::Debug for Nodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nodes").finish_non_exhaustive()
    }
}

/// One `#[tokio::test]` for each property of the [contract](crate::contract).
///
/// The argument is an expression that makes [`Nodes`](crate::contract::Nodes)
/// and may await. The crate that calls this needs `tokio` with `macros` and
/// `rt-multi-thread`. To test several makers in one file, call it in a module
/// for each.
#[macro_export]
macro_rules! backend_contract {
    ($nodes:expr) => {
        $crate::backend_contract! {
            $nodes;
            alarms::an_alarm_is_told_to_all_nodes_when_it_is_due;
            alarms::a_hint_stays_until_it_is_forgotten;
            alarms::a_new_room_lives_a_lifetime_beyond_its_alarm;
            alarms::whoever_loads_a_room_learns_when_it_must_end;
            alarms::a_commit_that_has_happened_has_its_hint;
            alarms::a_hint_outlives_its_room;
            commits::a_commit_is_stored_at_the_position_it_expected;
            commits::a_conflict_brings_exactly_what_is_missing;
            commits::a_conflict_changes_nothing;
            commits::a_conflict_with_another_epoch_brings_the_whole_room;
            commits::a_conflict_with_a_seq_in_the_future_brings_the_whole_room;
            commits::of_concurrent_committers_exactly_one_wins_each_seq;
            commits::a_dropped_commit_is_whole_or_not_there;
            expiry::an_extension_counts_from_now_by_the_stores_clock;
            expiry::an_extension_never_shortens_a_life;
            expiry::no_extension_goes_beyond_the_maximum_age;
            expiry::a_first_life_is_bounded_by_the_maximum_age;
            expiry::a_commit_without_extension_leaves_the_expiry;
            expiry::a_conflict_extends_nothing;
            expiry::an_extended_room_outlives_its_first_expiry;
            expiry::an_expired_room_is_gone_and_no_late_commit_brings_it_back;
            expiry::a_new_room_of_an_expired_name_is_another_epoch;
            expiry::the_clock_is_one_for_all_nodes_and_never_goes_back;
            keepsakes::a_room_that_kept_nothing_left_nothing;
            keepsakes::a_keepsake_is_there_for_all_nodes_with_the_time_of_its_commit;
            keepsakes::a_step_with_a_keepsake_is_otherwise_as_any_other;
            keepsakes::a_keepsake_outlives_its_room;
            keepsakes::a_newer_keepsake_takes_the_place_of_the_older;
            keepsakes::a_commit_without_a_keepsake_leaves_it;
            keepsakes::a_refused_commit_keeps_nothing;
            keepsakes::a_keepsake_ends_by_the_stores_clock_while_its_room_lives;
            keepsakes::a_new_room_begins_without_the_keepsake_of_an_earlier_one;
            keepsakes::whatever_bytes_are_kept_come_back;
            keepsakes::of_concurrent_committers_the_last_ones_keepsake_stays;
            leases::a_renewed_node_lives_in_the_sight_of_all;
            leases::a_lapsed_lease_ends_a_node;
            leases::a_renewed_lease_does_not_lapse;
            leases::a_released_node_is_gone_at_once;
            leases::the_forms_of_each_live_node_are_known;
            logs::whatever_bytes_are_stored_come_back;
            logs::large_events_and_states_come_back;
            logs::the_log_keeps_enough_and_is_bounded;
            logs::a_conflict_beyond_the_log_brings_the_whole_room;
            logs::snapshots_at_the_interval_are_enough;
            logs::a_commit_larger_than_the_log_is_stored_with_its_snapshot;
            logs::the_snapshot_interval_is_within_the_log;
            rooms::a_created_room_is_there_for_all_nodes;
            rooms::creating_a_room_again_changes_nothing;
            rooms::of_concurrent_creators_exactly_one_makes_the_room;
            rooms::an_unknown_room_is_none_and_gone;
            rooms::whoever_knows_the_newest_is_sent_nothing;
            rooms::whoever_knows_an_older_seq_is_sent_what_follows;
            rooms::whoever_knows_another_epoch_is_sent_the_whole_room;
            rooms::whoever_knows_a_seq_in_the_future_is_sent_the_whole_room;
            rooms::rooms_with_similar_names_do_not_leak_into_each_other;
            watching::every_later_commit_of_another_node_is_noticed;
            watching::the_first_commit_after_watching_is_noticed;
            watching::a_publication_says_what_was_committed;
            watching::a_room_can_be_watched_before_it_is_made;
            watching::rooms_that_are_not_watched_are_silent;
            watching::a_room_that_is_no_longer_watched_falls_silent;
            watching::watching_again_after_unwatching_works;
            watching::each_listener_of_a_room_hears_for_as_long_as_its_own_watch;
            watching::whoever_asks_is_told_of_the_health;
            watching::a_signal_reaches_who_watches_the_room_on_another_node;
        }
    };
    ($nodes:expr; $($file:ident::$property:ident;)+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $property() {
            $crate::contract::$file::$property($nodes).await;
        }
    )+};
}

/// A room name that no other test uses.
fn any_room() -> RoomId {
    format!("room-{:016x}", unique()).parse().unwrap()
}

fn any_node() -> NodeId {
    format!("node-{:016x}", unique()).parse().unwrap()
}

fn event(text: impl Into<String>) -> Bytes {
    Bytes::from(text.into())
}

/// Makes a room that outlives the test.
async fn create(backend: &dyn Backend, room: &RoomId) -> Position {
    create_for(backend, room, LONG, LONG).await.0
}

async fn create_for(
    backend: &dyn Backend,
    room: &RoomId,
    ttl: Duration,
    max_age: Duration,
) -> (Position, Stamp) {
    let new = NewRoom {
        snapshot: event("the first state"),
        ttl,
        max_age,
        alarm: None,
    };
    match backend.create(room, new).await.unwrap() {
        Created::New(position, stamp) => {
            assert_eq!(position.seq, 0, "a new room stands at seq 0");
            (position, stamp)
        }
        Created::Exists => panic!("{room} exists already"),
    }
}

/// Takes one step, with the events as they are and a state that names the seq.
async fn commit(
    backend: &dyn Backend,
    room: &RoomId,
    expected: Position,
    events: Vec<Bytes>,
    extend: Option<Duration>,
) -> Committed {
    let snapshot = state_at(expected.seq + events.len() as u64);
    let commit = Commit {
        expected,
        events: events.into_iter().map(Record::from).collect(),
        snapshot: Some(snapshot.into()),
        extend,
        keepsake: None,
        alarm: None,
    };
    backend.commit(room, commit).await.unwrap()
}

/// As [`commit`], and it is accepted.
async fn accepted(
    backend: &dyn Backend,
    room: &RoomId,
    expected: Position,
    events: Vec<Bytes>,
) -> (Position, Stamp) {
    let count = events.len();
    match commit(backend, room, expected, events, None).await {
        Committed::Accepted(stamp) => (expected.after(count), stamp),
        other => panic!("a commit at {expected:?} was not accepted: {other:?}"),
    }
}

/// Commits events "1", "2", … up to this seq, in steps of `step`.
async fn grow(
    backend: &dyn Backend,
    room: &RoomId,
    mut position: Position,
    up_to: u64,
    step: u64,
) -> Position {
    while position.seq < up_to {
        let last = up_to.min(position.seq + step);
        let events = (position.seq + 1..=last).map(event_at).collect();
        position = accepted(backend, room, position, events).await.0;
    }
    position
}

fn event_at(seq: u64) -> Bytes {
    event(seq.to_string())
}

fn state_at(seq: u64) -> Bytes {
    event(format!("the state at {seq}"))
}

/// Loads a room that is there, and checks what holds for every answer.
async fn load(backend: &dyn Backend, room: &RoomId, known: Option<Position>) -> Loaded {
    let loaded = backend.load(room, known).await.unwrap();
    let loaded = loaded.unwrap_or_else(|| panic!("{room} is not there"));
    check(&loaded, known);
    loaded
}

/// What holds for every answer about what is missing.
fn check(loaded: &Loaded, known: Option<Position>) {
    assert!(loaded.stamp.now < loaded.stamp.expires_at, "{loaded:?}");
    let newest = loaded.position.seq;
    for pair in loaded.events.windows(2) {
        assert_eq!(pair[0].seq + 1, pair[1].seq, "events are contiguous");
    }
    if let Some(last) = loaded.events.last() {
        assert_eq!(last.seq, newest, "the last event is where the room stands");
    }
    let follows = match (&loaded.snapshot, known) {
        (Some(snapshot), _) => snapshot.seq,
        (None, Some(known)) => {
            assert_eq!(known.epoch, loaded.position.epoch);
            assert_eq!(loaded.events.len() as u64, newest - known.seq);
            known.seq
        }
        (None, None) => panic!("nothing was known, and no snapshot came: {loaded:?}"),
    };
    assert!(follows <= newest);
    if follows < newest {
        let first = loaded.events.first().expect("events follow the snapshot");
        assert!(
            first.seq <= follows + 1,
            "a gap after {follows}: {loaded:?}"
        );
    }
}

/// These are the events from this seq on.
fn stored(first: u64, events: impl IntoIterator<Item = Bytes>) -> Vec<StoredEvent> {
    (first..)
        .zip(events)
        .map(|(seq, event)| StoredEvent { seq, event })
        .collect()
}

/// Within this of each other, in milliseconds: a store may read its clock twice
/// in one step, or round.
const ROUNDING: u64 = 5;

fn assert_close(found: u64, expected: u64) {
    assert!(
        found.abs_diff(expected) <= ROUNDING,
        "{found} is not {expected}"
    );
}

fn ms(duration: Duration) -> u64 {
    duration.as_millis() as u64
}

/// Waits until the room is gone. Until then every answer says that it is not
/// expired yet.
async fn gone(backend: &dyn Backend, room: &RoomId) {
    let look = async || backend.load(room, None).await.unwrap();
    let is_gone = |loaded: &Option<Loaded>| {
        loaded.iter().for_each(|loaded| check(loaded, None));
        loaded.is_none()
    };
    until("the room expires", look, is_gone).await;
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_property_is_in_the_macro() {
        let this = include_str!("mod.rs");
        let files = [
            ("alarms", include_str!("alarms.rs")),
            ("commits", include_str!("commits.rs")),
            ("expiry", include_str!("expiry.rs")),
            ("keepsakes", include_str!("keepsakes.rs")),
            ("leases", include_str!("leases.rs")),
            ("logs", include_str!("logs.rs")),
            ("rooms", include_str!("rooms.rs")),
            ("watching", include_str!("watching.rs")),
        ];
        for (file, text) in files {
            for rest in text.split("\npub async fn ").skip(1) {
                let (name, _) = rest.split_once('(').unwrap();
                let line = format!("            {file}::{name};\n");
                assert!(this.contains(&line), "{file}::{name} is not in the macro");
            }
        }
    }
}
