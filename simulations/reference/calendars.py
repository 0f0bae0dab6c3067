"""Calendars: when goods are dispatched, as a person reads it from a clock on the wall and a calendar beside it.

A question about a moment looks at all documents again. A question about a period asks about each moment at which
something may change: midnights, the ends of windows and of stop periods, and each quarter of an hour of a day on which
clocks change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from simulations.reference.catalogue import Documents
from simulations.reference.price_documents import moment_ms
from simulations.reference.windows import DAYS

MINUTE_MS, DAY_MS = 60_000, 86_400_000

QUARTERS = 96
"""Quarters of an hour in a day."""

Windows = Sequence[Mapping[str, Any]]
Span = tuple[int, int]
"""From a moment up to, and without, another."""

ENDS = ("valid_from", "valid_to")

ALL_DAY: Windows = ({"start": "00:00", "end": "24:00"},)


@dataclass(frozen=True)
class Closed:
    """Why nothing is dispatched: the calendar that says so, and what a shopper reads."""

    calendar: str
    reasons: Mapping[str, str]


@dataclass(frozen=True)
class Hours:
    """Calendars that hold together, by the clock of one place."""

    documents: Documents
    names: Sequence[str]
    zone: tzinfo

    def closed(self, now_ms: int) -> Closed | None:
        """Why it is closed at a moment; None if all calendars are open."""
        for name in self.names:
            calendar = self.documents.value("calendar", name)
            if calendar is None:
                return Closed(name, {})
            for stop in calendar.get("stops", ()):
                if moment_ms(stop["valid_from"]) <= now_ms < moment_ms(stop["valid_to"]):
                    return Closed(name, stop["reasons"])
            if not self._is_dispatching(calendar, now_ms):
                return Closed(name, self.planned(calendar, self.day_of(now_ms))[1])
        return None

    def day_of(self, now_ms: int) -> date:
        """The day that the clock shows."""
        return self._clock(now_ms).date()

    def works_on(self, day: date) -> bool:
        """Whether a window of each calendar begins on a day."""
        found = [self.documents.value("calendar", name) for name in self.names]
        return all(calendar is not None and self.planned(calendar, day)[0] for calendar in found)

    def planned(self, calendar: Mapping[str, Any], day: date) -> tuple[Windows, Mapping[str, str]]:
        """The windows that begin on a day, and why there are no others: the day itself, a promotion, or the week."""
        included = [self.documents.value("calendar", name) for name in calendar.get("includes", ())]
        for one in (calendar, *(one for one in included if one is not None)):
            found = one.get("days", {}).get(day.isoformat())
            if found is not None:
                like = found.get("like")
                windows = self._of_week(calendar, DAYS.index(like)) if like else found.get("windows", ())
                return windows, found.get("reasons", {})
        for promotion in calendar.get("promotions", ()):
            if promotion["first_day"] <= day.isoformat() <= promotion["last_day"]:
                return self._of_week(promotion, day.weekday()), {}
        return self._of_week(calendar, day.weekday()), {}

    def spans(self, from_ms: int, days: int) -> Iterator[Span]:
        """When it is open from a moment on, in order and apart, as far as that ends within so many days."""
        began_ms: int | None = None
        for edge in self._edges(from_ms, days):
            is_open = self.closed(edge) is None
            if is_open and began_ms is None:
                began_ms = edge
            if not is_open and began_ms is not None:
                yield began_ms, edge
                began_ms = None
        if began_ms is not None:
            yield began_ms, from_ms + days * DAY_MS

    def next_open(self, now_ms: int, days: int) -> int | None:
        """The first moment from this one on at which it is open; None if that is not within so many days."""
        return next((edge for edge in self._edges(now_ms, days) if self.closed(edge) is None), None)

    def of_day(self, day: date) -> Span:
        """When a day begins and ends by the clock."""
        return self.shown(day, "00:00")[0], self.shown(day, "24:00")[-1]

    def shown(self, day: date, text: str) -> list[int]:
        """When the clock shows a time of a day: one moment, or two if clocks go back. "24:00" is the next midnight."""
        if text == "24:00":
            day, text = day + timedelta(days=1), "00:00"
        naive = datetime.combine(day, time.fromisoformat(text))
        both = [naive.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1)]
        return sorted({round(one.timestamp() * 1000) for one in both})

    def _clock(self, now_ms: int) -> datetime:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=now_ms)).astimezone(self.zone)

    @staticmethod
    def _of_week(holder: Mapping[str, Any], weekday: int) -> Windows:
        """The weekly windows that begin on a day of the week. A calendar without any is open all day."""
        windows = holder.get("windows", ())
        return [one for one in windows if DAYS[weekday] in one.get("days", DAYS)] if windows else ALL_DAY

    def _is_dispatching(self, calendar: Mapping[str, Any], now_ms: int) -> bool:
        """Whether the clock shows a time in a window of this day, or in one that began yesterday."""
        clock = self._clock(now_ms)
        shown, today = clock.strftime("%H:%M"), clock.date()
        for window in self.planned(calendar, today)[0]:
            start, end = window.get("start", "00:00"), window.get("end", "24:00")
            if start <= shown and (shown < end or end <= start):
                return True
        yesterday = self.planned(calendar, today - timedelta(days=1))[0]
        return any(
            shown < one.get("end", "24:00") for one in yesterday if one.get("end", "24:00") <= one.get("start", "00:00")
        )

    def _edges(self, from_ms: int, days: int) -> Iterator[int]:
        """The moments from one on at which something may change, day after day."""
        yield from_ms
        last_ms, until_ms = from_ms, from_ms + days * DAY_MS
        calendars = [self.documents.value("calendar", name) or {} for name in self.names]
        stops = [
            moment_ms(stop[end]) for one in calendars for stop in one.get("stops", ()) for end in stop if end in ENDS
        ]
        for number in range(days + 2):
            day = self.day_of(from_ms) + timedelta(days=number)
            begins_ms, ends_ms = self.of_day(day)
            found = {begins_ms, *(one for one in stops if begins_ms <= one < ends_ms)}
            for calendar in calendars:
                windows = [*self.planned(calendar, day)[0], *self.planned(calendar, day - timedelta(days=1))[0]]
                texts = {text for one in windows for text in (one.get("start", "00:00"), one.get("end", "24:00"))}
                found.update(at for text in texts for at in self.shown(day, text))
            if ends_ms - begins_ms != DAY_MS:
                found.update(begins_ms + quarter * 15 * MINUTE_MS for quarter in range(QUARTERS + 8))
            ordered = sorted(edge for edge in found if last_ms < edge < min(ends_ms, until_ms))
            yield from ordered
            last_ms = ordered[-1] if ordered else last_ms
