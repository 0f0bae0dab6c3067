"""Voids and corrections that a merge causes are durable together with it or not at all."""

from __future__ import annotations

import asyncio

import pytest

from replica.core.base.errors import StorageFull, Unknown
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import Count, CountLine
from replica.runtime.driver import Driver, Ingress
from replica.runtime.world import SystemClock
from simulations.journal import SimulatedDisk, SimulatedJournal
from tests.core.chain import Node, receipt

WRITER = "hub-west#0000000a"
KINDS = ["receipt", "count", "receipt", "receipt", "void", "correction"]
"""The durable kinds after the merge: own receipt and count, receipts of the other hub, and their consequences."""


def other(now_ms: int) -> Node:
    """Another hub, which received the same delivery under the same key a little earlier, and one more."""
    node = Node("hub-east", ("store-1",), None, "hub")
    node.ask(receipt(cola=5), "delivery", now_ms - 5_000)
    node.ask(receipt(cola=2), "more", now_ms - 4_000)
    node.commit()
    return node


async def started(disk: SimulatedDisk) -> tuple[Driver, asyncio.Task[None]]:
    journal = SimulatedJournal(disk, WRITER)
    replica = Replica(WRITER, ("store-1",), await journal.load(), open_catalog=True)
    driver = Driver(replica, journal, SystemClock())
    return driver, asyncio.create_task(driver.run())


async def filled(disk: SimulatedDisk) -> tuple[Driver, asyncio.Task[None], Node]:
    """A hub that received the delivery too, and counted it."""
    driver, running = await started(disk)
    await driver.submit(Command("store-1", receipt(cola=5), b"delivery"))
    await driver.submit(Command("store-1", Count((CountLine("cola", 5),)), b"count"))
    return driver, running, other(SystemClock().now().wall_ms)


def kinds(disk: SimulatedDisk) -> list[str]:
    return [stored.entry.content.kind for stored in disk.stored]


@pytest.mark.parametrize("happened", [False, True])
async def test_indeterminate_commit_stores_a_whole_merge_or_nothing(happened: bool) -> None:
    disk = SimulatedDisk()
    driver, running, node = await filled(disk)
    disk.fails_next_commit = happened
    merging = await driver.take_in(node.runs(), Ingress())
    with pytest.raises(Unknown):
        await running
    merging.cancel()
    assert kinds(disk) == (KINDS if happened else KINDS[:2])
    driver, running = await started(disk)
    if not happened:
        await (await driver.take_in(node.runs(), Ingress()))
    assert kinds(disk) == KINDS
    assert driver.replica.ledger.stock("store-1", "cola").figures.on_hand == 5
    driver.stop()
    await running


async def test_full_disk_undoes_a_void_together_with_the_merge_that_caused_it() -> None:
    disk = SimulatedDisk()
    driver, running, node = await filled(disk)
    disk.room_bytes = 300
    with pytest.raises(StorageFull):
        await (await driver.take_in(node.runs(), Ingress()))
    assert kinds(disk) == KINDS[:2]
    assert driver.replica.ledger.stock("store-1", "cola").figures.on_hand == 5
    disk.room_bytes = None
    while True:
        try:
            await (await driver.take_in(node.runs(), Ingress()))
            break
        except StorageFull:
            await asyncio.sleep(0)
    assert kinds(disk) == KINDS
    driver.stop()
    await running


async def test_duplicate_of_an_old_request_is_found_in_the_journal() -> None:
    disk = SimulatedDisk()
    driver, running, node = await filled(disk)
    for number in range(8):
        await driver.submit(Command("store-1", receipt(wings=1), f"more-{number}".encode()))
    assert b"delivery" not in driver.replica.keys
    await (await driver.take_in(node.runs(), Ingress()))
    assert kinds(disk)[-2:] == ["void", "correction"]
    again = await driver.submit(Command("store-1", receipt(cola=5), b"delivery"))
    assert again.stream.writer == node.replica.writer
    driver.stop()
    await running
