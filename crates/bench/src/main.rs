//! `tablecast-bench`: measures, and is what is measured with.
#![forbid(unsafe_code)]

use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use tablecast_bench::{load, raw};

/// Measures Tablecast beside the servers one might pick instead
#[derive(Debug, Parser)]
#[command(name = "tablecast-bench", version, max_term_width = 100)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Load a server, as JSON lines on stdin ask for and stdout answers
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
        Command::Load(options) => load::serve(options),
        Command::Raw { listen } => {
            let listener = raw::listen(listen)?;
            eprintln!("listening on {}", listener.local_addr()?);
            Ok(raw::serve(listener)?)
        }
    }
}
