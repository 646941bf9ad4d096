//! The versions of what is stored, by which nodes of neighbouring versions work together.
//!
//! - What is stored carries the lowest version that reads it.
//! - A node makes nothing that a live node cannot read. So an event of a new kind is made
//!   only when all live nodes know it.
//! - What a node cannot read it leaves as it is.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::logic::Logic;

/// The version of the library's own stored forms: of the seats and their events, and of
/// what is around the application's. Whoever adds a kind of event, or a field that an older
/// node must not leave out, raises it.
const ROOMS: u32 = PERSONS;

/// From this version of the library's forms on a room knows persons and roles, remembers who has
/// left and who was asked to, and has events that no member caused.
pub(crate) const PERSONS: u32 = 4;

/// The version of stored forms. It has two parts, since the library and the application
/// change apart. It can be read from a stored event or state of any version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Forms {
    /// The library's part.
    #[serde(rename = "format", default = "first_rooms")]
    pub rooms: u32,
    /// The application's part: see [`Logic::FORMS`].
    #[serde(default = "first_app")]
    pub app: u32,
}

fn first_rooms() -> u32 {
    Forms::FIRST.rooms
}

fn first_app() -> u32 {
    Forms::FIRST.app
}

impl Forms {
    /// The oldest forms that are read, and those of a node or an event that does not say
    /// any.
    pub const FIRST: Forms = Forms { rooms: 3, app: 1 };

    /// The newest forms that a node with this application reads.
    pub const fn of<L: Logic>() -> Self {
        Forms {
            rooms: ROOMS,
            app: L::FORMS,
        }
    }

    /// The forms of the version before.
    #[must_use]
    pub fn before(self) -> Self {
        Forms {
            rooms: self.rooms.saturating_sub(1),
            app: self.app.saturating_sub(1),
        }
        .highest(Forms::FIRST)
    }

    /// The lower one of each part.
    #[must_use]
    pub fn lowest(self, other: Forms) -> Self {
        Forms {
            rooms: self.rooms.min(other.rooms),
            app: self.app.min(other.app),
        }
    }

    /// The higher one of each part.
    #[must_use]
    pub fn highest(self, other: Forms) -> Self {
        Forms {
            rooms: self.rooms.max(other.rooms),
            app: self.app.max(other.app),
        }
    }

    /// Whether a node that knows these forms reads what has the others.
    pub fn read(self, stored: Forms) -> bool {
        stored == stored.highest(Forms::FIRST).lowest(self)
    }
}

/// `ROOMS.APP`, such as `3.1`.
impl fmt::Display for Forms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.rooms, self.app)
    }
}

/// The text is not `ROOMS.APP`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected two numbers with a dot between them, such as 3.1")]
pub struct NoForms;

impl FromStr for Forms {
    type Err = NoForms;

    fn from_str(text: &str) -> Result<Self, NoForms> {
        let (rooms, app) = text.split_once('.').ok_or(NoForms)?;
        let number = |text: &str| text.parse().map_err(|_| NoForms);
        Ok(Forms {
            rooms: number(rooms)?,
            app: number(app)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn forms(rooms: u32, app: u32) -> Forms {
        Forms { rooms, app }
    }

    #[test]
    fn a_node_reads_neither_newer_forms_nor_those_before_the_first() {
        let node = forms(4, 2);
        for read in [forms(3, 1), forms(3, 2), forms(4, 1), forms(4, 2)] {
            assert!(node.read(read), "{read}");
        }
        for unread in [forms(5, 1), forms(3, 3), forms(2, 1), forms(3, 0)] {
            assert!(!node.read(unread), "{unread}");
        }
    }

    #[test]
    fn there_is_no_version_before_the_first() {
        assert_eq!(forms(4, 1).before(), Forms::FIRST);
        assert_eq!(forms(5, 3).before(), forms(4, 2));
        assert_eq!(Forms::FIRST.before(), Forms::FIRST);
    }

    #[test]
    fn the_text_of_forms_is_read_again() {
        assert_eq!("3.1".parse(), Ok(Forms::FIRST));
        assert_eq!(forms(12, 7).to_string().parse(), Ok(forms(12, 7)));
        for wrong in ["", "3", "3.", ".1", "3.1.2", "-3.1", "three.one", "3,1"] {
            assert_eq!(wrong.parse::<Forms>(), Err(NoForms), "{wrong:?}");
        }
    }
}
