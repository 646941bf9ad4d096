//! The two languages a room is spoken in.

pub mod json;
pub(crate) mod message;
pub mod text;

pub use tablecast_protocol::SUBPROTOCOL;

/// Which language a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Typed by hand: no subprotocol was asked for.
    Text,
    /// For programs: the subprotocol `tablecast.v1`.
    Json,
}

/// A digest of a command, alike on all nodes: FNV-1a, 64 bits. It tells an honest
/// repetition from a mistake; it is no protection against forgery, and need not
/// be, since a member's numbers are only their own.
pub(crate) fn digest(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xFF]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
