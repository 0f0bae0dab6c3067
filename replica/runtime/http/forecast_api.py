"""The call about the forecast of an item at a location.

The store knows what its tills sold while a policy asks for forecasts. Any other node, and a store without such a
policy, reads the sales of the one item from its journal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo

from aiohttp import web

from replica.core.base.names import FREE, account
from replica.core.catalog.locations import time_zone_of
from replica.core.rights.forecast import DAYS_MAX, SLOTS, Demand
from replica.core.state.replica import Replica
from replica.runtime.background.sales_history import DAY_MS, slot_at, slot_of_sale, written_ms
from replica.runtime.http.forecast_answers import ForecastAnswer, SoldUnits, forecast_answer
from replica.runtime.http.operations import Operation, json_response
from replica.runtime.node import Node
from replica.runtime.time_zones import time_zone

PAGE = 256

ENTRIES_MAX = 4_096
"""Movements of one item that are read for one answer: 146 a day for four weeks. Another thread reads them, for half a
second if every tenth entry moves the item."""


class ForecastApi:
    """The call at one node.

    Args:
        location_of: the location of a call.
        demand_of: what the tills sold, as the forecasts of this node count it; None if it has none now.
    """

    def __init__(
        self, node: Node, location_of: Callable[[web.Request], str], demand_of: Callable[[], Demand | None]
    ) -> None:
        self._node = node
        self._location_of = location_of
        self._demand_of = demand_of

    def operations(self, path: str) -> list[Operation]:
        """The call. A hub names the location in the path."""
        return [
            Operation(
                method="GET",
                path=path,
                handler=self.get,
                summary="Read the forecast of an item, and what it is computed from",
                answer=ForecastAnswer,
            )
        ]

    async def get(self, request: web.Request) -> web.Response:
        location, item = await self._node.meet(self._location_of(request)), request.match_info["item"]
        owner, zone = await self._node.driver.look(
            lambda replica: (_owner(replica, location), time_zone_of(replica.documents, location))
        )
        sold = await self._sold(location, item, owner, time_zone(zone))
        look = self._node.driver.look
        return json_response(await look(lambda replica: forecast_answer(replica, location, item, owner, zone, sold)))

    async def _sold(self, location: str, item: str, owner: str | None, zone: tzinfo) -> SoldUnits | None:
        """What the tills at a location sold; None if their node is not known."""
        slot, demand = slot_at(self._now_ms, zone), self._demand_of()
        if demand is not None:
            return SoldUnits(demand, slot, "sales_history")
        if owner is None:
            return None
        sales, is_capped = await self._sales(location, item, owner, zone)
        found, today = Demand(), slot // SLOTS
        first = min([one // SLOTS for one, _ in sales], default=today)
        if is_capped and first < today:  # it has more sales than were read
            first += 1
        for day in range(max(first, today - DAYS_MAX), today + 1):
            found.note(item, day * SLOTS, 0)
        for one, units in sales:
            if one // SLOTS >= first:
                found.note(item, one, units)
        return SoldUnits(found, slot, "journal", is_capped)

    async def _sales(self, location: str, item: str, owner: str, zone: tzinfo) -> tuple[list[tuple[int, int]], bool]:
        """The half hours of the last weeks in which tills sold an item, with the units, and whether there are more."""
        now_ms, unread = self._now_ms, ENTRIES_MAX
        found: list[tuple[int, int]] = []
        before = await self._node.driver.look(lambda replica: replica.arrival + 1)
        while unread > 0:
            page = await self._node.journal.moves_of(location, item, before, min(PAGE, unread))
            unread -= len(page.stored)
            for entry in (stored.entry for stored in page.stored):
                if written_ms(entry.content, now_ms) < now_ms - (DAYS_MAX + 2) * DAY_MS:
                    return found, False
                slot = slot_of_sale(entry, owner, location, zone, now_ms)
                if slot is not None:
                    free = account(owner, FREE)
                    units = [one.quantity for one in entry.content.moves if (one.item, one.source) == (item, free)]
                    found.append((slot, sum(units)))
            if not page.through:
                return found, False
            before = page.through
        return found, True

    @property
    def _now_ms(self) -> int:
        return self._node.clock.now().wall_ms


def _owner(replica: Replica, location: str) -> str | None:
    return replica.node if location in replica.locations else replica.location_owners.nodes.get(location)
