//! Lists that are part of this program, and are written in TOML.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

/// The entries of a file that has one list, whatever its name.
///
/// # Panics
///
/// The file has something else.
#[expect(clippy::expect_used, reason = "it is part of this program")]
pub(crate) fn entries<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let lists: BTreeMap<String, Vec<T>> = toml::from_str(file).expect("a list");
    lists.into_values().flatten().collect()
}
