"""Data that cannot be used: how it shows, and what is said of it."""

from __future__ import annotations

import os
import sqlite3
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
"""What reading and folding raises where rows are not as they were written."""

ROOM_BYTES_MIN = 1 << 20
"""Room below which a disk is called full. SQLite asks for some to open a file, and says no more than "I/O error"."""


class DataRefused(Failure):
    """The data directory cannot be used by this process; the message says why and what to do."""


def check_log(file: Path, log: Path) -> None:
    """Raise DataRefused where SQLite would throw the log away: it takes an empty file for a new one.

    No power cut leaves this behind: a file has its first page for good before it has a log.
    """
    if log.exists() and log.stat().st_size and not (file.exists() and file.stat().st_size):
        raise DataRefused(
            f"{file} is empty, and {log.name} is not: give it the file it belongs to, or restore a backup"
        )


def check_room(directory: Path, error: BaseException) -> None:
    """Raise DataRefused where a failure is likely to be no more than a disk that is full."""
    if not isinstance(error, sqlite3.OperationalError | OSError):
        return
    disk = os.statvfs(directory)
    if disk.f_bavail * disk.f_frsize < ROOM_BYTES_MIN:
        raise DataRefused(f"there is next to no room in {directory}: make some ({error})") from error
