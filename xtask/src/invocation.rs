//! A command to run, printed exactly as somebody would type it.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

/// How often a command with a deadline is asked whether it has ended.
const POLL: Duration = Duration::from_millis(50);

/// One command line: environment, program, arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invocation {
    env: Vec<(&'static str, &'static str)>,
    words: Vec<String>,
}

impl Invocation {
    /// `words` is the program and its arguments.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            env: Vec::new(),
            words: words.into_iter().map(str::to_owned).collect(),
        }
    }

    /// The same command with one more environment variable.
    pub(crate) fn with_env(mut self, name: &'static str, value: &'static str) -> Self {
        self.env.push((name, value));
        self
    }

    /// Runs it with the terminal as its output.
    ///
    /// # Errors
    /// It could not be started, or did not end with success.
    pub(crate) fn run(&self) -> Result<()> {
        let status = self
            .command()?
            .status()
            .with_context(|| format!("cannot start `{self}`"))?;
        if !status.success() {
            bail!("`{self}` failed ({status})");
        }
        Ok(())
    }

    /// Runs it with the terminal as its output, but not longer than `limit`.
    ///
    /// # Errors
    /// As [`run`](Self::run), or it was stopped because it took too long.
    pub(crate) fn run_within(&self, limit: Duration) -> Result<()> {
        let mut child = self
            .command()?
            .spawn()
            .with_context(|| format!("cannot start `{self}`"))?;
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = child.try_wait()? {
                if !status.success() {
                    bail!("`{self}` failed ({status})");
                }
                return Ok(());
            }
            if Instant::now() >= deadline {
                child.kill()?;
                child.wait()?;
                bail!("`{self}` was stopped after {} s", limit.as_secs());
            }
            std::thread::sleep(POLL);
        }
    }

    /// Runs it and returns what it wrote to its standard output.
    ///
    /// # Errors
    /// It could not be started, failed (the message carries its standard error), or wrote no UTF-8.
    pub(crate) fn output(&self) -> Result<String> {
        let output = self
            .command()?
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("cannot start `{self}`"))?;
        if !output.status.success() {
            let stderr = String::from_utf8_lossy(&output.stderr);
            bail!("`{self}` failed ({}): {}", output.status, stderr.trim());
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{self}` wrote no UTF-8"))
    }

    fn command(&self) -> Result<Command> {
        let (program, arguments) = self.words.split_first().context("an empty command")?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("PATH", path_with_cargo_bin()?)
            .envs(self.env.iter().copied());
        Ok(command)
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let env = self
            .env
            .iter()
            .map(|(name, value)| format!("{name}={}", quoted(value)));
        let words = self.words.iter().map(|word| quoted(word));
        f.write_str(&env.chain(words).collect::<Vec<_>>().join(" "))
    }
}

fn quoted(word: &str) -> String {
    if word.is_empty() || word.contains([' ', '*', '\'', '"', '$']) {
        format!("'{}'", word.replace('\'', r"'\''"))
    } else {
        word.to_owned()
    }
}

/// `$CARGO_HOME`, by default `~/.cargo`.
pub(crate) fn cargo_home() -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = std::env::home_dir().context("neither CARGO_HOME nor a home directory is known")?;
    Ok(home.join(".cargo"))
}

/// What `cargo install` puts into cargo's `bin` must be found by the tests, even where only the full
/// path of cargo was used to start us.
fn path_with_cargo_bin() -> Result<OsString> {
    let bin = cargo_home()?.join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    if directories.contains(&bin) {
        return Ok(path);
    }
    std::env::join_paths(std::iter::once(bin).chain(directories))
        .context("cargo's bin directory cannot be put into PATH")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_printed_as_it_would_be_typed() {
        let command = Invocation::new(["cargo", "doc", "--no-deps", "a b"])
            .with_env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            command.to_string(),
            "RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'a b'"
        );
    }

    #[test]
    fn a_failure_names_the_command() {
        let error = Invocation::new(["false"]).run().unwrap_err().to_string();
        assert!(error.contains("`false` failed"), "{error}");
        let error = Invocation::new(["no-such-program-here"])
            .output()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .contains("cannot start `no-such-program-here`"),
            "{error}"
        );
    }

    #[test]
    fn a_command_that_takes_too_long_is_stopped() {
        let error = Invocation::new(["sleep", "600"])
            .run_within(Duration::from_millis(1))
            .unwrap_err();
        assert!(error.to_string().contains("was stopped"), "{error}");
    }
}
