//! A session and the network around it.

use std::time::Duration;

use futures_util::future::OptionFuture;
use tablecast_protocol::client::{Join, Request};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::application::Application;
use crate::clock::now;
use crate::entropy::Entropy;
use crate::net::connection::Connection;
use crate::session::{Effect, Incoming, Session};

/// How long a goodbye may take to be answered.
const GOODBYE: Duration = Duration::from_secs(2);

/// A seat in a room. Dropping it cuts the connection, and the server keeps the seat for a while;
/// [`Client::close`] gives the seat up.
pub struct Client<A: Application> {
    /// What is known of the room, and what is asked of it.
    pub session: Session<A>,
    url: Url,
    connection: Option<Connection>,
}

impl<A: Application> Client<A> {
    /// A client for the room whose socket is there (`ws` or `wss`). It connects when
    /// [`Client::changed`] is called.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new(app: A, url: Url, who: Join) -> Result<Self, getrandom::Error> {
        // Once they are there, they do not fail any more; without them nothing here is safe.
        getrandom::fill(&mut [0])?;
        let fill = |bytes: &mut [u8]| getrandom::fill(bytes).unwrap_or_else(|e| panic!("{e}"));
        Ok(Client {
            session: Session::new(app, who, Entropy::new(fill)),
            url,
            connection: None,
        })
    }

    /// Asks for something; it is kept until there is an answer, and applied once.
    pub fn send(&mut self, request: impl Into<Request<A::Command>>) {
        self.session.send(request, now());
    }

    /// Connects, sends and waits until something has happened. Only in this call the room changes.
    /// When the session has ended, it never returns. Cancel safe.
    pub async fn changed(&mut self) {
        self.act();
        let at = self.session.next_at();
        let wait = at.map(|at| Duration::from_millis(at.saturating_sub(now())));
        let heard = OptionFuture::from(self.connection.as_mut().map(Connection::next));
        let clock = OptionFuture::from(wait.map(sleep));
        tokio::select! {
            Some(heard) = heard => {
                if matches!(heard, Incoming::Closed(_) | Incoming::Failed(_)) {
                    self.connection = None;
                }
                self.session.hear(heard, now());
            }
            Some(()) = clock => self.session.tick(now()),
            else => std::future::pending().await,
        }
    }

    /// Leaves the room: the seat is given up. Waits up to 2 s for the server to hear it.
    pub async fn close(&mut self) {
        self.session.close();
        self.act();
        if let Some(mut connection) = self.connection.take() {
            // Also without an answer the room is left.
            let _ = timeout(GOODBYE, connection.closed()).await;
        }
    }

    fn act(&mut self) {
        for effect in self.session.effects() {
            match (effect, &self.connection) {
                (Effect::Open, _) => {
                    let connection = Connection::open(&self.url, A::socket_path);
                    self.connection = Some(connection);
                }
                (Effect::Drop, _) => self.connection = None,
                (Effect::Send(outgoing), Some(connection)) => connection.send(outgoing),
                (Effect::Send(_), None) => {}
            }
        }
    }
}
