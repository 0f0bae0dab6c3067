"""Unusable data: how it is detected, and which error says so."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec

from replica.core.base.errors import Failure

DAMAGE = (
    sqlite3.DatabaseError,
    msgspec.MsgspecError,
    ArithmeticError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
"""The errors that reading and folding damaged rows can raise."""

ROOM_BYTES_MIN = 1 << 20
"""Free bytes below which a disk counts as full. SQLite needs some to open a file, and only reports an I/O error."""


class DataRefused(Failure):
    """The data directory cannot be used by this process; the message says why and what to do."""


def check_log(file: Path, log: Path) -> None:
    """Raise DataRefused if the file is empty and the log is not. SQLite would take the file for new and drop the log.

    Power loss cannot cause this, because the first page of a file is durable before the file has a log.
    """
    if log.exists() and log.stat().st_size and not (file.exists() and file.stat().st_size):
        raise DataRefused(f"{file} is empty, and {log.name} is not: put the file of this log back, or restore a backup")


def check_room(directory: Path, error: BaseException) -> None:
    """Raise DataRefused if the likely cause of a failure is only a full disk."""
    if not isinstance(error, sqlite3.OperationalError | OSError):
        return
    disk = os.statvfs(directory)
    if disk.f_bavail * disk.f_frsize < ROOM_BYTES_MIN:
        raise DataRefused(f"there is next to no room in {directory}: free some space ({error})") from error


def check_schema(connection: sqlite3.Connection, scripts: Sequence[str], version: int) -> None:
    """Raise DataRefused if a file lacks a table of its schema version, or has another form of it.

    A script that ran once is never edited. Before the first release some were, and such a file may still be there.
    """
    with sqlite3.connect(":memory:", isolation_level=None) as fresh:
        for script in scripts[:version]:
            fresh.executescript(script)
        missing = sorted(_parts_of(fresh) - _parts_of(connection))
    fresh.close()
    if missing:
        raise DataRefused(
            f"a development version of this program made the data: its schema {version} has another form of "
            f"{missing[0][0]!r} than the released one. Run the version that made it, or start with an empty directory: "
            "a store then gets its entries from its hub"
        )


def _parts_of(connection: sqlite3.Connection) -> set[tuple[str, str]]:
    """The name and the statement of each table and index, without comments and blanks."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {(name, re.sub(r"--[^\n]*|\s+", "", sql)) for name, sql in rows}
