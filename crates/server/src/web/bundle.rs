//! Puts a page's modules into one file. A page had thirty: their heads alone were ten
//! kilobytes, and gzip found little to share in files this small.
//!
//! Each module becomes a function that is called once and returns what the module exports.
//! The modules that it needs stand before it. This works on lines and does not parse the
//! language, so it understands only the forms of `import` and `export` that the page uses,
//! and refuses all others: a test makes every file there is. Two rules follow for the
//! page: an import is one line, and no module exports a variable that it changes.

use std::fmt::Write;

/// Where a file appears among the page's: in one folder, as deep as the modules' own.
pub(super) const FOLDER: &str = "page/";

/// The modules at these paths with all that they import, in one. `read` has a module's
/// text. The last is the page's own: only it may wait (`await`) outside a function.
///
/// # Errors
/// A module is missing, or has a form that is not understood.
pub(super) fn bundle(
    paths: &[&str],
    read: impl Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let mut bundle = Bundle {
        read,
        open: Vec::new(),
        done: Vec::new(),
        text: String::new(),
    };
    let (last, first) = paths.split_last().ok_or("no module")?;
    for path in first {
        bundle.add(path)?;
    }
    let page = bundle.module(last)?;
    bundle.text.push_str(&page.text);
    Ok(bundle.text)
}

struct Bundle<R> {
    read: R,
    /// Modules whose imports are being added.
    open: Vec<String>,
    /// Added modules; the place of each is its name.
    done: Vec<String>,
    text: String,
}

/// A module without `import` and `export`.
#[derive(Default)]
struct Module {
    text: String,
    exports: Vec<String>,
}

impl<R: Fn(&str) -> Option<String>> Bundle<R> {
    /// Adds a module, unless it is there; returns its name.
    fn add(&mut self, path: &str) -> Result<String, String> {
        if let Some(name) = self.name(path) {
            return Ok(name);
        }
        let Module { text, exports } = self.module(path)?;
        self.done.push(path.to_owned());
        let name = self.name(path).unwrap_or_default();
        let exports = exports.join(",");
        writeln!(
            self.text,
            "const {name} = (() => {{\n{text}return {{{exports}}};\n}})();"
        )
        .map_err(|error| error.to_string())?;
        Ok(name)
    }

    /// The name of an added module. No module uses one like it.
    fn name(&self, path: &str) -> Option<String> {
        let place = self.done.iter().position(|done| done == path)?;
        Some(format!("$${place}"))
    }

    fn module(&mut self, path: &str) -> Result<Module, String> {
        if self.open.iter().any(|open| open == path) {
            return Err(format!("{path} imports itself"));
        }
        let source = (self.read)(path).ok_or_else(|| format!("there is no {path}"))?;
        self.open.push(path.to_owned());
        let mut module = Module::default();
        for line in source.lines().filter(|line| !line.is_empty()) {
            let refused = || format!("{path}: not understood: {line}");
            if line.starts_with("import ") {
                let (names, from) = imported(line).ok_or_else(refused)?;
                let from = self.add(&resolved(path, from))?;
                module.text.push_str(&format!("const {names} = {from};"));
            } else if let Some(rest) = line.strip_prefix("export ") {
                if rest != "{};" {
                    module.exports.push(exported(rest).ok_or_else(refused)?);
                    module.text.push_str(&self.moved(path, rest));
                }
            } else {
                module.text.push_str(&self.moved(path, line));
            }
            module.text.push('\n');
        }
        self.open.pop();
        Ok(module)
    }

    /// A line in the page's file: its relative addresses are those of the module's file.
    fn moved(&self, path: &str, line: &str) -> String {
        const OWN: &str = "import.meta.url";
        const WANTED: &str = "import('";
        let line = line.replace(OWN, &format!("new URL('../{path}',{OWN})"));
        let mut moved = String::new();
        let mut rest = line.as_str();
        while let Some((before, (to, after))) = rest
            .split_once(WANTED)
            .and_then(|(before, rest)| Some((before, rest.split_once("')")?)))
        {
            let to = resolved(path, to);
            let here = self.name(&to);
            moved.push_str(before);
            moved.push_str(&here.unwrap_or_else(|| format!("{WANTED}../{to}')")));
            rest = after;
        }
        moved + rest
    }
}

/// The names of an import as a pattern, and from where: of `import { a as b } from './c.js';`
/// these are `{ a: b }` and `./c.js`.
fn imported(line: &str) -> Option<(String, &str)> {
    let (what, from) = line
        .strip_prefix("import ")?
        .strip_suffix("';")?
        .split_once(" from '")?;
    let is_list = what.starts_with("{ ") && what.ends_with(" }");
    let names = match what.strip_prefix("* as ") {
        Some(all) => all.to_owned(),
        None => is_list.then(|| what.replace(" as ", ": "))?,
    };
    from.starts_with('.').then_some((names, from))
}

/// The name of what a declaration exports. `let` would be a copy of what changes later.
fn exported(declaration: &str) -> Option<String> {
    let kinds = ["const ", "function ", "async function ", "class "];
    let rest = kinds
        .iter()
        .find_map(|kind| declaration.strip_prefix(kind))?;
    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$')?;
    let name = rest.get(..end)?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The path of what a module means by a relative address.
fn resolved(path: &str, to: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in to.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn made(modules: &[(&str, &str)]) -> Result<String, String> {
        let read = |path: &str| {
            let module = modules.iter().find(|(name, _)| *name == path)?;
            Some(module.1.to_owned())
        };
        bundle(&["i18n/en.js", "room.js"], read)
    }

    #[test]
    fn a_module_stands_once_before_those_that_import_it() {
        let made = made(&[
            (
                "room.js",
                "import { a as b } from './lib/a.js';\nimport * as c from './lib/c.js';\nawait b(c);\n",
            ),
            (
                "lib/a.js",
                "import { w } from '../i18n/en.js';\nexport const a = w;\nexport async function f$(x) {}\n",
            ),
            (
                "lib/c.js",
                "import { a } from './a.js';\nexport class C {}\nexport {};\nexport function g() {}\n",
            ),
            ("i18n/en.js", "export const w = {};\n"),
        ]);
        let expected = "const $$0 = (() => {\nconst w = {};\nreturn {w};\n})();\n\
            const $$1 = (() => {\nconst { w } = $$0;\nconst a = w;\nasync function f$(x) {}\nreturn {a,f$};\n})();\n\
            const $$2 = (() => {\nconst { a } = $$1;\nclass C {}\n\nfunction g() {}\nreturn {C,g};\n})();\n\
            const { a: b } = $$1;\nconst c = $$2;\nawait b(c);\n";
        assert_eq!(made.unwrap(), expected);
    }

    #[test]
    fn what_is_loaded_later_is_found_from_the_folder_of_the_file() {
        let made = made(&[
            ("room.js", "import { a } from './lib/a.js';\n"),
            (
                "lib/a.js",
                "export const a = [import('../i18n/en.js'), import('./b.js'), import.meta.url];\n",
            ),
            ("i18n/en.js", "\n"),
        ]);
        let line =
            "const a = [$$0, import('../lib/b.js'), new URL('../lib/a.js',import.meta.url)];\n";
        assert!(made.unwrap().contains(line));
    }

    #[test]
    fn a_form_that_is_not_understood_is_refused() {
        for line in [
            "import './a.js';",
            "import a from './a.js';",
            "import {",
            "import { a } from 'a';",
            "import { a } from './nothing.js';",
            "import { r } from './room.js';",
            "export let a = 1;",
            "export default 1;",
            "export { a } from './a.js';",
            "export const { a } = b;",
        ] {
            let refused = made(&[("i18n/en.js", ""), ("room.js", line)]);
            assert!(refused.is_err(), "{line}: {refused:?}");
        }
    }
}
