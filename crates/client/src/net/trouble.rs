//! Why a TLS handshake has failed, in words that say what to do.

use std::io;

use tokio_rustls::rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// The error of a handshake in plain words, where they are known.
pub(super) fn of_handshake(error: &io::Error) -> String {
    let inner = error.get_ref();
    let tls = inner.and_then(|inner| inner.downcast_ref::<Error>());
    tls.and_then(plain).unwrap_or_else(|| error.to_string())
}

fn plain(error: &Error) -> Option<String> {
    Some(match error {
        Error::InvalidCertificate(error) => return certificate(error),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what answers there does not speak TLS: say http:// or ws://".to_owned()
        }
        Error::AlertReceived(AlertDescription::UnrecognisedName) => {
            "it has no certificate for this name: use another name of it".to_owned()
        }
        _ => return None,
    })
}

fn certificate(error: &CertificateError) -> Option<String> {
    const ITS_OWN: &str = "nobody whom this machine trusts vouches for its certificate: if you do, name the file with \
                           the certificate of its authority in SSL_CERT_FILE";
    const AUTHORITY: &str = "its certificate is one of an authority, which no server may show: whoever runs it needs \
                             one with basicConstraints=CA:FALSE";
    Some(match error {
        // The second one: an authority of the same name, with another key, is trusted.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => ITS_OWN.to_owned(),
        CertificateError::NotValidForNameContext { presented, .. } => {
            let names: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            match names.as_slice() {
                [] => {
                    "its certificate is for no name: whoever runs it needs another one".to_owned()
                }
                names => format!(
                    "its certificate is not for this name, but for {}: use one of its names",
                    names.join(", ")
                ),
            }
        }
        CertificateError::ExpiredContext { time, not_after } => {
            let ago = days(time.as_secs().saturating_sub(not_after.as_secs()));
            format!(
                "its certificate has expired, {ago} ago: whoever runs it must renew it, if the clock of this machine is right"
            )
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            let in_time = days(not_before.as_secs().saturating_sub(time.as_secs()));
            format!(
                "its certificate is valid only in {in_time}: look whether the clock of this machine is right"
            )
        }
        // rustls hands it on as an error of another library.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            AUTHORITY.to_owned()
        }
        _ => return None,
    })
}

/// `a.example` of `DnsName("a.example")`, and `::1` of `IpAddress(::1)`.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').map_or(name, |(_, inner)| inner);
    inner.trim_end_matches(')').trim_matches('"')
}

fn days(seconds: u64) -> String {
    match seconds / 86_400 {
        0 => "less than a day".to_owned(),
        1 => "a day".to_owned(),
        days => format!("{days} days"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use tokio_rustls::rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    fn words(error: Error) -> String {
        of_handshake(&io::Error::new(io::ErrorKind::InvalidData, error))
    }

    #[test]
    fn what_is_wrong_with_a_certificate_is_said_with_what_to_do() {
        let at = |day: u64| UnixTime::since_unix_epoch(Duration::from_secs(day * 86_400));
        let for_names = |names: &[&str]| CertificateError::NotValidForNameContext {
            expected: ServerName::try_from("b.example").unwrap(),
            presented: names.iter().map(|name| (*name).to_owned()).collect(),
        };
        let expired = |not_after| CertificateError::ExpiredContext {
            time: at(100),
            not_after,
        };
        let early = CertificateError::NotValidYetContext {
            time: at(100),
            not_before: at(101),
        };
        for (error, parts) in [
            (
                CertificateError::UnknownIssuer,
                ["this machine trusts", "SSL_CERT_FILE"],
            ),
            (
                CertificateError::BadSignature,
                ["this machine trusts", "SSL_CERT_FILE"],
            ),
            (
                for_names(&[r#"DnsName("a.example")"#, "IpAddress(127.0.0.1)"]),
                ["not for this name", "for a.example, 127.0.0.1: use"],
            ),
            (for_names(&[]), ["for no name", "another one"]),
            (expired(at(97)), ["expired, 3 days ago", "renew it"]),
            (expired(at(100)), ["less than a day ago", "renew it"]),
            (early, ["only in a day", "clock"]),
        ] {
            let words = words(Error::InvalidCertificate(error));
            assert!(parts.iter().all(|part| words.contains(part)), "{words}");
        }
    }

    #[test]
    fn a_server_that_speaks_no_tls_or_has_another_name_is_told_apart() {
        let plain = words(Error::InvalidMessage(InvalidMessage::InvalidContentType));
        assert!(plain.contains("say http:// or ws://"), "{plain}");
        let other = words(Error::AlertReceived(AlertDescription::UnrecognisedName));
        assert!(other.contains("no certificate for this name"), "{other}");
    }

    #[test]
    fn what_is_not_known_keeps_the_words_of_the_library() {
        let error = Error::DecryptError;
        assert_eq!(words(Error::DecryptError), error.to_string());
        let broken = io::Error::from(io::ErrorKind::ConnectionReset);
        assert_eq!(of_handshake(&broken), broken.to_string());
    }
}
