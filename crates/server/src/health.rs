//! `tablecast health`: asks a server whether it is ready. It needs neither a shell nor another
//! program, so it works in an image that has nothing but this one.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, FromArgMatches};
use serde::Deserialize;
use tablecast_client::url::Url;
use tablecast_client::{Answer, Trust, get};
use tablecast_terminal::room_url;

use crate::config::{self, Config};
use crate::listen::reachable;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

const PATH: &str = "readyz";

// What is its own; the options of a server follow.
#[derive(Debug, Args)]
struct Own {
    /// The server, such as https://lunch.example [default: the one on this machine that the
    /// options below describe]
    #[arg(value_parser = room_url::site)]
    url: Option<Url>,
}

/// The command, with its options.
pub(crate) fn command() -> clap::Command {
    let command = Own::augment_args(clap::Command::new("tablecast health"))
        .bin_name("tablecast health")
        .max_term_width(100)
        .next_line_help(true)
        .about("Asks a server whether it is ready")
        .long_about(
            "Asks a server whether it is ready, by GET /readyz\n\n\
             Ends with 0 if it is, and with 1 if it is not or does not answer within 2 s; a line says \
             which. Without URL it asks the server on this machine that the same flags, variables and \
             file describe. Of this machine every certificate is taken, since nothing is told that \
             others may not know; of another one it must be valid for the name.",
        );
    config::with_options(command)
}

/// Does it, from a command line that begins with the command: the code to end with.
pub fn run(args: &[OsString]) -> ExitCode {
    let asked = read(args).map(|(url, trust)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let ready = runtime.block_on(ready(&url, trust));
        // A DNS look-up may hang.
        runtime.shutdown_background();
        ready
    });
    match asked {
        Ok(Ok(words)) => {
            let _ = writeln!(io::stdout(), "{words}");
            ExitCode::SUCCESS
        }
        Ok(Err(words)) => {
            let _ = writeln!(io::stderr(), "{words}");
            ExitCode::FAILURE
        }
        Err(error) => {
            let _ = error.print();
            // Not 2, which Docker reserves.
            ExitCode::from(u8::from(error.use_stderr()))
        }
    }
}

fn read(args: &[OsString]) -> Result<(Url, Trust), clap::Error> {
    let (config, matches) = Config::read(command(), args)?;
    let own = Own::from_arg_matches(&matches)?;
    match own.url {
        Some(mut url) => {
            let path = url.path().trim_end_matches('/');
            let path = path.strip_suffix(&format!("/{PATH}")).unwrap_or(path);
            let path = format!("{path}/{PATH}");
            url.set_path(&path);
            let trust = match room_url::is_this_machine(&url) {
                true => Trust::Anybody,
                false => Trust::Certified,
            };
            Ok((url, trust))
        }
        None => own_url(&config).map(|url| (url, Trust::Anybody)),
    }
}

/// Where the server that these options describe answers on this machine.
fn own_url(config: &Config) -> Result<Url, clap::Error> {
    let scheme = match config.https {
        Some(_) => "https",
        None => "http",
    };
    if config.listen.port() == 0 {
        return Err(config::error(
            clap::error::ErrorKind::MissingRequiredArgument,
            "with port 0 in --listen it is not known where it listens: give its URL",
        ));
    }
    let url = format!("{scheme}://{}/{PATH}", reachable(config.listen));
    Url::parse(&url).map_err(|error| {
        config::error(
            clap::error::ErrorKind::ValueValidation,
            &format!("{url}: {error}"),
        )
    })
}

/// What a server says, if it is none that is ready.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    status: serde_json::Value,
    detail: Option<String>,
}

/// Whether it is ready, in words.
async fn ready(url: &Url, trust: Trust) -> Result<String, String> {
    let answer = get(url, trust, PATIENCE).await;
    let answer = answer.map_err(|error| format!("not ready: {error}"))?;
    let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
    let words = || answer.words().map(str::to_owned);
    let detail = said.detail.or_else(words);
    let detail = detail.map(|detail| format!(": {detail}"));
    let detail = detail.unwrap_or_default();
    let Answer { status, moved, .. } = &answer;
    match (status.as_u16(), moved) {
        (200, _) if said.status == "ready" => Ok(format!("ready: {url}{detail}")),
        (200, _) => Err(format!(
            "not ready: what answers at {url} is no Tablecast server"
        )),
        (_, Some(to)) => Err(format!(
            "not ready: {url} answers {status}, to {to}: give that URL"
        )),
        _ => Err(format!("not ready: {url} answers {status}{detail}")),
    }
}
