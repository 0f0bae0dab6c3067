"""Delivery promises: when goods leave a location and arrive at an address, read off calendars day after day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Any

from simulations.reference.areas import Area
from simulations.reference.calendars import DAY_MS, MINUTE_MS, Hours, Span
from simulations.reference.catalogue import Documents
from simulations.reference.windows import DAYS, zone_of

DAYS_MAX = 370
"""If goods do not leave within so many days, or a carrier does not work, nobody promises anything."""


@dataclass(frozen=True)
class Promise:
    """When goods are ready and leave; and by which carrier and between which moments they arrive, if that is known."""

    ready_ms: int
    dispatch_ms: int
    carrier: str = ""
    earliest_ms: int = 0
    latest_ms: int = 0


@dataclass(frozen=True)
class Sender:
    """A location that sends goods. `waiting`: the units that are held there already."""

    documents: Documents
    location: str
    hours: Hours
    waiting: int

    @property
    def _dispatch(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = (self.documents.value("location", self.location) or {}).get("dispatch", {})
        return found

    def promise(self, areas: Sequence[Area], units: int, now_ms: int) -> Promise | None:
        """When some units leave and arrive; None if they never leave."""
        capacity = self._dispatch.get("units_per_day")
        late_days = (self.waiting + units - 1) // capacity if capacity else 0
        ready_ms = self._ready(now_ms) if late_days <= DAYS_MAX else None
        if ready_ms is None:
            return None
        leaves_ms = self._leaves(ready_ms)
        for _ in range(late_days):
            if leaves_ms is not None:
                leaves_ms = self._leaves_from(self.hours.of_day(self.hours.day_of(leaves_ms))[1])
        if leaves_ms is None or leaves_ms > now_ms + DAYS_MAX * DAY_MS:
            return None
        found = [(latest, carrier, earliest) for carrier, earliest, latest in self._arrivals(areas, leaves_ms)]
        if not found:
            return Promise(ready_ms, leaves_ms)
        latest_ms, carrier, earliest_ms = min(found)
        return Promise(ready_ms, leaves_ms, carrier, earliest_ms, latest_ms)

    def _ready(self, now_ms: int) -> int | None:
        """When the location has been open for its handling time."""
        left_ms = self._dispatch.get("handling_minutes", 0) * MINUTE_MS
        for begins_ms, ends_ms in self.hours.spans(now_ms, DAYS_MAX):
            if left_ms <= ends_ms - begins_ms:
                return int(begins_ms + left_ms)
            left_ms -= ends_ms - begins_ms
        return None

    def _leaves(self, ready_ms: int) -> int | None:
        """When what is ready leaves. Without cut-offs, work may end as the location closes."""
        if not self._dispatch.get("cut_offs") and self.hours.closed(ready_ms - 1) is None:
            return ready_ms
        return self._leaves_from(ready_ms)

    def _leaves_from(self, from_ms: int) -> int | None:
        """The first dispatch from a moment on."""
        cut_offs, hours = self._dispatch.get("cut_offs", ()), self.hours
        if not cut_offs:
            return hours.next_open(from_ms, DAYS_MAX)
        for number in range(DAYS_MAX):
            day = hours.day_of(from_ms) + timedelta(days=number)
            texts = [one["time"] for one in cut_offs if DAYS[day.weekday()] in one.get("days", DAYS)]
            for at_ms in sorted({at_ms for text in texts for at_ms in hours.shown(day, text)}):
                if at_ms >= from_ms and hours.closed(at_ms - 1) is None:
                    return at_ms
        return None

    def _arrivals(self, areas: Sequence[Area], leaves_ms: int) -> Iterator[tuple[str, int, int]]:
        """By carrier: when it brings goods that leave at a moment."""
        ids = [key for key, _ in areas]
        for carrier in self.documents.keys("carrier"):
            value = self.documents.value("carrier", carrier)
            lane = next((one for one in value["lanes"] if self._fits(one, ids)), None)
            zone = zone_of(value["time_zone"]) if value.get("time_zone") else self.hours.zone
            hours = Hours(self.documents, value.get("calendars", ()), zone)
            found = _arrival(hours, lane, leaves_ms) if lane is not None else None
            if found is not None:
                yield (carrier, *found)

    def _fits(self, lane: Mapping[str, Any], areas: Iterable[str]) -> bool:
        is_from = not lane.get("locations") or self.location in lane["locations"]
        return is_from and (not lane.get("areas") or any(area in lane["areas"] for area in areas))


def _arrival(hours: Hours, lane: Mapping[str, Any], leaves_ms: int) -> Span | None:
    """From the opening of the first working day of a lane to the end of its last one, counted after the dispatch."""
    today = hours.day_of(leaves_ms)
    days = [
        (day, spans) for day, spans in islice(_working_days(hours, today), lane["last"] + 2) if spans[-1][1] > leaves_ms
    ]
    from_today = [one for one in days if one[0] == today]
    later = [one for one in days if one[0] > today]
    counted = [from_today[0] if from_today else None, *later]
    first = counted[lane["first"]] if lane["first"] < len(counted) else None
    last = counted[lane["last"]] if lane["last"] < len(counted) else None
    if lane["first"] == 0 and first is None:
        first = later[0] if later else None
    if lane["last"] == 0 and last is None:
        last = first
    if first is None or last is None:
        return None
    opens_ms = next(begins for begins, ends in first[1] if ends > leaves_ms)
    return max(opens_ms, leaves_ms), last[1][-1][1]


def _working_days(hours: Hours, first: date) -> Iterator[tuple[date, list[Span]]]:
    """The days on which a window of each calendar begins, with the times at which all are open."""
    for number in range(DAYS_MAX):
        day = first + timedelta(days=number)
        if hours.works_on(day):
            begins_ms, ends_ms = hours.of_day(day)
            spans = [(begins, min(ends, ends_ms)) for begins, ends in hours.spans(begins_ms, 2) if begins < ends_ms]
            if spans:
                yield day, spans
