//! `tablecast create`: makes a room and shows where it is.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tablecast_client::protocol::{PersonKey, RoomId};
use tablecast_client::url::Url;
use tablecast_client::{Answer, post};
use tablecast_lunch::Item;
use unicode_width::UnicodeWidthStr;

use crate::failed::Failed;
use crate::lunch::Room;
use crate::qr;
use crate::room_url::{RoomUrl, is_this_machine, shown};
use crate::text::{sanitise, wrapped};
use crate::words::Lang;

/// The settings of the new room. Without one the server uses its default.
#[derive(Serialize)]
pub(crate) struct Wanted {
    /// Whoever joins with this key is host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) person: Option<PersonKey>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) title: Option<String>,
    /// How long it lives.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) minutes: Option<u32>,
    /// After how many minutes the votes decide. So no clocks need to agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) decide_in: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hidden_votes: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) votes_each: Option<u32>,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// A refusal, as RFC 9457 has it.
#[derive(Deserialize)]
struct Problem {
    detail: String,
}

/// Makes a room.
pub(crate) async fn make(site: &Url, wanted: &Wanted) -> Result<RoomUrl, Failed> {
    ask(site, "/session/", wanted).await
}

/// The room that follows this one, which is made if nobody has asked for it yet. Where the server
/// knows nothing of this one any more, the next one gets what is `known` of it here.
pub(crate) async fn again(
    url: &RoomUrl,
    person: PersonKey,
    known: Option<&Room>,
) -> Result<RoomUrl, Failed> {
    let path = format!("/session/{}/again", url.room);
    let mut wanted = json!({ "person": person });
    if let Some(table) = known.map(|room| &room.state) {
        let dish = |item: &Arc<Item>| json!({ "item": item.item, "name": item.name });
        wanted["menu"] = table.items.iter().map(dish).collect();
        if let Some(title) = &table.title {
            wanted["title"] = (**title).into();
        }
    }
    ask(&url.site, &path, &wanted).await
}

/// Asks a site for a room.
async fn ask(site: &Url, path: &str, wanted: &impl Serialize) -> Result<RoomUrl, Failed> {
    let body = serde_json::to_string(wanted).unwrap_or_default();
    let mut address = site.clone();
    address.set_path(&format!("{}{path}", site.path().trim_end_matches('/')));
    let (answer, mut moved) = post(&address, &body)
        .await
        .map_err(|error| Failed::Refused(error.to_string()))?;
    // Where the same path is found below another one, the site has moved there.
    let base = moved.path().strip_suffix(path);
    let base = base.unwrap_or_default().to_owned();
    moved.set_path(&base);
    moved.set_query(None);
    moved.set_fragment(None);
    // Under another host's name the user would be another person, who is not the host of the room.
    // Whatever is asked of this one is led there, too.
    let is_same = moved.host_str() == site.host_str();
    let site = if is_same { moved } else { site.clone() };
    // The room that follows another one may be there.
    if ![200, 201].contains(&answer.status.as_u16()) {
        return Err(Failed::Refused(refusal(&site, &answer)));
    }
    let made: Option<Made> = serde_json::from_slice(&answer.body).ok();
    let room: Option<RoomId> = made.and_then(|made| made.id.parse().ok());
    match room {
        Some(room) => Ok(RoomUrl { site, room }),
        None => {
            let what = format!("{} is no Tablecast server", shown(&site));
            Err(Failed::Refused(what))
        }
    }
}

fn refusal(site: &Url, answer: &Answer) -> String {
    let Ok(problem) = serde_json::from_slice::<Problem>(&answer.body) else {
        let moved = answer.moved.as_deref();
        let to = moved.map(|to| format!(", to {}", sanitise(to)));
        let (status, to) = (answer.status, to.unwrap_or_default());
        let site = shown(site);
        let words = answer.words().unwrap_or("is it a Tablecast server?");
        return format!("{site} answers {status}{to}: {words}");
    };
    let again = answer
        .retry_after
        .map(|seconds| format!("; try again in {seconds} s"));
    format!("{}{}", sanitise(&problem.detail), again.unwrap_or_default())
}

/// Prints where the room is. People get all links and a QR code, a pipe gets the link alone.
/// `columns`: the width of the terminal, if it is one. The links come last, so that they are
/// seen on a terminal with few rows too.
pub(crate) fn print(
    out: &mut impl Write,
    lang: &Lang,
    url: &RoomUrl,
    columns: Option<u16>,
) -> io::Result<()> {
    let Some(columns) = columns else {
        return writeln!(out, "{url}");
    };
    match qr::code(&url.to_string(), columns) {
        Some(code) => write!(out, "{code}")?,
        None => write!(out, "{}", wrapped(lang.too_narrow, columns))?,
    }
    if is_this_machine(&url.site) {
        write!(out, "{}", wrapped(&advice(lang, url), columns))?;
    }
    let (page, socket) = (url.to_string(), url.socket().into());
    let links = [
        (lang.in_a_browser, "", page.clone()),
        (lang.in_a_terminal, "tablecast join", page),
        (lang.by_hand, "websocat", socket),
    ];
    for (label, command, link) in links {
        write!(out, "{}", linked(label, command, &link, columns))?;
    }
    out.flush()
}

/// What to do so that other machines can open the room.
fn advice(lang: &Lang, url: &RoomUrl) -> String {
    let port = url.site.port_or_known_default().unwrap_or_default();
    let only_here = lang.only_here;
    // A proxy listens there: this server has no TLS.
    if url.site.scheme() == "https" {
        return only_here.to_owned();
    }
    let other = match own_address() {
        Some(address) => SocketAddr::new(address, port).to_string(),
        None => format!("{}:{port}", lang.some_address),
    };
    let advice = (lang.listen_to_all)(port, &format!("http://{other}"));
    format!("{only_here} {advice}")
}

/// The address of this machine in its network, if it has one. Nothing is sent: the system only
/// says which address it would send from.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737). It is in no network, so this takes the default
    // route.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let address = socket.local_addr().ok()?.ip();
    (!address.is_loopback() && !address.is_unspecified()).then_some(address)
}

/// A link behind its label, or below it if they do not fit on a line together. A command that
/// is longer than a line goes on in the next one, as a shell reads it.
fn linked(label: &str, command: &str, link: &str, columns: u16) -> String {
    let columns = usize::from(columns);
    let blank = if command.is_empty() { "" } else { " " };
    let line = format!("{command}{blank}{link}");
    if label.width() + 1 + line.width() <= columns {
        format!("{label} {line}\n")
    } else if line.width() <= columns || command.is_empty() {
        format!("{label}\n{line}\n")
    } else {
        format!("{label}\n{command} \\\n{link}\n")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::words::{ENGLISH, KOREAN};

    #[test]
    fn links_come_last_and_nothing_is_broken_within_a_word() {
        let id = "0b5a5b5e-6c3e-4a57-b0f8-2f7c6d0b9d1e";
        for (host, columns) in [
            ("127.0.0.1:8100", 80),
            ("127.0.0.1:8100", 100),
            ("127.0.0.1:8100", 60),
            ("[::1]:9000", 80),
            ("192.168.100.100:8100", 80),
            ("lunch.example.org", 200),
        ] {
            for (lang, advice) in [(&ENGLISH, "Phones cannot"), (&KOREAN, "휴대폰에서는")] {
                let url: RoomUrl = format!("http://{host}/r/{id}").parse().unwrap();
                let mut out = Vec::new();
                print(&mut out, lang, &url, Some(columns)).unwrap();
                let text = String::from_utf8(out).unwrap();
                let lines: Vec<&str> = text.lines().collect();
                let (code, rest): (Vec<&str>, Vec<&str>) =
                    lines.iter().partition(|line| line.starts_with('\u{1b}'));
                assert!(lines.starts_with(&code), "{text}");
                for line in &rest {
                    assert!(line.width() <= usize::from(columns), "{line}");
                }
                let rest = rest.join("\n");
                let read = rest.replace(" \\\n", " ");
                for link in [
                    url.to_string(),
                    format!("tablecast join {url}"),
                    format!("websocat {}", url.socket()),
                ] {
                    assert!(read.contains(&link), "no {link}: {text}");
                }
                assert!(read.trim_end().ends_with(url.socket().as_str()), "{text}");
                assert_eq!(rest.contains(advice), is_this_machine(&url.site));
                assert!(!rest.contains(":8000"), "{rest}");
                if rest.contains(advice) {
                    let port = url.site.port_or_known_default().unwrap();
                    assert!(rest.contains(&format!("0.0.0.0:{port}")), "{rest}");
                }
            }
        }
        let url: RoomUrl = format!("https://localhost:8443/r/{id}").parse().unwrap();
        let mut out = Vec::new();
        print(&mut out, &ENGLISH, &url, Some(80)).unwrap();
        assert!(!String::from_utf8(out).unwrap().contains("--listen"));
    }
}
