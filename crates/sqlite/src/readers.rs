//! Threads that only read, each with a connection of its own: they wait neither for each
//! other nor for the writer.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;
use tablecast_core::backend::BackendError;
use tokio::sync::oneshot;

use crate::error::{RowError, closed, of_reading};

/// Rooms are read when somebody comes to one that is not open, and looked at by GET.
const THREADS: usize = 2;

/// Questions that wait, at most.
const QUEUE: usize = 4096;

type Question = Box<dyn FnOnce(&Connection) + Send>;

pub(crate) struct Readers {
    /// Taken when they are to end.
    queue: Option<SyncSender<Question>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    /// # Errors
    /// A connection cannot be opened, or no thread be started.
    pub(crate) fn start<E: From<std::io::Error>>(
        open: impl Fn() -> Result<Connection, E>,
    ) -> Result<Readers, E> {
        let (queue, questions) = sync_channel::<Question>(QUEUE);
        let questions = Arc::new(Mutex::new(questions));
        let mut readers = Readers {
            queue: Some(queue),
            threads: Vec::new(),
        };
        for _ in 0..THREADS {
            let (connection, questions) = (open()?, Arc::clone(&questions));
            let thread = thread::Builder::new()
                .name("sqlite-reader".to_owned())
                .spawn(move || answer(&connection, &questions))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Asks one of them, which sees all that was committed before. The question is one
    /// transaction.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, RowError> + Send + 'static,
    ) -> Result<T, BackendError> {
        let (reply, answer) = oneshot::channel();
        let question = Box::new(move |connection: &Connection| {
            // Nobody may want to know any more.
            if !reply.is_closed() {
                let _ = reply.send(in_transaction(connection, question));
            }
        });
        match self.queue.as_ref().map(|queue| queue.try_send(question)) {
            Some(Ok(())) => {}
            Some(Err(TrySendError::Full(_))) => {
                return Err(BackendError::Unavailable(format!(
                    "{QUEUE} questions wait for the database already"
                )));
            }
            None | Some(Err(TrySendError::Disconnected(_))) => return Err(closed()),
        }
        match answer.await {
            Ok(answer) => answer.map_err(of_reading),
            Err(_) => Err(closed()),
        }
    }
}

fn in_transaction<T>(
    connection: &Connection,
    question: impl FnOnce(&Connection) -> Result<T, RowError>,
) -> Result<T, RowError> {
    let transaction = connection.unchecked_transaction()?;
    let answer = question(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

fn answer(connection: &Connection, questions: &Mutex<Receiver<Question>>) {
    loop {
        let question = {
            let questions = questions.lock().unwrap_or_else(PoisonError::into_inner);
            questions.recv()
        };
        match question {
            Ok(question) => question(connection),
            Err(_) => return,
        }
    }
}

impl Drop for Readers {
    /// Waits until what was asked is answered and the connections are closed.
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            // It does not panic.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn that_they_have_ended_is_told_apart_from_too_many_questions() {
        let mut readers =
            Readers::start(|| Connection::open_in_memory().map_err(std::io::Error::other)).unwrap();
        let threads: Vec<_> = readers.threads.drain(..).collect();
        for _ in &threads {
            let answer: Result<(), _> = readers.ask(|_| panic!("ends its thread")).await;
            assert!(answer.is_err());
        }
        for thread in threads {
            assert!(thread.join().is_err());
        }
        let answer = readers.ask(|_| Ok(())).await.unwrap_err().to_string();
        assert!(answer.contains("the database was closed"), "{answer}");
    }
}
