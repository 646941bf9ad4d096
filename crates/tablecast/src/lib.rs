//! Shared rooms over WebSocket.
//!
//! A *room* holds a small shared state. Everybody in it sees every change in the same
//! order, on whichever server process they are connected to. This crate provides the rooms,
//! the members and their seats, the WebSocket part and the fan-out; you provide the state
//! and its rules. It runs on tokio and axum.
//!
//! - [`Hub`]: all rooms of this process. Start here.
//! - [`App`] and [`Logic`](core::Logic): your state, your rules, and their wire format.
//! - [`MemoryBackend`]: rooms in this process. The crate `tablecast-sqlite` keeps rooms in a
//!   file, `tablecast-redis` in Redis, shared by several processes. For any other store write
//!   your own [`Backend`](core::Backend).
//! - [`Channel`](channel::Channel): the fan-out alone, without rooms or state.
//!
//! What clients see is described in `docs/protocol.md` of the repository.
//!
//! Nothing is published yet, so depend on a clone, here one beside your program, or on
//! `git = "…"` with its address:
//!
//! ```toml
//! [dependencies]
//! axum = "0.8"
//! serde = { version = "1", features = ["derive"] }
//! tablecast = { path = "../tablecast/crates/tablecast" }
//! tokio = { version = "1", features = ["macros", "net", "rt-multi-thread"] }
//! ```
//!
//! A whole program of less than 60 lines: `cargo run -p tablecast --example counter`.
//!
//! # Write a Logic
//!
//! The value is the state. [`decide`](core::Logic::decide) looks at a command and returns
//! its events, or a refusal; [`apply`](core::Logic::apply) applies an event. Both must
//! depend only on their arguments: every node applies the same events and must reach the
//! same state. No network, no clock, no socket, so a test of the rules is a plain function
//! call.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tablecast::core::logic::{Context, Logic, Member, Rejection};
//! use tablecast::core::MemberId;
//!
//! /// Who wants a lift: as many as there are places in the car.
//! #[derive(Clone, Default, Serialize, Deserialize)]
//! struct Car {
//!     passengers: Vec<MemberId>,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(rename_all = "snake_case")]
//! enum Ride {
//!     GetIn {},
//!     GetOut {},
//! }
//!
//! impl Logic for Car {
//!     type Command = Ride;
//!     type Event = Ride;
//!
//!     fn decide(&self, context: &Context<'_>, command: &Ride) -> Result<Vec<Ride>, Rejection> {
//!         // The server itself takes no place.
//!         let Some(by) = context.by else { return Ok(vec![]) };
//!         let is_in = self.passengers.contains(&by.id);
//!         match command {
//!             // As it is already: nothing happens, and that is no error.
//!             Ride::GetIn {} if is_in => Ok(vec![]),
//!             Ride::GetIn {} if self.passengers.len() == 4 => {
//!                 Err(Rejection::new("car_full", "all 4 places are taken"))
//!             }
//!             Ride::GetIn {} => Ok(vec![Ride::GetIn {}]),
//!             Ride::GetOut {} if is_in => Ok(vec![Ride::GetOut {}]),
//!             Ride::GetOut {} => Ok(vec![]),
//!         }
//!     }
//!
//!     fn apply(&mut self, by: Option<MemberId>, event: &Ride) {
//!         match event {
//!             Ride::GetIn {} => self.passengers.extend(by),
//!             Ride::GetOut {} => self.passengers.retain(|member| Some(*member) != by),
//!         }
//!     }
//! }
//!
//! let mut car = Car::default();
//! for id in 1..=4 {
//!     car.apply(Some(MemberId(id)), &Ride::GetIn {});
//! }
//! let late = Member { id: MemberId(5), name: "late", person: None, role: None };
//! let late = Context { by: Some(late), now: 0, seats: &[late], forms: 1 };
//! let refused = car.decide(&late, &Ride::GetIn {}).err().map(|rejection| rejection.code.as_str());
//! assert_eq!(refused, Some("car_full"));
//! ```
//!
//! The server may [command](Hub::command), too, and a room has a clock of its own
//! ([`alarm`](core::Logic::alarm)), hears who comes and goes ([`joined`](core::Logic::joined)),
//! and may show each member something else ([`view`](App::view)): the example `quiz` does all of
//! that in less than 120 lines of code.
//!
//! Events and states are stored, and during an update nodes of two versions share them. So a
//! new kind of event needs a new version of the stored forms: see
//! [`FORMS`](core::Logic::FORMS).
//!
//! # Start a hub
//!
//! [`App`] defines the wire format of the logic. Its defaults are enough for the JSON
//! dialect (`tablecast.v1`), where a command is what serde reads: `{"id":1,"up":{}}`. A
//! command without content may be a variant `Up` or `Up {}`; clients may send it with `{}`
//! or null. With [`App::text_command`] it can be typed by hand in `websocat`, too.
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use tablecast::core::MemberId;
//! # use tablecast::core::logic::{Logic, Context, Rejection};
//! use std::sync::Arc;
//!
//! use axum::extract::{Path, State};
//! use axum::response::Response;
//! use axum::{Router, routing::get};
//! use tablecast::hub::RoomError;
//! use tablecast::upgrade::Upgrade;
//! use tablecast::{App, Hub, HubConfig, MemoryBackend};
//!
//! # #[derive(Clone, Default, Serialize, Deserialize)]
//! # struct Counter { value: u32 }
//! # #[derive(Clone, Copy, Serialize, Deserialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Step { Up {} }
//! # impl Logic for Counter {
//! #     type Command = Step;
//! #     type Event = Step;
//! #     fn decide(&self, _: &Context<'_>, step: &Step) -> Result<Vec<Step>, Rejection> { Ok(vec![*step]) }
//! #     fn apply(&mut self, _: Option<MemberId>, _: &Step) { self.value += 1; }
//! # }
//! impl App for Counter {
//!     fn text_command(line: &str) -> Result<Step, Rejection> {
//!         match line.trim() {
//!             "up" => Ok(Step::Up {}),
//!             _ => Err(Rejection::new("bad_command", "say up")),
//!         }
//!     }
//! }
//!
//! async fn join(
//!     State(hub): State<Hub<Counter>>,
//!     Path(room): Path<String>,
//!     upgrade: Upgrade,
//! ) -> Result<Response, RoomError> {
//!     // A `RoomError` is a response: 404, 403 or 503.
//!     hub.upgrade(upgrade, &room).await
//! }
//!
//! # async fn start() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
//! hub.create("lobby".parse()?, Counter::default()).await?;
//!
//! let router = Router::new().route("/ws/{room}", get(join)).with_state(hub.clone());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let server = tokio::spawn(async move { axum::serve(listener, router).await });
//!
//! // At the end: members are told to come back elsewhere, and seats are kept.
//! hub.drain(std::time::Duration::from_secs(30)).await;
//! server.abort();
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(start()).unwrap();
//! ```
//!
//! A room expires when nobody has joined or changed it for 10 minutes, and after 24 hours at
//! most. Create it again when you get [`RoomError::NotFound`](hub::RoomError::NotFound), or set
//! [`room_ttl`](HubConfig::room_ttl) and [`room_max_age`](HubConfig::room_max_age), or give one
//! room its own lifetime with [`Hub::create_with`]. Its logic can [keep a
//! result](core::Logic::keepsake), which [`Hub::keepsake`] reads even after the room is gone.
//!
//! Your handler must check who may connect (origin, rate, login) before it passes on the
//! [`Upgrade`](upgrade::Upgrade). If it knows its users, [`Hub::upgrade_as`] seats them under
//! their names and with their roles. [`Hub::dismiss`] and [`Hub::close`] send members away.
//! [`Hub::journal`], [`Hub::inspect`] and [`Hub::history`] tell an operator what goes on.
//! `axum::serve` sets no deadline for a slow request; on the public internet put a proxy in
//! front, or use the accept loop of the crate `tablecast-http`.
//!
//! Some networks let no WebSocket through. [`Hub::events`] answers with a stream of events instead,
//! and [`Hub::post`] takes what such a client says, on any node: see [`sse`].
//!
//! # Use a channel alone
//!
//! Without rooms, state or order across processes: a chat, a relay, a news ticker. A
//! [`Channel`](channel::Channel) knows only outboxes; joining returns a guard, and dropping
//! the guard leaves. A member that does not read delays nobody: frames that its socket does
//! not take wait in its own outbox, and at the outbox's limit the connection is closed.
//!
//! ```
//! use std::sync::Arc;
//!
//! use axum::extract::State;
//! use axum::response::Response;
//! use axum::{Router, routing::get};
//! use tablecast::ConnectionConfig;
//! use tablecast::channel::Channel;
//! use tablecast::codec::Frame;
//! use tablecast::connection::Message;
//! use tablecast::upgrade::Upgrade;
//!
//! async fn join(State(channel): State<Arc<Channel>>, upgrade: Upgrade) -> Response {
//!     upgrade.accept(ConnectionConfig::default(), |mut connection| async move {
//!         let _seat = channel.join(connection.outbox().clone());
//!         while let Some(message) = connection.recv().await {
//!             if let Message::Text(text) = message {
//!                 channel.broadcast(Frame::text(&text));
//!             }
//!         }
//!     })
//! }
//!
//! let channel = Channel::new();
//! let router: Router = Router::new().route("/ws", get(join)).with_state(channel.clone());
//! assert!(channel.is_empty());
//! # drop(router);
//! ```
//!
//! With thousands of busy rooms a worker of tokio's runtime may let some rooms wait much
//! longer than others. With `runtime::Builder::event_interval(16 * 1024)` it runs all ready
//! tasks before it looks for more, as in the example `relay`.
//!
//! # Test
//!
//! The crate `tablecast-testing` has a WebSocket client (`client`), a backend that
//! fails as and when a test asks (`faulty`), and the contract that a backend of
//! your own must pass (`contract`).
//!
//! ```
//! # use serde::{Deserialize, Serialize};
//! # use tablecast::core::MemberId;
//! # use tablecast::core::logic::{Logic, Context, Rejection};
//! # use axum::extract::State;
//! # use axum::response::Response;
//! # use axum::{Router, routing::get};
//! # use tablecast::hub::RoomError;
//! # use tablecast::upgrade::Upgrade;
//! # use tablecast::{App, Hub, HubConfig, MemoryBackend};
//! # #[derive(Clone, Default, Serialize, Deserialize)]
//! # struct Counter { value: u32 }
//! # #[derive(Clone, Copy, Serialize, Deserialize)]
//! # #[serde(rename_all = "snake_case")]
//! # enum Step { Up {} }
//! # impl Logic for Counter {
//! #     type Command = Step;
//! #     type Event = Step;
//! #     fn decide(&self, _: &Context<'_>, step: &Step) -> Result<Vec<Step>, Rejection> { Ok(vec![*step]) }
//! #     fn apply(&mut self, _: Option<MemberId>, _: &Step) { self.value += 1; }
//! # }
//! # impl App for Counter {}
//! # async fn join(State(hub): State<Hub<Counter>>, upgrade: Upgrade) -> Result<Response, RoomError> {
//! #     hub.upgrade(upgrade, "lobby").await
//! # }
//! # async fn test() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//! use tablecast_testing::FaultyBackend;
//! use tablecast_testing::client::Client;
//!
//! let backend = FaultyBackend::new(Arc::new(MemoryBackend::new()));
//! let faults = backend.faults();
//! let hub = Hub::start(Arc::new(backend), HubConfig::default());
//! hub.create("lobby".parse()?, Counter::default()).await?;
//! let router = Router::new().route("/ws", get(join)).with_state(hub);
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! let address = listener.local_addr()?;
//! tokio::spawn(async move { axum::serve(listener, router).await });
//!
//! let mut member = Client::connect_json(address, "/ws").await?;
//! member.send_text(r#"{"join":{"name":"Mina"}}"#).await?;
//! assert_eq!(member.next_json().await?["hello"]["state"]["value"], 0);
//! member.send_text(r#"{"id":1,"up":{}}"#).await?;
//! assert_eq!(member.next_json().await?["ack"]["id"], 1);
//! assert_eq!(member.next_json().await?["event"]["change"]["up"], serde_json::json!({}));
//!
//! // The store goes away: the members are told.
//! faults.down("somebody pulled the plug");
//! assert_eq!(member.next_json().await?["status"]["store"], "down");
//! # Ok(())
//! # }
//! # tokio::runtime::Runtime::new().unwrap().block_on(test()).unwrap();
//! ```
// The print macros panic if stderr cannot be written.
#![warn(clippy::print_stderr)]

pub mod channel;
mod clock;
pub mod codec;
pub mod config;
pub mod connection;
pub mod dialect;
mod error;
mod fence;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
pub mod hub;
mod identity;
pub mod inspect;
pub mod journal;
pub mod memory;
pub mod metrics;
mod node;
pub mod outbox;
mod peer;
mod room_task;
mod session;
pub mod sse;
mod sync;
pub mod upgrade;
mod view;

pub use config::{ConnectionConfig, HubConfig, OutboxLimits};
pub use hub::Hub;
pub use identity::Identity;
pub use memory::MemoryBackend;
pub use tablecast_core as core;
pub use tablecast_core::app::{self, App};
