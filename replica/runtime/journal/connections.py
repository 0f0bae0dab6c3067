"""The connections to the SQLite file: how each is opened and prepared, and what a transaction is.

Only the writer's connection changes rows. So it is prepared first: that sets the file up for durability, and updates
its schema.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from replica.runtime.journal import batch_row, receipt_index, search_index
from replica.runtime.journal.damage import DataRefused, check_schema
from replica.runtime.journal.statements import BATCH, STATEMENTS, schema_scripts

T = TypeVar("T")

LOG_PAGES_MAX = 16_384
"""Pages in the log, 64 MB, at which a commit itself copies the rest. SQLite restarts the log only when all of it is
copied, and under constant load a copy beside the commits never completes. If a long reader made the log longer, SQLite
cuts it back to this size when it restarts it."""

PAGE_BYTES = 4_096
"""SQLite's default. No schema here changes it."""


class Connection(aiosqlite.Connection):
    """An aiosqlite connection that runs a whole function in its thread: one call per batch, not one per statement."""

    async def run(self, work: Callable[..., T], *arguments: Any) -> T:
        result: T = await self._execute(work, self._conn, *arguments)  # type: ignore[no-untyped-call]
        return result


def connect(path: Path) -> Connection:
    """A connection to the file. Await it to open it."""
    return Connection(lambda: sqlite3.connect(path, isolation_level=None), 64)


class transaction:
    """BEGIN IMMEDIATE … COMMIT. If anything in it fails, all of it is rolled back."""

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


def prepare_writer(connection: sqlite3.Connection) -> None:
    """Set the file up for durability, and update its schema."""
    if sqlite3.sqlite_version_info < batch_row.SQLITE_MIN:
        needed = ".".join(map(str, batch_row.SQLITE_MIN))
        raise DataRefused(f"this Python has SQLite {sqlite3.sqlite_version}, at least {needed} is needed")
    search_index.check_support(connection)
    # Read all rows, otherwise a failure goes unnoticed, and SQLite stays in a mode that loses commits at power loss.
    ((mode,),) = connection.execute("PRAGMA journal_mode = WAL").fetchall()
    if mode != "wal":
        raise DataRefused(f"SQLite stays in mode {mode!r} here and may lose sales: give a local disk as --data")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA cache_size = -16384")
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES_MAX}").fetchall()
    connection.execute(f"PRAGMA journal_size_limit = {LOG_PAGES_MAX * PAGE_BYTES}").fetchall()
    scripts = schema_scripts()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(scripts):
        raise DataRefused(f"the data has schema {version}, this program knows {len(scripts)}: run a newer one")
    check_schema(connection, scripts, version)
    for number, script in enumerate(scripts[version:], version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}")
        if number == receipt_index.SCHEMA:
            receipt_index.fill(connection)
        # A new schema may keep what no row of the file has yet: `_load` computes all of it from the entries.
        connection.execute(STATEMENTS["clear_cells"])
        connection.execute(STATEMENTS["doubt_units"])
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    connection.executescript(BATCH)
    connection.execute(STATEMENTS["make_notes"])


def prepare_reader(connection: sqlite3.Connection) -> None:
    """Let a connection only read."""
    connection.execute("PRAGMA query_only = ON")


def prepare_checkpoint(connection: sqlite3.Connection) -> None:
    """Let a connection copy the log into the file durably."""
    connection.execute("PRAGMA synchronous = FULL")


def copy_log(connection: sqlite3.Connection) -> None:
    """Copy the log into the file without waiting for readers. After a failure the next copy includes the rest."""
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def claim(connection: sqlite3.Connection, node: str, incarnation: str) -> str:
    """Let a new file belong to a node; return the incarnation of the file. Raises DataRefused: it is another node's."""
    row = connection.execute(STATEMENTS["node"]).fetchone()
    if row is None and connection.execute(STATEMENTS["any_stream"]).fetchone() is None:
        connection.execute(STATEMENTS["claim"], (node, incarnation))
        return incarnation
    owner, standing = row or (None, None)
    if owner is None or standing is None:
        raise DataRefused("the data does not name its node any more: restore a backup")
    if owner != node:
        raise DataRefused(f"the data belongs to node {owner!r}, not to {node!r}: give its name or another --data")
    return str(standing)
