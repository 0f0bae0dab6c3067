-- The newest count of every (location, item), packed: a checkpoint of what its entries fold to.
CREATE TABLE counts (
    location TEXT NOT NULL,
    item     TEXT NOT NULL,
    state    BLOB NOT NULL,
    PRIMARY KEY (location, item)
) WITHOUT ROWID;
