//! No file imports, directly or through others, a file that imports it.
//!
//! A Rust file imports the files of its crate that its `use` declarations and its paths from `crate`, `super`
//! and `self` lead to. Where such a file passes on a name by `pub use`, the file counts that has it. A JavaScript
//! file imports what its `import` names. Tests do not count. Calls of methods are not seen, and a module
//! within a file counts as the file.

use std::collections::{BTreeMap, BTreeSet};

use super::finding;
use super::repo::{Repo, is_shipped, regex, without_tests};

/// From each file to those that it imports.
type Imports<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// There are no circles.
pub(super) fn circles(repo: &Repo) -> Vec<String> {
    let mut imports = rust(repo);
    imports.extend(javascript(repo));
    let message = "these import each other: move what they share below them";
    let circles = found(&imports).into_iter();
    circles.map(|files| finding::new(&files, message)).collect()
}

/// The files of each circle in one line.
fn found(imports: &Imports<'_>) -> BTreeSet<String> {
    let reached = |file| (file, reached(imports, file));
    let reached: Imports<'_> = imports.keys().copied().map(reached).collect();
    let circles = reached.iter().map(|(file, files)| {
        let leads_back = |other: &&&str| reached.get(**other).is_some_and(|r| r.contains(file));
        let circle: Vec<&str> = files.iter().filter(leads_back).copied().collect();
        circle.join(" ")
    });
    circles.filter(|circle| !circle.is_empty()).collect()
}

fn reached<'a>(imports: &Imports<'a>, from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(file) = next.pop() {
        let files = imports.get(file).into_iter().flatten();
        next.extend(files.copied().filter(|file| reached.insert(*file)));
    }
    reached
}

fn javascript(repo: &Repo) -> Imports<'_> {
    let comment = regex(r"(?s)/\*.*?\*/|(?m)^\s*//.*$");
    let import = regex(r#"(?:from|import|import\()\s*['"](\.[^'"]+)['"]"#);
    let files = repo.texts("", ".js");
    let imports = files.map(|(path, text)| {
        let text = comment.replace_all(text, "");
        let targets = import.captures_iter(&text);
        let targets = targets.filter_map(|found| repo.path(&beside(path, &found[1])));
        (path, targets.collect())
    });
    imports.collect()
}

/// The path from the root of what `path` calls `relative`.
fn beside(path: &str, relative: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in relative.split('/').filter(|part| *part != ".") {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The Rust files that are no tests, by module: `crates/core/src::room` is the module of `room.rs` or of
/// `room/mod.rs`. Each has the paths that it imports, as they are written.
struct Modules<'a>(BTreeMap<String, (&'a str, Vec<String>)>);

fn rust(repo: &Repo) -> Imports<'_> {
    let ending = regex(r"(/mod|/lib|/main)?\.rs$");
    let mut modules = Modules(BTreeMap::new());
    for (file, text) in repo.texts("", ".rs").filter(|(path, _)| is_shipped(path)) {
        let module = ending.replace(file, "");
        let (source, names) = module.split_once("/src").unwrap_or((&module, ""));
        let module = format!("{source}/src{}", names.replace('/', "::"));
        let read = || (file, paths(without_tests(text)));
        modules.0.entry(module).or_insert_with(read);
    }
    let imports = modules.0.iter().map(|(module, (file, paths))| {
        let paths = paths.iter().map(|path| absolute(module, called(path).0));
        let files = paths.filter_map(|path| modules.file(&path, 8));
        (*file, files.filter(|other| other != file).collect())
    });
    imports.collect()
}

impl<'a> Modules<'a> {
    /// The file that a path leads to, in this many steps at most.
    fn file(&self, path: &str, steps: usize) -> Option<&'a str> {
        let mut module = path;
        while !self.0.contains_key(module) {
            module = module.rsplit_once("::")?.0;
        }
        let (file, paths) = self.0.get(module)?;
        let rest = path[module.len()..].trim_start_matches("::");
        let passed_on = paths.iter().find_map(|path| {
            let (target, name) = called(path);
            let rest = rest.strip_prefix(name)?;
            let is_it = rest.is_empty() || rest.starts_with(':');
            let target = is_it.then(|| absolute(module, target) + rest)?;
            self.file(&target, steps.checked_sub(1)?)
        });
        passed_on.or(Some(file))
    }
}

/// What a path means in a module. That of another crate leads to the module itself.
fn absolute(module: &str, path: &str) -> String {
    let parent = module
        .rsplit_once("::")
        .map_or(module, |(parent, _)| parent);
    let root = module.split("::").next().unwrap_or(module);
    match path.split_once("::").unwrap_or((path, "")) {
        ("crate", rest) => format!("{root}::{rest}"),
        ("self", rest) => format!("{module}::{rest}"),
        ("super", rest) if rest.starts_with("super") => absolute(parent, rest),
        ("super", rest) => format!("{parent}::{rest}"),
        _ => format!("{module}::{path}"),
    }
}

/// An imported path, and what it is called where it is imported.
fn called(path: &str) -> (&str, &str) {
    let last = path.rsplit("::").next().unwrap_or(path);
    path.split_once(" as ").unwrap_or((path, last))
}

/// The paths of a file: those in `use`, and those from `crate`, `super` and `self`.
fn paths(text: &str) -> Vec<String> {
    let text = regex(r"//.*").replace_all(text, "");
    let path = regex(r"\b(?:crate|super|self)(?:::\w+)+");
    // Only in a `use` does a path give something a name.
    let inline = path.find_iter(&text);
    let mut paths: Vec<String> = inline
        .map(|path| format!("{} as _", path.as_str()))
        .collect();
    let group = regex(r"([\w:]*)\{([^{}]*)\}");
    for declaration in
        regex(r"(?m)^\s*(?:pub(?:\([^)]*\))?\s+)?use\s+([^;]+);").captures_iter(&text)
    {
        let mut tree = declaration[1].replace('\n', " ");
        while let Some(found) = group.captures(&tree) {
            // In `a::{self, b}` `self` is `a`.
            let parts = found[2]
                .split(',')
                .map(str::trim)
                .filter(|part| !part.is_empty());
            let parts = parts.map(|part| match part {
                "self" => found[1].to_owned(),
                part => found[1].to_owned() + part,
            });
            tree = tree.replace(&found[0], &parts.collect::<Vec<_>>().join(","));
        }
        paths.extend(
            tree.split(',')
                .map(|path| path.trim().trim_end_matches("::").to_owned()),
        );
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(files: &[(&str, &str)]) -> Vec<String> {
        circles(&Repo::of(files))
    }

    #[test]
    fn files_that_import_each_other_are_found_whichever_way() {
        for (a, b) in [
            ("use crate::b::B;", "use super::a::A;"),
            (
                "use {std::fmt, crate::b::{self, B as X}};",
                "fn f() { crate::a::g() }",
            ),
            ("pub use crate::B;", "use crate::a;"),
        ] {
            let files = [
                ("crates/x/src/lib.rs", "mod a;\nmod b;\npub use b::B;\n"),
                ("crates/x/src/a.rs", a),
                ("crates/x/src/b.rs", b),
            ];
            let found = shown(&files);
            assert_eq!(found.len(), 1, "{a} {b}: {found:?}");
            assert!(
                found[0].starts_with("crates/x/src/a.rs crates/x/src/b.rs: "),
                "{found:?}"
            );
        }
        let long = [
            ("w/a.js", "import x from './b.js'"),
            ("w/b.js", "import '../v/c.js'"),
        ];
        let found = shown(&[
            long[0],
            long[1],
            ("v/c.js", "export { y } from '../w/a.js'"),
        ]);
        assert!(found[0].starts_with("v/c.js w/a.js w/b.js: "), "{found:?}");
    }

    #[test]
    fn what_only_looks_like_an_import_is_fine() {
        for b in [
            "//! See [`crate::a::A`].\nuse std::fmt;",
            "use a::A;",
            "fn f() {}\n\n#[cfg(test)]\nmod tests { use crate::a::A; }",
        ] {
            let a = ("crates/x/src/a.rs", "use crate::b::B;");
            assert_eq!(shown(&[a, ("crates/x/src/b.rs", b)]), [""; 0], "{b}");
        }
        let types = "/** @type {import('./a.js').A} */\nexport const b = 1;";
        assert_eq!(
            shown(&[("a.js", "import './b.js'"), ("b.js", types)]),
            [""; 0]
        );
    }
}
