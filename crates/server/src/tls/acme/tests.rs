//! When a certificate is renewed.
#![allow(clippy::unwrap_used)]

use rcgen::{CertificateParams, KeyPair, date_time_ymd};

use super::*;

#[test]
fn a_certificate_is_renewed_after_two_thirds_of_its_life_and_not_all_at_once() {
    let mut parameters = CertificateParams::new(["a.example".to_owned()]).unwrap();
    parameters.not_before = date_time_ymd(2026, 1, 1);
    parameters.not_after = date_time_ymd(2026, 4, 1);
    let day = Duration::from_secs(86_400);
    let at = || {
        let key = KeyPair::generate().unwrap();
        let pem = parameters.self_signed(&key).unwrap().pem() + &key.serialize_pem();
        let certificate = Certificate::from_pem("the test", pem.as_bytes()).unwrap();
        let at = renewal(&certificate);
        assert_eq!(at, renewal(&certificate), "it is the same after each start");
        let days = at.duration_since(certificate.not_before()).unwrap();
        // 60 of 90 days, and up to 4.5 days earlier.
        assert!(days <= day * 60 && days > day * 111 / 2, "{days:?}");
        at
    };
    let times: std::collections::BTreeSet<_> = (0..20).map(|_| at()).collect();
    assert!(times.len() > 3, "{times:?}");
}

#[test]
fn failures_are_repeated_ever_more_seldom_and_five_times_in_the_first_hour() {
    let pauses: Vec<_> = (1..20).map(pause).collect();
    assert!(pauses.is_sorted());
    assert_eq!(pauses.last(), Some(&LONGEST_PAUSE));
    assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    let ends = pauses.iter().scan(Duration::ZERO, |sum, pause| {
        *sum += *pause;
        Some(*sum)
    });
    // The attempt before the first pause is the fifth.
    assert_eq!(ends.filter(|end| *end <= HOUR).count(), 4);
}
