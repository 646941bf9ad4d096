//! How often one address may do something.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tablecast_core::limits::{Bucket, Buckets, Rate};

/// A [`Rate`] for each address.
#[derive(Debug)]
pub struct PerAddress {
    rate: Rate,
    begin: Instant,
    buckets: Mutex<Buckets<IpAddr>>,
}

impl PerAddress {
    /// A rate without any addresses yet.
    pub fn new(rate: Rate) -> Self {
        PerAddress {
            rate,
            begin: Instant::now(),
            buckets: Mutex::default(),
        }
    }

    /// Counts one for this address.
    ///
    /// # Errors
    /// Too often: how long to wait.
    pub fn take(&self, address: IpAddr) -> Result<(), Duration> {
        self.with(address, |bucket, now| bucket.take(self.rate, now))
    }

    /// Checks whether [`PerAddress::take`] would succeed, without counting.
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, address: IpAddr) -> Result<(), Duration> {
        self.with(address, |bucket, now| {
            (*bucket).clone().take(self.rate, now)
        })
    }

    fn with<T>(
        &self,
        address: IpAddr,
        ask: impl FnOnce(&mut Bucket, Duration) -> Result<T, Duration>,
    ) -> Result<T, Duration>
    where
        T: Default,
    {
        if !self.rate.is_on() {
            return Ok(T::default());
        }
        let now = self.begin.elapsed();
        let mut buckets = self.buckets.lock();
        ask(buckets.of(network(address), now), now)
    }
}

/// What counts as one address: an IPv6 subscriber has a /64 at least (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address => address,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tablecast_core::limits::BUCKETS;

    use super::*;

    const ONE_AN_HOUR: Rate = Rate {
        per_second: 1.0 / 3600.0,
        burst: 2,
    };

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_address_has_its_own_count() {
        let limit = PerAddress::new(ONE_AN_HOUR);
        let (a, b) = (address("10.0.0.1"), address("10.0.0.2"));
        assert!(limit.check(a).is_ok());
        assert!(limit.take(a).is_ok() && limit.take(a).is_ok());
        assert!(limit.take(a).is_err() && limit.check(a).is_err());
        assert!(limit.take(b).is_ok());
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_a_mapped_ipv4_is_itself() {
        assert_eq!(
            network(address("2001:db8::1")),
            network(address("2001:db8::ffff:2"))
        );
        assert_ne!(
            network(address("2001:db8::1")),
            network(address("2001:db8:0:1::1"))
        );
        assert_eq!(network(address("::ffff:10.0.0.1")), address("10.0.0.1"));
    }

    #[test]
    fn a_rate_of_zero_counts_nothing() {
        let limit = PerAddress::new(Rate::OFF);
        assert!((0..1000).all(|_| limit.take(address("10.0.0.1")).is_ok()));
        assert!(limit.buckets.lock().is_empty());
    }

    #[test]
    fn memory_is_bounded_and_the_rest_share_one_count() {
        let limit = PerAddress::new(ONE_AN_HOUR);
        for n in 0..BUCKETS as u32 {
            assert!(
                limit
                    .take(IpAddr::from((n | 0x0a00_0000).to_be_bytes()))
                    .is_ok()
            );
        }
        let late = |n: u8| limit.take(IpAddr::from([192, 0, 2, n]));
        assert!(late(1).is_ok() && late(2).is_ok());
        assert!(late(3).is_err());
        assert_eq!(limit.buckets.lock().len(), BUCKETS);
    }
}
