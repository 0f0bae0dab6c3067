"""What each location sells in a day, as a hub reads it from its journal, for balancing plans.

The hub reads when somebody plans for the first time: the last weeks a page at a time, and from then on each new entry.
It stores nothing, so a hub that restarts reads again when the next plan is made.
"""

from __future__ import annotations

import asyncio
from datetime import tzinfo

from replica.core.base.clock import stamp_ms
from replica.core.base.errors import Refused
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS
from replica.core.base.names import CUSTOMER
from replica.core.catalog.locations import time_zone_of
from replica.core.log.entry import Entry
from replica.core.log.times import moved_ms
from replica.core.log.voids import CHANGES, VOID
from replica.core.rights.daily_sales import DailySales
from replica.core.rights.forecast import SLOTS
from replica.core.state.replica import Replica
from replica.runtime.background.sales_history import (
    DAY_MS,
    ENTRIES_PER_PAGE,
    PAGE_PAUSE_S,
    PAUSE_S,
    first_arrival,
    slot_at,
)
from replica.runtime.node import Node
from replica.runtime.time_zones import time_zone


class SalesRates:
    """The daily sales that one hub knows. `run` must be running."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._wanted = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._zones: dict[str, tzinfo] = {}
        self._sales = DailySales()

    async def current(self) -> DailySales:
        """The daily sales, as soon as the past is read."""
        self._wanted.set()
        await self._caught_up.wait()
        self._sales.advance(self._now_ms // DAY_MS)
        return self._sales

    async def run(self) -> None:
        """Read the journal from when somebody asks first, as long as the node runs."""
        await self._wanted.wait()
        after = await first_arrival(self._node.journal, self._node.driver.arrival, self._now_ms)
        self._sales.advance(self._now_ms // DAY_MS)
        while True:
            self._zones.clear()  # documents may have changed them
            try:
                while after < self._node.driver.arrival:
                    after = await self._read_page(after)
                    await asyncio.sleep(PAGE_PAUSE_S)
                self._caught_up.set()
            except Refused:  # the node is overloaded or stopping: the next look reads on
                pass
            await asyncio.sleep(PAUSE_S)

    async def _read_page(self, after: int) -> int:
        """Note one page of the journal; return how far it reaches."""
        page = await self._node.journal.read(after, ENTRIES_PER_PAGE)
        entries = [stored.entry for stored in page.stored]
        await self._node.driver.look(lambda replica: self._note(replica, entries))
        return page.through

    def _note(self, replica: Replica, entries: list[Entry]) -> None:
        for entry in entries:
            if any(CUSTOMER in (move.source, move.target) for move in entry.content.moves):
                self._note_sales(replica, entry)

    def _note_sales(self, replica: Replica, entry: Entry) -> None:
        """Note what left for customers. A void takes it back on the day on which it was sold.

        A return does not: the customer wanted the goods.
        """
        content, location = entry.content, entry.stream.scope
        as_of = content.facts.get("as_of")
        sold_ms = stamp_ms(as_of) if type(as_of) is int else moved_ms(content)
        if sold_ms > self._now_ms + CLOCK_AHEAD_MAX_MS:
            return
        zone = self._zones.get(location)
        if zone is None:
            zone = self._zones[location] = time_zone(time_zone_of(replica.documents, location))
        day = slot_at(sold_ms, zone) // SLOTS
        for move in content.moves:
            if move.target == CUSTOMER and content.kind not in CHANGES:
                self._sales.note(location, move.item, day, move.quantity)
            elif move.source == CUSTOMER and content.kind == VOID:
                self._sales.note(location, move.item, day, -move.quantity)

    @property
    def _now_ms(self) -> int:
        return self._node.clock.now().wall_ms
