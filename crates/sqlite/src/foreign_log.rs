//! That the log beside a database is its own.
//!
//! SQLite takes whatever log it finds beside a database over into it, page by page, or removes it
//! where there is no database. After a copy was put in a database's place that would mix the two.
//!
//! The log knows better: each transaction writes the row of the whole store, which counts them. So
//! the log of a database goes on from what that holds: its first transaction is the next one, or
//! the database has taken some of the log over already, and has the row of one of its
//! transactions. A copy for which that is so becomes the newest state by the log, exactly.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use crate::database_file::{DatabaseFile, is_whole};
use crate::error::Problem;
use crate::place::beside;
use crate::rows::StoreRow;
use crate::schema;

/// # Errors
/// The log beside this database is another's, or one of the files cannot be read.
pub(crate) fn refuse(path: &Path) -> Result<(), Problem> {
    let log = beside(path, "-wal");
    if log.metadata().map_or(0, |log| log.len()) == 0 {
        return Ok(());
    }
    let is_foreign = match DatabaseFile::open(path) {
        // Who has it open has looked, and writes to both while they are read here.
        Ok(database) => goes_on_from(&database, &log)? == Some(false) && !database.is_locked()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error.into()),
    };
    if is_foreign {
        return Err(Problem::ForeignLog { log });
    }
    Ok(())
}

/// Whether the log begins where the database ends, or has what the database holds. `None`: it
/// has nothing of ours.
fn goes_on_from(database: &DatabaseFile, log: &Path) -> io::Result<Option<bool>> {
    let Some(header) = Header::read(database)? else {
        return Ok(Some(false));
    };
    if header.is_without_log() {
        return Ok(Some(false));
    }
    let (page_size, rows) = rows(log)?;
    let Some((page, first)) = rows.first() else {
        return Ok(None);
    };
    if page_size != header.page_size() {
        return Ok(Some(false));
    }
    let mut stored = vec![0; page_size];
    let at = u64::from(page - 1) * page_size as u64;
    let stored = match database.read_at(&mut stored, at)? {
        true => store_row(&stored),
        false => None,
    };
    let goes_on = match stored {
        Some(stored) if stored.commits + 1 == first.commits => true,
        Some(stored) => {
            let same = rows.iter().find(|(_, row)| row.commits == stored.commits);
            same.is_some_and(|(_, row)| *row == stored)
        }
        // It was being made, and all of it is in the log.
        None if header.is_empty() => first.commits == 1,
        // Its page is damaged: the log may be what mends it.
        None => header.is_ours(),
    };
    Ok(Some(goes_on))
}

/// The beginning of a database.
struct Header([u8; 105]);

impl Header {
    /// `None`: no database that was ever open is so short.
    fn read(database: &DatabaseFile) -> io::Result<Option<Header>> {
        let mut header = [0; 105];
        Ok(database.read_at(&mut header, 0)?.then_some(Header(header)))
    }

    /// Whether it has the mark that it never had a log, as copies by `store backup` and by
    /// `VACUUM INTO` have, in which each page is another one.
    fn is_without_log(&self) -> bool {
        // "File format version" for writing and reading: 1 without, 2 with a log.
        self.0.starts_with(b"SQLite format 3\0") && self.0[18..20] == [1, 1]
    }

    fn page_size(&self) -> usize {
        match usize::from(self.0[16]) << 8 | usize::from(self.0[17]) {
            1 => 65536,
            size => size,
        }
    }

    fn application(&self) -> i64 {
        i64::from(big_endian(&self.0[68..72]))
    }

    /// Whether there are no tables.
    fn is_empty(&self) -> bool {
        self.application() == 0 && self.0[103..105] == [0, 0]
    }

    fn is_ours(&self) -> bool {
        self.application() == schema::APPLICATION_ID
    }
}

/// How large the pages of a log are, and each row of the whole store in it with the number of its
/// page, the first transaction first. It is read as far as SQLite reads it: not what was written
/// before the log began anew, nor what a loss of power has left half written. What stands behind
/// the last transaction, and SQLite passes over, may be among them, at the end.
fn rows(log: &Path) -> io::Result<(usize, Vec<(u32, StoreRow)>)> {
    /// In front of all, and of each page.
    const HEADER: usize = 32;
    const FRAME: usize = 24;
    let mut log = BufReader::with_capacity(1 << 16, File::open(log)?);
    let mut rows = Vec::new();
    let mut header = [0; HEADER];
    if !is_whole(log.read_exact(&mut header))? {
        return Ok((0, rows));
    }
    let page_size = big_endian(&header[8..12]) as usize;
    if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
        // SQLite takes it for no log.
        return Ok((0, rows));
    }
    let mut sum = Sum::of_log(big_endian(&header[..4]));
    sum.add(&header[..24]);
    // By which pages are known from those that were written before the log began anew.
    let salts = &header[16..24];
    let mut frame = vec![0; FRAME + page_size];
    while is_whole(log.read_exact(&mut frame))? && frame[8..16] == *salts {
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME..]);
        if !sum.is(&frame[16..FRAME]) {
            break;
        }
        let page = big_endian(&frame[..4]);
        if let (1.., Some(row)) = (page, store_row(&frame[FRAME..])) {
            rows.push((page, row));
        }
    }
    Ok((page_size, rows))
}

/// SQLite's checksum of a log: each page has that of all before it and of itself (see "WAL-mode
/// File Format" in SQLite's documents).
struct Sum {
    word: fn([u8; 4]) -> u32,
    sums: [u32; 2],
}

impl Sum {
    /// The last bit of a log's magic number says in which order it takes the bytes of a word.
    fn of_log(magic: u32) -> Self {
        let word = match magic & 1 {
            1 => u32::from_be_bytes,
            _ => u32::from_le_bytes,
        };
        Sum { word, sums: [0; 2] }
    }

    /// Takes these bytes in, a multiple of 8.
    fn add(&mut self, bytes: &[u8]) {
        let (words, _) = bytes.as_chunks::<4>();
        let (pairs, _) = words.as_chunks::<2>();
        for pair in pairs {
            let [first, second] = pair.map(self.word);
            let [one, two] = &mut self.sums;
            *one = one.wrapping_add(first).wrapping_add(*two);
            *two = two.wrapping_add(second).wrapping_add(*one);
        }
    }

    /// Whether it is this one.
    fn is(&self, stored: &[u8]) -> bool {
        *stored == *self.sums.map(u32::to_be_bytes).as_flattened()
    }
}

/// The row of the whole store, if this page has it and nothing else, by its checksum.
fn store_row(page: &[u8]) -> Option<StoreRow> {
    /// Of a page with the rows of a table.
    const LEAF: u8 = 13;
    if page[0] != LEAF || page[3..5] != [0, 1] {
        return None;
    }
    let row = page.get(usize::from(page[8]) << 8 | usize::from(page[9])..)?;
    // Its length, its number, and of what kind its values are: 8 bytes with this one, and what is
    // the number again.
    let (head, mut values) = row.split_at_checked(10)?;
    let [_, 1, 8, 0, kinds @ ..] = head else {
        return None;
    };
    let mut numbers = [0; 6];
    for (number, kind) in numbers.iter_mut().zip(kinds) {
        *number = integer(*kind, &mut values)?;
    }
    StoreRow::of(numbers).ok()
}

/// Takes a value of this kind.
fn integer(kind: u8, values: &mut &[u8]) -> Option<i64> {
    let length = match kind {
        1..=4 => usize::from(kind),
        5 => 6,
        6 => 8,
        // Those that take no space.
        8 | 9 => return Some(i64::from(kind - 8)),
        _ => return None,
    };
    let (value, rest) = values.split_at_checked(length)?;
    *values = rest;
    let sign = if value[0] < 0x80 { 0 } else { -1 };
    Some(
        value
            .iter()
            .fold(sign, |number, byte| number << 8 | i64::from(*byte)),
    )
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}
