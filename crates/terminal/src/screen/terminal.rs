//! Taking the terminal over, and giving it back however this ends.

use std::io;
use std::panic;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::Show;
use crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste, Event};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::inputs::Inputs;

/// Holds the terminal; dropping it gives the terminal back.
#[derive(Debug)]
pub(crate) struct Guard;

impl Guard {
    /// Takes the terminal over: another screen, each key at once, pasted text in one piece.
    pub(crate) fn take() -> io::Result<(Guard, Terminal<CrosstermBackend<io::Stdout>>)> {
        // On the alternate screen nobody would see the message of a panic. The hook is set
        // before anything is changed, so that it undoes every change.
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            give_back();
            print(info);
        }));
        let guard = Guard;
        IS_TAKEN.store(true, Ordering::Relaxed);
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok((guard, terminal))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}

/// Whether there is something to give back. On a panic the hook has done it, before the message;
/// done again, it would put the cursor back to the beginning of the message.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

fn give_back() {
    if !IS_TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    // A terminal that is gone needs nothing back.
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _ = disable_raw_mode();
}

/// The events of the keyboard. When the terminal is gone, the library goes on reading for ever.
pub(crate) fn keys() -> Inputs<Event> {
    Inputs::read(|| Some(event::read()))
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
            // A backtrace would be longer than the screen.
            .env("RUST_BACKTRACE", "0")
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
