"""Plugin: `@pytest.mark.virtual_time` runs an `async def` test, and its fixtures, on a loop whose time is made up.

Time begins at 0 and passes only when nothing else is left to do, so an hour takes no longer than what happens in it.
Whoever waits for what never comes gets `Stuck` at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from random import Random

import pytest

from simulations.loop import VirtualLoop

LoopFactory = Callable[[], asyncio.AbstractEventLoop]


def virtual_loop() -> VirtualLoop:
    """A loop that takes the same course each time."""
    return VirtualLoop(Random(0))


VIRTUAL: Mapping[str, LoopFactory] = {"virtual": virtual_loop}
REAL: Mapping[str, LoopFactory] = {"real": asyncio.new_event_loop}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "virtual_time: runs on a loop in virtual time, from 0 on")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, LoopFactory]:
    return VIRTUAL if item.get_closest_marker("virtual_time") else REAL
