//! `tablecast-bench`: the benchmark, and the peers that are written in Rust.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use axum::Router;
use axum::serve::ListenerExt as _;
use clap::{Args, Parser, Subcommand};
use tablecast_bench::{prepare, raw, run};
use xtask::tools::Missing;

// The sources of all peers are in one folder.
#[path = "../peers/axum.rs"]
mod axum_rooms;
#[path = "../peers/socketioxide.rs"]
mod socketioxide_rooms;

/// Measures Tablecast beside the servers one might pick instead
#[derive(Debug, Parser)]
#[command(name = "tablecast-bench", version, max_term_width = 100)]
struct Options {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install and build what is needed, measure all peers, and write the report into docs
    ///
    /// `cargo xtask bench` does this. With --out it is a trial, which leaves docs as it is.
    Bench {
        #[command(flatten)]
        options: run::Options,

        /// Install nothing: what is missing is an error
        #[arg(long)]
        no_install: bool,
    },
    /// Measure all peers, in interleaved rounds, and write the report
    ///
    /// The server is on core 0, load and measuring on the others; leave the machine alone meanwhile.
    Run(run::Options),
    /// Write the report again from the results of a run
    Report {
        /// The folder with performance.json
        #[arg(long, value_name = "FOLDER", default_value = run::OUT)]
        out: PathBuf,
    },
    /// Serve the bare limit: epoll, one write a delivery, no checks; rooms are /ws/{room}
    Raw(Listen),
    /// Serve the peer on axum; rooms are /ws/{room}
    Axum(Listen),
    /// Serve the peer on socketioxide; a room is the query of /socket.io/
    Socketioxide(Listen),
}

#[derive(Debug, Args)]
struct Listen {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8000")]
    listen: SocketAddr,
}

fn main() -> anyhow::Result<()> {
    match Options::parse().command {
        Command::Bench {
            mut options,
            no_install,
        } => {
            let missing = match no_install {
                true => Missing::Refuse,
                false => Missing::Install,
            };
            prepare::prepare(&options, missing)?;
            options.out.get_or_insert_with(|| "docs".into());
            run::run(&options)
        }
        Command::Run(options) => run::run(&options),
        Command::Report { out } => run::report_again(&out),
        Command::Raw(at) => {
            let listener = TcpListener::bind(at.listen)?;
            eprintln!("listening on {}", listener.local_addr()?);
            Ok(raw::serve(listener)?)
        }
        Command::Axum(at) => serve(axum_rooms::app, &at),
        Command::Socketioxide(at) => serve(socketioxide_rooms::app, &at),
    }
}

// One thread, since there is one core.
#[tokio::main(flavor = "current_thread")]
async fn serve(app: fn() -> Router, at: &Listen) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(at.listen).await?;
    // It fails only for a connection that has ended.
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap_or_default());
    Ok(axum::serve(listener, app()).await?)
}
