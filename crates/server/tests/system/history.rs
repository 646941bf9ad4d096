//! A history of several clients on several nodes, checked as a whole.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tablecast_testing::client::ClientError;
use tokio::task::JoinHandle;

use crate::harness::{Ended, Member, Node};

/// A client that changes the menu as fast as it is answered, and comes back when
/// its connection ends: on the next node, to its seat, with every unanswered
/// command sent again under its number.
pub(crate) struct Client {
    pub(crate) name: String,
    /// Items whose adding was acknowledged.
    pub(crate) acknowledged: Vec<String>,
    /// What it saw: the events by epoch and seq.
    pub(crate) events: BTreeMap<(String, u64), Value>,
    /// The state at the end.
    pub(crate) items: Vec<String>,
    pub(crate) position: (String, u64),
    /// How its connections ended, except the last.
    pub(crate) ended: Vec<Ended>,
}

/// Where a client is, or was, connected.
pub(crate) type Nodes = Arc<tokio::sync::RwLock<Vec<Node>>>;

/// Runs a client until `stop`, and then until all it said is answered and a last
/// word of its own is seen.
pub(crate) fn client(
    nodes: &Nodes,
    room: &str,
    at: usize,
    stop: &tokio::sync::watch::Receiver<bool>,
) -> JoinHandle<Client> {
    client_who_says(add, nodes, room, at, stop)
}

/// As [`client`], but it says this.
pub(crate) fn client_who_says(
    says: Says,
    nodes: &Nodes,
    room: &str,
    at: usize,
    stop: &tokio::sync::watch::Receiver<bool>,
) -> JoinHandle<Client> {
    let (nodes, room, stop) = (nodes.clone(), room.to_owned(), stop.clone());
    tokio::spawn(async move {
        // Between two commands, or the menu would be full before the fault is over.
        let mut run = Run::new(format!("c{at}"), Duration::from_millis(20));
        run.says = says;
        let mut node = at;
        while !run.finished {
            let connection = {
                let nodes = nodes.read().await;
                let count = nodes.len();
                run.connect(nodes[node % count].address(), &room).await
            };
            node += 1;
            match connection {
                Ok(mut member) => run.talk(&mut member, &stop).await,
                Err(missed) => {
                    if let Missed::Ended(ended) = missed {
                        run.client.ended.push(ended);
                    }
                    // sleep: a reconnecting client's pause
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        run.client
    })
}

/// The command with this id of the client with this name, and the item that it adds.
pub(crate) type Says = fn(id: u64, name: &str) -> (Value, Option<String>);

/// Each command adds an item.
pub(crate) fn add(id: u64, name: &str) -> (Value, Option<String>) {
    let item = format!("{name}-{id}");
    (json!({"id": id, "add": {"item": item}}), Some(item))
}

/// Why there is no conversation.
#[derive(Debug)]
pub(crate) enum Missed {
    Handshake(ClientError),
    Ended(Ended),
}

/// A client at work, from one connection to the next.
pub(crate) struct Run {
    pub(crate) client: Client,
    pause: Duration,
    says: Says,
    seat: Option<Value>,
    next_id: u64,
    /// The command that is not answered yet: its id, itself, and its item.
    open: Option<(u64, String, Option<String>)>,
    pub(crate) finished: bool,
}

impl Run {
    /// One that waits this long between an answer and its next command.
    pub(crate) fn new(name: String, pause: Duration) -> Run {
        Run {
            client: Client {
                name,
                acknowledged: Vec::new(),
                events: BTreeMap::new(),
                items: Vec::new(),
                position: (String::new(), 0),
                ended: Vec::new(),
            },
            pause,
            says: add,
            seat: None,
            next_id: 1,
            open: None,
            finished: false,
        }
    }

    /// Joins, or comes back to its seat.
    pub(crate) async fn connect(
        &mut self,
        address: SocketAddr,
        room: &str,
    ) -> Result<Member, Missed> {
        let (epoch, seq) = &self.client.position;
        let first = match &self.seat {
            None => json!({"join": {"name": self.client.name}}),
            Some(seat) => json!({"resume": {"seat": seat, "epoch": epoch, "seq": seq}}),
        };
        let member = Member::try_program(address, room, first).await;
        let mut member = member.map_err(Missed::Handshake)?;
        match member.hear().await {
            Ok(text) => {
                let hello = serde_json::from_str::<Value>(&text).unwrap();
                let hello = &hello["hello"];
                assert!(hello.is_object(), "{text}");
                self.seat = Some(hello["seat"].clone());
                if hello["resumed"] == false {
                    self.state(hello);
                }
                Ok(member)
            }
            Err(Ended::Closed(4401)) => panic!("{} lost its seat", self.client.name),
            Err(ended) => Err(Missed::Ended(ended)),
        }
    }

    fn state(&mut self, state: &Value) {
        let items = state["state"]["items"].as_array().unwrap();
        self.client.items = items
            .iter()
            .map(|item| item["item"].as_str().unwrap().to_owned())
            .collect();
        self.client.position = (
            state["epoch"].as_str().unwrap().to_owned(),
            state["seq"].as_u64().unwrap(),
        );
    }

    /// Says and hears until the connection ends, or all is said.
    pub(crate) async fn talk(
        &mut self,
        member: &mut Member,
        stop: &tokio::sync::watch::Receiver<bool>,
    ) {
        if let Some((_, text, _)) = &self.open
            && !member.try_say(text).await
        {
            return;
        }
        loop {
            if self.open.is_none() {
                if *stop.borrow() {
                    self.finished = true;
                    return;
                }
                // sleep: a client's pause
                tokio::time::sleep(self.pause).await;
                let (command, item) = (self.says)(self.next_id, &self.client.name);
                let text = command.to_string();
                let sent = member.try_say(&text).await;
                self.open = Some((self.next_id, text, item));
                self.next_id += 1;
                if !sent {
                    return;
                }
            }
            match member.hear().await {
                Ok(text) => {
                    if !self
                        .heard(member, serde_json::from_str(&text).unwrap())
                        .await
                    {
                        return;
                    }
                }
                Err(ended) => {
                    self.client.ended.push(ended);
                    return;
                }
            }
        }
    }

    /// Takes a message; false if the connection is of no more use.
    async fn heard(&mut self, member: &mut Member, message: Value) -> bool {
        if let Some(event) = message.get("event") {
            self.event(event);
        } else if let Some(ack) = message.get("ack") {
            let open = self.open.take_if(|(id, ..)| ack["id"] == *id);
            self.client
                .acknowledged
                .extend(open.and_then(|(.., item)| item));
        } else if let Some(snapshot) = message.get("snapshot") {
            self.state(snapshot);
        } else if let Some(error) = message.get("error") {
            assert_eq!(error["code"], "unavailable", "{error}");
            // sleep: a client's pause before it asks again
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Some((_, text, _)) = &self.open {
                return member.try_say(text).await;
            }
        }
        true
    }

    fn event(&mut self, event: &Value) {
        let (epoch, seq) = &mut self.client.position;
        *seq += 1;
        assert_eq!(
            event["seq"], *seq,
            "{}: events are contiguous",
            self.client.name
        );
        if let Some(item) = event["change"]["added"]["item"].as_str() {
            self.client.items.push(item.to_owned());
        }
        let mut what = event.clone();
        what.as_object_mut().unwrap().remove("expires_at");
        self.client.events.insert((epoch.clone(), *seq), what);
    }
}

/// What must be true of every history, whatever went wrong meanwhile: `menu` is
/// the state at the end.
pub(crate) fn check(clients: &[Client], menu: &[String]) {
    let mut merged: BTreeMap<&(String, u64), &Value> = BTreeMap::new();
    for client in clients {
        assert!(
            !client.acknowledged.is_empty(),
            "{} got nothing done",
            client.name
        );
        for item in &client.acknowledged {
            let count = menu.iter().filter(|other| *other == item).count();
            assert_eq!(
                count, 1,
                "{item} was acknowledged and is there {count} times"
            );
        }
        for (place, event) in &client.events {
            let first = merged.entry(place).or_insert(event);
            assert_eq!(
                *first, event,
                "two members saw different events at {place:?}"
            );
        }
        let order: Vec<&String> = menu
            .iter()
            .filter(|item| client.items.contains(item))
            .collect();
        assert!(
            order.into_iter().eq(&client.items),
            "{} saw another order",
            client.name
        );
    }
    let mut sorted = menu.to_vec();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), menu.len(), "nothing was applied twice");
}

/// The menu as the store has it.
pub(crate) async fn menu(node: &Node, room: &str) -> Vec<String> {
    let reply = node.http("GET", &format!("/session/{room}/")).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let view: Value = serde_json::from_str(&reply.body).unwrap();
    let items = view["state"]["items"].as_array().unwrap();
    items
        .iter()
        .map(|item| item["item"].as_str().unwrap().to_owned())
        .collect()
}
