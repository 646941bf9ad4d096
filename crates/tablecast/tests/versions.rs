//! Nodes of two neighbouring versions of an application on one store.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tablecast::core::id::unique;
use tablecast::core::logic::{Context, Logic};
use tablecast::core::{Backend, CloseReason, Forms, MemberId, NodeId, Rejection};
use tablecast::hub::{RoomError, Unavailable};
use tablecast::{App, Hub, HubConfig};
use tablecast_testing::client::Client;
use tablecast_testing::events::Events;
use tablecast_testing::{FaultyBackend, until};

use support::rooms::{JsonMember, code, serve_rooms};
use support::{Hands, NEVER};

/// A list, to which the second version of the application adds a command and its event.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct List {
    items: Vec<String>,
}

/// What the first version knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum First {
    Add { item: String },
}

/// What the second version knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Second {
    Add { item: String },
    Clear {},
}

/// A version of the application: what it knows is both its commands and its events.
trait Version: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    const FORMS: u32;
    fn form(&self) -> u32;
    fn apply(&self, items: &mut Vec<String>);
}

impl Version for First {
    const FORMS: u32 = 1;

    fn form(&self) -> u32 {
        1
    }

    fn apply(&self, items: &mut Vec<String>) {
        let First::Add { item } = self;
        items.push(item.clone());
    }
}

impl Version for Second {
    const FORMS: u32 = 2;

    fn form(&self) -> u32 {
        match self {
            Second::Add { .. } => 1,
            Second::Clear {} => 2,
        }
    }

    fn apply(&self, items: &mut Vec<String>) {
        match self {
            Second::Add { item } => items.push(item.clone()),
            Second::Clear {} => items.clear(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
struct Table<V> {
    list: List,
    #[serde(skip)]
    version: std::marker::PhantomData<V>,
}

impl<V: Version> Logic for Table<V> {
    type Command = V;
    type Event = V;
    const FORMS: u32 = V::FORMS;

    fn form(event: &V) -> u32 {
        event.form()
    }

    fn decide(&self, _: &Context<'_>, command: &V) -> Result<Vec<V>, Rejection> {
        Ok(vec![command.clone()])
    }

    fn apply(&mut self, _: Option<MemberId>, event: &V) {
        event.apply(&mut self.list.items);
    }
}

impl<V: Version> App for Table<V> {}

/// A process with this version.
struct Process<V: Version> {
    hub: Hub<Table<V>>,
    address: SocketAddr,
}

impl<V: Version> Process<V> {
    async fn start(backend: Arc<dyn Backend>, node_lease: Duration) -> Self {
        let mut config = HubConfig {
            node_lease,
            ..HubConfig::default()
        };
        config.connection.ping_interval = NEVER;
        let hub = Hub::start(backend, config);
        let address = serve_rooms(&hub).await;
        Process { hub, address }
    }

    async fn make(&self, room: &str) {
        let list = List::default();
        let version = std::marker::PhantomData;
        let table = Table { list, version };
        self.hub.create(room.parse().unwrap(), table).await.unwrap();
    }

    async fn connect(&self, room: &str) -> Client {
        let path = format!("/ws/{room}");
        let mut client = Client::connect_json(self.address, &path).await.unwrap();
        client.send_text(r#"{"join":{}}"#).await.unwrap();
        client
    }

    async fn join(&self, room: &str) -> JsonMember {
        let mut client = self.connect(room).await;
        let hello = client.next_json().await.unwrap()["hello"].take();
        assert!(hello.is_object());
        JsonMember { client, hello }
    }

    /// The answer to the new command in a new room.
    async fn clears_a_new_room(&self) -> (String, Value) {
        let room = format!("r{}", unique());
        self.make(&room).await;
        let mut member = self.join(&room).await;
        (room, member.ask(json!({"id": 1, "clear": {}})).await)
    }

    /// Waits until it may make what is new: then the answer is an ack; or until it may not.
    async fn until_new(&self, what: &str, may: bool) -> String {
        let ask = async || self.clears_a_new_room().await;
        let is_so = |(_, answer): &(String, Value)| answer["ack"].is_object() == may;
        let (room, answer) = until(what, ask, is_so).await;
        if !may {
            assert_eq!(code(&answer), "not_yet");
        }
        room
    }

    async fn items(&self, room: &str) -> Result<Vec<String>, RoomError> {
        let view = self.hub.view(room).await?;
        Ok(view.app.list.items)
    }
}

const LEASE: Duration = Duration::from_millis(400);

/// The way of an update: first the old node lives, then it does not, then it does again.
#[tokio::test]
async fn a_new_kind_of_event_is_made_only_while_no_older_node_lives() {
    // The store's clock stands still, so that a slow machine ends no lease before its time.
    let hands = Hands::new();
    let store = hands.store();
    let new = Arc::new(store.another_node());
    let looks = store.another_node();
    let backend = FaultyBackend::new(Arc::new(store));
    let faults = backend.faults();
    let old = Process::<First>::start(Arc::new(backend), LEASE).await;
    let live = async || {
        let (id, lease) = ("looks".parse().unwrap(), LEASE);
        let forms = Forms { rooms: 9, app: 9 };
        looks.renew(&id, forms, lease).await.unwrap().len()
    };
    until("the old node lives", live, |live| *live == 2).await;
    let new = Process::<Second>::start(new, LEASE).await;
    new.make("r").await;
    let mut here = new.join("r").await;
    let mut there = old.join("r").await;

    // Both understand each other, since nothing that is new is made.
    assert!(here.ask(json!({"id": 1, "add": {"item": "a"}})).await["ack"].is_object());
    assert_eq!(
        code(&here.ask(json!({"id": 2, "clear": {}})).await),
        "not_yet"
    );
    assert_eq!(there.event().await["change"]["add"]["item"], "a");
    assert!(there.ask(json!({"id": 1, "add": {"item": "b"}})).await["ack"].is_object());
    assert_eq!(old.items("r").await.unwrap(), ["a", "b"]);

    // The old node is killed: within its lease it is gone.
    faults.down("as the test asked");
    hands.pass(LEASE);
    new.until_new("the new command is taken", true).await;
    assert!(here.ask(json!({"id": 3, "clear": {}})).await["ack"].is_object());
    assert!(here.ask(json!({"id": 4, "add": {"item": "c"}})).await["ack"].is_object());

    // It is started again, or was only away: it cannot read that room, says why, and tells its
    // members to try again. It changes nothing in it.
    faults.up();
    assert_eq!(
        there.client.closed().await.unwrap(),
        CloseReason::Unavailable.code()
    );
    let mut again = old.connect("r").await;
    assert_eq!(
        again.closed().await.unwrap(),
        CloseReason::Unavailable.code()
    );
    let Err(RoomError::Unavailable(Unavailable::Store(why))) = old.items("r").await else {
        panic!("it was read");
    };
    let forms = "stored in form 3.2, but this program reads 3.1 to 4.1";
    assert!(why.contains(forms), "{why}");

    // From then on no other room gets what it cannot read.
    let room = new.until_new("the new command is refused", false).await;
    let mut there = old.join(&room).await;
    assert!(there.ask(json!({"id": 1, "add": {"item": "d"}})).await["ack"].is_object());
    // This one is closed to it already.
    assert_eq!(new.items("r").await.unwrap(), ["c"]);
    assert!(here.ask(json!({"id": 5, "clear": {}})).await["ack"].is_object());
    assert_eq!(new.items("r").await.unwrap(), [""; 0]);
}

/// By POST, too, the refusal is the command's own, not the request's.
#[tokio::test]
async fn whoever_speaks_by_post_is_refused_what_is_new_until_the_last_older_node_has_ended() {
    let hands = Hands::new();
    let store = hands.store();
    let older = store.another_node();
    let ids: [NodeId; 2] = ["a", "b"].map(|id| id.parse().unwrap());
    for id in &ids {
        older.renew(id, Forms::FIRST, NEVER).await.unwrap();
    }
    let new = Process::<Second>::start(Arc::new(store), LEASE).await;
    new.make("r").await;
    let stream = Events::open(new.address, "/sse/r", &json!({"join": {}})).await;
    let mut id = 0;
    let mut clear = async || {
        let add = json!({"id": id + 1, "add": {"item": "a"}});
        let commands = [add, json!({"id": id + 2, "clear": {}})];
        id += 2;
        let answers = stream.say(new.address, "/sse/r", &commands).await;
        assert!(answers[0]["ack"].is_object(), "{answers:?}");
        answers[1].clone()
    };
    for id in &ids {
        assert_eq!(code(&clear().await), "not_yet");
        older.release(id).await.unwrap();
    }
    new.until_new("the new command is taken", true).await;
    assert!(clear().await["ack"].is_object());
}

/// Some may live whose leases the store has lost.
#[tokio::test]
async fn a_node_that_has_just_started_takes_others_for_older_until_it_knows_them() {
    let backend = || Arc::new(FaultyBackend::new(Arc::new(Hands::new().store())));
    let new = Process::<Second>::start(backend(), NEVER).await;
    let (_, answer) = new.clears_a_new_room().await;
    assert_eq!(code(&answer), "not_yet");
    let new = Process::<Second>::start(backend(), LEASE).await;
    new.until_new("a lease has passed", true).await;
}

/// A store in this process knows its nodes.
#[tokio::test]
async fn a_node_alone_in_its_process_waits_for_no_lease() {
    let new = Process::<Second>::start(Arc::new(Hands::new().store()), NEVER).await;
    new.until_new("the new command is taken", true).await;
}
