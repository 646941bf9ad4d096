//! What a run is asked for.

use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::scenario;
use crate::peers::PEERS;

/// What to measure.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Everything, in up to an hour, instead of the short form
    #[arg(long)]
    pub full: bool,

    /// Rounds of every workload, instead of those of the form
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub rounds: Option<u16>,

    /// Length of a measured window
    #[arg(long, value_name = "SECONDS")]
    pub seconds: Option<f64>,

    /// Only these peers, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = peers())]
    pub peer: Vec<String>,

    /// All peers but these, by name; the report says that they were left out
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = peers())]
    pub without: Vec<String>,

    /// Only these workloads, by name
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = PossibleValuesParser::new(scenario::names()))]
    pub workload: Vec<String>,

    /// Where performance.md, its plots and performance.json are written [default: docs for
    /// `bench`, else target/bench]
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
}

impl Options {
    /// Whether the peer of this name is measured.
    pub(crate) fn measures(&self, peer: &String) -> bool {
        (self.peer.is_empty() || self.peer.contains(peer)) && !self.without.contains(peer)
    }
}

fn peers() -> PossibleValuesParser {
    PEERS.iter().map(|peer| &*peer.name).into()
}
