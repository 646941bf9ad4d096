//! Tables and plots of [`Results`].
//!
//! Everything in `performance.md` follows from the results, except what people write between its
//! comments `remarks`, which stays.

mod format;
mod goals;
mod plots;
mod remarks;
mod tables;

use std::fmt::Write as _;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;

use crate::results::Results;

/// The plots, from the folder of the report.
const IMAGES: &str = "images/performance";

/// Writes `performance.md` into a folder, and the plots into `images/performance` below it. What was
/// remarked in a `performance.md` that is there already stays.
///
/// # Errors
///
/// A file cannot be read or written, or a plot cannot be drawn.
pub fn write(results: &Results, folder: &Path) -> anyhow::Result<()> {
    let file = folder.join("performance.md");
    let previous = match fs::read_to_string(&file) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text.with_context(|| format!("cannot read {}", file.display()))?,
    };
    let plots = plots::plots(results)?;
    let images = folder.join(IMAGES);
    fs::create_dir_all(&images)
        .with_context(|| format!("cannot make the folder {}", images.display()))?;
    for plot in &plots {
        write_file(&images.join(plot.file), &plot.svg)?;
    }
    write_file(&file, &document(results, &plots, &previous))
}

fn write_file(file: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// `performance.md`; `previous` is what it was.
fn document(results: &Results, plots: &[plots::Plot], previous: &str) -> String {
    let mut text = String::new();
    let form = if results.full {
        "From the whole benchmark, `cargo xtask bench --full`."
    } else {
        "From the short form of the benchmark, `cargo xtask bench`, which leaves out some workloads."
    };
    let _ = write!(
        text,
        "# Performance\n\n{INTRODUCTION}\n{form}\n\n## Goals\n\n{}\n{}\n",
        goals::goals_table(results),
        remarks::keep("goals", previous),
    );
    if !plots.is_empty() {
        text += "## At a glance\n\n";
        for plot in plots {
            let _ = write!(
                text,
                "![{}]({IMAGES}/{})\n\n{}.\n\n",
                plot.caption, plot.file, plot.caption
            );
        }
    }
    text += &workloads(results);
    let _ = write!(
        text,
        "## What was tried and did not help\n\n{}\n\
         ## The machine\n\n{}\n\
         ## What was measured\n\n{}\n\
         {HOW}",
        remarks::keep("tried", previous),
        tables::machine(results),
        tables::versions(results),
    );
    text
}

fn workloads(results: &Results) -> String {
    let seconds = results.seconds;
    let mut text = format!(
        "## Figures\n\n\
         A figure is the median of the rounds, each with a window of {seconds} s;\n{FIGURES}\n"
    );
    for workload in &results.workloads {
        text += &tables::workload(results, workload);
        text.push('\n');
    }
    text
}

const INTRODUCTION: &str = "\
What a delivery costs and how long it takes, beside the servers one might pick instead, all measured in one run on one
machine. A program wrote this, except what stands between comments named `remarks`, which stays when it is run again.
";

const FIGURES: &str = "\
in parentheses the least and the most of them, where they differ; after the dot the ratio to the bare limit, the median
of the ratios within each round. The servers took turns in each round, because a machine's speed drifts: compare ratios
before times, and instructions before both. The cost of a delivery is that of one message to one member.
";

/// How anyone gets such a document.
const HOW: &str = "\
The peers are in [crates/bench/peers](../crates/bench/peers/README.md), with what was left to choose and was chosen.
The *bare limit* is a loop over `epoll` that writes the encoded frame once to each socket: no library, no queue, no
checks. What it costs is what the kernel costs, for one write a delivery.

## To repeat it

```sh
cargo xtask bench           # installs what is missing, and takes less than ten minutes after that
cargo xtask bench --full    # everything
```

It writes this file and its plots; `--out FOLDER` writes them elsewhere, for trials with few workloads (`--workload
rooms-10,idle`) or peers (`--peer raw,bun,relay`). `--no-install` names what is missing instead of installing it, and
`--without fastapi,nchan` leaves peers out, which the report then says. The server that is measured has one core and the
load generator another; keep the machine quiet otherwise.
";

#[cfg(test)]
mod tests;
