//! The client over real sockets, in a room that is no lunch table.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::routing::get;
use axum::{Router, response::Response};
use serde::{Deserialize, Serialize};
use tablecast::core::logic::{Context, Logic, Rejection};
use tablecast::{App, Hub, HubConfig, MemoryBackend, hub::RoomError, upgrade::Upgrade};
use tablecast_client::protocol::{CloseReason, MemberId, client::Join};
use tablecast_client::{Application, Client, Notification, Reason, Status, Who};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Only a failing test needs as much.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Counter(i64);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Add(i64),
    /// Added to the server later than [`Older`] was made.
    Double {},
}

impl Logic for Counter {
    type Command = Step;
    type Event = Step;

    fn decide(&self, _by: &Context<'_>, step: &Step) -> Result<Vec<Step>, Rejection> {
        match step {
            Step::Add(0) => Err(Rejection::new("nothing", "that changes nothing")),
            step => Ok(vec![step.clone()]),
        }
    }

    fn apply(&mut self, _by: Option<MemberId>, step: &Step) {
        match step {
            Step::Add(number) => self.0 += number,
            Step::Double {} => self.0 *= 2,
        }
    }
}

impl App for Counter {
    const VERSION: u32 = 2;

    fn text_command(_: &str) -> Result<Step, Rejection> {
        Err(Rejection::new("bad_command", "speak JSON"))
    }
}

impl Application for Counter {
    type State = Counter;
    type Event = Step;
    type Command = Step;
    type News = Step;

    fn apply(state: &mut Counter, by: Option<MemberId>, step: Step) -> Option<Step> {
        Logic::apply(state, by, &step);
        Some(step)
    }
}

/// A client that can only add.
struct Older;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum OlderStep {
    Add(i64),
}

impl Application for Older {
    type State = Counter;
    type Event = OlderStep;
    type Command = OlderStep;
    type News = OlderStep;

    fn apply(
        state: &mut Counter,
        _: Option<MemberId>,
        OlderStep::Add(number): OlderStep,
    ) -> Option<OlderStep> {
        state.0 += number;
        Some(OlderStep::Add(number))
    }
}

async fn join(State(hub): State<Hub<Counter>>, upgrade: Upgrade) -> Result<Response, RoomError> {
    hub.upgrade(upgrade, "counter").await
}

/// A server with one room: the address of its socket.
async fn server() -> (Hub<Counter>, String) {
    let hub = Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default());
    let room = "counter".parse().unwrap();
    hub.create(room, Counter::default()).await.unwrap();
    let router = Router::new()
        .route("/here", get(join))
        .with_state(hub.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/here", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (hub, address)
}

fn client_of<A: Application>(app: A, address: &str, name: &str) -> Client<A> {
    let name = Some(name.to_owned());
    let who = Join {
        name,
        ..Join::default()
    };
    Client::new(app, address.parse().unwrap(), who).unwrap()
}

fn client(address: &str, name: &str) -> Client<Counter> {
    client_of(Counter(0), address, name)
}

/// Lets the client go on until this holds: what it told meanwhile.
async fn until<A: Application>(
    client: &mut Client<A>,
    holds: impl Fn(&Client<A>) -> bool,
) -> Vec<Notification<A::News, A::Command>> {
    let mut told = Vec::new();
    let all = async {
        while !holds(client) {
            client.changed().await;
            told.extend(client.session.notifications());
        }
    };
    timeout(DEADLINE, all).await.unwrap();
    told
}

fn count<A: Application<State = Counter>>(client: &Client<A>) -> Option<i64> {
    client.session.room().map(|room| room.state.0)
}

#[tokio::test]
async fn what_one_member_asks_for_all_see_and_a_refusal_is_told() {
    let (_hub, address) = server().await;
    let mut mina = client(&address, "Mina");
    let mut juno = client(&address, "Juno");
    until(&mut juno, |juno| count(juno) == Some(0)).await;
    for number in [1, 0, 2] {
        mina.send(Step::Add(number));
    }
    let told = until(&mut mina, |mina| mina.session.is_settled()).await;
    assert_eq!(count(&mina), Some(3));
    let refused = |told: &Notification<_, _>| matches!(told, Notification::Refused(refusal, _) if refusal.code == "nothing");
    assert!(told.iter().any(refused), "{told:?}");
    let told = until(&mut juno, |juno| count(juno) == Some(3)).await;
    let mina_is = Who::Other("Mina".to_owned());
    let expected = [
        Notification::Joined(mina_is.clone()),
        Notification::Change(Some(mina_is.clone()), Step::Add(1)),
        Notification::Change(Some(mina_is.clone()), Step::Add(2)),
    ];
    assert_eq!(told, expected);
    mina.close().await;
    let left = |juno: &Client<Counter>| juno.session.room().unwrap().members.len() == 1;
    assert_eq!(until(&mut juno, left).await, [Notification::Left(mina_is)]);
}

#[tokio::test]
async fn a_client_that_does_not_know_an_event_says_so_and_is_right_again() {
    let (_hub, address) = server().await;
    let mut mina = client_of(Older, &address, "Mina");
    mina.send(OlderStep::Add(3));
    until(&mut mina, |mina| mina.session.is_settled()).await;
    let mut juno = client(&address, "Juno");
    juno.send(Step::Double {});
    until(&mut juno, |juno| juno.session.is_settled()).await;
    let told = until(&mut mina, |mina| count(mina) == Some(6)).await;
    let is_told = |told: &Notification<_, _>| matches!(told, Notification::Outdated(version) if version.app == 2);
    assert!(told.iter().any(is_told), "{told:?}");
    mina.send(OlderStep::Add(1));
    until(&mut mina, |mina| mina.session.is_settled()).await;
    until(&mut juno, |juno| count(juno) == Some(7)).await;
    assert_eq!(
        juno.session.room().unwrap().members.len(),
        2,
        "in the same seat"
    );
}

#[tokio::test]
async fn a_room_that_is_not_there_and_one_that_was_left_have_ended() {
    let (_hub, address) = server().await;
    let has_ended = |client: &Client<Counter>| matches!(client.session.status(), Status::Ended(_));
    let mut nowhere = client(&address.replace("/here", "/there"), "Mina");
    until(&mut nowhere, has_ended).await;
    let reason = Reason::Closed(CloseReason::NoSuchRoom);
    assert_eq!(nowhere.session.status(), Status::Ended(reason));
    let mut mina = client(&address, "Mina");
    until(&mut mina, |mina| mina.session.is_settled()).await;
    mina.close().await;
    let reason = Reason::Closed(CloseReason::Left);
    assert_eq!(mina.session.status(), Status::Ended(reason));
}
