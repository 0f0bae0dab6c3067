"""Verify a journal's file: everything that is stored besides the entries must follow from the entries.

The entries are the truth. All other tables are for speed: heads of streams, keys, cells, the rows of each part of the
fold, and till receipts. A start reads these tables and not the entries, so nobody would notice a wrong row. `verify`
reads all entries, checks their numbers and hashes, folds them, and compares each table with the result.

The clock of a stream is the only column that does not follow from the entries alone, because a node does not follow a
stamp that is too far ahead when it arrives. It has bounds: the clock never goes back, and it is never behind a stamp
that the node itself issued.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from msgspec import Struct

from replica.core.catalog.skus import SKU
from replica.core.log.entry import Head, Stream, start
from replica.core.orders.fold import held_differences
from replica.core.state.fold import Fold
from replica.core.stock.till_receipts import QUESTION, RETURN, SALE
from replica.runtime.journal import reading, receipt_index, search_index
from replica.runtime.journal.damage import DAMAGE, DataRefused
from replica.runtime.journal.statements import PARTS, STATEMENTS, schema_scripts
from replica.runtime.ports import Stored

Row = tuple[Any, ...]

DIFFERENCES_MAX = 20
"""Differences listed for each table. A damaged table may have one for each row."""

SHOWN_MAX = 200
"""Characters shown of a row."""


class Difference(Struct, frozen=True):
    """A row of a table that the entries do not give, or one that they give and the table lacks."""

    table: str
    row: str
    """The row as text, shortened."""
    is_stored: bool
    """Whether the table has the row. Otherwise the row is missing."""

    def __str__(self) -> str:
        return f"{self.table}: {self.row} is {'wrong' if self.is_stored else 'missing'}"


class Verification(Struct, frozen=True):
    """What one file holds, and where its tables differ from its entries."""

    node: str
    writer: str
    entries: int
    streams: int
    held: list[str]
    """Units that are held and that no open fulfilment has, or the reverse. Empty in a file with all entries."""
    differences: list[Difference]


def verify_file(path: Path, *, believes_all: bool = False) -> Verification:
    """Verify the file of a journal, also while a node uses it. Arguments as for `verify`.

    Writes nothing to the file. SQLite may leave an empty log and its index beside it.

    Raises DataRefused if it cannot be read as a journal of this release.
    """
    try:
        address = f"{path.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, isolation_level=None)) as connection:
            connection.execute("BEGIN")  # all statements read the same state of the file
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            expected = len(schema_scripts())
            if version != expected:
                remedy = "start its node with this program" if version < expected else "verify it with a newer one"
                raise DataRefused(f"{path} has schema {version}, this program verifies {expected}: {remedy}")
            return verify(connection, believes_all=believes_all)
    except DAMAGE as error:
        if not path.exists():
            wrong = f"there is no {path.name} in {path.parent}: name the data directory of a node"
        else:
            wrong = f"{path} cannot be read: {error!r}; restore a backup"
        raise DataRefused(wrong) from error


def verify(connection: sqlite3.Connection, *, believes_all: bool = False) -> Verification:
    """Compare all tables of a file with its entries. Keeps the fold in memory, as a node does.

    Args:
        believes_all: no stamp was too far ahead when it arrived, so no clock is behind any stamp that arrived before.
    """
    return _Verifier(connection, believes_all).run()


class _Verifier:
    """One pass over the entries of a file, then one over each table."""

    def __init__(self, connection: sqlite3.Connection, believes_all: bool) -> None:
        self._connection = connection
        self._believes_all = believes_all
        self._differences: list[Difference] = []
        self._node: str
        self._node, incarnation = connection.execute(STATEMENTS["node"]).fetchone() or ("", "")
        self._writer = f"{self._node}#{incarnation}"
        self._fold = Fold(self._node)
        self._heads: dict[Stream, Head] = {}
        self._units: dict[Stream, int] = {}
        self._ends: dict[Stream, int] = {}
        """The arrival of the last entry of each stream."""
        self._least_clocks: dict[Stream, int] = {}
        """The greatest stamp that the clock had passed for certain when each stream ended."""
        self._least_clock = 0
        self._keys = 0
        self._uses: dict[Row, int] = {}
        """Location, number, use, till and day of each use of a till receipt: the arrival of the newest entry."""
        self._used = 0
        self._questioned: dict[Row, None] = {}

    def run(self) -> Verification:
        arrival = 0
        for arrival, stored in enumerate(self._read(), 1):
            if stored.arrival != arrival:
                self._differ("segments", (stored.arrival,), is_stored=True)
            self._take(stored, arrival)
        self._check_streams()
        self._check_number("keys", "number_of_keys", self._keys)
        self._check_number("receipts", "number_of_uses", self._used)
        self._check_rows("questioned_receipts", "all_questioned", [(*use, self._uses[use]) for use in self._questioned])
        cells = [(location, item, *route, total) for location, item, route, total in self._fold.ledger.cells()]
        self._check_rows("cells", "named_cells", cells)
        _, checkpoint = self._fold.take_changes()
        for part in PARTS:
            self._check_rows(part, f"load_{part}", checkpoint.get(part, ()))
        if search_index.is_current(self._connection):  # else the next start builds it again
            kept = search_index.kept_documents(self._connection)
            self._compare("search_skus", kept, search_index.searchable_documents(self._skus()))
        return Verification(
            node=self._node,
            writer=self._writer,
            entries=arrival,
            streams=len(self._heads),
            held=held_differences(self._fold.ledger, self._fold.orders),
            differences=self._differences,
        )

    def _skus(self) -> Iterator[search_index.SkuChange]:
        documents = self._fold.documents
        return ((sku, documents.packed(SKU, sku)) for sku in documents.keys(SKU))

    def _read(self) -> Iterator[Stored]:
        return reading.entries(self._connection.execute(STATEMENTS["all_segments"]))

    def _take(self, stored: Stored, arrival: int) -> None:
        """Fold one entry, and look up its keys and receipts."""
        entry = stored.entry
        stream, content = entry.stream, entry.content
        head = self._heads.get(stream) or start(stream)
        if (entry.sequence, stored.previous) != (head.sequence + 1, head.hash):
            self._differ("segments", (*stream, entry.sequence, stored.previous), is_stored=True)
        self._heads[stream] = Head(entry.sequence, entry.hash)
        self._units[stream] = self._units.get(stream, 0) + sum(move.quantity for move in content.moves)
        self._fold.apply(entry)
        if stream.writer == self._writer or self._believes_all:
            self._least_clock = max(self._least_clock, content.clock)
        self._ends[stream], self._least_clocks[stream] = arrival, self._least_clock
        if content.key:
            self._keys += 1
            self._look_up("keys", "has_key", (content.key, arrival))
        self._take_uses(stored)

    def _take_uses(self, stored: Stored) -> None:
        for row in receipt_index.rows_of(stored, self._fold.documents):
            *_, use, till, day, arrival = row
            named = (*row[:4], 0 if use == QUESTION else day)
            self._used += 1
            self._look_up("receipts", "has_use", row)
            if use == QUESTION or (named in self._uses and use in (SALE, RETURN) and till):
                self._questioned[named] = None
            self._uses[named] = arrival

    def _check_streams(self) -> None:
        stored = self._connection.execute(STATEMENTS["whole_streams"]).fetchall()
        expected = [(*stream, head.sequence, head.hash, self._units[stream]) for stream, head in self._heads.items()]
        self._compare("streams", [row[:-1] for row in stored], expected)
        clocks = {Stream(writer, scope): clock for writer, scope, _, _, _, clock in stored}
        reached = 0
        for stream in sorted(self._ends, key=lambda one: self._ends[one]):
            clock = clocks.get(stream, 0)
            reached = max(reached, self._least_clocks[stream])
            if clock < reached:
                self._differ("streams", (*stream, f"clock {clock} is behind {reached}"), is_stored=True)
            reached = max(reached, clock)

    def _check_number(self, table: str, statement: str, expected: int) -> None:
        """Check that a table has no rows besides those that were looked up."""
        (number,) = self._connection.execute(STATEMENTS[statement]).fetchone()
        if number > expected:
            self._differ(table, (f"{number - expected} rows of no entry",), is_stored=True)

    def _check_rows(self, table: str, statement: str, expected: Iterable[Row]) -> None:
        self._compare(table, self._connection.execute(STATEMENTS[statement]).fetchall(), expected)

    def _compare(self, table: str, stored: Iterable[Row], expected: Iterable[Row]) -> None:
        found, wanted = dict.fromkeys(stored), dict.fromkeys(expected)
        for row in found:
            if row not in wanted:
                self._differ(table, row, is_stored=True)
        for row in wanted:
            if row not in found:
                self._differ(table, row, is_stored=False)

    def _look_up(self, table: str, statement: str, row: Row) -> None:
        if self._connection.execute(STATEMENTS[statement], row).fetchone() is None:
            self._differ(table, row, is_stored=False)

    def _differ(self, table: str, row: Row, *, is_stored: bool) -> None:
        if sum(one.table == table for one in self._differences) < DIFFERENCES_MAX:
            shown = " ".join(one.hex() if isinstance(one, bytes) else str(one) for one in row)
            self._differences.append(Difference(table, shown[:SHOWN_MAX], is_stored))
