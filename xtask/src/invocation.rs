//! Programs that are started. A command is printed exactly as somebody would type it.

use std::fmt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

/// One command line: a program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation(Vec<String>);

impl Invocation {
    /// The command of a line whose words have no spaces in them.
    pub fn new(line: &str) -> Self {
        Self(line.split_whitespace().map(str::to_owned).collect())
    }

    /// The same command with further arguments.
    pub fn with<'a>(mut self, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.extend(words.into_iter().map(str::to_owned));
        self
    }

    /// The same command with a further option, before what stands behind `--`.
    pub fn with_option(mut self, option: &str) -> Self {
        let end = self.0.iter().position(|word| word == "--");
        let end = end.unwrap_or(self.0.len());
        self.0.insert(end, option.to_owned());
        self
    }

    /// Prints it, and runs it with the terminal as its output.
    ///
    /// # Errors
    /// It could not be started, or did not end with success.
    pub fn run(&self) -> Result<()> {
        println!("$ {self}");
        let status = self.command()?.status();
        let status = status.with_context(|| format!("cannot start `{self}`"))?;
        if !status.success() {
            bail!("`{self}` failed ({status})");
        }
        Ok(())
    }

    /// Runs it and returns what it wrote to its standard output.
    ///
    /// # Errors
    /// It could not be started, failed (the message carries its standard error), or wrote no UTF-8.
    pub fn output(&self) -> Result<String> {
        let output = self.command()?.stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot start `{self}`"))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            bail!("`{self}` failed ({}): {}", output.status, stderr.trim());
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{self}` wrote no UTF-8"))
    }

    fn command(&self) -> Result<Command> {
        let (program, arguments) = self.0.split_first().context("an empty command")?;
        let mut command = Command::new(program);
        command.args(arguments);
        hide_package_from(&mut command);
        Ok(command)
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |word: &String| match word.contains([' ', '*', '\'', '"', '$', '|']) {
            true => format!("'{}'", word.replace('\'', r"'\''")),
            false => word.clone(),
        };
        f.write_str(&self.0.iter().map(quoted).collect::<Vec<_>>().join(" "))
    }
}

/// Hides from a program that is started what cargo tells this one about its own package.
///
/// A program that calls cargo again must not pass it on: cargo would then build `ring`, and all that uses it, once more,
/// and so would the next cargo from a terminal.
fn hide_package_from(command: &mut Command) {
    let is_told =
        |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_told) {
            command.env_remove(name);
        }
    }
}

/// A program that runs beside this one. It is killed when this is dropped, if it still runs.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_option_is_the_commands_own() {
        for (line, with_it) in [("a b", "a b -c"), ("a b -- -d", "a b -c -- -d")] {
            let command = Invocation::new(line).with_option("-c");
            assert_eq!(command, Invocation::new(with_it));
        }
    }

    #[test]
    fn a_command_is_printed_as_it_would_be_typed() {
        let command =
            Invocation::new("env RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps").with(["a b"]);
        assert_eq!(
            command.to_string(),
            "env RUSTDOCFLAGS=-Dwarnings cargo doc --no-deps 'a b'"
        );
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = Invocation::new("false").run().unwrap_err().to_string();
        assert!(error.contains("`false` failed"), "{error}");
        let error = Invocation::new("no-such-program-here").output();
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("cannot start `no-such-program-here`"),
            "{error}"
        );
    }

    #[test]
    fn a_command_that_takes_too_long_is_stopped() {
        let error = Invocation::new("timeout 0.1 sleep 600").run().unwrap_err();
        assert!(error.to_string().contains("failed"), "{error}");
    }

    #[test]
    fn a_command_knows_nothing_of_the_package_that_runs_it() {
        let is_told = |line: &str| line.starts_with("CARGO_PKG_NAME=");
        let own = std::env::vars().map(|(name, value)| format!("{name}={value}"));
        assert!(own.into_iter().any(|line| is_told(&line)));
        let there = Invocation::new("env").output().unwrap();
        assert!(!there.lines().any(is_told), "{there}");
    }
}
