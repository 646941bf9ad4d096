//! What is shown on the screen besides the room.

use crate::editor::Editor;
use crate::room_url::RoomUrl;
use crate::show::Show;
use crate::user::User;
use crate::words::Lang;

/// What is shown besides the room.
pub(super) struct View<'a> {
    pub(super) user: User,
    pub(super) url: &'a RoomUrl,
    pub(super) editor: Editor,
    /// The item that keys act on, by number: it stays the same when the list moves.
    pub(super) chosen: Option<u64>,
    /// What was told last.
    pub(super) said: String,
    /// What was refused since something was entered. It stays, whatever is told meanwhile.
    pub(super) refused: Vec<String>,
    /// A list in place of the room: what it shows, and from which line on.
    pub(super) list: Option<(Show, u16)>,
    /// How many of its lines can be seen.
    pub(super) list_rows: u16,
    pub(super) is_done: bool,
}

impl View<'_> {
    /// Keeps a refusal, so that it is read. What is told from now on stands behind it.
    pub(super) fn refuse(&mut self, why: String) {
        self.said.clear();
        if self.refused.last() != Some(&why) {
            self.refused.push(why);
        }
    }

    pub(super) fn lang(&self) -> &'static Lang {
        self.user.lang
    }
}
