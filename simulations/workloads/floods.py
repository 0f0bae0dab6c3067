"""Floods: many requests at once, of several sizes, while the disk is busy and holds expire.

The inbox of a node can be full for as long as a commit takes. Work that the node does by itself meets the full inbox,
too, and must be done later. Each flood repeats one answered request, so it changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec import UNSET

from replica.core.base.limits import BATCH_ENTRIES_MAX
from replica.core.orders.requests import PlacedLine, Placement
from replica.runtime import driver
from simulations.clients import try_once
from simulations.history import Ask
from simulations.journal import Latency
from simulations.ordering_clients import Offer, OrderingClient, _offers

BUSY_S = 1.2
"""How long each commit takes while the disk is busy: longer than housekeeping rests."""

BRIEF_S = 1
"""How long the holds live that expire during a flood."""

HOLDS = 3

SIZES = (0.25, 1.0, 1.0, 2.0)
"""Sizes of floods, as a share of the requests that fill the inbox while a batch waits for the disk."""

ABREAST = 4
"""Batches that arrive together in each wave."""

WAVE_S = 0.005
"""How long the callers of a wave wait."""

PAUSE_S = 2.0
"""Mean pause between two actions of a client."""


class FloodClient(OrderingClient):
    """A client that floods its machine now and then."""

    async def run(self, until: float) -> None:
        """Flood the machine now and then, and once more when nothing happens afterwards that could make up for it."""
        await super().run(until)
        await self._flood_a_busy_disk()

    def _pause_s(self) -> float:
        return self._random.expovariate(1 / PAUSE_S)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [(self._receive, 2.0), (self._flood_a_busy_disk, 1.0)]

    async def _flood_a_busy_disk(self) -> None:
        """Hold goods for a second and change a policy, and flood the node when all that is about to have its effect."""
        known = [ask for ask in self._asks[-20:] if ask.entry is not None]
        offers = await self._machine.look(partial(_offers, channel=""), self._timeout_s) or []
        if not known or not offers:
            return
        began_s, holds = self._chain.loop.time(), [self._brief_hold(offers) for _ in range(HOLDS)]
        placing = [self._place(hold) for hold in holds]
        is_hub = self._machine.role.role == "hub"
        ruling = [self._write_policy()] if is_hub and self._chain.stores else []
        await asyncio.gather(*placing, *ruling)
        passed_s = self._chain.loop.time() - began_s
        await asyncio.sleep(max(0.0, BRIEF_S - passed_s - self._random.uniform(0.0, 0.3)))
        self._history.tally("flooded")
        busy: tuple[Latency, Latency] = (lambda: 0.0, lambda: BUSY_S)
        disk = self._machine.disk
        disk.slowed.append(busy)
        receiving = self._chain.loop.create_task(self._receive())  # its commit keeps the disk busy
        try:
            await self._come_in_waves(self._random.choice(known))
            await asyncio.sleep(BUSY_S)
        finally:
            disk.slowed.remove(busy)
            await receiving

    def _brief_hold(self, offers: list[Offer]) -> Placement:
        location, item, _ = self._random.choice(offers)
        return Placement(
            order=self._order_name(),
            lines=(PlacedLine(1, item, location=location),),
            ttl_s=BRIEF_S,
            pickup_at=location if self._machine.role.role == "edge" else UNSET,
        )

    async def _come_in_waves(self, known: Ask) -> None:
        """Send batches, then smaller ones, because a nearly full inbox still takes the smaller ones."""
        full = driver.INBOX_MAX + BATCH_ENTRIES_MAX
        batch = max(1, int(full * self._random.choice(SIZES)) // ABREAST)
        while batch:
            tries = [try_once(self._chain, self._history, [known] * batch, WAVE_S) for _ in range(ABREAST)]
            await asyncio.gather(*tries)
            batch //= 2
