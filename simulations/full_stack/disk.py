"""A disk with real files: the SQLite journal of one machine, and what a crash leaves of it.

Each life of the process has a directory of its own. When it is killed, the next finds a copy of the files as they were
at that moment: a killed process closes nothing, and a copy is the only way to see that within one process. The old
files are closed after that, and nobody looks at them again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from replica.core.log.entry import Entry
from replica.runtime.journal.reading import read
from replica.runtime.journal.sqlite_journal import FILE_NAME, SqliteJournal
from replica.runtime.ports import Stored
from simulations.checkers.checker import Violation
from simulations.full_stack.worker import Worker
from simulations.journal import SimulatedDisk

WAL_NAME = f"{FILE_NAME}-wal"

ENTRIES_MAX = 1 << 20
"""All there are."""

PAGES_MAX = 0xFFFFFFFE
"""SQLite's own bound, which is none."""


class StackDisk(SimulatedDisk):
    """A directory that a node works in. What it holds durably is read back from its file."""

    def __init__(self, root: Path, random: Random) -> None:
        super().__init__()
        self.workers: list[Worker] = []
        self.torn = 0
        """Commits that a crash left half-written."""
        self._root = root
        self._random = random
        self._lives = 0
        self._of_hash: dict[str, Entry] = {}
        self._is_served = False

    @property
    def path(self) -> Path:
        """Where the present life works."""
        return self._root / str(self._lives)

    def under_hash(self, digest: str) -> Entry | None:
        """The durable entry with this hash."""
        self.refresh()
        return self._of_hash.get(digest)

    def reopen(self) -> None:
        """A node has opened the files. Raises Violation when it does not find what was durable before."""
        self._is_served = True
        found = self._read_after(0)
        kept = [one.entry.hash for one in self.stored]
        if [one.entry.hash for one in found[: len(kept)]] != kept:
            raise Violation(
                "DurabilityChecker", 2, f"{self._root.name}: {len(kept)} entries were durable, now {len(found)} are"
            )
        self._note(found[len(kept) :])

    def refresh(self) -> None:
        """Read what became durable since the last look."""
        if self._is_served:
            self._note(self._read_after(len(self.stored)))

    def stop(self, *, finishes: bool) -> None:
        """The process or the power is gone: leave the files as they are now to the next life.

        A commit that was under way is there as a whole when it `finishes`, and cut off somewhere when not.
        """
        self.refresh()
        self._is_served = False
        before = self._wal_bytes()
        for worker in reversed(self.workers):  # the writer last: what is cut off was never copied out of the log
            worker.finish_what_was_begun()
        grown = self._wal_bytes() - before
        left, self._lives = self.path, self._lives + 1
        if left.exists():
            shutil.copytree(left, self.path)
            if grown > 0 and not finishes:
                os.truncate(self.path / WAL_NAME, before + self._random.randrange(grown))
                self.torn += 1
        for worker in self.workers:
            if worker.connection is not None:
                worker.connection.close()
        self.workers = []
        shutil.rmtree(left, ignore_errors=True)

    def carry_out(self, commit: Callable[[], Any]) -> Any:
        """Do a commit on this disk as it is: it may have no room, or fail."""
        connection = self.workers[0].connection
        assert connection is not None
        pages = PAGES_MAX if self.room_bytes is None else 1
        connection.execute(f"PRAGMA max_page_count = {pages}")  # never less than there are: then none can be added
        fails, self.fails_next_commit = self.fails_next_commit, None
        if fails is None:
            return commit()
        if fails:
            commit()
        failure = sqlite3.OperationalError("disk I/O error")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise failure

    def _note(self, fresh: list[Stored]) -> None:
        self.keep([one.entry for one in fresh], 0)  # where the clock stands is in the file
        for one in fresh:
            self._of_hash[one.entry.hash.hex()] = one.entry

    def _read_after(self, after: int) -> list[Stored]:
        connection = sqlite3.connect(self.path / FILE_NAME)
        try:
            return read(connection, after, ENTRIES_MAX).stored
        finally:
            connection.close()

    def _wal_bytes(self) -> int:
        wal = self.path / WAL_NAME
        return wal.stat().st_size if wal.exists() else 0


def unlock(journal: SqliteJournal) -> None:
    """Let go of a dead process's lock, unless it had done so itself: the number may mean another file by now."""
    try:
        if os.readlink(f"/proc/self/fd/{journal._lock}").removesuffix(" (deleted)") == str(journal.directory):
            os.close(journal._lock)
    except OSError:
        pass
