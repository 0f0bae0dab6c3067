"""One trial, several times in a row: write a journal, let its power or its disk fail, open it again and check it.

The journal is the real one on SQLite, and the real core makes the batches; only the disk is simulated. Everything
depends on the seed. A trial knows as much as the driver: a batch is acknowledged if its `append` returned. If `append`
was cut or failed, the batch is in flight until the journal is opened again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from random import Random
from unittest.mock import patch

from structlog.testing import capture_logs

from replica.core.base.errors import Failure, StorageFull, Unknown
from replica.core.log.entry import Entry
from replica.runtime.journal import sqlite_journal
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.sqlite_journal import FILE_NAME, SqliteJournal, open_journal
from simulations.checkpoints import BatchClocks
from simulations.draw import draw_knobs
from simulations.knobs import OF_JOURNAL, turned
from simulations.mutations.mutation import planted
from tests.power_loss.disk import Disk
from tests.power_loss.flaws import SOUND, Flaw
from tests.power_loss.sqlite_files import SimulatedFiles
from tests.power_loss.verdict import (
    Violation,
    check_entries,
    check_file,
    check_image,
    check_keys,
    check_retries,
    read_all,
)
from tests.power_loss.workload import INCARNATION, NODE, Workload

BATCHES_MAX = 10
"""The largest number of batches between two openings."""


class Ending(Enum):
    """The event that ends the time between two openings of the journal."""

    POWER_LOSS = "power loss"
    KILL = "kill"
    FAILED_SYNC = "failed sync"
    FULL_DISK = "full disk"
    CLOSE = "close"


ENDINGS = tuple(Ending)
WEIGHTS = (60, 10, 15, 10, 5)


@dataclass(slots=True)
class Outcome:
    """The result of a trial."""

    seed: int
    violation: str = ""
    events: Counter[str] = field(default_factory=Counter)
    story: list[str] = field(default_factory=list)


class Trial:
    """The trial of one seed. `directory` is real, because the journal locks it; nothing else is written there."""

    def __init__(self, seed: int, files: SimulatedFiles, directory: Path, flaw: Flaw = SOUND) -> None:
        self.outcome = Outcome(seed)
        self._events = self.outcome.events
        self._files = files
        self._directory = directory
        self._flaw = flaw
        self._chance = Random(seed)
        self._disk = Disk(self._chance, self._events)
        self._workload = Workload(self._chance)
        self._acknowledged: list[Entry] = []
        self._in_flight: list[Entry] = []
        self._clocks = BatchClocks()
        self._journal: SqliteJournal | None = None
        self._activity = "opening"
        self._cause = Ending.CLOSE

    async def run(self) -> Outcome:
        """Run to the end, or to the first violation."""
        with (
            turned(draw_knobs(self.outcome.seed, OF_JOURNAL)),
            planted(self._flaw.mutation) if self._flaw.mutation is not None else nullcontext(),
            self._files.installed(self.outcome.seed),
            patch.object(sqlite_journal, "write_again", self._write_again),
            capture_logs() as warnings,
        ):
            try:
                for _ in range(self._chance.randint(2, 4)):
                    await self._live(self._chance.choices(ENDINGS, WEIGHTS)[0])
                    if warnings:
                        raise Violation(f"the journal warned: {warnings}")
                await self._live(Ending.CLOSE)
            except Exception as error:  # report any error with its seed
                self.outcome.violation = str(error) if isinstance(error, Violation) else repr(error)
            finally:
                await self._stop()
        fault, self._files.fault = self._files.fault, None
        if fault is not None:
            self.outcome.violation = f"error in the simulated files themselves: {fault!r}"
        return self.outcome

    async def _live(self, ending: Ending) -> None:
        """Open the journal, check it, write and end; then make the disk that the next opening finds."""
        disk, chance = self._disk, self._chance
        self._files.put_in(disk)
        disk.is_lying = self._flaw.is_disk_lying
        self._note(f"opens; will end by {ending.value}")
        if ending is Ending.FAILED_SYNC and chance.random() < 0.2:
            disk.fails_sync_of = chance.choice(("-wal", "-journal", FILE_NAME))
        if ending in (Ending.POWER_LOSS, Ending.KILL):
            disk.cut_after = chance.randint(1, chance.choice((40, 400, 1_000)))
        try:
            self._activity = "opening"
            journal = self._journal = await open_journal(self._directory, NODE, INCARNATION)
            await self._check(journal)
            await self._write(journal, ending)
            if ending not in (Ending.POWER_LOSS, Ending.KILL):
                await self._close(journal, ending)
        except (Failure, sqlite3.Error) as error:
            if disk.cut is None and not (disk.syncs_failed and isinstance(error, Unknown | DataRefused)):
                raise Violation(f"{type(error).__name__}: {error}") from error
            self._note(f"{type(error).__name__}: {str(error).replace(str(self._directory), '')}")
            if disk.cut is None and self._journal is not None and chance.random() < 0.5:
                await self._close(self._journal, ending)
        self._note_cut(disk)
        await self._stop()
        is_power_lost = ending is Ending.POWER_LOSS or (ending is not Ending.KILL and chance.random() < 0.3)
        self._cause = ending
        self._note("the power fails" if is_power_lost else "the process ends")
        self._disk = disk.after_power_loss() if is_power_lost else disk.after_crash()

    async def _check(self, journal: SqliteJournal) -> bool:
        """Check the journal; return whether it has the batch in flight."""
        image = await journal.load()
        stored = await read_all(journal)
        is_stored = check_entries(stored, self._acknowledged, self._in_flight)
        check_image(image, stored, self._clocks.after([one.entry for one in stored]))
        await check_keys(journal, stored, self._workload.tried)
        check_file(self._directory / FILE_NAME)
        self._note(f"has {len(stored)} entries; {len(self._in_flight)} were in flight")
        if self._in_flight:
            self._events[f"{self._cause.value}: batch in flight {'survived' if is_stored else 'vanished'}"] += 1
        if is_stored:
            self._acknowledged += self._in_flight
        self._workload.restart(image, [] if is_stored else self._in_flight)
        self._in_flight = []
        return is_stored

    async def _write(self, journal: SqliteJournal, ending: Ending) -> None:
        """Append batches. Some runs copy the log often, in a commit or between commits; some run beside a backup."""
        chance = self._chance
        pages = chance.choice((2, 10, 40, 1_000))
        copies = patch.object(sqlite_journal, "COPY_COMMITS", chance.choice((1, 3, 1_000)))
        await journal.on_writer(lambda c: c.execute(f"PRAGMA wal_autocheckpoint = {pages}").fetchall())
        await journal.on_writer(lambda c: c.execute(f"PRAGMA synchronous = {self._flaw.synchronous}").fetchall())
        backup = begin_backup(self._directory / FILE_NAME) if chance.random() < 0.15 else None
        count = chance.randint(1, BATCHES_MAX)
        faulty = chance.randrange(count)
        try:
            with copies:
                for number in range(count):
                    if number == faulty:
                        self._set_fault(ending)
                    await self._append(journal)
        finally:
            if backup is not None:
                backup.close()

    def _set_fault(self, ending: Ending) -> None:
        """Set the fault of the disk that this ending requires."""
        if ending is Ending.FAILED_SYNC:
            self._disk.fails_sync_of = self._chance.choice(("-wal", FILE_NAME))
        elif ending is Ending.FULL_DISK:
            self._disk.space_bytes = self._chance.randrange(60_000)

    async def _append(self, journal: SqliteJournal) -> None:
        batch = self._workload.next_batch()
        self._in_flight = list(batch.entries)
        self._clocks.note(batch)
        self._activity = "commit"
        try:
            await self._flaw.append(journal, batch)
            await _copied(journal)
        except StorageFull:
            await _copied(journal)
            if self._disk.space_bytes is None:
                raise
            await self._recover(journal)
            return
        if self._disk.cut is not None:
            raise Unknown("the power failed before the driver could answer")
        self._acknowledged += self._in_flight
        await check_retries(journal, self._in_flight)
        self._in_flight = []

    async def _recover(self, journal: SqliteJournal) -> None:
        """Continue after a full disk. The journal must not have the batch. Sometimes there is space again."""
        self._cause = Ending.FULL_DISK
        if await self._check(journal):
            raise Violation("the disk was full, but the journal has the batch")
        if self._chance.random() < 0.5:
            self._disk.space_bytes = None

    async def _close(self, journal: SqliteJournal, ending: Ending) -> None:
        """Close the journal, sometimes with a power loss in the middle."""
        self._activity = "closing"
        if ending is Ending.CLOSE and self._chance.random() < 0.5:
            self._disk.cut_after = self._disk.operations + self._chance.randint(1, 20)
        self._journal = None
        await journal.close()

    async def _stop(self) -> None:
        """End the process. Its later writes do not reach the disk."""
        self._disk.switch_off()
        journal, self._journal = self._journal, None
        if journal is not None:
            await journal.close()

    def _write_again(self, path: Path) -> None:
        """Replace the first step of the journal, which does not use SQLite."""
        self._activity = "making the log durable"
        if not self._flaw.is_log_left:
            self._files.write_again(path)
        self._activity = "opening"

    def _note_cut(self, disk: Disk) -> None:
        if disk.cut is None:
            return
        name = Path(disk.cut.name).name
        match self._activity:
            case "opening" if name.endswith("-wal"):
                step = "migration"
            case "commit" | "closing" if name == FILE_NAME:
                step = "checkpoint"
            case step:
                pass
        self._events[f"cut in {step}"] += 1
        self._note(f"cut in {step}, {disk.cut.operation} of {name}")

    def _note(self, text: str) -> None:
        self.outcome.story.append(f"operation {self._disk.operations}: {text}")


async def _copied(journal: SqliteJournal) -> None:
    """Wait for the copy of the log that runs between commits, because a trial has one order of operations."""
    if journal.log_copy is not None:
        await asyncio.wait([journal.log_copy])


def begin_backup(path: Path) -> sqlite3.Connection:
    """Begin to read as a backup does. As long as the reader is open, SQLite cannot restart the log."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN")
    connection.execute("SELECT count(*) FROM sqlite_master").fetchall()
    return connection
