//! Commands of one turn of the runtime, written together.
//!
//! redis-rs writes a command as soon as it has it, since its task is woken by the
//! first one and runs before whoever would send the next: a write, and a wake of
//! Redis, for each commit. Here commands gather until all that is ready has run,
//! and go out as one pipeline.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value};
use tokio::sync::{mpsc, oneshot};

/// Commands that may wait to be sent; more wait outside, each under its own
/// deadline.
const WAITING: usize = 1024;

/// Commands in one pipeline, which is answered as a whole: few enough that the
/// answers to large loads are not kept for long, enough that a further one would
/// not make a command cheaper.
const TOGETHER: usize = 64;

/// The way in. Dropping all of its clones ends what [`turns`] has started.
#[derive(Clone)]
pub(crate) struct Turns(mpsc::Sender<Waiting>);

struct Waiting {
    command: Cmd,
    answer: oneshot::Sender<RedisResult<Value>>,
}

/// Starts to send commands over a connection.
pub(crate) fn turns(connection: MultiplexedConnection) -> Turns {
    let (sender, waiting) = mpsc::channel(WAITING);
    tokio::spawn(send_all(connection, waiting));
    Turns(sender)
}

impl Turns {
    /// Sends a command at the end of this turn, and waits for its answer.
    pub(crate) async fn send(&self, command: Cmd) -> RedisResult<Value> {
        let (answer, answered) = oneshot::channel();
        let sent = self.0.send(Waiting { command, answer }).await;
        sent.map_err(|_| ended())?;
        answered.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> RedisError {
    RedisError::from((ErrorKind::Io, "the connection ended"))
}

async fn send_all(connection: MultiplexedConnection, mut waiting: mpsc::Receiver<Waiting>) {
    let mut turn = Vec::new();
    let mut sent = FuturesUnordered::new();
    loop {
        tokio::select! {
            Some(()) = sent.next() => {}
            count = waiting.recv_many(&mut turn, WAITING) => {
                if count == 0 {
                    return;
                }
                tokio::task::yield_now().await;
                while let Ok(next) = waiting.try_recv() {
                    turn.push(next);
                }
                while !turn.is_empty() {
                    let later = turn.split_off(turn.len().min(TOGETHER));
                    let now = std::mem::replace(&mut turn, later);
                    sent.push(send_together(connection.clone(), now));
                }
            }
        }
    }
}

async fn send_together(mut connection: MultiplexedConnection, turn: Vec<Waiting>) {
    let mut pipeline = Pipeline::with_capacity(turn.len());
    let mut askers = Vec::with_capacity(turn.len());
    for Waiting { command, answer } in turn {
        // Whoever has given up meanwhile must not find it done later.
        if !answer.is_closed() {
            pipeline.add_command(command);
            askers.push(answer);
        }
    }
    if askers.is_empty() {
        return;
    }
    match connection
        .send_packed_commands(&pipeline, 0, askers.len())
        .await
    {
        Ok(answers) => {
            for (asker, answer) in askers.into_iter().zip(answers) {
                let _ = asker.send(answer.extract_error());
            }
        }
        Err(error) => {
            for asker in askers {
                let _ = asker.send(Err(error.clone()));
            }
        }
    }
}
