//! The report of [`Results`]: a page that people read, its plots, and a file with all figures.
//!
//! All of it is made from the results, except what people write into the page between its comments
//! `remarks`: that is kept.

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

/// Where the page, its plots and all figures are in the folder of the report.
const PAGE: &str = "performance.md";
const IMAGES: &str = "images/performance";
const FIGURES: &str = "performance/figures.md";

/// Writes the report into a folder. The remarks of a page that is there already are kept.
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
    let plots = plots::plots(results)?;
    let mut files = vec![
        (PAGE.to_owned(), document(results, &plots, &previous)?),
        (FIGURES.to_owned(), figures(results)),
    ];
    let images = plots.into_iter();
    files.extend(images.map(|plot| (format!("{IMAGES}/{}", plot.file), plot.svg)));
    for (file, text) in files {
        let file = folder.join(file);
        let made = fs::create_dir_all(file.parent().unwrap_or(folder));
        let written = made.and_then(|()| fs::write(&file, text));
        written.with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// The page. `previous` is the page before, whose remarks are kept.
fn document(results: &Results, plots: &[plots::Plot], previous: &str) -> anyhow::Result<String> {
    let form = match results.full {
        true => "From the whole benchmark, `cargo xtask bench --full`",
        false => "From the short form, `cargo xtask bench`, which leaves out some workloads",
    };
    let machine = results.machine.iter();
    let machine = machine.map(|(name, value)| (name.as_str(), value.clone()));
    let plots = plots.iter().map(|plots::Plot { file, caption, .. }| {
        format!("![{caption}]({IMAGES}/{file})\n\n{caption}.\n\n")
    });
    let mut plots: String = plots.collect();
    if !plots.is_empty() {
        plots.insert_str(0, "## At a glance\n\n");
    }
    let parts = [
        ("form", form.to_owned()),
        ("goals", goals::goals_table(results)?),
        ("remarks", remarks::keep("goals", previous)),
        ("plots", plots),
    ];
    Ok(filled(
        include_str!("report/page.txt"),
        machine.chain(parts),
    ))
}

/// All figures.
fn figures(results: &Results) -> String {
    let workloads = results.workloads.iter();
    let workloads: Vec<String> = workloads
        .map(|workload| tables::workload(results, workload))
        .collect();
    let parts = [
        ("seconds", results.seconds.to_string()),
        ("means", tables::means()),
        ("workloads", workloads.join("\n")),
        ("machine", tables::machine(results)),
        ("versions", tables::versions(results)),
    ];
    filled(include_str!("report/figures.txt"), parts)
}

/// A template in which each `{name}` is replaced by the part of this name.
fn filled<'a>(template: &str, parts: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let parts = parts.into_iter();
    parts.fold(template.to_owned(), |text, (name, part)| {
        text.replace(&format!("{{{name}}}"), &part)
    })
}

#[cfg(test)]
mod tests;
