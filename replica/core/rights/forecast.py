"""Forecasts: how many units tills will sell in a slot of the day, from their sales in that slot on past days.

Time is counted in slots of half an hour, in local time, from a midnight on. The history is exact: units by item and
slot, of the last days. A day counts as soon as anything is sold on it. So a day on which the shop was closed does not
count, and a day on which only other items were sold counts as 0. Above `CELLS_MAX` the oldest day is dropped.
"""

from __future__ import annotations

from replica.core.rights.policies import WHOLE_PPM

SLOT_MINUTES = 30
SLOTS = 24 * 60 // SLOT_MINUTES
"""Slots of a day."""

DAYS_MAX = 28
"""Days before today that count: four of each weekday."""

DAYS_MIN = 3
"""With fewer days than this the forecast is 0."""

CELLS_MAX = 250_000
"""Items and slots of days with sales: about 10 MB. A shop with 9,000 sales a day, each of another item, fills it."""


class Demand:
    """Units sold, by item and slot."""

    __slots__ = ("_cells", "_days", "_sold")

    def __init__(self) -> None:
        self._sold: dict[str, dict[int, int]] = {}
        """Units sold, by item and slot."""
        self._days: dict[int, dict[int, int]] = {}
        """Days with sales, and the slots of each. The keys of `_sold` are the same objects, which saves memory."""
        self._cells = 0

    def __len__(self) -> int:
        """Pairs of item and slot in memory: at most `CELLS_MAX`, unless one day has more."""
        return self._cells

    @property
    def days(self) -> list[int]:
        """Days with sales in memory, in order."""
        return sorted(self._days)

    def counted(self, today: int) -> list[int]:
        """The days before today that a forecast counts, in order."""
        return sorted([day for day in self._days if today - DAYS_MAX <= day < today])

    def units(self, item: str, day: int) -> list[int]:
        """The units sold in each slot of a day."""
        cells = self._sold.get(item, {})
        return [cells.get(day * SLOTS + slot, 0) for slot in range(SLOTS)]

    def note(self, item: str, slot: int, units: int) -> None:
        """Add units that were sold in a slot."""
        day = slot // SLOTS
        if self._days and day < max(self._days) - DAYS_MAX:
            return
        slot = self._days.setdefault(day, {}).setdefault(slot, slot)
        sold = self._sold.setdefault(item, {})
        self._cells += slot not in sold
        sold[slot] = sold.get(slot, 0) + units
        while len(self._days) > 1 and (self._cells > CELLS_MAX or min(self._days) < max(self._days) - DAYS_MAX):
            self._forget(min(self._days))

    def forecast(self, item: str, slot: int, quantile_ppm: int) -> int:
        """The smallest number of units that covered the sales in this slot on this fraction of past days; 0 with too
        little history. Source: nearest rank."""
        today, cells = slot // SLOTS, self._sold.get(item, {})
        sold = sorted(
            [cells.get(slot + (day - today) * SLOTS, 0) for day in self._days if today - DAYS_MAX <= day < today]
        )
        if len(sold) < DAYS_MIN:
            return 0
        rank = -(-len(sold) * quantile_ppm // WHOLE_PPM)
        return sold[max(0, rank - 1)]

    def _forget(self, day: int) -> None:
        slots = self._days.pop(day)
        for item, cells in list(self._sold.items()):
            for slot in [slot for slot in slots if slot in cells]:
                del cells[slot]
                self._cells -= 1
            if not cells:
                del self._sold[item]
