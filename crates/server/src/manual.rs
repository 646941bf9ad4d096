//! What tells of all commands: completions for shells, and the manual page.

use std::collections::HashSet;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Command, Parser, ValueEnum};
use clap_complete::{Shell as Complete, generate};
use clap_mangen::Man;

/// Prints what a shell needs to complete command lines of tablecast
///
/// bash: tablecast completions bash > /usr/share/bash-completion/completions/tablecast
///
/// zsh: tablecast completions zsh > /usr/local/share/zsh/site-functions/_tablecast
///
/// fish: tablecast completions fish > /usr/share/fish/vendor_completions.d/tablecast.fish
#[derive(Debug, Parser)]
#[command(
    name = "tablecast completions",
    bin_name = "tablecast completions",
    max_term_width = 100
)]
pub struct Completions {
    /// For which shell
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Completions {
    /// Prints them for a program with these commands: the code to end with.
    pub fn run(self, mut tree: Command) -> ExitCode {
        let name = tree.get_name().to_owned();
        let mut text = Vec::new();
        let shell = match self.shell {
            Shell::Bash => Complete::Bash,
            Shell::Zsh => Complete::Zsh,
            Shell::Fish => Complete::Fish,
        };
        generate(shell, &mut tree, name, &mut text);
        print(&text)
    }
}

/// Prints the manual page, for man(1)
///
/// tablecast man > /usr/share/man/man1/tablecast.1
#[derive(Debug, Parser)]
#[command(
    name = "tablecast man",
    bin_name = "tablecast man",
    max_term_width = 100
)]
pub struct Manual {}

impl Manual {
    /// Prints it of a program with these commands: the code to end with.
    pub fn run(self, tree: Command) -> ExitCode {
        let mut text = Vec::new();
        // It does not fail: it is written to memory.
        let _ = page(tree, &mut text);
        print(&text)
    }
}

/// Whoever reads the output may have enough of it, as `head` does.
fn print(text: &[u8]) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// One page for all commands.
fn page(mut tree: Command, out: &mut dyn Write) -> io::Result<()> {
    tree.build();
    let man = Man::new(tree.clone()).manual("Tablecast");
    man.render_title(out)?;
    let mut text = Vec::new();
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    write(&text, ".SH ", out)?;
    let shared = tree.get_arguments().map(|arg| arg.get_id().to_string());
    let shared = shared.collect();
    tree.get_subcommands()
        .try_for_each(|command| chapter(command, &shared, out))
}

/// A chapter for a command, and for each command below it. Options that it shares with the
/// program stand there.
fn chapter(command: &Command, shared: &HashSet<String>, out: &mut dyn Write) -> io::Result<()> {
    let name = command.get_bin_name().unwrap_or_default();
    let mut shares = false;
    let own = command.clone().mut_args(|arg| {
        let is_shared = shared.contains(arg.get_id().as_str());
        shares |= is_shared && arg.get_id() != "help";
        arg.hide(is_shared)
    });
    let has_options = own.get_arguments().any(|arg| !arg.is_hide_set());
    let mut text = Vec::new();
    let man = Man::new(own);
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    if shares {
        writeln!(
            text,
            ".PP\nIt takes the options of the server, too: see above."
        )?;
    }
    if has_options {
        man.render_options_section(&mut text)?;
    }
    writeln!(out, ".SH \"{}\"", name.to_uppercase())?;
    write(&text, ".SS ", out)?;
    command
        .get_subcommands()
        .try_for_each(|command| chapter(command, shared, out))
}

/// Writes parts of the page, with headings of this kind in place of chapters'. Each part begins
/// with the definitions with which the title does.
fn write(text: &[u8], heading: &str, out: &mut dyn Write) -> io::Result<()> {
    for line in String::from_utf8_lossy(text).lines() {
        match line.strip_prefix(".SH ") {
            _ if line.starts_with(".ie ") || line.starts_with(".el ") => {}
            Some(name) => writeln!(out, "{heading}{name}")?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(())
}
