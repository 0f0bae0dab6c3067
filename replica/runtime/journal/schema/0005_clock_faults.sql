-- The newest faults of clocks that the entries show, packed: a checkpoint of their fold. A new one takes the row of the
-- oldest once there are too many.
CREATE TABLE clock_faults (
    row   INTEGER PRIMARY KEY,
    state BLOB NOT NULL
);
