//! One conversation, from the first word to the last: who enters, speaks and leaves.

mod speaker;
mod visit;

use std::borrow::Cow;
use std::sync::Arc;

use tablecast_core::text::clean;
use tablecast_core::{CloseReason, MemberId, Rejection, SeatToken};

use crate::app::App;
use crate::connection::{Connection, Message};
use crate::dialect::Dialect;
use crate::dialect::json::{self, Entry};
use crate::hub::{Hub, RoomError, Shared};
use crate::metrics::{LEFT, MISUNDERSTOOD, SILENT};
use crate::outbox::Outbox;
use crate::room_task::{SeatGuard, WantedSeat};

use speaker::{NAME_GRAPHEMES, Speaker};
pub(crate) use visit::Visit;

/// The codes of a client that does not come back: a normal closure, or a close
/// frame without a code. A browser that leaves the page or sleeps says 1001, or
/// nothing.
const GOODBYES: [u16; 2] = [1000, 1005];

/// A new secret for a seat, from the system's randomness.
pub(crate) fn random_token() -> Result<SeatToken, RoomError> {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(SeatToken(u128::from_ne_bytes(bytes))),
        Err(error) => Err(RoomError::Unavailable(format!("no randomness: {error}"))),
    }
}

/// Counts a connection for as long as it is open, and why it ended.
struct Counted<A: App> {
    /// The hub's own tasks go on for as long as anybody is connected.
    hub: Hub<A>,
    outbox: Arc<Outbox>,
    visit: Visit,
}

impl<A: App> Counted<A> {
    fn new(hub: Hub<A>, visit: Visit, connection: &Connection) -> Self {
        hub.shared.node.metrics.connections.add(1);
        Counted {
            hub,
            outbox: connection.outbox().clone(),
            visit,
        }
    }
}

impl<A: App> Drop for Counted<A> {
    fn drop(&mut self) {
        let shared = &self.hub.shared;
        // The process may end with this conversation under way, or a fault may end it.
        // Dropped without a reason it would hear 1000, after which a client does not come
        // back.
        if shared.is_draining() || std::thread::panicking() {
            self.outbox.close(CloseReason::Restarting);
        }
        shared.node.metrics.connections.add(-1);
        let reason = self.outbox.close_reason().unwrap_or(CloseReason::Left);
        shared.node.metrics.closed(reason);
        self.visit.closed(reason);
    }
}

/// A member who speaks the text dialect and has a seat already.
pub(crate) fn text<A: App>(
    hub: Hub<A>,
    seat: SeatGuard<A>,
    member: MemberId,
    visit: Visit,
    mut connection: Connection,
) -> impl Future<Output = ()> + Send {
    let mut speaker = Speaker::new(hub.shared.clone(), seat, member, Dialect::Text);
    let mut counted = Counted::new(hub, visit, &connection);
    counted.visit.seated(member);
    async move {
        // Dropped before the connection: it says why.
        let _counted = counted;
        let mut number = 0;
        while let Some(message) = connection.recv().await {
            if let Some(said) = speaker.hear_text(&mut connection, message, &mut number) {
                said.await;
            }
        }
    }
}

/// Somebody who speaks `tablecast.v1` and says first what seat they want.
pub(crate) fn json<A: App>(
    hub: Hub<A>,
    room: Box<str>,
    visit: Visit,
    mut connection: Connection,
) -> impl Future<Output = ()> + Send {
    let counted = Counted::new(hub, visit, &connection);
    async move {
        // Dropped before the connection, as above.
        let mut counted = counted;
        let shared = counted.hub.shared.clone();
        // Boxed, since it is over soon, and what follows takes half the memory.
        let entered = Box::pin(enter(shared, room, &mut connection)).await;
        let mut speaker = match entered {
            Ok(speaker) => speaker,
            Err(why) => return counted.visit.refused(why),
        };
        counted.visit.seated(speaker.member);
        while let Some(message) = connection.recv().await {
            if let Some(said) = speaker.hear_json(&mut connection, message) {
                said.await;
            }
        }
        speaker.seat.keep_seat = !connection
            .client_code()
            .is_some_and(|code| GOODBYES.contains(&code));
    }
}

/// The seat that the first message asks for. Without one the connection is closed: why, in
/// the word that metrics have for it.
async fn enter<A: App>(
    shared: Arc<Shared<A>>,
    room: Box<str>,
    connection: &mut Connection,
) -> Result<Speaker<A>, &'static str> {
    let limit = shared.node.config.connection.handshake;
    let wanted = match tokio::time::timeout(limit, connection.recv()).await {
        Ok(Some(Message::Text(line))) => wanted_seat(&line),
        Ok(Some(Message::Binary(_))) => {
            connection.close(CloseReason::Binary);
            return Err(MISUNDERSTOOD);
        }
        Ok(None) => return Err(LEFT),
        Err(_) => {
            connection.close(CloseReason::NoPong);
            return Err(SILENT);
        }
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(rejection) => {
            let _ = connection
                .outbox()
                .send(&json::error(None, &rejection, None));
            connection.close(CloseReason::BadProtocol);
            return Err(MISUNDERSTOOD);
        }
    };
    let outbox = connection.outbox().clone();
    let entered = shared.enter(&room, Dialect::Json, &outbox, wanted);
    match connection.while_waiting(entered).await {
        Ok((mut seat, member)) => {
            // Whatever ends this, the member may come back; unless it says goodbye.
            seat.keep_seat = true;
            Ok(Speaker::new(shared, seat, member, Dialect::Json))
        }
        Err(error) => {
            connection.close(error.close_reason());
            Err(error.word())
        }
    }
}

/// What seat a first message asks for.
fn wanted_seat(line: &str) -> Result<WantedSeat, Rejection> {
    match json::entry(line).map_err(|no| no.rejection)? {
        Entry::Join { name, colour } => {
            let name = name
                .map(|name| clean("the name", &name, NAME_GRAPHEMES).map(Cow::into_owned))
                .transpose()?;
            let token =
                random_token().map_err(|error| Rejection::new("unavailable", error.to_string()))?;
            Ok(WantedSeat::New {
                name,
                colour,
                token,
            })
        }
        Entry::Resume { seat, known } => Ok(WantedSeat::Again { token: seat, known }),
    }
}
