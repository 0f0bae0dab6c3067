"""Periods: half-open, the same in each time zone, exact to the millisecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from replica.core.base.errors import Invalid
from replica.core.catalog.validity import ALWAYS, Period, check_period, moment_ms, period_of


def moment(text: str) -> datetime:
    """A time in RFC 3339, as a document says it."""
    return msgspec.convert(text, datetime)


def ms(text: str) -> int:
    """The same in milliseconds since 1970."""
    return moment_ms(moment(text))


def test_a_period_contains_its_first_moment_and_not_its_last() -> None:
    period = period_of(moment("2026-12-01T08:00:00Z"), moment("2026-12-01T09:00:00Z"))
    assert [period.contains(ms(f"2026-12-01T{time}Z")) for time in ("07:59:59.999", "08:00:00", "08:59:59.999")] == [
        False,
        True,
        True,
    ]
    assert not period.contains(ms("2026-12-01T09:00:00Z"))


def test_a_bound_that_is_left_out_is_none() -> None:
    assert period_of(UNSET, UNSET) == ALWAYS
    assert ALWAYS.contains(ms("0001-01-01T00:00:00+14:00"))
    assert ALWAYS.contains(ms("9999-12-31T23:59:59.999-12:00"))


def test_one_moment_is_the_same_whatever_its_offset() -> None:
    assert ms("2026-12-01T09:00:00+01:00") == ms("2026-12-01T16:00:00+08:00") == ms("2026-12-01T08:00:00Z")


def test_a_fraction_of_a_millisecond_is_rounded_up() -> None:
    assert ms("1970-01-01T00:00:00.000001Z") == 1
    assert ms("1970-01-01T00:00:00.001Z") == 1
    assert ms("1969-12-31T23:59:59.999999Z") == 0


def test_a_period_may_begin_on_a_leap_day() -> None:
    period = period_of(moment("2028-02-29T00:00:00+01:00"), moment("2028-03-01T00:00:00+01:00"))
    assert (period.to_ms - period.from_ms) == 24 * 3_600_000
    assert period.contains(ms("2028-02-29T22:59:59Z"))
    assert not period.contains(ms("2028-02-29T23:00:00Z"))


@pytest.mark.parametrize("valid_to", ["2026-12-01T08:00:00Z", "2026-12-01T07:00:00Z", "2026-12-01T09:00:00+01:00"])
def test_a_period_without_a_moment_is_refused(valid_to: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_period(moment("2026-12-01T08:00:00Z"), moment(valid_to))
    assert refused.value.field == "valid_to"


moments = st.integers(-5, 5)


@given(moments, moments, moments, moments, moments)
def test_the_common_period_has_the_moments_of_both(one: int, to: int, other: int, end: int, at: int) -> None:
    first, second = Period(one, to), Period(other, end)
    assert first.common(second).contains(at) == (first.contains(at) and second.contains(at))
    assert first.is_empty == (not any(first.contains(each) for each in range(-6, 6)))


@given(st.integers(-(10**15), 10**15))
def test_a_time_of_the_calendar_is_exact_to_the_millisecond(microseconds: int) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert moment_ms(at) == -(-microseconds // 1000)
