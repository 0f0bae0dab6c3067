"""A batch as one row: what SQLite writes of it, it writes in one statement.

Around each statement the interpreter's lock is given away and has to be won back, from an event loop that may be busy
for milliseconds. So a batch is inserted as one row into a view, and a trigger, of the connection and not of the file,
puts each part where it belongs. Numbers and names are JSON, all bytes one blob, in which they go by where they begin.
What there are most of, cells and orders, goes as pairs of integers: SQLite parses an array anew for each of its values.
See docs/decisions/0014.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import Any

from msgspec.json import Encoder

from replica.core.batch import Batch
from replica.core.entry import Head, Stream, start
from replica.core.entry_run import EntryRun
from replica.core.ledger import Changes
from replica.runtime.segment import cut_segments

LaneName = tuple[str, str, str, str]
"""Scope, writer, source and target."""

Row = tuple[bytes, *tuple[str, ...]]
"""What `INSERT` takes: the bytes, and a text for each part."""

_Tuples = list[tuple[Any, ...]]

_encode = Encoder().encode

INSERT = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

PREPARE = """
CREATE TEMP VIEW batches AS
SELECT NULL AS bytes, NULL AS streams, NULL AS segments, NULL AS keys,
       NULL AS items, NULL AS lanes, NULL AS cells, NULL AS orders, NULL AS counts;

CREATE TEMP TRIGGER spread INSTEAD OF INSERT ON batches BEGIN
    INSERT INTO streams (id, writer, scope, sequence, hash, units, clock)
    SELECT value->>0, value->>1, value->>2, value->>3, substr(new.bytes, value->>4, value->>5), value->>6, value->>7
    FROM json_each(new.streams) WHERE true
    ON CONFLICT (id) DO UPDATE SET
        sequence = excluded.sequence, hash = excluded.hash, units = units + excluded.units, clock = excluded.clock;

    INSERT INTO segments (arrival, stream, sequence, previous, bodies)
    SELECT value->>0, value->>1, value->>2, substr(new.bytes, value->>3, value->>4),
           substr(new.bytes, value->>5, value->>6)
    FROM json_each(new.segments);

    INSERT INTO keys (key, arrival)
    WITH RECURSIVE keyed (place, length, rest, arrival) AS (
        SELECT value->>0, value->>1, value->>2, value->>3 FROM json_each(new.keys)
        UNION ALL
        SELECT place + length, length, rest - 1, arrival + 1 FROM keyed WHERE rest > 1
    )
    SELECT substr(new.bytes, place, length), arrival FROM keyed;

    INSERT INTO items (id, name) SELECT value->>0, value->>1 FROM json_each(new.items);

    INSERT INTO lanes (id, scope, writer, source, target)
    SELECT value->>0, value->>1, value->>2, value->>3, value->>4 FROM json_each(new.lanes);

    INSERT INTO cells (lane, item, total)
    SELECT key >> 32, key & 0xffffffff, value FROM json_each(new.cells) WHERE true
    ON CONFLICT DO UPDATE SET total = excluded.total;

    INSERT INTO orders (place, state)
    SELECT key, substr(new.bytes, value >> 32, value & 0xffffffff) FROM json_each(new.orders) WHERE true
    ON CONFLICT DO UPDATE SET state = excluded.state;

    INSERT INTO counts (location, item, state)
    SELECT value->>0, value->>1, substr(new.bytes, value->>2, value->>3) FROM json_each(new.counts) WHERE true
    ON CONFLICT DO UPDATE SET state = excluded.state;
END;
"""


class Numbers:
    """The numbers by which a file names what recurs in it, and how far each of its streams reaches."""

    def __init__(self) -> None:
        self.streams: dict[Stream, int] = {}
        self.heads: dict[Stream, Head] = {}
        self.items: dict[str, int] = {}
        self.lanes: dict[LaneName, int] = {}

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Numbers:
        """Read them from the file."""
        numbers = Numbers()
        for number, writer, scope, sequence, end in connection.execute(
            "SELECT id, writer, scope, sequence, hash FROM streams"
        ):
            stream = Stream(writer, scope)
            numbers.streams[stream] = number
            numbers.heads[stream] = Head(sequence, end)
        numbers.items = dict(connection.execute("SELECT name, id FROM items"))
        for number, *name in connection.execute("SELECT id, scope, writer, source, target FROM lanes"):
            numbers.lanes[tuple(name)] = number
        return numbers

    def row(self, batch: Batch, arrival: int) -> Row:
        """Lay out a batch without its documents, and number what is new in it.

        Args:
            arrival: that of the newest entry before.
        """
        heap = _Heap()
        streams, segments = self._lay_runs(batch, arrival, heap)
        keys = list(_lay_keys(batch.runs, arrival + 1, heap))
        items, lanes, cells = self._lay_cells(batch.cells)
        orders = {place: begin << 32 | length for place, state in batch.orders for begin, length in [heap.add(state)]}
        counts = [(location, item, *heap.add(state)) for location, item, state in batch.counts]
        parts = (streams, segments, keys, items, lanes, cells, orders, counts)
        return b"".join(heap.pieces), *[_encode(part).decode() for part in parts]

    def _lay_runs(self, batch: Batch, arrival: int, heap: _Heap) -> tuple[_Tuples, _Tuples]:
        segments: _Tuples = []
        units: dict[Stream, int] = {}
        for run in batch.runs:
            stream = run.stream
            number = self.streams.setdefault(stream, len(self.streams) + 1)
            before = self.heads.get(stream) or start(stream)
            for one in cut_segments(run, arrival, before.hash):
                segments.append((one.arrival, number, one.sequence, *heap.add(one.previous), *heap.add(one.bodies)))
            units[stream] = units.get(stream, 0) + run.units
            self.heads[stream] = run.head
            arrival += len(run)
        streams: _Tuples = []
        for stream, moved in units.items():
            head = self.heads[stream]
            streams.append((self.streams[stream], *stream, head.sequence, *heap.add(head.hash), moved, batch.clock))
        return streams, segments

    def _lay_cells(self, changes: Changes) -> tuple[_Tuples, _Tuples, dict[int, int]]:
        """New items, new lanes, and the new totals of cells, each cell by its lane's number and its item's in one."""
        items, new_items, new_lanes = self.items, _Tuples(), _Tuples()
        cells: dict[int, int] = {}
        for lane, changed in changes.items():
            lanes: dict[str, int] = {}
            for stock, total in changed.items():
                location, name = stock.location, stock.item
                number = lanes.get(location) or lanes.setdefault(
                    location, _number(self.lanes, (location, *lane.name), new_lanes)
                )
                item = items.get(name)
                if item is None:
                    item = items[name] = len(items) + 1
                    new_items.append((item, name))
                cells[number << 32 | item] = total
        return new_items, new_lanes, cells


def _number(numbers: dict[LaneName, int], name: LaneName, fresh: _Tuples) -> int:
    number = numbers.get(name)
    if number is None:
        number = numbers[name] = len(numbers) + 1
        fresh.append((number, *name))
    return number


def _lay_keys(runs: Sequence[EntryRun], arrival: int, heap: _Heap) -> Iterator[tuple[int, int, int, int]]:
    """Keys that follow each other and are equally long: where the first begins, their length, number and arrival."""
    for length, some in groupby(chain.from_iterable([run.keys for run in runs]), len):
        alike = list(some)
        if length:
            yield heap.end, length, len(alike), arrival
            heap.pieces += alike
            heap.end += length * len(alike)
        arrival += len(alike)


class _Heap:
    """Bytes laid one after another."""

    __slots__ = ("end", "pieces")

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.end = 1
        """Where the next piece begins; SQLite counts from 1."""

    def add(self, piece: bytes) -> tuple[int, int]:
        """Lay a piece down; return where it begins, and its length."""
        begin = self.end
        self.pieces.append(piece)
        self.end += len(piece)
        return begin, len(piece)
