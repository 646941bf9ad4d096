//! The tables, and how a database of an older version becomes one of this.

use rusqlite::Connection;

use crate::error::Problem;

/// Tells a database of this program from others: "TbCa".
pub(crate) const APPLICATION_ID: i64 = 0x5462_4361;

/// What each version adds to the one before it. `user_version` counts those that were
/// taken; what stands here is never changed, only added to.
pub(crate) const MIGRATIONS: [&str; 2] =
    [include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// The newest version.
pub(crate) const NEWEST: i64 = MIGRATIONS.len() as i64;

/// The version of the tables. `None`: there are none yet.
pub(crate) fn version(connection: &Connection) -> Result<Option<i64>, Problem> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, version) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(None),
        (APPLICATION_ID, 1..=NEWEST) => Ok(Some(version)),
        (APPLICATION_ID, _) => Err(Problem::Newer {
            found: version,
            known: NEWEST,
        }),
        _ => Err(Problem::OtherProgram),
    }
}

/// Brings the tables to the newest version. To be called within a transaction.
pub(crate) fn migrate(connection: &Connection, from: Option<i64>) -> Result<(), Problem> {
    let done = usize::try_from(from.unwrap_or(0)).unwrap_or(0);
    for migration in &MIGRATIONS[done..] {
        connection.execute_batch(migration)?;
    }
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    connection.pragma_update(None, "user_version", NEWEST)?;
    Ok(())
}

/// That our tables are those which the migrations make: a damaged definition could mean
/// something else. Tables of other programs are let be: Litestream has two, and `ANALYZE`
/// makes one.
pub(crate) fn verify(connection: &Connection) -> Result<(), Problem> {
    let expected = Connection::open_in_memory()?;
    migrate(&expected, None)?;
    let expected = definitions(&expected)?;
    let is_ours = |found: &Definition| {
        // A trigger has its table's name as it was written.
        let mut ours = expected.iter();
        ours.any(|ours| ours.table.eq_ignore_ascii_case(&found.table))
    };
    let mut found = definitions(connection)?;
    // An index or a trigger that was added to one of ours stays, and differs.
    found.retain(is_ours);
    if found == expected {
        Ok(())
    } else {
        Err(Problem::Damaged(
            "its tables are not defined as they should be".to_owned(),
        ))
    }
}

#[derive(PartialEq, Eq)]
struct Definition {
    what: String,
    name: String,
    /// To which it belongs.
    table: String,
    /// `None`: SQLite makes it by itself.
    sql: Option<String>,
}

fn definitions(connection: &Connection) -> Result<Vec<Definition>, Problem> {
    let mut tables = connection
        .prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name")?;
    let rows = tables.query_map((), |row| {
        Ok(Definition {
            what: row.get(0)?,
            name: row.get(1)?,
            table: row.get(2)?,
            sql: row.get(3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
