-- Every statement that the journal runs, except the batch and the schema. The first line of each is its name, the next
-- lines describe it, and a blank line ends it. Each part of the fold has `load_` and `clear_`. A part that is not
-- written with the batch also has `put_`. The columns of a part are the fields of its rows, in the same order.

-- insert_batch
-- Write one batch through the view of batch.sql.
INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

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
-- Segments of a scope with the name of an item or a document in their bodies, newest first. There is no index, so sales pay nothing.
SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies
FROM segments g JOIN streams s ON s.id = g.stream
WHERE s.scope = ? AND g.arrival - ? < ? AND instr(g.bodies, ?) ORDER BY g.arrival DESC

-- first_after
-- The arrival of the first segment of a stream past a sequence number; NULL when there is none.
SELECT min(arrival) FROM segments WHERE stream = ? AND sequence > ?

-- segment_ends_from
-- Arrival, stream and sequence of all segments from an arrival number on.
SELECT arrival, stream, sequence FROM segments WHERE arrival >= ? ORDER BY arrival

-- arrivals_of_key
-- The first arrivals under a key, up to a limit.
SELECT arrival FROM keys WHERE key = ? ORDER BY arrival LIMIT ?

-- number_of_keys
-- The number of keys. A key that arrived twice counts twice.
SELECT count(*) FROM keys

-- all_keys
-- All keys with their arrivals, sorted, so that equal keys are adjacent.
SELECT key, arrival FROM keys ORDER BY key, arrival

-- arrivals_of_receipt
-- The arrivals of entries that use a till receipt: all of them, if they use it at most so often as the limit.
SELECT DISTINCT arrival FROM (SELECT arrival FROM receipts WHERE location = ? AND number = ? LIMIT ?) ORDER BY arrival

-- newest_of_receipt
-- The newest arrivals before a number of entries that use a till receipt, up to a limit.
SELECT DISTINCT arrival FROM receipts WHERE location = ? AND number = ? AND arrival < ? ORDER BY arrival DESC LIMIT ?

-- arrivals_of_day
-- The last arrivals of entries that use a till receipt in one way at one till on one day, up to a limit, newest first.
SELECT arrival FROM receipts WHERE location = ? AND number = ? AND use = ? AND till = ? AND day = ?
ORDER BY arrival DESC LIMIT ?

-- arrivals_of_question
-- The last arrivals of entries that question a return of a till receipt, up to a limit, newest first.
SELECT arrival FROM receipts WHERE location = ? AND number = ? AND use = 'question' ORDER BY arrival DESC LIMIT ?

-- insert_receipt
-- Note one use of a till receipt, while the index of an older file is filled.
INSERT INTO receipts (location, number, use, till, day, arrival) VALUES (?, ?, ?, ?, ?, ?)

-- question_receipts
-- Note all receipts that a person should look at, after the index was filled. The batch does the same for new entries.
INSERT INTO questioned_receipts
SELECT location, number, use, till, CASE use WHEN 'question' THEN 0 ELSE day END AS one, max(arrival) FROM receipts
GROUP BY location, number, use, till, one
HAVING use = 'question' OR (use IN ('sale', 'return') AND till <> '' AND count(*) > 1)

-- questioned_receipts
-- Receipts with questioned returns (1) or repeated ones (0), whose newest entry arrived before a number, newest first.
SELECT location, number, use, till, day, arrival FROM questioned_receipts
WHERE (use = 'question') = ? AND arrival < ? ORDER BY arrival DESC LIMIT ?

-- number_of_originals
-- The number of returns that name the receipt of their sale.
SELECT count(*) FROM receipts INDEXED BY originals WHERE use = 'original'

-- all_originals
-- The receipts that returns name.
SELECT location, number FROM receipts INDEXED BY originals WHERE use = 'original'

-- all_streams
-- Every stream with its number and its head.
SELECT id, writer, scope, sequence, hash FROM streams

-- any_stream
-- Whether there is a stream at all.
SELECT 1 FROM streams

-- newest_clock
-- The greatest stamp of the hybrid clock at any commit.
SELECT coalesce(max(clock), 0) FROM streams

-- expected_sums
-- The units in all moves, and the number of entries. The cells and the arrivals must add up to these.
SELECT coalesce(sum(units), 0), coalesce(sum(sequence), 0) FROM streams

-- set_units
-- Set the units that a stream moved, after folding again.
UPDATE streams SET units = ? WHERE id = ?

-- doubt_units
-- Make the units differ from the sum of no cells, also in a file without moves, so that all is folded again at start.
UPDATE streams SET units = units + 1

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
-- Delete the cells before they are folded again.
DELETE FROM cells

-- load_documents
-- The current write of every document register.
SELECT kind, key, rank, place, version, clock, writer, value FROM documents

-- clear_documents
-- Delete the documents before they are folded again.
DELETE FROM documents

-- put_documents
-- Store the current write of a register.
REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)

-- load_documents_past
-- What the registers keep besides their current writes, packed: lost edits, and the last value of a cleared one.
SELECT kind, key, rank, place, state FROM documents_past

-- clear_documents_past
-- Delete it before it is folded again.
DELETE FROM documents_past

-- put_documents_past
-- Store what one register keeps.
REPLACE INTO documents_past VALUES (?, ?, ?, ?, ?)

-- load_orders
-- All orders, packed, in the order in which they arrived at this replica.
SELECT place, state FROM orders ORDER BY place

-- clear_orders
-- Delete the orders before they are folded again.
DELETE FROM orders

-- load_counts
-- The newest count of every item at every location, packed.
SELECT location, item, state FROM counts

-- clear_counts
-- Delete the counts before they are folded again.
DELETE FROM counts

-- load_clock_faults
-- The newest faults of clocks, packed.
SELECT row, state FROM clock_faults ORDER BY row

-- clear_clock_faults
-- Delete the faults of clocks before they are folded again.
DELETE FROM clock_faults

-- put_clock_faults
-- Store a fault of a clock in its row.
REPLACE INTO clock_faults VALUES (?, ?)

-- load_transfers
-- All transfers, packed, by their numbers.
SELECT number, state FROM transfers

-- clear_transfers
-- Delete the transfers before they are folded again.
DELETE FROM transfers

-- put_transfers
-- Store a transfer.
REPLACE INTO transfers VALUES (?, ?)

-- node
-- The node that owns the file.
SELECT name, incarnation FROM node

-- claim
-- Make a node the owner of the file.
INSERT INTO node VALUES (?, ?)

-- has_key
-- Whether an entry has a key, by the arrival of the entry. For a verification of the file, as all statements below.
SELECT 1 FROM keys WHERE key = ? AND arrival = ?

-- has_use
-- Whether a use of a till receipt is in the index.
SELECT 1 FROM receipts WHERE location = ? AND number = ? AND use = ? AND till = ? AND day = ? AND arrival = ?

-- number_of_uses
-- The number of uses of till receipts.
SELECT count(*) FROM receipts

-- all_questioned
-- Every receipt that a person should look at, with the arrival of the newest entry.
SELECT location, number, use, till, day, arrival FROM questioned_receipts

-- whole_streams
-- Every stream with all columns but its number.
SELECT writer, scope, sequence, hash, units, clock FROM streams

-- named_cells
-- All cells, by names.
SELECT r.scope, i.name, r.writer, r.source, r.target, c.total
FROM cells c JOIN lanes r ON r.id = c.lane JOIN items i ON i.id = c.item

-- make_notes
-- Notes of the node, such as what a hub said. They are derived, and so no part of the numbered schema.
CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, note BLOB NOT NULL)

-- keep_note
-- Keep a note as the newest one.
INSERT OR REPLACE INTO notes (name, note) VALUES (?, ?)

-- drop_old_notes
-- Drop the oldest notes, so that at most so many are left.
DELETE FROM notes WHERE id <= (SELECT id FROM notes ORDER BY id DESC LIMIT 1 OFFSET ?)

-- notes
-- All notes, the newest last.
SELECT name, note FROM notes ORDER BY id
