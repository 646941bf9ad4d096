//! What the binary is built from, as CycloneDX.

use std::fs;

use anyhow::{Context as _, Result, bail};
use regex_lite::Regex;

use crate::release::{Release, text};
use xtask::invocation::Invocation;

/// With `SOURCE_DATE_EPOCH` it writes no random number into the document.
const MAKE: &str = "cargo cyclonedx --quiet --manifest-path crates/server/Cargo.toml --format json --spec-version 1.5 \
                    --describe binaries --target";

/// It writes a document for each program of the workspace, beside the manifest of its crate.
const MADE: &str = "crates/server/tablecast_bin.cdx.json";
const CLEAN: &str = "git clean --force -x --quiet -- crates/*/*.cdx.json xtask/*.cdx.json";

/// The document for the binary of this release.
pub(crate) fn of(release: &Release) -> Result<String> {
    let time = format!("SOURCE_DATE_EPOCH={}", release.time);
    let make = Invocation::new("env").with([&*time]).with(MAKE.split(' '));
    let make = make.with([&*release.target]);
    let made = make.run().and_then(|()| Ok(fs::read_to_string(MADE)?));
    Invocation::new(CLEAN).run()?;
    let here = std::env::current_dir()?.canonicalize()?;
    without_paths(&made?, text(&here)?)
}

/// Names our own crates by their folders in the repository, not by those of this machine.
fn without_paths(document: &str, here: &str) -> Result<String> {
    let document = document.replace(&format!("path+file://{here}/"), "");
    // A scanner cannot use the folder that a crate came from.
    let source = Regex::new(r#"\?download_url=file://[^#"]*"#).context("a pattern of ours")?;
    let document = source.replace_all(&document, "").into_owned();
    if let Some(line) = document.lines().find(|line| line.contains(here)) {
        bail!("a path of this machine is left: {}", line.trim());
    }
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_names_no_folder_of_this_machine() {
        let document = r#"{ "bom-ref": "path+file:///home/mina/src/crates/core#tablecast-core@0.1.0",
  "purl": "pkg:cargo/tablecast-core@0.1.0?download_url=file://../core",
  "other": "pkg:cargo/tablecast-server@0.1.0?download_url=file://.#src/main.rs" }"#;
        let expected = r#"{ "bom-ref": "crates/core#tablecast-core@0.1.0",
  "purl": "pkg:cargo/tablecast-core@0.1.0",
  "other": "pkg:cargo/tablecast-server@0.1.0#src/main.rs" }"#;
        assert_eq!(without_paths(document, "/home/mina/src").unwrap(), expected);
        assert!(without_paths(r#""/home/mina/src/x""#, "/home/mina/src").is_err());
    }
}
