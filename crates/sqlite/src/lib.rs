#![doc = include_str!("../README.md")]
//!
//! # How it is made
//!
//! **One thread writes.** It takes all changes that wait into one transaction and answers
//! when that is committed, so a sync of the disk is shared by as many as came meanwhile.
//! Two more threads read, each with a connection of its own, and one takes SQLite's log over
//! into the database.
//!
//! **One process has the file**, by a lock on it and one on the file beside it, `…-run`, of a
//! kind that SQLite does not look at: its own exclusive mode would keep `sqlite3` and
//! Litestream out. Each transaction begins by looking whether the last one was its own. So
//! publications and leases never leave the process.
//!
//! **A change that is given up** before its turn does not happen. Of one that was under way
//! already the room's watchers on that node are told that they missed it: so a room may be
//! loaded where it was without waiting for the writer.
//!
//! **A loss is noticed.** The file beside the database has the machine's boot id and the
//! number of the last transaction, written after it. A start that finds less in the
//! database, or cannot know, begins a new run: a room's epoch is its stored history XOR the
//! number of the run, so each of them has a new epoch at once, and no row need be touched.
//!
//! **Each row has a checksum**, since SQLite has none for its pages. All are looked at once
//! after a start, in the background.

mod alarms;
mod backend;
mod backup;
mod check;
mod checkpoints;
mod checksum;
mod clock;
mod database_file;
mod due;
mod dump;
mod error;
mod foreign_log;
mod leases;
mod open;
mod options;
mod place;
mod pulse;
mod queue;
mod readers;
mod rows;
mod run_file;
mod schema;
mod self_check;
mod steps;
mod sweep;
mod totals;
mod trial;
mod watchers;
mod writer;

pub use backend::SqliteBackend;
pub use backup::backup;
pub use check::{Checked, Finding, Progress, check};
pub use dump::{Dumped, dump};
pub use error::{OpenError, Problem};
pub use options::{OptionsError, SqliteOptions, SyncMode};
pub use run_file::NewRun;
pub use trial::{Found, Trial, trial};
