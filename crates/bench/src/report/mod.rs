//! The report of [`Results`]: a page that people read, its plots, and beside it all figures.
//!
//! Everything follows from the results, except what people write into the page between its comments
//! `remarks`, which stays.

mod format;
mod goals;
mod plots;
mod remarks;
mod tables;

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use anyhow::Context as _;

use crate::results::Results;

/// The page, its plots and all figures, from the folder of the report.
const PAGE: &str = "performance.md";
const IMAGES: &str = "images/performance";
const FIGURES: &str = "performance/figures.md";

/// Writes the report into a folder. What was remarked in a page that is there already stays.
///
/// # Errors
///
/// A file cannot be read or written, or the goals cannot be read.
pub fn write(results: &Results, folder: &Path) -> anyhow::Result<()> {
    let page = folder.join(PAGE);
    let previous = match fs::read_to_string(&page) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text.with_context(|| format!("cannot read {}", page.display()))?,
    };
    let plots = plots::plots(results);
    let mut files = vec![(page, document(results, &plots, &previous)?)];
    files.push((folder.join(FIGURES), figures(results)));
    let images = folder.join(IMAGES);
    files.extend(
        plots
            .into_iter()
            .map(|plot| (images.join(plot.file), plot.svg)),
    );
    for (file, text) in files {
        let write = || {
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            fs::write(&file, text)
        };
        write().with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The page; `previous` is what it was.
fn document(results: &Results, plots: &[plots::Plot], previous: &str) -> anyhow::Result<String> {
    let form = match results.full {
        true => "From the whole benchmark, `cargo xtask bench --full`",
        false => {
            "From the short form of the benchmark, `cargo xtask bench`, which leaves out some workloads"
        }
    };
    let of = |name: &str| {
        let mut rows = results.machine.iter();
        rows.find(|row| row.0 == name).map_or("", |row| &row.1)
    };
    let goals = goals::goals_table(results)?;
    let mut text = format!(
        "# Performance\n\n{INTRODUCTION}\n{form}:\n{}, {} cores, {},\ncommit {}.\nAll figures are in [{FIGURES}]({FIGURES}).\n\n\
         ## Goals\n\n{goals}\n{}\n",
        of("processor"),
        of("cores"),
        of("kernel"),
        of("commit"),
        remarks::keep("goals", previous)
    );
    if !plots.is_empty() {
        text += "## At a glance\n\n";
    }
    for plots::Plot { file, caption, .. } in plots {
        text += &format!("![{caption}]({IMAGES}/{file})\n\n{caption}.\n\n");
    }
    Ok(text + HOW)
}

/// All figures.
fn figures(results: &Results) -> String {
    let workloads = results.workloads.iter();
    let workloads: Vec<String> = workloads
        .map(|workload| tables::workload(results, workload))
        .collect();
    format!(
        "# All figures of the benchmark\n\nBeside [performance.md](../performance.md), which says how they are measured; \
         a program wrote this.\n\n\
         A figure is the median of the rounds, each with a window of {} s;\n{EXPLAINED}\n## Figures\n\n{}\n\
         ## The machine\n\n{}\n## What was measured\n\n{}",
        results.seconds,
        workloads.join("\n"),
        tables::machine(results),
        tables::versions(results)
    )
}

const INTRODUCTION: &str = "\
What a delivery costs and how long it takes, beside the servers one might pick instead, all measured in one run on one
machine. A program wrote this, except what stands between comments named `remarks`, which stays when it is run again.
";

const EXPLAINED: &str = "\
in parentheses the least and the most of them, where they differ; after the dot the ratio to the bare limit, the median
of the ratios within each round.
";

/// How anyone gets such a document.
const HOW: &str = "\
## How it is measured

The servers took turns in each round, because a machine's speed drifts: compare ratios before times, and instructions
before both. The cost of a delivery is that of one message to one member. The server that is measured has one core, and
the load generator another; it checks that every member gets every message once, in one order.

The peers are in [crates/bench/peers](../crates/bench/peers/README.md), with what was left to choose and was chosen.
The *bare limit* is a loop over `epoll` that writes the encoded frame once to each socket: no library, no queue, no
checks. What it costs is what the kernel costs, for one write a delivery.

## To repeat it

```sh
cargo xtask bench           # installs what is missing, and takes less than ten minutes after that
cargo xtask bench --full    # everything
```

It writes this file, its plots and all figures; `--out FOLDER` writes them elsewhere, for trials with few workloads
(`--workload rooms-10,idle`) or peers (`--peer raw,bun,relay`). `--no-install` names what is missing instead of
installing it, and `--without fastapi,nchan` leaves peers out, which the report then says. Keep the machine quiet
meanwhile.
";

#[cfg(test)]
mod tests;
