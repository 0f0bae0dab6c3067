"""Weekly windows: what the clock on the wall of the store shows decides."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.catalog.validity import ALWAYS, END_MS, FIRST_MS, Period
from replica.core.catalog.weekly_windows import (
    DAYS,
    WEEK_MINUTES,
    WHOLE_WEEK,
    WeeklyWindow,
    check_windows,
    is_open,
    meet,
    minute_of_week,
    minutes_of,
)
from tests.core.catalog.test_validity import ms

BERLIN = ZoneInfo("Europe/Berlin")


def in_force(window: WeeklyWindow, at: str, zone: str = "Europe/Berlin") -> bool:
    """Whether a window is in force at a moment in RFC 3339."""
    minute = minute_of_week(ms(at), ZoneInfo(zone))
    assert minute is not None
    return is_open(minutes_of([window]), minute)


def minutes_in_force(window: WeeklyWindow, first: str, last: str, zone: str = "Europe/Berlin") -> int:
    """For how many minutes a window is in force between two moments."""
    minutes = minutes_of([window])
    shown = [minute_of_week(at, ZoneInfo(zone)) for at in range(ms(first), ms(last), 60_000)]
    return sum(minute is not None and is_open(minutes, minute) for minute in shown)


def test_a_window_contains_its_start_and_not_its_end() -> None:
    happy_hour = WeeklyWindow("17:00", "19:00", ("fri",))
    assert not in_force(happy_hour, "2026-12-04T16:59:59.999+01:00")
    assert in_force(happy_hour, "2026-12-04T17:00:00+01:00")
    assert in_force(happy_hour, "2026-12-04T18:59:59.999+01:00")
    assert not in_force(happy_hour, "2026-12-04T19:00:00+01:00")
    assert not in_force(happy_hour, "2026-12-03T18:00:00+01:00")


def test_a_window_is_about_the_clock_of_the_store() -> None:
    morning = WeeklyWindow("08:00", "09:00", ("tue",))
    assert in_force(morning, "2026-12-01T00:30:00Z", "Asia/Shanghai")
    assert not in_force(morning, "2026-12-01T00:30:00Z", "Europe/Berlin")
    assert in_force(morning, "2026-12-01T07:30:00Z", "Europe/Berlin")


def test_a_window_over_midnight_ends_on_the_next_day() -> None:
    late = WeeklyWindow("22:00", "02:00", ("sat",))
    assert in_force(late, "2026-12-05T23:00:00+01:00")
    assert in_force(late, "2026-12-06T01:59:00+01:00")
    assert not in_force(late, "2026-12-06T02:00:00+01:00")
    assert not in_force(late, "2026-12-05T01:00:00+01:00"), "it begins on Saturday"


def test_a_window_over_the_end_of_the_week_goes_on_on_monday() -> None:
    late = WeeklyWindow("22:00", "02:00", ("sun",))
    assert minutes_of([late]) == ((0, 120), (WEEK_MINUTES - 120, WEEK_MINUTES))
    assert in_force(late, "2026-12-07T01:00:00+01:00")


def test_a_window_that_ends_at_midnight_may_say_so_in_two_ways() -> None:
    assert minutes_of([WeeklyWindow("20:00", "24:00")]) == minutes_of([WeeklyWindow("20:00", "00:00")])


def test_a_window_of_times_that_clocks_skip_is_not_in_force_that_day() -> None:
    night = WeeklyWindow("02:00", "03:00", ("sun",))
    assert minutes_in_force(night, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00") == 0
    assert minutes_in_force(night, "2026-03-22T00:00:00+01:00", "2026-03-23T00:00:00+01:00") == 60


def test_a_window_around_skipped_times_is_in_force_before_and_after_them() -> None:
    night = WeeklyWindow("01:30", "03:30", ("sun",))
    assert minutes_in_force(night, "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00") == 60
    assert in_force(night, "2026-03-29T01:59:59+01:00")
    assert in_force(night, "2026-03-29T03:00:00+02:00")
    assert not in_force(night, "2026-03-29T03:30:00+02:00")


def test_a_window_of_times_that_clocks_show_twice_is_in_force_twice() -> None:
    night = WeeklyWindow("02:00", "03:00", ("sun",))
    assert minutes_in_force(night, "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00") == 120
    assert in_force(night, "2026-10-25T02:30:00+02:00")
    assert in_force(night, "2026-10-25T02:30:00+01:00")


def test_a_window_over_midnight_is_an_hour_shorter_when_clocks_go_forward() -> None:
    night = WeeklyWindow("22:00", "06:00", ("sat",))
    assert minutes_in_force(night, "2026-03-28T12:00:00+01:00", "2026-03-29T12:00:00+02:00") == 7 * 60
    assert minutes_in_force(night, "2026-10-24T12:00:00+02:00", "2026-10-25T12:00:00+01:00") == 9 * 60


def test_a_leap_day_has_the_windows_of_its_day_of_the_week() -> None:
    tuesday = WeeklyWindow(days=("tue",))
    assert minutes_in_force(tuesday, "2028-02-28T00:00:00+01:00", "2028-03-02T00:00:00+01:00") == 24 * 60
    assert in_force(tuesday, "2028-02-29T12:00:00+01:00")


def test_windows_that_touch_or_overlap_are_one() -> None:
    windows = [WeeklyWindow("08:00", "10:00", ("mon",)), WeeklyWindow("10:00", "12:00", ("mon",))]
    assert minutes_of([*windows, WeeklyWindow("09:00", "11:00", ("mon",))]) == ((480, 720),)
    assert minutes_of([]) == minutes_of([WeeklyWindow()]) == WHOLE_WEEK


@pytest.mark.parametrize("time", ["09:00", "00:00"])
def test_a_window_that_ends_as_it_starts_is_refused_with_its_field(time: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_windows([WeeklyWindow(), WeeklyWindow(time, time)], "windows")
    assert refused.value.field == "windows[1].end"


def test_no_window_is_in_force_outside_the_calendar() -> None:
    assert minute_of_week(ms("9999-12-31T23:59:59Z"), ZoneInfo("Asia/Shanghai")) is None
    assert minute_of_week(1 << 61, BERLIN) is None


times = st.integers(0, 24 * 60 - 1)
windows = st.builds(
    lambda start, end, days: WeeklyWindow(
        f"{start // 60:02}:{start % 60:02}", f"{end // 60:02}:{end % 60:02}", tuple(days)
    ),
    times,
    times,
    st.lists(st.sampled_from(DAYS), min_size=1, max_size=3, unique=True),
)


@given(st.lists(windows, min_size=1, max_size=3), st.integers(0, WEEK_MINUTES - 1))
def test_a_minute_is_open_if_a_window_began_before_it_and_did_not_end(several: list[WeeklyWindow], minute: int) -> None:
    def covers(window: WeeklyWindow, day: str) -> bool:
        start = DAYS.index(day) * 1440 + int(window.start[:2]) * 60 + int(window.start[3:])  # type: ignore[arg-type]
        length = (int(window.end[:2]) * 60 + int(window.end[3:]) - start) % 1440 or 1440
        return (minute - start) % WEEK_MINUTES < length

    expected = any(covers(window, day) for window in several for day in window.days)
    assert is_open(minutes_of(several), minute) == expected


def test_windows_meet_if_a_clock_shows_a_minute_of_both() -> None:
    monday, tuesday = minutes_of([WeeklyWindow(days=("mon",))]), minutes_of([WeeklyWindow(days=("tue",))])
    late = minutes_of([WeeklyWindow("23:00", "01:00", ("mon",))])
    assert not meet(monday, tuesday, ALWAYS)
    assert meet(monday, late, ALWAYS)
    assert meet(tuesday, late, ALWAYS)


@given(st.lists(windows, min_size=1, max_size=3), st.lists(windows, min_size=1, max_size=3))
def test_windows_meet_exactly_if_they_have_a_minute_in_common(
    some: list[WeeklyWindow], others: list[WeeklyWindow]
) -> None:
    one, other = minutes_of(some), minutes_of(others)
    expected = any(is_open(one, minute) and is_open(other, minute) for minute in range(WEEK_MINUTES))
    assert meet(one, other, ALWAYS) == meet(other, one, ALWAYS) == expected


def test_windows_do_not_meet_if_no_clock_shows_their_minutes_in_the_period() -> None:
    monday = minutes_of([WeeklyWindow(days=("mon",))])
    thursday = Period(ms("2026-12-03T00:00:00Z"), ms("2026-12-04T00:00:00Z"))
    assert not meet(monday, monday, thursday)
    assert meet(monday, monday, Period(thursday.from_ms, END_MS))
    assert meet(monday, monday, Period(FIRST_MS, thursday.to_ms))
    assert not meet(monday, monday, Period(5, 5))


def test_windows_meet_in_a_zone_where_the_day_begins_earlier() -> None:
    monday = minutes_of([WeeklyWindow(days=("mon",))])
    sunday_noon_utc = Period(ms("2026-12-06T11:00:00Z"), ms("2026-12-06T11:01:00Z"))
    assert meet(monday, monday, sunday_noon_utc)
    assert not meet(monday, monday, Period(ms("2026-12-06T09:00:00Z"), ms("2026-12-06T09:59:00Z")))


def test_windows_meet_in_a_zone_where_the_day_ends_later() -> None:
    monday = minutes_of([WeeklyWindow(days=("mon",))])
    assert meet(monday, monday, Period(ms("2026-12-08T11:58:00Z"), ms("2026-12-08T11:59:00Z")))
    assert not meet(monday, monday, Period(ms("2026-12-08T12:01:00Z"), ms("2026-12-08T12:02:00Z")))


@given(windows, windows, st.integers(0, 20_160), st.integers(1, 3_000), st.data())
def test_windows_that_do_not_meet_are_never_in_force_together(
    one: WeeklyWindow, other: WeeklyWindow, start: int, length: int, data: st.DataObject
) -> None:
    period = Period(start * 60_000, (start + length) * 60_000)
    at = data.draw(st.integers(period.from_ms, period.to_ms - 1))
    zone = ZoneInfo(data.draw(st.sampled_from(["Pacific/Kiritimati", "Etc/GMT+12", "Asia/Shanghai", "UTC"])))
    minute = minute_of_week(at, zone)
    assert minute is not None
    first, second = minutes_of([one]), minutes_of([other])
    if is_open(first, minute) and is_open(second, minute):
        assert meet(first, second, period)
