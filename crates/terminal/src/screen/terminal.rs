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
        // On a panic the hook has done it, before the message: done again, it would put the
        // cursor back to where the message begins, and what comes next over it.
        if !std::thread::panicking() {
            give_back();
        }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Read;

    use pty_process::Size;
    use pty_process::blocking::{Command, open};

    use super::*;

    /// Set: this is the process that panics.
    const PANICS: &str = "TABLECAST_TEST_PANICS";

    #[test]
    fn a_panic_gives_the_terminal_back_and_is_seen() {
        if std::env::var_os(PANICS).is_some() {
            let _taken = Guard::take().unwrap();
            panic!("on purpose");
        }
        let (mut pty, pts) = open().unwrap();
        pty.resize(Size::new(24, 80)).unwrap();
        let name = std::thread::current().name().map(str::to_owned).unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture", &name])
            .env(PANICS, "1")
            .env("TERM", "xterm-256color")
            .spawn(pts)
            .unwrap();
        let (mut said, mut bytes) = (Vec::new(), [0; 1024]);
        // Ends with an error when nobody has the other end any more.
        while let Ok(count @ 1..) = pty.read(&mut bytes) {
            said.extend_from_slice(&bytes[..count]);
        }
        assert!(!child.wait().unwrap().success());
        assert!(
            String::from_utf8_lossy(&said).contains("\x1b[?1049h"),
            "never taken"
        );
        let mut parser = vt100::Parser::default();
        parser.process(&said);
        let screen = parser.screen();
        assert!(!screen.alternate_screen() && !screen.bracketed_paste());
        assert!(
            screen.contents().contains("on purpose"),
            "{}",
            screen.contents()
        );
    }
}
