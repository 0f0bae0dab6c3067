"""The marker `virtual_time` gives a test and its fixtures a virtual loop; other tests run in real time."""

from __future__ import annotations

import asyncio
import time

import pytest

from simulations.loop import Stuck, VirtualLoop
from tests.virtual_time import virtual_loop


@pytest.fixture
async def loop() -> asyncio.AbstractEventLoop:
    await asyncio.sleep(10)
    return asyncio.get_running_loop()


@pytest.mark.virtual_time
async def test_an_hour_takes_no_time() -> None:
    began_s = time.monotonic()
    assert asyncio.get_running_loop().time() == 0.0
    await asyncio.sleep(3_600)
    assert asyncio.get_running_loop().time() == 3_600.0
    assert time.monotonic() - began_s < 60


@pytest.mark.virtual_time
async def test_fixtures_run_on_the_same_loop(loop: asyncio.AbstractEventLoop) -> None:
    assert loop is asyncio.get_running_loop()
    assert loop.time() == 10.0


@pytest.mark.virtual_time
@pytest.mark.parametrize("run", [1, 2])
async def test_each_test_takes_the_same_course(run: int) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    assert (loop.time(), loop.turns) == (0.0, 1)


def test_waiting_for_a_future_that_is_never_set_raises_stuck() -> None:
    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with asyncio.Runner(loop_factory=virtual_loop) as runner, pytest.raises(Stuck):
        runner.run(wait())


async def test_others_run_in_real_time() -> None:
    assert not isinstance(asyncio.get_running_loop(), VirtualLoop)
