//! The program `tablecast`: reads the options, binds, prints what to do next, and serves. Or it does
//! what another command says.

use std::future::poll_fn;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::commands::{self, Command};
use crate::config::{Config, Https};
use crate::listen::{bind, reachable};
use crate::log::{self, LogFormat};
use crate::store::{self, StoreError};
use crate::tls::{Certificates, Clock};
use crate::{Failed, Server, check, health};

/// How many tasks a worker runs before it looks for input although others are ready: in
/// effect all of them, as an event loop does. With tokio's default of 61, new input runs
/// before the tasks that did not fit into a worker's queue of 256, and with thousands of
/// busy rooms some wait ten times as long as others.
const EVENT_INTERVAL: u32 = 16 * 1024;

/// The exit code with which a shell reports a process that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// The exit code of clap for a wrong value.
const WRONG_USAGE: u8 = 2;

/// A part that the server needs has ended: `EX_SOFTWARE` of sysexits.h, for the service
/// manager and the operator.
const FAILED: u8 = 70;

/// How long dropping the remaining tasks at the end may take.
const LEFTOVERS: Duration = Duration::from_secs(1);

/// Does what the command line says: the code to end with.
// Inlined into the program's own `main`, all of this would be built to be fast, and so be larger.
#[inline(never)]
pub fn main() -> ExitCode {
    let args = std::env::args_os().collect();
    match Command::read(args).unwrap_or_else(|error| error.exit()) {
        Command::Serve(config) => start(*config),
        Command::Room(command) => command.run(),
        Command::Store(command) => command.run(),
        Command::Check(args) => check::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Completions(command) => command.run(commands::tree()),
        Command::Manual(command) => command.run(commands::tree()),
    }
}

/// Starts the log, and serves: the code to end with.
fn start(config: Config) -> ExitCode {
    let filter = match log::filter(std::env::var_os(log::VARIABLE)) {
        Ok(filter) => filter,
        Err(error) => return wrong(&error),
    };
    let written = log::start(config.log_format, filter);
    if let Some(path) = &config.file {
        tracing::info!("options from {}", path.display());
    }
    for notice in config.notices() {
        tracing::warn!("{notice}");
    }
    let code = match run(config) {
        // Everything that takes time is finished.
        Ok(()) => {
            tracing::info!("ended");
            ExitCode::SUCCESS
        }
        Err(failure) => failure.tell(),
    };
    drop(written);
    code
}

/// Reports a wrong value, if stderr can be written.
fn wrong(error: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::from(WRONG_USAGE)
}

/// Why it ends with a code other than 0.
enum Failure {
    /// A wrong value.
    Usage(String),
    /// It could not start.
    Start(anyhow::Error),
    /// It could not continue.
    Failed(Failed),
}

impl Failure {
    /// Says it: the code to end with.
    fn tell(self) -> ExitCode {
        match self {
            Failure::Usage(error) => wrong(&error),
            Failure::Start(error) => {
                tracing::error!("{error:#}");
                ExitCode::FAILURE
            }
            Failure::Failed(error) => {
                tracing::error!("ended: {error}");
                ExitCode::from(FAILED)
            }
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Failure::Start(error)
    }
}

fn run(config: Config) -> Result<(), Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = config.workers {
        runtime.worker_threads(workers);
    }
    let runtime = runtime
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .context("cannot start threads")?;
    let ended = runtime.block_on(serve(config));
    // Members who were not told in time notice it when their connections are dropped. A DNS
    // look-up may hang, so nobody waits for it.
    runtime.shutdown_timeout(LEFTOVERS);
    ended
}

async fn serve(config: Config) -> Result<(), Failure> {
    let opened = store::open(&config.store, config.store_timeout);
    let backend = opened.map_err(|error| match error {
        StoreError::Url(error) => {
            let store = &config.store;
            Failure::Usage(format!("invalid value '{store}' for '--store': {error}"))
        }
        StoreError::Database(error) => Failure::Start(
            anyhow::Error::new(error).context("cannot open the store, which --store chooses"),
        ),
    })?;
    let certificates = |https| Certificates::open(https, Clock::system());
    let certificates = config.https.as_ref().map(certificates).transpose();
    let certificates = certificates.context("cannot speak TLS")?;
    // Before anybody can see that it has started, and ask it to end.
    let no_signals = "cannot wait for signals";
    let reads_again = matches!(config.https, Some(Https::Files { .. }));
    let signals = Signals::new(!reads_again).context(no_signals)?;
    // By another thread than this one, which waits while nobody reads what it says.
    let told_to_end = tokio::spawn(signals.first_then_exit());
    let told_to_end = async { told_to_end.await.unwrap_or_default() };
    let hangup = reads_again.then(|| signal(SignalKind::hangup()));
    let hangup = hangup.transpose().context(no_signals)?;
    let listen =
        |at: SocketAddr, of: &str| bind(at).with_context(|| format!("cannot listen on {at}{of}"));
    let listener = listen(config.listen, "")?;
    let http = config.http_listen;
    let http = http.map(|at| listen(at, " (--http-listen; `off` for nowhere)"));
    let http = http.transpose()?;
    let operators = config.admin_listen;
    let operators = operators.map(|at| listen(at, " (--admin-listen)"));
    let operators = operators.transpose()?;
    let no_address = "cannot read the address";
    let address = listener.local_addr().context(no_address)?;
    let managed = operators.as_ref().map(TcpListener::local_addr).transpose();
    let managed = managed.context(no_address)?;
    match config.log_format {
        LogFormat::Text => {
            // A closed stdout is no reason not to serve.
            let https = certificates.as_ref();
            let _ = say_what_to_do(address, &config, https, http.as_ref(), managed);
        }
        // A log collector expects only JSON lines.
        LogFormat::Json => {
            let version = env!("CARGO_PKG_VERSION");
            let https = certificates.is_some();
            tracing::info!(%address, https, store = %config.store, version, "listening");
            if let Some(address) = managed {
                tracing::info!(%address, "listening for operators");
            }
        }
    }
    let mut server = match (certificates, hangup) {
        (Some(certificates), Some(hangup)) => {
            Server::secure(config, backend, certificates.read_again_on(hangup), http)
        }
        (Some(certificates), None) => Server::secure(config, backend, certificates, http),
        (None, _) => Server::new(config, backend),
    };
    if let Some(operators) = operators {
        server = server.with_operators(operators);
    }
    // On a worker: this thread would have to be woken for each connection, and would then
    // have to wake a worker.
    let serving = tokio::spawn(server.run(listener, told_to_end));
    let ended = serving.await.map_err(Failed::from);
    ended.flatten().map_err(Failure::Failed)
}

fn say_what_to_do(
    address: SocketAddr,
    config: &Config,
    certificates: Option<&Certificates>,
    http: Option<&TcpListener>,
    managed: Option<SocketAddr>,
) -> io::Result<()> {
    // A certificate is for a name.
    let named = certificates.and_then(|certificates| certificates.authority(address.port()));
    let authority = named.unwrap_or_else(|| reachable(address).to_string());
    let at = format!("{authority}{}", config.base_path);
    let (http_scheme, ws_scheme) = match certificates {
        Some(_) => ("https", "wss"),
        None => ("http", "ws"),
    };
    let store = &config.store;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "tablecast listens on {http_scheme}://{address} (rooms in {store})"
    )?;
    if let Some(Ok(http)) = http.map(TcpListener::local_addr) {
        writeln!(out, "http://{http} leads there")?;
    }
    if let (Some(Https::Acme(acme)), Some(certificates)) = (&config.https, certificates)
        && !certificates.tls().is_ready()
    {
        let (names, directory) = (acme.domains.join(", "), &acme.directory);
        writeln!(
            out,
            "there is no certificate for {names} yet: it is got from {directory}; until then https does not answer"
        )?;
    }
    writeln!(
        out,
        "\nchoose lunch: open {http_scheme}://{at}/ in a browser"
    )?;
    writeln!(
        out,
        "try it:       {http_scheme}://{at}/docs and {http_scheme}://{at}/docs/live\n"
    )?;
    writeln!(
        out,
        "make a room:  curl -X POST {http_scheme}://{at}/session/"
    )?;
    writeln!(out, "join it:      websocat {ws_scheme}://{at}/ws/{{id}}/")?;
    writeln!(out, "then type:    add:pizza    remove:pizza\n")?;
    if let Some(managed) = managed {
        writeln!(out, "operators:    http://{}/", reachable(managed))?;
    }
    out.flush()
}

/// The signals that end a server: Ctrl-C, that of a service manager, that of a closed
/// terminal, and QUIT, which ends nginx gracefully. ABRT and KILL remain for a process that
/// hangs.
struct Signals(Vec<Signal>);

impl Signals {
    /// With or without that of a closed terminal.
    fn new(with_hangup: bool) -> io::Result<Self> {
        let mut kinds = vec![
            SignalKind::interrupt(),
            SignalKind::terminate(),
            SignalKind::quit(),
        ];
        // With `nohup` it should continue after a hang-up.
        if with_hangup && !is_ignored(SignalKind::hangup()) {
            kinds.push(SignalKind::hangup());
        }
        kinds
            .into_iter()
            .map(signal)
            .collect::<io::Result<_>>()
            .map(Signals)
    }

    async fn next(&mut self) {
        poll_fn(|cx| {
            let mut came = self.0.iter_mut().map(|signal| signal.poll_recv(cx));
            match came.any(|came| came.is_ready()) {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
        .await;
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

/// Whether this process was started with this signal ignored, as Linux reports it.
fn is_ignored(signal: SignalKind) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & (1 << (signal.as_raw_value() - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_failure_ends_the_process_with_its_code() {
        let serving = tokio::spawn(async { panic!("as the test asked") });
        let panicked: Result<(), _> = serving.await.map_err(Failed::from);
        for (failure, code) in [
            (panicked.map_err(Failure::Failed).err(), 70),
            (Some(Failure::from(anyhow::anyhow!("no port"))), 1),
            (Some(Failure::Usage("a wrong value".to_owned())), 2),
        ] {
            assert_eq!(failure.map(Failure::tell), Some(ExitCode::from(code)));
        }
    }
}
