//! The program in a pseudo-terminal, and in pipes.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

use std::fmt;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use pty_process::Size;
use pty_process::blocking::{Command as InTerminal, Pty, open};

use tablecast_testing::process::{Process, settings};
use tablecast_testing::{Directory, blocking_until};

use crate::program::{ANY_PORT, tablecast};

pub const CONTROL_C: &str = "\x03";
pub const CONTROL_R: &str = "\x12";
pub const DOWN: &str = "\x1b[B";

/// The program in a terminal of this size.
pub struct Terminal {
    /// Where its user keeps who they are.
    _home: Option<Directory>,
    pty: Option<Arc<Pty>>,
    pub child: Child,
    pub screen: Arc<Mutex<vt100::Parser>>,
    is_closed: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
}

impl Terminal {
    pub fn start(columns: u16, rows: u16, language: &str, args: &[&str]) -> Terminal {
        let program = env!("CARGO_BIN_EXE_tablecast");
        Terminal::of(columns, rows, language, program, args)
    }

    /// Another program there, such as a shell. Each terminal has a user of its own.
    pub fn of(columns: u16, rows: u16, language: &str, program: &str, args: &[&str]) -> Terminal {
        let home = Directory::new();
        let mut terminal = Terminal::at(home.path(), (columns, rows), language, program, args);
        terminal._home = Some(home);
        terminal
    }

    /// The terminal of whoever has their state there.
    pub fn at(
        home: &Path,
        (columns, rows): (u16, u16),
        language: &str,
        program: &str,
        args: &[&str],
    ) -> Terminal {
        let (pty, pts) = open().unwrap();
        pty.resize(Size::new(rows, columns)).unwrap();
        let mut command = InTerminal::new(program);
        for name in settings() {
            command = command.env_remove(name);
        }
        let child = command
            .args(args)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", language)
            .env("XDG_STATE_HOME", home)
            .spawn(pts)
            .unwrap();
        let pty = Arc::new(pty);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(
            NonZeroU16::new(rows).unwrap(),
            NonZeroU16::new(columns).unwrap(),
            0,
        )));
        let is_closed = Arc::new(AtomicBool::new(false));
        let (from, into, closed) = (pty.clone(), screen.clone(), is_closed.clone());
        let reader = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // Ends when the program has, or with the next thing it writes after the window
            // was closed.
            while let Ok(count @ 1..) = (&*from).read(&mut bytes)
                && !closed.load(Ordering::Relaxed)
            {
                into.lock().unwrap().process(&bytes[..count]);
            }
        });
        Terminal {
            _home: None,
            pty: Some(pty),
            child,
            screen,
            is_closed,
            reader: Some(reader),
        }
    }

    /// Closes the window, as far as the program can tell.
    pub fn close_window(&mut self) {
        self.is_closed.store(true, Ordering::Relaxed);
        // It is shown, which wakes up whoever reads.
        self.types("x");
        self.reader.take().unwrap().join().unwrap();
        self.pty = None;
    }

    pub fn types(&self, keys: &str) {
        let mut pty = &**self.pty.as_ref().unwrap();
        pty.write_all(keys.as_bytes()).unwrap();
    }

    pub fn contents(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    /// Waits until all of this is on the screen.
    pub fn shows(&self, parts: &[&str]) {
        let what = format!("{parts:?} on the screen");
        let has_all = |shown: &Shown| parts.iter().all(|part| shown.0.contains(part));
        blocking_until(&what, || Shown(self.contents()), has_all);
    }

    /// Waits until this is not on the screen any more.
    pub fn hides(&self, part: &str) {
        let what = format!("no {part:?} on the screen");
        let has_none = |shown: &Shown| !shown.0.contains(part);
        blocking_until(&what, || Shown(self.contents()), has_none);
    }

    /// Waits until the program ends: its code. The terminal must be as it was before.
    pub fn ended(&mut self) -> Option<i32> {
        let look = || {
            let shown = Shown(self.contents());
            self.child.try_wait().unwrap().ok_or(shown)
        };
        let ended = blocking_until("the program ends", look, Result::is_ok);
        let modes = || {
            let parser = self.screen.lock().unwrap();
            let screen = parser.screen();
            [
                ("alternate screen", screen.alternate_screen()),
                ("bracketed paste", screen.bracketed_paste()),
                ("hidden cursor", screen.hide_cursor()),
            ]
        };
        // What it wrote last may still be on its way.
        let are_off = |modes: &[(&str, bool); 3]| modes.iter().all(|(_, is_on)| !is_on);
        blocking_until("the terminal is given back", modes, are_off);
        ended.unwrap().code()
    }
}

/// A screen, which a message shows as it is.
struct Shown(String);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{}", self.0)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn server(dir: &Directory) -> Process {
    Process::start(tablecast(dir).args(ANY_PORT))
}

/// Makes a room by the program itself: its page.
pub fn create(dir: &Directory, server: &Process) -> String {
    create_with(dir, server, &[])
}

/// Makes a room with these options: its page.
pub fn create_with(dir: &Directory, server: &Process, options: &[&str]) -> String {
    server.until_ready();
    let at = server.address().to_string();
    let output = tablecast(dir)
        .args(["create", "--server", &at])
        .args(options)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let page = String::from_utf8(output.stdout).unwrap();
    assert!(
        page.starts_with(&format!("http://{at}/r/")),
        "the link alone: {page}"
    );
    page.trim().to_owned()
}

/// Joins with these lines in a pipe, until all is done.
pub fn pipe(dir: &Directory, page: &str, options: &[&str], lines: impl AsRef<[u8]>) -> Output {
    let mut child = tablecast(dir)
        .args(["join", page])
        .args(options)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(lines.as_ref()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}
