//! The options by name, with their help, environment variables and defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};
use ipnet::IpNet;
use tablecast_http::Origin;
use tablecast_terminal::cli::{CREATE, JOIN};

use super::https::TlsOptions;
use super::store::Store;
use super::value;
use crate::base_path::BasePath;
use crate::log::LogFormat;
use crate::version::VERSION;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// The command that can be left out.
pub const SERVE: &str = "serve";

/// The command for databases.
pub const STORE: &str = "store";
/// The command that says what would fail.
pub const CHECK: &str = "check";
/// The command that asks a server whether it is ready.
pub const HEALTH: &str = "health";
/// The command for what a shell needs to complete command lines.
pub const COMPLETIONS: &str = "completions";
/// The command for the manual page.
pub const MAN: &str = "man";

/// What can be done. All but the first are read before these options: by
/// [`crate::commands::Command`].
const COMMANDS: [&str; 8] = [SERVE, JOIN, CREATE, STORE, CHECK, HEALTH, COMPLETIONS, MAN];

/// Friends choose lunch together, live: a server for shared rooms over WebSocket.
///
/// Without any option it listens on 127.0.0.1:8000 and keeps rooms in tablecast.db, in this
/// directory.
/// Several servers share rooms when all of them have the same Redis as --store.
/// With `--domain lunch.example` it is an https site, on a machine to which that name leads.
///
/// Each option is a flag, an environment variable and a line in the file: a flag overrides
/// a variable, a variable overrides the file, the file overrides the default. In the file
/// the name is that of the flag without the dashes in front, as in `room-ttl = "10m"`;
/// options that may be repeated take a list.
///
/// Durations are a whole number and a unit: 500ms, 2s, 10m, 24h, 7d. A rate of 0 means no
/// limit.
///
/// In a terminal: `tablecast create` makes a room, `tablecast join URL` joins it; `tablecast
/// store` looks at a database or copies it; `tablecast check` says what would fail, and
/// `tablecast health` whether a server is ready. Each has its own --help.
#[derive(Debug, Parser)]
#[command(
    name = "tablecast",
    version = VERSION,
    max_term_width = 100,
    next_line_help = true
)]
pub(super) struct Serve {
    /// What to do: `serve` can be left out, and the others come first on the line
    #[arg(value_parser = COMMANDS, default_value = SERVE, hide_default_value = true)]
    pub(super) command: String,

    #[command(flatten)]
    options: Options,
}

// The options of a server. No text for the help: each command has its own.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The file with options [default: tablecast.toml in this directory, if it exists]
    #[arg(
        long,
        env = "TABLECAST_CONFIG",
        value_name = "PATH",
        help_heading = "Server"
    )]
    pub(super) config: Option<PathBuf>,

    /// Where to listen; port 0 takes any free port [default: 127.0.0.1:8000, or with --domain
    /// [::]:443, which is port 443 of all addresses]
    #[arg(long, env = "TABLECAST_LISTEN", value_name = "ADDRESS:PORT",
          value_parser = value::listen, help_heading = "Server")]
    pub(super) listen: Option<SocketAddr>,

    /// The path under which a proxy serves the site, such as /lunch. The proxy may remove it
    /// from requests or pass it on
    #[arg(
        long,
        env = "TABLECAST_BASE_PATH",
        value_name = "PATH",
        default_value = "/",
        help_heading = "Server"
    )]
    pub(super) base_path: BasePath,

    /// Where rooms live: sqlite:PATH, which survives the end of the server
    /// (sqlite:PATH?sync=full also the loss of power), memory, redis://HOST:PORT,
    /// rediss://HOST:PORT (TLS), redis+unix:///PATH, redis-cluster://HOST:PORT,HOST:PORT, or
    /// rediss-cluster://HOST:PORT,HOST:PORT (TLS)
    #[arg(long, env = "TABLECAST_STORE", value_name = "STORE", default_value = "sqlite:tablecast.db",
          value_parser = value::store, hide_env_values = true, help_heading = "Server")]
    pub(super) store: Store,

    /// How long the store may take to answer. What it has not taken after 1.8 times this is
    /// answered `unavailable`. More than the default is for a Redis that is far away
    #[arg(long, env = "TABLECAST_STORE_TIMEOUT", value_name = "DURATION", default_value = "1s",
          value_parser = value::duration(100 * MS, 30 * SECOND), help_heading = "Server")]
    pub(super) store_timeout: Duration,

    /// After SIGTERM, SIGHUP (but see --tls-cert), SIGQUIT or Ctrl-C it ends within this time; members
    /// are closed at up to 500 a second, or faster if the time is short, and told to come back. A second
    /// signal ends it at once
    #[arg(long, env = "TABLECAST_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "30s",
          value_parser = value::duration(Duration::ZERO, HOUR), help_heading = "Server")]
    pub(super) drain_timeout: Duration,

    /// Worker threads [default: one for each core]
    #[arg(long, env = "TABLECAST_WORKERS", value_name = "NUMBER",
          value_parser = value::whole(1, 1024), help_heading = "Server")]
    pub(super) workers: Option<usize>,

    /// The format of the log on stderr; RUST_LOG chooses the lines (default: info)
    #[arg(
        long,
        env = "TABLECAST_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text",
        value_enum,
        help_heading = "Server"
    )]
    pub(super) log_format: LogFormat,

    /// A room expires this long after the last join or change, unless it was made with
    /// another time [default: 10m, or the maximum age if that is less]
    #[arg(long, env = "TABLECAST_ROOM_TTL", value_name = "DURATION",
          value_parser = value::duration(SECOND, 30 * DAY), help_heading = "Rooms")]
    pub(super) room_ttl: Option<Duration>,

    /// A room expires at this age, however busy it is [default: 24h, or the time above if
    /// that is more]
    #[arg(long, env = "TABLECAST_ROOM_MAX_AGE", value_name = "DURATION",
          value_parser = value::duration(SECOND, 30 * DAY), help_heading = "Rooms")]
    pub(super) room_max_age: Option<Duration>,

    /// How long the result of a room can be read, also after the room has expired
    #[arg(long, env = "TABLECAST_RESULT_TTL", value_name = "DURATION", default_value = "7d",
          value_parser = value::duration(SECOND, 365 * DAY), help_heading = "Rooms")]
    pub(super) result_ttl: Duration,

    /// Members of a room at the same time
    #[arg(long, env = "TABLECAST_SEATS", value_name = "NUMBER", default_value = "10",
          value_parser = value::whole(1, 100_000), help_heading = "Rooms")]
    pub(super) seats: usize,

    /// Rooms of this server at the same time
    #[arg(long, env = "TABLECAST_MAX_ROOMS", value_name = "NUMBER", default_value = "10000",
          value_parser = value::whole(1, 10_000_000), help_heading = "Rooms")]
    pub(super) max_rooms: usize,

    /// Items on the menu of a room
    #[arg(long, env = "TABLECAST_MAX_ITEMS", value_name = "NUMBER", default_value = "100",
          value_parser = value::whole(1, 100_000), help_heading = "Rooms")]
    pub(super) max_items: usize,

    /// How long the seat of a member who lost the connection is kept (tablecast.v1 only)
    #[arg(long, env = "TABLECAST_SEAT_GRACE", value_name = "DURATION", default_value = "30s",
          value_parser = value::duration(Duration::ZERO, DAY), help_heading = "Rooms")]
    pub(super) seat_grace: Duration,

    /// The largest message from a member, in bytes
    #[arg(long, env = "TABLECAST_MAX_MESSAGE_BYTES", value_name = "BYTES", default_value = "16384",
          value_parser = value::whole(128, 16 << 20), help_heading = "Connections")]
    pub(super) max_message_bytes: usize,

    /// Bytes that may wait for a slow reader; at this limit it is cut off [default: 1310720, or the
    /// size of the largest menu if that is more]
    #[arg(long, env = "TABLECAST_OUTBOX_BYTES", value_name = "BYTES",
          value_parser = value::whole(1024, 1 << 30), help_heading = "Connections")]
    pub(super) outbox_bytes: Option<usize>,

    /// How long the oldest of these bytes may wait: a duration, or a bare number of seconds
    #[arg(long, env = "TABLECAST_OUTBOX_SECONDS", value_name = "DURATION", default_value = "5s",
          value_parser = value::seconds(100 * MS, HOUR), help_heading = "Connections")]
    pub(super) outbox_seconds: Duration,

    /// A connection that is silent this long is pinged
    #[arg(long, env = "TABLECAST_PING_INTERVAL", value_name = "DURATION", default_value = "25s",
          value_parser = value::duration(100 * MS, HOUR), help_heading = "Connections")]
    pub(super) ping_interval: Duration,

    /// It is disconnected if it stays silent this long after the ping
    #[arg(long, env = "TABLECAST_PONG_TIMEOUT", value_name = "DURATION", default_value = "10s",
          value_parser = value::duration(100 * MS, HOUR), help_heading = "Connections")]
    pub(super) pong_timeout: Duration,

    /// Commands a second for each connection, on average; 0 means no limit
    #[arg(long, env = "TABLECAST_COMMAND_RATE", value_name = "RATE", default_value = "10",
          value_parser = value::rate, help_heading = "Limits")]
    pub(super) command_rate: f64,

    /// Commands of a connection at once, after a quiet time
    #[arg(long, env = "TABLECAST_COMMAND_BURST", value_name = "NUMBER", default_value = "20",
          value_parser = value::at_once, help_heading = "Limits")]
    pub(super) command_burst: u32,

    /// Rooms made a minute from one IP address (an IPv6 /64 counts as one), on average;
    /// three times as many at once; 0 means no limit
    #[arg(long, env = "TABLECAST_CREATE_RATE", value_name = "RATE", default_value = "300",
          value_parser = value::rate, help_heading = "Limits")]
    pub(super) create_rate: f64,

    /// Visits a second from one IP address, on average: handshakes, streams of events and each
    /// POST to one, looks at a room, its result or its page, QR codes; a hundred times as many at
    /// once, since all come back together after a restart; 0 means no limit
    #[arg(long, env = "TABLECAST_JOIN_RATE", value_name = "RATE", default_value = "300",
          value_parser = value::rate, help_heading = "Limits")]
    pub(super) join_rate: f64,

    /// An origin whose pages may do what the server's own pages may: make rooms, look at them,
    /// join. For example https://lunch.example, or capacitor://localhost for an app; may be
    /// repeated. The server's own origin is allowed, and so is a client that sends none
    #[arg(
        long,
        env = "TABLECAST_ALLOWED_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ',',
        value_parser = value::origin,
        help_heading = "Trust"
    )]
    pub(super) allowed_origin: Vec<Origin>,

    /// A proxy in front, as address or network; may be repeated. X-Forwarded-For is trusted
    /// only from such a proxy
    #[arg(long, env = "TABLECAST_TRUSTED_PROXY", value_name = "NETWORK", value_delimiter = ',',
          value_parser = value::network, help_heading = "Trust")]
    pub(super) trusted_proxy: Vec<IpNet>,

    #[command(flatten)]
    pub(super) tls: TlsOptions,

    /// Where operators come: a page, its API and /metrics, which is then not at --listen any
    /// more. There is no password, so let nobody else reach it: 127.0.0.1:9464, for example
    #[arg(long, env = "TABLECAST_ADMIN_LISTEN", value_name = "ADDRESS:PORT",
          value_parser = value::listen, help_heading = "Operators")]
    pub(super) admin_listen: Option<SocketAddr>,

    /// A name under which that address may be asked for, besides localhost and IP addresses; may
    /// be repeated. Others are refused, since a web page could make its own name lead there
    #[arg(long, env = "TABLECAST_ADMIN_HOST", value_name = "NAME", value_delimiter = ',',
          value_parser = value::host, help_heading = "Operators")]
    pub(super) admin_host: Vec<String>,
}
