//! The configuration: flags, environment and file, combined and checked once.
//!
//! A value is taken from the first of: flag, environment variable, line of the file,
//! default. The same parsers read all of them, so a wrong value gets the same error
//! everywhere.

mod file;
mod https;
mod options;
mod secret;
mod store;
mod value;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Resettable;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, CommandFactory, FromArgMatches, Id};
use ipnet::IpNet;
use tablecast::{ConnectionConfig, HubConfig, OutboxLimits};
use tablecast_core::limits::Rate;
use tablecast_http::Origin;
use tablecast_lunch::max_table_bytes;

use crate::base_path::BasePath;
use crate::log::LogFormat;
use crate::version::VERSION;
pub use https::{AcmeOptions, ChallengeKind, Https};
pub use options::{CHECK, COMPLETIONS, HEALTH, MAN, SERVE, STORE};
use options::{Options, Serve};
pub use store::Store;

/// All options, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the certificates come from; `None`: TLS is not spoken.
    pub https: Option<Https>,
    /// Where plain HTTP is answered with the way to https.
    pub http_listen: Option<SocketAddr>,
    /// The path under which the site is found from outside.
    pub base_path: BasePath,
    /// Where rooms live.
    pub store: Store,
    /// How long the store may take to answer.
    pub store_timeout: Duration,
    /// Rooms and connections.
    pub hub: HubConfig,
    /// Items on the menu of a room made here.
    pub max_items: usize,
    /// How often one address may make a room.
    pub create_rate: Rate,
    /// How often one address may begin a WebSocket handshake.
    pub join_rate: Rate,
    /// How often one address may ask for rooms that do not exist. People with old links
    /// stay far below it. The 122 random bits of the ids already prevent guessing; this
    /// only limits the noise.
    pub miss_rate: Rate,
    /// How often one address may have the picture of a room drawn.
    pub picture_rate: Rate,
    /// Origins of pages that may do what the server's own pages may.
    pub allowed_origins: Vec<Origin>,
    /// Proxies that are trusted to say the client's address.
    pub trusted_proxies: Vec<IpNet>,
    /// Where operators come; `None`: nowhere, and the metrics are public.
    pub admin_listen: Option<SocketAddr>,
    /// Names under which operators ask for that address, in lower case.
    pub admin_hosts: Vec<String>,
    /// The longest time from the signal to the exit.
    pub drain_timeout: Duration,
    /// Worker threads; `None`: one for each core.
    pub workers: Option<usize>,
    /// The format of the log.
    pub log_format: LogFormat,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
    /// Options of that file which have no effect, each with the environment variable that goes
    /// before it.
    pub overridden: Vec<(String, String)>,
}

impl Default for Config {
    /// The defaults of all options, as `--help` shows them.
    fn default() -> Self {
        let mut hub = HubConfig::default();
        hub.connection.outbox.bytes = OUTBOX_BYTES;
        Config {
            listen: https::LOCAL,
            https: None,
            http_listen: None,
            base_path: BasePath::default(),
            store: Store::default(),
            store_timeout: Duration::from_secs(1),
            hub,
            max_items: 100,
            create_rate: a_minute(300.0),
            join_rate: handshakes(300.0),
            miss_rate: MISS_RATE,
            picture_rate: PICTURE_RATE,
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            admin_listen: None,
            admin_hosts: Vec::new(),
            drain_timeout: Duration::from_secs(30),
            workers: None,
            log_format: LogFormat::Text,
            file: None,
            overridden: Vec::new(),
        }
    }
}

/// More than the library's: the longest menu of a hundred items must fit.
const OUTBOX_BYTES: usize = 1280 * 1024;

/// Enough for an office whose links lead to rooms that a restarted server has lost.
const MISS_RATE: Rate = Rate {
    per_second: 50.0,
    burst: 5000,
};

/// A picture costs a core some hundredths of a second, a thousand times as much as any other look. Chats
/// ask once for a link, and keep it.
const PICTURE_RATE: Rate = Rate {
    per_second: 1.0,
    burst: 60,
};

/// Rooms a minute; three minutes' worth at once, for a conference that begins its lunch
/// together. Rooms that live ten minutes add up to ten minutes' worth, so by default a
/// flood from one address fills less than half of a node's rooms.
fn a_minute(rate: f64) -> Rate {
    Rate {
        per_second: rate / 60.0,
        burst: burst(rate * 3.0),
    }
}

/// Handshakes a second; a hundred seconds' worth at once. After a restart all members
/// behind one address come back together, so the burst is generous. Only an endless flood
/// must be stopped.
fn handshakes(rate: f64) -> Rate {
    Rate {
        per_second: rate,
        burst: burst(rate * 100.0),
    }
}

fn burst(rate: f64) -> u32 {
    // The parser allows at most a million; a rate below one is raised to one.
    (rate.ceil() as u32).max(1)
}

impl Config {
    /// Reads the command line of `tablecast serve`, the environment and the file. `serve` may
    /// be left out.
    ///
    /// # Errors
    /// A wrong value, or the text of `--help` or `--version`, to be printed by
    /// [`clap::Error::exit`], which ends with code 2 or 0.
    pub fn load<I>(args: I) -> Result<Config, clap::Error>
    where
        I: IntoIterator<Item = OsString>,
    {
        let args: Vec<OsString> = args.into_iter().collect();
        let command = set_up(Serve::command());
        command_comes_first(&command, &args)?;
        let (config, matches) = Config::read(command, &args)?;
        match matches.get_one::<String>("command") {
            Some(command) if command != SERVE => Err(error(
                ErrorKind::ArgumentConflict,
                &format!(
                    "`{command}` comes first and has options of its own; see tablecast {command} --help"
                ),
            )),
            _ => Ok(config),
        }
    }

    /// Reads the command line of a [command with these options](with_options), the environment
    /// and the file: the configuration, and what is the command's own.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(crate) fn read(
        command: Command,
        args: &[OsString],
    ) -> Result<(Config, ArgMatches), clap::Error> {
        let matches = command
            .clone()
            .try_get_matches_from(args)
            .map_err(|error| secret::redact_error(name_the_variable(error, &command, args)))?;
        let path = Options::from_arg_matches(&matches)?.config;
        let file = file::read(path.as_deref())?;
        let read = file.as_ref().map(|file| file.path().to_owned());
        let (command, given) = match file {
            Some(file) => file.into_defaults(command)?,
            None => (command, Vec::new()),
        };
        let matches = command
            .clone()
            .try_get_matches_from(args)
            .map_err(secret::redact_error)?;
        let config = Options::from_arg_matches(&matches)?.into_config()?;
        let config = Config {
            file: read,
            overridden: overridden(&command, &given, &matches),
            ..config
        };
        Ok((config, matches))
    }

    /// What an operator should know of how the options were given: what has no effect.
    pub fn notices(&self) -> Vec<String> {
        let overridden = self.overridden.iter().map(|(option, variable)| {
            format!("`{option}` of the file has no effect: {variable} goes before it")
        });
        let unknown = unknown_variables()
            .into_iter()
            .map(|name| format!("the environment variable {name} is no option and has no effect"));
        overridden.chain(unknown).collect()
    }
}

/// Of the options that the file gives, those for which a variable goes before it: the option and the
/// variable. A flag was typed by whoever knows it; a variable may be from a unit or an image.
fn overridden(command: &Command, given: &[Id], matches: &ArgMatches) -> Vec<(String, String)> {
    let is_overridden =
        |id: &Id| matches.value_source(id.as_str()) == Some(ValueSource::EnvVariable);
    let all = command.get_arguments();
    let args = all.filter(|arg| given.contains(arg.get_id()) && is_overridden(arg.get_id()));
    let names = args.filter_map(|arg| {
        let variable = arg.get_env()?.to_string_lossy().into_owned();
        Some((arg.get_long()?.to_owned(), variable))
    });
    names.collect()
}

/// A command with the options of a server beside its own, as they are read from the command
/// line and the environment.
pub(crate) fn with_options(command: Command) -> Command {
    set_up(Options::augment_args(command))
}

fn set_up(command: Command) -> Command {
    command.mut_args(|arg| {
        // `--seats -1` is a wrong number, not an unknown option `-1`.
        let arg = arg.allow_negative_numbers(true);
        // `docker compose` sets a variable to nothing when it has no value for it.
        let is_empty = |name| std::env::var_os(name).is_some_and(|value| value.is_empty());
        if arg.get_env().is_some_and(is_empty) {
            arg.env(Resettable::Reset)
        } else {
            arg
        }
    })
}

/// The options of a server alone.
fn options() -> Command {
    with_options(Command::new("tablecast"))
}

/// The command that serves, as it is told in manuals: its name can be left out, so its options
/// are the program's.
pub(crate) fn program() -> Command {
    let serve = Serve::command();
    let about = |text: Option<&clap::builder::StyledStr>| text.cloned().unwrap_or_default();
    let program = Command::new("tablecast")
        .override_usage("tablecast [serve] [OPTIONS]\ntablecast COMMAND ...")
        .version(VERSION)
        .about(about(serve.get_about()))
        .long_about(about(serve.get_long_about()));
    with_options(program)
}

/// Reports a first word that is not a command. Otherwise clap would report the next word as
/// unexpected: the URL of `jion URL`.
fn command_comes_first(command: &Command, args: &[OsString]) -> Result<(), clap::Error> {
    let begins_with_a_word = |word: &OsString| !word.as_encoded_bytes().starts_with(b"-");
    match args {
        [_, word, ..] if begins_with_a_word(word) => command
            .clone()
            .try_get_matches_from(&args[..2])
            .map(drop)
            .map_err(secret::redact_error),
        _ => Ok(()),
    }
}

/// An error with only this message: clap would append its usage.
pub(crate) fn error(kind: ErrorKind, message: &str) -> clap::Error {
    clap::Error::raw(kind, format!("{message}\n"))
}

/// Environment variables that look like options but are none: perhaps misspelt.
fn unknown_variables() -> Vec<String> {
    let command = options();
    let is_known = |name: &str| {
        command
            .get_arguments()
            .filter_map(|arg| arg.get_env())
            .any(|known| known == name)
    };
    std::env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.starts_with("TABLECAST_") && !is_known(name))
        .collect()
}

/// Adds the environment variable's name to an error whose value came from there: clap names
/// only the flag, which the operator may never have used.
fn name_the_variable(mut error: clap::Error, command: &Command, args: &[OsString]) -> clap::Error {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let flag = shown.split([' ', '=']).next().unwrap_or_default();
    let on_the_line = args.iter().any(|arg| {
        let arg = arg.to_string_lossy();
        arg == flag || arg.starts_with(&format!("{flag}="))
    });
    let variable = command
        .get_arguments()
        .find(|arg| {
            arg.get_long()
                .is_some_and(|long| flag == format!("--{long}"))
        })
        .and_then(|arg| arg.get_env());
    if let Some(variable) = variable.filter(|_| !on_the_line) {
        let named = format!("{shown} (set by {})", variable.to_string_lossy());
        error.insert(ContextKind::InvalidArg, ContextValue::String(named));
    }
    error
}

impl Options {
    fn into_config(self) -> Result<Config, clap::Error> {
        let (room_ttl, room_max_age) = lifetimes(self.room_ttl, self.room_max_age)?;
        let outbox_bytes = outbox_bytes(self.outbox_bytes, self.max_items)?;
        let listening = self.tls.resolve(self.listen, &self.store);
        let listening = listening.map_err(|said| error(ErrorKind::ArgumentConflict, said))?;
        let connection = ConnectionConfig {
            message_bytes: self.max_message_bytes,
            outbox: OutboxLimits {
                bytes: outbox_bytes,
                time: self.outbox_seconds,
            },
            ping_interval: self.ping_interval,
            pong_timeout: self.pong_timeout,
            ..ConnectionConfig::default()
        };
        let hub = HubConfig {
            connection,
            seats: self.seats,
            room_ttl,
            room_max_age,
            keepsake_ttl: self.result_ttl,
            max_rooms: self.max_rooms,
            seat_grace: self.seat_grace,
            command_rate: Rate {
                per_second: self.command_rate,
                burst: self.command_burst,
            },
            // Time for a second attempt, but not for its answer to be late as well.
            command_deadline: self.store_timeout.mul_f64(1.8),
            ..HubConfig::default()
        };
        Ok(Config {
            listen: listening.listen,
            https: listening.https,
            http_listen: listening.http_listen,
            base_path: self.base_path,
            store: self.store,
            store_timeout: self.store_timeout,
            hub,
            max_items: self.max_items,
            create_rate: a_minute(self.create_rate),
            join_rate: handshakes(self.join_rate),
            miss_rate: MISS_RATE,
            picture_rate: PICTURE_RATE,
            allowed_origins: self.allowed_origin,
            trusted_proxies: self.trusted_proxy,
            admin_listen: self.admin_listen,
            admin_hosts: self.admin_host,
            drain_timeout: self.drain_timeout,
            workers: self.workers,
            log_format: self.log_format,
            file: None,
            overridden: Vec::new(),
        })
    }
}

/// How long a room lives after the last join or change, and at most. An unset option
/// follows the one that is set.
fn lifetimes(
    ttl: Option<Duration>,
    max_age: Option<Duration>,
) -> Result<(Duration, Duration), clap::Error> {
    let defaults = HubConfig::default();
    let (ttl, max_age) = match (ttl, max_age) {
        (Some(ttl), Some(max_age)) if max_age < ttl => {
            let (ttl, max_age) = (value::show_duration(ttl), value::show_duration(max_age));
            return Err(error(
                ErrorKind::ValueValidation,
                &format!(
                    "--room-max-age is {max_age}, but a room must be allowed to live as long as --room-ttl, which is {ttl}; raise --room-max-age to at least {ttl} too, or lower --room-ttl"
                ),
            ));
        }
        (Some(ttl), max_age) => (ttl, max_age.unwrap_or(defaults.room_max_age.max(ttl))),
        (None, Some(max_age)) => (defaults.room_ttl.min(max_age), max_age),
        (None, None) => (defaults.room_ttl, defaults.room_max_age),
    };
    Ok((ttl, max_age))
}

/// How many bytes may wait for a slow reader. The largest menu must fit, because a new
/// member is sent all of it; if unset, the option is made large enough.
fn outbox_bytes(given: Option<usize>, max_items: usize) -> Result<usize, clap::Error> {
    let largest = max_table_bytes(max_items);
    match given {
        Some(bytes) if bytes < largest => Err(error(
            ErrorKind::ValueValidation,
            &format!(
                "--outbox-bytes is {bytes}, but a new member is sent the whole menu, and --max-items {max_items} can be {largest} bytes long; raise --outbox-bytes to at least {largest}, or leave it out, or lower --max-items"
            ),
        )),
        Some(bytes) => Ok(bytes),
        None => Ok(OUTBOX_BYTES.max(largest)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_options_are_those_of_the_library() {
        // There is no `tablecast.toml` in this directory.
        let loaded = Config::load(["tablecast".into()]).unwrap();
        assert_eq!(loaded, Config::default());
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            (
                "rediss://user:s3cret@db.example:6380/1",
                "rediss://***@db.example:6380/1",
            ),
            (
                "redis-cluster://:s3cret@a:1,b:2",
                "redis-cluster://***@a:1,b:2",
            ),
            (
                "redis+unix:///run/redis.sock?pass=s3cret",
                "redis+unix:///run/redis.sock?***",
            ),
        ] {
            assert_eq!(format!("{:?}", Store::Redis(url.to_owned())), shown);
        }
    }
}
