"""Delivery promises: when goods leave and arrive, never earlier than a calendar allows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.calendars import CALENDAR, Calendars
from replica.core.catalog.dispatch import CutOff, Dispatch
from replica.core.catalog.documents import Register, pack_value
from replica.core.catalog.openings import Opening
from replica.core.catalog.validity import moment_ms
from replica.core.catalog.weekly_windows import DAYS
from replica.core.planning.carriers import Lane
from replica.core.planning.promises import Promise, Route, Sender, promise

WORKDAYS = ["mon", "tue", "wed", "thu", "fri"]
SHANGHAI = "Asia/Shanghai"


class Chain:
    """A location and a carrier with their calendars."""

    def __init__(self, zone: str = SHANGHAI, **calendars: dict[str, Any]) -> None:
        self.zone = ZoneInfo(zone)
        self.calendars = Calendars()
        for name, value in calendars.items():
            assert self.calendars.put(Register(CALENDAR, name, 0, "", 1, 1, "hub-east#0000000a", pack_value(value)))

    def opening(self, name: str) -> Opening:
        return Opening(self.calendars, (name,) if self.calendars.get(name) is not None else (), self.zone)

    def at(self, text: str) -> int:
        return moment_ms(datetime.fromisoformat(text).replace(tzinfo=self.zone))

    def shown(self, moment: int) -> str:
        return datetime.fromtimestamp(moment / 1000, UTC).astimezone(self.zone).strftime("%m-%d %H:%M")

    def promise(self, now: str | int, *lanes: tuple[int, int], units: int = 1, **sender: Any) -> Promise | None:
        dispatch = sender.pop("dispatch", Dispatch())
        routes = [Route(f"c-{n}", Lane(*days), self.opening("carrier")) for n, days in enumerate(lanes)]
        now_ms = self.at(now) if isinstance(now, str) else now
        return promise(Sender(self.opening("shop"), dispatch, **sender), routes, units, now_ms)

    def times(self, *arguments: Any, **more: Any) -> list[str]:
        """When goods are ready, leave, and arrive."""
        found = self.promise(*arguments, **more)
        assert found is not None
        ends = [found.arrival.earliest_ms, found.arrival.latest_ms] if found.arrival is not None else []
        return [self.shown(moment) for moment in (found.ready_ms, found.dispatch_ms, *ends)]


def weekly(start: str, end: str, days: list[str] = WORKDAYS) -> dict[str, Any]:
    return {"windows": [{"start": start, "end": end, "days": days}]}


def test_goods_leave_at_the_next_cut_off_and_after_it_on_the_next_day() -> None:
    chain, dispatch = Chain(), Dispatch(cut_offs=(CutOff("16:00"), CutOff("11:00")))
    assert chain.times("2026-03-02 10:59", dispatch=dispatch)[1] == "03-02 11:00"
    assert chain.times("2026-03-02 11:00", dispatch=dispatch)[1] == "03-02 11:00"
    assert chain.times("2026-03-02 11:01", dispatch=dispatch)[1] == "03-02 16:00"
    assert chain.times("2026-03-02 16:01", dispatch=dispatch)[1] == "03-03 11:00"


def test_cut_off_on_other_days_or_while_closed_is_none() -> None:
    chain = Chain(shop=weekly("09:00", "17:00"))
    friday = Dispatch(cut_offs=(CutOff("16:00", ("fri", "sat")),))
    assert chain.times("2026-03-02 10:00", dispatch=friday)[1] == "03-06 16:00"
    assert chain.times("2026-03-06 16:30", dispatch=friday)[1] == "03-13 16:00"
    assert chain.times("2026-03-02 10:00", dispatch=Dispatch(cut_offs=(CutOff("17:00"),)))[1] == "03-02 17:00"


def test_work_on_an_order_takes_open_hours_only() -> None:
    chain = Chain(shop=weekly("09:00", "17:00"))
    four_hours = Dispatch(handling_minutes=240)
    assert chain.times("2026-03-06 14:00", dispatch=four_hours)[:2] == ["03-09 10:00", "03-09 10:00"]
    assert chain.times("2026-03-06 13:00", dispatch=four_hours)[:2] == ["03-06 17:00", "03-06 17:00"]
    assert chain.times("2026-03-06 20:00")[:2] == ["03-09 09:00", "03-09 09:00"]


def test_work_that_ends_as_the_location_closes_leaves_then_however_shortly_it_was_open() -> None:
    stop = {
        "valid_from": "2026-03-03T01:00:00Z",
        "valid_to": "2026-03-03T01:59:59.999Z",
        "reasons": {"en": "Stocktaking"},
    }
    chain = Chain(shop={**weekly("09:00", "10:00"), "stops": [stop]})
    now = chain.at("2026-03-02 09:59") + 1  # a millisecond of the minute is left when it closes
    for cut_offs in ((), (CutOff("10:00"),)):
        found = chain.promise(now, dispatch=Dispatch(cut_offs, handling_minutes=1))
        assert found is not None
        assert (chain.shown(found.ready_ms), chain.shown(found.dispatch_ms)) == ("03-03 10:00", "03-03 10:00")


def test_cut_off_that_clocks_never_show_is_none_that_day() -> None:
    berlin = Chain("Europe/Berlin")
    assert berlin.times("2026-03-29 01:00", dispatch=Dispatch((CutOff("02:59"),)))[1] == "03-30 02:59"
    first_pass = berlin.at("2026-10-25 02:30")
    found = berlin.promise(first_pass, dispatch=Dispatch((CutOff("01:59"),)))
    assert found is not None and berlin.shown(found.dispatch_ms) == "10-26 01:59"


def test_minute_after_a_cut_off_is_none_at_any_hour() -> None:
    utc = Chain("UTC")
    for hour in range(24):
        found = utc.promise(f"2026-03-05 {hour:02d}:00", dispatch=Dispatch((CutOff(f"{(hour - 1) % 24:02d}:59"),)))
        assert found is not None
        assert found.dispatch_ms - utc.at(f"2026-03-05 {hour:02d}:00") == (24 * 60 - 1) * 60_000


def test_next_day_of_dispatch_begins_at_midnight() -> None:
    dispatch = Dispatch((CutOff("00:00"),), units_per_day=1)
    assert Chain().times("2026-03-05 10:00", units=2, dispatch=dispatch)[1] == "03-07 00:00"


def test_days_that_a_time_zone_skips_are_no_days_of_dispatch_or_delivery() -> None:
    """Samoa had no 30 December 2011. A location there with too much work had no next day."""
    apia = Chain("Pacific/Apia", carrier=weekly("08:00", "20:00", [*WORKDAYS, "sat", "sun"]))
    assert apia.times("2011-12-29 10:00", (1, 1))[2:] == ["12-31 08:00", "12-31 20:00"]
    late = apia.times("2011-12-29 10:00", (1, 1), units=2, dispatch=Dispatch(units_per_day=1))
    assert late[1:] == ["12-31 00:00", "01-01 08:00", "01-01 20:00"]


def test_what_is_over_the_capacity_leaves_on_later_days() -> None:
    chain = Chain(shop=weekly("09:00", "17:00"))
    dispatch = Dispatch(cut_offs=(CutOff("16:00"),), units_per_day=10)
    days = [
        chain.times("2026-03-05 10:00", units=units, waiting_units=waiting, dispatch=dispatch)[1]
        for units, waiting in ((10, 0), (1, 10), (11, 10), (1, 25))
    ]
    assert days == ["03-05 16:00", "03-06 16:00", "03-09 16:00", "03-09 16:00"]
    found = chain.promise("2026-03-05 10:00", waiting_units=10, dispatch=dispatch)
    assert found is not None and "busy" in found.doubts


def test_what_leaves_on_a_later_day_waits_until_the_location_opens_on_it() -> None:
    chain = Chain(shop=weekly("08:00", "24:00", ["thu", "fri"]))
    dispatch = Dispatch(units_per_day=10)
    days = [chain.times("2026-03-05 10:00", waiting_units=units, dispatch=dispatch)[1] for units in (0, 10, 20)]
    assert days == ["03-05 10:00", "03-06 08:00", "03-12 08:00"]


def test_goods_travel_on_working_days_of_the_carrier() -> None:
    chain = Chain(carrier=weekly("08:00", "20:00"))
    assert chain.times("2026-03-05 10:00", (1, 2))[2:] == ["03-06 08:00", "03-09 20:00"]
    assert chain.times("2026-03-07 10:00", (1, 1))[2:] == ["03-09 08:00", "03-09 20:00"]
    assert chain.times("2026-03-05 10:00", (0, 0))[2:] == ["03-05 10:00", "03-05 20:00"]
    assert chain.times("2026-03-05 20:00", (0, 0))[2:] == ["03-06 08:00", "03-06 20:00"]
    assert chain.times("2026-03-05 21:00", (0, 0))[2:] == ["03-06 08:00", "03-06 20:00"]


def test_carrier_without_windows_delivers_from_midnight_to_midnight() -> None:
    assert Chain().times("2026-03-05 10:00", (1, 1))[2:] == ["03-06 00:00", "03-07 00:00"]


def test_carrier_that_is_done_first_takes_the_goods() -> None:
    found = Chain().promise("2026-03-05 10:00", (1, 5), (2, 3), (3, 3))
    assert found is not None and found.arrival is not None
    assert found.arrival.carrier == "c-1"


def test_promise_over_new_year_without_its_holidays_is_doubted() -> None:
    holidays = {"days": {"2026-10-01": {"closed": True}}}
    chain = Chain(shop={**weekly("09:00", "17:00"), "includes": ["holidays"]}, holidays=holidays)
    old = chain.promise("2026-12-28 10:00", (1, 1))
    new = chain.promise("2026-12-30 10:00", (5, 5))
    assert old is not None and new is not None
    assert (old.doubts, old.confidence) == ((), "high")
    assert (new.doubts, new.confidence) == (("no-holidays",), "medium")


def test_promise_is_doubted_if_only_the_carrier_lacks_holidays() -> None:
    chain = Chain(carrier={**weekly("08:00", "20:00"), "days": {"2025-10-01": {"closed": True}}})
    found = chain.promise("2026-03-05 10:00", (1, 1))
    assert found is not None and found.doubts == ("no-holidays",)


@pytest.fixture(params=["America/New_York", "Asia/Tokyo"])
def machine_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of the machine, which must not matter."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("machine_zone")
def test_year_of_a_promise_is_that_of_the_clock_of_the_location() -> None:
    shop = {**weekly("00:00", "24:00", [*WORKDAYS, "sat", "sun"]), "days": {"2026-10-01": {"closed": True}}}
    chain = Chain(shop=shop, carrier=weekly("08:00", "23:00", [*WORKDAYS, "sat", "sun"]))
    old, new = chain.promise("2026-12-31 23:59", (0, 0)), chain.promise("2026-12-31 22:58", (0, 0))
    assert old is not None and new is not None
    assert (old.doubts, new.doubts) == (("no-holidays",), ())


def test_several_doubts_make_a_promise_low() -> None:
    found = Chain().promise(
        "2026-03-05 10:00", (1, 1), unheard_ms=None, waiting_units=1, dispatch=Dispatch(units_per_day=1)
    )
    assert found is not None
    assert (found.doubts, found.confidence) == (("unheard", "busy"), "low")


@pytest.mark.parametrize(
    ("unheard_ms", "lanes", "doubts", "confidence"),
    [
        (3_600_000, [(1, 1)], (), "high"),
        (3_600_001, [(1, 1)], ("unheard",), "medium"),
        (None, [(1, 1)], ("unheard",), "medium"),
        (None, [], ("no-lane", "unheard"), "low"),
        (0, [], ("no-lane",), "low"),
    ],
)
def test_confidence_falls_with_doubts(
    unheard_ms: int | None, lanes: list[tuple[int, int]], doubts: tuple[str, ...], confidence: str
) -> None:
    found = Chain().promise("2026-03-05 10:00", *lanes, unheard_ms=unheard_ms)
    assert found is not None
    assert (found.doubts, found.confidence) == (doubts, confidence)


def test_location_that_never_opens_promises_nothing() -> None:
    stop = {"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2060-01-01T00:00:00Z", "reasons": {"en": "Closed"}}
    assert Chain(shop={"stops": [stop]}).promise("2026-03-05 10:00", (1, 1)) is None
    found = Chain(carrier={"stops": [stop]}).promise("2026-03-05 10:00", (1, 1))
    assert found is not None and found.doubts == ("no-lane",)


def test_work_that_takes_more_than_a_year_is_not_promised() -> None:
    chain = Chain(shop=weekly("09:00", "09:01", ["mon"]))
    assert chain.times("2026-03-02 10:00", dispatch=Dispatch(handling_minutes=50))[0] == "02-15 09:01"
    assert chain.promise("2026-03-02 10:00", dispatch=Dispatch(handling_minutes=60)) is None


def test_location_at_which_more_waits_than_leaves_in_a_year_promises_nothing() -> None:
    dispatch = Dispatch(units_per_day=1)
    assert Chain().times("2026-03-02 10:00", waiting_units=370, dispatch=dispatch)[1] == "03-07 00:00"
    for units in (371, 1_000_000_000):
        assert Chain().promise("2026-03-02 10:00", waiting_units=units, dispatch=dispatch) is None


def test_days_are_counted_over_changes_of_clocks_and_leap_days() -> None:
    berlin = Chain("Europe/Berlin", carrier=weekly("08:00", "20:00", [*WORKDAYS, "sat", "sun"]))
    cut_off = Dispatch(cut_offs=(CutOff("02:30"),))
    assert berlin.times("2026-03-29 00:00", (1, 1), dispatch=cut_off)[1:] == [
        "03-30 02:30",
        "03-31 08:00",
        "03-31 20:00",
    ]
    assert berlin.times("2026-10-25 00:00", (1, 1), dispatch=cut_off)[1:] == [
        "10-25 02:30",
        "10-26 08:00",
        "10-26 20:00",
    ]
    assert berlin.times("2028-02-28 10:00", (1, 2))[2:] == ["02-29 08:00", "03-01 20:00"]


DAYS_OF_WINDOW = st.lists(st.sampled_from(WORKDAYS), min_size=1, unique=True)
WINDOW = st.tuples(st.integers(0, 23), st.integers(0, 23), DAYS_OF_WINDOW).filter(lambda one: one[0] != one[1])
WINDOWS = st.lists(WINDOW, min_size=1, max_size=2)


@given(
    st.sampled_from(["Europe/Berlin", SHANGHAI, "America/New_York"]),
    WINDOWS,
    WINDOWS,
    st.integers(0, 14 * 24 * 60),
    st.lists(st.integers(0, 23), max_size=2),
    st.integers(0, 600),
    st.tuples(st.integers(0, 3), st.integers(0, 3)).map(sorted),
    st.integers(0, 30),
)
def test_no_promise_is_earlier_than_a_calendar_allows(
    zone: str,
    shop: list[tuple[int, int, list[str]]],
    carrier: list[tuple[int, int, list[str]]],
    minutes: int,
    cut_offs: list[int],
    handling: int,
    days: list[int],
    waiting: int,
) -> None:
    def calendar(windows: list[tuple[int, int, list[str]]]) -> dict[str, Any]:
        shown = [{"start": f"{one:02d}:00", "end": f"{other:02d}:00", "days": on} for one, other, on in windows]
        return {"windows": shown}

    chain = Chain(zone, shop=calendar(shop), carrier=calendar(carrier))
    now = chain.at("2026-03-20 00:00") + minutes * 60_000
    dispatch = Dispatch(tuple(CutOff(f"{hour:02d}:00") for hour in cut_offs), handling, 10)
    opening, delivering = chain.opening("shop"), chain.opening("carrier")
    found = promise(Sender(opening, dispatch, waiting), [Route("c", Lane(*days), delivering)], 1, now)
    if found is None:
        assert cut_offs  # no cut-off lies in the opening hours
        return
    assert now <= found.ready_ms <= found.dispatch_ms
    assert sum(end - start for start, end in opening.spans(now, found.ready_ms)) >= handling * 60_000
    assert opening.closed(found.dispatch_ms) is None or opening.closed(found.dispatch_ms - 1) is None
    if cut_offs:
        assert datetime.fromtimestamp(found.dispatch_ms / 1000, chain.zone).hour in cut_offs
    assert found.arrival is not None
    assert found.dispatch_ms <= found.arrival.earliest_ms < found.arrival.latest_ms
    assert delivering.closed(found.arrival.earliest_ms) is None
    assert delivering.closed(found.arrival.latest_ms - 1) is None
    day, latest = (
        datetime.fromtimestamp(moment / 1000, chain.zone).date()
        for moment in (found.dispatch_ms, found.arrival.latest_ms - 1)
    )
    worked = 0
    while day < latest:
        day += timedelta(days=1)
        worked += any(DAYS[day.weekday()] in on for _, _, on in carrier)
    assert worked >= days[1]
