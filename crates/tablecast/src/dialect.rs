//! The two dialects of a room.

pub mod json;
pub(crate) mod message;
pub mod text;

pub use tablecast_protocol::SUBPROTOCOL;

/// The dialect of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Typed by hand: no subprotocol was asked for.
    Text,
    /// For programs: the subprotocol `tablecast.v1`.
    Json,
}

/// A digest of a command, the same on all nodes: FNV-1a, 64 bits. It distinguishes an
/// honest repetition from a mistake. It does not protect against forgery, and need not,
/// because a member's numbers affect only that member.
pub(crate) fn digest(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0xFF]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
