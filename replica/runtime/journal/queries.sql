-- Every statement that the journal runs besides the batch and the schema. The first line of each is its name, the lines
-- after it say what it is for; a blank line ends it. A checkpoint part of the fold has `load_`, `clear_` and, where it is
-- not part of the batch, `put_`: its columns are those of the part's rows, in their order.

-- insert_batch
-- Write one batch through the view of batch.sql.
INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)

-- newest_arrival
-- The arrival number of the newest entry; 0 when there is none.
SELECT coalesce(max(arrival), 0) FROM segments

-- all_segments
-- All segments in arrival order.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
ORDER BY g.arrival

-- segments_after
-- Segments whose last entry arrived after a number, in arrival order.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
WHERE g.arrival > ? ORDER BY g.arrival

-- segment_at
-- The segment that ends at an arrival number.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
WHERE g.arrival = ?

-- segment_with
-- The segment that holds the entry of an arrival number.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
WHERE g.arrival >= ? ORDER BY g.arrival LIMIT 1

-- last_segment
-- The last segment of a stream.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
WHERE g.stream = ? ORDER BY g.sequence DESC LIMIT 1

-- stream_after
-- Segments of a stream with entries past a sequence number.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
WHERE g.stream = ? AND g.sequence > ? ORDER BY g.sequence

-- segments_naming
-- Segments of a scope that name an item somewhere in their bodies, newest first. Sales pay nothing for this search.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
WHERE s.scope = ? AND g.arrival - ? < ? AND instr(g.bodies, ?) ORDER BY g.arrival DESC

-- first_after
-- The arrival of the first segment of a stream past a sequence number; NULL when there is none.
SELECT min(arrival) FROM segments WHERE stream = ? AND sequence > ?

-- places_from
-- Arrival, stream and sequence of all segments from an arrival number on.
SELECT arrival, stream, sequence FROM segments WHERE arrival >= ? ORDER BY arrival

-- arrivals_of_key
-- The first arrivals under a key, at most so many.
SELECT arrival FROM keys WHERE key = ? ORDER BY arrival LIMIT ?

-- number_of_keys
-- How many keys there are, counting one that arrived twice twice.
SELECT count(*) FROM keys

-- all_keys
-- All keys with their arrivals, equal keys together.
SELECT key, arrival FROM keys ORDER BY key, arrival

-- all_streams
-- Every stream with its number, its head, and where the clock stood when it last grew.
SELECT id, writer, scope, sequence, hash FROM streams

-- any_stream
-- Whether there is a stream at all.
SELECT 1 FROM streams

-- newest_clock
-- The farthest the hybrid clock stood at any commit.
SELECT coalesce(max(clock), 0) FROM streams

-- expected_sums
-- The units in all moves, and the number of entries: what the cells and the arrivals must add up to.
SELECT coalesce(sum(units), 0), coalesce(sum(sequence), 0) FROM streams

-- set_units
-- Correct the units that a stream moved, after folding anew.
UPDATE streams SET units = ? WHERE id = ?

-- all_items
-- Names of items by number.
SELECT name, id FROM items

-- all_routes
-- Routes by number.
SELECT id, scope, writer, source, target FROM lanes

-- load_cells
-- All cells, by the numbers of their routes and items.
SELECT lane, item, total FROM cells

-- sum_of_cells
-- The units in all cells.
SELECT coalesce(sum(total), 0) FROM cells

-- clear_cells
-- Forget the cells before they are folded anew.
DELETE FROM cells

-- load_documents
-- The standing write of every document register.
SELECT kind, key, rank, place, version, clock, writer, value FROM documents

-- clear_documents
-- Forget the documents before they are folded anew.
DELETE FROM documents

-- put_documents
-- Take in the write of a register that stands now.
REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- load_orders
-- All orders, packed, in the order in which this replica heard of them.
SELECT place, state FROM orders ORDER BY place

-- clear_orders
-- Forget the orders before they are folded anew.
DELETE FROM orders

-- load_counts
-- The newest count of every item at every location, packed.
SELECT location, item, state FROM counts

-- clear_counts
-- Forget the counts before they are folded anew.
DELETE FROM counts

-- node
-- Who the file belongs to.
SELECT name, incarnation FROM node

-- claim
-- Give the file to a node.
INSERT INTO node VALUES (?, ?)
