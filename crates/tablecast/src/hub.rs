//! Rooms of this process: find, open, reap, drain.

mod alarms;
mod inspect;
mod nodes;
mod posters;
mod rooms;
mod vital;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tablecast_core::App;
use tablecast_core::backend::{Backend, Created, Health, Keepsake, NewRoom};
use tablecast_core::draft::alarms::must_live_until;
use tablecast_core::membership::Presence;
use tablecast_core::position::{Epoch, Position};
use tablecast_core::room::Room;
use tablecast_core::stored::StoredError;
use tablecast_core::{MemberId, PersonId, RoomId, code};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock::Clock;
use crate::config::HubConfig;
use crate::dialect::json;
use crate::error::log_unreadable;
use crate::metrics::Metrics;
use crate::room_task::{Mail, Order, Who};

pub use crate::error::{CommandError, CreateError, RoomError, Unavailable};
pub use crate::view::{CreatedRoom, MemberView, RoomSettings, RoomView};
pub(crate) use rooms::LocalRooms;

/// A drain closes at most this many connections a second, so that clients do not all come
/// back at once; more only if the time is short.
const DRAIN_PER_SECOND: f64 = 500.0;

/// All rooms of one process. It is a handle, cheap to clone. When the last handle is
/// dropped and the last connection is closed, the hub's own tasks end.
pub struct Hub<A: App> {
    pub(crate) rooms: Arc<LocalRooms<A>>,
    _stop: Arc<DropGuard>,
}

impl<A: App> Clone for Hub<A> {
    fn clone(&self) -> Self {
        Hub {
            rooms: self.rooms.clone(),
            _stop: self._stop.clone(),
        }
    }
}

impl<A: App> fmt::Debug for Hub<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("node", &self.rooms.node.id)
            .finish_non_exhaustive()
    }
}

impl<A: App> Hub<A> {
    /// Starts a hub on this backend. Must be called in a tokio runtime, where it runs four
    /// tasks: one follows the backend's health, one renews the node's lease, one looks for
    /// alarms, one watches the connections' clock. If one of them dies, [`Hub::failed`] reports it.
    ///
    /// Each hub needs its own backend value, because a value is one node for the store: a
    /// second hub on the same value would not get the commits of the first. For several
    /// nodes in one process:
    /// [`MemoryBackend::another_node`](crate::MemoryBackend::another_node).
    pub fn start(backend: Arc<dyn Backend>, config: HubConfig) -> Self {
        let rooms = Arc::new(LocalRooms::new(backend, config));
        let stop = CancellationToken::new();
        let vital = &rooms.vital;
        vital.spawn(&stop, "hearing the store", nodes::hear(rooms.clone()));
        vital.spawn(&stop, "keeping the lease", nodes::keep_lease(rooms.clone()));
        vital.spawn(&stop, "looking for alarms", alarms::ring(rooms.clone()));
        let clock = Clock::current();
        vital.spawn(&stop, "the clock of the connections", async move {
            clock.stopped().await;
            Err("no deadline is kept any more".to_owned())
        });
        Hub {
            rooms,
            _stop: Arc::new(stop.drop_guard()),
        }
    }

    /// Makes a room with this state and the configuration's settings.
    ///
    /// # Errors
    /// See [`CreateError`]. No room was made; only after `Unavailable` it may have been.
    pub async fn create(&self, id: RoomId, app: A) -> Result<CreatedRoom, CreateError> {
        self.create_with(id, app, RoomSettings::default()).await
    }

    /// Makes a room with this state and settings of its own.
    ///
    /// # Errors
    /// As [`Hub::create`].
    pub async fn create_with(
        &self,
        id: RoomId,
        app: A,
        settings: RoomSettings,
    ) -> Result<CreatedRoom, CreateError> {
        let rooms = &self.rooms;
        if self.is_draining() {
            return Err(Unavailable::Draining.into());
        }
        let reservation = rooms.reserve(&id)?;
        let config = &rooms.node.config;
        let nowhere = Position {
            epoch: Epoch(0),
            seq: 0,
        };
        let ttl = settings.ttl.unwrap_or(config.room_ttl);
        let ttl = ttl.min(config.room_max_age);
        let room = Room::new(nowhere, config.seats, ttl, app);
        if !rooms.node.forms().read(room.forms) {
            // A node that has just started may not know yet who lives.
            nodes::renew(rooms).await;
            if !rooms.node.forms().read(room.forms) {
                return Err(CreateError::NotYet);
            }
        }
        let alarm = room.logic.alarm();
        if let Some(at) = alarm {
            let age = config.room_max_age.as_millis() as u64;
            if must_live_until(at, ttl) > self.now().await?.saturating_add(age) {
                return Err(CreateError::TooLate);
            }
        }
        let unwritable = |error: StoredError| Unavailable::Store(error.to_string());
        let snapshot = room.encode().map_err(unwritable)?;
        let new = NewRoom {
            snapshot,
            ttl,
            max_age: config.room_max_age,
            alarm,
        };
        match rooms.node.backend.create(&id, new).await {
            Ok(Created::New(_, stamp)) => {
                rooms.node.metrics.rooms_created.add(1);
                reservation.keep(stamp);
                Ok(CreatedRoom {
                    id,
                    stamp,
                    seats: config.seats,
                    ttl,
                })
            }
            Ok(Created::Exists) => Err(CreateError::Exists),
            Err(error) => Err(Unavailable::from(error).into()),
        }
    }

    /// Shows a room, read from the backend.
    ///
    /// # Errors
    /// `NotFound` (for anything that is no id, too) or `Unavailable`.
    pub async fn view(&self, room: &str) -> Result<RoomView<A>, RoomError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        let read = self.rooms.load_rung(&id).await;
        let (room, stamp) = read
            .inspect_err(|error| log_unreadable(&id, error))
            .map_err(Unavailable::from)?
            .ok_or(RoomError::NotFound)?;
        let mut members = json::members(&room);
        let node = &self.rooms.node;
        if node.backend.is_exclusive() {
            // No other process lives. That members of an earlier one are away is stored
            // when the room is opened.
            for (member, seat) in members.iter_mut().zip(room.members.iter()) {
                let here =
                    matches!(&seat.presence, Presence::Here { node: at, .. } if *at == node.id);
                member.away = !here;
            }
        }
        Ok(RoomView {
            position: room.position,
            stamp,
            seats: room.seats,
            ttl: room.ttl,
            members,
            app: room.logic,
        })
    }

    /// A room's result as JSON: the last value of its
    /// [`Logic::keepsake`](crate::core::Logic::keepsake). The room may still live.
    ///
    /// # Errors
    /// `NotFound` (for a malformed id, for a room without a result, and when its time is
    /// over) or `Unavailable`.
    pub async fn keepsake(&self, room: &str) -> Result<Keepsake, RoomError> {
        let id: RoomId = room.parse().map_err(|_| RoomError::NotFound)?;
        // An alarm that is due may make another result. Without the room there is none.
        let _ = self.rooms.load_rung(&id).await;
        let kept = self.rooms.node.backend.keepsake(&id).await;
        kept.inspect_err(|error| log_unreadable(&id, error))
            .map_err(Unavailable::from)?
            .ok_or(RoomError::NotFound)
    }

    /// Decides a command of the server itself, in its turn among those of the members. The
    /// rules see it without a sender: [`Context::by`](crate::core::logic::Context::by) is
    /// `None`, and members get its events without `by`. It opens the room if nobody is there.
    ///
    /// Returns when its events are ordered and stored: the seq of the last one, or the room's
    /// if there was nothing to do.
    ///
    /// ```
    /// # use serde::{Deserialize, Serialize};
    /// # use tablecast::core::logic::{Context, Logic, Rejection};
    /// # use tablecast::{App, Hub, core::MemberId, hub::CommandError};
    /// # #[derive(Clone, Default, Serialize, Deserialize)]
    /// # struct News(Vec<String>);
    /// # #[derive(Clone, Serialize, Deserialize)]
    /// # #[serde(rename_all = "snake_case")]
    /// # enum Said { Say { text: String } }
    /// # impl Logic for News {
    /// #     type Command = Said;
    /// #     type Event = Said;
    /// #     fn decide(&self, _: &Context<'_>, said: &Said) -> Result<Vec<Said>, Rejection> { Ok(vec![said.clone()]) }
    /// #     fn apply(&mut self, _: Option<MemberId>, Said::Say { text }: &Said) { self.0.push(text.clone()); }
    /// # }
    /// # impl App for News {}
    /// async fn tell(hub: &Hub<News>, text: &str) -> Result<(), CommandError> {
    ///     let text = text.to_owned();
    ///     match hub.command("news", Said::Say { text }).await {
    ///         Ok(seq) => println!("this is event {seq}"),
    ///         // Nothing has changed.
    ///         Err(CommandError::Unavailable(why)) => println!("try again later: {why}"),
    ///         Err(other) => return Err(other),
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    /// See [`CommandError`]. The deadline is that of the members' commands,
    /// [`HubConfig::command_deadline`](crate::HubConfig::command_deadline). `not_yet` is also
    /// answered in a node's first seconds, until it knows the other nodes.
    pub async fn command(&self, room: &str, command: A::Command) -> Result<u64, CommandError> {
        self.rooms.order(room, |_| Order::Command(command)).await
    }

    /// Asks a member to leave, on whichever node they are: their connection is closed with
    /// [`Dismissed`](crate::core::CloseReason::Dismissed), their seat is free, and this person
    /// may not come back to this room. Somebody without a key, or with a new one, is a new
    /// person. A member who has left already and is remembered may not come back either; one
    /// who is not known changes nothing, which is no error but `false`.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn dismiss(&self, room: &str, member: MemberId) -> Result<bool, CommandError> {
        self.send_away(room, |_| Who::Member(member)).await
    }

    /// As [`dismiss`](Hub::dismiss), for the member with this account: see
    /// [`Identity`](crate::Identity). Somebody whom the room does not know is not kept out:
    /// refuse them before [`upgrade_as`](Hub::upgrade_as).
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn dismiss_person(&self, room: &str, person: &str) -> Result<bool, CommandError> {
        let who = |room: &RoomId| Who::Person(PersonId::of_account(person, room));
        self.send_away(room, who).await
    }

    async fn send_away(
        &self,
        room: &str,
        who: impl FnOnce(&RoomId) -> Who,
    ) -> Result<bool, CommandError> {
        let order = |room: &RoomId| Order::Dismiss(who(room));
        match self.rooms.order(room, order).await {
            Ok(_) => Ok(true),
            Err(CommandError::Rejected(why)) if why.code == code::NO_SEAT => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Sends everybody away, on all nodes: connections are closed with
    /// [`Closed`](crate::core::CloseReason::Closed), after which clients do not come back by
    /// themselves, and all seats are given up. The room and its state stay stored until it
    /// expires, and whoever knows its id may join it again: refuse them before
    /// [`upgrade`](Hub::upgrade), if they must not.
    ///
    /// # Errors
    /// See [`CommandError`].
    pub async fn close(&self, room: &str) -> Result<(), CommandError> {
        self.rooms.order(room, |_| Order::Close).await.map(drop)
    }

    /// Whether the backend takes changes. `Down` for ever when the hub has
    /// [failed](Hub::failed).
    pub fn health(&self) -> Health {
        match self.rooms.vital.reason() {
            Some(reason) => Health::Down(reason.to_string()),
            None => self.rooms.node.health(),
        }
    }

    /// Waits until the hub has failed, and returns the reason; this should never happen.
    /// One of its own tasks has panicked or ended, or the backend has stopped reporting.
    /// The hub does not recover: first call [`Hub::drain`] to tell the members to come back
    /// elsewhere, then end the process.
    pub async fn failed(&self) -> String {
        self.rooms.vital.failed().await.to_string()
    }

    /// The store's clock (ms since 1970), as this node knows it. Until it has heard of it, the
    /// store is asked.
    ///
    /// # Errors
    /// The store was asked and could not be reached.
    pub async fn now(&self) -> Result<u64, Unavailable> {
        Ok(self.rooms.node.ask_clock().await?)
    }

    /// Whether the node is shutting down.
    pub fn is_draining(&self) -> bool {
        self.rooms.is_draining()
    }

    /// How many rooms count against [`HubConfig::max_rooms`], and that limit.
    pub fn room_places(&self) -> (usize, usize) {
        self.rooms.places()
    }

    /// The metrics.
    pub fn metrics(&self) -> &Metrics {
        &self.rooms.node.metrics
    }

    /// Shuts down: nobody can join any more, members are closed with 1012, spread over the
    /// time (no faster than needed), and the node's lease is given up. Returns when all
    /// connections are closed, or when the time is over.
    pub async fn drain(&self, within: Duration) {
        let rooms = &self.rooms;
        rooms.begin_draining();
        let deadline = Instant::now() + within;
        let connections = rooms.node.metrics.connections.get().max(0) as f64;
        let spread =
            Duration::from_secs_f64(connections / DRAIN_PER_SECOND).min(within.mul_f64(0.8));
        let begin = Instant::now();
        let mailboxes = rooms.mailboxes();
        let count = mailboxes.len() as f64;
        for (at, mailbox) in mailboxes.into_iter().enumerate() {
            tokio::time::sleep_until(begin + spread.mul_f64(at as f64 / count)).await;
            mailbox.send(Mail::Drain);
        }
        let open =
            || rooms.node.metrics.connections.get() > 0 || rooms.node.metrics.rooms.get() > 0;
        while open() && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        rooms.begin_release();
        if let Err(error) = rooms.node.backend.release(&rooms.node.id).await {
            tracing::warn!(%error, "the node's lease was not given up; it ends by itself");
        }
    }
}
