"""Calendars: when they are open, by the clock of a location, and which documents are refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.catalog.calendars import CALENDAR, CalendarDocument, Calendars, check_calendar
from replica.core.catalog.documents import pack_value
from replica.core.catalog.openings import Closed, Opening
from replica.core.catalog.registers import Register
from replica.core.catalog.validity import moment_ms

WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
HOUR_MS = 3_600_000


class Wall:
    """Some calendars, and a clock on a wall."""

    def __init__(self, zone: str = "Asia/Shanghai", **calendars: dict[str, Any]) -> None:
        self.zone = ZoneInfo(zone)
        self.calendars = Calendars()
        for name, value in calendars.items():
            assert self.write(name, value)

    def write(self, name: str, value: dict[str, Any] | None) -> bool:
        packed = pack_value(value) if value is not None else None
        return self.calendars.put(Register(CALENDAR, name, 0, "", 1, 1, "hub-east#0000000a", packed))

    def opening(self, *names: str) -> Opening:
        return Opening(self.calendars, names or ("main",), self.zone)

    def at(self, text: str, fold: int = 0) -> int:
        """The moment at which the clock shows a time."""
        return moment_ms(datetime.fromisoformat(text).replace(tzinfo=self.zone, fold=fold))

    def is_open(self, text: str, *names: str, fold: int = 0) -> bool:
        return self.opening(*names).closed(self.at(text, fold)) is None

    def spans(self, first: str, last: str) -> list[tuple[str, str]]:
        """When it is open, in UTC."""
        found = self.opening().spans(self.at(first), self.at(last))
        return [(utc(start), utc(end)) for start, end in found]


def utc(moment: int | None) -> str:
    return "" if moment is None else datetime.fromtimestamp(moment / 1000, UTC).strftime("%m-%d %H:%M")


def window(start: str, end: str, days: list[str] | None = None) -> dict[str, Any]:
    return {"start": start, "end": end, **({"days": days} if days else {})}


def test_calendar_without_windows_is_always_open() -> None:
    wall = Wall(main={})
    assert wall.is_open("2026-03-01 00:00")
    assert wall.spans("2026-03-01 00:00", "2026-03-03 00:00") == [("02-28 16:00", "03-02 16:00")]


def test_weekly_windows_begin_at_their_start_and_end_before_their_end() -> None:
    wall = Wall(main={"windows": [window("09:00", "17:00", WORKDAYS)]})
    shown = ["2026-03-06 08:59", "2026-03-06 09:00", "2026-03-06 16:59", "2026-03-06 17:00", "2026-03-07 12:00"]
    assert [wall.is_open(text) for text in shown] == [False, True, True, False, False]
    assert utc(wall.opening().next_open(wall.at("2026-03-06 17:00"))) == "03-09 01:00"


def test_window_over_midnight_is_open_on_the_next_day_also_after_a_closed_one() -> None:
    wall = Wall(main={"windows": [window("22:00", "03:00", ["fri"])], "days": {"2026-03-07": {"closed": True}}})
    shown = ["2026-03-06 21:59", "2026-03-06 22:00", "2026-03-07 02:59", "2026-03-07 03:00", "2026-03-06 02:00"]
    assert [wall.is_open(text) for text in shown] == [False, True, True, False, False]
    assert wall.spans("2026-03-06 00:00", "2026-03-08 00:00") == [("03-06 14:00", "03-06 19:00")]


def test_window_has_no_times_that_clocks_never_show() -> None:
    wall = Wall("Europe/Berlin", main={"windows": [window("01:30", "03:30")]})
    assert wall.spans("2026-03-29 00:00", "2026-03-30 00:00") == [("03-29 00:30", "03-29 01:30")]
    gap = Wall("Europe/Berlin", main={"windows": [window("02:00", "03:00")]})
    assert gap.spans("2026-03-29 00:00", "2026-03-30 00:00") == []
    assert utc(gap.opening().next_open(gap.at("2026-03-29 00:00"))) == "03-30 00:00"


def test_window_of_times_that_clocks_show_twice_is_open_twice() -> None:
    wall = Wall("Europe/Berlin", main={"windows": [window("02:15", "02:30")]})
    assert wall.spans("2026-10-25 00:00", "2026-10-26 00:00") == [
        ("10-25 00:15", "10-25 00:30"),
        ("10-25 01:15", "10-25 01:30"),
    ]
    assert [wall.is_open("2026-10-25 02:20", fold=fold) for fold in (0, 1)] == [True, True]
    whole = Wall("Europe/Berlin", main={})
    ((start, end),) = whole.opening().spans(whole.at("2026-10-25 00:00"), whole.at("2026-10-26 00:00"))
    assert end - start == 25 * HOUR_MS


def test_leap_day_is_a_day_and_the_others_have_none() -> None:
    wall = Wall(main={"days": {"2028-02-29": {"closed": True, "reasons": {"en": "Stocktaking"}}}})
    assert [wall.is_open(f"2028-{day} 12:00") for day in ("02-28", "02-29", "03-01")] == [True, False, True]
    assert wall.opening().closed(wall.at("2028-02-29 12:00")) == Closed("main", {"en": "Stocktaking"})
    with pytest.raises(Invalid) as refused:
        check_calendar(msgspec.convert({"days": {"2027-02-29": {"closed": True}}}, CalendarDocument))
    assert refused.value.field == "days.2027-02-29"


def test_own_days_come_before_those_of_included_calendars() -> None:
    holidays = {"days": {"2026-10-01": {"closed": True}, "2026-10-02": {"closed": True}, "2026-10-10": {"like": "mon"}}}
    main = {
        "windows": [window("09:00", "17:00", WORKDAYS)],
        "includes": ["holidays", "gone"],
        "days": {"2026-10-02": {"windows": [window("10:00", "12:00")]}},
    }
    wall = Wall(main=main, holidays=holidays)
    shown = ["2026-10-01 11:00", "2026-10-02 11:00", "2026-10-02 13:00", "2026-10-10 11:00", "2026-10-11 11:00"]
    assert [wall.is_open(text) for text in shown] == [False, True, False, True, False]


def test_promotion_has_other_windows_on_its_days_only() -> None:
    promotion = {"first_day": "2026-06-01", "last_day": "2026-06-18", "windows": [window("06:00", "23:00")]}
    wall = Wall(main={"windows": [window("09:00", "17:00", WORKDAYS)], "promotions": [promotion]})
    shown = ["2026-05-31 22:00", "2026-06-01 22:00", "2026-06-18 22:59", "2026-06-19 22:00", "2026-06-19 12:00"]
    assert [wall.is_open(text) for text in shown] == [False, True, True, False, True]


def test_stop_closes_from_moment_to_moment_with_its_reasons() -> None:
    reasons = {"en": "Typhoon", "zh": "台风"}
    stop = {"valid_from": "2026-08-01T10:00:00+08:00", "valid_to": "2026-08-02T12:00:00+08:00", "reasons": reasons}
    wall = Wall(main={"stops": [stop]})
    assert wall.opening().closed(wall.at("2026-08-01 10:00")) == Closed("main", reasons)
    assert (wall.is_open("2026-08-01 09:59"), wall.is_open("2026-08-02 12:00")) == (True, True)
    assert utc(wall.opening().next_open(wall.at("2026-08-01 11:00"))) == "08-02 04:00"


def test_several_calendars_are_open_together_and_an_unknown_one_never_is() -> None:
    wall = Wall(store={"windows": [window("09:00", "17:00")]}, carrier={"windows": [window("15:00", "19:00")]})
    both = wall.opening("store", "carrier")
    found = both.spans(wall.at("2026-03-02 00:00"), wall.at("2026-03-03 00:00"))
    assert found == [(wall.at("2026-03-02 15:00"), wall.at("2026-03-02 17:00"))]
    assert both.closed(wall.at("2026-03-02 18:00")) == Closed("store")
    assert both.closed(wall.at("2026-03-02 14:00")) == Closed("carrier")
    gone = wall.opening("store", "gone")
    assert gone.closed(wall.at("2026-03-02 16:00")) == Closed("gone", is_unknown=True)
    assert (gone.spans(0, HOUR_MS), gone.next_open(0)) == ([], None)


def test_calendar_that_never_opens_again_has_no_next_opening() -> None:
    stop = {"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2060-01-01T00:00:00Z", "reasons": {"en": "Closed"}}
    wall = Wall(main={"stops": [stop]})
    assert wall.opening().next_open(wall.at("2026-01-01 00:00")) is None


def test_calendar_follows_its_newest_document_that_this_version_understands() -> None:
    wall = Wall(main={"windows": [window("09:00", "17:00")]})
    assert wall.write("main", {"later": {1: "a key that is no text"}})
    assert wall.is_open("2026-03-02 20:00")
    assert not wall.write("main", {"days": {"2026-02-30": {"closed": True}}})
    assert not wall.is_open("2026-03-02 12:00")
    assert wall.write("main", None)
    assert wall.calendars.get("main") is None


def test_promotion_may_have_one_day() -> None:
    promotion = {"first_day": "2026-06-01", "last_day": "2026-06-01", "windows": [window("06:00", "23:00")]}
    value = {"windows": [window("09:00", "17:00")], "promotions": [promotion]}
    check_calendar(msgspec.convert(value, CalendarDocument))
    wall = Wall(main=value)
    shown = ["2026-05-31 22:00", "2026-06-01 22:00", "2026-06-02 22:00"]
    assert [wall.is_open(text) for text in shown] == [False, True, False]


def test_name_of_a_calendar_that_does_not_exist_is_refused_with_its_field() -> None:
    wall = Wall(main={}, holidays={})
    wall.calendars.check_named(["main", "holidays"], "calendars")
    with pytest.raises(Invalid, match="names the calendar 'gone', and there is none") as refused:
        wall.calendars.check_named(["main", "gone"], "calendars")
    assert refused.value.field == "calendars[1]"


def test_no_time_has_no_opening() -> None:
    wall = Wall(main={})
    for names in ((), ("main",)):
        opening = Opening(wall.calendars, names, wall.zone)
        assert [opening.spans(5, 5), opening.spans(9, 5), opening.spans(5, 6)] == [[], [], [(5, 6)]]


BACKWARDS = {"first_day": "2026-06-02", "last_day": "2026-06-01", "windows": [window("01:00", "02:00")]}
NO_TIME = {"valid_from": "2026-06-02T00:00:00Z", "valid_to": "2026-06-02T00:00:00Z", "reasons": {"en": "Why"}}


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"windows": [window("09:00", "09:00")]}, "windows[0].end"),
        ({"days": {"2026-10-01": {}}}, "days.2026-10-01"),
        ({"days": {"2026-10-01": {"closed": True, "like": "mon"}}}, "days.2026-10-01"),
        ({"days": {"2026-10-01": {"windows": [window("09:00", "09:00")]}}}, "days.2026-10-01.windows[0].end"),
        ({"days": {"2026-13-01": {"closed": True}}}, "days.2026-13-01"),
        (
            {"promotions": [BACKWARDS]},
            "promotions[0].last_day",
        ),
        (
            {"stops": [NO_TIME]},
            "stops[0].valid_to",
        ),
    ],
)
def test_calendar_that_cannot_be_meant_is_refused_with_its_field(value: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_calendar(msgspec.convert(value, CalendarDocument))
    assert refused.value.field == field


TIMES = st.tuples(st.integers(0, 47), st.integers(0, 47)).filter(lambda one: one[0] != one[1])


@given(
    st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu", "UTC"]),
    st.lists(TIMES, min_size=1, max_size=2),
    st.sampled_from(["2026-03-28", "2026-10-24", "2026-04-04", "2026-03-07", "2026-10-31", "2028-02-28"]),
    st.integers(0, 48 * 60),
)
def test_calendar_is_open_exactly_when_the_clock_shows_a_time_of_a_window(
    zone: str, times: list[tuple[int, int]], first: str, minute: int
) -> None:
    windows = [window(*(f"{half // 2:02d}:{half % 2 * 30:02d}" for half in one)) for one in times]
    wall = Wall(zone, main={"windows": windows})
    moment = wall.at(f"{first} 00:00") + minute * 60_000
    shown = datetime.fromtimestamp(moment / 1000, wall.zone)
    half = (shown.hour * 60 + shown.minute) / 30
    is_shown = any(start <= half < end if start < end else half >= start or half < end for start, end in times)
    assert (wall.opening().closed(moment) is None) == is_shown
    spans = wall.opening().spans(moment, moment + 60_000)
    assert (spans == [(moment, moment + 60_000)]) == is_shown
    opens = wall.opening().next_open(moment)
    assert opens is not None and wall.opening().closed(opens) is None
    assert (opens == moment) == is_shown
