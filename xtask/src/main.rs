//! Tasks of the repository, started as `cargo xtask TASK`.
//!
//! They are Rust and not shell, so that a machine with cargo alone can run them.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    reason = "a command line tool: what it prints is its result"
)]

mod advisories;
mod bench;
mod chaos;
mod counts;
mod invocation;
mod loaded;
mod test;
mod tidy;
mod tools;

use std::path::Path;
use std::process::ExitCode;

const HELP: &str = "\
tasks of the repository

usage: cargo xtask <task>

  test [--no-install]   everything that must be green: tools, rules, format, clippy, docs,
                        licences, all tests and counts; installs what is missing (apt, cargo, rustup),
                        unless --no-install is given: then a missing tool is an error
  test --loaded [ROUNDS]
                        only the tests, so many times (3), beside programs that keep every core
                        busy: finds those that need a machine for themselves
  counts [--record]     only the instructions that the hot paths take, against what is recorded;
                        --record records what they take now
  tidy                  only the repository's own rules: direction of dependencies,
                        names in their places, documents in step with the code
  chaos [--client js|page|terminal] [--seed N | --seeds N [--from N]] [--jobs N] [--plant WHAT]
                        the clients that people hold in their hands under faults: 1000 runs of the
                        JavaScript client, 40 of the page, 100 of the terminal; or as many of one
                        client; --seed repeats one run (of js, if no client is named); --plant does
                        something wrong on purpose: lose, double, reorder, false-live,
                        never-answers or false-end
  bench [--full] [--no-install] [--without PEER,…] [ARGUMENTS…]
                        measures Tablecast beside other servers, and writes docs/performance.md and
                        its plots: the short form in less than ten minutes, or everything; installs
                        what the peers need (apt, npm, pip); further arguments are those of
                        `tablecast-bench run`
";

fn main() -> ExitCode {
    // Every path below is relative to the repository, wherever cargo was called.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    if let Err(error) = std::env::set_current_dir(&root) {
        eprintln!("error: cannot enter {}: {error}", root.display());
        return ExitCode::FAILURE;
    }

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        []
        | ["help" | "--help" | "-h"]
        | ["test" | "counts" | "tidy" | "chaos", "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        ["test"] => test::run(tools::Missing::Install),
        ["test", "--no-install"] => test::run(tools::Missing::Refuse),
        ["test", "--loaded"] => loaded::run("3"),
        ["test", "--loaded", rounds] => loaded::run(rounds),
        ["counts"] => counts::check().map(|outcome| match outcome {
            test::Outcome::Passed => println!("every path is within its margin"),
            test::Outcome::NotChecked(what) => println!("NOT CHECKED: {what}"),
        }),
        ["counts", "--record"] => counts::record(),
        ["tidy"] => tidy::run(),
        ["chaos", arguments @ ..] => chaos::run(arguments),
        ["bench", arguments @ ..] => bench::run(arguments),
        other => {
            let said = other.join(" ");
            eprintln!("error: `cargo xtask {said}` is not understood\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
