"""The virtual loop: time jumps, and hosts take turns, crash and pause."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

import pytest

from simulations.loop import Host, Stuck, VirtualLoop


def run(work: Coroutine[Any, Any, Any], loop: VirtualLoop) -> Any:
    try:
        return loop.run_until_complete(work)
    finally:
        loop.wind_up([])
        loop.close()


def test_time_jumps_to_the_next_timer() -> None:
    loop = VirtualLoop(Random(1))
    run(asyncio.sleep(86_400), loop)
    assert loop.time() == 86_400


def test_events_on_one_host_are_in_order() -> None:
    loop, seen = VirtualLoop(Random(1)), []

    async def main() -> None:
        host = Host("one")
        for number in range(20):
            loop.start_on(host, note(number))
        await asyncio.sleep(1)

    async def note(number: int) -> None:
        seen.append(number)

    run(main(), loop)
    assert seen == list(range(20))


def interleaving(seed: int) -> list[str]:
    """The order in which three hosts take twenty turns each."""
    loop, seen = VirtualLoop(Random(seed)), []

    async def spin(name: str) -> None:
        for _ in range(20):
            seen.append(name)
            await asyncio.sleep(0)

    async def main() -> None:
        for name in ("a", "b", "c"):
            loop.start_on(Host(name), spin(name))
        await asyncio.sleep(1)

    run(main(), loop)
    return seen


def test_the_seed_decides_which_host_runs_next() -> None:
    assert interleaving(1) == interleaving(1)
    assert len({tuple(interleaving(seed)) for seed in range(5)}) == 5


def test_a_crash_drops_a_host_and_runs_no_finally_block() -> None:
    loop, seen = VirtualLoop(Random(1)), []
    host = Host("doomed")

    async def work() -> None:
        try:
            while True:
                seen.append("works")
                await asyncio.sleep(1)
        finally:
            seen.append("finally")

    async def main() -> None:
        loop.start_on(host, work())
        await asyncio.sleep(2.5)
        loop.crash(host)
        await asyncio.sleep(10)

    loop.run_until_complete(main())
    assert seen == ["works"] * 3
    loop.wind_up([host])
    loop.close()


def test_a_future_does_not_wake_a_crashed_host() -> None:
    loop, seen = VirtualLoop(Random(1)), []
    host = Host("doomed")

    async def main() -> None:
        answer: asyncio.Future[None] = loop.create_future()

        async def wait() -> None:
            await answer
            seen.append("woken")

        loop.start_on(host, wait())
        await asyncio.sleep(1)
        loop.crash(host)
        answer.set_result(None)
        await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert seen == []
    loop.wind_up([host])
    loop.close()


def test_a_paused_host_runs_its_work_after_it_resumes() -> None:
    loop, seen = VirtualLoop(Random(1)), []
    host = Host("sleeper")

    async def work() -> None:
        await asyncio.sleep(1)
        seen.append(loop.time())

    async def main() -> None:
        loop.start_on(host, work())
        await asyncio.sleep(0.5)
        loop.pause(host)
        await asyncio.sleep(10)
        assert seen == []
        loop.resume(host)
        await asyncio.sleep(1)

    run(main(), loop)
    assert seen == [10.5]


def test_an_endless_wait_raises_stuck() -> None:
    loop = VirtualLoop(Random(1))

    async def main() -> None:
        await loop.create_future()

    with pytest.raises(Stuck, match="nothing more can happen"):
        run_stuck(main(), loop)


def test_hosts_that_spin_raise_stuck() -> None:
    loop = VirtualLoop(Random(1))

    async def main() -> None:
        while True:  # noqa: ASYNC110
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="turns at 0"):
        run_stuck(main(), loop)


def run_stuck(work: Coroutine[Any, Any, Any], loop: VirtualLoop) -> None:
    """As `run`, for a loop that cannot wind up."""
    task = loop.create_task(work)
    try:
        loop.run_until_complete(task)
    finally:
        loop.close()
        work.close()
