-- The journal is the truth; cells and documents are a checkpoint of its fold, written in the same transaction.

-- Who this file belongs to, and how far the checkpoint reaches.
CREATE TABLE node (
    name        TEXT NOT NULL,
    incarnation TEXT NOT NULL
);
CREATE TABLE checkpoint (
    arrival INTEGER NOT NULL,  -- last entry folded
    units   INTEGER NOT NULL   -- units in all moves folded: what all cells must add up to
);
INSERT INTO checkpoint VALUES (0, 0);

-- One row per (writer, scope), with its head.
CREATE TABLE streams (
    id       INTEGER PRIMARY KEY,
    writer   TEXT NOT NULL,
    scope    TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    UNIQUE (writer, scope)
);

-- Every entry this replica holds, in the order it came to hold it.
CREATE TABLE entries (
    arrival  INTEGER PRIMARY KEY,
    stream   INTEGER NOT NULL REFERENCES streams,
    sequence INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    key      BLOB,
    body     BLOB NOT NULL
);
CREATE UNIQUE INDEX entry_in_stream ON entries (stream, sequence);
CREATE INDEX entry_by_key ON entries (key) WHERE key IS NOT NULL;

-- Names that recur in cells, written once.
CREATE TABLE items (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE lanes (
    id     INTEGER PRIMARY KEY,
    scope  TEXT NOT NULL,
    writer TEXT NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    UNIQUE (scope, writer, source, target)
);
CREATE TABLE cells (
    lane  INTEGER NOT NULL REFERENCES lanes,
    item  INTEGER NOT NULL REFERENCES items,
    total INTEGER NOT NULL,
    PRIMARY KEY (lane, item)
) WITHOUT ROWID;

-- The standing write of every document register.
CREATE TABLE documents (
    kind    TEXT NOT NULL,
    key     TEXT NOT NULL,
    rank    INTEGER NOT NULL,
    place   TEXT NOT NULL,
    version INTEGER NOT NULL,
    clock   INTEGER NOT NULL,
    writer  TEXT NOT NULL,
    value   BLOB,
    PRIMARY KEY (kind, key, rank, place)
) WITHOUT ROWID;
