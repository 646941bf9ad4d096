//! The commands, as they are typed. Each has options of its own; [`tree`] has all of them, for
//! what tells of them.

use std::ffi::OsString;

use clap::{CommandFactory, Parser};
use tablecast_terminal::cli::{CREATE, JOIN};

use crate::config::{self, CHECK, COMPLETIONS, Config, HEALTH, MAN, STORE};
use crate::manual::{Completions, Manual};
use crate::{check, health, store};

/// What is to be done.
#[derive(Debug)]
pub enum Command {
    /// Serve.
    Serve(Box<Config>),
    /// Make or join a room.
    Room(tablecast_terminal::Command),
    /// Look at a database, or copy it.
    Store(store::Command),
    /// Say what would fail.
    Check(Vec<OsString>),
    /// Ask a server whether it is ready.
    Health(Vec<OsString>),
    /// Print what a shell needs.
    Completions(Completions),
    /// Print the manual page.
    Manual(Manual),
}

impl Command {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// What was wrong, or the text of `--help` or `--version`: to be printed by
    /// [`clap::Error::exit`].
    pub fn read(args: Vec<OsString>) -> Result<Command, clap::Error> {
        let first = args.get(1).and_then(|word| word.to_str());
        let first = first.unwrap_or_default().to_owned();
        // The command's own line, which begins with its name.
        let own = || args.iter().skip(1).cloned();
        match first.as_str() {
            JOIN | CREATE => Parser::try_parse_from(args).map(Command::Room),
            STORE => Parser::try_parse_from(own()).map(Command::Store),
            CHECK => Ok(Command::Check(own().collect())),
            HEALTH => Ok(Command::Health(own().collect())),
            COMPLETIONS => Parser::try_parse_from(own()).map(Command::Completions),
            MAN => Parser::try_parse_from(own()).map(Command::Manual),
            _ => Config::load(args).map(Box::new).map(Command::Serve),
        }
    }
}

/// The program with all its commands.
pub fn tree() -> clap::Command {
    let serve = clap::Command::new(config::SERVE).about("Serves; this word can be left out");
    let rooms = tablecast_terminal::Command::command();
    let program = config::program()
        .disable_help_subcommand(true)
        .subcommand(config::with_options(serve))
        .subcommands(rooms.get_subcommands().cloned());
    let own = [
        (STORE, store::Command::command()),
        (CHECK, check::command()),
        (HEALTH, health::command()),
        (COMPLETIONS, Completions::command()),
        (MAN, Manual::command()),
    ];
    own.into_iter().fold(program, |program, (name, command)| {
        program.subcommand(command.name(name).bin_name(format!("tablecast {name}")))
    })
}
