-- Hints of rooms' alarms: when each is due, and the seq of the first event of the commit
-- that set it.
CREATE TABLE alarms (
    at INTEGER NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    sum INTEGER NOT NULL,
    PRIMARY KEY (at, id, seq)
) STRICT, WITHOUT ROWID;
