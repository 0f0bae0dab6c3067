"""A process ends at every moment of a commit, by a kill or a clean stop, and each request counts once.

A read takes one millisecond and a commit four. The process ends at each half millisecond, and at each of the first
turns of the loop after it. So it ends before a batch, while keys are looked up, within a commit, while the next batch
is computed, and while answers go out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from replica.core.base.errors import Refused
from replica.core.state.commands import Command
from replica.core.stock.requests import Sale, SkuLine
from simulations.chain import SimulatedChain
from simulations.loop import VirtualLoop
from simulations.machine import Machine
from simulations.plan import Plan
from simulations.run import silence

Ending = Callable[[Machine], Awaitable[None]]

HALF_MS = range(30)
TURNS = range(4)

CALLERS = [
    [Command("store-1", Sale((SkuLine(1, "cola"),)), b"%d-%d" % (caller, n)) for n in range(3)] for caller in range(4)
]
"""Requests of four callers. The later two come while the first ones are being committed."""

PLAN = Plan(seed=1, hubs=(("hub-east", "east"),), stores=("store-1",))


async def kill(machine: Machine) -> None:
    machine.stop()
    machine.start()


async def lose_power(machine: Machine) -> None:
    machine.stop(has_power=False)
    machine.start()


async def stop_cleanly(machine: Machine) -> None:
    await machine.restart()


async def answered(machine: Machine, commands: list[Command], timeout_s: float = 0.5) -> list[bytes] | None:
    """The hashes of the entries that answer these requests; None without an answer."""
    try:
        verdicts = await machine.ask(list(commands), timeout_s)
    except ConnectionRefusedError:
        return None
    if verdicts is None or any(isinstance(one, Refused) for one in verdicts):
        return None
    return [one.hash for one in verdicts if not isinstance(one, Refused)]


async def end_amid_a_commit(machine: Machine, end: Ending, half_ms: int, turns: int) -> int:
    """Send all requests, end the process, and repeat them. Return how many callers had an answer before the end."""
    asking = [asyncio.ensure_future(answered(machine, commands)) for commands in CALLERS[:2]]
    await asyncio.sleep(0.002)
    asking += [asyncio.ensure_future(answered(machine, commands)) for commands in CALLERS[2:]]
    await asyncio.sleep(half_ms / 2_000)
    for _ in range(turns):
        await asyncio.sleep(0)
    early = sum(one.done() for one in asking)
    await end(machine)
    first = await asyncio.gather(*asking)
    for commands, before in zip(CALLERS, first, strict=True):
        while (after := await answered(machine, commands)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert before in (None, after)
    return early


def play(end: Ending, half_ms: int, turns: int) -> int:
    """Play one ending on a fresh chain, and check that every key has one entry."""
    silence()
    loop = VirtualLoop(Random(1))
    chain = SimulatedChain(PLAN, loop, lambda who, what: None)
    machine = chain.machines["store-1"]
    machine.disk.read_s, machine.disk.write_s = lambda: 0.001, lambda: 0.004
    chain.start()
    early = loop.run_until_complete(_after_start(machine, end, half_ms, turns))
    keys = Counter(stored.entry.content.key for stored in machine.disk.stored if stored.entry.content.key)
    chain.end()
    assert keys == Counter(command.key for commands in CALLERS for command in commands)
    return early


async def _after_start(machine: Machine, end: Ending, half_ms: int, turns: int) -> int:
    await asyncio.sleep(2.0)
    return await end_amid_a_commit(machine, end, half_ms, turns)


@pytest.mark.parametrize("end", [kill, lose_power, stop_cleanly])
def test_each_request_counts_once_wherever_the_process_ends(end: Ending) -> None:
    early = {play(end, half_ms, turns) for half_ms in HALF_MS for turns in TURNS}
    assert early >= {0, 2, 4}
