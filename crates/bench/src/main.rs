//! `tablecast-bench`: measures, and is what is measured with.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tablecast_bench::{raw, run};

/// Measures Tablecast beside the servers one might pick instead
#[derive(Debug, Parser)]
#[command(name = "tablecast-bench", version, max_term_width = 100)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure all peers, in interleaved rounds, and write the report
    ///
    /// `cargo xtask bench` installs and builds what is needed first. The server is on core 0, load
    /// and measuring on the others; leave the machine alone meanwhile.
    Run(run::Options),
    /// Write the report again from the results of a run
    Report {
        /// The folder with performance.json
        #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
        out: PathBuf,
    },
    /// Serve the bare limit: epoll, one write a delivery, no checks; rooms are /ws/{room}
    Raw {
        /// Where to listen
        #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
        listen: SocketAddr,
    },
}

fn main() -> anyhow::Result<()> {
    match Options::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Report { out } => run::report_again(&out),
        Command::Raw { listen } => {
            let listener = TcpListener::bind(listen)?;
            eprintln!("listening on {}", listener.local_addr()?);
            Ok(raw::serve(listener)?)
        }
    }
}
