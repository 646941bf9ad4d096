//! Randomness that is passed in.

use std::fmt;

use crate::clock::Millis;

/// Fills a buffer with random bytes.
type Fill = dyn FnMut(&mut [u8]) + Send;

/// Random bytes from outside.
pub struct Entropy(Box<Fill>);

impl Entropy {
    /// From whatever fills a buffer.
    pub fn new(fill: impl FnMut(&mut [u8]) + Send + 'static) -> Self {
        Entropy(Box::new(fill))
    }

    /// As many bytes as a secret has.
    pub fn bytes(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        (self.0)(&mut bytes);
        bytes
    }

    pub(crate) fn number(&mut self) -> u32 {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    /// A random time, from 0 to this.
    pub(crate) fn up_to(&mut self, most: Millis) -> Millis {
        // `most` is seconds, not years, so this stays far below 2^64.
        most * u64::from(self.number()) / u64::from(u32::MAX)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}
