//! `tablecast`: reads what was set, binds, says what to do next, and serves. Or, if that is
//! what was asked for, makes or joins a room.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use tablecast_server::config::{self, Config, LogFormat};
use tablecast_server::{Server, store};
use tablecast_terminal::Command;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Connections that wait to be accepted; the kernel's own bound
/// (`net.core.somaxconn`) is 4096 by default.
const BACKLOG: u32 = 4096;

/// Tasks that a worker runs before it looks for input though others are ready: in
/// effect all of them, as an event loop does. By tokio's default of 61 what comes
/// then goes before those that a worker's queue of 256 had no room for, and with
/// thousands of busy rooms some wait ten times as long as others.
const EVENT_INTERVAL: u32 = 16 * 1024;

/// As a shell reports a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// As clap ends for a wrong value.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if let Some(command) = Command::read(&args) {
        return command.unwrap_or_else(|error| error.exit()).run();
    }
    let config = Config::load(args).unwrap_or_else(|error| error.exit());
    start_logging(config.log_format);
    if let Some(path) = &config.file {
        tracing::info!("options from {}", path.display());
    }
    for name in config::unknown_variables() {
        tracing::warn!("the environment variable {name} is no option and has no effect");
    }
    match run(config) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> anyhow::Result<ExitCode> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = config.workers {
        runtime.worker_threads(workers);
    }
    let runtime = runtime
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .context("cannot start threads")?;
    runtime.block_on(async {
        let backend = match store::open(&config.store) {
            Ok(backend) => backend,
            Err(error) => {
                eprintln!(
                    "error: invalid value '{}' for '--store': {error}",
                    config.store
                );
                return Ok(ExitCode::from(WRONG_USAGE));
            }
        };
        let listener =
            bind(config.listen).with_context(|| format!("cannot listen on {}", config.listen))?;
        let address = listener.local_addr().context("cannot read the address")?;
        match config.log_format {
            LogFormat::Text => {
                // A closed stdout is no reason not to serve.
                let _ = say_what_to_do(address, &config);
            }
            // Whoever collects the lines wants nothing among them that is no JSON.
            LogFormat::Json => {
                let version = env!("CARGO_PKG_VERSION");
                tracing::info!(%address, store = %config.store, version, "listening");
            }
        }
        let signals = Signals::new().context("cannot wait for signals")?;
        let server = Server::new(config, backend);
        // By a worker: this thread would have to be woken for each connection, and would have
        // to wake a worker then.
        let serving = tokio::spawn(server.run(listener, signals.first_then_exit()));
        serving.await.context("the server has failed")?;
        Ok(ExitCode::SUCCESS)
    })
}

fn start_logging(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }?;
    // So that a server can start again while old connections are in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn say_what_to_do(address: SocketAddr, config: &Config) -> io::Result<()> {
    // Nobody can connect to 0.0.0.0.
    let host = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    let at = format!(
        "{}{}",
        SocketAddr::new(host, address.port()),
        config.base_path
    );
    let store = &config.store;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "tablecast listens on http://{address} (rooms in {store})\n"
    )?;
    writeln!(out, "choose lunch: open http://{at}/ in a browser")?;
    writeln!(
        out,
        "try it:       http://{at}/docs and http://{at}/docs/live\n"
    )?;
    writeln!(out, "make a room:  curl -X POST http://{at}/session/")?;
    writeln!(out, "join it:      websocat ws://{at}/ws/{{id}}/")?;
    writeln!(out, "then type:    add:pizza    remove:pizza\n")?;
    out.flush()
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Ends with the first signal; the second one ends the process.
    async fn first_then_exit(mut self) {
        self.next().await;
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(INTERRUPTED);
        });
    }
}
