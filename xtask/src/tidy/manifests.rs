//! Rules about the manifests, and about what crates are built from.

use anyhow::Result;

use super::finding;
use super::repo::Repo;
use xtask::invocation::Invocation;

/// What each manifest must have, so that the settings of the workspace apply to it.
const COMMON: [&str; 2] = [
    "\nversion.workspace = true\n",
    "\n[lints]\nworkspace = true\n",
];

/// The crate that does no I/O.
const PURE: &str = "tablecast-core";

/// Crate families that bring I/O, a clock or randomness: `tokio` stands for `tokio-util` too.
const IMPURE: &[&str] = &[
    "axum",
    "getrandom",
    "hyper",
    "rand",
    "redis",
    "tokio",
    "tungstenite",
];

/// Every crate of the workspace takes its version and its lints from there.
pub(super) fn common(repo: &Repo) -> Vec<String> {
    let manifests = repo.texts("", "/Cargo.toml");
    let missing = manifests.flat_map(|(path, text)| {
        let missing = COMMON.iter().filter(|common| !text.contains(**common));
        missing.map(move |common| finding::new(path, &format!("write `{}`", common.trim())))
    });
    missing.collect()
}

/// Whoever gets a published crate gets its licences with it.
pub(super) fn licences(repo: &Repo) -> Vec<String> {
    let published = repo.texts("crates/", "/Cargo.toml");
    let published = published.filter(|(_, text)| !text.contains("\npublish = false\n"));
    let missing = published.flat_map(|(path, _)| {
        let folder = path.trim_end_matches("Cargo.toml");
        let both = ["LICENSE-APACHE", "LICENSE-MIT"].map(|name| format!("{folder}{name}"));
        both.into_iter().filter(|path| repo.path(path).is_none())
    });
    missing
        .map(|path| finding::new(&path, "is missing: link to the one in the root"))
        .collect()
}

/// The pure crate is built from nothing impure. Its tests may use it.
pub(super) fn pure() -> Result<Vec<String>> {
    let tree = "cargo tree --all-features --edges normal,no-proc-macro --target all --prefix none --package";
    let tree = Invocation::new(tree).with([PURE]).output()?;
    let finding = |name: &str| {
        let message = format!(
            "{PURE} is built from `{name}`: pass in what it is needed for, or switch off the feature \
             that brings it (`cargo tree -p {PURE} -e normal -i {name}` shows which)"
        );
        finding::new("Cargo.toml", &message)
    };
    Ok(impure(&tree).into_iter().map(finding).collect())
}

/// The impure crates in the output of `cargo tree`: a `name vX.Y.Z` a line.
fn impure(tree: &str) -> Vec<&str> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let is_impure = |name: &&str| {
        let mut rest = IMPURE.iter().filter_map(|family| name.strip_prefix(family));
        rest.any(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
    };
    names.filter(is_impure).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_published_crate_without_a_licence_is_found() {
        let manifest = ("crates/a/Cargo.toml", "[package]\nname = \"a\"\n");
        let (apache, mit) = (
            ("crates/a/LICENSE-APACHE", ""),
            ("crates/a/LICENSE-MIT", ""),
        );
        let count = |files: &[(&str, &str)]| licences(&Repo::of(files)).len();
        assert_eq!(count(&[manifest, apache, mit]), 0);
        assert_eq!(count(&[manifest, apache]), 1);
        let own = ("crates/a/Cargo.toml", "[package]\npublish = false\n");
        assert_eq!(count(&[own]), 0);
    }

    #[test]
    fn a_second_version_and_own_lints_are_found() {
        let good =
            "[package]\nname = \"a\"\nversion.workspace = true\n\n[lints]\nworkspace = true\n";
        let count = |text: &str| common(&Repo::of(&[("crates/a/Cargo.toml", text)])).len();
        assert_eq!(count(good), 0);
        assert_eq!(
            count(&good.replace("version.workspace = true", "version = \"1\"")),
            1
        );
        assert_eq!(count(&good.replace("[lints]\nworkspace = true\n", "")), 1);
    }

    #[test]
    fn an_impure_crate_is_found_even_far_below() {
        let below =
            |name: &str| format!("tablecast-core v0.1.0 (/x)\nuuid v1.2.3\n{name} v1.0.0\n");
        for name in ["tokio", "tokio-util", "rand_core", "getrandom"] {
            assert_eq!(impure(&below(name)), [name]);
        }
        for name in ["bytes", "randomly", "redistribute"] {
            assert_eq!(impure(&below(name)), [""; 0], "{name}");
        }
    }
}
