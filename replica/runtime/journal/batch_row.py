"""A batch as one row, so that SQLite writes it in one statement.

Each statement releases the interpreter's lock and then waits for it again, while the event loop may be busy for
milliseconds. So the journal inserts a batch as one row into a view. A trigger puts each part into its table. View and
trigger belong to the connection, not to the file. Numbers and names are JSON. All bytes are one blob, and the JSON says
where each piece begins. See docs/decisions/0014.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from itertools import chain, groupby
from typing import Any

from msgspec.json import Encoder

from replica.core.ledger.cells import Changes
from replica.core.log.entry import Head, Stream, start
from replica.core.log.entry_run import EntryRun
from replica.core.state.batch import Batch
from replica.runtime.journal.segment import cut_segments
from replica.runtime.journal.statements import STATEMENTS
from replica.runtime.time_zones import local_day

RouteName = tuple[str, str, str, str]
"""Scope, writer, source and target."""

BatchRow = tuple[bytes, *tuple[str, ...]]
"""The parameters of `insert_batch`: the bytes, and a text for each part."""

BYTES_MAX = 1 << 28
"""Bytes after which a batch continues in another row. SQLite limits a blob to 1,000,000,000 bytes."""

SQLITE_MIN = (3, 38, 0)
"""The first version with `->>`."""

_Tuples = list[tuple[Any, ...]]

_encode = Encoder().encode


class Numbers:
    """The numbers that a file uses for streams, items and routes, and the head of each stream."""

    def __init__(self) -> None:
        self.streams: dict[Stream, int] = {}
        self.heads: dict[Stream, Head] = {}
        self.items: dict[str, int] = {}
        self.routes: dict[RouteName, int] = {}

    @classmethod
    def read(cls, connection: sqlite3.Connection) -> Numbers:
        """Read them from the file."""
        numbers = Numbers()
        for number, writer, scope, sequence, end in connection.execute(STATEMENTS["all_streams"]):
            stream = Stream(writer, scope)
            numbers.streams[stream] = number
            numbers.heads[stream] = Head(sequence, end)
        numbers.items = dict(connection.execute(STATEMENTS["all_items"]))
        for number, *name in connection.execute(STATEMENTS["all_routes"]):
            numbers.routes[tuple(name)] = number
        return numbers

    def rows(self, batch: Batch, arrival: int) -> Iterator[BatchRow]:
        """Lay out a batch as one row, or several if it is enormous, and number its new names.

        Parts that are written row by row (`PUT_PARTS`) are left out.

        Args:
            arrival: the arrival number of the newest entry before the batch.
        """
        parts = _Parts()
        parts.lay_keys(batch.runs, arrival + 1)
        units: dict[Stream, int] = {}
        for run in batch.runs:
            stream = run.stream
            number = self.streams.setdefault(stream, len(self.streams) + 1)
            before = self.heads.get(stream) or start(stream)
            for one in cut_segments(run, arrival, before.hash):
                spans = (*parts.lay(one.previous), *parts.lay(one.bodies))
                parts.segments.append((one.arrival, number, one.sequence, *spans))
                if parts.is_full:
                    yield parts.row()
                    parts = _Parts()
            units[stream] = units.get(stream, 0) + run.units
            self.heads[stream] = run.head
            arrival += len(run)
        for stream, moved in units.items():
            head, number = self.heads[stream], self.streams[stream]
            parts.streams.append((number, *stream, head.sequence, *parts.lay(head.hash), moved, batch.clock))
        for index, state in batch.checkpoint.get("orders", ()):
            begin, length = parts.lay(state)
            parts.orders[index] = begin << 32 | length
            if parts.is_full:
                yield parts.row()
                parts = _Parts()
        parts.counts += [
            (location, item, *parts.lay(state)) for location, item, state in batch.checkpoint.get("counts", ())
        ]
        parts.receipts = [
            (location, number, use, till, local_day(zone, moved_ms), arrived)
            for location, number, use, till, arrived, zone, moved_ms in batch.receipts
        ]
        self._lay_cells(batch.cells, parts)
        yield parts.row()

    def _lay_cells(self, changes: Changes, parts: _Parts) -> None:
        """Lay out the new totals of cells. The key of a cell is one integer: route number << 32 | item number."""
        items, cells = self.items, parts.cells
        for route, changed in changes.items():
            routes: dict[str, int] = {}
            for stock, total in changed.items():
                location, name = stock.location, stock.item
                number = routes.get(location) or routes.setdefault(
                    location, _number(self.routes, (location, *route.name), parts.routes)
                )
                item = items.get(name)
                if item is None:
                    item = items[name] = len(items) + 1
                    parts.items.append((item, name))
                cells[number << 32 | item] = total


def _number(numbers: dict[RouteName, int], name: RouteName, fresh: _Tuples) -> int:
    number = numbers.get(name)
    if number is None:
        number = numbers[name] = len(numbers) + 1
        fresh.append((number, *name))
    return number


class _Parts:
    """The parts of a row while it is laid out."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.end = 1
        """Where the next piece begins; SQLite counts from 1."""
        self.streams, self.segments, self.keys, self.items, self.routes, self.counts = [_Tuples() for _ in range(6)]
        self.receipts: _Tuples = []
        self.cells: dict[int, int] = {}
        self.orders: dict[int, int] = {}

    def lay(self, piece: bytes) -> tuple[int, int]:
        """Append bytes to the blob. Return where they begin, and how many they are."""
        begin = self.end
        self.pieces.append(piece)
        self.end += len(piece)
        return begin, len(piece)

    def lay_keys(self, runs: Sequence[EntryRun], arrival: int) -> None:
        """Append all keys to the blob. Adjacent keys of one length share a row, with the position of the first."""
        for length, some in groupby(chain.from_iterable([run.keys for run in runs]), len):
            alike = list(some)
            if length:
                self.keys.append((self.end, length, len(alike), arrival))
                self.pieces += alike
                self.end += length * len(alike)
            arrival += len(alike)

    @property
    def is_full(self) -> bool:
        """Whether the row has reached BYTES_MAX."""
        return self.end > BYTES_MAX

    def row(self) -> BatchRow:
        """The finished row."""
        parts = (
            self.streams,
            self.segments,
            self.keys,
            self.items,
            self.routes,
            self.cells,
            self.orders,
            self.counts,
            self.receipts,
        )
        return b"".join(self.pieces), *[_encode(part).decode() for part in parts]
