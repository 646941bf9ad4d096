//! 32 bytes written as hex digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// 32 bytes, written as 64 lower-case hex digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(extend("pattern" = "^[0-9a-f]{64}$"))
)]
#[serde(try_from = "String", into = "String")]
pub struct Hex32([u8; 32]);

/// A text that is not a [`Hex32`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 64 lower-case hex digits")]
pub struct NotHex32;

impl Hex32 {
    /// SHA-256 of a text.
    pub(crate) fn of(text: &str) -> Self {
        Hex32(Sha256::digest(text).into())
    }

    /// As a big-endian number, modulo `divisor`, which is not 0.
    pub(crate) fn modulo(self, divisor: usize) -> usize {
        // In u128 nothing overflows for any divisor.
        let next = |rest: u128, byte: &u8| ((rest << 8) | u128::from(*byte)) % divisor as u128;
        self.0.iter().fold(0, next) as usize
    }
}

impl From<[u8; 32]> for Hex32 {
    fn from(bytes: [u8; 32]) -> Self {
        Hex32(bytes)
    }
}

impl FromStr for Hex32 {
    type Err = NotHex32;

    // Only one spelling for each value, because it is hashed as text.
    fn from_str(text: &str) -> Result<Self, NotHex32> {
        let mut bytes = [0; 32];
        match base16ct::lower::decode(text, &mut bytes) {
            Ok(decoded) if decoded.len() == 32 => Ok(Hex32(bytes)),
            _ => Err(NotHex32),
        }
    }
}

tablecast_core::written_as_text!(Hex32);

impl fmt::Display for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        f.write_str(base16ct::lower::encode_str(&self.0, &mut digits)?)
    }
}

impl fmt::Debug for Hex32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
