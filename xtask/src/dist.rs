//! `cargo xtask dist`: what a release is made of; and `cargo xtask image`, a container image of it.
//!
//! The same commit and the same compilers give the same bytes in every folder: no path, time or name of this machine
//! is in a file.

mod archive;
mod build;
mod image;
mod licences;
mod sbom;
mod started;
mod sums;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::invocation::Invocation;
use crate::tools::{self, Missing};

/// Where a release is put, unless `--out` says otherwise.
const OUT: &str = "target/dist";

/// The largest binary and image that are released, in bytes.
const LARGEST_BINARY: u64 = 13_000_000;
const LARGEST_IMAGE: u64 = 15_000_000;

/// Prints which files of the repository are in the folder of a release too.
const DOCUMENTS: &str = "git ls-files README.md LICENSE-APACHE LICENSE-MIT deploy";

/// Arguments with which the binary writes a file, and where in the folder that is put.
const WRITTEN: [(&str, &str); 4] = [
    ("completions bash", "completions/tablecast.bash"),
    ("completions zsh", "completions/_tablecast"),
    ("completions fish", "completions/tablecast.fish"),
    ("man", "man/tablecast.1"),
];

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options<'a> {
    /// The target to build for, if one is named; else that of `build::target`.
    target: Option<&'a str>,
    out: &'a str,
    /// Whether to check what is there instead of making it.
    check: bool,
}

/// What is released, and for which machine.
#[derive(Debug)]
struct Release {
    version: String,
    commit: String,
    /// When it was committed, in seconds since 1970: the time of every file of the release.
    time: u64,
    target: String,
    out: PathBuf,
}

/// Makes the release, or checks the one that is there.
///
/// # Errors
/// A tool is missing, something cannot be built or written, or is not as it must be.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let options = Options::read(arguments)?;
    let release = Release::of(&options)?;
    if options.check {
        return release.check();
    }
    release.make()
}

/// Makes the image from the release that is there, or checks the image that is there.
///
/// # Errors
/// There is no release, a tool is missing, or the image is not as it must be.
pub(crate) fn image(arguments: &[&str]) -> Result<()> {
    let options = Options::read(arguments)?;
    let release = Release::of(&options)?;
    tools::provide(tools::needed(|user| user == "image")?, Missing::Install)?;
    if options.check {
        return image::check(&release);
    }
    image::make(&release)
}

impl<'a> Options<'a> {
    fn read(arguments: &[&'a str]) -> Result<Self> {
        let mut options = Self {
            target: None,
            out: OUT,
            check: false,
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                let value = arguments.next();
                value.with_context(|| format!("`{argument}` needs a value"))
            };
            match *argument {
                "--target" => options.target = Some(value()?),
                "--out" => options.out = value()?,
                "--check" => options.check = true,
                other => bail!("`{other}` is no option: --target TRIPLE, --out FOLDER, --check"),
            }
        }
        Ok(options)
    }
}

impl Release {
    fn of(options: &Options) -> Result<Self> {
        let metadata = Invocation::new("cargo metadata --no-deps --format-version 1").output()?;
        let metadata: Value = serde_json::from_str(&metadata)?;
        let packages = metadata["packages"].as_array().into_iter().flatten();
        let mut servers = packages.filter(|package| package["name"] == "tablecast-server");
        let version = servers
            .next()
            .and_then(|package| package["version"].as_str());
        let commit = Invocation::new("git rev-parse HEAD").output()?;
        let time = Invocation::new("git log -1 --format=%ct").output()?;
        Ok(Self {
            version: version.context("cargo names no tablecast-server")?.into(),
            commit: commit.trim().to_owned(),
            time: time.trim().parse().context("git names no time")?,
            target: match options.target {
                Some(target) => target.to_owned(),
                None => build::target()?,
            },
            out: PathBuf::from(options.out),
        })
    }

    /// What its files are called, without an ending.
    fn name(&self) -> String {
        let Self {
            version, target, ..
        } = self;
        format!("tablecast-{version}-{target}")
    }

    /// Where its files are, before they are packed.
    fn folder(&self) -> PathBuf {
        self.out.join(self.name())
    }

    /// A file beside the folder.
    fn file(&self, ending: &str) -> PathBuf {
        self.out.join(format!("{}{ending}", self.name()))
    }

    fn make(&self) -> Result<()> {
        let changed = Invocation::new("git status --porcelain").output()?;
        if !changed.is_empty() {
            bail!("a release is of a commit, and here are changes:\n{changed}");
        }
        let is_static = self.target.ends_with("-musl");
        let needed = tools::needed(|user| user == "dist" || (user == "musl" && is_static))?;
        tools::provide(needed, Missing::Install)?;
        println!("{} of commit {}", self.name(), self.commit);
        let (folder, symbols) = (self.folder(), self.file("-symbols"));
        for old in [&folder, &symbols] {
            if old.exists() {
                fs::remove_dir_all(old)?;
            }
            fs::create_dir_all(old)?;
        }
        let built = build::binary(self)?;
        let binary = folder.join("tablecast");
        build::strip(&built, &binary, &symbols)?;
        for path in Invocation::new(DOCUMENTS).output()?.lines() {
            put(&folder.join(path), &fs::read(path)?)?;
        }
        let licences = licences::of(self)?;
        put(&folder.join("LICENSES-OF-OTHERS"), licences.as_bytes())?;
        for (arguments, path) in WRITTEN {
            let command = Invocation::new("").with([text(&binary)?]);
            let written = command.with(arguments.split(' ')).output()?;
            put(&folder.join(path), written.as_bytes())?;
        }
        archive::pack(&folder, &self.file(".tar.gz"), self.time)?;
        archive::pack(&symbols, &self.file("-symbols.tar.gz"), self.time)?;
        fs::remove_dir_all(&symbols)?;
        fs::write(self.file(".cdx.json"), sbom::of(self)?)?;
        sums::write(&self.out)
    }

    /// Checks its sums and its size, and that it serves in a bare Debian.
    fn check(&self) -> Result<()> {
        let needed = tools::needed(|user| user == "debian")?;
        tools::provide(needed, Missing::Install)?;
        sums::check(&self.out)?;
        let root = self.file("-debian");
        let debian = Invocation::new("mmdebstrap --quiet --variant=essential bookworm");
        debian.with([text(&root)?]).run()?;
        let served = self.serves_in(&root);
        // Nothing is mounted there, so nothing else is removed.
        fs::remove_dir_all(&root)?;
        served
    }

    fn serves_in(&self, root: &Path) -> Result<()> {
        let archive = self.file(".tar.gz");
        let unpack = Invocation::new("tar --extract --file").with([text(&archive)?]);
        unpack.with(["--directory", text(root)?]).run()?;
        let program = format!("/{}/tablecast", self.name());
        let size = fs::metadata(format!("{}{program}", text(root)?))?.len();
        is_at_most("the binary", size, LARGEST_BINARY)?;
        fs::create_dir_all(root.join(started::ROOMS.trim_start_matches('/')))?;
        let store = format!("TABLECAST_STORE=sqlite:{}/tablecast.db", started::ROOMS);
        let words = |word: &str| vec![program.clone(), word.to_owned()];
        started::serves(root, &[store], &words("serve"), &words("health"))
    }
}

fn is_at_most(what: &str, size: u64, largest: u64) -> Result<()> {
    if size > largest {
        bail!("{what} has {size} bytes, {largest} are allowed");
    }
    println!("{what} has {size} bytes, at most {largest} are allowed");
    Ok(())
}

/// Writes a file, and makes its folder.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

fn text(path: &Path) -> Result<&str> {
    let text = path.to_str();
    text.with_context(|| format!("{} is no UTF-8", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_and_others_refused() {
        let nothing = Options::read(&[]).unwrap();
        assert_eq!((nothing.out, nothing.target), (OUT, None));
        let all = Options::read(&["--target", "a-b-c", "--check", "--out", "here"]).unwrap();
        assert_eq!(
            (all.target, all.out, all.check),
            (Some("a-b-c"), "here", true)
        );
        for wrong in [&["--out"][..], &["--fast"]] {
            assert!(Options::read(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn what_is_too_large_is_refused() {
        assert!(is_at_most("it", 7, 7).is_ok());
        let error = is_at_most("it", 8, 7).unwrap_err().to_string();
        assert_eq!(error, "it has 8 bytes, 7 are allowed");
    }
}
