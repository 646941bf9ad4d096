//! Commands of one turn of the runtime, written together.
//!
//! redis-rs writes each command at once: the first command wakes its task, which runs
//! before the next sender. That would be a write, and a wake-up of Redis, for each commit.
//! Here commands gather until all ready tasks have run, and are sent as one pipeline.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, RedisError, RedisResult, Value};
use tokio::sync::{mpsc, oneshot};

/// How many commands may wait to be sent; more wait outside, each with its own deadline.
const WAITING: usize = 1024;

/// The most commands in one pipeline, which is answered as a whole: few enough that answers
/// to large loads are not held long, and enough that more would not make a command cheaper.
const TOGETHER: usize = 64;

/// The sending side for commands. Dropping it ends the task that sends them.
pub(crate) struct Pipeline(mpsc::Sender<Waiting>);

struct Waiting {
    command: Cmd,
    answer: oneshot::Sender<RedisResult<Value>>,
}

impl Pipeline {
    /// Starts to send commands over a connection.
    pub(crate) fn start(connection: MultiplexedConnection) -> Pipeline {
        let (sender, waiting) = mpsc::channel(WAITING);
        tokio::spawn(send_all(connection, waiting));
        Pipeline(sender)
    }

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
    let mut pipeline = redis::Pipeline::with_capacity(turn.len());
    let mut askers = Vec::with_capacity(turn.len());
    for Waiting { command, answer } in turn {
        // A command whose sender has given up must not be executed later.
        if !answer.is_closed() {
            pipeline.add_command(command);
            askers.push(answer);
        }
    }
    if askers.is_empty() {
        return;
    }
    let answered = connection.send_packed_commands(&pipeline, 0, askers.len());
    match answered.await {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::io;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use futures_util::future::join_all;
    use redis::RedisConnectionInfo;
    use tokio::io::{
        AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, DuplexStream, ReadBuf,
        duplex,
    };

    use super::*;

    /// Counts how often it is written to.
    struct Counting {
        stream: DuplexStream,
        writes: Arc<AtomicUsize>,
    }

    impl AsyncRead for Counting {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(cx, buffer)
        }
    }

    impl AsyncWrite for Counting {
        fn poll_write(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.writes.fetch_add(1, Ordering::Relaxed);
            Pin::new(&mut self.stream).poll_write(cx, bytes)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_shutdown(cx)
        }
    }

    /// Answers OK to each command. Commands are arrays, the only lines that begin with a star.
    async fn agree(stream: DuplexStream) {
        let (read, mut write) = tokio::io::split(stream);
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line.starts_with('*') {
                write.write_all(b"+OK\r\n").await.unwrap();
            }
        }
    }

    #[tokio::test]
    async fn commands_of_one_turn_are_one_write() {
        let (stream, server) = duplex(64 * 1024);
        tokio::spawn(agree(server));
        let writes = Arc::new(AtomicUsize::new(0));
        let counting = Counting {
            stream,
            writes: writes.clone(),
        };
        let (connect, connected) = oneshot::channel();
        // The driver borrows the value that it was made from.
        tokio::spawn(async move {
            let info = RedisConnectionInfo::default();
            let (connection, driver) = MultiplexedConnection::new(&info, counting).await.unwrap();
            let _ = connect.send(connection);
            driver.await;
        });
        let pipeline = Pipeline::start(connected.await.unwrap());
        for _ in 0..3 {
            let before = writes.load(Ordering::Relaxed);
            let asked = (0..TOGETHER).map(|_| pipeline.send(redis::cmd("PING")));
            for answer in join_all(asked).await {
                assert_eq!(answer.unwrap(), Value::Okay);
            }
            assert_eq!(writes.load(Ordering::Relaxed) - before, 1);
        }
    }
}
