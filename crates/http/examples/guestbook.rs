//! Guest books that many people write into at once, on a server that is fit for the public internet.
//!
//! `cargo run -p tablecast-http --example guestbook`, then `curl -X POST
//! http://127.0.0.1:8000/book` for a book's id, and `websocat ws://127.0.0.1:8000/book/ID`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::{Router, routing};
use serde::{Deserialize, Serialize};
use tablecast::core::limits::Rate;
use tablecast::core::logic::{Context, Logic, Rejection};
use tablecast::core::{MemberId, RoomId};
use tablecast::{App, Hub, HubConfig, MemoryBackend, upgrade::Upgrade};
use tablecast_http::{Client, HeadGuard, PerAddress, Problem, Site, origin, reason};
use tokio_util::sync::CancellationToken;

/// The most entries of a book.
const PAGES: usize = 100;

#[derive(Clone, Default, Serialize, Deserialize)]
struct Book(Vec<String>);

#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Entry {
    Write(String),
}

impl Logic for Book {
    type Command = Entry;
    type Event = Entry;

    fn decide(&self, _by: &Context<'_>, entry: &Entry) -> Result<Vec<Entry>, Rejection> {
        match self.0.len() < PAGES {
            true => Ok(vec![entry.clone()]),
            false => Err(Rejection::new("book_full", "the book has 100 entries")),
        }
    }

    fn apply(&mut self, _by: Option<MemberId>, Entry::Write(text): &Entry) {
        self.0.push(text.clone());
    }
}

impl App for Book {
    fn text_command(line: &str) -> Result<Entry, Rejection> {
        Ok(Entry::Write(line.trim_end().to_owned()))
    }
}

struct Books {
    hub: Hub<Book>,
    /// How often one address may make a book.
    made: PerAddress,
}

impl Site for Books {
    fn is_draining(&self) -> bool {
        self.hub.is_draining()
    }
}

async fn make(State(books): State<Arc<Books>>, client: Client) -> Result<String, Problem> {
    let made = books.made.take(client.0);
    made.map_err(|wait| Problem::too_many("too many books from this address", wait))?;
    let unavailable = |error: String| Problem::new(reason::INTERNAL, error);
    // Whoever has the id may write, so it must not be guessed.
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| unavailable(error.to_string()))?;
    let id = format!("{:032x}", u128::from_ne_bytes(random));
    let room: RoomId = id.parse().map_err(|_| unavailable("no id".to_owned()))?;
    let created = books.hub.create(room, Book::default()).await;
    created.map_err(|error| unavailable(error.to_string()))?;
    Ok(format!("{id}\n"))
}

async fn open(
    State(books): State<Arc<Books>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    client: Client,
    upgrade: Upgrade,
) -> Result<Response, Problem> {
    if !origin::is_allowed(&headers, &[]) {
        let detail = "only pages of this server may connect";
        return Err(Problem::new(reason::FOREIGN_ORIGIN, detail));
    }
    let upgrade = upgrade.over::<HeadGuard>().from_client(client.0);
    let opened = books.hub.upgrade(upgrade, &id).await;
    opened.map_err(|error| Problem::new(reason::NOT_FOUND, error.to_string()))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let books = Arc::new(Books {
        hub: Hub::start(Arc::new(MemoryBackend::new()), HubConfig::default()),
        made: PerAddress::new(Rate {
            per_second: 0.1,
            burst: 10,
        }),
    });
    let router = Router::new()
        .route("/book", routing::post(make))
        .route("/book/{id}", routing::get(open))
        .with_state(books.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8000").await?;
    let stop = CancellationToken::new();
    let serving = tokio::spawn(tablecast_http::serve(
        listener,
        router,
        books.clone(),
        stop.clone(),
    ));
    tokio::signal::ctrl_c().await?;
    books.hub.drain(std::time::Duration::from_secs(5)).await;
    stop.cancel();
    Ok(serving.await?)
}
