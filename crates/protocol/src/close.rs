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

/// From a row for each reason: when it is given, its code, the text beside that, and what a client
/// does next.
macro_rules! close_reasons {
    ($(#[doc = $when:literal] $reason:ident = $code:literal, $text:literal, $next:ident;)*) => {
        /// Why the server closed a connection.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum CloseReason {
            $(#[doc = $when] $reason,)*
        }

        impl CloseReason {
            /// All reasons, for documents and metrics.
            pub const ALL: [CloseReason; [$($code),*].len()] = [$(CloseReason::$reason),*];

            const fn row(self) -> (u16, &'static str, ComeBack, &'static str) {
                match self {
                    $(CloseReason::$reason => ($code, $text, ComeBack::$next, $when),)*
                }
            }
        }
    };
}

// Codes below 4000 have the meaning that RFC 6455 or IANA gave them.
close_reasons! {
    /// The client closed it, or was told to by its user.
    Left = 1000, "left", Never;
    /// The bytes were not WebSocket frames (RFC 6455).
    Protocol = 1002, "not a WebSocket frame", Never;
    /// A binary message; only text is understood.
    Binary = 1003, "binary messages are not understood", Never;
    /// A text message that is not UTF-8.
    NotUtf8 = 1007, "text is not UTF-8", Never;
    /// A message larger than allowed, or in too many fragments.
    TooBig = 1009, "message too big", Never;
    /// This server process ends or restarts; others may continue.
    Restarting = 1012, "server restarting", Soon;
    /// The store could not be reached when the member wanted to join.
    Unavailable = 1013, "store unavailable, try again", Later;
    /// The messages are not of this dialect.
    BadProtocol = 4400, "not understood", Never;
    /// There is no such seat (any more).
    BadSeat = 4401, "no such seat", Never;
    /// All seats are taken.
    RoomFull = 4403, "room full", Later;
    /// There is no such room (any more).
    NoSuchRoom = 4404, "no such room", Never;
    /// The client did not answer a ping, or did not finish what it began.
    NoPong = 4408, "no sign of life", Soon;
    /// A newer connection has the seat now.
    TakenOver = 4409, "taken over by a newer connection", Never;
    /// The room's time is up.
    Expired = 4410, "room expired", Never;
    /// The member was asked to leave, and may not come back.
    Dismissed = 4411, "asked to leave", Never;
    /// The server has sent everybody away.
    Closed = 4412, "room closed", Never;
    /// The client reads too slowly: the outbox reached its bound.
    TooSlow = 4413, "reading too slowly", Soon;
    /// Too many commands, despite `rate_limited` answers.
    TooMany = 4429, "too many commands", Later;
}

impl CloseReason {
    /// The reason with this code, if it is one of the protocol's.
    pub fn of(code: u16) -> Option<CloseReason> {
        let mut all = CloseReason::ALL.into_iter();
        all.find(|reason| reason.code() == code)
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

    /// When it is given, in a sentence.
    pub fn when(self) -> &'static str {
        self.row().3.trim()
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
