-- The folded state of every order, packed. It is a checkpoint like cells and documents. `place` is the order's index.
-- Names are in the state, because all orders are read at start, and an index by callers' names would touch one page
-- for each order.
CREATE TABLE orders (
    place INTEGER PRIMARY KEY,
    state BLOB NOT NULL
);
