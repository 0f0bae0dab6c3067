-- Transfers between locations, packed: a checkpoint of their fold.
CREATE TABLE transfers (
    number TEXT NOT NULL PRIMARY KEY,
    state  BLOB NOT NULL
) WITHOUT ROWID;
