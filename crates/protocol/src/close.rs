//! Why a connection ends: one table for codes, texts and whether to come back.

/// What a client does after a close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ComeBack {
    /// Not at all: it would end the same way again.
    Never,
    /// At once, after a random moment, and resume.
    Soon,
    /// After half a minute or more.
    Later,
}

/// Why the server closed a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum CloseReason {
    /// The client closed it, or was told to by its user.
    Left,
    /// The bytes were not WebSocket frames (RFC 6455).
    Protocol,
    /// A binary message; only text is understood.
    Binary,
    /// A text message that is not UTF-8.
    NotUtf8,
    /// A message larger than allowed, or in too many fragments.
    TooBig,
    /// This server process ends or restarts; others may continue.
    Restarting,
    /// The store could not be reached when the member wanted to join.
    Unavailable,
    /// The messages are not of this dialect.
    BadProtocol,
    /// There is no such seat (any more).
    BadSeat,
    /// All seats are taken.
    RoomFull,
    /// There is no such room (any more).
    NoSuchRoom,
    /// The client did not answer a ping, or did not finish what it began.
    NoPong,
    /// A newer connection has the seat now.
    TakenOver,
    /// The room's time is up.
    Expired,
    /// The client reads too slowly: the outbox reached its bound.
    TooSlow,
    /// Too many commands, despite `rate_limited` answers.
    TooMany,
}

impl CloseReason {
    /// All reasons, for documents and metrics.
    pub const ALL: [CloseReason; 16] = [
        CloseReason::Left,
        CloseReason::Protocol,
        CloseReason::Binary,
        CloseReason::NotUtf8,
        CloseReason::TooBig,
        CloseReason::Restarting,
        CloseReason::Unavailable,
        CloseReason::BadProtocol,
        CloseReason::BadSeat,
        CloseReason::RoomFull,
        CloseReason::NoSuchRoom,
        CloseReason::NoPong,
        CloseReason::TakenOver,
        CloseReason::Expired,
        CloseReason::TooSlow,
        CloseReason::TooMany,
    ];

    /// The reason with this code, if it is one of the protocol's.
    pub fn of(code: u16) -> Option<CloseReason> {
        let mut all = CloseReason::ALL.into_iter();
        all.find(|reason| reason.code() == code)
    }

    /// The code in the close frame, the text beside it, and what to do next.
    /// Codes below 4000 have the meaning that RFC 6455 or IANA gave them.
    const fn row(self) -> (u16, &'static str, ComeBack) {
        use ComeBack::{Later, Never, Soon};
        match self {
            CloseReason::Left => (1000, "left", Never),
            CloseReason::Protocol => (1002, "not a WebSocket frame", Never),
            CloseReason::Binary => (1003, "binary messages are not understood", Never),
            CloseReason::NotUtf8 => (1007, "text is not UTF-8", Never),
            CloseReason::TooBig => (1009, "message too big", Never),
            CloseReason::Restarting => (1012, "server restarting", Soon),
            CloseReason::Unavailable => (1013, "store unavailable, try again", Later),
            CloseReason::BadProtocol => (4400, "not understood", Never),
            CloseReason::BadSeat => (4401, "no such seat", Never),
            CloseReason::RoomFull => (4403, "room full", Later),
            CloseReason::NoSuchRoom => (4404, "no such room", Never),
            CloseReason::NoPong => (4408, "no sign of life", Soon),
            CloseReason::TakenOver => (4409, "taken over by a newer connection", Never),
            CloseReason::Expired => (4410, "room expired", Never),
            CloseReason::TooSlow => (4413, "reading too slowly", Soon),
            CloseReason::TooMany => (4429, "too many commands", Later),
        }
    }

    /// The code in the close frame.
    pub const fn code(self) -> u16 {
        self.row().0
    }

    /// The text beside the code; short and without secrets.
    pub const fn text(self) -> &'static str {
        self.row().1
    }

    /// What a client does next.
    pub const fn come_back(self) -> ComeBack {
        self.row().2
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_reason_has_a_code_of_its_own_and_fits_a_control_frame() {
        let codes: HashSet<u16> = CloseReason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), CloseReason::ALL.len());
        assert!(CloseReason::ALL.iter().all(|r| r.text().len() <= 123));
    }
}
