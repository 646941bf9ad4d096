//! One conversation with a client, from joining to leaving.

mod speaker;
mod visit;

use std::sync::Arc;

use tablecast_core::{App, CloseReason};

use crate::connection::{Connection, Message};
use crate::dialect::Dialect;
use crate::dialect::json;
use crate::hub::LocalRooms;
use crate::identity::Identity;
use crate::metrics::{LEFT, MISUNDERSTOOD, Metrics, SILENT};
use crate::room_task::{Entered, SeatGuard};

use speaker::Speaker;
pub(crate) use visit::Visit;

/// The conversation with a text member, who has a seat already.
pub(crate) fn text<A: App>(
    mut visit: Visit<A>,
    seat: SeatGuard<A>,
    entered: Entered,
    mut connection: Connection,
) -> impl Future<Output = ()> + Send {
    let rooms = visit.hub.rooms.clone();
    let mut speaker = Speaker::new(rooms, seat, entered, Dialect::Text, None);
    visit.connected();
    visit.entered(entered);
    async move {
        // Dropped before the connection, because it logs the close reason.
        let _visit = visit;
        while let Some(message) = connection.recv().await {
            if let Some(heard) = speaker.hear(&mut connection, message) {
                heard.await;
            }
        }
    }
}

/// A stream of events of a client who has a seat already, or watches. It ends when the client reads
/// no more; what the client says comes by POST.
pub(crate) fn events<A: App>(
    mut visit: Visit<A>,
    mut seat: SeatGuard<A>,
    entered: Entered,
    mut connection: Connection,
) -> impl Future<Output = ()> + Send {
    seat.entered(entered);
    visit.connected();
    visit.entered(entered);
    let streams = Stream::begun(visit.hub.rooms.node.metrics.clone());
    async move {
        // Dropped before the connection, as above.
        let _visit = (visit, seat, streams);
        while connection.recv().await.is_some() {}
    }
}

/// A stream of events, while it is counted.
struct Stream(Arc<Metrics>);

impl Stream {
    fn begun(metrics: Arc<Metrics>) -> Self {
        metrics.streams.add(1);
        Stream(metrics)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.streams.add(-1);
    }
}

/// The conversation in `tablecast.v1`, whose first message asks for a seat, or to watch.
pub(crate) fn json<A: App>(
    mut visit: Visit<A>,
    room: Box<str>,
    identity: Option<Arc<Identity>>,
    mut connection: Connection,
) -> impl Future<Output = ()> + Send {
    visit.connected();
    async move {
        // Dropped before the connection, as above.
        let mut visit = visit;
        let rooms = visit.hub.rooms.clone();
        // Boxed, because it is over soon, and the rest needs half the memory.
        let entered = Box::pin(enter(rooms, room, identity, &mut connection)).await;
        let mut speaker = match entered {
            Ok(speaker) => speaker,
            Err(why) => return visit.refused(why),
        };
        visit.entered(speaker.entered);
        while let Some(message) = connection.recv().await {
            if let Some(heard) = speaker.hear(&mut connection, message) {
                heard.await;
            }
        }
    }
}

/// Gets the seat that the first message asks for. Otherwise it closes the connection, and
/// the error is the reason's name in the metrics.
async fn enter<A: App>(
    rooms: Arc<LocalRooms<A>>,
    room: Box<str>,
    identity: Option<Arc<Identity>>,
    connection: &mut Connection,
) -> Result<Speaker<A>, &'static str> {
    let limit = rooms.node.config.connection.handshake;
    let first = match tokio::time::timeout(limit, connection.recv()).await {
        Ok(Some(Message::Text(line))) => json::first(&line),
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
    let first = match first {
        Ok(first) => first,
        Err(no) => {
            let error = json::error(None, &no.rejection, None);
            let _ = connection.outbox().send(&error);
            connection.close(CloseReason::BadProtocol);
            return Err(MISUNDERSTOOD);
        }
    };
    let outbox = connection.outbox().clone();
    let name = identity.clone();
    let entered = rooms.enter(&room, Dialect::Json, &outbox, first, identity);
    // Whoever is gone must not take a seat, which may be that of their own next connection.
    match connection.unless_ended(entered).await {
        Some(Ok((mut seat, entered))) => {
            seat.entered(entered);
            Ok(Speaker::new(rooms, seat, entered, Dialect::Json, name))
        }
        None => Err(LEFT),
        Some(Err(error)) => {
            connection.close(error.close_reason());
            Err(error.word())
        }
    }
}
