"""Plugin: `@pytest.mark.virtual_time` runs an `async def` test, and its fixtures, on a loop in virtual time.

Time begins at 0. It passes only when the loop has nothing else to do, so a sleep of an hour takes no real time.
If all tasks wait for events that never happen, the loop raises `Stuck` immediately.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random

import pytest

from simulations.loop import VirtualLoop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def virtual_loop() -> VirtualLoop:
    """A loop that runs its tasks in the same order each time."""
    return VirtualLoop(Random(0))


VIRTUAL: Mapping[str, LoopFactory] = {"virtual": virtual_loop}
REAL: Mapping[str, LoopFactory] = {"real": asyncio.new_event_loop}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: runs on a loop in virtual time, from 0 on")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    return VIRTUAL if item.get_closest_marker("virtual_time") else REAL
