//! How far a run is: a bar on a terminal, lines elsewhere.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Goes to stderr.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(steps: usize) -> Self {
        let is_terminal = io::stderr().is_terminal();
        let bar = match is_terminal {
            true => ProgressBar::new(steps as u64),
            false => ProgressBar::hidden(),
        };
        bar.set_length(steps as u64);
        let style = "{elapsed_precise} [{bar:30}] {pos}/{len}, about {eta} left: {msg}";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Progress { bar, is_terminal }
    }

    /// The next step begins.
    pub(super) fn begin(&self, step: &str) {
        if !self.is_terminal {
            let (done, all) = (self.bar.position() + 1, self.bar.length().unwrap_or(0));
            eprintln!("{done}/{all} {step}");
        }
        self.bar.set_message(step.to_owned());
        self.bar.inc(1);
    }

    /// Something worth keeping on the screen.
    pub(super) fn note(&self, text: &str) {
        if self.is_terminal {
            self.bar.println(text);
        } else {
            eprintln!("{text}");
        }
    }

    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}
