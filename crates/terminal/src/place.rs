//! Where a server is, and where a room is on it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;
use tablecast_protocol::RoomId;

/// What `join` accepts.
pub const ROOM_FORMS: &str = "http(s)://HOST/r/ID, ws(s)://HOST/ws/ID/ or HOST/r/ID, each with or without :PORT, and with a path before the last \
     two parts if the site has one";

/// What `create --server` accepts.
pub const SERVER_FORMS: &str = "http(s)://HOST or HOST, each with or without :PORT, and with a path behind it if the site has one";

/// A server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Whether it is spoken to over TLS.
    pub tls: bool,
    /// A name or an address, IPv6 in brackets.
    host: String,
    /// The TCP port.
    pub port: u16,
    /// The path below which the site is, without a slash at its end; mostly empty.
    pub base: String,
}

/// A room of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where it is.
    pub server: Server,
    /// Which one.
    pub room: RoomId,
}

/// An address that is none; says what was wrong and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; allowed are {forms}")]
pub struct PlaceError {
    problem: String,
    forms: &'static str,
}

impl Server {
    /// Its name, or its address without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_matches(['[', ']'])
    }

    /// Whether only this machine can reach it.
    pub fn is_this_machine(&self) -> bool {
        let address = self.host().parse::<IpAddr>();
        is_localhost(&self.host) || address.is_ok_and(|address| address.is_loopback())
    }

    /// What stands in `Host:`; the scheme's own port is left out.
    pub fn authority(&self) -> String {
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => self.host.clone(),
            (_, port) => format!("{}:{port}", self.host),
        }
    }

    fn origin(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Where a redirect leads that answers a request for the path `at` here: to which
    /// server, and which path there.
    ///
    /// # Errors
    /// It leads nowhere, or from TLS to a connection that anybody can read.
    pub(crate) fn moved(&self, at: &str, location: &str) -> Result<(Server, String), String> {
        let scheme = if self.tls { "https" } else { "http" };
        let full = if location.is_empty() {
            return Err("no address".to_owned());
        } else if location.starts_with("//") {
            format!("{scheme}:{location}")
        } else if location.starts_with('/') {
            format!("{}{location}", self.origin())
        } else if location.contains("://") {
            location.to_owned()
        } else {
            format!("{}{}", self.origin(), beside(at, location))
        };
        let (server, path) = Server::read(&full)?;
        match self.tls && !server.tls {
            true => Err("it is not encrypted".to_owned()),
            false => Ok((server, path)),
        }
    }

    /// Reads the parts before the path, and gives the path back.
    fn read(text: &str) -> Result<(Server, String), String> {
        let has_scheme = text.contains("://");
        // Which scheme is meant is decided below, when the host is known.
        let full = match has_scheme {
            true => text.to_owned(),
            false => format!("http://{text}"),
        };
        let uri: Uri = full.parse().map_err(|error| format!("{error}"))?;
        let authority = uri.authority().ok_or("it names no host")?;
        if authority.as_str().contains('@') {
            return Err("a user name has no place in it".to_owned());
        }
        let host = match authority.host() {
            "" => return Err("it names no host".to_owned()),
            host => host.to_ascii_lowercase(),
        };
        let tls = match uri.scheme_str() {
            _ if !has_scheme => !is_localhost(&host) && !is_address(&host),
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            other => return Err(format!("{:?} is no scheme for it", other.unwrap_or(""))),
        };
        let port = match authority.port_u16() {
            Some(port) => port,
            // A colon with nothing that is a port behind it.
            None if authority.as_str().len() > host.len() => {
                return Err("its port is no number up to 65535".to_owned());
            }
            None if tls => 443,
            None => 80,
        };
        let base = String::new();
        let server = Server {
            tls,
            host,
            port,
            base,
        };
        Ok((server, uri.path().to_owned()))
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

fn is_address(host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

impl FromStr for Server {
    type Err = PlaceError;

    /// Without a scheme it is https; and http for `localhost` and IP addresses, which rarely
    /// have a certificate.
    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let wrong = |problem: String| PlaceError {
            problem,
            forms: SERVER_FORMS,
        };
        let (mut server, path) = Server::read(text).map_err(wrong)?;
        if room_at(&path).is_ok() {
            return Err(wrong(format!("{path:?} leads to a room")));
        }
        server.base = path.trim_end_matches('/').to_owned();
        Ok(server)
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let wrong = |problem: String| PlaceError {
            problem,
            forms: ROOM_FORMS,
        };
        let (server, path) = Server::read(text).map_err(wrong)?;
        Place::at(server, &path).map_err(wrong)
    }
}

/// The room that a path leads to, and the path below which its site is.
fn room_at(path: &str) -> Result<(RoomId, String), String> {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    match parts.as_slice() {
        ["", base @ .., "r" | "ws", room] => {
            let room = room
                .parse()
                .map_err(|error| format!("the room's id is none: {error}"))?;
            let base = base.iter().map(|part| format!("/{part}")).collect();
            Ok((room, base))
        }
        _ => Err(format!("{path:?} leads to no room")),
    }
}

impl Place {
    /// Where a redirect from here leads.
    ///
    /// # Errors
    /// It leads to no room, or from TLS to a connection that anybody can read.
    pub(crate) fn moved(&self, location: &str) -> Result<Place, String> {
        let (server, path) = self.server.moved(&self.path(), location)?;
        Place::at(server, &path)
    }

    fn at(mut server: Server, path: &str) -> Result<Place, String> {
        let (room, base) = room_at(path)?;
        server.base = base;
        Ok(Place { server, room })
    }

    /// The address of the socket.
    pub fn socket(&self) -> String {
        let scheme = if self.server.tls { "wss" } else { "ws" };
        format!("{scheme}://{}{}", self.server.authority(), self.path())
    }

    fn path(&self) -> String {
        format!("{}/ws/{}/", self.server.base, self.room)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.base)
    }
}

/// The address of the page, which is what people hand on.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/r/{}", self.server, self.room)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_form_leads_to_the_same_room() {
        for (text, page) in [
            ("http://h.example/r/a-b", "http://h.example/r/a-b"),
            ("https://H.example:443/r/a-b/", "https://h.example/r/a-b"),
            ("wss://h.example/ws/a-b/", "https://h.example/r/a-b"),
            ("ws://h.example:8000/ws/a-b", "http://h.example:8000/r/a-b"),
            ("h.example/r/a-b", "https://h.example/r/a-b"),
            ("h.example/r/a-b?lang=ko#x", "https://h.example/r/a-b"),
            ("127.0.0.1:8000/r/a-b", "http://127.0.0.1:8000/r/a-b"),
            ("localhost:8000/r/a-b", "http://localhost:8000/r/a-b"),
            ("[::1]:8000/r/a-b", "http://[::1]:8000/r/a-b"),
            ("http://[::1]/r/a-b", "http://[::1]/r/a-b"),
            ("h.example/lunch/r/a-b/", "https://h.example/lunch/r/a-b"),
            ("ws://h.example/a/b/ws/a-b/", "http://h.example/a/b/r/a-b"),
        ] {
            assert_eq!(text.parse::<Place>().unwrap().to_string(), page, "{text}");
        }
        let place: Place = "wss://h.example:8443/ws/a/".parse().unwrap();
        assert_eq!(place.socket(), "wss://h.example:8443/ws/a/");
        let below: Place = "http://h.example/lunch/r/a".parse().unwrap();
        assert_eq!(below.socket(), "ws://h.example/lunch/ws/a/");
        let site: Server = "h.example/lunch/".parse().unwrap();
        assert_eq!(site.to_string(), "https://h.example/lunch");
        assert_eq!("[::1]:1/r/a".parse::<Place>().unwrap().server.host(), "::1");
    }

    #[test]
    fn a_wrong_address_is_told_what_is_wrong_and_what_is_allowed() {
        for (text, named) in [
            ("", "empty"),
            ("ftp://h/r/a", "\"ftp\""),
            ("http://h/", "\"/\" leads to no room"),
            ("http://h/x/a", "\"/x/a\""),
            ("http://h/r/", "\"/r/\""),
            ("http://h/r/a/b", "\"/r/a/b\""),
            ("http://h/r/a%20b", "id"),
            ("http://h:99999/r/a", "port"),
            ("http://h:/r/a", "port"),
            ("http://me@h/r/a", "user name"),
            ("just-an-id", "leads to no room"),
            ("http:///r/a", ""),
        ] {
            let error = text.parse::<Place>().unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
            assert!(error.contains(ROOM_FORMS), "{text}: {error}");
        }
        let error = "http://h/r/a".parse::<Server>().unwrap_err().to_string();
        assert!(error.contains(SERVER_FORMS), "{error}");
    }

    #[test]
    fn a_redirect_leads_to_a_room_and_never_out_of_tls() {
        let plain: Place = "http://h:8000/r/a".parse().unwrap();
        let secret: Place = "https://h/r/a".parse().unwrap();
        let below: Place = "http://h/lunch/r/a".parse().unwrap();
        for (from, location, to) in [
            (&plain, "https://h/ws/a/", Some("https://h/r/a")),
            (
                &plain,
                "wss://other:1/ws/b/?x=1",
                Some("https://other:1/r/b"),
            ),
            (&plain, "/ws/b/", Some("http://h:8000/r/b")),
            (&below, "/ws/b/", Some("http://h/r/b")),
            (&below, "/lunch/ws/b/", Some("http://h/lunch/r/b")),
            (&below, "../b/", Some("http://h/lunch/r/b")),
            (&below, "./../../../ws/b", Some("http://h/r/b")),
            (&below, "../../../../../../r/b", Some("http://h/r/b")),
            (&secret, "//other/ws/b/", Some("https://other/r/b")),
            (&secret, "http://h/ws/a/", None),
            (&secret, "ws://h/ws/a/", None),
            (&plain, "/login", None),
            (&plain, "b", None),
            (&plain, "", None),
            (&plain, "ftp://h/ws/a/", None),
        ] {
            let moved = from.moved(location).ok().map(|place| place.to_string());
            assert_eq!(moved.as_deref(), to, "{location}");
        }
    }

    #[test]
    fn a_server_knows_whether_others_can_reach_it() {
        for (text, own) in [
            ("localhost:8000", true),
            ("127.0.0.1", true),
            ("[::1]:80", true),
            ("10.0.0.1", false),
            ("h.example", false),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().is_this_machine(), own);
        }
    }
}
