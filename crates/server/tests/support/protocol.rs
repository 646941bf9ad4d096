//! `docs/protocol.md` as tests read it: chapters, tables and words in code.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(unreachable_pub, clippy::expect_used)]

use std::fs;
use std::path::Path;

fn text() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md");
    fs::read_to_string(path).expect("docs/protocol.md")
}

/// The title of a line, if it is a heading.
fn title(line: &str) -> Option<&str> {
    let rest = line.trim_start_matches('#');
    (rest.len() < line.len()).then(|| rest.trim())
}

/// What stands below the heading of this title, up to the next one.
pub fn chapter(name: &str) -> String {
    let text = text();
    let below = text
        .lines()
        .skip_while(|line| title(line) != Some(name))
        .skip(1);
    let lines: Vec<&str> = below.take_while(|line| title(line).is_none()).collect();
    assert!(!lines.is_empty(), "docs/protocol.md has no chapter {name}");
    lines.join("\n")
}

/// The headings between two.
pub fn headings(from: &str, to: &str) -> Vec<String> {
    let text = text();
    let titles = text.lines().filter_map(title);
    titles
        .skip_while(|title| *title != from)
        .skip(1)
        .take_while(|title| *title != to)
        .map(str::to_owned)
        .collect()
}

/// The names that stand in code: `` `item` ``, not `` `"votes"` ``.
pub fn words(text: &str) -> Vec<String> {
    let spans = text.split('`').skip(1).step_by(2);
    let is_name = |span: &&str| {
        let letters = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '.');
        !span.is_empty() && span.chars().all(letters) && !span.starts_with('.')
    };
    spans.filter(is_name).map(str::to_owned).collect()
}

/// A table: its rows of cells, the names of the columns first.
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// The tables of a chapter.
    pub fn all(name: &str) -> Vec<Table> {
        let mut tables = vec![Vec::new()];
        for line in chapter(name).lines() {
            let cells = line
                .strip_prefix('|')
                .and_then(|line| line.strip_suffix('|'));
            match (cells, tables.last_mut()) {
                (Some(cells), Some(table)) => {
                    let cells = cells.split('|').map(|cell| cell.trim().to_owned());
                    table.push(cells.collect());
                }
                _ => tables.push(Vec::new()),
            }
        }
        tables.retain(|table| table.len() > 2);
        assert!(!tables.is_empty(), "{name} has no table");
        tables.into_iter().map(Table).collect()
    }

    /// The cells of these columns, row by row.
    pub fn rows<'a, const N: usize>(
        &'a self,
        columns: [&str; N],
    ) -> impl Iterator<Item = [&'a str; N]> + use<'a, N> {
        let names = &self.0[0];
        let at = columns.map(|column| {
            let at = names.iter().position(|name| name == column);
            at.unwrap_or_else(|| panic!("there is no column {column} in {names:?}"))
        });
        // Below the names is a line.
        self.0[2..].iter().map(move |row| at.map(|at| &*row[at]))
    }

    /// The cells of a column.
    pub fn column<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.rows([name]).map(|[cell]| cell)
    }
}
