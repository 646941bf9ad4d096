//! The binary of a release, and its symbols.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::release::{Release, text};
use xtask::invocation::Invocation;
use xtask::{cargo, tools};

const BUILD: &str =
    "cargo rustc --profile dist --locked --package tablecast-server --bin tablecast --target";

/// For the program alone, not for the server's library in the same package, which is built to be small. When all crates
/// are linked they are optimised once more, at the level of the program's own crate.
const FAST: [&str; 2] = ["--", "-Copt-level=3"];

/// How a static binary is linked: by the linker that comes with Rust. It keeps functions with the same code only once,
/// and writes relocations as a bitmap. A program that uses glibc would need a new glibc for that.
const LINKED: &str = " -Clink-arg=-fuse-ld=lld -Clink-arg=-Wl,--icf=all,--pack-dyn-relocs=relr";

/// How C is compiled: without tables for unwinding, since no panic runs through it. The tables that a debugger needs are
/// in the symbols.
const COMPILED: &str = " -fno-asynchronous-unwind-tables";

/// The file with the symbols. The binary has this name too, so that debuggers find the file.
const SYMBOLS: &str = "tablecast.debug";

/// The target with musl, if it is installed: its static binary runs on every Linux. Not with glibc, which cannot look
/// up host names when it is static. Else the target of this machine.
pub(crate) fn target() -> Result<String> {
    let host = rustc("host: ")?;
    let musl = host.replace("-gnu", "-musl");
    let library = Invocation::new("rustc --print target-libdir --target").with([&*musl]);
    let is_there = |folder: String| Path::new(folder.trim()).exists();
    match library.output().is_ok_and(is_there) {
        true => Ok(musl),
        false => Ok(host),
    }
}

/// Builds the binary, and returns its path.
pub(crate) fn binary(release: &Release) -> Result<PathBuf> {
    let maps = maps()?;
    let flags = |option: &str| -> String {
        let flags: Vec<String> = maps.iter().map(|map| format!("{option}={map}")).collect();
        flags.join(" ")
    };
    let is_static = release.target.ends_with("-musl");
    let linked = if is_static { LINKED } else { "" };
    let mut command = Invocation::new("env").with([
        &*format!("TABLECAST_COMMIT={}", release.commit),
        &format!("SOURCE_DATE_EPOCH={}", release.time),
        &format!("RUSTFLAGS={}{linked}", flags("--remap-path-prefix")),
        // For SQLite, the allocator and cryptography, which are written in C.
        &format!("CFLAGS={}{COMPILED}", flags("-ffile-prefix-map")),
    ]);
    if is_static {
        // Where the C compiler looks for a linker. There is an option for that too, but with it the names of functions,
        // and so the bytes, would depend on the folder.
        command = command.with([&*format!("COMPILER_PATH={}", text(&linker()?)?)]);
    }
    let command = command
        .with(BUILD.split(' '))
        .with([&*release.target])
        .with(FAST);
    Ok(PathBuf::from(cargo::built(command, "tablecast")?))
}

/// What the folders of this machine are called in messages and symbols, as `FROM=TO`. Of several that fit the last one
/// counts.
fn maps() -> Result<Vec<String>> {
    let here = std::env::current_dir()?.canonicalize()?;
    let home = tools::folder("CARGO_HOME", ".cargo")?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let library = sysroot()?.join("lib/rustlib/src/rust");
    let compiler = format!("/rustc/{}", rustc("commit-hash: ")?);
    // The folders of registries, in which each library's is: half a thousand places that may panic name their file.
    let registries = fs::read_dir(home.join("registry/src"));
    let registries = registries.into_iter().flatten().flatten();
    let registries = registries.map(|registry| (registry.path(), "/cargo"));
    let maps = [
        // Where the sources of the standard library are installed, the compiler uses their paths.
        (library, &*compiler),
        (here.clone(), "/tablecast"),
        (here.join(target), "/target"),
    ];
    let maps = [(home, "/cargo")].into_iter().chain(registries).chain(maps);
    let maps = maps.map(|(from, to)| Ok(format!("{}={to}", text(&from)?)));
    maps.collect()
}

/// The folder of the linker that comes with Rust.
fn linker() -> Result<PathBuf> {
    let host = rustc("host: ")?;
    Ok(sysroot()?.join(format!("lib/rustlib/{host}/bin/gcc-ld")))
}

fn sysroot() -> Result<PathBuf> {
    let sysroot = Invocation::new("rustc --print sysroot").output()?;
    Ok(PathBuf::from(sysroot.trim()))
}

/// The value of a line that begins with `key`, of what the compiler says about itself.
fn rustc(key: &str) -> Result<String> {
    let said = Invocation::new("rustc --version --verbose").output()?;
    let value = said.lines().find_map(|line| line.strip_prefix(key));
    Ok(value
        .with_context(|| format!("rustc says no {key}"))?
        .to_owned())
}

/// Writes the binary without its symbols to `stripped`, and the symbols into a folder.
pub(crate) fn strip(built: &Path, stripped: &Path, symbols: &Path) -> Result<()> {
    let (built, stripped) = (text(built)?, text(stripped)?);
    if cfg!(target_os = "macos") {
        let symbols = symbols.join("tablecast.dSYM");
        let separate = Invocation::new("dsymutil --out").with([text(&symbols)?, built]);
        separate.run()?;
        fs::copy(built, stripped)?;
        return Invocation::new("strip -S -x").with([stripped]).run();
    }
    let symbols = symbols.join(SYMBOLS);
    let symbols = text(&symbols)?;
    let separate = Invocation::new("objcopy --only-keep-debug").with([built, symbols]);
    separate.run()?;
    let link = format!("--add-gnu-debuglink={symbols}");
    let strip = Invocation::new("objcopy --strip-all").with([&*link, built, stripped]);
    strip.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_from_the_sources_is_built_by_the_same_command_as_a_release() {
        let dockerfile = include_str!("../../../deploy/Dockerfile");
        let dockerfile = dockerfile.replace("\\\n", "");
        let words: Vec<&str> = dockerfile.split_whitespace().collect();
        let build = format!("{BUILD} \"$target\" {}", FAST.join(" "));
        assert!(words.join(" ").contains(&build), "{build}");
    }
}
