"""Windows: on which days and at which times of day a promotion is in force, by the clock on the wall of the store.

Days and times are compared as a person reads them from that clock: "fri" and "17:30". If clocks go forward, nobody
reads the times between. If they go back, everybody reads some times twice. There is nothing else to it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

Windows = Sequence[Mapping[str, Any]]
"""Each with `days`, `start` and `end`. A field that is left out has the value for a whole week or day."""

DAY, WEEK = 24 * 60, 7 * 24 * 60
"""In minutes."""

MONDAY = 4 * DAY
"""Minutes from the beginning of 1970 to its first Monday."""

AHEAD, BEHIND = 14 * 60, 12 * 60
"""How far clocks are ahead of UTC and behind it at most, in minutes."""


def zone_of(name: str) -> tzinfo:
    """A time zone by its name; UTC if there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return UTC


def clock_shows(now_ms: int, zone: tzinfo) -> tuple[int, str] | None:
    """The day of the week, 0 for Monday, and the time of day, such as "17:30". None after the end of the calendar."""
    try:
        shown = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)).astimezone(zone)
    except OverflowError:
        return None
    return shown.weekday(), shown.strftime("%H:%M")


def are_open(windows: Windows, now_ms: int, zone: tzinfo) -> bool:
    """Whether one of the windows is in force at a moment. Without windows, each moment of the calendar is."""
    shown = clock_shows(now_ms, zone)
    return shown is not None and (not windows or any(_contains(one, *shown) for one in windows))


def meet(one: Windows, other: Windows, from_ms: int, to_ms: int) -> bool:
    """Whether the clock of some store can show a minute that is in both while a period lasts."""
    common = _minutes(json.dumps(list(one))) & _minutes(json.dumps(list(other)))
    first, last = from_ms // 60_000 - BEHIND - MONDAY, -(-to_ms // 60_000) + AHEAD - MONDAY
    if last - first >= WEEK:
        return bool(common)
    return any(minute % WEEK in common for minute in range(first, last))


def _contains(window: Mapping[str, Any], day: int, time: str) -> bool:
    """Whether a window contains what a clock shows. Times of day are in the order of their texts."""
    start, end, days = window.get("start", "00:00"), window.get("end", "24:00"), window.get("days", DAYS)
    begins_today, began_yesterday = DAYS[day] in days, DAYS[day - 1] in days
    if start < end:
        return begins_today and start <= time < end
    return (begins_today and start <= time) or (began_yesterday and time < end)


@lru_cache(maxsize=1_024)
def _minutes(windows: str) -> frozenset[int]:
    """The minutes of a week, Monday 00:00 first, in which one of the windows is in force."""
    known = json.loads(windows)
    if not known:
        return frozenset(range(WEEK))
    shown = [(day, minute, f"{minute // 60:02}:{minute % 60:02}") for day in range(7) for minute in range(DAY)]
    return frozenset(
        day * DAY + minute for day, minute, time in shown if any(_contains(one, day, time) for one in known)
    )
