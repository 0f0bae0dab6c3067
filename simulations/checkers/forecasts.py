"""What tills sold in each half hour of each day, added up from entries alone, and the forecast that follows from it.

The rule is that of the documents, computed again: the units that covered the sales in this half hour on a fraction of
the 28 days before today, without those on which the store sold nothing. A time that is still ahead is of a wrong clock.
Half hours and days are those of the time zone in the document of the store.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from math import ceil
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from replica.core.base.names import FREE, account, node_of
from replica.core.log.entry import Entry
from replica.core.stock.till_receipts import SALE
from simulations.checkers.locations import note_location
from simulations.history import Pair
from simulations.reference.catalogue import Documents
from simulations.reference.clocks import recorded_ms, told_ms

DAYS_COUNTED = 28
DAYS_NEEDED = 3
AHEAD_MAX_MS = 60_000


class Forecasts:
    """The sales of all stores, each by its own tills, and the time zones of the stores."""

    def __init__(self) -> None:
        self._sold: dict[str, list[tuple[int, str, int]]] = {}
        """By store: when goods moved, the item, and the units."""
        self._documents = Documents()

    def add(self, entry: Entry) -> None:
        """Add the sale of an entry that was not added before."""
        content, node = entry.content, node_of(entry.stream.writer)
        note_location(self._documents, entry)
        if content.kind != SALE or node != entry.stream.scope:
            return
        noted_ms = recorded_ms(content.clock, content.facts.get("wall", content.clock >> 16))
        at_ms = told_ms(content.facts.get("occurred_at"), noted_ms)
        sold = self._sold.setdefault(node, [])
        for move in content.moves:
            if move.source == account(node, FREE):
                sold.append((noted_ms if at_ms is None else at_ms, move.item, move.quantity))

    def units(self, pair: Pair, quantile: float, now_ms: int) -> int:
        """The units that a store will sell of an item in the half hour of now; 0 if it knows too few days."""
        store, item = pair
        past = [one for one in self._sold.get(store, ()) if one[0] <= now_ms + AHEAD_MAX_MS]
        zone = self._zone(store)
        today, half_hour = _local(now_ms, zone)
        days = {_local(at_ms, zone)[0]: 0 for at_ms, *_ in past}
        newest = max(days, default=today)
        days = {day: 0 for day in days if newest - DAYS_COUNTED <= day and today - DAYS_COUNTED <= day < today}
        if len(days) < DAYS_NEEDED:
            return 0
        for at_ms, sold, units in past:
            day, part = _local(at_ms, zone)
            if sold == item and day in days and part == half_hour:
                days[day] += units
        return sorted(days.values())[max(0, ceil(len(days) * quantile - 1e-9) - 1)]

    def _zone(self, store: str) -> tzinfo:
        """The time zone of a store; UTC if its document names none that this machine knows."""
        try:
            return ZoneInfo((self._documents.value("location", store) or {}).get("time_zone", "UTC"))
        except ZoneInfoNotFoundError:
            return UTC


def _local(at_ms: int, zone: tzinfo) -> tuple[int, int]:
    """The day and the half hour that clocks on the wall show."""
    shown = datetime.fromtimestamp(at_ms / 1000, zone)
    return shown.toordinal(), 2 * shown.hour + shown.minute // 30
