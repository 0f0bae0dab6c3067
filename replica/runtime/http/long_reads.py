"""Reads of many things: a slice at a time, so that a sale never waits for a whole page.

A page of a thousand answers takes some tens of milliseconds of the event loop. In one piece, each sale that arrives
meanwhile would wait for it. So a read looks at few things in one turn, encodes them, and lets the loop go round. While
a commit runs, a look waits for its end, and that slows a reader down further when tills are busy. All reads of a node
take turns, so many readers together cost a sale no more than one.

Each answer is of one moment. Two answers of a page may be of two moments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from msgspec import Raw

from replica.core.state.pending import Pending
from replica.core.state.replica import Replica
from replica.runtime.driver import Driver
from replica.runtime.http.operations import encode_json

T = TypeVar("T")
U = TypeVar("U")

SLICE = 8
"""Answers rendered in one turn of the event loop: about a quarter of a millisecond."""

COLLECTED = 64
"""Things of which something is read in one turn without rendering it: about as long."""


class LongReads:
    """The reads of many things at one node."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._turn = asyncio.Lock()

    async def collect(self, things: Sequence[T], read: Callable[[Replica, Sequence[T]], list[U]]) -> list[U]:
        """Read something for each thing from the replica. `read` reads for those of one slice."""
        found: list[U] = []
        for start in range(0, len(things), COLLECTED):
            some = things[start : start + COLLECTED]
            async with self._turn:
                found += await self._driver.look(lambda replica, some=some: read(replica, some))  # type: ignore[misc]
                await asyncio.sleep(0)
        return found

    async def collect_now(
        self, things: Sequence[T], read: Callable[[Replica, Pending, Sequence[T]], list[U]], at_once: int = COLLECTED
    ) -> list[U]:
        """As `collect`, without waiting for commits: `read` leaves out what is pending. `at_once`: things of a turn."""
        found: list[U] = []
        for start in range(0, len(things), at_once):
            some = things[start : start + at_once]
            async with self._turn:
                found += await self._driver.look_now(lambda replica, pending, some=some: read(replica, pending, some))  # type: ignore[misc]
                await asyncio.sleep(0)
        return found

    async def look(self, things: Sequence[T], answers: Callable[[Replica, Sequence[T]], list[Any]]) -> list[Any]:
        """Answer for each thing from the replica, as JSON. `answers` renders those of one slice."""
        found: list[Any] = []
        for start in range(0, len(things), SLICE):
            some = things[start : start + SLICE]
            async with self._turn:
                rendered = await self._driver.look(lambda replica, some=some: answers(replica, some))  # type: ignore[misc]
                found += [Raw(encode_json(one)) for one in rendered]
                await asyncio.sleep(0)
        return found

    async def render(self, things: Sequence[T], answer: Callable[[T], Any]) -> list[Any]:
        """Answer for each thing that is already read, as JSON."""
        found: list[Any] = []
        for start in range(0, len(things), SLICE):
            async with self._turn:
                found += [Raw(encode_json(answer(one))) for one in things[start : start + SLICE]]
                await asyncio.sleep(0)
        return found
