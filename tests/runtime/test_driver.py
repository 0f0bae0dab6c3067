"""The driver: it answers nothing before it is durable, and reports everything lost with a failed commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from replica.core.base.clock import Moment
from replica.core.base.errors import (
    Broken,
    KeyReused,
    Overloaded,
    PeerFault,
    Refused,
    RightsExhausted,
    Stopping,
    StorageFull,
    Unknown,
)
from replica.core.base.limits import BATCH_ENTRIES_MAX
from replica.core.ledger.cells import STALE_MAX
from replica.core.log.entry import Entry, Stream
from replica.core.log.entry_run import ReceivedRun
from replica.core.state import decisions
from replica.core.state.batch import Batch, Image
from replica.core.state.commands import Command, DocumentWrite, Sales
from replica.core.state.pending import Pending
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from replica.core.stock.till_receipts import TillReceipt
from replica.runtime import driver as driving
from replica.runtime.driver import Driver, Ingress
from simulations.journal import SimulatedDisk, SimulatedJournal

WRITER = "store-1#0123456789ab"


class FrozenClock:
    def now(self) -> Moment:
        return Moment(1_700_000_000_000, 0)


class GatedJournal(SimulatedJournal):
    """A journal whose commits wait until the test releases the gate."""

    def __init__(self, disk: SimulatedDisk) -> None:
        super().__init__(disk, WRITER)
        self.gate = asyncio.Semaphore(0)
        self.batches: list[int] = []

    async def append(self, batch: Batch) -> int:
        self.batches.append(len(batch.entries))
        await self.gate.acquire()
        return await super().append(batch)


def receipt(key: str, quantity: int = 10) -> Command:
    return Command("store-1", GoodsReceipt((GoodsLine(quantity, item="cola"),)), key.encode())


def sale(key: str, quantity: int = 1, on_shortage: OnShortage = OnShortage.RECORD) -> Command:
    return Command("store-1", Sale(lines=(SkuLine(quantity, "cola"),), on_shortage=on_shortage), key.encode())


@asynccontextmanager
async def driven(journal: SimulatedJournal) -> AsyncIterator[Driver]:
    replica = Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True)
    driver = Driver(replica, journal, FrozenClock())
    running = asyncio.create_task(driver.run())
    try:
        yield driver
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def turns(number: int = 20) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def on_hand(replica: Replica) -> int:
    return replica.ledger.stock("store-1", "cola").figures.on_hand


async def test_write_is_answered_only_after_its_commit() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        asked = asyncio.create_task(driver.submit(receipt("r1")))
        await turns()
        assert not asked.done()
        journal.gate.release()
        assert (await asked).sequence == 1


def many_goods(key: str) -> Command:
    lines = tuple(GoodsLine(1, item=f"item-{number}") for number in range(STALE_MAX + 1))
    return Command("store-1", GoodsReceipt(lines), key.encode())


async def test_digests_are_brought_up_to_date_while_nothing_else_waits() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        await driver.submit(many_goods("r1"))
        assert driver.replica.ledger.is_stale
        await turns(STALE_MAX // driving.PAIRS_PER_TURN + 5)
        assert not driver.replica.ledger.is_stale


async def test_requests_are_answered_between_two_turns_that_bring_digests_up_to_date() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        await driver.submit(many_goods("r1"))
        waiting = asyncio.create_task(driver.refreshed())
        await driver.submit(receipt("r2"))
        assert driver.replica.ledger.is_stale
        assert not waiting.done()
        await waiting
        assert not driver.replica.ledger.is_stale


async def test_stale_digests_keep_no_driver_from_stopping() -> None:
    driver = Driver(
        Replica(WRITER, ("store-1",), open_catalog=True), SimulatedJournal(SimulatedDisk(), WRITER), FrozenClock()
    )
    asked = driver.submit_all([many_goods("r1")])
    running = asyncio.create_task(driver.run())
    await asked
    driver.stop()
    await running
    assert driver.replica.ledger.is_stale


async def test_read_shows_nothing_that_is_not_durable() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        asked = asyncio.create_task(driver.submit(receipt("r1")))
        await turns()
        looked = asyncio.create_task(driver.look(on_hand))
        await turns()
        assert not looked.done()
        journal.gate.release()
        assert await looked == 10
        assert (await asked).sequence == 1


async def test_read_is_answered_at_once_when_nothing_waits_for_a_commit() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        assert await driver.look(on_hand) == 0


def durable_units(replica: Replica, pending: Pending) -> int:
    return replica.ledger.stock("store-1", "cola").available - pending.available("store-1", "cola")


async def test_a_read_that_does_not_wait_leaves_out_what_is_not_durable() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        committing = driver.submit_all([receipt("r1")])
        await turns()
        waiting = driver.submit_all([sale("s1", 3)])
        await turns()
        assert not committing.done()
        assert await driver.look_now(durable_units) == 0
        journal.gate.release()
        await committing
        assert await driver.look_now(durable_units) == 10
        journal.gate.release()
        await waiting
        assert await driver.look_now(durable_units) == 7


async def test_who_has_the_answer_to_a_write_sees_its_effect_at_once() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        seen: list[Any] = []

        def answered(_: object) -> None:
            seen.append(asyncio.ensure_future(driver.look_now(durable_units)))

        asked = driver.submit_all([receipt("r1")])
        asked.add_done_callback(answered)
        await asked
        await turns()
        assert [one.result() for one in seen] == [10]


async def test_a_read_waits_for_documents_that_are_not_durable() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        written = driver.submit_all([DocumentWrite("price", "cola", None, b"w1")])
        await turns()
        looked = asyncio.create_task(driver.look_now(durable_units))
        await turns()
        assert not looked.done()
        journal.gate.release()
        assert await looked == 0
        await written


async def test_a_read_that_does_not_wait_leaves_out_what_a_full_disk_refused() -> None:
    disk = SimulatedDisk()
    journal = GatedJournal(disk)
    async with driven(journal) as driver:
        first = driver.submit_all([receipt("r1")])
        journal.gate.release()
        await first
        disk.room_bytes = 0
        refused = driver.submit_all([sale("s1", 3)])
        await turns()
        assert await driver.look_now(durable_units) == 10
        journal.gate.release()
        with pytest.raises(StorageFull):
            await refused
        await turns()
        assert await driver.look_now(durable_units) == 10


async def test_requests_that_wait_together_commit_together() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        first = driver.submit_all([receipt("r1")])
        await turns()
        rest = [driver.submit_all([sale(f"s{number}")]) for number in range(50)]
        await turns()
        journal.gate.release()
        journal.gate.release()
        await asyncio.gather(first, *rest)
        assert journal.batches == [1, 50]


async def test_next_batch_is_computed_while_one_commits() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        first = driver.submit_all([receipt("r1", 5)])
        await turns()
        second = driver.submit_all([sale("s1", 5, OnShortage.REFUSE)])
        await turns()
        assert on_hand(driver.replica) == 0
        journal.gate.release()
        journal.gate.release()
        assert isinstance((await first)[0], Entry)
        assert isinstance((await second)[0], Entry)


async def test_same_key_while_the_first_is_not_durable_yet_has_one_effect() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        first = asyncio.create_task(driver.submit(receipt("r1")))
        await turns()
        again = asyncio.create_task(driver.submit(receipt("r1")))
        await turns()
        assert not again.done()
        journal.gate.release()
        assert await first == await again
        assert on_hand(driver.replica) == 10


async def test_same_key_twice_in_one_call_has_one_effect() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        first, second = await driver.submit_all([receipt("r1"), receipt("r1")])
        assert first == second
        assert on_hand(driver.replica) == 10


async def test_each_call_gets_its_own_verdicts_among_sales_and_single_requests() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        cola = Sale(lines=(SkuLine(1, "cola"),), on_shortage=OnShortage.REFUSE)
        calls = [
            driver.submit_all([receipt("r1", 5)]),
            driver.submit_all(Sales("store-1", [cola, cola], [b"a1", b"a2"])),
            driver.submit_all([sale("s1"), sale("s2")]),
            driver.submit_all(Sales("store-1", [cola, cola, cola], [b"a1", b"b2", b"b3"])),
            driver.submit_all(Sales("store-1", [], [])),
        ]
        journal.gate.release()
        answered = [list(verdicts) for verdicts in await asyncio.gather(*calls)]
        assert journal.batches == [6]
    keys = [[one.content.key if isinstance(one, Entry) else type(one) for one in call] for call in answered]
    assert keys == [[b"r1"], [b"a1", b"a2"], [b"s1", b"s2"], [b"a1", b"b2", RightsExhausted], []]
    assert driver.counters.refused == 1


async def test_same_key_after_a_restart_is_answered_from_the_journal() -> None:
    disk = SimulatedDisk()
    async with driven(SimulatedJournal(disk, WRITER)) as driver:
        first = await driver.submit(receipt("r1"))
    async with driven(SimulatedJournal(disk, WRITER)) as driver:
        assert await driver.submit(receipt("r1")) == first
        assert on_hand(driver.replica) == 10
        with pytest.raises(KeyReused):
            await driver.submit(receipt("r1", 11))


async def test_old_key_beside_a_new_one_is_answered_from_the_journal() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        first = await driver.submit(receipt("r1"))
        for number in range(8):
            last = await driver.submit(receipt(f"more-{number}"))
        assert b"r1" not in driver.replica.keys
        assert b"more-7" in driver.replica.keys
        assert list(await driver.submit_all([receipt("more-7"), receipt("r1")])) == [last, first]
        assert on_hand(driver.replica) == 90


async def test_repetition_of_a_refused_request_is_decided_again() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        with pytest.raises(Refused):
            await driver.submit(sale("s1", 1, OnShortage.REFUSE))
        await driver.submit(receipt("r1"))
        assert (await driver.submit(sale("s1", 1, OnShortage.REFUSE))).content.kind == "sale"


async def test_full_disk_refuses_its_batch_and_the_one_computed_after_it() -> None:
    disk = SimulatedDisk()
    journal = GatedJournal(disk)
    async with driven(journal) as driver:
        journal.gate.release()
        await driver.submit(receipt("r1"))
        disk.room_bytes = 0
        first = driver.submit_all([sale("s1")])
        await turns()
        second = driver.submit_all([sale("s2")])
        await turns()
        journal.gate.release()
        for refused in (first, second):
            with pytest.raises(StorageFull):
                await refused
        assert await driver.look(on_hand) == 10
        disk.room_bytes = None
        journal.gate.release()
        assert (await driver.submit(sale("s1"))).sequence == 2
        assert on_hand(driver.replica) == 9


def deliver(key: str) -> Callable[[Replica, int], int]:
    """A change that records a goods receipt, and returns the units on hand after it."""

    def apply(replica: Replica, now_ms: int) -> int:
        decisions.execute(replica, receipt(key), now_ms)
        return on_hand(replica)

    return apply


async def test_change_runs_after_earlier_requests_and_is_durable_when_it_returns() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        asked = driver.submit_all([receipt("r1")])
        changed = asyncio.create_task(driver.change(deliver("r2")))
        assert on_hand(driver.replica) == 0
        await turns()
        assert not changed.done()
        journal.gate.release()
        assert await changed == 20
        assert asked.done()
        assert journal.batches == [2]


async def test_change_on_a_full_disk_is_refused_and_has_no_effect() -> None:
    disk = SimulatedDisk(room_bytes=0)
    async with driven(SimulatedJournal(disk, WRITER)) as driver:
        with pytest.raises(StorageFull):
            await driver.change(deliver("r1"))
        assert await driver.look(on_hand) == 0
        disk.room_bytes = None
        assert await driver.change(deliver("r1")) == 10


async def test_change_is_not_started_while_the_disk_counts_as_full() -> None:
    made: list[int] = []
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        driver._full_until_ms = 1
        with pytest.raises(StorageFull):
            await driver.change(lambda replica, now_ms: made.append(now_ms))
        driver._full_until_ms = 0
        await driver.change(lambda replica, now_ms: made.append(now_ms))
    assert made == [1_700_000_000_000]


async def test_frame_of_a_peer_is_not_merged_while_the_disk_counts_as_full() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    frame = run_of(other, "a")
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        driver._full_until_ms = 1
        with pytest.raises(StorageFull):
            await (await driver.take_in([frame], Ingress()))
        assert driver.replica.head(frame.stream).sequence == 0
        driver._full_until_ms = 0
        assert await (await driver.take_in([frame], Ingress())) == 1


async def test_each_commit_and_each_entry_counts_once() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        await driver.submit_all([receipt("r1"), receipt("r2")])
        await driver.submit(receipt("r3"))
        await driver.submit(receipt("r3"))
        assert (driver.counters.commits, driver.counters.entries_written) == (2, 3)
        assert (driver.counters.entries_merged, driver.counters.refused) == (0, 0)


class SlowToCommit(SimulatedJournal):
    """A journal and a clock. A commit takes half a second of its time."""

    def __init__(self) -> None:
        super().__init__(SimulatedDisk(), WRITER)
        self.elapsed_ms = 0

    def now(self) -> Moment:
        return Moment(1_700_000_000_000, self.elapsed_ms)

    async def append(self, batch: Batch) -> int:
        self.elapsed_ms += 500
        return await super().append(batch)


async def test_time_of_commits_is_counted_in_seconds() -> None:
    journal = SlowToCommit()
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), journal, journal)
    running = asyncio.create_task(driver.run())
    counted = []
    for number in range(3):
        await driver.submit(receipt(f"r{number}"))
        counted.append(driver.counters.commit_seconds)
    assert counted == [0.5, 1.0, 1.5]
    driver.stop()
    await running


class NotingJournal(SimulatedJournal):
    """A journal that notes which receipts were looked for."""

    def __init__(self) -> None:
        super().__init__(SimulatedDisk(), WRITER)
        self.named: list[str] = []

    def likely_returned(self, receipts: Sequence[TillReceipt]) -> list[TillReceipt]:
        self.named += [one.number for one in receipts]
        return super().likely_returned(receipts)


async def test_till_receipts_of_all_sales_of_a_turn_are_looked_for() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    journal = NotingJournal()

    def told(number: str, location: str = "store-1") -> Command:
        return Command(location, Sale(lines=(SkuLine(1, "cola"),), receipt=number), number.encode())

    runs = []
    for number in ("m1", "m2"):
        previous = other.head(Stream(other.writer, "store-2")).hash
        entry = decisions.execute(other, told(number, "store-2"), 1)
        runs.append(ReceivedRun(entry.stream, entry.sequence, previous, [entry]))
    async with driven(journal) as driver:
        await driver.submit(receipt("r1"))
        asked = [driver.submit_all([told("s1"), told("s2")]), driver.submit_all([told("s3")])]
        merging = await driver.take_in(runs, Ingress())
        await asyncio.gather(*asked, merging)
    assert sorted(journal.named) == ["m1", "m2", "s1", "s2", "s3"]


async def test_change_that_fails_ends_the_driver() -> None:
    def broken(replica: Replica, now_ms: int) -> None:
        raise Broken("half done")

    journal = SimulatedJournal(SimulatedDisk(), WRITER)
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), journal, FrozenClock())
    changing = asyncio.create_task(driver.change(broken))
    await turns(1)
    with pytest.raises(Broken, match="half done"):
        await driver.run()
    changing.cancel()


async def test_read_is_answered_while_the_disk_is_full() -> None:
    disk = SimulatedDisk()
    journal = GatedJournal(disk)
    async with driven(journal) as driver:
        journal.gate.release()
        await driver.submit(receipt("r1"))
        disk.room_bytes = 0
        first = driver.submit_all([sale("s1")])
        await turns()
        looked = asyncio.create_task(driver.look(on_hand))
        await turns()
        journal.gate.release()
        with pytest.raises(StorageFull):
            await first
        assert await looked == 10


async def test_failed_read_affects_only_its_caller() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        asked = driver.submit_all([receipt("r1")])
        await turns()
        looked = asyncio.create_task(driver.look(lambda replica: replica.ledger.at_location["nowhere"]))
        await turns()
        journal.gate.release()
        with pytest.raises(KeyError):
            await looked
        assert isinstance((await asked)[0], Entry)
        journal.gate.release()
        await driver.submit(sale("s1"))


async def test_commit_with_an_unknown_outcome_ends_the_driver_without_an_answer() -> None:
    disk = SimulatedDisk()
    journal = SimulatedJournal(disk, WRITER)
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), journal, FrozenClock())
    running = asyncio.create_task(driver.run())
    disk.fails_next_commit = True
    asked = driver.submit_all([receipt("r1")])
    with pytest.raises(Unknown):
        await running
    assert not asked.done()
    async with driven(SimulatedJournal(disk, WRITER)) as restarted:
        await restarted.submit(receipt("r1"))
        assert on_hand(restarted.replica) == 10


async def test_idle_driver_notices_a_failed_commit() -> None:
    disk = SimulatedDisk()
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), SimulatedJournal(disk, WRITER), FrozenClock())
    disk.fails_next_commit = False
    driver.submit_all([receipt("r1")])
    with pytest.raises(Unknown):
        async with asyncio.timeout(5):
            await driver.run()


async def test_full_inbox_refuses_requests_and_counts_them() -> None:
    journal = GatedJournal(SimulatedDisk())
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), journal, FrozenClock())
    taken = [driver.submit_all([sale(f"s{number}")]) for number in range(driving.INBOX_MAX)]
    with pytest.raises(Overloaded):
        driver.submit_all([sale("one-too-many")])
    assert driver.counters.overloaded == 1
    assert not any(future.done() for future in taken)


async def test_requests_of_several_callers_add_up_in_the_inbox() -> None:
    driver = Driver(Replica(WRITER, ("store-1",)), SimulatedJournal(SimulatedDisk(), WRITER), FrozenClock())
    driver.submit_all([sale("s1"), sale("s2")])
    driver.submit_all([sale("s3"), sale("s4"), sale("s5")])
    assert driver.waiting == 5


async def test_caller_that_went_away_keeps_nobody_else_from_an_answer() -> None:
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        gone, staying = driver.submit_all([receipt("r1")]), driver.submit_all([receipt("r2")])
        await turns()
        gone.cancel()
        journal.gate.release()
        assert isinstance((await staying)[0], Entry)
        assert on_hand(driver.replica) == 20


async def test_requests_and_changes_make_room_in_the_inbox_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driving, "INBOX_MAX", 3)
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        for number in range(4):
            asked = driver.submit_all([sale(f"s{number}"), sale(f"t{number}")])
            changed = asyncio.create_task(driver.change(deliver(f"r{number}")))
            await turns(1)
            assert driver.waiting == 3
            with pytest.raises(Overloaded):
                driver.submit_all([sale("one-too-many")])
            journal.gate.release()
            assert await changed == 8 * (number + 1)
            await asked
            assert driver.waiting == 0


async def test_read_that_a_full_disk_delayed_takes_no_room_in_the_inbox_any_more() -> None:
    disk = SimulatedDisk()
    journal = GatedJournal(disk)
    async with driven(journal) as driver:
        disk.room_bytes = 0
        refused = driver.submit_all([receipt("r1")])
        await turns()
        looked = asyncio.create_task(driver.look(on_hand))
        await turns()
        assert not looked.done()
        journal.gate.release()
        with pytest.raises(StorageFull):
            await refused
        assert await looked == 0
        assert driver.waiting == 0


async def test_stopping_driver_answers_waiting_requests_and_accepts_no_new_ones() -> None:
    journal = SimulatedJournal(SimulatedDisk(), WRITER)
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), journal, FrozenClock())
    asked = driver.submit_all([receipt("r1")])
    driver.stop()
    with pytest.raises(Stopping):
        driver.submit_all([receipt("r2")])
    await driver.run()
    assert isinstance((await asked)[0], Entry)


def run_of(replica: Replica, key: str) -> ReceivedRun:
    previous = replica.head(Stream(replica.writer, "store-2")).hash
    entry = decisions.execute(replica, Command("store-2", GoodsReceipt((GoodsLine(1, item="cola"),)), key.encode()), 1)
    return ReceivedRun(entry.stream, entry.sequence, previous, [entry])


async def test_merged_entries_are_durable_when_their_future_is_done() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    journal = GatedJournal(SimulatedDisk())
    async with driven(journal) as driver:
        merged = await driver.take_in([run_of(other, "a")], Ingress())
        await turns()
        assert not merged.done()
        journal.gate.release()
        assert await merged == 1
        assert driver.replica.head(Stream(other.writer, "store-2")).sequence == 1


@pytest.mark.parametrize("sizes", [[1], [2, 1], [2, 1, 3]])
async def test_each_entry_of_frames_that_wait_together_counts_once_as_merged(sizes: list[int]) -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    driver = Driver(
        Replica(WRITER, ("store-1",), open_catalog=True), SimulatedJournal(SimulatedDisk(), WRITER), FrozenClock()
    )
    frames = [[run_of(other, f"{frame}-{number}") for number in range(size)] for frame, size in enumerate(sizes)]
    merging = [await driver.take_in(frame, Ingress()) for frame in frames]
    running = asyncio.create_task(driver.run())
    assert await asyncio.gather(*merging) == sizes
    assert driver.counters.entries_merged == sum(sizes)
    running.cancel()


async def test_fault_of_one_peer_fails_only_its_frame() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    first, _, third = run_of(other, "a"), run_of(other, "b"), run_of(other, "c")
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        good, gap = await driver.take_in([first], Ingress()), await driver.take_in([third], Ingress())
        asked = driver.submit_all([receipt("r1")])
        assert await good == 1
        with pytest.raises(PeerFault, match="gap"):
            await gap
        assert isinstance((await asked)[0], Entry)


async def test_frames_of_a_peer_after_a_failed_one_are_not_merged() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    third_party = Replica("store-3#eeeeeeeeeeee", ("store-2",), open_catalog=True)
    first, _, third = run_of(other, "a"), run_of(other, "b"), run_of(other, "c")
    effect = run_of(third_party, "d")
    ingress = Ingress()
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        good = await driver.take_in([first], ingress)
        gap = await driver.take_in([third], ingress)
        after = await driver.take_in([effect], ingress)
        assert await good == 1
        for refused in (gap, after):
            with pytest.raises(PeerFault, match="gap"):
                await refused
        assert driver.replica.head(effect.stream).sequence == 0


async def test_refused_frame_of_an_ended_link_is_not_reported_as_unread() -> None:
    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    async with driven(SimulatedJournal(SimulatedDisk(room_bytes=0), WRITER)) as driver:
        merged = await driver.take_in([run_of(other, "a")], Ingress())
        await turns()
        assert merged.done()
        merged.__del__()  # as the garbage collector does; asyncio reports an unread exception here
    assert failures == []


async def test_frames_after_one_lost_to_a_full_disk_are_not_merged() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    third_party = Replica("store-3#eeeeeeeeeeee", ("store-2",), open_catalog=True)
    disk = SimulatedDisk(room_bytes=0)
    ingress = Ingress()
    async with driven(SimulatedJournal(disk, WRITER)) as driver:
        lost = await driver.take_in([run_of(other, "a")], ingress)
        with pytest.raises(StorageFull):
            await lost
        disk.room_bytes = None
        with pytest.raises((PeerFault, StorageFull)):
            await (await driver.take_in([run_of(third_party, "b")], ingress))
        with pytest.raises(PeerFault, match="gap"):
            await (await driver.take_in([run_of(third_party, "c")], ingress))
        assert driver.replica.arrival == 0


async def test_peers_make_progress_while_clients_fill_every_batch() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    journal = GatedJournal(SimulatedDisk())
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), journal, FrozenClock())
    asks = [driver.submit_all([sale(f"{ask}-{number}") for number in range(BATCH_ENTRIES_MAX)]) for ask in range(3)]
    merged = await driver.take_in([run_of(other, "a")], Ingress())
    running = asyncio.create_task(driver.run())
    journal.gate.release()
    assert await merged == 1
    assert not asks[-1].done()
    running.cancel()


async def test_frame_of_a_peer_waits_until_one_of_those_before_it_is_taken() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    frames = [[run_of(other, f"k{number}")] for number in range(driving.BULK_MAX + 1)]
    driver = Driver(
        Replica(WRITER, ("store-1",), open_catalog=True), SimulatedJournal(SimulatedDisk(), WRITER), FrozenClock()
    )
    merging = [await driver.take_in(frame, Ingress()) for frame in frames[:-1]]
    queueing = asyncio.create_task(driver.take_in(frames[-1], Ingress()))
    await turns()
    assert not queueing.done()
    running = asyncio.create_task(driver.run())
    async with asyncio.timeout(5):
        merging.append(await queueing)
        assert await asyncio.gather(*merging) == [1] * len(frames)
    running.cancel()


async def test_clients_are_served_before_frames_that_have_waited_longer() -> None:
    other = Replica("store-2#ffffffffffff", ("store-2",), open_catalog=True)
    frames = [[run_of(other, f"k{number}")] for number in range(driving.BULK_PER_TURN * 3)]
    journal = GatedJournal(SimulatedDisk())
    driver = Driver(Replica(WRITER, ("store-1",), open_catalog=True), journal, FrozenClock())
    for frame in frames:
        await driver.take_in(frame, Ingress())
    asked = driver.submit_all([receipt("r1")])
    running = asyncio.create_task(driver.run())
    journal.gate.release()
    assert isinstance((await asked)[0], Entry)
    assert journal.batches[0] == 1 + driving.BULK_PER_TURN
    running.cancel()


async def test_watcher_wakes_for_its_own_scopes_only() -> None:
    async with driven(SimulatedJournal(SimulatedDisk(), WRITER)) as driver:
        mine = asyncio.create_task(driver.moved_past(0, ("store-1",)))
        other = asyncio.create_task(driver.moved_past(0, ("store-9",)))
        await turns()
        await driver.submit(receipt("r1"))
        await turns()
        assert mine.done()
        assert not other.done()
        other.cancel()


class SlowToLoad(SimulatedJournal):
    """A journal and a clock. A reload takes a second of its time."""

    def __init__(self, disk: SimulatedDisk) -> None:
        super().__init__(disk, WRITER)
        self.elapsed_ms = 0
        self.loads = 0
        self.load_ms = 1_000

    def now(self) -> Moment:
        return Moment(1_700_000_000_000, self.elapsed_ms)

    async def load(self) -> Image:
        self.loads += 1
        self.elapsed_ms += self.load_ms
        return await super().load()


async def test_full_disk_is_tried_again_after_a_wait_with_old_answers_meanwhile() -> None:
    disk = SimulatedDisk()
    journal = SlowToLoad(disk)
    driver = Driver(Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True), journal, journal)
    running = asyncio.create_task(driver.run())
    first = await driver.submit(receipt("r1"))
    disk.room_bytes = 0
    for key in ("s1", "s2", "s3"):
        with pytest.raises(StorageFull):
            await driver.submit(sale(key))
    assert journal.loads == 2
    assert await driver.submit(receipt("r1")) == first
    assert await driver.look(lambda replica: replica.arrival) == 1
    disk.room_bytes = None
    with pytest.raises(StorageFull):
        await driver.submit(sale("s1"))
    journal.elapsed_ms += driving.RELOAD_SHARE * 1_000
    assert (await driver.submit(sale("s1"))).sequence == 2
    driver.stop()
    await running


async def test_full_disk_is_tried_again_after_ten_times_the_duration_of_the_reload() -> None:
    disk = SimulatedDisk(room_bytes=0)
    journal = SlowToLoad(disk)
    driver = Driver(Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True), journal, journal)
    running = asyncio.create_task(driver.run())
    journal.load_ms = 50
    with pytest.raises(StorageFull):
        await driver.submit(receipt("r1"))
    assert await driver.look(lambda replica: replica.arrival) == 0
    assert driver.counters.storage_full == 1
    disk.room_bytes = None
    journal.elapsed_ms += driving.RELOAD_SHARE * 50 - 1
    with pytest.raises(StorageFull):
        await driver.submit(receipt("r1"))
    journal.elapsed_ms += 1
    assert (await driver.submit(receipt("r1"))).sequence == 1
    driver.stop()
    await running


async def test_full_disk_is_tried_again_soon_after_a_reload_in_a_suspended_process() -> None:
    disk = SimulatedDisk(room_bytes=0)
    journal = SlowToLoad(disk)
    driver = Driver(Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True), journal, journal)
    running = asyncio.create_task(driver.run())
    journal.load_ms = 600_000
    with pytest.raises(StorageFull):
        await driver.submit(receipt("r1"))
    assert await driver.look(lambda replica: replica.arrival) == 0
    disk.room_bytes = None
    journal.elapsed_ms += driving.FULL_MS_MAX
    assert (await driver.submit(receipt("r1"))).sequence == 1
    driver.stop()
    await running
