//! A Redis server, or what has taken its place, that answers whatever it likes.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use parking_lot::Mutex;
use tablecast_core::backend::{
    BackendError, Commit, Committed, Listener, Loaded, NewRoom, Publication,
};
use tablecast_core::position::{Epoch, Position};
use tablecast_core::stored::Record;
use tablecast_core::{Backend, Forms, NodeId, RoomId};
use tablecast_redis::RedisBackend;
use tablecast_redis::fuzzing::serve;
use tokio::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, duplex, split,
};
use tokio::time::timeout;

/// Between two answers of the input.
const CUT: &[u8] = b"\n--\n";

/// More than any command may take: the backend gives each a second.
const HANG: Duration = Duration::from_secs(60);

/// What a healthy server says to what it is asked besides: one for each name.
const USUAL: [(&str, &str); 4] = [
    ("INFO", "run_id:a\r\nmaster_replid:b\r\nrole:master\r\n"),
    ("PING", "PONG"),
    ("HELLO", "OK"),
    ("CLIENT", "OK"),
];

const POSITION: Position = Position {
    epoch: Epoch(0xab),
    seq: 5,
};

/// The lowest bits of the first byte say what is asked of the server and how it behaves; the rest
/// are its answers. When there are no more, it ends the connection, or is silent.
///
/// # Panics
/// The backend does not answer, one of its tasks has ended, or it takes for a history what is
/// none.
pub fn check(input: &[u8]) {
    let Some((first, answers)) = input.split_first() else {
        return;
    };
    let server = Arc::new(Server {
        answers: Mutex::new(parts(answers)),
        answers_all: first & 16 != 0,
        is_silent: first & 32 != 0,
    });
    // How long it waits before it tries again is random.
    fastrand::seed(7);
    let url = match first & 8 {
        0 => "redis://server",
        _ => "redis-cluster://server",
    };
    crate::run(async move {
        serve(move || server.connect());
        let backend = match RedisBackend::connect(url) {
            Ok(backend) => backend,
            Err(error) => panic!("{error}"),
        };
        let mut health = backend.health();
        if timeout(HANG, ask(&backend, first & 7)).await.is_err() {
            panic!("the backend hangs");
        }
        while let Some(told) = health.next().now_or_never() {
            assert!(told.is_some(), "a task of the backend has ended");
        }
    });
}

/// The answers of the input.
fn parts(mut answers: &[u8]) -> VecDeque<Vec<u8>> {
    let mut parts = VecDeque::new();
    while let Some(end) = answers.windows(CUT.len()).position(|it| it == CUT) {
        parts.push_back(answers[..end].to_vec());
        answers = &answers[end + CUT.len()..];
    }
    parts.push_back(answers.to_vec());
    parts
}

async fn ask(backend: &RedisBackend, what: u8) {
    let room: RoomId = named("r");
    let node: NodeId = named("n");
    let minute = Duration::from_secs(60);
    match what {
        0 => {
            let new = NewRoom {
                snapshot: Bytes::from_static(b"{}"),
                ttl: minute,
                max_age: minute,
                alarm: None,
            };
            told(backend.create(&room, new).await);
        }
        1 => {
            if let Some(Some(loaded)) = told(backend.load(&room, None).await) {
                assert!(loaded.snapshot.is_some(), "a room without a state");
                leads(&loaded, 0);
            }
        }
        2 => {
            if let Some(Some(loaded)) = told(backend.load(&room, Some(POSITION)).await) {
                leads(&loaded, POSITION.seq);
            }
        }
        3 => {
            let commit = Commit {
                expected: POSITION,
                events: vec![Record::from(Bytes::from_static(b"{}"))],
                snapshot: None,
                extend: None,
                keepsake: None,
                alarm: None,
            };
            if let Some(Committed::Conflict(loaded)) = told(backend.commit(&room, commit).await) {
                leads(&loaded, POSITION.seq);
            }
        }
        4 => {
            told(backend.keepsake(&room).await);
        }
        5 => {
            told(backend.renew(&node, Forms::FIRST, minute).await);
        }
        _ => {
            let heard = Arc::new(Heard::default());
            let (_watch, begun) = backend.watch(&room, Arc::clone(&heard) as Arc<dyn Listener>);
            told(begun.await);
            told(backend.release(&node).await);
            // sleep: the clock is not a real one
            tokio::time::sleep(minute / 12).await;
            for publication in &*heard.0.lock() {
                assert!(publication.first > 0 && !publication.events.is_empty());
            }
        }
    }
}

/// The events lead to the newest one, from the snapshot or from what was known.
fn leads(loaded: &Loaded, known: u64) {
    let from = loaded.snapshot.as_ref().map_or(known, |it| it.seq);
    let newest = loaded.position.seq;
    let seqs: Vec<u64> = loaded.events.iter().map(|event| event.seq).collect();
    for pair in seqs.windows(2) {
        assert_eq!(pair[0].checked_add(1), Some(pair[1]), "{seqs:?}");
    }
    match (seqs.first(), seqs.last()) {
        (Some(first), Some(last)) => {
            assert!(
                *first <= from.saturating_add(1) && *last == newest,
                "{seqs:?}"
            );
            assert!(loaded.snapshot.is_some() || *first == from.saturating_add(1));
        }
        _ => assert_eq!(from, newest, "events are missing"),
    }
}

/// The answer; an error must say something.
fn told<T>(answer: Result<T, BackendError>) -> Option<T> {
    if let Err(error) = &answer {
        assert!(!error.to_string().is_empty());
    }
    answer.ok()
}

fn named<T: std::str::FromStr<Err: std::fmt::Display>>(name: &str) -> T {
    match name.parse() {
        Ok(id) => id,
        Err(error) => panic!("{error}"),
    }
}

/// The publications that were heard.
#[derive(Default)]
struct Heard(Mutex<Vec<Publication>>);

impl Listener for Heard {
    fn published(&self, publication: Publication) {
        self.0.lock().push(publication);
    }

    fn missed(&self) {}
}

struct Server {
    /// The answers that were not given yet.
    answers: Mutex<VecDeque<Vec<u8>>>,
    /// Whether they are for everything it is asked; else only for what concerns a room.
    answers_all: bool,
    /// Whether it stays without a word after them, instead of going away.
    is_silent: bool,
}

impl Server {
    fn connect(self: &Arc<Self>) -> io::Result<DuplexStream> {
        if self.answers.lock().is_empty() && !self.is_silent {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let (client, here) = duplex(64 * 1024);
        tokio::spawn(Arc::clone(self).answer(here));
        Ok(client)
    }

    async fn answer(self: Arc<Self>, stream: DuplexStream) {
        let (from, mut to) = split(stream);
        let mut from = BufReader::new(from);
        while let Some(command) = command(&mut from).await {
            let Some(answer) = self.answer_to(&command) else {
                if self.is_silent {
                    continue;
                }
                return;
            };
            if to.write_all(&answer).await.is_err() {
                return;
            }
        }
    }

    /// The answer to a command; none, if there are no more.
    fn answer_to(&self, command: &[String]) -> Option<Vec<u8>> {
        let name = command.first().map_or("", String::as_str);
        let next = || self.answers.lock().pop_front();
        let is_check = command.iter().any(|word| word.contains("check:"));
        let usual = USUAL.iter().find(|(usual, _)| *usual == name);
        match (name, usual) {
            _ if self.answers_all && name != "CLIENT" => next(),
            (_, Some((_, text))) => Some(format!("${}\r\n{text}\r\n", text.len()).into_bytes()),
            ("EVAL" | "EVALSHA", None) if is_check => Some(b":1\r\n".to_vec()),
            ("CLUSTER", None) => {
                let slots = "*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$6\r\nserver\r\n:6379\r\n";
                Some(slots.into())
            }
            ("SUBSCRIBE" | "SSUBSCRIBE", None) => {
                let channel = command.get(1)?;
                let kind = name.to_ascii_lowercase();
                let mut answer = format!(
                    ">3\r\n${}\r\n{kind}\r\n${}\r\n{channel}\r\n:1\r\n",
                    kind.len(),
                    channel.len()
                )
                .into_bytes();
                answer.extend(next().unwrap_or_default());
                Some(answer)
            }
            _ => next(),
        }
    }
}

/// The words of the next command.
async fn command(from: &mut BufReader<ReadHalf<DuplexStream>>) -> Option<Vec<String>> {
    let mut words = Vec::new();
    for _ in 0..number(from).await? {
        let mut word = vec![0; number(from).await? + 2];
        from.read_exact(&mut word).await.ok()?;
        words.push(String::from_utf8_lossy(&word).trim_end().to_owned());
    }
    Some(words)
}

/// The number of a line after its first character.
async fn number(from: &mut BufReader<ReadHalf<DuplexStream>>) -> Option<usize> {
    let mut line = String::new();
    from.read_line(&mut line).await.ok()?;
    line.get(1..)?.trim().parse().ok()
}
