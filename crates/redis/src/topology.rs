//! Which server a slot belongs to. A standalone server is a Cluster of one that
//! has all slots.

use std::sync::Arc;

use redis::Value;

use crate::keys::SLOTS;
use crate::node::Node;

/// Who has which slots.
#[derive(Default)]
pub(crate) struct Topology {
    /// First slot, last slot, index into `nodes`; sorted.
    ranges: Vec<(u16, u16, usize)>,
    nodes: Vec<Arc<Node>>,
}

impl Topology {
    /// One server for everything.
    pub(crate) fn standalone(node: Arc<Node>) -> Self {
        Topology {
            ranges: vec![(0, SLOTS - 1, 0)],
            nodes: vec![node],
        }
    }

    /// What a server of the Cluster told; `node` gives the server at an address.
    pub(crate) fn cluster(
        table: &[SlotRange],
        mut node: impl FnMut(&Address) -> Arc<Node>,
    ) -> Self {
        let mut topology = Topology::default();
        for range in table {
            let known = topology
                .nodes
                .iter()
                .position(|node| node.is_at(&range.address));
            let index = known.unwrap_or_else(|| {
                topology.nodes.push(node(&range.address));
                topology.nodes.len() - 1
            });
            topology.ranges.push((range.first, range.last, index));
        }
        topology.ranges.sort_unstable();
        topology
    }

    pub(crate) fn owner(&self, slot: u16) -> Option<&Arc<Node>> {
        let next = self.ranges.partition_point(|(first, _, _)| *first <= slot);
        let (_, last, index) = self.ranges.get(next.checked_sub(1)?)?;
        if slot <= *last {
            self.nodes.get(*index)
        } else {
            None
        }
    }

    pub(crate) fn nodes(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    pub(crate) fn at(&self, address: &Address) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.is_at(address))
    }

    /// How many slots have no server.
    pub(crate) fn uncovered(&self) -> u16 {
        let covered: u16 = self
            .ranges
            .iter()
            .map(|(first, last, _)| last - first + 1)
            .sum();
        SLOTS.saturating_sub(covered)
    }

    /// Whether every slot belongs to the same server object in both.
    pub(crate) fn same_as(&self, other: &Topology) -> bool {
        self.ranges == other.ranges
            && self.nodes.len() == other.nodes.len()
            && self
                .nodes
                .iter()
                .zip(&other.nodes)
                .all(|(a, b)| Arc::ptr_eq(a, b))
    }
}

/// Where a server of a Cluster listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// From `HOST:PORT` of a redirection. Redis leaves the host out when it does
    /// not know it; then it is that of the server that answered.
    pub(crate) fn parse(text: &str, answered: &str) -> Option<Address> {
        let (host, port) = text.rsplit_once(':')?;
        let host = if matches!(host, "" | "?") {
            answered
        } else {
            host
        };
        Some(Address {
            host: host.to_owned(),
            port: port.parse().ok()?,
        })
    }
}

/// Some slots and their server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SlotRange {
    first: u16,
    last: u16,
    address: Address,
}

/// The answer to `CLUSTER SLOTS`, which every version knows (`CLUSTER SHARDS`
/// came with 7.0), from the server at `answered`.
pub(crate) fn slot_table(answer: Value, answered: &str) -> Option<Vec<SlotRange>> {
    let Value::Array(entries) = answer else {
        return None;
    };
    entries
        .into_iter()
        .map(|entry| slot_range(entry, answered))
        .collect()
}

fn slot_range(entry: Value, answered: &str) -> Option<SlotRange> {
    let Value::Array(fields) = entry else {
        return None;
    };
    let [
        Value::Int(first),
        Value::Int(last),
        Value::Array(primary),
        ..,
    ] = &fields[..]
    else {
        return None;
    };
    let [host, Value::Int(port), ..] = &primary[..] else {
        return None;
    };
    let host = match host {
        Value::BulkString(host) => std::str::from_utf8(host).ok()?,
        Value::SimpleString(host) => host,
        Value::Nil => "",
        _ => return None,
    };
    let host = if matches!(host, "" | "?") {
        answered
    } else {
        host
    };
    let (first, last) = (u16::try_from(*first).ok()?, u16::try_from(*last).ok()?);
    (first <= last && last < SLOTS).then_some(SlotRange {
        first,
        last,
        address: Address {
            host: host.to_owned(),
            port: u16::try_from(*port).ok()?,
        },
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn entry(first: i64, last: i64, host: Value, port: i64) -> Value {
        let primary = Value::Array(vec![
            host,
            Value::Int(port),
            Value::BulkString(b"id".to_vec()),
        ]);
        Value::Array(vec![Value::Int(first), Value::Int(last), primary])
    }

    #[test]
    fn a_server_that_does_not_know_its_name_is_where_it_answered() {
        let named = Value::BulkString(b"b".to_vec());
        let answer = Value::Array(vec![
            entry(0, 99, Value::Nil, 1),
            entry(100, 16383, named, 2),
        ]);
        let hosts: Vec<_> = slot_table(answer, "a")
            .unwrap()
            .into_iter()
            .map(|range| range.address.host)
            .collect();
        assert_eq!(hosts, ["a", "b"]);
        assert_eq!(
            Address::parse(":7000", "a"),
            Some(Address {
                host: "a".into(),
                port: 7000
            })
        );
        assert_eq!(
            Address::parse("::1:7000", "a"),
            Some(Address {
                host: "::1".into(),
                port: 7000
            })
        );
        assert_eq!(Address::parse("b:x", "a"), None);
    }

    #[test]
    fn a_malformed_slot_table_is_refused_whole() {
        for bad in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![entry(5, 4, Value::Nil, 1)]),
            Value::Array(vec![entry(0, 16384, Value::Nil, 1)]),
            Value::Array(vec![entry(-1, 3, Value::Nil, 1)]),
            Value::Array(vec![entry(0, 3, Value::Nil, 65536)]),
        ] {
            assert_eq!(slot_table(bad, "a"), None);
        }
    }
}
