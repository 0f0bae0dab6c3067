"""The journal in one SQLite file: WAL, synchronous=FULL, one connection that writes, one that looks up keys, one that
reads pages, so that a long page holds up neither.

A batch is one transaction and one trip into the writer's thread. The data directory is locked for this process
(flock), so two nodes cannot run on one file, while a backup may still read it. SQLITE_FULL rolls the whole
transaction back and is definite; any other failure of a commit is indefinite, and the process has to end.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import structlog

from replica.core.documents import Documents, Register
from replica.core.entry import DOCUMENT, Entry, Head, Stream, genesis, unpack_body
from replica.core.errors import Failure, StorageFull, Unknown
from replica.core.ledger import Ledger
from replica.core.replica import Batch, Image
from replica.runtime.ports import Page, Stored

T = TypeVar("T")

log = structlog.get_logger(__name__)

FILE_NAME = "journal.sqlite"

_ROWS_PER_STATEMENT = (256, 64, 16, 4, 1)
"""Rows in one INSERT: SQLite takes many rows in one statement faster than many statements, and few statement texts
stay prepared."""

_KEYS_PER_STATEMENT = 256

_STREAMS_READ_SINGLY = 16


class DataRefused(Failure):
    """The data directory cannot be used by this process; the message says why and what to do."""


class _Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function in its thread: one trip per batch, not one per statement."""

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        result: T = await self._execute(work, self._conn, *arguments)  # type: ignore[no-untyped-call]
        return result


def _connect(path: Path) -> _Connection:
    return _Connection(lambda: sqlite3.connect(path, isolation_level=None, cached_statements=256), 64)


class SqliteJournal:
    """The journal port on a SQLite file. Open it with `open_journal`."""

    def __init__(
        self, directory: Path, lock: int, writer: _Connection, finder: _Connection, reader: _Connection
    ) -> None:
        self.directory = directory
        self.incarnation = ""
        self._lock = lock
        self._writer = writer
        self._finder = finder
        self._reader = reader
        self._arrival = 0
        self._streams: dict[Stream, int] = {}
        self._items: dict[str, int] = {}
        self._lanes: dict[tuple[str, str, str, str], int] = {}

    async def load(self) -> Image:
        return await self._writer.run(self._load)

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
        return await self._finder.run(_find, keys)

    async def read(self, after: int, limit: int) -> Page:
        return await self._reader.run(_read, after, limit)

    async def missing(self, held: Mapping[Stream, int], limit: int) -> list[Stored]:
        numbers = [(self._streams[stream], after) for stream, after in held.items() if stream in self._streams]
        return await self._reader.run(_missing, numbers, limit)

    async def moves_of(self, location: str, item: str, before: int, limit: int) -> Page:
        return await self._reader.run(_moves_of, location, item, before, limit)

    async def close(self) -> None:
        for connection in (self._reader, self._finder, self._writer):
            await connection.close()
        os.close(self._lock)

    def _load(self, connection: sqlite3.Connection) -> Image:
        rows = connection.execute("SELECT id, writer, scope, sequence, hash FROM streams").fetchall()
        heads = [(Stream(writer, scope), Head(sequence, end)) for _, writer, scope, sequence, end in rows]
        self._streams = {Stream(writer, scope): stream for stream, writer, scope, _, _ in rows}
        self._items = dict(connection.execute("SELECT name, id FROM items"))
        lanes = connection.execute("SELECT id, scope, writer, source, target FROM lanes").fetchall()
        self._lanes = {tuple(name): lane for lane, *name in lanes}
        (self._arrival,) = connection.execute("SELECT coalesce(max(arrival), 0) FROM entries").fetchone()
        _check_heads(connection)
        if not self._is_checkpoint_whole(connection):
            log.warning("checkpoint does not match the journal, folding it anew", entries=self._arrival)
            self._refold(connection)
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
        newest, own = self._read_stamps(connection)
        return Image(heads, cells, documents, newest, own, self._arrival)

    def _read_stamps(self, connection: sqlite3.Connection) -> tuple[dict[str, int], int]:
        """The newest stamp of each scope, and the newest of this incarnation's own."""
        newest: dict[str, int] = {}
        own = 0
        for writer, scope, body in connection.execute(
            "SELECT s.writer, s.scope, e.body FROM streams s JOIN entries e ON e.stream = s.id"
            " AND e.sequence = s.sequence"
        ):
            stamp = unpack_body(body).clock
            newest[scope] = max(stamp, newest.get(scope, 0))
            if writer.endswith(f"#{self.incarnation}"):
                own = max(own, stamp)
        return newest, own

    def _is_checkpoint_whole(self, connection: sqlite3.Connection) -> bool:
        arrival, units = connection.execute("SELECT arrival, units FROM checkpoint").fetchone()
        (total,) = connection.execute("SELECT coalesce(sum(total), 0) FROM cells").fetchone()
        return bool(arrival == self._arrival and units == total)

    def _refold(self, connection: sqlite3.Connection) -> None:
        ledger, documents, units = Ledger(), Documents(), 0
        for stored in _all_entries(connection):
            stream, content = stored.entry.stream, stored.entry.content
            ledger.apply(stream.scope, stream.writer, content.moves)
            units += sum(move.quantity for move in content.moves)
            if content.kind == DOCUMENT:
                documents.apply(content.facts, content.clock, stream.writer)
        batch = Batch([], ledger.take_changes(), documents.take_changes())
        with _transaction(connection):
            connection.execute("DELETE FROM cells")
            connection.execute("DELETE FROM documents")
            self._write_checkpoint(connection, batch)
            connection.execute("UPDATE checkpoint SET arrival = ?, units = ?", (self._arrival, units))

    def _append(self, connection: sqlite3.Connection, batch: Batch) -> int:
        arrival = self._arrival
        rows: list[object] = []
        heads: dict[Stream, Entry] = {}
        units = 0
        with _transaction(connection):
            for entry in batch.entries:
                arrival += 1
                stream, content = entry.stream, entry.content
                number = self._streams.get(stream) or self._add_stream(connection, stream)
                rows += (arrival, number, entry.sequence, entry.hash, content.key or None, entry.body)
                heads[stream] = entry
                for move in content.moves:
                    units += move.quantity
            _insert(connection, "INSERT INTO entries VALUES", "", 6, rows)
            connection.executemany(
                "UPDATE streams SET sequence = ?, hash = ? WHERE id = ?",
                [(entry.sequence, entry.hash, self._streams[stream]) for stream, entry in heads.items()],
            )
            self._write_checkpoint(connection, batch)
            connection.execute("UPDATE checkpoint SET arrival = ?, units = units + ?", (arrival, units))
        self._arrival = arrival
        return arrival

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
        connection.executemany(
            "REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [(d.kind, d.key, d.rank, d.at, d.version, d.clock, d.writer, d.value) for d in batch.documents],
        )

    def _add_stream(self, connection: sqlite3.Connection, stream: Stream) -> int:
        number = self._streams[stream] = len(self._streams) + 1
        connection.execute("INSERT INTO streams VALUES (?, ?, ?, 0, x'')", (number, *stream))
        return number

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
    directory.mkdir(parents=True, exist_ok=True)
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        raise DataRefused(f"{directory} is in use by another process") from None
    connections: list[_Connection] = []
    try:
        for setup in (_prepare, _prepare_reader, _prepare_reader):
            connection = _connect(directory / FILE_NAME)
            await connection
            connections.append(connection)
            await connection.run(setup)
        writer, finder, reader = connections
        journal = SqliteJournal(directory, lock, writer, finder, reader)
        journal.incarnation = await writer.run(_claim, node, incarnation)
    except BaseException as error:
        for connection in connections:
            await connection.close()
        os.close(lock)
        if isinstance(error, sqlite3.DatabaseError):
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
    connection.execute("PRAGMA journal_mode = WAL")
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


def _check_heads(connection: sqlite3.Connection) -> None:
    broken = connection.execute(
        "SELECT s.writer, s.scope FROM streams s"
        " LEFT JOIN entries e ON e.stream = s.id AND e.sequence = s.sequence WHERE e.hash IS NOT s.hash"
    ).fetchall()
    if broken:
        raise DataRefused(f"streams whose head is not their last entry: {broken}; restore from a backup")


def _insert(connection: sqlite3.Connection, head: str, tail: str, width: int, values: list[Any]) -> None:
    """Insert rows given as one flat list, many per statement."""
    place, rows = 0, len(values) // width
    group = f"({','.join('?' * width)})"
    for size in _ROWS_PER_STATEMENT:
        while rows >= size:
            connection.execute(f"{head} {','.join([group] * size)} {tail}", values[place : place + size * width])
            place += size * width
            rows -= size


_SELECT = (
    "SELECT e.arrival, s.writer, s.scope, e.sequence, e.hash, e.body, p.hash FROM entries e"
    " JOIN streams s ON s.id = e.stream"
    " LEFT JOIN entries p ON p.stream = e.stream AND p.sequence = e.sequence - 1"
)


def _stored(row: tuple[Any, ...]) -> Stored:
    arrival, writer, scope, sequence, end, body, previous = row
    stream = Stream(writer, scope)
    return Stored(arrival, Entry(stream, sequence, end, body, unpack_body(body)), previous or genesis(stream))


def _all_entries(connection: sqlite3.Connection) -> Iterator[Stored]:
    return map(_stored, connection.execute(f"{_SELECT} ORDER BY e.arrival"))


def _read(connection: sqlite3.Connection, after: int, limit: int) -> Page:
    rows = connection.execute(f"{_SELECT} WHERE e.arrival > ? ORDER BY e.arrival LIMIT ?", (after, limit))
    stored = [_stored(row) for row in rows]
    return Page(stored, stored[-1].arrival if stored else after)


def _missing(connection: sqlite3.Connection, held: Sequence[tuple[int, int]], limit: int) -> list[Stored]:
    """Few streams are read one by one along their index; many are read together, in arrival order."""
    if len(held) <= _STREAMS_READ_SINGLY:
        stored = [
            _stored(row)
            for stream, after in held
            for row in connection.execute(
                f"{_SELECT} WHERE e.stream = ? AND e.sequence > ? ORDER BY e.sequence LIMIT ?", (stream, after, limit)
            )
        ]
        stored.sort(key=lambda one: one.arrival)
        return stored[:limit]
    wanted = dict(held)
    firsts = (
        connection.execute("SELECT arrival FROM entries WHERE stream = ? AND sequence = ?", (stream, after + 1))
        for stream, after in held
    )
    first = min((row[0] for rows in firsts for row in rows), default=None)
    if first is None:
        return []
    rows = connection.execute(
        "SELECT e.arrival, e.stream, e.sequence FROM entries e WHERE e.arrival >= ? ORDER BY e.arrival", (first,)
    )
    arrivals = (arrival for arrival, stream, sequence in rows if sequence > wanted.get(stream, sequence))
    return [
        _stored(connection.execute(f"{_SELECT} WHERE e.arrival = ?", (arrival,)).fetchone())
        for arrival in islice(arrivals, limit)
    ]


def _moves_of(connection: sqlite3.Connection, location: str, item: str, before: int, limit: int) -> Page:
    """Find an item's entries by looking for its name in the bodies: slower than an index, but sales pay nothing."""
    rows = connection.execute(
        f"{_SELECT} WHERE e.arrival < ? AND s.scope = ? AND instr(e.body, ?) ORDER BY e.arrival DESC",
        (before, location, item.encode()),
    )
    found = (stored for stored in map(_stored, rows) if any(m.item == item for m in stored.entry.content.moves))
    stored = list(islice(found, limit))
    rows.close()
    return Page(stored, stored[-1].arrival if len(stored) == limit else 0)


def _find(connection: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, Entry]:
    found: dict[bytes, Entry] = {}
    for start in range(0, len(keys), _KEYS_PER_STATEMENT):
        some = keys[start : start + _KEYS_PER_STATEMENT]
        marks = ",".join("?" * (1 << (len(some) - 1).bit_length()))  # few statement texts, so they stay prepared
        padded = [*some, *[None] * (marks.count("?") - len(some))]
        for (arrival,) in connection.execute(
            f"SELECT min(arrival) FROM entries WHERE key IN ({marks}) GROUP BY key", padded
        ).fetchall():
            entry = _stored(connection.execute(f"{_SELECT} WHERE e.arrival = ?", (arrival,)).fetchone()).entry
            found[entry.content.key] = entry
    return found
