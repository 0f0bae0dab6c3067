-- Every order as its entries fold to it, packed: a checkpoint like cells and documents. Names are in the state: all
-- orders are read at start, and an index by names as callers choose them would touch a page for each.
CREATE TABLE orders (
    place INTEGER PRIMARY KEY,
    state BLOB NOT NULL
);
