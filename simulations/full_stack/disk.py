"""A disk with real files: the SQLite journal of one machine, and its state after a crash.

Each life of the process has its own directory. If the process is killed, the next life gets a copy of the files at that
moment. A killed process closes no file, and within one process only a copy can show that. Then the old files are closed
and deleted.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

from replica.core.log.entry import Entry
from replica.core.state.batch import Batch
from replica.runtime.journal.reading import read
from replica.runtime.journal.sqlite_journal import FILE_NAME, SqliteJournal
from replica.runtime.journal.verification import verify_file
from replica.runtime.node import Node
from replica.runtime.ports import Stored
from simulations.checkers.checker import Violation
from simulations.checkpoints import BatchClocks, CheckpointDiffers, check_replica
from simulations.full_stack.worker import Worker
from simulations.journal import SimulatedDisk

WAL_NAME = f"{FILE_NAME}-wal"

ENTRIES_MAX = 1 << 20
"""More entries than any run has."""

PAGES_MAX = 0xFFFFFFFE
"""SQLite's maximum: no limit."""


class StackDisk(SimulatedDisk):
    """The directory of a node. The durable entries are read back from its file."""

    def __init__(self, root: Path, random: Random) -> None:
        super().__init__()
        self.workers: list[Worker] = []
        self.torn = 0
        """Commits that a crash cut off."""
        self._root = root
        self._random = random
        self._lives = 0
        self._of_hash: dict[str, Entry] = {}
        self._is_served = False
        self._has_news = False
        """Whether a commit was tried since the last look."""
        self._clocks = BatchClocks()

    @property
    def path(self) -> Path:
        """The directory of the present life."""
        return self._root / str(self._lives)

    def under_hash(self, digest: str) -> Entry | None:
        """The durable entry with this hash."""
        self.refresh()
        return self._of_hash.get(digest)

    def reopen(self) -> None:
        """Note that a node opened the files. Raises Violation if entries are missing that were durable before."""
        self._is_served = True
        found = self._read_after(0)
        kept = [one.entry.hash for one in self.stored]
        if [one.entry.hash for one in found[: len(kept)]] != kept:
            raise Violation(
                "DurabilityChecker", 2, f"{self._root.name}: {len(kept)} entries were durable, now {len(found)} are"
            )
        self._note(found[len(kept) :])

    def refresh(self) -> None:
        """Read the entries that became durable since the last look."""
        if self._is_served and self._has_news:
            self._has_news = False
            self._note(self._read_after(len(self.stored)))

    def stop(self, *, finishes: bool) -> None:
        """The process or the power is gone: copy the files for the next life.

        If `finishes`, the commit in progress is complete in the copy. Otherwise it is cut off somewhere.
        """
        self.refresh()
        self._is_served = False
        before = self._wal_bytes()
        # The cut part was never copied out of the log: the writer is the last, and copies nothing after its commit.
        for worker in reversed(self.workers):
            if worker is self.workers[0] and worker.connection is not None:
                with suppress(sqlite3.ProgrammingError):  # a clean stop closed it
                    worker.connection.execute("PRAGMA wal_autocheckpoint = 0")
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

    def check_opened(self, node: Node) -> None:
        """Check what a node has just loaded from the files. Raises CheckpointDiffers."""
        found = [str(one) for one in verify_file(self.path / FILE_NAME).differences]
        entries = [one.entry for one in self.stored]
        clock = self._clocks.after(entries)
        assert isinstance(node.journal, SqliteJournal)
        keys = list(dict.fromkeys(entry.content.key for entry in entries if entry.content.key))
        if node.journal._keys.likely(keys) != keys:
            found.append("the filter lacks a key")
        if found:
            raise CheckpointDiffers("; ".join(found))
        check_replica(node.replica, entries, clock)

    def expect(self, batch: Batch) -> None:
        """Note a batch that a commit may make durable."""
        self._clocks.note(batch)

    def carry_out(self, commit: Callable[[], Any]) -> Any:
        """Do a commit. The disk may be full, or the commit may fail."""
        self._has_news = True
        connection = self.workers[0].connection
        assert connection is not None
        pages = PAGES_MAX if self.room_bytes is None else 1
        connection.execute(
            f"PRAGMA max_page_count = {pages}"
        )  # SQLite keeps at least the present pages, so this permits no new page
        fails, self.fails_next_commit = self.fails_next_commit, None
        if fails is None:
            return commit()
        if fails:
            commit()
        failure = sqlite3.OperationalError("disk I/O error")
        failure.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise failure

    def _note(self, fresh: list[Stored]) -> None:
        self.keep([one.entry for one in fresh], 0)  # the file contains the clock
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
    """Release the lock of a dead process, unless it released the lock itself and its descriptor is another file now."""
    try:
        if os.readlink(f"/proc/self/fd/{journal._lock}").removesuffix(" (deleted)") == str(journal.directory):
            os.close(journal._lock)
    except OSError:
        pass
