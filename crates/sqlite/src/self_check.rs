//! The check that runs after the start: members do not wait for it, and whoever runs the
//! server hears what is damaged before somebody comes to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};

use crate::check::{self, Checked, Finding};

pub(crate) struct SelfCheck {
    is_over: Arc<AtomicBool>,
    interrupt: InterruptHandle,
    /// Taken when it is waited for.
    thread: Option<JoinHandle<()>>,
}

impl SelfCheck {
    pub(crate) fn start(connection: Connection) -> io::Result<SelfCheck> {
        let is_over = Arc::new(AtomicBool::new(false));
        let interrupt = connection.get_interrupt_handle();
        let thread = thread::Builder::new()
            .name("sqlite-check".to_owned())
            .spawn({
                let is_over = Arc::clone(&is_over);
                move || run(&connection, &is_over)
            })?;
        Ok(SelfCheck {
            is_over,
            interrupt,
            thread: Some(thread),
        })
    }
}

fn run(connection: &Connection, is_over: &AtomicBool) {
    let mut checked = Checked::default();
    check::look(connection, &mut checked, &mut |_| {
        !is_over.load(Ordering::Relaxed)
    });
    if is_over.load(Ordering::Relaxed) {
        // What was found may be no more than that it was interrupted.
        return;
    }
    for finding in &checked.findings {
        tell(finding);
    }
    tracing::debug!(rooms = checked.rooms, "the database was looked at");
}

/// Tells whoever runs the server of something that is damaged.
pub(crate) fn tell(Finding { room, what }: &Finding) {
    match room {
        Some(room) => tracing::error!(room, what, "a room in the database is damaged"),
        None => tracing::error!(
            what,
            "the database is damaged; `tablecast store check` shows it"
        ),
    }
}

impl Drop for SelfCheck {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else {
            return;
        };
        // It reaches only what is under way at this moment.
        while !thread.is_finished() {
            self.interrupt.interrupt();
            thread::sleep(Duration::from_millis(1));
        }
        // It does not panic.
        let _ = thread.join();
    }
}
