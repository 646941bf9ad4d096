//! Input that is read in a thread of its own. Nothing but more input can wake that thread up, so
//! it ends with the process.

use std::io;

use tokio::sync::mpsc;

/// At most so much is read in advance.
const QUEUE: usize = 16;

/// Input that comes in, and waits until it is taken.
pub(crate) struct Inputs<T>(mpsc::Receiver<io::Result<T>>);

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
        Inputs(receiver)
    }

    /// The next one; nothing at the end. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<io::Result<T>> {
        self.0.recv().await
    }

    /// What is here already and was not taken. No more comes.
    pub(crate) async fn left(mut self) -> Vec<T> {
        self.0.close();
        let mut left = Vec::new();
        while let Some(Ok(input)) = self.next().await {
            left.push(input);
        }
        left
    }
}
