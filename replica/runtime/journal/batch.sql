-- One statement writes a batch: it inserts a row into this view, and the trigger puts each part into its table.
-- Both belong to the connection, not to the file. Numbers and names are JSON. All bytes are one blob; the JSON says
-- where each piece begins (from 1) and how long it is. See docs/decisions/0014.

CREATE TEMP VIEW batches AS
SELECT NULL AS bytes, NULL AS streams, NULL AS segments, NULL AS keys,
       NULL AS items, NULL AS routes, NULL AS cells, NULL AS orders, NULL AS counts,
       NULL AS receipts;

CREATE TEMP TRIGGER spread INSTEAD OF INSERT ON batches BEGIN

    -- Heads of the streams that grew. [id, writer, scope, sequence, hash begin, hash length, units moved, clock]
    INSERT INTO streams (id, writer, scope, sequence, hash, units, clock)
    SELECT value->>0, value->>1, value->>2, value->>3, substr(new.bytes, value->>4, value->>5), value->>6, value->>7
    FROM json_each(new.streams) WHERE true
    ON CONFLICT (id) DO UPDATE SET
        sequence = excluded.sequence, hash = excluded.hash, units = units + excluded.units, clock = excluded.clock;

    -- Entries. [arrival, stream, sequence, hash before: begin, length, bodies: begin, length]
    INSERT INTO segments (arrival, stream, sequence, previous, bodies)
    SELECT value->>0, value->>1, value->>2, substr(new.bytes, value->>3, value->>4),
           substr(new.bytes, value->>5, value->>6)
    FROM json_each(new.segments);

    -- Keys. A row has adjacent keys of one length. [begin, length, number of keys, first arrival]
    INSERT INTO keys (key, arrival)
    WITH RECURSIVE keyed (position, length, rest, arrival) AS (
        SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(new.keys)
        UNION ALL
        SELECT position + length, length, rest - 1, arrival + 1 FROM keyed WHERE rest > 1
    )
    SELECT substr(new.bytes, position, length), arrival FROM keyed;

    -- Items that are new in the file. [id, name]
    INSERT INTO items (id, name) SELECT value->>0, value->>1 FROM json_each(new.items);

    -- Routes that are new in the file. [id, scope, writer, source, target]
    INSERT INTO lanes (id, scope, writer, source, target)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(new.routes);

    -- New totals of cells. {route << 32 | item: total}
    INSERT INTO cells (lane, item, total)
    SELECT key >> 32, key & 0xffffffff, value FROM json_each(new.cells) WHERE true
    ON CONFLICT DO UPDATE SET total = excluded.total;

    -- Changed orders. {index: begin << 32 | length}
    INSERT INTO orders (place, state)
    SELECT key, substr(new.bytes, value >> 32, value & 0xffffffff) FROM json_each(new.orders) WHERE true
    ON CONFLICT DO UPDATE SET state = excluded.state;

    -- Changed counts. [location, item, begin, length]
    INSERT INTO counts (location, item, state)
    SELECT value->>0, value->>1, substr(new.bytes, value->>2, value->>3) FROM json_each(new.counts) WHERE true
    ON CONFLICT DO UPDATE SET state = excluded.state;

    -- Uses of till receipts. [location, number, use, till, day, arrival]
    INSERT INTO receipts (location, number, use, till, day, arrival)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5 FROM json_each(new.receipts);

    -- Receipts that a person should look at: those that the till used before in the same way on the same day.
    INSERT INTO questioned_receipts (location, number, use, till, day, arrival)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5 FROM json_each(new.receipts)
    WHERE value->>2 IN ('sale', 'return') AND value->>3 <> '' AND EXISTS (
        SELECT 1 FROM receipts
        WHERE location = value->>0 AND number = value->>1 AND use = value->>2 AND till = value->>3
              AND day = value->>4 AND arrival <> value->>5)
    ON CONFLICT DO UPDATE SET arrival = max(arrival, excluded.arrival);

    -- And those of questioned returns, of all days together.
    INSERT INTO questioned_receipts (location, number, use, till, day, arrival)
    SELECT value->>0, value->>1, value->>2, value->>3, 0, value->>5 FROM json_each(new.receipts)
    WHERE value->>2 = 'question'
    ON CONFLICT DO UPDATE SET arrival = max(arrival, excluded.arrival);
END;
