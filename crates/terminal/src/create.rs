//! `tablecast create`: makes a room and shows where it is.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use tablecast_core::id::RoomId;

use crate::cli::Failed;
use crate::net::{self, Answer};
use crate::place::{Place, Server};
use crate::text::Shown;
use crate::words::Lang;
use crate::{cli, qr};

/// What the server is told of the room; what is left out it decides itself.
#[derive(Serialize)]
struct Wanted<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minutes: Option<u32>,
}

#[derive(Deserialize)]
struct Made {
    id: String,
}

/// A refusal, as RFC 9457 has it.
#[derive(Deserialize)]
struct Problem {
    detail: Shown,
}

/// Makes a room.
pub(crate) async fn make(options: &cli::Create) -> Result<Place, Failed> {
    let server = &options.server;
    let wanted = Wanted {
        title: options.title.as_deref(),
        minutes: options.minutes,
    };
    let body = serde_json::to_string(&wanted).unwrap_or_default();
    let answer = net::post(server, "/session/", body)
        .await
        .map_err(|error| Failed::Network(error.to_string()))?;
    if answer.status != 201 {
        return Err(Failed::Refused(refusal(server, &answer)));
    }
    let made: Option<Made> = serde_json::from_slice(&answer.body).ok();
    let room: Option<RoomId> = made.and_then(|made| made.id.parse().ok());
    let server = server.clone();
    room.map(|room| Place { server, room })
        .ok_or_else(|| Failed::Refused(format!("{} is no Tablecast server", options.server)))
}

fn refusal(server: &Server, answer: &Answer) -> String {
    let Answer {
        status,
        retry_after,
        body,
    } = answer;
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return format!("{server} answers {status}: is it a Tablecast server?");
    };
    let again = retry_after.map(|seconds| format!("; try again in {seconds} s"));
    format!("{}{}", problem.detail, again.unwrap_or_default())
}

/// Prints where the room is: for people with everything they may hand on, for a pipe the
/// link alone. `columns`: how wide the terminal is, if it is one.
pub(crate) fn print(
    out: &mut impl Write,
    lang: Lang,
    place: &Place,
    columns: Option<u16>,
) -> io::Result<()> {
    let Some(columns) = columns else {
        return writeln!(out, "{place}");
    };
    let (page, socket) = (place, place.socket());
    writeln!(out, "{}  {page}", lang.pick("in a browser: ", "브라우저:"))?;
    writeln!(
        out,
        "{}  tablecast join {page}",
        lang.pick("in a terminal:", "터미널:  ")
    )?;
    writeln!(
        out,
        "{}  websocat {socket}\n",
        lang.pick("by websocat:  ", "websocat:")
    )?;
    match qr::code(&place.to_string(), columns) {
        Some(code) => write!(out, "{code}")?,
        None => writeln!(
            out,
            "{}",
            lang.pick(
                "(the terminal is too narrow for the QR code)",
                "(터미널이 좁아 QR 코드를 그릴 수 없습니다)"
            )
        )?,
    }
    if place.server.is_this_machine() {
        let text = lang.pick(
            "Phones cannot open it: this server's address leads to this machine alone. Run the server\n\
             with --listen 0.0.0.0:8000, and create with --server and this machine's address.",
            "휴대폰에서는 열 수 없습니다. 이 주소는 이 컴퓨터에서만 통합니다. 서버를 --listen 0.0.0.0:8000 으로\n\
             실행하고, create 에 --server 로 이 컴퓨터의 주소를 주세요.",
        );
        writeln!(out, "\n{text}")?;
    }
    Ok(())
}
