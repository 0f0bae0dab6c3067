-- The journal is the truth; cells and documents are a checkpoint of its fold, written in the same transaction.

-- Who this file belongs to.
CREATE TABLE node (
    name        TEXT NOT NULL,
    incarnation TEXT NOT NULL
);

-- One row per (writer, scope), with its head, and the units in all its moves: what its cells must add up to.
CREATE TABLE streams (
    id       INTEGER PRIMARY KEY,
    writer   TEXT NOT NULL,
    scope    TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    hash     BLOB NOT NULL,
    units    INTEGER NOT NULL,
    UNIQUE (writer, scope)
);

-- Every entry this replica holds, in the order it came to hold it. A segment is some entries of one stream that
-- follow each other and became durable together; hashes are recomputed from the one before the first.
CREATE TABLE segments (
    arrival  INTEGER PRIMARY KEY,  -- of its last entry
    stream   INTEGER NOT NULL REFERENCES streams,
    sequence INTEGER NOT NULL,     -- of its last entry
    previous BLOB NOT NULL,        -- hash before its first entry
    bodies   BLOB NOT NULL         -- a msgpack array of bodies
);
CREATE UNIQUE INDEX segment_in_stream ON segments (stream, sequence);

-- Where each idempotency key was used; one key may have arrived from two nodes.
CREATE TABLE keys (
    key     BLOB NOT NULL,
    arrival INTEGER NOT NULL,
    PRIMARY KEY (key, arrival)
) WITHOUT ROWID;

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
