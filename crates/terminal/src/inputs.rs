//! Input that is read in a thread of its own. Nothing but more input can wake that thread up, so
//! it ends with the process.

use std::collections::VecDeque;
use std::io;

use tokio::sync::mpsc;

/// At most so much is read in advance.
const QUEUE: usize = 16;

/// Input that comes in, and waits until it is taken.
pub(crate) struct Inputs<T> {
    read: mpsc::Receiver<io::Result<T>>,
    /// What was looked at and not taken.
    held: VecDeque<T>,
}

impl<T: Send + 'static> Inputs<T> {
    /// Reads until there is nothing more, or an error.
    pub(crate) fn read(mut read: impl FnMut() -> Option<io::Result<T>> + Send + 'static) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        std::thread::spawn(move || {
            while let Some(input) = read() {
                let is_last = input.is_err();
                if sender.blocking_send(input).is_err() || is_last {
                    break;
                }
            }
        });
        Inputs {
            read: receiver,
            held: VecDeque::new(),
        }
    }

    /// The next one; nothing at the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<io::Result<T>> {
        match self.held.pop_front() {
            Some(held) => Some(Ok(held)),
            None => self.newest().await,
        }
    }

    /// The next one that was not looked at; nothing at the end. Cancel safe.
    pub(crate) async fn newest(&mut self) -> Option<io::Result<T>> {
        self.read.recv().await
    }

    /// Keeps one that was looked at, behind all that are kept.
    pub(crate) fn hold(&mut self, input: T) {
        self.held.push_back(input);
    }

    /// What is here already and was not taken. No more comes.
    pub(crate) async fn left(mut self) -> Vec<T> {
        self.read.close();
        let mut left = Vec::new();
        while let Some(Ok(input)) = self.next().await {
            left.push(input);
        }
        left
    }
}
