"""Clock notices: the node records that the clock of a peer is wrong, so that operators learn of it after a restart too.

A session reads the clock of its peer. If it differs too much from the node's own, the node writes a notice: a store at
its location, so that hubs get it, and a hub for the other hubs. Both sides do, because neither knows whose clock is
right. When a later session shows a right clock, the node writes that too.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from replica.core.base.errors import Refused
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS
from replica.core.base.names import HUBS
from replica.core.state.housekeeping import note_clocks
from replica.core.sync.events import ClockReading
from replica.runtime.driver import Driver
from replica.runtime.peering.peers import PEERS_MAX, Peers


class ClockNotices:
    """Writes the notices of one node."""

    def __init__(self, driver: Driver, peers: Peers) -> None:
        self._driver = driver
        scopes = peers.identity.scopes
        self._scope = HUBS if scopes is None else scopes[0]
        self._read: dict[str, int] = {}
        """How far the clock of each peer is ahead, until it is dealt with; 0: it is right."""
        self._wake = asyncio.Event()
        peers.on_clock_read = self._note

    async def run(self) -> None:
        """Write a notice for each clock that turns out to be wrong, or right again."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            read, self._read = self._read, {}
            with suppress(Refused):  # the next session reads the clock again
                await self._driver.change(partial(note_clocks, scope=self._scope, read=read))

    def _note(self, reading: ClockReading) -> None:
        ahead_ms = reading.ahead_ms if abs(reading.ahead_ms) > CLOCK_AHEAD_MAX_MS else 0
        replica = self._driver.replica
        stream = replica.own_stream(self._scope)
        is_full = len(self._read) >= PEERS_MAX
        if (ahead_ms or replica.clock_faults.notice(stream, reading.node) is not None) and not is_full:
            self._read[reading.node] = ahead_ms
            self._wake.set()
