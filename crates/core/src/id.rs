//! Identifiers that never leave the servers. Those of the protocol are re-exported here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tablecast_protocol::id::checked;
pub use tablecast_protocol::id::{
    HexError, IdError, MAX_ROOM_ID_BYTES, MemberId, PersonKey, RoomId, SeatToken,
};

/// Names one run of one server process. A restarted process is a new node, so it never
/// renews the lease of the crashed one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeId(Arc<str>);

impl NodeId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for NodeId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        checked(text, MAX_ROOM_ID_BYTES).map(|text| NodeId(text.into()))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for NodeId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<NodeId> for String {
    fn from(id: NodeId) -> String {
        id.as_str().to_owned()
    }
}

/// Names one connection (one socket) among all nodes. It is random, and distinguishes a
/// seat's newest connection from an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

/// Names a person within one room, so that they are the same member however often they come
/// back. It is a hash of the person's secret key, or of their account. So whoever reads a store
/// can neither be the person with a key nor tell in which other rooms they are. Never sent to
/// clients; [`Debug`](fmt::Debug) hides it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PersonId(u128);

impl PersonId {
    /// The person with this key in this room.
    pub fn new(key: PersonKey, room: &RoomId) -> Self {
        let mut hash = Sha256::new();
        // The key has a fixed length, so no two pairs give the same bytes.
        hash.update(key.0.to_be_bytes());
        hash.update(room.as_str());
        PersonId::of(hash)
    }

    /// The person with this account in this room, for who embeds the hub and knows who their
    /// users are. No key of a client gives the same. An account that can be guessed can be
    /// recognised in a store.
    pub fn of_account(account: &str, room: &RoomId) -> Self {
        let mut hash = Sha256::new();
        // Longer than a key, so in one room no key gives the same bytes. No id of a room has a
        // line break, so no two pairs do.
        hash.update("tablecast account\n");
        hash.update(room.as_str());
        hash.update("\n");
        hash.update(account);
        PersonId::of(hash)
    }

    fn of(hash: Sha256) -> Self {
        // A key has 128 bits, so more of the hash would not be safer.
        let bytes: [u8; 32] = hash.finalize().into();
        let [first, ..] = bytes.as_chunks().0 else {
            unreachable!("32 bytes have two parts of 16")
        };
        PersonId(u128::from_be_bytes(*first))
    }
}

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonId(hidden)")
    }
}

impl From<PersonId> for String {
    fn from(person: PersonId) -> String {
        SeatToken(person.0).to_string()
    }
}

impl TryFrom<String> for PersonId {
    type Error = HexError;

    fn try_from(text: String) -> Result<Self, HexError> {
        Ok(PersonId(text.parse::<SeatToken>()?.0))
    }
}

/// Names one command, so that it is applied once however often it is sent: the member, and
/// the client's number for the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpId {
    /// Who asked.
    pub member: MemberId,
    /// The client's number for it.
    pub number: u64,
}
