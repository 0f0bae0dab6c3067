"""The hybrid clock: stamps that follow causes and stay near wall time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.clock import COUNTER_BITS, HybridClock, stamp_ms, stamp_text, time_text
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS

NOW_MS = 1_750_000_000_000

walls = st.integers(0, 2 * NOW_MS)


def test_a_stamp_contains_the_wall_time_of_its_issue() -> None:
    assert stamp_ms(HybridClock().tick(NOW_MS)) == NOW_MS


@given(st.lists(walls, min_size=2, max_size=30))
def test_stamps_never_repeat_or_go_back_whatever_the_wall_clock_does(times: list[int]) -> None:
    clock = HybridClock()
    stamps = [clock.tick(time) for time in times]
    assert all(earlier < later for earlier, later in pairwise(stamps))


def test_a_full_counter_runs_into_the_next_millisecond() -> None:
    clock = HybridClock(NOW_MS << COUNTER_BITS)
    for _ in range((1 << COUNTER_BITS) + 1):
        stamp = clock.tick(NOW_MS)
    assert stamp_ms(stamp) == NOW_MS + 1


def test_a_clock_continues_from_a_given_last_stamp() -> None:
    last = HybridClock().tick(NOW_MS)
    assert HybridClock(last).tick(NOW_MS - 60_000) == last + 1


@given(walls, st.lists(st.tuples(walls, st.integers(-CLOCK_AHEAD_MAX_MS, CLOCK_AHEAD_MAX_MS)), max_size=20))
def test_a_stamp_is_later_than_all_accepted_stamps(start_ms: int, seen: list[tuple[int, int]]) -> None:
    clock = HybridClock()
    clock.tick(start_ms)
    for now_ms, ahead_ms in seen:
        stamp = max(0, now_ms + ahead_ms) << COUNTER_BITS
        assert clock.observe(stamp, now_ms)
        assert clock.tick(now_ms) > stamp


def test_a_stamp_at_the_bound_is_accepted() -> None:
    clock = HybridClock()
    stamp = (NOW_MS + CLOCK_AHEAD_MAX_MS) << COUNTER_BITS
    assert clock.observe(stamp, NOW_MS)
    assert clock.last == stamp
    assert clock.refused == 0


def test_a_stamp_past_the_bound_changes_nothing_and_is_counted() -> None:
    clock = HybridClock()
    before = clock.tick(NOW_MS)
    assert not clock.observe((NOW_MS + CLOCK_AHEAD_MAX_MS + 1) << COUNTER_BITS, NOW_MS)
    assert clock.last == before
    assert clock.refused == 1


def test_an_old_stamp_changes_nothing() -> None:
    clock = HybridClock()
    before = clock.tick(NOW_MS)
    assert clock.observe(before - 1, NOW_MS)
    assert clock.last == before


def test_every_stamp_past_the_bound_is_counted() -> None:
    clock = HybridClock()
    for _ in range(3):
        assert not clock.observe((NOW_MS + CLOCK_AHEAD_MAX_MS + 1) << COUNTER_BITS, NOW_MS)
    assert clock.refused == 3


def test_a_stamp_that_was_accepted_stays_so_though_the_wall_clock_goes_back() -> None:
    clock = HybridClock()
    last = clock.tick(NOW_MS + CLOCK_AHEAD_MAX_MS + 1)
    assert clock.observe(last, NOW_MS)
    assert (clock.last, clock.refused) == (last, 0)


def test_the_first_stamp_of_all_is_one() -> None:
    assert HybridClock().tick(0) == 1


def test_a_time_shows_as_rfc_3339() -> None:
    assert time_text(NOW_MS + 7) == "2025-06-15T15:06:40.007Z"
    assert stamp_text((NOW_MS + 7) << COUNTER_BITS | 3) == "2025-06-15T15:06:40.007Z"


@pytest.mark.parametrize(
    ("time_ms", "shown"), [(-1, "1970-01-01T00:00:00.000Z"), (1 << 62, "9999-12-31T23:59:59.999Z")]
)
def test_a_time_outside_the_calendar_shows_as_its_nearest_end(time_ms: int, shown: str) -> None:
    assert time_text(time_ms) == shown
