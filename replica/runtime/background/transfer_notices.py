"""Transfer notices of a hub: it tells each location of a transfer what was recorded about it elsewhere.

The core decides what a location lacks and writes the notices (`core.state.transfer_notices`); this module decides when.
Connected hubs take turns, so usually only one writes. A hub whose turn is later waits, and sees the notices of the
others. A hub that was cut off counts only the hubs that it is connected to.
"""

from __future__ import annotations

import asyncio
from functools import partial

from replica.core.base.errors import Refused, Stopping
from replica.core.state.transfer_notices import tell, turn
from replica.runtime.driver import Driver
from replica.runtime.peering.peers import Peers
from replica.runtime.peering.roles import replicates_all
from replica.runtime.ports import Clock

PAUSE_S = 0.25
"""How late a hub may notice that a location has not heard of something."""

TURN_MS = 5_000
"""How long each next hub waits. An entry between nodes that reach each other takes less."""

TRANSFERS_PER_TURN = 32
"""Transfers told in one turn of the driver: about 2 ms."""


class TransferNotices:
    """The notices of one hub. `run` must be running for locations to hear of their transfers."""

    def __init__(self, driver: Driver, peers: Peers, clock: Clock) -> None:
        self._driver = driver
        self._peers = peers
        self._clock = clock
        self._since: dict[str, int] = {}
        """When this hub first saw that something about a transfer was to be told, as elapsed time."""

    async def run(self) -> None:
        """Write notices until the node stops."""
        while True:
            due = self._due()
            try:
                if due:
                    await self._driver.change(partial(tell, transfers=due))
            except Stopping:
                return
            except Refused:  # a full inbox or disk: the notices stay due
                due = []
            if len(due) < TRANSFERS_PER_TURN:
                await asyncio.sleep(PAUSE_S)

    def _due(self) -> list[str]:
        """The transfers of which it is this hub's turn to tell."""
        waiting = self._driver.replica.transfers.to_tell(2 * TRANSFERS_PER_TURN * self._hubs)
        if not waiting:
            self._since.clear()
            return []
        now_ms, node = self._clock.now().elapsed_ms, self._driver.replica.node
        hellos = [peer.hello for peer in self._peers.connected if peer.hello is not None]
        others = [hello.node for hello in hellos if replicates_all(hello)]
        self._since = {name: self._since.get(name, now_ms) for name in waiting}
        due = [name for name in waiting if self._since[name] + turn(name, node, others) * TURN_MS <= now_ms]
        return due[:TRANSFERS_PER_TURN]

    @property
    def _hubs(self) -> int:
        """The number of hubs that may take turns: so many may wait for the turn of another one."""
        return 1 + len(self._peers.connected)
