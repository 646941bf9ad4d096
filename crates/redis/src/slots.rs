//! The slot table of a Cluster: which server has which slots.

use std::ops::RangeInclusive;

use redis::{FromRedisValue, Value};

use crate::keys::SLOTS;

/// Where a server of a Cluster listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Address {
    /// Redis omits the host if it does not know it; then the host is that of the server
    /// that answered.
    fn new(host: &str, port: u16, answered: &str) -> Address {
        let host = if matches!(host, "" | "?") {
            answered
        } else {
            host
        };
        Address {
            host: host.to_owned(),
            port,
        }
    }

    /// From `HOST:PORT` of a redirection.
    pub(crate) fn parse(text: &str, answered: &str) -> Option<Address> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Address::new(host, port.parse().ok()?, answered))
    }
}

/// Some slots and their server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SlotRange {
    pub(crate) slots: RangeInclusive<u16>,
    pub(crate) address: Address,
}

/// Reads the answer to `CLUSTER SLOTS` from the server at `answered`. Every version has
/// this command (`CLUSTER SHARDS` came with 7.0).
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
    fn next<T: FromRedisValue>(fields: &mut impl Iterator<Item = Value>) -> Option<T> {
        redis::from_redis_value(fields.next()?).ok()
    }
    let number = |value: i64| u16::try_from(value).ok();
    let mut fields = entry.into_sequence().ok()?.into_iter();
    let (first, last) = (number(next(&mut fields)?)?, number(next(&mut fields)?)?);
    let mut primary = next::<Vec<Value>>(&mut fields)?.into_iter();
    let host: Option<String> = next(&mut primary)?;
    let port = number(next(&mut primary)?)?;
    (first <= last && last < SLOTS).then(|| SlotRange {
        slots: first..=last,
        address: Address::new(&host.unwrap_or_default(), port, answered),
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
