"""Faults that trials once found, each as a separate test: the journal opens the disk that a failed process left."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from replica.core.base.errors import Unknown
from replica.core.state.batch import Batch
from replica.core.state.replica import Replica
from replica.runtime.journal import sqlite_journal
from replica.runtime.journal.damage import DataRefused
from replica.runtime.journal.sqlite_journal import SqliteJournal, open_journal
from tests.contract.test_journal import INCARNATION, commit, receive, replica_of
from tests.power_loss.disk import Disk
from tests.power_loss.sqlite_files import simulated_files
from tests.power_loss.verdict import read_all


class Luck(Random):
    """Chances by which a disk keeps all unsynced writes, or none."""

    keeps = False

    def random(self) -> float:
        return 0.999

    def choice(self, options: Any) -> Any:
        return options[-1 if self.keeps else 0]


Open = Callable[[Disk], Awaitable[SqliteJournal]]


@pytest.fixture
async def open_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Open]:
    """Open the journal on a disk, after closing the journal that was open before."""
    files = simulated_files()
    monkeypatch.setattr(sqlite_journal, "write_again", files.write_again)
    opened: list[SqliteJournal] = []

    async def open_next(disk: Disk) -> SqliteJournal:
        while opened:
            await close_quietly(opened.pop())
        files.put_in(disk)
        opened.append(await open_journal(tmp_path, "store-1", INCARNATION))
        return opened[-1]

    with files.installed(0):
        yield open_next
        while opened:
            await close_quietly(opened.pop())


async def close_quietly(journal: SqliteJournal) -> None:
    """Close a journal that the test may have closed already."""
    with suppress(ValueError):
        await journal.close()


async def fail_commit(journal: SqliteJournal, disk: Disk, replica: Replica) -> Batch:
    """Commit while the sync of the log fails."""
    disk.fails_sync_of = "-wal"
    batch = replica.take_batch()
    with pytest.raises(Unknown):
        await journal.append(batch)
    return batch


async def test_batch_acknowledged_after_a_failed_sync_and_restart_survives_power_loss(open_on: Open) -> None:
    disk = Disk(Luck())
    journal, replica = await open_on(disk), replica_of()
    await journal.load()
    receive(replica, "before", 1)
    await commit(journal, replica)
    receive(replica, "failed", 1)
    await fail_commit(journal, disk, replica)
    disk = disk.after_crash()
    journal = await open_on(disk)
    replica.restore(await journal.load())
    receive(replica, "after", 1)
    await commit(journal, replica)
    journal = await open_on(disk.after_power_loss())
    await journal.load()
    assert [one.entry.content.key for one in await read_all(journal)] == [b"before", b"failed", b"after"]


async def test_batch_found_after_a_kill_survives_a_later_power_loss(open_on: Open) -> None:
    disk = Disk(Luck())
    journal, replica = await open_on(disk), replica_of()
    await journal.load()
    receive(replica, "killed", 1)
    disk.is_lying = True  # the process is killed between the write and its sync
    await commit(journal, replica)
    disk = disk.after_crash()
    journal = await open_on(disk)
    await journal.load()
    assert list(await journal.find([b"killed"])) == [b"killed"]
    journal = await open_on(disk.after_power_loss())
    await journal.load()
    assert list(await journal.find([b"killed"])) == [b"killed"]


async def test_batch_missing_at_one_opening_does_not_come_back_at_the_next(open_on: Open) -> None:
    luck = Luck()
    disk = Disk(luck)
    journal, replica = await open_on(disk), replica_of()
    await journal.load()
    luck.keeps = True
    receive(replica, "failed", 1)
    await fail_commit(journal, disk, replica)
    await journal.close()
    disk = disk.after_crash()
    journal = await open_on(disk)
    await journal.load()
    assert await read_all(journal) == []
    luck.keeps = False  # else the old log would come back under its name
    journal = await open_on(disk.after_power_loss())
    await journal.load()
    assert await read_all(journal) == []


async def test_journal_is_refused_if_a_failed_sync_prevents_wal_mode(open_on: Open) -> None:
    disk = Disk(Luck())
    disk.fails_sync_of = "-journal"
    with pytest.raises(DataRefused, match="disk I/O error"):
        await open_on(disk)
    assert await mode_of(await open_on(disk.after_crash())) == "wal"


async def test_journal_on_a_file_system_without_wal_mode_is_refused(
    open_on: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated_files().methods, "version", 1)  # version 1 has no shared memory
    with pytest.raises(DataRefused, match="stays in mode 'delete'"):
        await open_on(Disk(Luck()))


async def mode_of(journal: SqliteJournal) -> str:
    (mode,) = await journal.on_writer(lambda c: c.execute("PRAGMA journal_mode").fetchone())
    return str(mode)


async def test_log_that_cannot_be_made_durable_is_refused(open_on: Open) -> None:
    disk = Disk(Luck())
    await open_on(disk)
    disk = disk.after_crash()
    disk.fails_sync_of = "-wal"
    with pytest.raises(DataRefused, match="simulated"):
        await open_on(disk)
