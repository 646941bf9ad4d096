//! Taking the terminal over, and giving it back however this ends.

use std::io;
use std::panic;

use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste, Event, EventStream};
use crossterm::execute;
use futures_util::Stream;
use ratatui::DefaultTerminal;

/// Holds the terminal; dropping it gives the terminal back.
#[derive(Debug)]
pub(crate) struct Guard;

impl Guard {
    /// Takes the terminal over: another screen, each key at once, pasted text in one piece.
    pub(crate) fn take() -> io::Result<(Guard, DefaultTerminal)> {
        // Of what is printed on a panic nothing would be seen on the other screen. Made
        // before anything is changed, so that it gives back whatever was taken.
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            print(info);
        }));
        let guard = Guard;
        // Sets a hook of its own, around the one above.
        let terminal = ratatui::try_init()?;
        execute!(io::stdout(), EnableBracketedPaste)?;
        Ok((guard, terminal))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // A terminal that is gone needs nothing back.
    let _ = execute!(io::stdout(), DisableBracketedPaste);
    let _ = ratatui::try_restore();
}

/// What comes from the keyboard.
pub(crate) fn keys() -> impl Stream<Item = io::Result<Event>> + Unpin {
    EventStream::new()
}
