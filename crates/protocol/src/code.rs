//! Why something is refused, for programs.

use std::fmt;

/// Why something is refused: lower case with underscores, stable, described. On the wire it is a
/// string, which clients keep as it came: who does not know it shows the message beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(&'static str);

impl ErrorCode {
    /// The code that is written so.
    pub const fn new(code: &'static str) -> Self {
        ErrorCode(code)
    }

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        self.0
    }
}

impl From<&'static str> for ErrorCode {
    fn from(code: &'static str) -> Self {
        ErrorCode(code)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// Declares codes, each with when it is told, and `ALL`, the list of them.
#[macro_export]
macro_rules! error_codes {
    ($($name:ident = $code:literal: $when:literal;)*) => {
        $(#[doc = concat!("`", $code, "`: ", $when, ".")]
        pub const $name: $crate::ErrorCode = $crate::ErrorCode::new($code);)*

        /// All of these, and when each is told.
        pub const ALL: &[($crate::ErrorCode, &str)] = &[$(($name, $when)),*];
    };
}

// What any room may tell.
error_codes! {
    BAD_COMMAND = "bad_command": "the message is not a command";
    EMPTY = "empty": "the text has no visible character";
    TOO_LONG = "too_long": "the text is too long";
    BAD_ITEM = "bad_item": "the text holds a forbidden character";
    RATE_LIMITED = "rate_limited": "too many commands; the message says how long to wait";
    UNAVAILABLE = "unavailable": "the store did not take it in time; whether it was applied is unknown";
    GONE = "gone": "the room has expired";
    NO_SEAT = "no_seat": "the seat was given up";
    WATCHING = "watching": "you watch and have no seat";
    CONFLICT = "conflict": "another command was applied under this number";
    OUTDATED = "outdated": "the number is lower than one that was applied, and not remembered";
    NOT_YET = "not_yet": "a server of the version before runs, which could not read it";
    TOO_LATE = "too_late": "the room's maximum age ends before the time that it was given";
}

/// Whether a refusal with this code may pass: the same command may succeed when it is sent again,
/// with the same number and before anything newer.
pub fn may_pass(code: &str) -> bool {
    [UNAVAILABLE, RATE_LIMITED].iter().any(|one| one.0 == code)
}
