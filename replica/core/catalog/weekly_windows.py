"""Weekly windows: on which days and between which times of day a promotion is in force.

A window is about what a clock on the wall of the store shows. That alone decides about days that are no usual ones:

- When clocks go forward, they never show the times between. A window of only these times is not in force on that day.
- When clocks go back, they show some times twice. A window of these times is in force twice.
- The end of a window may be at or before its start: it then lies on the next day. The days of a window are those on
  which it begins.

A window contains its start and not its end. The time zone is a value that the caller hands in.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Annotated, Literal

from msgspec import Meta, Struct

from replica.core.base.errors import Invalid
from replica.core.base.spans import common, merged
from replica.core.catalog.validity import Period

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]

DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS = 60_000
_AHEAD_MAX_MINUTES = 14 * 60
"""How far the clocks of a time zone are ahead of UTC at most: in Kiribati."""
_BEHIND_MAX_MINUTES = 12 * 60
"""How far they are behind at most: on ships and islands in the west of the Pacific."""


class TimeWindow(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Times of day, by the clock of the store."""

    start: Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["17:00"])] = "00:00"
    end: Annotated[
        str,
        Meta(
            pattern=r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$",
            description="At or before the start: on the next day.",
            examples=["19:00"],
        ),
    ] = "24:00"


class WeeklyWindow(TimeWindow, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Times of day on some days of each week, by the clock of the store."""

    days: Annotated[
        tuple[Day, ...], Meta(min_length=1, max_length=len(DAYS), description="On which the window begins.")
    ] = DAYS


Minutes = tuple[tuple[int, int], ...]
"""Minutes of a week, Monday 00:00 first, as runs from a minute up to, and without, another. In order, and apart."""

WHOLE_WEEK: Minutes = ((0, WEEK_MINUTES),)


def check_windows(windows: Sequence[TimeWindow], field: str) -> None:
    """Refuse a window that begins and ends at one time. Raises Invalid."""
    for index, window in enumerate(windows):
        if window.start == window.end:
            text = f"The field {field}[{index}].end is {window.end}, and the window starts at the same time."
            hint = "For a whole day, send start 00:00 and end 24:00."
            raise Invalid(f"{text} {hint}", field=f"{field}[{index}].end")


def minutes_of(windows: Sequence[WeeklyWindow]) -> Minutes:
    """The minutes of a week in which one of the windows is in force; without windows all."""
    if not windows:
        return WHOLE_WEEK
    return tuple(merged([run for window in windows for day in window.days for run in _runs(window, DAYS.index(day))]))


def is_open(minutes: Minutes, minute: int) -> bool:
    """Whether a minute of the week is one of these."""
    index = bisect_right(minutes, (minute, WEEK_MINUTES))
    return index > 0 and minute < minutes[index - 1][1]


@lru_cache(maxsize=16)
def minute_of_week(moment_ms: int, zone: tzinfo) -> int | None:
    """The minute of the week that a clock in a time zone shows. None if the calendar has no such moment.

    The last results are kept: callers that ask for whole seconds share them.

    Args:
        moment_ms: milliseconds since 1970.
    """
    try:
        shown = (_EPOCH + timedelta(milliseconds=moment_ms)).astimezone(zone)
    except OverflowError:
        return None
    return shown.weekday() * DAY_MINUTES + shown.hour * 60 + shown.minute


def meet(one: Minutes, other: Minutes, period: Period) -> bool:
    """Whether the clock of a time zone can show a minute of both while a period lasts.

    It looks at all zones that there are, because a promotion of a chain is in force in several.
    """
    return any(common(common(one, other), _shown_during(period)))


def _runs(window: WeeklyWindow, day: int) -> list[tuple[int, int]]:
    """The runs of a window that begins on a day of the week, 0 for Monday."""
    first, last = minutes_in(window)
    return _wrapped(day * DAY_MINUTES + first, day * DAY_MINUTES + last)


def minutes_in(window: TimeWindow) -> tuple[int, int]:
    """The first minute of a window, and the one after its last, counted from the midnight of the day it begins on."""
    start, end = _minute(window.start), _minute(window.end)
    return start, end + (DAY_MINUTES if end <= start else 0)


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _wrapped(first: int, last: int) -> list[tuple[int, int]]:
    """Minutes that may go on past the end of the week, as runs within one week."""
    if last - first >= WEEK_MINUTES:
        return list(WHOLE_WEEK)
    first, length = first % WEEK_MINUTES, last - first
    if first + length <= WEEK_MINUTES:
        return [(first, first + length)]
    return [(first, WEEK_MINUTES), (0, first + length - WEEK_MINUTES)]


def _shown_during(period: Period) -> Minutes:
    """The minutes of the week that clocks of any time zone can show while a period lasts."""
    if period.is_empty:
        return ()
    first = period.from_ms // _MINUTE_MS - _BEHIND_MAX_MINUTES
    last = -(-period.to_ms // _MINUTE_MS) + _AHEAD_MAX_MINUTES
    monday = 3 * DAY_MINUTES  # the first of January 1970 was a Thursday
    return tuple(merged(_wrapped(first + monday, last + monday)))
