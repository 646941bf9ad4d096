//! Looks at every page and every row of a database.

use std::fmt;
use std::path::Path;

use rusqlite::Connection;

use crate::due::{self, text};
use crate::error::{OpenError, Problem, RowError};
use crate::rows::{self, StoreRow};
use crate::{alarms, foreign_log, open, schema, steps};

pub(crate) const DUE_IS_DAMAGED: &str = "when it expires is damaged";

/// How far something has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// So much is done.
    pub done: u64,
    /// Of so much. It may grow, and is 0 while it is not known.
    pub of: u64,
}

/// What a database holds, and what of it is damaged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checked {
    /// Rooms that are stored, some of which may have expired.
    pub rooms: u64,
    /// What rooms left, some of which may have expired.
    pub keepsakes: u64,
    /// What is damaged; nothing, if all is well.
    pub findings: Vec<Finding>,
}

/// Something that is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The one room that it concerns. `None`: it may concern others.
    pub room: Option<String>,
    /// What it is.
    pub what: String,
}

impl Finding {
    pub(crate) fn new(room: Option<&str>, what: impl ToString) -> Finding {
        Finding {
            room: room.map(str::to_owned),
            what: what.to_string(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.room {
            Some(room) => write!(f, "room {}: {}", room.escape_debug(), self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// Looks at every page and every row of a database, which may be in use. `progress` is
/// told how many rooms were looked at.
///
/// # Errors
/// It cannot be opened, or is damaged so much that its tables cannot be read.
pub fn check(path: &Path, progress: &mut dyn FnMut(Progress)) -> Result<Checked, OpenError> {
    let checked = open_to_look(path).map(|connection| {
        let mut checked = Checked::default();
        look(&connection, &mut checked, &mut |done| {
            progress(done);
            true
        });
        checked
    });
    checked.map_err(|problem| problem.at(path))
}

/// Opens a database that is there, to read what this version can read.
pub(crate) fn open_to_look(path: &Path) -> Result<Connection, Problem> {
    if !path.exists() {
        return Err(Problem::Missing);
    }
    let path = open::real_path(path)?;
    foreign_log::refuse(&path)?;
    let connection = open::connect_beside(&path)?;
    match schema::version(&connection)? {
        Some(schema::NEWEST) => {}
        Some(_) => {
            return Err(Problem::Other(
                "an older version has written this; start the server with it once".to_owned(),
            ));
        }
        None => return Err(Problem::Other("there is nothing in it".to_owned())),
    }
    schema::verify(&connection)?;
    Ok(connection)
}

/// Looks at everything, for as long as `goes_on` says so, and adds to what was found.
pub(crate) fn look(
    connection: &Connection,
    checked: &mut Checked,
    goes_on: &mut dyn FnMut(Progress) -> bool,
) {
    let looked = pages(connection, checked);
    checked.find_problem(looked);
    // All rows as they are at one moment.
    let rows = connection.unchecked_transaction().map_err(Problem::from);
    let looked = rows.and_then(|rows| {
        let looked = store(&rows, checked);
        checked.find_problem(looked);
        let went_on = rooms(&rows, checked, goes_on);
        if !matches!(went_on, Ok(false)) {
            let looked = keepsakes(&rows, checked);
            checked.find_problem(looked);
            let looked = dues(&rows, checked);
            checked.find_problem(looked);
            let looked = alarms(&rows, checked);
            checked.find_problem(looked);
            let looked = orphans(&rows, checked);
            checked.find_problem(looked);
        }
        went_on.map(drop)
    });
    checked.find_problem(looked);
}

impl Checked {
    fn find(&mut self, room: Option<&str>, what: impl ToString) {
        self.findings.push(Finding::new(room, what));
    }

    /// A part of it could not be looked at to the end.
    fn find_problem(&mut self, looked: Result<(), Problem>) {
        if let Err(problem) = looked {
            self.find(None, problem);
        }
    }
}

fn store(connection: &Connection, checked: &mut Checked) -> Result<(), Problem> {
    match StoreRow::read(connection) {
        Ok(Some(_)) => {}
        Ok(None) => checked.find(None, "the row of the whole store is missing"),
        Err(error) => checked.find(None, error),
    }
    Ok(())
}

/// How SQLite's pages hang together.
fn pages(connection: &Connection, checked: &mut Checked) -> Result<(), Problem> {
    let mut check = connection.prepare("PRAGMA integrity_check")?;
    let mut lines = check.query(())?;
    while let Some(line) = lines.next()? {
        let words: String = line.get(0)?;
        if words != "ok" {
            checked.find(None, format!("in SQLite's words: {words}"));
        }
    }
    Ok(())
}

fn rooms(
    connection: &Connection,
    checked: &mut Checked,
    goes_on: &mut dyn FnMut(Progress) -> bool,
) -> Result<bool, Problem> {
    let of: i64 = connection.query_row("SELECT count(*) FROM rooms", (), |row| row.get(0))?;
    let of = of.cast_unsigned();
    let mut ids = connection.prepare("SELECT id FROM rooms")?;
    let mut ids = ids.query(())?;
    while let Some(row) = ids.next()? {
        let id = text(row.get_ref(0)?);
        checked.rooms += 1;
        if let Err(error) = room(connection, &id) {
            checked.find(Some(&id), error);
        }
        let done = checked.rooms;
        if !goes_on(Progress { done, of }) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// As whoever comes to it has it loaded.
fn room(connection: &Connection, id: &str) -> Result<(), RowError> {
    let loaded = steps::load(connection, 0, id, None, 0)?;
    loaded.map(drop).ok_or_else(not_found)
}

/// It is listed, and not there.
pub(crate) fn not_found() -> RowError {
    rows::unusable("it cannot be found by its id")
}

fn keepsakes(connection: &Connection, checked: &mut Checked) -> Result<(), Problem> {
    let mut ids = connection.prepare("SELECT id FROM keepsakes NOT INDEXED")?;
    let mut ids = ids.query(())?;
    while let Some(row) = ids.next()? {
        let id = text(row.get_ref(0)?);
        checked.keepsakes += 1;
        match rows::keepsake(connection, &id) {
            Ok(Some(_)) => {}
            Ok(None) => checked.find(Some(&id), "what it left cannot be found by its id"),
            Err(error) => checked.find(Some(&id), error),
        }
    }
    Ok(())
}

fn dues(connection: &Connection, checked: &mut Checked) -> Result<(), Problem> {
    let mut dues = connection.prepare("SELECT at, room, id, sum FROM due")?;
    let mut dues = dues.query(())?;
    while let Some(row) = dues.next()? {
        match due::Read::of(row)? {
            Some(read) if read.is_whole => {}
            Some(read) => checked.find(Some(&read.due.id), DUE_IS_DAMAGED),
            None => checked.find(Some(&text(row.get_ref(2)?)), DUE_IS_DAMAGED),
        }
    }
    Ok(())
}

fn alarms(connection: &Connection, checked: &mut Checked) -> Result<(), Problem> {
    let mut alarms = connection.prepare("SELECT at, id, seq, sum FROM alarms")?;
    let mut alarms = alarms.query(())?;
    while let Some(row) = alarms.next()? {
        if let Err(id) = alarms::read(row)? {
            checked.find(Some(&id), "when its alarm is due is damaged");
        }
    }
    Ok(())
}

/// What belongs to no room, and rooms that would stay for ever.
fn orphans(connection: &Connection, checked: &mut Checked) -> Result<(), Problem> {
    for (query, what) in [
        (
            "SELECT count(*) FROM snapshots WHERE room NOT IN (SELECT number FROM rooms)",
            "states that belong to no room",
        ),
        (
            "SELECT count(*) FROM log WHERE room NOT IN (SELECT number FROM rooms)",
            "parts of logs that belong to no room",
        ),
        (
            "SELECT count(*) FROM rooms WHERE number NOT IN (SELECT room FROM due)",
            "rooms of which it is not known when they expire",
        ),
    ] {
        let count: i64 = connection.query_row(query, (), |row| row.get(0))?;
        if count > 0 {
            checked.find(None, format!("{count} {what}"));
        }
    }
    Ok(())
}
