-- Every order as its entries fold to it, packed: a checkpoint like cells and documents.
CREATE TABLE orders (
    name  TEXT PRIMARY KEY,
    state BLOB NOT NULL
) WITHOUT ROWID;
