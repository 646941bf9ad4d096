//! What a release is made of; and a container image of it. `cargo xtask dist` and `cargo xtask image` start it.
//!
//! The same commit and the same compilers give the same bytes in every folder: no path, time or name of this machine
//! is in a file.
#![allow(
    clippy::print_stdout,
    reason = "a command line tool: what it prints is its result"
)]

mod archive;
mod build;
mod image;
mod licences;
mod release;
mod sbom;
mod started;
mod sums;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Parser};
use xtask::invocation::Invocation;
use xtask::tools::{self, Missing};

use crate::release::{Release, is_at_most, put, text};

/// The largest binary that is released, in bytes.
const LARGEST: u64 = 13_000_000;

/// Prints which files of the repository are in the folder of a release too.
const DOCUMENTS: &str = "git ls-files README.md LICENSE-APACHE LICENSE-MIT deploy";

/// Arguments with which the binary writes a file, and where in the folder that is put.
const WRITTEN: [(&str, &str); 4] = [
    ("completions bash", "completions/tablecast.bash"),
    ("completions zsh", "completions/_tablecast"),
    ("completions fish", "completions/tablecast.fish"),
    ("man", "man/tablecast.1"),
];

/// Makes what a release is made of, and checks it
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
enum Task {
    /// An archive with a binary, its symbols, what it is built from, and the sums of all these
    Dist(Options),
    /// A container image of the binary that is there
    Image(Options),
}

#[derive(Debug, Args)]
struct Options {
    /// The target to build for; without it musl, if that is installed, else this machine
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Where its files are
    #[arg(long, value_name = "FOLDER", default_value = "target/dist")]
    out: PathBuf,
    /// Checks what is there instead of making it
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Task::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    // Every path in these sources starts at the root of the repository.
    std::env::set_current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))?;
    let (Task::Dist(options) | Task::Image(options)) = task;
    let target = options.target.clone().map_or_else(build::target, Ok)?;
    let release = Release::of(target, options.out.clone())?;
    if let Task::Image(_) = task {
        tools::provide(tools::needed(|user| user == "image")?, Missing::Install)?;
    }
    match (task, options.check) {
        (Task::Dist(_), false) => make(&release),
        (Task::Dist(_), true) => check(&release),
        (Task::Image(_), false) => image::make(&release),
        (Task::Image(_), true) => image::check(&release),
    }
}

fn make(release: &Release) -> Result<()> {
    let changed = Invocation::new("git status --porcelain").output()?;
    if !changed.is_empty() {
        bail!("a release is of a commit, and here are changes:\n{changed}");
    }
    let is_static = release.target.ends_with("-musl");
    let needed = tools::needed(|user| user == "dist" || (user == "musl" && is_static))?;
    tools::provide(needed, Missing::Install)?;
    println!("{} of commit {}", release.name(), release.commit);
    let (folder, symbols) = (release.folder(), release.file("-symbols"));
    for old in [&folder, &symbols] {
        if old.exists() {
            fs::remove_dir_all(old)?;
        }
        fs::create_dir_all(old)?;
    }
    let built = build::binary(release)?;
    let binary = folder.join("tablecast");
    build::strip(&built, &binary, &symbols)?;
    for path in Invocation::new(DOCUMENTS).output()?.lines() {
        put(&folder.join(path), &fs::read(path)?)?;
    }
    let licences = licences::of(release)?;
    put(&folder.join("LICENSES-OF-OTHERS"), licences.as_bytes())?;
    for (arguments, path) in WRITTEN {
        let command = Invocation::new("").with([text(&binary)?]);
        let written = command.with(arguments.split(' ')).output()?;
        put(&folder.join(path), written.as_bytes())?;
    }
    archive::pack(&folder, &release.file(".tar.gz"), release.time)?;
    archive::pack(&symbols, &release.file("-symbols.tar.gz"), release.time)?;
    fs::remove_dir_all(&symbols)?;
    fs::write(release.file(".cdx.json"), sbom::of(release)?)?;
    sums::write(&release.out)
}

/// Checks its sums and its size, and that it serves in a bare Debian.
fn check(release: &Release) -> Result<()> {
    let needed = tools::needed(|user| user == "debian")?;
    tools::provide(needed, Missing::Install)?;
    sums::check(&release.out)?;
    let root = release.file("-debian");
    let debian = Invocation::new("mmdebstrap --quiet --variant=essential bookworm");
    debian.with([text(&root)?]).run()?;
    let served = serves_in(release, &root);
    // Nothing is mounted there, so nothing else is removed.
    fs::remove_dir_all(&root)?;
    served
}

fn serves_in(release: &Release, root: &Path) -> Result<()> {
    let archive = release.file(".tar.gz");
    let unpack = Invocation::new("tar --extract --file").with([text(&archive)?]);
    unpack.with(["--directory", text(root)?]).run()?;
    let program = format!("/{}/tablecast", release.name());
    let size = fs::metadata(format!("{}{program}", text(root)?))?.len();
    is_at_most("the binary", size, LARGEST)?;
    fs::create_dir_all(root.join(started::ROOMS.trim_start_matches('/')))?;
    let store = format!("TABLECAST_STORE=sqlite:{}/tablecast.db", started::ROOMS);
    let words = |word: &str| vec![program.clone(), word.to_owned()];
    started::serves(root, &[store], &words("serve"), &words("health"))
}
