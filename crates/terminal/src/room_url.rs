//! Where a lunch site is, and where a room is on it.

use std::fmt;
use std::str::FromStr;

use tablecast_client::protocol::RoomId;
use tablecast_client::url::{Host, Url};

/// What `join` accepts.
pub const ROOM_FORMS: &str = "http(s)://HOST/r/ID, ws(s)://HOST/ws/ID/ or HOST/r/ID, each with or without :PORT, and with a path before the last \
     two parts if the site has one";

/// What `create --server` accepts.
pub const SITE_FORMS: &str = "http(s)://HOST or HOST, each with or without :PORT, and with a path behind it if the site has one";

/// A room of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomUrl {
    /// Where the site is.
    pub site: Url,
    /// Which room.
    pub room: RoomId,
}

/// An address that is none; says what was wrong and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; allowed are {forms}")]
pub struct RoomUrlError {
    problem: String,
    forms: &'static str,
}

/// Reads the address of a site.
///
/// # Errors
/// It is none, or that of a room.
pub fn site(text: &str) -> Result<Url, RoomUrlError> {
    let site = read(text).and_then(|site| match room_at(site.path()) {
        Ok(_) => Err(format!("{:?} leads to a room", site.path())),
        Err(_) => Ok(site),
    });
    site.map_err(|problem| RoomUrlError {
        problem,
        forms: SITE_FORMS,
    })
}

impl FromStr for RoomUrl {
    type Err = RoomUrlError;

    fn from_str(text: &str) -> Result<Self, RoomUrlError> {
        let url = read(text).and_then(|mut site| {
            let (room, base) = room_at(site.path())?;
            site.set_path(&base);
            Ok(RoomUrl { site, room })
        });
        url.map_err(|problem| RoomUrlError {
            problem,
            forms: ROOM_FORMS,
        })
    }
}

/// Reads an address. Without a scheme it is https; and http for `localhost` and IP addresses,
/// which rarely have a certificate.
fn read(text: &str) -> Result<Url, String> {
    let parse = |scheme, rest| {
        let url = Url::parse(&format!("{scheme}://{rest}"));
        url.map_err(|error| error.to_string())
    };
    let named = text.split_once("://");
    let named = named.map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
    let (scheme, rest) = match &named {
        Some((scheme, rest)) => match scheme.as_str() {
            "http" | "ws" => ("http", *rest),
            "https" | "wss" => ("https", *rest),
            other => return Err(format!("{other:?} is no scheme for it")),
        },
        None => match parse("https", text)?.host() {
            Some(Host::Domain(name)) if !is_localhost(name) => ("https", text),
            _ => ("http", text),
        },
    };
    // The library takes the scheme's own port instead.
    if rest
        .split('/')
        .next()
        .is_some_and(|part| part.ends_with(':'))
    {
        return Err("its port is no number up to 65535".to_owned());
    }
    let mut url = parse(scheme, rest)?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a user name or password has no place in it".to_owned());
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn is_localhost(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether only this machine can reach a site.
pub fn is_this_machine(site: &Url) -> bool {
    match site.host() {
        Some(Host::Domain(name)) => is_localhost(name),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The room that a path leads to, and the path below which its site is.
fn room_at(path: &str) -> Result<(RoomId, String), String> {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    match parts.as_slice() {
        ["", base @ .., "r" | "ws", room] => {
            let room = room.parse();
            let room = room.map_err(|error| format!("the room's id is none: {error}"))?;
            let base = base.iter().map(|part| format!("/{part}")).collect();
            Ok((room, base))
        }
        _ => Err(format!("{path:?} leads to no room")),
    }
}

/// The path of the socket of the room that a path leads to.
pub(crate) fn socket_path(path: &str) -> Result<String, String> {
    let (room, base) = room_at(path)?;
    Ok(format!("{base}/ws/{room}/"))
}

/// Without a slash at its end: for people, and for what stands behind it.
pub(crate) fn shown(site: &Url) -> &str {
    site.as_str().trim_end_matches('/')
}

impl RoomUrl {
    /// The address of the socket.
    pub fn socket(&self) -> Url {
        let mut url = self.site.clone();
        // Of the same kind, so that it is always taken.
        let _ = url.set_scheme(if url.scheme() == "https" { "wss" } else { "ws" });
        let base = self.site.path().trim_end_matches('/');
        url.set_path(&format!("{base}/ws/{}/", self.room));
        url
    }
}

/// The address of the page, which is what people hand on.
impl fmt::Display for RoomUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/r/{}", shown(&self.site), self.room)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    #[test]
    fn every_form_leads_to_the_same_room() {
        for (text, page) in [
            ("http://h.example/r/a-b", "http://h.example/r/a-b"),
            ("https://H.example:443/r/a-b/", "https://h.example/r/a-b"),
            ("WSS://h.example/ws/a-b/", "https://h.example/r/a-b"),
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
            assert_eq!(text.parse::<RoomUrl>().unwrap().to_string(), page, "{text}");
        }
        let url: RoomUrl = "wss://h.example:8443/ws/a/".parse().unwrap();
        assert_eq!(url.socket().as_str(), "wss://h.example:8443/ws/a/");
        let below: RoomUrl = "http://h.example/lunch/r/a".parse().unwrap();
        assert_eq!(below.socket().as_str(), "ws://h.example/lunch/ws/a/");
        let site = site("h.example/lunch/").unwrap();
        assert_eq!(shown(&site), "https://h.example/lunch");
        let site = "[::1]:1/r/a".parse::<RoomUrl>().unwrap().site;
        assert_eq!(site.host(), Some(Host::Ipv6(Ipv6Addr::LOCALHOST)));
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
            ("http://:pw@h/r/a", "password"),
            ("just-an-id", "leads to no room"),
            ("http:///r/a", ""),
        ] {
            let error = text.parse::<RoomUrl>().unwrap_err().to_string();
            assert!(error.contains(named), "{text}: {error}");
            assert!(error.contains(ROOM_FORMS), "{text}: {error}");
        }
        let error = site("http://h/r/a").unwrap_err().to_string();
        assert!(error.contains(SITE_FORMS), "{error}");
    }

    #[test]
    fn a_redirect_leads_to_a_room() {
        for (path, socket) in [
            ("/ws/b/", Some("/ws/b/")),
            ("/ws/b", Some("/ws/b/")),
            ("/r/b", Some("/ws/b/")),
            ("/lunch/r/b", Some("/lunch/ws/b/")),
            ("/login", None),
            ("/ws/a/b", None),
            ("/", None),
        ] {
            assert_eq!(socket_path(path).ok().as_deref(), socket, "{path}");
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
            assert_eq!(is_this_machine(&site(text).unwrap()), own);
        }
    }
}
