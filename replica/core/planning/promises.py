"""Delivery promises: when goods leave a location, and when they arrive.

The parts of a promise follow each other, and none is earlier than a calendar allows:

1. *ready*: the location has worked on the order for its handling time, while it is open.
2. *dispatch*: the first cut-off of the location from then on at which it is open; without cut-offs, at once. If more
   units wait there than it dispatches in a day, this is as many dispatch days later as they take.
3. *arrival*: the first and the last of the working days of the carrier that its lane says, counted from the day after
   dispatch.

A promise says what may make it wrong, as doubts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from msgspec import UNSET, Struct

from replica.core.base.limits import OPENING_DAYS_MAX
from replica.core.catalog.calendars import weekday_of
from replica.core.catalog.dispatch import Dispatch, minute_of_cut_off
from replica.core.catalog.openings import Opening, local_day, moments_of
from replica.core.catalog.weekly_windows import DAY_MINUTES, DAYS
from replica.core.planning.carriers import Lane

UNHEARD: Final = "unheard"
"""This node has heard nothing of the location for a while."""
BUSY: Final = "busy"
"""More waits at the location than it dispatches in a day."""
NO_HOLIDAYS: Final = "no-holidays"
"""A calendar has days, and none in the year of the promise: its holidays may not be known yet."""
NO_LANE: Final = "no-lane"
"""No carrier has a lane from the location to the address, so nobody knows when goods arrive."""

UNHEARD_MS = 3_600_000
"""After an hour without news, the stock of a store may have changed."""

Doubt = Literal["unheard", "busy", "no-holidays", "no-lane"]
Confidence = Literal["high", "medium", "low"]


class Sender(Struct, frozen=True):
    """What a promise needs to know about a location. `waiting_units`: units that are held there for orders."""

    opening: Opening
    dispatch: Dispatch
    waiting_units: int = 0
    unheard_ms: int | None = 0


class Arrival(Struct, frozen=True):
    """When goods arrive: from the opening of the first day to the end of the last one."""

    carrier: str
    earliest_ms: int
    latest_ms: int


class Promise(Struct, frozen=True):
    """When goods leave, and when they arrive; without a lane, nobody knows the latter."""

    ready_ms: int
    dispatch_ms: int
    arrival: Arrival | None
    doubts: tuple[Doubt, ...] = ()

    @property
    def confidence(self) -> Confidence:
        """How sure it is: high without doubts, medium with one, low with several or without an arrival."""
        if self.arrival is None or len(self.doubts) > 1:
            return "low"
        return "medium" if self.doubts else "high"


class Route(Struct, frozen=True):
    """A lane of a carrier, and when the carrier works."""

    carrier: str
    lane: Lane
    opening: Opening


def promise(sender: Sender, routes: Iterable[Route], units: int, now_ms: int) -> Promise | None:
    """When units leave a location and arrive, by the carrier that is done first. None if not within a year.

    Args:
        units: those of the order, in addition to what waits.
    """
    late_days = _late_days(sender, units)
    if late_days > OPENING_DAYS_MAX:
        return None
    ready_ms = _worked(sender.opening, now_ms, sender.dispatch.handling_minutes * 60_000)
    dispatch_ms = _dispatched(sender, ready_ms) if ready_ms is not None else None
    for _ in range(late_days):
        if dispatch_ms is None:
            break
        dispatch_ms = _dispatched(sender, _next_midnight(sender.opening, dispatch_ms), is_worked=False)
    if ready_ms is None or dispatch_ms is None or dispatch_ms > now_ms + OPENING_DAYS_MAX * DAY_MINUTES * 60_000:
        return None
    arrivals = [(arrival, route) for route in routes if (arrival := _arrival(route, dispatch_ms)) is not None]
    found, route = min(arrivals, key=lambda one: (one[0].latest_ms, one[0].carrier), default=(None, None))
    doubts: list[Doubt] = []
    if found is None:
        doubts.append(NO_LANE)
    if sender.unheard_ms is None or sender.unheard_ms > UNHEARD_MS:
        doubts.append(UNHEARD)
    if late_days:
        doubts.append(BUSY)
    ends_ms = found.latest_ms if found is not None else dispatch_ms
    if any(_lacks_year(one, ends_ms) for one in (sender.opening, *([route.opening] if route is not None else []))):
        doubts.append(NO_HOLIDAYS)
    return Promise(ready_ms, dispatch_ms, found, tuple(doubts))


def _worked(opening: Opening, from_ms: int, work_ms: int) -> int | None:
    """When a location has been open for some time, from a moment on."""
    at = opening.next_open(from_ms)
    for _ in range(OPENING_DAYS_MAX):
        if at is None or not work_ms:
            return at
        (start, end), *_ = opening.spans(at, at + DAY_MINUTES * 60_000)
        if end - start >= work_ms:
            return start + work_ms
        work_ms -= end - start
        at = opening.next_open(end)
    return None


def _dispatched(sender: Sender, ready_ms: int, *, is_worked: bool = True) -> int | None:
    """The first dispatch from a moment on: a cut-off at which the location is open, or any open moment.

    Args:
        is_worked: whether work ends at this moment, maybe with the opening hours. Then the goods leave as it ends.
    """
    opening = sender.opening
    if not sender.dispatch.cut_offs:
        leaves_now = is_worked and opening.closed(ready_ms - 1) is None
        return ready_ms if leaves_now else opening.next_open(ready_ms)
    first = local_day(ready_ms, opening.zone)
    for day in range(first, first + OPENING_DAYS_MAX):
        weekday = DAYS[weekday_of(day)]
        minutes = sorted(minute_of_cut_off(one) for one in sender.dispatch.cut_offs if weekday in one.days)
        for minute in minutes:
            for at, _ in moments_of(day, minute, minute + 1, opening.zone):
                if at >= ready_ms and opening.closed(at - 1) is None:
                    return at
    return None


def _late_days(sender: Sender, units: int) -> int:
    """How many more days of dispatch it takes until what waits has left."""
    capacity = sender.dispatch.units_per_day
    return 0 if capacity is UNSET else (sender.waiting_units + units - 1) // capacity


def _next_midnight(opening: Opening, moment_ms: int) -> int:
    """When the next day begins."""
    today = local_day(moment_ms, opening.zone)
    days = (today + 1, today + 2)  # a zone that moves over the date line skips a day
    return next(start for day in days for start, _ in moments_of(day, 0, DAY_MINUTES, opening.zone))


def _arrival(route: Route, dispatch_ms: int) -> Arrival | None:
    """The first and the last working day of a lane after a dispatch. None if the carrier does not work so long."""
    today = local_day(dispatch_ms, route.opening.zone)
    worked, earliest_ms = 0, None
    for day in range(today, today + OPENING_DAYS_MAX):
        spans = [span for span in _spans_of_day(route.opening, day) if span[1] > dispatch_ms]
        if not spans or not route.opening.works_on(day):
            continue
        worked += day > today
        if worked >= route.lane.first and earliest_ms is None:
            earliest_ms = max(spans[0][0], dispatch_ms)
        if worked >= route.lane.last and earliest_ms is not None:
            return Arrival(route.carrier, earliest_ms, spans[-1][1])
    return None


def _spans_of_day(opening: Opening, day: int) -> list[tuple[int, int]]:
    """When a carrier works on a day."""
    parts = list(moments_of(day, 0, DAY_MINUTES, opening.zone))
    return opening.spans(parts[0][0], parts[-1][1]) if parts else []


def _lacks_year(opening: Opening, moment_ms: int) -> bool:
    """Whether a calendar knows days of some years, and none of the year of a moment."""
    year = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).astimezone(opening.zone).year
    for name in opening.names:
        calendar = opening.calendars.get(name)
        if calendar is not None:
            years = [one for each in (calendar, *opening.calendars.included(calendar)) for one in each.years]
            if years and year not in years:
                return True
    return False
