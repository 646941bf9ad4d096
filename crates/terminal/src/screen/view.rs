//! What is shown on the screen besides the room.

use crate::desk::Desk;
use crate::line::Line;
use crate::place::Place;
use crate::words::Lang;

/// What is shown besides the room.
pub(super) struct View<'a> {
    pub(super) desk: Desk,
    pub(super) place: &'a Place,
    pub(super) line: Line,
    /// The item that keys act on, by number: it stays the same when the list moves.
    pub(super) chosen: Option<u64>,
    /// What was told last.
    pub(super) said: String,
    /// Shown from this line on.
    pub(super) help: Option<u16>,
    /// How many of its lines can be seen.
    pub(super) help_rows: u16,
    pub(super) is_done: bool,
}

impl View<'_> {
    pub(super) fn lang(&self) -> Lang {
        self.desk.lang
    }
}
