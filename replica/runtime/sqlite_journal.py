"""The journal in one SQLite file: WAL, synchronous=FULL, one connection that writes, one that looks up keys, one that
reads for peers, and one for people's long pages, so that none holds up another.

A batch is one transaction and one trip into the writer's thread. The data directory is locked for this process
(flock), so two nodes cannot run on one file, while a backup may still read it. SQLITE_FULL rolls the whole
transaction back and is definite; any other failure of a commit is indefinite, and the process has to end. The next
one makes the log it finds durable before it reads it: what it sees there may not be.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import msgspec
import structlog

from replica.core.documents import Documents, Register
from replica.core.entry import DOCUMENT, Entry, Head, Stream, genesis
from replica.core.errors import Failure, StorageFull, Unknown
from replica.core.ledger import Ledger
from replica.core.names import CHAIN
from replica.core.replica import Batch, Image
from replica.runtime.durable_files import make_directory, write_again
from replica.runtime.key_filter import KeyFilter
from replica.runtime.ports import Page, Stored
from replica.runtime.segment import SEGMENT_ENTRIES_MAX, Segment, cut_segments

T = TypeVar("T")

log = structlog.get_logger(__name__)

FILE_NAME = "journal.sqlite"

_ROWS_PER_STATEMENT = 128
"""Most rows in one INSERT. SQLite takes many rows in one statement faster than many statements, every statement is a
race for the interpreter's lock, and each number of rows is a text of its own that stays prepared."""

_STREAMS_READ_SINGLY = 16

PAGE_BYTES_MAX = 4 << 20
"""Bytes of bodies read for a peer at once: entries may be large."""


class DataRefused(Failure):
    """The data directory cannot be used by this process; the message says why and what to do."""


class _Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function in its thread: one trip per batch, not one per statement."""

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        result: T = await self._execute(work, self._conn, *arguments)  # type: ignore[no-untyped-call]
        return result


def _connect(path: Path) -> _Connection:
    return _Connection(
        lambda: sqlite3.connect(path, isolation_level=None, cached_statements=4 * _ROWS_PER_STATEMENT), 64
    )


class SqliteJournal:
    """The journal port on a SQLite file. Open it with `open_journal`."""

    def __init__(
        self,
        directory: Path,
        lock: int,
        writer: _Connection,
        finder: _Connection,
        reader: _Connection,
        explorer: _Connection,
    ) -> None:
        self.directory = directory
        self.incarnation = ""
        self._lock = lock
        self._writer = writer
        self._finder = finder
        self._reader = reader
        self._explorer = explorer
        self._arrival = 0
        self._streams: dict[Stream, int] = {}
        self._tips: dict[Stream, bytes] = {}
        self._items: dict[str, int] = {}
        self._lanes: dict[tuple[str, str, str, str], int] = {}
        self._keys = KeyFilter()

    async def load(self) -> Image:
        try:
            return await self._writer.run(self._load)
        except (sqlite3.DatabaseError, msgspec.MsgspecError, ValueError, TypeError) as error:
            raise DataRefused(f"{self.directory / FILE_NAME} cannot be read: {error}; restore a backup") from error

    async def append(self, batch: Batch) -> int:
        try:
            return await self._writer.run(self._append, batch)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise StorageFull(f"no room in {self.directory}") from error
            raise Unknown(f"commit failed: {error}") from error
        except sqlite3.Error as error:
            raise Unknown(f"commit failed: {error}") from error

    async def find(self, keys: Sequence[bytes]) -> dict[bytes, Entry]:
        may_hold = self._keys.may_hold
        likely = [key for key in keys if may_hold(key)]
        return await self._finder.run(_find, likely) if likely else {}

    async def read(self, after: int, limit: int) -> Page:
        return await self._explorer.run(_read, after, limit)

    async def missing(self, held: Mapping[Stream, int], through: int, limit: int) -> list[Stored]:
        numbers = [(self._streams[stream], after) for stream, after in held.items() if stream in self._streams]
        return await self._reader.run(_missing, numbers, through, limit)

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        return await self._explorer.run(_moves_of, location, item, before, limit)

    async def close(self) -> None:
        for connection in (self._explorer, self._reader, self._finder):
            await connection.interrupt()  # nobody waits any more for what they read
        for connection in (self._explorer, self._reader, self._finder, self._writer):
            await connection.close()
        os.close(self._lock)

    def _load(self, connection: sqlite3.Connection) -> Image:
        rows = connection.execute("SELECT id, writer, scope, sequence, hash FROM streams").fetchall()
        heads = [(Stream(writer, scope), Head(sequence, end)) for _, writer, scope, sequence, end in rows]
        self._streams = {Stream(writer, scope): stream for stream, writer, scope, _, _ in rows}
        self._tips = {stream: head.hash for stream, head in heads}
        self._items = dict(connection.execute("SELECT name, id FROM items"))
        lanes = connection.execute("SELECT id, scope, writer, source, target FROM lanes").fetchall()
        self._lanes = {tuple(name): lane for lane, *name in lanes}
        self._arrival = _newest(connection)
        newest, own = self._check_ends(connection, heads)
        if not self._is_checkpoint_whole(connection):
            log.warning("checkpoint does not match the journal, folding it anew", entries=self._arrival)
            self._refold(connection)
        self._fill_filter(connection)
        names = {lane: name for name, lane in self._lanes.items()}
        items = {item: name for name, item in self._items.items()}
        cells = [
            (names[lane][0], items[item], names[lane][1:], total)
            for lane, item, total in connection.execute("SELECT lane, item, total FROM cells")
        ]
        documents = [
            Register(*row)
            for row in connection.execute("SELECT kind, key, rank, place, version, clock, writer, value FROM documents")
        ]
        return Image(heads, cells, documents, newest, own, self._arrival)

    def _check_ends(
        self, connection: sqlite3.Connection, heads: list[tuple[Stream, Head]]
    ) -> tuple[dict[str, int], int]:
        """Check that every stream ends with its head; return the newest stamp of each scope, and of our own."""
        newest: dict[str, int] = {}
        own = 0
        for stream, head in heads:
            row = connection.execute(
                f"{_SELECT} WHERE g.stream = ? ORDER BY g.sequence DESC LIMIT 1", (self._streams[stream],)
            ).fetchone()
            last = _segment(row).unpack()[-1].entry if row is not None else None
            if last is None or (last.sequence, last.hash) != (head.sequence, head.hash):
                raise DataRefused(f"stream {stream.writer} {stream.scope} does not end as it should: restore a backup")
            newest[stream.scope] = max(last.content.clock, newest.get(stream.scope, 0))
            if stream.writer.endswith(f"#{self.incarnation}"):
                own = max(own, last.content.clock)
        return newest, own

    def _is_checkpoint_whole(self, connection: sqlite3.Connection) -> bool:
        units, entries = connection.execute(
            "SELECT coalesce(sum(units), 0), coalesce(sum(sequence), 0) FROM streams"
        ).fetchone()
        (total,) = connection.execute("SELECT coalesce(sum(total), 0) FROM cells").fetchone()
        return bool(entries == self._arrival and units == total)

    def _refold(self, connection: sqlite3.Connection) -> None:
        ledger, documents, units = Ledger(), Documents(), dict.fromkeys(self._streams, 0)
        for stored in _entries(connection.execute(f"{_SELECT} ORDER BY g.arrival")):
            stream, content = stored.entry.stream, stored.entry.content
            ledger.apply(stream.scope, stream.writer, content.moves)
            units[stream] += sum(move.quantity for move in content.moves)
            if content.kind == DOCUMENT and stream.scope == CHAIN:
                documents.apply(content.facts, content.clock, stream.writer)
        batch = Batch([], ledger.take_changes(), documents.take_changes())
        with _transaction(connection):
            connection.execute("DELETE FROM cells")
            connection.execute("DELETE FROM documents")
            self._write_checkpoint(connection, batch)
            connection.executemany(
                "UPDATE streams SET units = ? WHERE id = ?",
                [(moved, self._streams[stream]) for stream, moved in units.items()],
            )

    def _append(self, connection: sqlite3.Connection, batch: Batch) -> int:
        arrival = self._arrival
        rows: list[object] = []
        keys: list[bytes] = []
        placed: list[tuple[bytes, int]] = []
        ends: dict[Stream, Entry] = {}
        units: dict[Stream, int] = {}
        for entry in batch.entries:
            arrival += 1
            stream, content = entry.stream, entry.content
            ends[stream] = entry
            if content.key:
                keys.append(content.key)
                placed.append((content.key, arrival))
            moved = units.get(stream, 0)
            for move in content.moves:
                moved += move.quantity
            units[stream] = moved
        placed.sort()
        with _transaction(connection):
            for stream in ends:
                if stream not in self._streams:
                    self._add_stream(connection, stream)
            for segment in cut_segments(batch, self._arrival, self._tips):
                number = self._streams[segment.stream]
                rows += (segment.arrival, number, segment.sequence, segment.previous, segment.bodies)
            _insert(connection, "INSERT INTO segments VALUES", "", 5, rows)
            _insert(connection, "INSERT INTO keys VALUES", "", 2, [value for pair in placed for value in pair])
            for stream, entry in ends.items():
                connection.execute(
                    "UPDATE streams SET sequence = ?, hash = ?, units = units + ? WHERE id = ?",
                    (entry.sequence, entry.hash, units[stream], self._streams[stream]),
                )
            self._write_checkpoint(connection, batch)
            self._add_keys(connection, keys)
        self._arrival = arrival
        return arrival

    def _add_keys(self, connection: sqlite3.Connection, keys: Sequence[bytes]) -> None:
        """Note keys before they are durable: a filter that knows too much is slow, one that knows too little lies."""
        self._keys.add(keys)
        if self._keys.is_full:
            self._fill_filter(connection)

    def _fill_filter(self, connection: sqlite3.Connection) -> None:
        (expected,) = connection.execute("SELECT count(*) FROM keys").fetchone()
        keys = KeyFilter(expected)
        keys.add(key for (key,) in connection.execute("SELECT key FROM keys"))
        self._keys = keys

    def _write_checkpoint(self, connection: sqlite3.Connection, batch: Batch) -> None:
        cells = []
        for (stock, lane), total in batch.cells.items():
            name = (stock.location, lane.writer, lane.source, lane.target)
            lane_number = self._lanes.get(name) or self._add_lane(connection, name)
            item = self._items.get(stock.item) or self._add_item(connection, stock.item)
            cells.append((lane_number, item, total))
        cells.sort()
        _insert(
            connection,
            "INSERT INTO cells VALUES",
            "ON CONFLICT DO UPDATE SET total = excluded.total",
            3,
            [value for cell in cells for value in cell],
        )
        if batch.documents:
            connection.executemany(
                "REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(d.kind, d.key, d.rank, d.at, d.version, d.clock, d.writer, d.value) for d in batch.documents],
            )

    def _add_stream(self, connection: sqlite3.Connection, stream: Stream) -> None:
        number = self._streams[stream] = len(self._streams) + 1
        self._tips[stream] = genesis(stream)
        connection.execute("INSERT INTO streams VALUES (?, ?, ?, 0, x'', 0)", (number, *stream))

    def _add_lane(self, connection: sqlite3.Connection, name: tuple[str, str, str, str]) -> int:
        number = self._lanes[name] = len(self._lanes) + 1
        connection.execute("INSERT INTO lanes VALUES (?, ?, ?, ?, ?)", (number, *name))
        return number

    def _add_item(self, connection: sqlite3.Connection, name: str) -> int:
        number = self._items[name] = len(self._items) + 1
        connection.execute("INSERT INTO items VALUES (?, ?)", (number, name))
        return number


async def open_journal(directory: Path, node: str, incarnation: str) -> SqliteJournal:
    """Open or make the journal of a node in a directory.

    Args:
        incarnation: what a new file's writer is to be called; an existing file keeps its own.
    Raises:
        DataRefused: another process has it, it belongs to another node, or a newer program wrote it.
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
    connections: list[_Connection] = []
    try:
        await asyncio.to_thread(write_again, directory / f"{FILE_NAME}-wal")
        for setup in (_prepare, _prepare_reader, _prepare_reader, _prepare_reader):
            connection = _connect(directory / FILE_NAME)
            await connection
            connections.append(connection)
            await connection.run(setup)
        journal = SqliteJournal(directory, lock, *connections)
        writer = connections[0]
        journal.incarnation = await writer.run(_claim, node, incarnation)
    except BaseException as error:
        for connection in connections:
            await connection.close()
        os.close(lock)
        if isinstance(error, sqlite3.DatabaseError | OSError):
            raise DataRefused(f"{directory / FILE_NAME}: {error}") from error
        raise
    return journal


class _transaction:
    """BEGIN IMMEDIATE … COMMIT; rolled back whole when anything in it fails."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                self._roll_back()
                raise
        else:
            self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def _prepare(connection: sqlite3.Connection) -> None:
    """Set the file up for durability, and bring its schema up to date."""
    # Read to the end, or a failure goes unseen; the mode SQLite then stays in loses commits when the power goes.
    ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
    if mode != "wal":
        raise DataRefused(f"SQLite stays in mode {mode!r} here, which may lose sales: give a local disk as --data")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -16384")
    scripts = sorted(
        (file for file in resources.files("replica.runtime").joinpath("schema").iterdir() if file.name.endswith("sql")),
        key=lambda file: file.name,
    )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(scripts):
        raise DataRefused(f"the data has schema {version}, this program knows {len(scripts)}: run a newer one")
    for number, script in enumerate(scripts[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script.read_text()}\nPRAGMA user_version = {number};\nCOMMIT;")


def _prepare_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")


def _claim(connection: sqlite3.Connection, node: str, incarnation: str) -> str:
    row = connection.execute("SELECT name, incarnation FROM node").fetchone()
    if row is None:
        connection.execute("INSERT INTO node VALUES (?, ?)", (node, incarnation))
        return incarnation
    owner, standing = row
    if owner != node:
        raise DataRefused(f"the data belongs to node {owner!r}, not to {node!r}: give its name or another --data")
    return str(standing)


def _insert(connection: sqlite3.Connection, head: str, tail: str, width: int, values: list[Any]) -> None:
    """Insert rows given as one flat list, many per statement."""
    group = f"({','.join('?' * width)})"
    step = _ROWS_PER_STATEMENT * width
    for start in range(0, len(values), step):
        some = values[start : start + step]
        connection.execute(f"{head} {','.join([group] * (len(some) // width))} {tail}", some)


_SELECT = (
    "SELECT g.arrival, s.writer, s.scope, g.sequence, g.previous, g.bodies FROM segments g"
    " JOIN streams s ON s.id = g.stream"
)


def _segment(row: tuple[Any, ...]) -> Segment:
    arrival, writer, scope, sequence, previous, bodies = row
    return Segment(arrival, Stream(writer, scope), sequence, previous, bodies)


def _entries(rows: Iterable[tuple[Any, ...]]) -> Iterator[Stored]:
    for row in rows:
        yield from _segment(row).unpack()


def _newest(connection: sqlite3.Connection) -> int:
    (newest,) = connection.execute("SELECT coalesce(max(arrival), 0) FROM segments").fetchone()
    return int(newest)


def _read(connection: sqlite3.Connection, after: int, limit: int) -> Page:
    rows = connection.execute(f"{_SELECT} WHERE g.arrival > ? ORDER BY g.arrival", (after,))
    stored = list(islice((one for one in _entries(rows) if one.arrival > after), limit))
    rows.close()
    return Page(stored, stored[-1].arrival if stored else after)


def _missing(connection: sqlite3.Connection, held: Sequence[tuple[int, int]], through: int, limit: int) -> list[Stored]:
    """Few streams are read one by one along their index; many are read together, in arrival order."""
    if len(held) <= _STREAMS_READ_SINGLY:
        stored: list[Stored] = []
        for stream, after in held:
            rows = connection.execute(
                f"{_SELECT} WHERE g.stream = ? AND g.sequence > ? ORDER BY g.sequence", (stream, after)
            )
            fresh = (one for one in _entries(rows) if one.entry.sequence > after)
            stored += islice(takewhile(lambda one: one.arrival <= through, fresh), limit)
            rows.close()
        stored.sort(key=lambda one: one.arrival)
        return _page(stored, limit)
    firsts = [
        connection.execute(
            "SELECT min(arrival) FROM segments WHERE stream = ? AND sequence > ?", (stream, after)
        ).fetchone()[0]
        for stream, after in held
    ]
    start = min((first for first in firsts if first is not None), default=None)
    if start is None:
        return []
    wanted = dict(held)
    numbers = connection.execute(
        "SELECT arrival, stream, sequence FROM segments WHERE arrival >= ? ORDER BY arrival", (start,)
    )
    segments = (
        connection.execute(f"{_SELECT} WHERE g.arrival = ?", (arrival,)).fetchone()
        for arrival, stream, sequence in numbers
        if sequence > wanted.get(stream, sequence)
    )
    after_of = dict(_named(connection, wanted))
    fresh = (one for one in _entries(segments) if one.entry.sequence > after_of[one.entry.stream])
    stored = _page(takewhile(lambda one: one.arrival <= through, fresh), limit)
    numbers.close()
    return stored


def _page(stored: Iterable[Stored], limit: int) -> list[Stored]:
    """Take entries up to a limit, in number and in bytes; one at least, however large."""
    page: list[Stored] = []
    size = 0
    for one in stored:
        size += len(one.entry.body)
        if len(page) >= limit or (page and size > PAGE_BYTES_MAX):
            break
        page.append(one)
    return page


def _named(connection: sqlite3.Connection, held: Mapping[int, int]) -> Iterator[tuple[Stream, int]]:
    for number, writer, scope in connection.execute("SELECT id, writer, scope FROM streams"):
        if number in held:
            yield Stream(writer, scope), held[number]


def _moves_of(connection: sqlite3.Connection, location: str, item: str, before: int, limit: int) -> Page:
    """Find an item's entries by looking for its name in the bodies: slower than an index, but sales pay nothing."""
    rows = connection.execute(
        f"{_SELECT} WHERE s.scope = ? AND g.arrival - ? < ? AND instr(g.bodies, ?) ORDER BY g.arrival DESC",
        (location, SEGMENT_ENTRIES_MAX, before, msgspec.msgpack.encode(item)),
    )
    newest_first = (one for row in rows for one in reversed(_segment(row).unpack()))
    found = (
        one
        for one in newest_first
        if one.arrival < before and any(move.item == item for move in one.entry.content.moves)
    )
    stored = list(islice(found, limit))
    rows.close()
    return Page(stored, stored[-1].arrival if len(stored) == limit else 0)


def _find(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, Entry]:
    found: dict[bytes, Entry] = {}
    for key in keys:
        (arrival,) = connection.execute("SELECT min(arrival) FROM keys WHERE key = ?", (key,)).fetchone()
        if arrival is not None:
            row = connection.execute(f"{_SELECT} WHERE g.arrival >= ? ORDER BY g.arrival LIMIT 1", (arrival,))
            found[key] = next(one for one in _entries(row) if one.arrival == arrival).entry
    return found
