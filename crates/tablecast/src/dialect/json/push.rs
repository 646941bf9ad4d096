//! The messages of the server.

use std::num::NonZero;

use serde::Serialize;
use tablecast_core::App;
use tablecast_core::membership::Seat;
use tablecast_core::room::{Change, Event, Room, Seated};
use tablecast_core::{Logic, MemberId, Rejection, SeatToken};
use tablecast_protocol::Known;
use tablecast_protocol::push::{
    self, Former, Hello, Limits, Member, OwnSeat, Push, Snapshot, Version, What,
};

use crate::codec::Frame;
use crate::config::HubConfig;

fn render<S: Serialize, E: Serialize>(push: &Push<'_, S, E>) -> String {
    // Writing to memory fails only if the application's types cannot be serialised, and
    // storing them has already succeeded.
    serde_json::to_string(push).unwrap_or_default()
}

type Plain<'a> = Push<'a, (), ()>;

/// The contents of a hello besides the state.
pub(crate) struct Greeting<'a> {
    pub(crate) room_id: &'a str,
    /// `None`: somebody who watches.
    pub(crate) seat: Option<&'a Seat>,
    /// By which who watches says that they are there, if it is not by their connection.
    pub(crate) stream: Option<SeatToken>,
    pub(crate) expires_at: u64,
    pub(crate) now: u64,
    pub(crate) config: &'a HubConfig,
}

/// The first message, to a member or to somebody who watches. Without `resumed` it contains the
/// whole state.
pub(crate) fn hello<A: App>(room: &Room<A>, greeting: &Greeting<'_>, resumed: bool) -> String {
    let config = greeting.config;
    let push: Push<'_, _, ()> = Push::Hello(Hello {
        seated: greeting.seat.map(|seat| OwnSeat {
            you: seat.member,
            name: (&*seat.name).into(),
            colour: Some(seat.colour),
            seat: seat.token,
            applied: room
                .members
                .last_applied(seat.member)
                .and_then(|last| NonZero::new(last.op.number)),
        }),
        watching: greeting.seat.is_none(),
        stream: greeting.stream,
        room: greeting.room_id.into(),
        resumed,
        whole: (!resumed).then(|| {
            let viewer = greeting.seat.map(|seat| seat.member);
            whole(room, viewer, greeting.expires_at, greeting.now)
        }),
        seats: room.seats,
        ttl_ms: room.ttl.as_millis() as u64,
        limits: Limits {
            message_bytes: config.connection.message_bytes,
            commands_per_second: config.command_rate.per_second,
            command_burst: config.command_rate.burst,
            seat_grace_ms: config.seat_grace.as_millis() as u64,
            ping_interval_ms: config.connection.ping_interval.as_millis() as u64,
        },
        version: Version {
            protocol: tablecast_protocol::VERSION,
            app: A::VERSION,
        },
    });
    render(&push)
}

fn whole<A: App>(
    room: &Room<A>,
    viewer: Option<MemberId>,
    expires_at: u64,
    now: u64,
) -> Snapshot<impl Serialize + '_> {
    Snapshot {
        epoch: room.position.epoch,
        seq: room.position.seq,
        state: room.logic.view(viewer),
        members: members(room),
        former: former(room),
        expires_at,
        now,
    }
}

/// The members as others see them: no tokens, no nodes.
pub(crate) fn members<L: Logic>(room: &Room<L>) -> Vec<Member> {
    let seats = room.members.iter();
    seats
        .map(|seat| Member {
            id: seat.member,
            name: String::from(&*seat.name),
            colour: Some(seat.colour),
            away: seat.is_away(),
        })
        .collect()
}

fn former<L: Logic>(room: &Room<L>) -> Vec<Former> {
    let former = room.members.former().iter();
    former
        .map(|one| Former {
            id: one.member,
            name: String::from(&*one.name),
            colour: Some(one.colour),
        })
        .collect()
}

/// The whole state as this viewer sees it, when events are not enough.
pub(crate) fn snapshot<A: App>(
    room: &Room<A>,
    viewer: Option<MemberId>,
    expires_at: u64,
    now: u64,
) -> Frame {
    let push: Push<'_, _, ()> = Push::Snapshot(whole(room, viewer, expires_at, now));
    Frame::text(&render(&push))
}

/// A command was accepted: ordered and stored. `own` are its events, if others see less of them.
pub(crate) fn ack<E: Serialize>(id: u64, seq: u64, own: Vec<E>) -> Frame {
    let push: Push<'_, (), E> = Push::Ack { id, seq, own };
    Frame::text(&render(&push))
}

/// A command was refused; with `after`, because that command must come first.
pub(crate) fn error(id: Option<u64>, rejection: &Rejection, after: Option<u64>) -> Frame {
    Frame::text(&render(&Plain::Error {
        id,
        code: rejection.code.as_str().into(),
        message: (&*rejection.message).into(),
        after,
    }))
}

/// Whether the store answers.
pub(crate) fn status(up: bool) -> String {
    render(&Plain::Status {
        store: if up { "up" } else { "down" }.into(),
    })
}

/// Something happened, as everybody sees it.
pub(crate) fn event<A: App>(event: &Event<A::Event>, expires_at: u64) -> String {
    let what = match &event.change {
        Change::Joined(joined) => What::Joined {
            member: MemberId(event.seq),
            name: (&*joined.name).into(),
            colour: Some(joined.colour),
        },
        Change::Returned(returned) => match &returned.seated {
            Some(Seated { name, colour }) => What::Joined {
                member: returned.member,
                name: (&**name).into(),
                colour: Some(*colour),
            },
            None => What::Back {
                member: returned.member,
            },
        },
        Change::Back { member, .. } => What::Back { member: *member },
        Change::Away { member, until } => What::Away {
            member: *member,
            until: *until,
        },
        Change::Left { member, .. } => What::Left { member: *member },
        // Only somebody who joined by this very event could have this id.
        Change::Closed {} => What::Left {
            member: MemberId(event.seq),
        },
        Change::Renamed {
            member,
            name,
            colour,
        } => What::Renamed {
            member: *member,
            name: (&**name).into(),
            colour: Some(*colour),
        },
        Change::Logic { event, .. } => What::Change(A::show(event)),
    };
    render(&Push::<(), _>::Event(push::Event {
        seq: event.seq,
        by: event.by(),
        what: Known(Some(what)),
        expires_at,
    }))
}
