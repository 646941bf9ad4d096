//! Identifiers that never leave the servers, and what makes them unique. Those of the protocol are re-exported here.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tablecast_protocol::id::checked;
pub use tablecast_protocol::id::{
    ClientNumber, HexError, IdError, MAX_ROOM_ID_BYTES, MemberId, PersonKey, RoomId, SeatToken,
};

/// A random number that hardly anybody else draws, in this process or another; not for secrets. It
/// comes from the randomness of the operating system, by the keys that the standard library gives a
/// hash map.
///
/// Generators that seed themselves by clock and thread, as `fastrand` does, may draw the same in two
/// processes.
pub fn unique() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Names one run of one server process. A restarted process is a new node, so it never
/// renews the lease of the crashed one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
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

/// Names one connection (one socket) among all nodes. It is random, and distinguishes a
/// seat's newest connection from an older one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ConnectionId(pub u64);

/// The highest bits of connections by which a client only hears.
const ONE_WAY: u64 = 0x5EE5 << 48;
const ONE_WAY_BITS: u64 = 0xFFFF << 48;

/// Stands in front of a client's number, which takes the place of these random bits.
const OF_CLIENT: u64 = 0xC1 << 40;
const OF_CLIENT_BITS: u64 = 0xFF << 40;
const CLIENT_AT: u32 = 20;
const CLIENT_BITS: u64 = (ClientNumber::MAX as u64) << CLIENT_AT;

/// The first half of what [`ConnectionId::watching`] makes. That a seat's secret begins with it is
/// as improbable as that two secrets are alike in half of their digits.
const WATCHING: u64 = u64::from_be_bytes(*b"watching");

impl ConnectionId {
    /// One by which a client hears and speaks.
    pub fn two_way(random: u64, client: Option<ClientNumber>) -> Self {
        let random = match random & ONE_WAY_BITS {
            ONE_WAY => !random,
            _ => random,
        };
        ConnectionId(random).of(client)
    }

    /// One by which a client only hears. Whoever holds a seat by it speaks elsewhere, with the
    /// seat's secret.
    pub fn one_way(random: u64, client: Option<ClientNumber>) -> Self {
        ConnectionId(ONE_WAY | random & !ONE_WAY_BITS).of(client)
    }

    /// The same of this client. It is in the id, so that every node knows it of the connection that
    /// holds a seat, and nothing more is stored.
    fn of(self, client: Option<ClientNumber>) -> Self {
        ConnectionId(match client {
            Some(client) => {
                let rest = self.0 & !(OF_CLIENT_BITS | CLIENT_BITS);
                rest | OF_CLIENT | u64::from(client.get()) << CLIENT_AT
            }
            None if self.0 & OF_CLIENT_BITS == OF_CLIENT => self.0 ^ OF_CLIENT_BITS,
            None => self.0,
        })
    }

    /// The client whose connection it is, if it has said its number. Nodes of an earlier version did not know of
    /// this: one in 256 of their connections has one by chance.
    pub fn client(self) -> Option<ClientNumber> {
        let number = (self.0 & CLIENT_BITS) >> CLIENT_AT;
        let is_there = self.0 & OF_CLIENT_BITS == OF_CLIENT;
        u32::try_from(number)
            .ok()
            .filter(|_| is_there)?
            .try_into()
            .ok()
    }

    /// Whether a client only hears by it. Nodes of an earlier version did not know this mark: one
    /// in 65,536 of their connections has it by chance.
    pub fn is_one_way(self) -> bool {
        self.0 & ONE_WAY_BITS == ONE_WAY
    }

    /// The secret by which somebody who watches by it says that they are there. It opens no seat.
    pub fn watching(self) -> SeatToken {
        SeatToken(u128::from(WATCHING) << 64 | u128::from(self.0))
    }

    /// The connection of somebody who watches, if this is such a secret.
    pub fn of_watching(secret: SeatToken) -> Option<Self> {
        let (half, id) = ((secret.0 >> 64) as u64, ConnectionId(secret.0 as u64));
        (half == WATCHING && id.is_one_way()).then_some(id)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_client_only_hears_is_part_of_the_connections_id() {
        for random in [
            0,
            u64::MAX,
            ONE_WAY,
            ONE_WAY | OF_CLIENT | 7,
            0x1234_5678_9ABC_DEF0,
        ] {
            for client in [None, Some(ClientNumber::drawn(7))] {
                let speaks = ConnectionId::two_way(random, client);
                assert!(!speaks.is_one_way(), "{random:x}");
                let hears = ConnectionId::one_way(random, client);
                assert!(hears.is_one_way(), "{random:x}");
                assert_eq!(ConnectionId::of_watching(hears.watching()), Some(hears));
                assert_eq!(
                    (speaks.client(), hears.client()),
                    (client, client),
                    "{random:x}"
                );
            }
        }
        assert_eq!(ConnectionId::of_watching(SeatToken(7)), None);
        let speaks = ConnectionId::two_way(7, None).watching();
        assert_eq!(ConnectionId::of_watching(speaks), None);
    }

    #[test]
    fn a_client_has_the_number_that_it_said() {
        for number in [1, 7, ClientNumber::MAX] {
            let client = Some(number.try_into().unwrap());
            for random in [
                0,
                u64::MAX,
                OF_CLIENT,
                ONE_WAY | OF_CLIENT,
                0x1234_5678_9ABC_DEF0,
            ] {
                assert_eq!(ConnectionId::two_way(random, client).client(), client);
                assert_eq!(ConnectionId::two_way(random, None).client(), None);
            }
        }
    }
}
