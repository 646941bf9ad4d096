//! Where something is on a server.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;

/// A server and a path there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// A name or an address, IPv6 in brackets.
    host: String,
    /// The TCP port.
    pub port: u16,
    /// The path, without what follows a `?`.
    pub path: String,
}

/// An address that is none: what is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AddressError(pub String);

impl Address {
    /// Its name, or its IP address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// What stands in `Host:`; the scheme's own port is left out.
    pub fn authority(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    /// Another path on the same server.
    pub fn with_path(&self, path: impl Into<String>) -> Address {
        Address {
            path: path.into(),
            ..self.clone()
        }
    }

    /// Whether only this machine can reach it.
    pub fn is_this_machine(&self) -> bool {
        let address = self.host().parse::<IpAddr>();
        is_localhost(&self.host) || address.is_ok_and(|address| address.is_loopback())
    }

    /// The address of a socket there.
    pub fn socket(&self) -> String {
        let scheme = if self.tls { "wss" } else { "ws" };
        format!("{scheme}://{}{}", self.authority(), self.path)
    }

    /// Where a redirect leads that answers a request for this.
    ///
    /// # Errors
    /// It leads nowhere, or from TLS to a connection that anybody can read.
    pub fn moved(&self, location: &str) -> Result<Address, AddressError> {
        let wrong = |what: &str| Err(AddressError(what.to_owned()));
        let scheme = if self.tls { "https" } else { "http" };
        let full = if location.is_empty() {
            return wrong("no address");
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            self.with_path(location).to_string()
        } else if location.contains("://") {
            location.to_owned()
        } else {
            self.with_path(beside(&self.path, location)).to_string()
        };
        let to: Address = full.parse()?;
        match self.tls && !to.tls {
            true => wrong("it is not encrypted"),
            false => Ok(to),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Without a scheme it is https; and http for `localhost` and IP addresses, which rarely
    /// have a certificate.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let wrong = |what: &str| Err(AddressError(what.to_owned()));
        let has_scheme = text.contains("://");
        // Which scheme is meant is decided below, when the host is known.
        let full = match has_scheme {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let uri: Uri = match full.parse() {
            Ok(uri) => uri,
            Err(error) => return Err(AddressError(error.to_string())),
        };
        let Some(authority) = uri.authority() else {
            return wrong("it names no host");
        };
        if authority.as_str().contains('@') {
            return wrong("a user name has no place in it");
        }
        let host = match authority.host() {
            "" => return wrong("it names no host"),
            host => host.to_ascii_lowercase(),
        };
        let tls = match uri.scheme_str().unwrap_or("") {
            _ if !has_scheme => !is_localhost(&host) && !is_ip(&host),
            "http" | "ws" => false,
            "https" | "wss" => true,
            other => return wrong(&format!("{other:?} is no scheme for it")),
        };
        let port = match authority.port_u16() {
            Some(port) => port,
            // A colon with nothing that is a port behind it.
            None if authority.as_str().len() > host.len() => {
                return wrong("its port is no number up to 65535");
            }
            None if tls => 443,
            None => 80,
        };
        Ok(Address {
            tls,
            host,
            port,
            path: uri.path().to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// The path that a relative one leads to, seen from `at` (RFC 3986, 5.2).
fn beside(at: &str, relative: &str) -> String {
    let (folder, _) = at.rsplit_once('/').unwrap_or_default();
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in relative.split('/') {
        match part {
            "." => {}
            // Above the first there is nothing.
            ".." => parts.truncate(parts.len().saturating_sub(1).max(1)),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn is_localhost(host: &str) -> bool {
    host == "localhost" || host.ends_with(".localhost")
}

fn is_ip(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}
