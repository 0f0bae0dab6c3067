"""The process ends, or the power fails, at every write and every sync of a journal, and every request counts once.

One script makes each kind of write once. The bounds of the journal are so small that the script also copies the log,
fills the key filter anew, and splits batches into several rows and segments. The script runs once for every operation
on the disk, and the disk fails during that operation. Then the journal is opened again, and everybody repeats all
requests under the same keys.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from unittest.mock import patch

import pytest

from replica.core.base.errors import Failure
from replica.core.catalog.documents import pack_value
from replica.core.log.entry import Entry, Stream, genesis
from replica.core.log.entry_run import ReceivedRun
from replica.core.orders.requests import OrderEvent, PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import Count, CountLine, GoodsLine, GoodsReceipt, Return, Sale, SkuLine
from replica.runtime.journal import sqlite_journal
from replica.runtime.journal.sqlite_journal import FILE_NAME, SqliteJournal, open_journal
from simulations.checkpoints import BatchClocks
from simulations.knobs import turned
from simulations.plan import Setting
from tests.power_loss.disk import Disk
from tests.power_loss.inline import run_inline
from tests.power_loss.sqlite_files import simulated_files
from tests.power_loss.verdict import check_entries, check_file, check_image, check_keys, read_all
from tests.power_loss.workload import INCARNATION, NODE, PEER, WRITER

NOW_MS = 1_750_000_000_000

SMALL = [
    Setting("filter-keys", 4),
    Setting("log-copies", 3),
    Setting("log-pages", 8),
    Setting("row-bytes", 1),
    Setting("segment-entries", 2),
    Setting("keys-per-fetch", 2),
]

Write = Command | DocumentWrite | list[Entry]
"""A request of this node, or the entries that a peer sends."""


def sale(key: str, quantity: int = 1) -> Command:
    return Command(NODE, Sale(lines=(SkuLine(quantity, "cola"),)), key.encode())


def entries_of_peer() -> list[Entry]:
    """Three goods receipts of a hub."""
    peer = Replica(PEER, (NODE,), open_catalog=True)
    for number in range(3):
        receipt = GoodsReceipt((GoodsLine(10, item="cola"),))
        decisions.execute(peer, Command(NODE, receipt, b"peer-%d" % number), NOW_MS)
    return list(peer.take_batch().entries)


SCRIPT: Sequence[Sequence[Write]] = (
    [Command(NODE, GoodsReceipt((GoodsLine(100, item="cola"),)), b"receipt")],
    [sale(f"many-{number}") for number in range(7)],
    [entries_of_peer(), sale("beside a merge")],
    [DocumentWrite("sku", "six", pack_value({"recipe": {"cola": 6}}), b"document")],
    [Command("", Placement(order="o-1", lines=(PlacedLine(2, "cola"),), paid=True), b"order")],
    [Command("", OrderEvent(order="o-1", event="collect"), b"collect"), sale("beside an order")],
    [Command(NODE, Count((CountLine("cola", 110),)), b"count")],
    [Command(NODE, Return((SkuLine(1, "cola"),), original="r-1"), b"return")],
    [sale(f"more-{number}", 2) for number in range(9)],
)
"""Each kind of write, one line for each commit."""


KEYS = [
    key
    for writes in SCRIPT
    for write in writes
    for key in ([one.content.key for one in write] if isinstance(write, list) else [write.key])
]
"""The keys of all requests of the script."""


class Luck(Random):
    """Chances by which a disk loses every unsynced write at a power loss."""

    def random(self) -> float:
        return 0.999

    def choice(self, options: Sequence[object]) -> object:  # type: ignore[override]
        return options[0]


class Day:
    """The script on one disk. It remembers what was acknowledged, and what was in flight."""

    def __init__(self, directory: Path) -> None:
        self.acknowledged: list[Entry] = []
        self.in_flight: list[Entry] = []
        self.tried: dict[bytes, None] = {}
        self._directory = directory
        self._clocks = BatchClocks()

    async def play(self, disk: Disk) -> None:
        """Open the journal on a disk, check it, make all writes, and close it. Raises what the disk makes fail."""
        files = simulated_files()
        files.put_in(disk)
        journal = await open_journal(self._directory, NODE, INCARNATION)
        try:
            await self._check(journal)
            replica = Replica(WRITER, (NODE,), await journal.load(), open_catalog=True)
            for writes in SCRIPT:
                await self._commit(journal, replica, writes)
                if disk.cut is not None:
                    raise OSError("the disk is gone")
        finally:
            if journal.log_copy is not None:
                await asyncio.wait([journal.log_copy])
            await journal.close()

    async def _check(self, journal: SqliteJournal) -> None:
        image = await journal.load()
        stored = await read_all(journal)
        if check_entries(stored, self.acknowledged, self.in_flight):
            self.acknowledged += self.in_flight
        self.in_flight = []
        check_image(image, stored, self._clocks.after([one.entry for one in stored]))
        await check_keys(journal, stored, self.tried)
        check_file(self._directory / FILE_NAME)

    async def _commit(self, journal: SqliteJournal, replica: Replica, writes: Sequence[Write]) -> None:
        for write in writes:
            match write:
                case Command() | DocumentWrite():
                    earlier = await journal.find([write.key])
                    decisions.execute_requests(replica, [write], NOW_MS, earlier)
                case entries:
                    stream = Stream(PEER, NODE)
                    held = replica.head(stream).sequence
                    previous = entries[held - 1].hash if held else genesis(stream)
                    if held < len(entries):
                        decisions.merge(replica, [ReceivedRun(stream, held + 1, previous, entries[held:])], NOW_MS)
        batch = replica.take_batch()
        if not batch.runs:
            return
        self._clocks.note(batch)
        self.in_flight = list(batch.entries)
        self.tried.update((entry.content.key, None) for entry in batch.entries if entry.content.key)
        await journal.append(batch)
        self.acknowledged += self.in_flight
        self.in_flight = []


async def failed(disk: Disk, day: Day) -> bool:
    """Play the script until the disk fails; return whether it did."""
    with suppress(Failure, sqlite3.Error, OSError):
        await day.play(disk)
        return False
    assert disk.cut is not None
    return True


async def crash_everywhere(directory: Path, next_disk: Callable[[Disk], Disk]) -> Counter[str]:
    """Play the script with a failure at each operation, and again afterwards. Return where it failed."""
    cuts: Counter[str] = Counter()
    files = simulated_files()
    with (
        turned(SMALL),
        run_inline(),
        files.installed(0),
        patch.object(sqlite_journal, "write_again", files.write_again),
    ):
        for operation in range(1, 10_000):
            disk, day = Disk(Luck()), Day(directory)
            disk.cut_after = operation
            if not await failed(disk, day):
                break
            assert disk.cut is not None
            cuts[f"{disk.cut.operation} of {Path(disk.cut.name).name}"] += 1
            await day.play(next_disk(disk))
            counted = Counter(entry.content.key for entry in day.acknowledged if entry.content.key)
            assert counted == Counter(KEYS), operation
    assert files.fault is None
    return cuts


@pytest.mark.timeout(600)
@pytest.mark.parametrize("next_disk", [Disk.after_crash, Disk.after_power_loss], ids=["crash", "power loss"])
async def test_no_crash_point_loses_or_doubles_a_request(tmp_path: Path, next_disk: Callable[[Disk], Disk]) -> None:
    cuts = await crash_everywhere(tmp_path, next_disk)
    assert min(cuts[f"{what} of {FILE_NAME}{where}"] for what in ("write", "sync") for where in ("", "-wal")) > 3
