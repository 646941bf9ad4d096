//! A tab of a browser: one connection after the other to one room.

use std::time::Duration;

use serde_json::{Value, json};
use tablecast::core::{MemberId, PersonKey};
use tablecast_testing::client::{Client, ClientError, Said};
use tokio::time::{Instant, timeout};

use super::world::{SLACK, World, age};
use crate::support::rooms::connect_in_memory;

/// Longer than anything that is ready takes, since paused time moves only when nothing
/// else does.
const A_MOMENT: Duration = Duration::from_millis(1);

/// A connection, and its node.
struct Line {
    client: Client,
    node: usize,
}

/// A vote without an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    id: u64,
    pub(crate) item: u64,
    pub(crate) on: bool,
    is_said: bool,
}

/// What the person of a tab is told.
pub(crate) enum News {
    /// The vote was taken.
    Voted { item: u64, on: bool, seq: u64 },
    /// The whole state, in which the tab's member votes for these items, and what the tab had asked
    /// for then. What other tabs had said has happened before it or never will.
    Whole {
        votes: Vec<u64>,
        seq: u64,
        asked: Option<Asked>,
    },
    /// The seat is lost, and nobody can say whose it was.
    Nobody,
    /// A newer connection has the seat.
    TakenOver,
}

/// How the connection before the present one ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lost {
    pub(crate) at: Instant,
    /// The client said goodbye.
    pub(crate) for_good: bool,
}

#[derive(Default)]
pub(crate) struct Tab {
    key: Option<PersonKey>,
    line: Option<Line>,
    /// Nothing came yet on this connection.
    is_pending: bool,
    /// When connections of it were cut before the server had answered. They may have got what they
    /// had asked for.
    ghosts: Vec<Instant>,
    pub(crate) lost: Option<Lost>,
    /// The seat's secret, if it is not void.
    seat: Option<String>,
    you: Option<MemberId>,
    known: Value,
    next_id: u64,
    pub(crate) asked: Option<Asked>,
    /// All that was ever said to it.
    pub(crate) heard: Vec<(Option<MemberId>, Value)>,
    /// Every secret that it was given.
    pub(crate) secrets: Vec<String>,
}

impl Tab {
    pub(crate) fn new(key: Option<PersonKey>) -> Tab {
        Tab {
            key,
            next_id: 1,
            ..Tab::default()
        }
    }

    /// The member whose seat it has, as far as it knows.
    pub(crate) fn member(&self) -> Option<MemberId> {
        self.you
    }

    pub(crate) fn is_seated(&self) -> bool {
        self.line.is_some() && !self.is_pending
    }

    /// Whether the server may give it a seat that it does not know of.
    pub(crate) fn is_pending(&self) -> bool {
        self.line.is_some() && self.is_pending
    }

    /// How many seats it may have been given within this time without being told.
    pub(crate) fn unknown_seats(&self, within: Duration) -> usize {
        let recent = self.ghosts.iter().filter(|ghost| age(**ghost) < within);
        recent.count() + usize::from(self.is_pending())
    }

    /// Whether it is there, or was so shortly before that the server may not know. `now` is when
    /// somebody looked last.
    pub(crate) fn may_have_a_seat(&self, now: Instant) -> bool {
        let is_recent = |lost: Lost| now.duration_since(lost.at) < SLACK;
        self.line.is_some() || self.lost.is_some_and(is_recent)
    }

    pub(crate) fn is_on(&self, node: usize) -> bool {
        self.line.as_ref().is_some_and(|line| line.node == node)
    }

    /// The connection ends without a word: the phone is locked, or the tab is discarded.
    pub(crate) fn cut(&mut self) {
        self.lose(false);
    }

    pub(crate) async fn leave(&mut self) {
        if let Some(line) = &mut self.line {
            let _ = line.client.send_close(1000).await;
            self.lose(true);
        }
    }

    fn lose(&mut self, for_good: bool) {
        if self.line.take().is_some() {
            self.ghosts.extend(self.is_pending.then(Instant::now));
            self.lost = Some(Lost {
                at: Instant::now(),
                for_good,
            });
        }
    }

    /// Connects to a node, to the seat that it had if there is one.
    pub(crate) async fn connect(&mut self, world: &World, node: usize) {
        self.cut();
        if let Some(asked) = &mut self.asked {
            asked.is_said = false;
        }
        let person = self.key.map(|key| format!("{:032x}", key.0));
        let first = match &self.seat {
            None => json!({"join": {"person": person}}),
            Some(seat) => {
                let (epoch, seq) = (&self.known["epoch"], &self.known["seq"]);
                json!({"resume": {"seat": seat, "epoch": epoch, "seq": seq, "person": person}})
            }
        };
        let stream = connect_in_memory(world.hub(node), "r").await;
        let mut client = Client::over(stream);
        client.set_deadline(A_MOMENT);
        client.send_text(&first.to_string()).await.unwrap();
        self.line = Some(Line { client, node });
        self.is_pending = true;
    }

    /// Votes, unless an earlier vote waits for its answer; that is said again.
    pub(crate) async fn vote(&mut self, item: u64, on: bool) {
        if self.asked.is_none() {
            self.asked = Some(Asked {
                id: self.next_id,
                item,
                on,
                is_said: false,
            });
            self.next_id += 1;
        }
        self.say().await;
    }

    /// Says what was not said on this connection.
    pub(crate) async fn say(&mut self) {
        let (Some(asked), Some(line)) = (&mut self.asked, &mut self.line) else {
            return;
        };
        if !self.is_pending && !std::mem::replace(&mut asked.is_said, true) {
            let vote = json!({"number": asked.item, "on": asked.on});
            let said = json!({"id": asked.id, "vote": vote}).to_string();
            // A connection that has ended says so when it is read.
            let _ = line.client.send_text(&said).await;
        }
    }

    /// Reads all that has come.
    pub(crate) async fn hear(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        while let Some(line) = &mut self.line {
            match timeout(A_MOMENT, line.client.next()).await {
                Ok(Ok(Said::Text(text))) => {
                    let said: Value = serde_json::from_str(&text).unwrap();
                    news.extend(self.understand(&said));
                    self.heard.push((self.you, said));
                }
                Ok(Ok(Said::Ping(_) | Said::Pong(_))) => {}
                Ok(Ok(Said::Close(code))) => {
                    self.lose(false);
                    match code {
                        // Somebody without a key is somebody new next time.
                        Some(4401) => {
                            self.seat = None;
                            self.you = None;
                            self.asked = None;
                            news.push(News::Nobody);
                        }
                        Some(4409) => news.push(News::TakenOver),
                        _ => {}
                    }
                }
                Ok(Ok(Said::End) | Err(ClientError::Io(_))) => self.lose(false),
                Ok(Ok(other)) => panic!("{other:?}"),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        self.say().await;
        news
    }

    fn understand(&mut self, said: &Value) -> Option<News> {
        let asked = self.asked;
        if let Some(hello) = said.get("hello") {
            self.is_pending = false;
            let seat = hello["seat"].as_str().unwrap().to_owned();
            if self.seat.as_ref() != Some(&seat) {
                // Commands are counted anew, and what became of the last one is in the state.
                self.secrets.push(seat.clone());
                self.seat = Some(seat);
                self.next_id = 1;
                self.asked = None;
            }
            self.you = hello["you"].as_u64().map(MemberId);
            return (hello["resumed"] == false).then(|| self.replace(hello, asked))?;
        }
        if let Some(snapshot) = said.get("snapshot") {
            return self.replace(snapshot, asked);
        }
        if let Some(event) = said.get("event") {
            self.known["seq"] = event["seq"].clone();
            let voted = &event["change"]["voted"];
            // Where votes are hidden, it does not say for what, and a state follows.
            if event["by"].as_u64().map(MemberId) == self.you && self.you.is_some() {
                let (item, seq) = (voted["number"].as_u64()?, event["seq"].as_u64()?);
                let on = voted["on"] == true;
                return Some(News::Voted { item, on, seq });
            }
        } else if let Some(ack) = said.get("ack") {
            // A newer tab may have been told the whole state already.
            let asked = self.asked.take_if(|asked| ack["id"] == asked.id)?;
            let (item, on, seq) = (asked.item, asked.on, ack["seq"].as_u64()?);
            return Some(News::Voted { item, on, seq });
        } else if let Some(error) = said.get("error") {
            match error["code"].as_str() {
                Some("unavailable") => self.asked.as_mut()?.is_said = false,
                Some("no_seat") => {}
                _ => panic!("{said}"),
            }
        }
        None
    }

    fn replace(&mut self, whole: &Value, asked: Option<Asked>) -> Option<News> {
        self.known = json!({"epoch": whole["epoch"], "seq": whole["seq"]});
        let votes = votes_of(self.you, &whole["state"]);
        let seq = whole["seq"].as_u64()?;
        Some(News::Whole { votes, seq, asked })
    }
}

/// The items for which this member votes in what somebody sees.
pub(crate) fn votes_of(member: Option<MemberId>, state: &Value) -> Vec<u64> {
    let items = state["items"].as_array().into_iter().flatten();
    let its = items.filter(|item| {
        let mut votes = item["votes"].as_array().into_iter().flatten();
        votes.any(|vote| vote.as_u64().map(MemberId) == member)
    });
    its.map(|item| item["number"].as_u64().unwrap()).collect()
}
