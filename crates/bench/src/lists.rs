//! Lists in TOML that are compiled into this program.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;

/// The entries of a file that has one list. Its name does not matter.
///
/// # Panics
///
/// The file has no such list.
#[expect(clippy::expect_used, reason = "it is part of this program")]
pub(crate) fn entries<T: DeserializeOwned>(file: &str) -> Vec<T> {
    let lists: BTreeMap<String, Vec<T>> = toml::from_str(file).expect("a list");
    lists.into_values().flatten().collect()
}
