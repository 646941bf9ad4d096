//! `tablecast-bench`: measures, and is what is measured with.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use tablecast_bench::{load, raw, run};

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
    /// Load a server: requests are JSON lines on stdin, answers on stdout
    ///
    /// Type them by hand, each after the answer to the one before: "prepare", "connect", "settle", and
    /// then as often as you like {"run":{"until":{"seconds":1},"pace":{"window":1}}}, where "until" may
    /// also be {"messages":1000} and "pace" {"rate":500}. Times in answers are nanoseconds.
    Load(load::Options),
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
        Command::Load(options) => load::serve(options),
        Command::Raw { listen } => {
            let listener = raw::listen(listen)?;
            eprintln!("listening on {}", listener.local_addr()?);
            Ok(raw::serve(listener)?)
        }
    }
}
