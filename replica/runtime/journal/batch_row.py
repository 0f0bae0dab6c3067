"""A batch as one row: what SQLite writes of it, it writes in one statement.

Around each statement the interpreter's lock is given away and has to be won back, from an event loop that may be busy
for milliseconds. So a batch is inserted as one row into a view, and a trigger, of the connection and not of the file,
puts each part where it belongs. Numbers and names are JSON, all bytes one blob, in which they go by where they begin.
See docs/decisions/0014.
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

LaneName = tuple[str, str, str, str]
"""Scope, writer, source and target."""

BatchRow = tuple[bytes, *tuple[str, ...]]
"""What `insert_batch` takes: the bytes, and a text for each part."""

BYTES_MAX = 1 << 28
"""Bytes in a row, past which another one is begun: SQLite takes no blob past 1,000,000,000."""

SQLITE_MIN = (3, 38, 0)
"""The version that brought `->>`."""

_Tuples = list[tuple[Any, ...]]

_encode = Encoder().encode


class Numbers:
    """The numbers by which a file names what recurs in it, and how far each of its streams reaches."""

    def __init__(self) -> None:
        self.streams: dict[Stream, int] = {}
        self.heads: dict[Stream, Head] = {}
        self.items: dict[str, int] = {}
        self.routes: dict[LaneName, int] = {}

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
        """Lay out a batch without what is put row by row, and number what is new in it: one row, unless it is enormous.

        Args:
            arrival: that of the newest entry before.
        """
        parts = _Parts()
        parts.lay_keys(batch.runs, arrival + 1)
        units: dict[Stream, int] = {}
        for run in batch.runs:
            stream = run.stream
            number = self.streams.setdefault(stream, len(self.streams) + 1)
            before = self.heads.get(stream) or start(stream)
            for one in cut_segments(run, arrival, before.hash):
                places = (*parts.lay(one.previous), *parts.lay(one.bodies))
                parts.segments.append((one.arrival, number, one.sequence, *places))
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
        self._lay_cells(batch.cells, parts)
        yield parts.row()

    def _lay_cells(self, changes: Changes, parts: _Parts) -> None:
        """The new totals of cells, each by the numbers of its lane and its item in one."""
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


def _number(numbers: dict[LaneName, int], name: LaneName, fresh: _Tuples) -> int:
    number = numbers.get(name)
    if number is None:
        number = numbers[name] = len(numbers) + 1
        fresh.append((number, *name))
    return number


class _Parts:
    """What a row is made of, as it is laid out."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.end = 1
        """Where the next piece begins; SQLite counts from 1."""
        self.streams, self.segments, self.keys, self.items, self.routes, self.counts = [_Tuples() for _ in range(6)]
        self.cells: dict[int, int] = {}
        self.orders: dict[int, int] = {}

    def lay(self, piece: bytes) -> tuple[int, int]:
        """Lay bytes behind those before; return where they begin, and how many they are."""
        begin = self.end
        self.pieces.append(piece)
        self.end += len(piece)
        return begin, len(piece)

    def lay_keys(self, runs: Sequence[EntryRun], arrival: int) -> None:
        """Keys that follow each other and are equally long, by where the first of them begins."""
        for length, some in groupby(chain.from_iterable([run.keys for run in runs]), len):
            alike = list(some)
            if length:
                self.keys.append((self.end, length, len(alike), arrival))
                self.pieces += alike
                self.end += length * len(alike)
            arrival += len(alike)

    @property
    def is_full(self) -> bool:
        """Whether this is as much as a row should hold."""
        return self.end > BYTES_MAX

    def row(self) -> BatchRow:
        """All of it."""
        parts = (
            self.streams,
            self.segments,
            self.keys,
            self.items,
            self.routes,
            self.cells,
            self.orders,
            self.counts,
        )
        return b"".join(self.pieces), *[_encode(part).decode() for part in parts]
