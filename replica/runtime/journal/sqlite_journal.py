"""The journal in one SQLite file, with WAL and synchronous=FULL.

It has six connections, so that none blocks another: one writes, one looks up keys, one reads for peers, one reads long
pages for people, one searches for somebody who is typing, and one copies the log (WAL) into the file.

A batch is one transaction, nearly always of one statement, and one call into the writer's thread. This process locks
the data directory (flock), so two nodes cannot use one file; a backup may still read it. SQLITE_FULL rolls the whole
transaction back and is definite. Any other failure of a commit is indefinite, and the process has to end. The next
process makes the log durable before it reads it, because the log may hold content that is not durable.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TypeVar

import structlog

from replica.core.base.errors import StorageFull, Unknown
from replica.core.catalog.ranks import CHAIN_RANK
from replica.core.catalog.registers import Slot
from replica.core.catalog.search_queries import FoundSkus
from replica.core.catalog.search_terms import Terms
from replica.core.catalog.skus import SKU
from replica.core.log.entry import Entry, Stream
from replica.core.log.times import recorded_clock
from replica.core.state.batch import Batch, Checkpoint, Image, Row
from replica.core.state.fold import fold
from replica.core.stock.till_receipts import ORIGINAL, QuestionedReceipt, TillReceipt
from replica.runtime.journal import reading, receipt_index, search_index
from replica.runtime.journal.batch_row import BatchRow, Numbers
from replica.runtime.journal.connections import (
    Connection,
    claim,
    connect,
    copy_log,
    prepare_checkpoint,
    prepare_reader,
    prepare_writer,
    transaction,
)
from replica.runtime.journal.damage import DAMAGE, DataRefused, check_log, check_room
from replica.runtime.journal.durable_files import make_directory, write_again
from replica.runtime.journal.key_filter import KeyFilter
from replica.runtime.journal.statements import PARTS, PUT_PARTS, STATEMENTS
from replica.runtime.ports import Page, Stored

T = TypeVar("T")

log = structlog.get_logger(__name__)

FILE_NAME = "journal.sqlite"

_KEYS_PER_FETCH = 4_096

COPY_COMMITS = 128
"""Commits after which the log is copied into the file. The copy runs beside further commits, because within a commit it
would delay the callers for some milliseconds."""

MERGE_COMMITS = 64
"""Commits with SKUs after which the search index is merged. Each leaves a segment, and each search reads them all."""

MERGE_PAGES = 16
"""Pages that one merge changes, about: a commit that waits for it is late by about a millisecond."""


class SqliteJournal:
    """The journal port on a SQLite file. Open it with `open_journal`."""

    def __init__(
        self,
        directory: Path,
        lock: int,
        writer: Connection,
        key_lookup: Connection,
        reader: Connection,
        query: Connection,
        search: Connection,
        checkpoint: Connection,
    ) -> None:
        self.directory = directory
        self.node = ""
        self.incarnation = ""
        self._lock = lock
        self._writer = writer
        self._key_lookup = key_lookup
        self._reader = reader
        self._query = query
        self._search = search
        self._checkpoint = checkpoint
        self._copying: asyncio.Task[None] | None = None
        self._merging: asyncio.Task[None] | None = None
        self._commits = 0
        self._unmerged = 0
        """Commits with SKUs since the last merge of the search index."""
        self._arrival = 0
        self._numbers = Numbers()
        self._keys: KeyFilter[bytes] = KeyFilter()
        self._returned: KeyFilter[TillReceipt] = KeyFilter()
        """Till receipts that returns name."""

    @property
    def log_copy(self) -> asyncio.Task[None] | None:
        """The newest copy of the log into the file, running or done; None before the first."""
        return self._copying

    async def on_writer(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection that commits, between two commits. Pragmas set here affect only that one."""
        return await self._writer.run(work)

    async def load(self) -> Image:
        try:
            return await self._writer.run(self._load)
        except DAMAGE as error:
            check_room(self.directory, error)
            raise DataRefused(f"{self.directory / FILE_NAME} cannot be read: {error!r}; restore a backup") from error

    async def append(self, batch: Batch) -> int:
        try:
            arrival = await self._writer.run(self._append, batch)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                self._copy_beside()  # SQLite overwrites a copied log, so the next commit needs no new room
                raise StorageFull(f"no room in {self.directory}: free some space, then retry") from error
            raise Unknown(f"commit failed: {error}") from error
        except sqlite3.Error as error:
            raise Unknown(f"commit failed: {error}") from error
        self._commits += 1
        if self._commits % COPY_COMMITS == 0:
            self._copy_beside()
        self._merge_beside(any(_skus(batch.checkpoint.get("documents", ()))))
        return arrival

    def _merge_beside(self, has_skus: bool) -> None:
        """Start to merge the search index after many commits with SKUs, unless a merge is running."""
        self._unmerged += has_skus
        if self._unmerged >= MERGE_COMMITS and (self._merging is None or self._merging.done()):
            self._unmerged = 0
            self._merging = asyncio.create_task(self._merge())

    async def _merge(self) -> None:
        """Merge the search index in short transactions between the commits, until nothing is left to merge."""
        with suppress(sqlite3.OperationalError):  # without room it stays as it is
            while await self._writer.run(_merge_some):
                pass

    def _copy_beside(self) -> None:
        """Start to copy the log into the file, unless a copy is running."""
        if self._copying is None or self._copying.done():
            self._copying = asyncio.create_task(self._checkpoint.run(copy_log))

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, list[Entry]]:
        likely = self._keys.likely(keys)
        found = await self._key_lookup.run(reading.find, likely) if likely else {}
        return {key: [one.entry for one in stored] for key, stored in found.items()}

    def likely_returned(self, receipts: Sequence[TillReceipt]) -> list[TillReceipt]:
        return self._returned.likely(receipts)

    async def find_receipts(self, receipts: Sequence[TillReceipt]) -> dict[TillReceipt, list[Entry]]:
        return await self._key_lookup.run(receipt_index.find, receipts)

    async def repeated_receipts(self, before: int, limit: int) -> list[QuestionedReceipt]:
        return await self._query.run(receipt_index.repeated, before, limit)

    async def questioned_receipts(self, before: int, limit: int) -> list[QuestionedReceipt]:
        return await self._query.run(receipt_index.questioned, before, limit)

    async def read(self, after: int, limit: int) -> Page:
        return await self._query.run(reading.read, after, limit)

    async def missing(self, held: Mapping[Stream, int], through: int, limit: int) -> list[Stored]:
        known = self._numbers.streams
        numbers = [(known[stream], after) for stream, after in held.items() if stream in known]
        return await self._reader.run(reading.missing, numbers, through, limit)

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        return await self._query.run(reading.moves_of, location, item, before, limit)

    async def entries_of_receipt(self, receipt: TillReceipt, before: int, limit: int) -> Page:
        return await self._query.run(receipt_index.newest, receipt, before, limit)

    async def writes_of(self, slot: Slot, before: int, limit: int) -> Page:
        return await self._query.run(reading.writes_of, slot, before, limit)

    async def search(self, terms: Terms, after: int = 0) -> FoundSkus:
        return await self._search.run(search_index.find, terms, after)

    async def keep(self, notes: Mapping[str, bytes], most: int) -> None:
        try:
            await self._writer.run(_keep, notes, most)
        except sqlite3.Error as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_FULL:
                raise Unknown(f"commit failed: {error}") from error

    async def kept(self) -> dict[str, bytes]:
        return dict(await self._query.run(lambda connection: connection.execute(STATEMENTS["notes"]).fetchall()))

    async def close(self) -> None:
        beside = (self._search, self._query, self._reader, self._key_lookup, self._checkpoint)
        for connection in beside:
            await connection.interrupt()  # nobody waits for their results any more
        if self._merging is not None:
            self._merging.cancel()
        if self._copying is not None:
            await asyncio.wait([self._copying])
        for connection in (*beside, self._writer):
            await connection.close()
        os.close(self._lock)

    def _load(self, connection: sqlite3.Connection) -> Image:
        numbers = self._numbers = Numbers.read(connection)
        self._arrival = reading.newest(connection)
        heard, own = self._check_ends(connection)
        if not self._is_checkpoint_whole(connection):
            log.warning("checkpoint is not that of the journal, folding it again", entries=self._arrival)
            self._refold(connection)
        with transaction(connection):
            search_index.open_index(connection, lambda: _skus(connection.execute(STATEMENTS["load_documents"])))
        shared = reading.shared(connection, self._fill_filter(connection))
        self._returned = receipt_index.returned(connection)
        names = {route: name for name, route in numbers.routes.items()}
        items = {item: name for name, item in numbers.items.items()}
        cells = [
            (names[route][0], items[item], names[route][1:], total)
            for route, item, total in connection.execute(STATEMENTS["load_cells"])
        ]
        ((clock,),) = connection.execute(STATEMENTS["newest_clock"])
        return Image(
            heads=list(numbers.heads.items()),
            cells=cells,
            checkpoint={part: connection.execute(STATEMENTS[f"load_{part}"]).fetchall() for part in PARTS},
            clock=max(own, clock),
            arrival=self._arrival,
            shared=shared,
            heard=heard,
        )

    def _check_ends(self, connection: sqlite3.Connection) -> tuple[list[tuple[Stream, int]], int]:
        """Check that every stream ends with its head. Return when its last entry was recorded, and our newest stamp."""
        heard: list[tuple[Stream, int]] = []
        own = 0
        for stream, head in self._numbers.heads.items():
            row = connection.execute(STATEMENTS["last_segment"], (self._numbers.streams[stream],)).fetchone()
            last = reading.segment(row).unpack()[-1].entry if row is not None else None
            if last is None or (last.sequence, last.hash) != (head.sequence, head.hash):
                raise DataRefused(f"stream {stream.writer} {stream.scope} does not end with its head: restore a backup")
            heard.append((stream, recorded_clock(last.content)))
            if stream.writer.endswith(f"#{self.incarnation}"):
                own = max(own, last.content.clock)
        return heard, own

    def _is_checkpoint_whole(self, connection: sqlite3.Connection) -> bool:
        units, entries = connection.execute(STATEMENTS["expected_sums"]).fetchone()
        (total,) = connection.execute(STATEMENTS["sum_of_cells"]).fetchone()
        return bool(entries == self._arrival and units == total)

    def _refold(self, connection: sqlite3.Connection) -> None:
        units = dict.fromkeys(self._numbers.streams, 0)

        def entries() -> Iterator[Entry]:
            for stored in reading.entries(connection.execute(STATEMENTS["all_segments"])):
                units[stored.entry.stream] += sum(move.quantity for move in stored.entry.content.moves)
                yield stored.entry

        cells, checkpoint = fold(entries(), self.node).take_changes()
        batch = Batch(runs=[], cells=cells, checkpoint=checkpoint)
        with transaction(connection):
            for part in ("cells", *PARTS):
                connection.execute(STATEMENTS[f"clear_{part}"])
            search_index.forget(connection)
            self._put(connection, self._lay_out(batch), checkpoint)
            connection.executemany(
                STATEMENTS["set_units"], [(moved, self._numbers.streams[stream]) for stream, moved in units.items()]
            )

    def _append(self, connection: sqlite3.Connection, batch: Batch) -> int:
        rows = self._lay_out(batch)
        is_one = len(rows) == 1 and not any(batch.checkpoint.get(part) for part in PUT_PARTS)
        with nullcontext() if is_one else transaction(connection):
            self._put(connection, rows, batch.checkpoint)
            search_index.update(connection, _skus(batch.checkpoint.get("documents", ())))
        if self._keys.is_full:
            self._fill_filter(connection)
        if self._returned.is_full:
            self._returned = receipt_index.returned(connection)
        self._arrival += len(batch)
        return self._arrival

    def _lay_out(self, batch: Batch) -> list[BatchRow]:
        """The rows of a batch. Its keys and the receipts that its returns name enter the filters first.


        A surplus key in a filter costs one vain lookup. A missing key would let a request be accepted twice, because
        its entry may be durable before the filter knows it.
        """
        self._keys.add([key for run in batch.runs for key in run.keys if key])
        originals = [TillReceipt(row[0], row[1]) for row in batch.receipts if row[2] == ORIGINAL]
        self._returned.add(originals)
        return list(self._numbers.rows(batch, self._arrival))

    def _put(self, connection: sqlite3.Connection, rows: Sequence[BatchRow], checkpoint: Checkpoint) -> None:
        connection.executemany(STATEMENTS["insert_batch"], rows)
        for part in PUT_PARTS:
            if checkpoint.get(part):
                connection.executemany(STATEMENTS[f"put_{part}"], checkpoint[part])

    def _fill_filter(self, connection: sqlite3.Connection) -> list[tuple[int, bytes]]:
        """Fill the filter with all keys. Return the keys that several entries share, each with their last arrival."""
        (expected,) = connection.execute(STATEMENTS["number_of_keys"]).fetchone()
        keys: KeyFilter[bytes] = KeyFilter(expected)
        shared: dict[bytes, int] = {}
        rows = connection.execute(STATEMENTS["all_keys"])
        last = None
        while some := rows.fetchmany(_KEYS_PER_FETCH):
            keys.add([key for key, _ in some])
            for key, arrival in some:
                if key == last:
                    shared[key] = arrival
                last = key
        self._keys = keys
        return [(arrival, key) for key, arrival in shared.items()]


async def open_journal(directory: Path, node: str, incarnation: str) -> SqliteJournal:
    """Open or create the journal of a node in a directory.

    Args:
        incarnation: the incarnation of the writer in a new file; an existing file keeps its own.
    Raises:
        DataRefused: another process uses the directory, it belongs to another node, a newer program wrote it, or it
            cannot be read.
    """
    try:
        make_directory(directory)
        lock = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise DataRefused(f"{directory}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DataRefused(f"{directory} is in use by another process") from None
    connections: list[Connection] = []
    try:
        check_log(directory / FILE_NAME, directory / f"{FILE_NAME}-wal")
        await asyncio.to_thread(write_again, directory / f"{FILE_NAME}-wal")
        for setup in (prepare_writer, *[prepare_reader] * 4, prepare_checkpoint):
            connection = connect(directory / FILE_NAME)
            await connection
            connections.append(connection)
            await connection.run(setup)
        journal = SqliteJournal(directory, lock, *connections)
        writer = connections[0]
        journal.node = node
        journal.incarnation = await writer.run(claim, node, incarnation)
    except BaseException as error:
        for connection in connections:
            await connection.close()
        os.close(lock)
        if isinstance(error, (*DAMAGE, OSError)):
            check_room(directory, error)
            remedy = "" if isinstance(error, sqlite3.OperationalError | OSError) else "; restore a backup"
            raise DataRefused(f"{directory / FILE_NAME}: {error}{remedy}") from error
        raise
    return journal


def _skus(rows: Iterable[Row]) -> Iterator[search_index.SkuChange]:
    """The SKUs among rows of documents, with their values."""
    return ((key, value) for kind, key, rank, *_, value in rows if (kind, rank) == (SKU, CHAIN_RANK))


def _merge_some(connection: sqlite3.Connection) -> bool:
    with transaction(connection):
        return search_index.merge(connection, MERGE_PAGES)


def _keep(connection: sqlite3.Connection, notes: Mapping[str, bytes], most: int) -> None:
    with transaction(connection):
        connection.executemany(STATEMENTS["keep_note"], notes.items())
        connection.execute(STATEMENTS["drop_old_notes"], (most,))
