//! Programs that cargo builds.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::invocation::Invocation;

/// Builds by a command of cargo, and returns the path of the program with this name.
///
/// # Errors
/// It cannot be built, or is none of its programs.
pub fn built(command: Invocation, name: &str) -> Result<String> {
    // Twice: the first prints cargo's progress for people, the second what this program reads.
    command.run()?;
    let messages = command.with_option("--message-format=json").output()?;
    executable(name, &messages)
}

/// The path of the program with this name in cargo's messages.
fn executable(name: &str, messages: &str) -> Result<String> {
    let lines = messages.lines();
    let mut messages = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let executable = messages.find_map(|message| {
        let is_it = message["target"]["name"] == name;
        message["executable"]
            .as_str()
            .filter(|_| is_it)
            .map(str::to_owned)
    });
    executable.with_context(|| format!("cargo names no executable for `{name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_found_among_cargos_messages() -> Result<()> {
        let messages = r#"{"reason":"compiler-artifact","target":{"name":"tablecast"},"executable":null}
{"reason":"compiler-artifact","target":{"name":"counts"},"executable":"/t/counts/deps/counts-1"}
{"reason":"build-finished","success":true}"#;
        assert_eq!(executable("counts", messages)?, "/t/counts/deps/counts-1");
        assert!(executable("counts", "").is_err());
        Ok(())
    }
}
