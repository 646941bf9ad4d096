//! Rooms with a small menu, on a server of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path};
use axum::routing::get;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tablecast::config::ConnectionConfig;
use tablecast::core::id::unique;
use tablecast::core::limits::Rate;
use tablecast::core::logic::{Context, Logic};
use tablecast::core::{Backend, MemberId, Rejection, RoomId};
use tablecast::sse::EventStream;
use tablecast::upgrade::Upgrade;
use tablecast::{App, Hub, HubConfig, MemoryBackend};
use tablecast_testing::client::{Client, ClientError};
use tablecast_testing::faulty::Faults;
use tablecast_testing::{FaultyBackend, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::{NEVER, serve};

/// A list of items, as the lunch menu is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Menu {
    pub(crate) items: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Ask {
    Add {
        item: String,
    },
    Remove {
        item: String,
    },
    /// One command that makes two events.
    Pair {
        one: String,
        two: String,
    },
    /// Without content, and without events.
    Touch,
    /// The same, written as one that has no fields.
    Reveal {},
    /// Breaks the logic.
    Panic {},
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Happened {
    Added { item: String },
    Removed { at: usize },
}

impl Logic for Menu {
    type Command = Ask;
    type Event = Happened;

    fn decide(&self, _: &Context<'_>, ask: &Ask) -> Result<Vec<Happened>, Rejection> {
        let added = |item: &String| Happened::Added { item: item.clone() };
        match ask {
            Ask::Add { item } => Ok(vec![added(item)]),
            Ask::Pair { one, two } => Ok(vec![added(one), added(two)]),
            Ask::Remove { item } => match self.items.iter().position(|one| one == item) {
                Some(at) => Ok(vec![Happened::Removed { at }]),
                None => Err(Rejection::new("not_found", format!("there is no {item:?}"))),
            },
            Ask::Touch | Ask::Reveal {} => Ok(Vec::new()),
            Ask::Panic {} => panic!("as the test asked"),
        }
    }

    fn apply(&mut self, _: Option<MemberId>, happened: &Happened) {
        match happened {
            Happened::Added { item } => self.items.push(item.clone()),
            Happened::Removed { at } => drop(self.items.remove(*at)),
        }
    }

    /// Whenever something is taken away, what is left.
    fn keepsake(&self, happened: &Happened) -> Option<impl Serialize + Send + Sync + 'static> {
        matches!(happened, Happened::Removed { .. }).then(|| self.items.clone())
    }
}

impl App for Menu {
    const VERSION: u32 = 7;

    fn text_command(line: &str) -> Result<Ask, Rejection> {
        let item = |text: &str| text.trim().to_owned();
        match line.split_once(':') {
            Some(("add", rest)) => Ok(Ask::Add { item: item(rest) }),
            Some(("remove", rest)) => Ok(Ask::Remove { item: item(rest) }),
            Some(("pair", rest)) => Ok(Ask::Pair {
                one: item(rest),
                two: item(rest),
            }),
            _ => Err(Rejection::new("bad_command", "say add:ITEM or remove:ITEM")),
        }
    }

    fn text_state(&self) -> String {
        serde_json::to_string(&self.items).unwrap()
    }

    fn view(&self, _: Option<MemberId>) -> impl Serialize + '_ {
        &self.items
    }
}

/// Serves a hub's rooms at `/ws/{room}` on a free port.
pub(crate) async fn serve_rooms<A: App>(hub: &Hub<A>) -> SocketAddr {
    let (joined, heard, told) = (hub.clone(), hub.clone(), hub.clone());
    let join = async move |Path(room): Path<String>, upgrade: Upgrade| {
        joined.upgrade(upgrade, &room).await
    };
    let hear = async move |Path(room): Path<String>, stream: EventStream| {
        heard.events(stream, &room).await
    };
    let say = async move |Path(room): Path<String>, body: Bytes| told.post(&room, &body).await;
    let routes = Router::new()
        .route("/ws/{room}", get(join))
        .route("/sse/{room}", get(hear).post(say));
    serve(routes).await
}

/// Two nodes on one store, which keep a member's seat for ever, and their faults; with the room `r`.
pub(crate) async fn two_faulty_nodes<A: App>(
    rate: Rate,
    command_deadline: Duration,
    room: A,
) -> Vec<(Hub<A>, Faults)> {
    let store = MemoryBackend::new();
    let node = || {
        let backend = FaultyBackend::new(Arc::new(store.another_node()));
        let faults = backend.faults();
        let config = HubConfig {
            command_rate: rate,
            command_deadline,
            seat_grace: NEVER,
            ..HubConfig::default()
        };
        (Hub::start(Arc::new(backend), config), faults)
    };
    let nodes = vec![node(), node()];
    nodes[0].0.create("r".parse().unwrap(), room).await.unwrap();
    nodes
}

/// A connection through memory to a room of this hub, which speaks JSON. No time passes with it
/// unless the test lets it.
pub(crate) async fn connect_in_memory<A: App>(hub: &Hub<A>, room: &str) -> DuplexStream {
    let (mut ours, theirs) = tokio::io::duplex(64 * 1024);
    let (hub, room) = (hub.clone(), room.to_owned());
    let answer = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (hub, room) = (hub.clone(), room.clone());
        async move {
            let (mut parts, _) = request.into_parts();
            let upgrade = Upgrade::from_request_parts(&mut parts, &()).await.unwrap();
            hub.upgrade(upgrade, &room).await
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(theirs), answer)
        .with_upgrades();
    // How it ended shows on the client's side.
    tokio::spawn(async move { drop(served.await) });
    let request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: tablecast.v1\r\n\r\n";
    ours.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(ours.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"), "it is accepted");
    ours
}

/// A hub and the address where its rooms are joined: `/ws/{room}`.
pub(crate) struct NodeOf<A: App> {
    pub(crate) hub: Hub<A>,
    pub(crate) address: SocketAddr,
}

pub(crate) type Node = NodeOf<Menu>;

impl Node {
    pub(crate) async fn items(&self, room: &str) -> Vec<String> {
        self.hub.view(room).await.unwrap().app.items
    }
}

impl<A: App + Default> NodeOf<A> {
    pub(crate) async fn start(config: HubConfig) -> Self {
        Self::on(Arc::new(MemoryBackend::new()), config).await
    }

    pub(crate) async fn on(backend: Arc<dyn Backend>, mut config: HubConfig) -> Self {
        // Clients answer a ping when they read next, which on a slow machine may be late.
        let pings = &mut config.connection.ping_interval;
        if *pings == ConnectionConfig::default().ping_interval {
            *pings = NEVER;
        }
        let hub = Hub::start(backend, config);
        let address = serve_rooms(&hub).await;
        NodeOf { hub, address }
    }

    pub(crate) async fn make(&self, room: &str) {
        let id: RoomId = room.parse().unwrap();
        self.hub.create(id, A::default()).await.unwrap();
    }

    /// Joins with the text dialect, and reads the state.
    pub(crate) async fn text(&self, room: &str) -> Client {
        let mut client = self.try_text(room).await.unwrap();
        assert!(client.next_text().await.unwrap().starts_with('['));
        client
    }

    pub(crate) async fn try_text(&self, room: &str) -> Result<Client, ClientError> {
        Client::connect(self.address, &format!("/ws/{room}")).await
    }

    /// The status with which the text dialect is refused.
    pub(crate) async fn refusal(&self, room: &str) -> u16 {
        match self.try_text(room).await {
            Err(ClientError::Refused { status, .. }) => status,
            other => panic!("not refused: {other:?}"),
        }
    }

    /// Speaks JSON, and says this first.
    pub(crate) async fn say_first(&self, room: &str, first: &str) -> Client {
        let path = format!("/ws/{room}");
        let mut client = Client::connect_json(self.address, &path).await.unwrap();
        client.send_text(first).await.unwrap();
        client
    }

    pub(crate) async fn json(&self, room: &str) -> JsonMember {
        self.enter(room, json!({"join": {}})).await
    }

    /// Resumes a seat, knowing everything up to this seq.
    pub(crate) async fn resume(&self, room: &str, seat: &Value, seq: u64) -> JsonMember {
        let (seat, epoch) = (&seat["seat"], &seat["epoch"]);
        self.enter(
            room,
            json!({"resume": {"seat": seat, "epoch": epoch, "seq": seq}}),
        )
        .await
    }

    pub(crate) async fn enter(&self, room: &str, first: Value) -> JsonMember {
        let mut client = self.say_first(room, &first.to_string()).await;
        let mut hello = client.next_json().await.unwrap();
        let hello = hello["hello"].take();
        assert!(hello.is_object(), "the first word is a hello");
        JsonMember { client, hello }
    }

    /// Waits until the node knows that all others know persons.
    pub(crate) async fn until_persons(&self) {
        let person = "0123456789abcdef0123456789abcdef";
        // Somebody new may find the room full.
        let join = json!({"join": {"person": person, "watch": true}});
        let same = async || {
            let room = format!("{:x}", unique());
            self.make(&room).await;
            let first = self.enter(&room, join.clone()).await;
            let again = self.enter(&room, join.clone()).await;
            first.hello["you"] == again.hello["you"]
        };
        until("persons are known again", same, |same| *same).await;
    }

    /// Waits until this many members have a seat, here or away.
    pub(crate) async fn until_seats(&self, room: &str, taken: usize) {
        let seats = async || self.hub.view(room).await.unwrap().members.len();
        let what = format!("{taken} seats are taken");
        until(&what, seats, |seats| *seats == taken).await;
    }

    /// Waits until no connection and no room is open here.
    pub(crate) async fn until_quiet(&self) {
        let metrics = self.hub.metrics();
        let open = async || {
            [
                ("connections", metrics.connections.get()),
                ("members", metrics.members.get()),
                ("rooms", metrics.rooms.get()),
            ]
        };
        let none = |open: &[(&str, _); 3]| open.iter().all(|(_, count)| *count == 0);
        until("nothing is open", open, none).await;
    }
}

/// Somebody who speaks `tablecast.v1`.
#[derive(Debug)]
pub(crate) struct JsonMember {
    pub(crate) client: Client,
    pub(crate) hello: Value,
}

impl JsonMember {
    pub(crate) async fn send(&mut self, message: Value) {
        self.client.send_text(&message.to_string()).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Value {
        self.client.next_json().await.unwrap()
    }

    /// The answer to this command, and what was pushed before it.
    pub(crate) async fn ask(&mut self, message: Value) -> Value {
        let id = message["id"].clone();
        self.send(message).await;
        loop {
            let answer = self.next().await;
            if answer["ack"]["id"] == id || answer["error"]["id"] == id {
                return answer;
            }
        }
    }

    /// The next event, whatever else comes before it.
    pub(crate) async fn event(&mut self) -> Value {
        loop {
            let mut message = self.next().await;
            if message["event"].is_object() {
                return message["event"].take();
            }
        }
    }

    pub(crate) fn epoch(&self) -> &Value {
        &self.hello["epoch"]
    }

    pub(crate) fn seq(&self) -> u64 {
        self.hello["seq"]
            .as_u64()
            .expect("a hello with the whole state")
    }
}

/// The code with which a rejection begins.
pub(crate) fn code(answer: &Value) -> &str {
    answer["error"]["code"]
        .as_str()
        .unwrap_or_else(|| panic!("no error: {answer}"))
}
