-- What concerns all rooms: one row, written with each transaction.
CREATE TABLE store (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- A room's epoch is its history XOR this: another number is another epoch for each room.
    run INTEGER NOT NULL,
    -- Transactions so far.
    commits INTEGER NOT NULL,
    -- Rooms made so far, which is the number of the last one.
    rooms INTEGER NOT NULL,
    -- The clock at the last transaction: it does not go back over a restart.
    clock INTEGER NOT NULL,
    is_backup INTEGER NOT NULL,
    sum INTEGER NOT NULL
) STRICT;

-- Where each room stands.
CREATE TABLE rooms (
    id TEXT NOT NULL PRIMARY KEY,
    -- By which its other rows know it: no later room of this id has the same.
    number INTEGER NOT NULL,
    history INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    snapshot_seq INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    dies_at INTEGER NOT NULL,
    sum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each room's state at its snapshot_seq.
CREATE TABLE snapshots (
    room INTEGER PRIMARY KEY,
    state BLOB NOT NULL,
    sum INTEGER NOT NULL
) STRICT;

-- The newest events: a row a commit, by the seq of its last event.
CREATE TABLE log (
    room INTEGER NOT NULL,
    last INTEGER NOT NULL,
    -- Each with its length in front, as four bytes, the lowest first.
    events BLOB NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (room, last)
) STRICT, WITHOUT ROWID;

-- When to look whether a room has expired: one row a room, due at its expiry or earlier,
-- so that a commit which extends the room need not touch it.
CREATE TABLE due (
    at INTEGER NOT NULL,
    room INTEGER NOT NULL,
    id TEXT NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (at, room)
) STRICT, WITHOUT ROWID;

-- What rooms keep beyond their lives.
CREATE TABLE keepsakes (
    id TEXT NOT NULL PRIMARY KEY,
    what BLOB NOT NULL,
    kept_at INTEGER NOT NULL,
    kept_until INTEGER NOT NULL,
    sum INTEGER NOT NULL
) STRICT;
CREATE INDEX keepsakes_until ON keepsakes (kept_until);
