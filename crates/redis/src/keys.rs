//! Names of keys and channels, and their Cluster slots.

use tablecast_core::id::RoomId;

/// How many slots a Redis Cluster has.
pub(crate) const SLOTS: u16 = 16384;

/// Makes the names. All names of one room share the hash tag `{ROOM}`, so they are in one
/// slot, and one script may use them together.
#[derive(Debug)]
pub(crate) struct Keys {
    prefix: String,
}

/// The names of one room.
pub(crate) struct RoomKeys {
    pub(crate) state: String,
    pub(crate) log: String,
    pub(crate) channel: String,
    pub(crate) slot: u16,
}

/// The names of what nodes know of each other. Nodes of an earlier version know the leases
/// alone, and take each member of that set for a node; so the forms have a key of their own.
pub(crate) struct NodeKeys {
    pub(crate) leases: String,
    pub(crate) forms: String,
    /// The hints of rooms' alarms. Nodes of an earlier version do not touch it.
    pub(crate) alarms: String,
    pub(crate) slot: u16,
}

impl RoomKeys {
    /// The key of the room's result. Few calls need it, so it is made on demand.
    pub(crate) fn keepsake(&self) -> String {
        [&self.channel, ":keepsake"].concat()
    }
}

impl Keys {
    pub(crate) fn new(prefix: &str) -> Self {
        Keys {
            prefix: prefix.to_owned(),
        }
    }

    pub(crate) fn room(&self, room: &RoomId) -> RoomKeys {
        let channel = self.channel(room);
        RoomKeys {
            state: [&channel, ":state"].concat(),
            log: [&channel, ":log"].concat(),
            slot: slot(channel.as_bytes()),
            channel,
        }
    }

    pub(crate) fn channel(&self, room: &RoomId) -> String {
        [&self.prefix, "{", room.as_str(), "}"].concat()
    }

    /// Two keys for trying a change, and their slot, which depends on the number.
    pub(crate) fn check(&self, number: u32) -> ([String; 2], u16) {
        let stem = format!("{}check:{{{number}}}", self.prefix);
        let slot = slot(stem.as_bytes());
        ([[&stem, ":state"].concat(), [&stem, ":log"].concat()], slot)
    }

    pub(crate) fn nodes(&self) -> NodeKeys {
        let leases = format!("{}nodes", self.prefix);
        NodeKeys {
            // The tag gives them the slot of the leases.
            forms: format!("{}forms{{{leases}}}", self.prefix),
            alarms: format!("{}alarms{{{leases}}}", self.prefix),
            slot: slot(leases.as_bytes()),
            leases,
        }
    }
}

/// The slot of a key or channel: CRC-16/XMODEM of its hash tag, or of all of it.
pub(crate) fn slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

/// The text between the first `{` and the next `}`, or the whole key if that is empty.
fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|b| *b == b'{') else {
        return key;
    };
    match key[open + 1..].iter().position(|b| *b == b'}') {
        None | Some(0) => key,
        Some(length) => &key[open + 1..open + 1 + length],
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (crc << 8) ^ CRC16[usize::from((crc >> 8) as u8 ^ byte)]
    })
}

/// The effect of each byte on the CRC.
const CRC16: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_cluster_specification() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
        // As `CLUSTER KEYSLOT` answers.
        assert_eq!(slot(b"foo"), 12182);
        assert_eq!(slot(b"{foo}:bar"), 12182);
        assert_eq!(slot(b"a{}b"), slot(b"a{}b"));
        assert_eq!(hash_tag(b"a{}b"), b"a{}b");
        assert_eq!(hash_tag(b"a{b}{c}"), b"b");
    }

    #[test]
    fn all_names_of_a_room_fall_into_one_slot() {
        let keys = Keys::new("tablecast:");
        let room: RoomId = "lunch-1".parse().unwrap();
        let names = keys.room(&room);
        assert_eq!(names.state, "tablecast:{lunch-1}:state");
        assert_eq!(slot(names.state.as_bytes()), names.slot);
        assert_eq!(slot(names.log.as_bytes()), names.slot);
        assert_eq!(names.keepsake(), "tablecast:{lunch-1}:keepsake");
        assert_eq!(slot(names.keepsake().as_bytes()), names.slot);
    }

    #[test]
    fn the_forms_of_the_nodes_and_the_alarms_are_in_the_slot_of_the_leases() {
        let names = Keys::new("tablecast:").nodes();
        assert_eq!(names.leases, "tablecast:nodes");
        assert_eq!(names.forms, "tablecast:forms{tablecast:nodes}");
        assert_eq!(slot(names.leases.as_bytes()), names.slot);
        assert_eq!(slot(names.forms.as_bytes()), names.slot);
        assert_eq!(names.alarms, "tablecast:alarms{tablecast:nodes}");
        assert_eq!(slot(names.alarms.as_bytes()), names.slot);
    }
}
