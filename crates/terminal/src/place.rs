//! Where a lunch site is, and where a room is on it.

use std::fmt;
use std::str::FromStr;

use tablecast_client::protocol::RoomId;
use tablecast_client::{Address, AddressError};

/// What `join` accepts.
pub const ROOM_FORMS: &str = "http(s)://HOST/r/ID, ws(s)://HOST/ws/ID/ or HOST/r/ID, each with or without :PORT, and with a path before the last \
     two parts if the site has one";

/// What `create --server` accepts.
pub const SITE_FORMS: &str = "http(s)://HOST or HOST, each with or without :PORT, and with a path behind it if the site has one";

/// A room of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Where the site is: its path has no slash at its end, and is mostly empty.
    pub site: Address,
    /// Which room.
    pub room: RoomId,
}

/// An address that is none; says what was wrong and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; allowed are {forms}")]
pub struct PlaceError {
    problem: String,
    forms: &'static str,
}

/// Reads the address of a site.
///
/// # Errors
/// It is none, or that of a room.
pub fn site(text: &str) -> Result<Address, PlaceError> {
    let wrong = |problem: String| PlaceError {
        problem,
        forms: SITE_FORMS,
    };
    let site: Address = text
        .parse()
        .map_err(|AddressError(problem)| wrong(problem))?;
    match room_at(&site.path) {
        Ok(_) => Err(wrong(format!("{:?} leads to a room", site.path))),
        Err(_) => Ok(site.with_path(site.path.trim_end_matches('/'))),
    }
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let place = text.parse().and_then(|address: Address| {
            let (room, base) = room_at(&address.path)?;
            let site = address.with_path(base);
            Ok(Place { site, room })
        });
        place.map_err(|AddressError(problem)| PlaceError {
            problem,
            forms: ROOM_FORMS,
        })
    }
}

/// The room that a path leads to, and the path below which its site is.
fn room_at(path: &str) -> Result<(RoomId, String), AddressError> {
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    match parts.as_slice() {
        ["", base @ .., "r" | "ws", room] => {
            let no_id = |error| AddressError(format!("the room's id is none: {error}"));
            let room = room.parse().map_err(no_id)?;
            let base = base.iter().map(|part| format!("/{part}")).collect();
            Ok((room, base))
        }
        _ => Err(AddressError(format!("{path:?} leads to no room"))),
    }
}

/// The path of the socket of the room that a path leads to.
pub(crate) fn socket_path(path: &str) -> Result<String, AddressError> {
    let (room, base) = room_at(path)?;
    Ok(format!("{base}/ws/{room}/"))
}

impl Place {
    /// The address of the socket.
    pub fn socket(&self) -> Address {
        let path = format!("{}/ws/{}/", self.site.path, self.room);
        self.site.with_path(path)
    }
}

/// The address of the page, which is what people hand on.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/r/{}", self.site, self.room)
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
        assert_eq!(place.socket().socket(), "wss://h.example:8443/ws/a/");
        let below: Place = "http://h.example/lunch/r/a".parse().unwrap();
        assert_eq!(below.socket().socket(), "ws://h.example/lunch/ws/a/");
        let site = site("h.example/lunch/").unwrap();
        assert_eq!(site.to_string(), "https://h.example/lunch");
        assert_eq!("[::1]:1/r/a".parse::<Place>().unwrap().site.host(), "::1");
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
        let error = site("http://h/r/a").unwrap_err().to_string();
        assert!(error.contains(SITE_FORMS), "{error}");
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
            let moved = from.socket().moved(location).and_then(|to| {
                let socket = to.with_path(socket_path(&to.path)?);
                Ok(socket.to_string().parse::<Place>().unwrap())
            });
            let moved = moved.ok().map(|place| place.to_string());
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
            assert_eq!(site(text).unwrap().is_this_machine(), own);
        }
    }
}
