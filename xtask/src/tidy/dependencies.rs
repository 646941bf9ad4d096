//! Rules read from the manifests, as cargo understands them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Finding;
use super::repo::Repo;

/// What a crate of the workspace may depend on within the workspace.
struct Direction {
    name: &'static str,
    depends_on: &'static [&'static str],
    /// Further crates that only its tests may use.
    tests_use: &'static [&'static str],
}

const DIRECTIONS: &[Direction] = &[
    Direction {
        name: "tablecast-protocol",
        depends_on: &[],
        tests_use: &[],
    },
    Direction {
        name: "tablecast-core",
        depends_on: &["tablecast-protocol"],
        tests_use: &[],
    },
    Direction {
        name: "tablecast-lunch",
        depends_on: &["tablecast-protocol", "tablecast-core"],
        tests_use: &[],
    },
    Direction {
        name: "tablecast",
        depends_on: &["tablecast-protocol", "tablecast-core"],
        tests_use: &[],
    },
    Direction {
        name: "tablecast-redis",
        depends_on: &["tablecast-core"],
        // The contract every backend passes.
        tests_use: &["tablecast"],
    },
    Direction {
        name: "tablecast-server",
        depends_on: &[
            "tablecast-core",
            "tablecast",
            "tablecast-lunch",
            "tablecast-redis",
            "tablecast-terminal",
        ],
        tests_use: &[],
    },
    Direction {
        // It knows the protocol, as any other client does, and no server.
        name: "tablecast-terminal",
        depends_on: &["tablecast-protocol", "tablecast-lunch"],
        tests_use: &[],
    },
    Direction {
        // It starts the others as programs, and measures them from outside.
        name: "tablecast-bench",
        depends_on: &[],
        tests_use: &[],
    },
    Direction {
        name: "xtask",
        depends_on: &[],
        tests_use: &[],
    },
];

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

/// Workspace crates depend on each other in one direction only.
pub(super) fn direction(repo: &Repo) -> Vec<Finding> {
    let members: BTreeSet<&str> = repo.packages().iter().map(name).collect();
    let mut findings = Vec::new();
    for direction in DIRECTIONS {
        if !members.contains(direction.name) {
            let message = format!("has no member `{}`, which the rules name", direction.name);
            findings.push(Finding::new("Cargo.toml", &message));
        }
    }
    for package in repo.packages() {
        let Some(direction) = DIRECTIONS.iter().find(|d| d.name == name(package)) else {
            let message = format!(
                "says nothing of the crate `{}`: add what it may depend on to DIRECTIONS",
                name(package)
            );
            let place = "xtask/src/tidy/dependencies.rs";
            findings.push(Finding::new(place, &message));
            continue;
        };
        for dependency in array(&package["dependencies"]) {
            let wanted = name(dependency);
            let is_test_only = dependency["kind"] == "dev";
            // A crate's tests may ask for the crate itself: so they switch on its feature `testing`.
            let is_for_tests = direction.tests_use.contains(&wanted) || wanted == direction.name;
            let is_allowed =
                direction.depends_on.contains(&wanted) || (is_test_only && is_for_tests);
            if members.contains(wanted) && !is_allowed {
                let message = format!(
                    "`{}` depends on `{wanted}`: it may depend on [{}], its tests also on [{}]",
                    direction.name,
                    direction.depends_on.join(", "),
                    direction.tests_use.join(", ")
                );
                findings.push(Finding::new(manifest(package).as_str(), &message));
            }
        }
    }
    findings
}

/// Nothing impure in the manifest of the core, nor in what it is built from.
pub(super) fn pure_core(repo: &Repo) -> Vec<Finding> {
    let mut impure = BTreeSet::new();
    for package in repo.packages() {
        if name(package) == "tablecast-core" {
            let dependencies = array(&package["dependencies"]).iter();
            // Those of other systems and switched-off features count too, those of tests do not.
            impure.extend(dependencies.filter(|d| d["kind"] != "dev").map(name));
        }
    }
    let built_from = repo.core_tree.lines();
    impure.extend(built_from.filter_map(|line| line.split_whitespace().next()));
    impure.retain(|name| {
        IMPURE.iter().any(|family| {
            name.strip_prefix(family)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', '_']))
        })
    });
    let findings = impure.iter().map(|name| {
        let message = format!(
            "the core is built from `{name}`: pass in what it is needed for, or switch off the feature \
             that brings it (`cargo tree -p tablecast-core -e normal -i {name}` shows which)"
        );
        Finding::new("crates/core/Cargo.toml", &message)
    });
    findings.collect()
}

/// All crates carry one version, and ask each other for that one.
pub(super) fn one_version(repo: &Repo) -> Vec<Finding> {
    let Some(first) = repo.packages().first() else {
        return vec![Finding::new("Cargo.toml", "has no members")];
    };
    let version = first["version"].as_str().unwrap_or_default();
    let mut findings = Vec::new();
    for package in repo.packages() {
        if package["version"] != version {
            let message = format!(
                "has version {}, others have \"{version}\": write `version.workspace = true`",
                package["version"]
            );
            findings.push(Finding::new(manifest(package).as_str(), &message));
        }
        for dependency in array(&package["dependencies"]) {
            let asked = dependency["req"].as_str().unwrap_or_default();
            // A crate that is never published may leave the version out, which cargo shows as `*`.
            if dependency["path"].is_string() && asked != format!("^{version}") && asked != "*" {
                let message = format!(
                    "asks for `{}` in version {asked}, the workspace has {version}: \
                     mend it in [workspace.dependencies]",
                    name(dependency)
                );
                findings.push(Finding::new("Cargo.toml", &message));
            }
        }
    }
    findings.dedup();
    findings
}

/// `Cargo.lock` is in the repository.
pub(super) fn lock_file(repo: &Repo) -> Vec<Finding> {
    if repo.tracked.contains("Cargo.lock") {
        Vec::new()
    } else {
        let message = "is not tracked: `git add Cargo.lock`";
        vec![Finding::new("Cargo.lock", message)]
    }
}

fn name(package: &Value) -> &str {
    package["name"].as_str().unwrap_or_default()
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// The manifest's path from the workspace root; cargo prints it in full.
fn manifest(package: &Value) -> String {
    let full = package["manifest_path"].as_str().unwrap_or_default();
    let parts: Vec<&str> = full.rsplit('/').take(3).collect();
    match parts.as_slice() {
        [file, folder, "crates"] => format!("crates/{folder}/{file}"),
        [file, folder, ..] => format!("{folder}/{file}"),
        _ => full.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn package(name: &str, dependencies: &[Value]) -> Value {
        json!({
            "name": name, "version": "0.1.0", "dependencies": dependencies,
            "manifest_path": format!("/x/crates/{name}/Cargo.toml"),
        })
    }

    fn on(name: &str, kind: Value) -> Value {
        json!({"name": name, "kind": kind, "req": "^0.1.0", "path": null})
    }

    /// A workspace in order, with further dependencies for one of its crates.
    fn workspace(changed: &str, dependencies: &[Value]) -> Repo {
        let packages: Vec<Value> = DIRECTIONS
            .iter()
            .map(|direction| {
                let mut all: Vec<Value> = direction
                    .depends_on
                    .iter()
                    .map(|name| on(name, Value::Null))
                    .collect();
                if direction.name == changed {
                    all.extend_from_slice(dependencies);
                }
                package(direction.name, &all)
            })
            .collect();
        Repo {
            metadata: json!({ "packages": packages }),
            ..Repo::default()
        }
    }

    #[test]
    fn a_dependency_against_the_direction_is_found() {
        assert_eq!(direction(&workspace("", &[])), []);
        for (from, to) in [
            ("tablecast-core", "tablecast"),
            ("tablecast", "tablecast-redis"),
            ("tablecast", "tablecast-server"),
            ("tablecast-redis", "tablecast"),
            ("xtask", "tablecast-core"),
        ] {
            let findings = direction(&workspace(from, &[on(to, Value::Null)]));
            assert_eq!(findings.len(), 1, "{from} -> {to}: {findings:?}");
            let shown = findings.first().map(Finding::to_string).unwrap_or_default();
            let start = format!("crates/{from}/Cargo.toml: `{from}` depends on `{to}`");
            assert!(shown.starts_with(&start), "{shown}");
        }
    }

    #[test]
    fn only_the_tests_of_redis_may_use_the_library() {
        let for_tests = [on("tablecast", json!("dev"))];
        assert_eq!(direction(&workspace("tablecast-redis", &for_tests)), []);
        assert_eq!(direction(&workspace("tablecast-core", &for_tests)).len(), 1);
        let for_build = [on("tablecast", json!("build"))];
        assert_eq!(
            direction(&workspace("tablecast-redis", &for_build)).len(),
            1
        );
    }

    #[test]
    fn a_crate_may_ask_for_itself_in_its_tests_only() {
        let for_tests = [on("tablecast", json!("dev"))];
        assert_eq!(direction(&workspace("tablecast", &for_tests)), []);
        let always = [on("tablecast", Value::Null)];
        assert_eq!(direction(&workspace("tablecast", &always)).len(), 1);
    }

    #[test]
    fn a_crate_the_rules_do_not_know_is_found_and_so_is_one_that_is_gone() {
        let repo = Repo {
            metadata: json!({"packages": [package("tablecast-new", &[])]}),
            ..Repo::default()
        };
        let findings = direction(&repo);
        assert_eq!(findings.len(), 1 + DIRECTIONS.len());
        assert!(
            findings
                .iter()
                .any(|finding| finding.message.contains("`tablecast-new`"))
        );
    }

    #[test]
    fn an_impure_crate_under_the_core_is_found_even_far_below() {
        for name in ["tokio", "tokio-util", "rand_core", "getrandom"] {
            let direct = workspace("tablecast-core", &[on(name, Value::Null)]);
            assert_eq!(pure_core(&direct).len(), 1, "{name}");
            let mut below = workspace("", &[]);
            below.core_tree = format!("tablecast-core v0.1.0 (/x)\nuuid v1.2.3\n{name} v1.0.0\n");
            assert_eq!(pure_core(&below).len(), 1, "{name}");
        }
        for name in ["bytes", "randomly", "redistribute"] {
            let pure = workspace("tablecast-core", &[on(name, Value::Null)]);
            assert_eq!(pure_core(&pure), [], "{name}");
        }
        let for_tests = workspace("tablecast-core", &[on("tokio", json!("dev"))]);
        assert_eq!(pure_core(&for_tests), []);
    }

    #[test]
    fn a_second_version_is_found() {
        assert_eq!(one_version(&workspace("", &[])), []);
        let mut repo = workspace("", &[]);
        repo.metadata["packages"][1]["version"] = json!("0.2.0");
        assert_eq!(one_version(&repo).len(), 1);
        let old = json!({"name": "tablecast-core", "kind": null, "req": "^0.0.9", "path": "/x"});
        assert_eq!(one_version(&workspace("tablecast", &[old])).len(), 1);
    }

    #[test]
    fn a_lock_file_that_is_not_tracked_is_found() {
        assert_eq!(lock_file(&Repo::of(&[("Cargo.lock", "")])), []);
        assert_eq!(lock_file(&Repo::default()).len(), 1);
    }
}
