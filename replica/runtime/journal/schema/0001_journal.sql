-- The entries are the truth. Cells and documents are a checkpoint of their fold, written in the same transaction.

-- The node that owns this file.
CREATE TABLE node (
    name        TEXT NOT NULL,
    incarnation TEXT NOT NULL
);

-- One row per (writer, scope), with its head and the units in all its moves. Its cells must add up to these units.
CREATE TABLE streams (
    id       INTEGER PRIMARY KEY,
    writer   TEXT NOT NULL,
    scope    TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    units    INTEGER NOT NULL,
    UNIQUE (writer, scope)
);

-- Every entry of this replica, in arrival order. A segment holds consecutive entries of one stream that became durable
-- together. Their hashes are computed again from the hash before the first.
CREATE TABLE segments (
    arrival  INTEGER PRIMARY KEY,  -- of its last entry
    stream   INTEGER NOT NULL REFERENCES streams,
    sequence INTEGER NOT NULL,     -- of its last entry
    previous BLOB NOT NULL,        -- hash before its first entry
    bodies   BLOB NOT NULL         -- a msgpack array of bodies
);
CREATE UNIQUE INDEX segment_in_stream ON segments (stream, sequence);

-- The arrivals of each idempotency key. One key may have arrived from two nodes.
CREATE TABLE keys (
    key     BLOB NOT NULL,
    arrival INTEGER NOT NULL,
    PRIMARY KEY (key, arrival)
) WITHOUT ROWID;

-- Names of items, and routes (`lanes`), which cells refer to by number.
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

-- The current write of every document register.
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
