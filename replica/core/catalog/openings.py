"""Openings: when calendars are open, as moments, in the time zone of a location.

A window is about what the clock on the wall shows, as in `weekly_windows`. So a day on which clocks change is cut into
parts in which they do not, and each part has the moments of its own local times:

- When clocks go forward, a window loses the times that they never show.
- When clocks go back, a window of times that they show twice is open twice.

Several calendars are open together when each of them is. A calendar that is named and unknown is never open, because a
promise must not be earlier than a calendar allows.

Moments are milliseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache

from msgspec import Struct

from replica.core.base.limits import OPENING_DAYS_MAX
from replica.core.base.spans import Span, common, merged, without
from replica.core.catalog.calendars import Calendar, Calendars, PlannedDay

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_STEP_MS = _DAY_MS // 4
"""Between two looks at the offset of a zone. No zone changes it and back in so short a time."""


class Closed(Struct, frozen=True):
    """Why it is closed at a moment. `reasons`: what a shopper reads; empty if the calendar says none."""

    calendar: str
    reasons: dict[str, str] = {}
    is_unknown: bool = False
    """Whether there is no such calendar."""


class Opening(Struct, frozen=True):
    """Calendars that hold together at one place."""

    calendars: Calendars
    names: tuple[str, ...]
    zone: tzinfo

    def closed(self, moment_ms: int) -> Closed | None:
        """Why it is closed at a moment; None if it is open."""
        for name in self.names:
            calendar = self.calendars.get(name)
            if calendar is None:
                return Closed(name, is_unknown=True)
            for period, reasons in calendar.stops:
                if period.contains(moment_ms):
                    return Closed(name, reasons)
            spans = self._dispatching(calendar, moment_ms, moment_ms + 1)
            if not any(start <= moment_ms < end for start, end in spans):
                day = local_day(moment_ms, self.zone)
                return Closed(name, self._planned(calendar, day).reasons)
        return None

    def spans(self, from_ms: int, to_ms: int) -> list[Span]:
        """When all calendars are open between two moments, in order and apart."""
        found = [(from_ms, to_ms)] if from_ms < to_ms else []
        for name in self.names:
            calendar = self.calendars.get(name)
            if calendar is None:
                return []
            open_spans = common(self._dispatching(calendar, from_ms, to_ms), [(from_ms, to_ms)])
            found = common(found, without(open_spans, [(one.from_ms, one.to_ms) for one, _ in calendar.stops]))
        return found

    def next_open(self, moment_ms: int) -> int | None:
        """The first moment from this one on at which it is open; None if that is too far away."""
        for day in range(OPENING_DAYS_MAX):
            from_ms = moment_ms + day * _DAY_MS
            spans = self.spans(from_ms, from_ms + _DAY_MS)
            if spans:
                return spans[0][0]
        return None

    def works_on(self, day: int) -> bool:
        """Whether a window of each calendar begins on a day. One that began on the day before does not make it work."""
        known = [self.calendars.get(name) for name in self.names]
        return all(calendar is not None and self._planned(calendar, day).runs for calendar in known)

    def _planned(self, calendar: Calendar, day: int) -> PlannedDay:
        return calendar.planned(day, self.calendars.included(calendar))

    def _dispatching(self, calendar: Calendar, from_ms: int, to_ms: int) -> list[Span]:
        """When a calendar is open, without a look at its stops: at least all of it between two moments."""
        found: list[Span] = []
        # a window that began on the day before may still be open
        for day in range(local_day(from_ms, self.zone) - 1, local_day(to_ms, self.zone) + 1):
            for first, end in self._planned(calendar, day).runs:
                found += moments_of(day, first, end, self.zone)
        return merged(found)


def local_day(moment_ms: int, zone: tzinfo) -> int:
    """The ordinal of the day that a clock in a time zone shows."""
    return (_EPOCH + timedelta(milliseconds=moment_ms)).astimezone(zone).toordinal()


def moments_of(day: int, first: int, end: int, zone: tzinfo) -> Iterator[Span]:
    """When a clock in a time zone shows a run of minutes, counted from the midnight at which a day begins."""
    midnight_ms = (day - _EPOCH_DAY) * _DAY_MS
    shown = (midnight_ms + first * _MINUTE_MS, midnight_ms + end * _MINUTE_MS)
    for utc_day in range(day - _EPOCH_DAY - 1, day - _EPOCH_DAY + 3):
        for start_ms, stop_ms, offset_ms in _offsets(zone, utc_day):
            begins, ends = max(shown[0] - offset_ms, start_ms), min(shown[1] - offset_ms, stop_ms)
            if begins < ends:
                yield begins, ends


@lru_cache(maxsize=8_192)
def _offsets(zone: tzinfo, utc_day: int) -> tuple[tuple[int, int, int], ...]:
    """The parts of a day of UTC in which a zone has one offset: from, to, and how far its clocks are ahead."""
    parts: list[tuple[int, int, int]] = []
    for start in range(utc_day * _DAY_MS, (utc_day + 1) * _DAY_MS, _STEP_MS):
        end = start + _STEP_MS
        before, after = _offset_ms(zone, start), _offset_ms(zone, end - 1)
        change = end if before == after else _change_between(zone, start, end, before)
        parts.append((start, change, before))
        if change < end:
            parts.append((change, end, after))
    return tuple(parts)


def _change_between(zone: tzinfo, start: int, end: int, before: int) -> int:
    """The first second between two moments at which a zone has another offset than before."""
    while end - start > 1_000:
        middle = start + (end - start) // 2 // 1_000 * 1_000
        if _offset_ms(zone, middle) == before:
            start = middle
        else:
            end = middle
    return end


def _offset_ms(zone: tzinfo, moment_ms: int) -> int:
    offset = (_EPOCH + timedelta(milliseconds=moment_ms)).astimezone(zone).utcoffset()
    return offset // timedelta(milliseconds=1) if offset is not None else 0
