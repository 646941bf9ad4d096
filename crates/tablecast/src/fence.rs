//! What keeps the commands of a connection in order when one of them was not taken.

use std::num::NonZeroU64;
use std::time::Duration;

use tablecast_core::limits::Rate;
use tablecast_core::{Rejection, code};

/// The lowest command of a connection that was not taken and has not come again. Until it
/// comes again, no command with a higher number is taken: otherwise later commands would be
/// applied without it.
#[derive(Debug, Default)]
pub(crate) struct Fence(Option<NonZeroU64>);

impl Fence {
    /// Records a command that was not taken. Returns the number of an earlier one that was
    /// not taken either, which must come first.
    pub(crate) fn raise(&mut self, number: u64) -> Option<u64> {
        match self.0 {
            Some(first) if first.get() < number => Some(first.get()),
            // Numbers begin with 1.
            _ => {
                self.0 = NonZeroU64::new(number);
                None
            }
        }
    }

    /// Lets this command pass. If it is the one that was not taken, all others may pass
    /// again. Otherwise the error is the number of the command that must come first.
    pub(crate) fn pass(&mut self, number: u64) -> Result<(), u64> {
        match self.0 {
            Some(first) if first.get() < number => return Err(first.get()),
            Some(first) if first.get() == number => self.0 = None,
            _ => {}
        }
        Ok(())
    }

    /// Whether all may pass.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_none()
    }
}

/// How many commands beyond the rate are answered; after that the client is turned away. A client
/// that is sometimes a little too fast may stay; one that ignores the refusals may not.
pub(crate) const BEYOND_RATE: Rate = Rate {
    per_second: 1.0,
    burst: 100,
};

/// Why a command is refused of somebody who watches.
pub(crate) fn watching() -> Rejection {
    let why = "you watch and have no seat; only members may change the room";
    Rejection::new(code::WATCHING, why)
}

/// Why a command is refused that comes too fast.
pub(crate) fn too_fast(rate: Rate, wait: Duration) -> Rejection {
    let message = format!(
        "at most {} commands a second, {} at once; try again in {} ms",
        rate.per_second,
        rate.burst,
        wait.as_millis().max(1)
    );
    Rejection::new(code::RATE_LIMITED, message)
}

/// Why a command is held back behind the one with this number.
pub(crate) fn not_before(first: u64) -> Rejection {
    let message = format!(
        "command {first} was not taken, and this one must not take effect without it: \
         send {first} again, then this one, with the same ids"
    );
    Rejection::new(code::UNAVAILABLE, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_before_the_lowest_that_was_not_taken() {
        let mut fence = Fence::default();
        assert_eq!(fence.pass(9), Ok(()));
        assert_eq!(fence.raise(6), None);
        assert_eq!(fence.pass(7), Err(6));
        assert_eq!(fence.raise(7), Some(6), "an earlier one comes first");
        assert_eq!(fence.pass(5), Ok(()), "one before it may be repeated");
        assert_eq!(
            fence.raise(5),
            None,
            "and takes its place if it is not taken"
        );
        assert_eq!(fence.pass(6), Err(5));
        assert_eq!(fence.pass(5), Ok(()));
        assert!(fence.is_open());
        assert_eq!(fence.pass(6), Ok(()));
    }
}
