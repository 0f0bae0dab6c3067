-- The newest count of every (location, item), packed. It is a checkpoint of the fold.
CREATE TABLE counts (
    location TEXT NOT NULL,
    item     TEXT NOT NULL,
    state    BLOB NOT NULL,
    PRIMARY KEY (location, item)
) WITHOUT ROWID;
