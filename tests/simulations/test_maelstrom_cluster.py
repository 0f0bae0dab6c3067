"""Node processes on a network that loses, doubles, delays and cuts: their counters end with equal, right values."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from replica.core.base.limits import QUANTITY_MAX
from simulations.pn_counter import Add, AddOutcome, CounterHistory, violations
from tests.simulations.maelstrom_router import Faults, Router

pytestmark = [pytest.mark.processes, pytest.mark.timeout(30)]

CONVERGES_S = 12.0
"""Twice a dial and the wait before the next dial, because a late message may end the first session."""

TOO_MUCH = QUANTITY_MAX + 1


def deltas(chance: random.Random, number: int) -> list[int]:
    """Large and sparse, so that every subset has its own sum. Every node refuses some of them."""
    return [chance.choice((-1, 1)) * chance.randrange(1, QUANTITY_MAX) for _ in range(number)] + [TOO_MUCH] * 3


async def add_everywhere(router: Router, chance: random.Random, number: int, each_s: float) -> list[Add]:
    """Begin adds at random nodes at a fixed pace, without waiting for answers in between."""
    asked = []
    for delta in deltas(chance, number):
        asked.append(asyncio.create_task(router.add(chance.choice(router.names), delta)))
        await asyncio.sleep(each_s)  # the pace of the load
    return await asyncio.gather(*asked)


async def settle(router: Router, adds: list[Add]) -> CounterHistory:
    """Heal the network, and read at every node."""
    router.heal()
    return CounterHistory(router.names, tuple(adds), await router.final_reads(CONVERGES_S))


async def test_nodes_on_a_good_network_end_with_equal_right_values(tmp_path: Path) -> None:
    async with Router(("n1", "n2", "n3"), 1, tmp_path) as router:
        adds = await add_everywhere(router, random.Random(1), 200, 0.002)
        history = await settle(router, adds)
    assert violations(history) == []
    assert {add.outcome for add in adds} == {AddOutcome.ACKNOWLEDGED, AddOutcome.REFUSED}
    assert router.seen["open"] == 3


@pytest.mark.parametrize("seed", [1, 2])
async def test_damaged_messages_neither_lose_an_add_nor_count_it_twice(tmp_path: Path, seed: int) -> None:
    async with Router(("n1", "n2", "n3", "n4"), seed, tmp_path) as router:
        router.faults = Faults(loss=0.04, doubling=0.1, delay_s=0.02)
        adds = await add_everywhere(router, random.Random(seed), 150, 0.02)
        history = await settle(router, adds)
    assert violations(history) == []
    assert {add.outcome for add in adds} == set(AddOutcome)
    assert min(router.seen[what] for what in ("lost", "doubled", "overtaken", "reset")) > 0
    assert router.seen["open"] > 6


async def test_both_sides_of_a_partition_take_adds_and_later_agree(tmp_path: Path) -> None:
    chance = random.Random(3)
    async with Router(("n1", "n2", "n3"), 3, tmp_path) as router:
        before = await add_everywhere(router, chance, 20, 0.002)
        assert len({read.value for read in await router.final_reads(CONVERGES_S)}) == 1
        router.cut(["n1"], ["n2", "n3"])
        during = await add_everywhere(router, chance, 60, 0.002)
        assert {add.outcome for add in during} == {AddOutcome.ACKNOWLEDGED, AddOutcome.REFUSED}
        assert len({await router.read(name) for name in router.names}) == 2
        history = await settle(router, before + during)
    assert violations(history) == []
    assert router.seen["cut"] > 0


async def test_a_partition_that_outlasts_every_session_heals(tmp_path: Path) -> None:
    chance = random.Random(4)
    async with Router(("n1", "n2"), 4, tmp_path) as router:
        adds = await add_everywhere(router, chance, 5, 0.002)
        assert len({read.value for read in await router.final_reads(CONVERGES_S)}) == 1  # so they are connected
        router.cut(["n1"], ["n2"])
        async with asyncio.timeout(CONVERGES_S):
            while "silent" not in router.logs() or router.seen["open"] < 2:
                adds += await add_everywhere(router, chance, 1, 0.2)
        history = await settle(router, adds)
    assert violations(history) == []


async def test_five_nodes_under_all_faults_end_with_equal_right_values(tmp_path: Path) -> None:
    chance = random.Random(5)
    async with Router(("n1", "n2", "n3", "n4", "n5"), 5, tmp_path) as router:
        adds: list[Add] = []
        for _ in range(5):
            router.faults = Faults(loss=0.02, doubling=0.05, delay_s=0.02)
            names = chance.sample(router.names, 5)
            router.cut(names[:2], names[2:])
            adds += await add_everywhere(router, chance, 40, 0.02)
        history = await settle(router, adds)
    assert violations(history) == []
    assert {add.outcome for add in adds} == set(AddOutcome)
    assert min(router.seen[what] for what in ("cut", "lost", "doubled", "overtaken")) > 0
