"""When an entry was recorded, and when its movements count."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.clock import COUNTER_BITS, stamp_ms
from replica.core.base.limits import (
    CLOCK_AHEAD_MAX_MS,
    OCCURRED_AGE_MAX_MS,
    OCCURRED_AHEAD_MAX_MS,
    STAMP_AHEAD_MS,
)
from replica.core.log.entry import Content
from replica.core.log.times import (
    WALL,
    counts_by_till,
    effective_clock,
    impossible_at,
    is_cause,
    moved_ms,
    occurred_clock,
    recorded_ms,
    recorded_text,
    wall_of,
)
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.kinds import KINDS
from replica.core.stock.requests import KeyedSale, SkuLine
from tests.core.chain import NOW_MS, STORE, Node, receipt, sale

DAY_MS = 86_400_000
AHEAD_MS = NOW_MS + 3 * DAY_MS


def content(at_ms: int = NOW_MS, kind: str = "sale", **facts: Any) -> Content:
    clock = at_ms << COUNTER_BITS
    return Content(kind=kind, clock=clock, key=b"", actor="", reason="", reference="", moves=(), lines=(), facts=facts)


def ahead() -> Node:
    """A store whose clock was three days ahead once, and is right again."""
    node = Node()
    node.ask(receipt(cola=100), "wrong", AHEAD_MS)
    return node


def test_an_entry_after_a_wrong_clock_shows_the_wall_clock_and_not_its_stamp() -> None:
    entry = ahead().ask(sale(cola=1), "sale", NOW_MS)
    assert stamp_ms(entry.content.clock) == AHEAD_MS
    assert recorded_ms(entry.content) == NOW_MS
    assert recorded_text(entry.content) == "2025-06-15T15:06:40.000Z"


@pytest.mark.parametrize("now_ms", [1, 0, -DAY_MS])
def test_an_entry_by_a_clock_that_begins_in_1970_does_not_show_its_stamp(now_ms: int) -> None:
    entry = ahead().ask(sale(cola=1), "sale", now_ms)
    assert recorded_text(entry.content) == "1970-01-01T00:00:00.001Z"


def test_a_usual_entry_has_no_reading_of_the_wall_clock() -> None:
    node = Node()
    node.ask(receipt(cola=100), "first", NOW_MS + STAMP_AHEAD_MS)
    entry = node.ask(sale(cola=1), "second", NOW_MS)
    assert entry.content.facts == {}
    assert recorded_ms(entry.content) - NOW_MS <= STAMP_AHEAD_MS


def test_sales_of_a_batch_after_a_wrong_clock_show_the_wall_clock() -> None:
    node = ahead()
    asked = [Command(STORE, KeyedSale(lines=(SkuLine(1, sku="cola"),), key=key), key.encode()) for key in "abc"]
    for verdict in decisions.execute_requests(node.replica, asked, NOW_MS + 5, {}):
        assert not isinstance(verdict, Exception)
        content = verdict[0].content if isinstance(verdict, list) else verdict.content  # type: ignore[index]
        assert recorded_ms(content) == NOW_MS + 5
        assert KINDS.request_of(content) == asked[0].request.sale()  # type: ignore[union-attr]


def test_every_write_after_a_wrong_clock_shows_the_wall_clock() -> None:
    node = ahead()
    assert recorded_ms(node.write("tea", {"recipe": {"tea": 1}}, "document").content) == NOW_MS
    assert node.replica.documents.malformed == 0


def test_the_state_of_a_scope_is_as_fresh_as_its_newest_entry_says_and_not_its_stamp() -> None:
    node = ahead()
    node.ask(sale(cola=1), "sale", NOW_MS)
    assert node.replica.newest(STORE) == NOW_MS << COUNTER_BITS
    node.commit()
    assert node.restored("0000000b").replica.newest(STORE) == NOW_MS << COUNTER_BITS


@pytest.mark.parametrize("wall", ["yesterday", -1, 0, NOW_MS + 1, 1 << 70, None, [], 1.5])
def test_a_wall_time_that_no_node_writes_is_ignored(wall: object) -> None:
    assert recorded_ms(content(**{WALL: wall})) == NOW_MS
    assert effective_clock(content(**{WALL: wall})) == NOW_MS << COUNTER_BITS


@pytest.mark.parametrize(
    ("occurred_ms", "moved"),
    [
        (NOW_MS - 5_000, NOW_MS - 5_000),
        (NOW_MS - OCCURRED_AGE_MAX_MS, NOW_MS - OCCURRED_AGE_MAX_MS),
        (NOW_MS - OCCURRED_AGE_MAX_MS - 1, NOW_MS),
        (NOW_MS, NOW_MS),
        (NOW_MS + 1, NOW_MS),
        (NOW_MS + OCCURRED_AHEAD_MAX_MS + 1, NOW_MS),
        (-86_400_000, NOW_MS),
    ],
)
def test_a_movement_counts_when_its_till_says_if_that_can_be_true(occurred_ms: int, moved: int) -> None:
    sold = content(occurred_at=occurred_ms * 1000 + 7)
    assert moved_ms(sold) == moved
    assert effective_clock(sold) == moved << COUNTER_BITS


@pytest.mark.parametrize(
    ("occurred_ms", "is_impossible"),
    [
        (NOW_MS + OCCURRED_AHEAD_MAX_MS, False),
        (NOW_MS + OCCURRED_AHEAD_MAX_MS + 1, True),
        (NOW_MS - OCCURRED_AGE_MAX_MS, False),
        (NOW_MS - OCCURRED_AGE_MAX_MS - 1, True),
    ],
)
def test_a_time_far_ahead_or_years_ago_cannot_be_true(occurred_ms: int, is_impossible: bool) -> None:
    assert (impossible_at(content(occurred_at=occurred_ms * 1000)) is not None) == is_impossible


def test_a_time_of_a_till_is_compared_with_the_wall_clock_and_not_with_a_stamp() -> None:
    sold = content(AHEAD_MS, wall=NOW_MS, occurred_at=(NOW_MS + DAY_MS) * 1000)
    assert impossible_at(sold) == (NOW_MS + DAY_MS) * 1000
    assert moved_ms(sold) == NOW_MS


@pytest.mark.parametrize("occurred", ["yesterday", 1 << 62, None, 1.5, [], -(1 << 62)])
def test_a_time_that_no_node_writes_is_ignored(occurred: object) -> None:
    sold = content(occurred_at=occurred)
    assert (moved_ms(sold), impossible_at(sold)) == (NOW_MS, None)


def test_a_stamp_that_may_follow_a_cause_decides_and_a_drifted_one_does_not() -> None:
    near, far = NOW_MS + CLOCK_AHEAD_MAX_MS, NOW_MS + CLOCK_AHEAD_MAX_MS + 1
    assert effective_clock(content(near, wall=NOW_MS)) == near << COUNTER_BITS
    assert effective_clock(content(far, wall=NOW_MS)) == NOW_MS << COUNTER_BITS


@pytest.mark.parametrize(
    ("ahead_ms", "is_one"),
    [(-1, False), (0, False), (1, True), (CLOCK_AHEAD_MAX_MS, True), (CLOCK_AHEAD_MAX_MS + 1, False)],
)
def test_a_known_entry_is_a_cause_if_it_is_ahead_by_no_more_than_right_clocks_differ(
    ahead_ms: int, is_one: bool
) -> None:
    assert is_cause((NOW_MS + ahead_ms) << COUNTER_BITS, NOW_MS) is is_one


@pytest.mark.parametrize("fact", [WALL, "occurred_at", "as_of"])
@pytest.mark.parametrize("kind", ["sale", "void"])
def test_true_is_no_time(fact: str, kind: str) -> None:
    odd, plain = content(kind=kind, **{fact: True}), content(kind=kind)
    for read in (recorded_ms, effective_clock, impossible_at, moved_ms):
        assert read(odd) == read(plain)


def test_a_void_counts_when_the_entry_that_it_voids_does() -> None:
    earlier = (NOW_MS - DAY_MS) << COUNTER_BITS
    assert effective_clock(content(kind="void", as_of=earlier)) == earlier


def test_only_a_believed_time_of_a_till_decides_when_moves_count() -> None:
    at = NOW_MS * 1000
    assert counts_by_till(content(occurred_at=at))
    assert counts_by_till(content(kind="void", occurred_at=at + 10**12))
    assert not counts_by_till(content(occurred_at=at + 10**12))
    assert not counts_by_till(content())


def test_a_movement_may_have_happened_when_it_was_recorded() -> None:
    node_ahead = content(NOW_MS + 5, wall=NOW_MS, occurred_at=NOW_MS * 1000)
    assert occurred_clock(node_ahead) == NOW_MS << COUNTER_BITS


@pytest.mark.parametrize(
    ("stamp", "is_later"),
    [
        ((NOW_MS - 1) << COUNTER_BITS, False),
        (NOW_MS << COUNTER_BITS, False),
        ((NOW_MS << COUNTER_BITS) + 1, True),
        ((NOW_MS + CLOCK_AHEAD_MAX_MS) << COUNTER_BITS, True),
        ((NOW_MS + CLOCK_AHEAD_MAX_MS + 1) << COUNTER_BITS, False),
    ],
)
def test_a_known_entry_is_a_cause_if_it_is_later_by_no_more_than_clocks_differ(stamp: int, is_later: bool) -> None:
    assert is_cause(stamp, NOW_MS) is is_later


def test_the_wall_clock_is_noted_only_where_the_stamp_does_not_show_it() -> None:
    assert wall_of(content(AHEAD_MS, wall=NOW_MS)) == NOW_MS
    assert wall_of(content(AHEAD_MS)) == 0
