"""Daily sales: how many units of each item leave each location for customers in a day, on average of the last weeks.

It is the long view beside `forecast`, which knows the slots of a day. A day counts at a location as soon as anything
leaves it for a customer, so a day on which the shop was closed does not count. Today does not count, because it is not
over.
"""

from __future__ import annotations

from replica.core.rights.forecast import DAYS_MAX, DAYS_MIN

_Units = dict[str, dict[str, int]]
"""By location and item."""


class DailySales:
    """The units that left on each of the last days, by location and item."""

    __slots__ = ("_days", "_days_of", "_sums", "_today")

    def __init__(self) -> None:
        self._days: dict[int, _Units] = {}
        self._sums: _Units = {}
        """Over the days that count."""
        self._days_of: dict[str, int] = {}
        """How many days count at a location."""
        self._today = 0

    def note(self, location: str, item: str, day: int, units: int) -> None:
        """Add units that left on a day. Units below 0 were taken back. A day that is too old changes nothing."""
        if day < self._today - DAYS_MAX:
            return
        at = self._days.setdefault(day, {})
        if location not in at:
            at[location] = {}
            self._days_of[location] = self._days_of.get(location, 0) + self._counts(day)
        at[location][item] = at[location].get(item, 0) + units
        if self._counts(day):
            self._add(location, item, units)

    def advance(self, today: int) -> None:
        """Go on to another day: the days before it count now, except those that are too old."""
        before, self._today = self._today, max(self._today, today)
        for day in sorted(self._days):
            if day < self._today - DAYS_MAX:
                self._change(day, -1 if before - DAYS_MAX <= day < before else 0)
                del self._days[day]
            elif before <= day < self._today:
                self._change(day, 1)

    def is_known(self, location: str) -> bool:
        """Whether enough days count at a location to say anything about what it sells."""
        return self._days_of.get(location, 0) >= DAYS_MIN

    def milli(self, location: str, item: str) -> int:
        """Thousandths of a unit that leave in a day. 0 if too few days count."""
        days = self._days_of.get(location, 0)
        if days < DAYS_MIN:
            return 0
        return max(0, self._sums.get(location, {}).get(item, 0)) * 1_000 // days

    def _counts(self, day: int) -> bool:
        return self._today - DAYS_MAX <= day < self._today

    def _change(self, day: int, sign: int) -> None:
        for location, items in self._days[day].items() if sign else ():
            self._days_of[location] = self._days_of.get(location, 0) + sign
            for item, units in items.items():
                self._add(location, item, sign * units)

    def _add(self, location: str, item: str, units: int) -> None:
        sums = self._sums.setdefault(location, {})
        sums[item] = sums.get(item, 0) + units
        if not sums[item]:
            del sums[item]
