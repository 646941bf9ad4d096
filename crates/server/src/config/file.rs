//! `tablecast.toml`: its lines become the defaults of the options with the same names. Each
//! line is checked separately, so that an error names it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, Id};
use toml::de::{DeTable, DeValue};

use super::secret::redact;

/// Read if it exists and no other file is named.
const DEFAULT_PATH: &str = "tablecast.toml";

/// The option that a file may not contain.
const NOT_IN_A_FILE: &str = "config";

/// A file that was read.
pub(super) struct File {
    path: PathBuf,
    text: String,
}

/// Reads the named file, or the default one if it exists.
pub(super) fn read(named: Option<&Path>) -> Result<Option<File>, clap::Error> {
    let path = named.unwrap_or(Path::new(DEFAULT_PATH));
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(File {
            path: path.to_owned(),
            text,
        })),
        Err(error) if named.is_none() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let path = path.display().to_string();
            // A URL: the operator confused two options.
            let path = if path.contains("://") {
                redact(&path)
            } else {
                path
            };
            Err(super::error(
                ErrorKind::Io,
                &format!("cannot read the file {path} (--config): {error}"),
            ))
        }
    }
}

impl File {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn error(&self, at: usize, message: &str) -> clap::Error {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        super::error(
            ErrorKind::ValueValidation,
            &format!("{}:{line}: {message}", self.path.display()),
        )
    }

    /// The command with the lines of this file as defaults, and the options that they are for.
    pub(super) fn into_defaults(
        self,
        mut command: Command,
    ) -> Result<(Command, Vec<Id>), clap::Error> {
        let table = DeTable::parse(&self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, error.message())
        })?;
        let options = super::options();
        let mut given = Vec::new();
        for (key, value) in table.get_ref() {
            let name = key.get_ref().as_ref();
            let at = key.span().start;
            let values = texts(value.get_ref()).map_err(|found| {
                self.error(
                    at,
                    &format!("{name} is {found}; expected a text, a number or a list of texts"),
                )
            })?;
            let known = options
                .get_arguments()
                .find(|arg| arg.get_long() == Some(name) && name != NOT_IN_A_FILE);
            let Some(arg) = known else {
                return Err(self.error(at, &unknown(name)));
            };
            let id = arg.get_id().clone();
            let many = matches!(arg.get_action(), clap::ArgAction::Append);
            if !many && matches!(value.get_ref(), DeValue::Array(_)) {
                return Err(self.error(at, &format!("{name} is a list, but takes one value")));
            }
            self.check(at, name, &values)?;
            given.push(id.clone());
            command = command.mut_arg(id, |arg| {
                arg.default_values(values.into_iter().map(OsString::from))
            });
        }
        Ok((command, given))
    }

    /// Lets the option's own parser read the values.
    fn check(&self, at: usize, name: &str, values: &[String]) -> Result<(), clap::Error> {
        let line = values.iter().map(|value| format!("--{name}={value}"));
        let args = std::iter::once("tablecast".to_owned()).chain(line);
        // Only this option was given: everything else was read without an error before the
        // file.
        let Err(error) = super::options().try_get_matches_from(args) else {
            return Ok(());
        };
        let error = super::secret::redact_error(error);
        let value = match error.get(ContextKind::InvalidValue) {
            Some(ContextValue::String(value)) => value.clone(),
            _ => redact(&values.join(", ")),
        };
        let allowed = match (
            error.get(ContextKind::ValidValue),
            std::error::Error::source(&error),
        ) {
            (Some(ContextValue::Strings(allowed)), _) => {
                format!("expected {}", allowed.join(" or "))
            }
            (_, Some(source)) => source.to_string(),
            _ => error.kind().to_string(),
        };
        Err(self.error(
            at,
            &format!("invalid value '{value}' for {name}: {allowed}"),
        ))
    }
}

fn unknown(name: &str) -> String {
    let options = super::options();
    let known: Vec<&str> = options
        .get_arguments()
        .filter_map(|arg| arg.get_long())
        .filter(|known| *known != NOT_IN_A_FILE)
        .collect();
    let dashed = name.replace('_', "-");
    let name = redact(name);
    if known.contains(&dashed.as_str()) {
        return format!("unknown option {name:?}; did you mean {dashed}?");
    }
    format!("unknown option {name:?}; known are {}", known.join(", "))
}

/// The values as on the command line, or what was found instead.
fn texts(value: &DeValue<'_>) -> Result<Vec<String>, &'static str> {
    match value {
        DeValue::String(text) => Ok(vec![text.to_string()]),
        DeValue::Integer(number) => Ok(vec![number.to_string()]),
        DeValue::Float(number) => Ok(vec![number.to_string()]),
        DeValue::Array(values) => {
            let mut all = Vec::new();
            for value in values {
                match value.get_ref() {
                    DeValue::String(text) => all.push(text.to_string()),
                    _ => return Err("a list with something else than texts"),
                }
            }
            Ok(all)
        }
        DeValue::Boolean(_) => Err("true or false"),
        DeValue::Datetime(_) => Err("a date"),
        DeValue::Table(_) => Err("a table"),
    }
}
