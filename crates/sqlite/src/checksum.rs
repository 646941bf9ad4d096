//! Each row says what it should hold: a checksum over its table, its key and its values.

use crc32fast::Hasher;

/// The tables whose rows carry a checksum. Which one a row belongs to is part of it.
#[derive(Clone, Copy)]
pub(crate) enum Table {
    Store,
    Rooms,
    Snapshots,
    Log,
    Due,
    Keepsakes,
    Alarms,
}

/// The checksum of a row. A CRC finds each change of up to 32 neighbouring bits; it is no
/// protection from somebody who means harm.
pub(crate) fn of(table: Table, numbers: &[i64], text: &str, bytes: &[u8]) -> i64 {
    let mut sum = Hasher::new();
    sum.update(&[table as u8]);
    for number in numbers {
        sum.update(&number.to_le_bytes());
    }
    // Its length keeps the text apart from the bytes behind it.
    sum.update(&text.len().to_le_bytes());
    sum.update(text.as_bytes());
    sum.update(bytes);
    i64::from(sum.finalize())
}
