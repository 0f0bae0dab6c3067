"""Calendars: documents that say on which days and at which times of day goods are dispatched.

A calendar is about what a clock on the wall of a location shows. What is in force on a day is, the first that exists:

1. the day itself in `days`, then in the days of the calendars that it includes, in their order: closed, other times,
   or those of another day of the week, as on a Sunday that makes up for a holiday
2. the windows of a promotion that has this day
3. the weekly windows; without any, all day

`stops` close a calendar from one moment to another, whatever the day. `openings` computes when a calendar is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated

import msgpack
from msgspec import Meta, Struct, ValidationError, convert

from replica.core.base.errors import Invalid
from replica.core.base.limits import (
    CALENDAR_DAYS_MAX,
    CALENDARS_MAX,
    PROMOTED_PERIODS_MAX,
    STOPS_MAX,
    WINDOWS_MAX,
)
from replica.core.base.names import NAME_PATTERN
from replica.core.base.quantities import OptionalReasons, Reasons, Timestamp
from replica.core.catalog.registers import Register
from replica.core.catalog.validity import Period, period_of
from replica.core.catalog.weekly_windows import (
    DAY_MINUTES,
    DAYS,
    Day,
    TimeWindow,
    WeeklyWindow,
    check_windows,
    minutes_in,
)

CALENDAR = "calendar"
"""The kind of the documents that describe calendars."""

CalendarName = Annotated[str, Meta(pattern=NAME_PATTERN)]
CalendarNames = Annotated[tuple[CalendarName, ...], Meta(max_length=CALENDARS_MAX)]
DayDate = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-10-01"])]

Runs = tuple[tuple[int, int], ...]
"""Minutes of a day, as runs from a minute up to, and without, another. A run over midnight ends after the day."""

ALL_DAY: Runs = ((0, DAY_MINUTES),)


class CalendarDay(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One day: closed, with other times of day, or like another day of the week. Exactly one of them."""

    closed: bool = False
    windows: Annotated[tuple[TimeWindow, ...], Meta(max_length=WINDOWS_MAX)] = ()
    like: Day | None = None
    reasons: OptionalReasons = {}


class Promotion(Struct, frozen=True, forbid_unknown_fields=True):
    """Days of a promotion, both included, on which other weekly windows are in force."""

    first_day: DayDate
    last_day: DayDate
    windows: Annotated[tuple[WeeklyWindow, ...], Meta(min_length=1, max_length=WINDOWS_MAX)]


class Stop(Struct, frozen=True, forbid_unknown_fields=True):
    """A period in which nothing is dispatched, and why."""

    valid_from: Timestamp
    valid_to: Timestamp
    reasons: Reasons


class CalendarDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `calendar/{id}`.

    `includes`: calendars whose `days` count here too, such as the holidays of a country. Only their days do.
    """

    names: dict[str, str] = {}
    windows: Annotated[tuple[WeeklyWindow, ...], Meta(max_length=WINDOWS_MAX)] = ()
    days: Annotated[dict[DayDate, CalendarDay], Meta(max_length=CALENDAR_DAYS_MAX)] = {}
    includes: CalendarNames = ()
    promotions: Annotated[tuple[Promotion, ...], Meta(max_length=PROMOTED_PERIODS_MAX)] = ()
    stops: Annotated[tuple[Stop, ...], Meta(max_length=STOPS_MAX)] = ()


class _ReadCalendar(CalendarDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


class PlannedDay(Struct, frozen=True):
    """What is in force on a day. `runs`: the minutes that begin on it; none if it is closed."""

    runs: Runs
    reasons: dict[str, str] = {}


class _Days(Struct, frozen=True):
    """One entry of `days` in the form for look-ups."""

    runs: Runs | None
    like: int | None
    reasons: dict[str, str]


class Calendar(Struct, frozen=True):
    """A calendar in the form for look-ups. Days are ordinals: 0001-01-01 is 1. Weeks begin on Monday."""

    id: str
    week: tuple[Runs, ...]
    days: Mapping[int, _Days]
    includes: tuple[str, ...]
    promotions: tuple[tuple[int, int, tuple[Runs, ...]], ...]
    stops: tuple[tuple[Period, dict[str, str]], ...]

    def planned(self, day: int, included: Iterable[Calendar]) -> PlannedDay:
        """What is in force on a day, with the days of some other calendars."""
        week = next((week for first, last, week in self.promotions if first <= day <= last), self.week)
        for calendar in (self, *included):
            one = calendar.days.get(day)
            if one is not None:
                runs = one.runs if one.like is None else self.week[one.like]
                return PlannedDay(runs or (), one.reasons)
        return PlannedDay(week[weekday_of(day)])

    @property
    def years(self) -> tuple[int, ...]:
        """The years that some days of this calendar are in."""
        return tuple(sorted(dict.fromkeys(date.fromordinal(day).year for day in self.days)))


class Calendars:
    """The current calendars, by id."""

    __slots__ = ("_calendars",)

    def __init__(self) -> None:
        self._calendars: dict[str, Calendar] = {}

    def put(self, register: Register) -> bool:
        """Apply the newest write of a calendar. False if this version cannot use it: then there is no such calendar."""
        self._calendars.pop(register.key, None)
        calendar = read_calendar(register.key, register.value)
        if calendar is not None:
            self._calendars[register.key] = calendar
        return calendar is not None or register.value is None

    def get(self, name: str) -> Calendar | None:
        """The calendar of an id."""
        return self._calendars.get(name)

    def included(self, calendar: Calendar) -> list[Calendar]:
        """The calendars whose days count in a calendar, as far as they are known."""
        return [known for name in calendar.includes if (known := self._calendars.get(name)) is not None]

    def check_named(self, names: Sequence[str], field: str) -> None:
        """Refuse the name of a calendar that does not exist. Raises Invalid."""
        for index, name in enumerate(names):
            if name not in self._calendars:
                text = f"The field {field}[{index}] names the calendar {name!r}, and there is none."
                raise Invalid(f"{text} Correct it, or write calendar/{name} first.", field=f"{field}[{index}]")


def weekday_of(day: int) -> int:
    """The day of the week of an ordinal: 0 for Monday."""
    return (day - 1) % 7


def day_number(text: str) -> int | None:
    """The ordinal of a day as documents write it; None if the calendar has no such day."""
    try:
        return date.fromisoformat(text).toordinal()
    except ValueError:
        return None


def check_calendar(document: CalendarDocument) -> None:
    """Check what the field types cannot express. Raises Invalid with the field."""
    check_windows(document.windows, "windows")
    for text, day in document.days.items():
        field = f"days.{text}"
        _check_day(text, field)
        if (day.closed, bool(day.windows), day.like is not None).count(True) != 1:
            raise Invalid(f"The field {field} must have exactly one of closed, windows and like.", field=field)
        check_windows(day.windows, f"{field}.windows")
    for index, promotion in enumerate(document.promotions):
        field = f"promotions[{index}]"
        first = _check_day(promotion.first_day, f"{field}.first_day")
        if _check_day(promotion.last_day, f"{field}.last_day") < first:
            text = f"The field {field}.last_day is before first_day. Send the same day or a later one."
            raise Invalid(text, field=f"{field}.last_day")
        check_windows(promotion.windows, f"{field}.windows")
    for index, stop in enumerate(document.stops):
        if period_of(stop.valid_from, stop.valid_to).is_empty:
            field = f"stops[{index}].valid_to"
            raise Invalid(f"The field {field} is not later than valid_from. Send a later moment.", field=field)


def _check_day(text: str, field: str) -> int:
    number = day_number(text)
    if number is None:
        raise Invalid(f"The field {field} names {text}, and there is no such day. Correct it.", field=field)
    return number


def read_calendar(name: str, value: bytes | None) -> Calendar | None:
    """Read the packed value of a `calendar` document. None if it has none, or this version cannot use it."""
    if value is None:
        return None
    try:
        document = convert(msgpack.unpackb(value, strict_map_key=False), _ReadCalendar)
        check_calendar(document)
    except (ValueError, TypeError, ValidationError, Invalid):
        return None
    return Calendar(
        id=name,
        week=_week_of(document.windows),
        days={_ordinal(text): _day_of(day) for text, day in document.days.items()},
        includes=document.includes,
        promotions=tuple(
            (_ordinal(one.first_day), _ordinal(one.last_day), _week_of(one.windows)) for one in document.promotions
        ),
        stops=tuple((period_of(stop.valid_from, stop.valid_to), stop.reasons) for stop in document.stops),
    )


def _ordinal(text: str) -> int:
    return date.fromisoformat(text).toordinal()


def _day_of(day: CalendarDay) -> _Days:
    runs = tuple(minutes_in(window) for window in day.windows)
    return _Days(runs=runs, like=None if day.like is None else DAYS.index(day.like), reasons=day.reasons)


def _week_of(windows: Sequence[WeeklyWindow]) -> tuple[Runs, ...]:
    if not windows:
        return (ALL_DAY,) * len(DAYS)
    return tuple(tuple(minutes_in(window) for window in windows if day in window.days) for day in DAYS)
