//! Identifiers that never leave the servers. Those of the protocol are re-exported here.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tablecast_protocol::id::checked;
pub use tablecast_protocol::id::{
    HexError, IdError, MAX_ROOM_ID_BYTES, MemberId, RoomId, SeatToken,
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

/// Names one command, so that it is applied once however often it is sent: the member, and
/// the client's number for the command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpId {
    /// Who asked.
    pub member: MemberId,
    /// The client's number for it.
    pub number: u64,
}
