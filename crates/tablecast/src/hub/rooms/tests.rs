//! What only a test in the library can hold up.
#![allow(clippy::unwrap_used)]

use futures_util::FutureExt;
use tablecast_core::CloseReason;
use tablecast_protocol::client::Join;
use tablecast_testing::until;

use super::*;
use crate::config::OutboxLimits;
use crate::room_task::tests::Nothing;
use crate::{Hub, MemoryBackend};

fn new_seat() -> First {
    First::Join(Join::default())
}

/// Its connection has ended before the room can greet it. The room waits until it hears of that.
#[tokio::test]
async fn a_seat_that_its_client_could_not_be_told_of_is_given_up() {
    let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
    hub.create("room".parse().unwrap(), Nothing).await.unwrap();
    let outbox = Arc::new(Outbox::new(OutboxLimits::default()));
    outbox.close(CloseReason::Left);
    let entering = hub
        .rooms
        .enter("room", Dialect::Json, &outbox, new_seat(), None);
    let (guard, _) = entering.await.unwrap();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    drop(guard);
    let members = async || hub.view("room").await.unwrap().members;
    until("the seat is free", members, Vec::is_empty).await;
}

/// The client has the secret of its seat before the task of its connection hears of the seat. Who
/// says goodbye does not come back. Who speaks text has no secret, and cannot.
#[tokio::test]
async fn a_seat_whose_secret_was_sent_is_kept_however_soon_the_connection_ends() {
    let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
    for (room, dialect, code, is_kept) in [
        ("json", Dialect::Json, None, true),
        ("sleep", Dialect::Json, Some(1001), true),
        ("goodbye", Dialect::Json, Some(1000), false),
        ("text", Dialect::Text, None, false),
    ] {
        hub.create(room.parse().unwrap(), Nothing).await.unwrap();
        let outbox = Arc::new(Outbox::new(OutboxLimits::default()));
        let mut entering = Box::pin(hub.rooms.enter(room, dialect, &outbox, new_seat(), None));
        assert!((&mut entering).now_or_never().is_none());
        let told = async || outbox.queued_bytes();
        until("the seat is told", told, |bytes| *bytes > 0).await;
        let members = async || hub.view(room).await.unwrap().members;
        assert_eq!(members().await.len(), 1);
        if let Some(code) = code {
            outbox.peer().closed_with(code);
        }
        drop(entering);
        let is_settled = |members: &Vec<_>| {
            members
                .first()
                .is_none_or(|one: &crate::hub::MemberView| one.away)
        };
        let members = until("the connection is gone", members, is_settled).await;
        assert_eq!(members.len(), usize::from(is_kept), "{room}");
    }
}

/// Who lost has no room, and gives up its place: not that of the one who has made it.
#[tokio::test]
async fn a_room_that_two_have_tried_to_make_at_once_counts() {
    let config = HubConfig {
        max_rooms: 2,
        ..HubConfig::default()
    };
    let hub: Hub<Nothing> = Hub::start(Arc::new(MemoryBackend::new()), config);
    let id = "room".parse().unwrap();
    let won = hub.rooms.reserve(&id).unwrap();
    drop(hub.rooms.reserve(&id).unwrap());
    won.keep(Stamp {
        now: 1,
        expires_at: BEING_MADE - 1,
    });
    drop(won);
    assert_eq!(hub.rooms.places(), (1, 2));
}
