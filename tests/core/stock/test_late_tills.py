"""Counts and tills that report late: a movement counts when it happened, so a count stays right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from replica.core.base.clock import COUNTER_BITS
from replica.core.base.errors import RightsExhausted
from replica.core.base.limits import CLOCK_AHEAD_MAX_MS
from replica.core.log.times import AFTER, effective_clock, recorded_ms
from replica.core.log.voids import VOID
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.kinds import LocationRequest
from replica.core.stock.counts import CORRECTION, Seen
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    GoodsLine,
    GoodsReceipt,
    KeyedSale,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from tests.core.chain import NOW_MS, STORE, Node, receipt, sale
from tests.core.state.test_duplicates import entries, hub, on_hand, send_all, settle
from tests.core.stock.test_counts import count

COUNTED_MS = NOW_MS + 300_000
"""Five minutes after the till sold."""

LATER_MS = COUNTED_MS + 300_000


def told(at_ms: int, units: int = 1, on_shortage: OnShortage = OnShortage.RECORD) -> Sale:
    """A sale that its till says to have happened at a time."""
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
    return Sale(lines=(SkuLine(units, sku="cola"),), occurred_at=when, on_shortage=on_shortage)


def counted(level: int = 9) -> Node:
    """A store that received 10, and then counted."""
    node = Node()
    node.ask(receipt(cola=10), "stock", NOW_MS - 1_000)
    node.ask(count(level), "count", COUNTED_MS)
    return node


def test_an_older_count_told_later_leaves_the_newer_count_of_another_item_right() -> None:
    node = Node()
    node.ask(receipt(cola=10, soap=10), "stock", NOW_MS - 1_000)
    early = node.replica.seen(STORE, NOW_MS)
    node.ask(count(9), "cola", COUNTED_MS)
    node.ask(count(10, "soap"), "soap", COUNTED_MS + 1_000, Seen({"soap": 10}, early.as_of, early.vector))
    node.ask(told(NOW_MS + 1_000), "late", LATER_MS)
    assert on_hand(node) == 9


def test_a_sale_told_after_a_count_and_from_before_it_does_not_change_the_level() -> None:
    node = counted()
    entry = node.ask(told(NOW_MS), "late", LATER_MS)
    assert on_hand(node) == 9
    assert node.ask(told(NOW_MS), "late", LATER_MS) is entry
    node.commit()
    assert len(entries(node, CORRECTION)) == 1


def test_a_queue_of_sales_told_as_a_batch_does_not_change_the_level() -> None:
    node = counted(7)
    sales = [
        KeyedSale(lines=one.lines, occurred_at=one.occurred_at, key=f"k-{index}")
        for index, one in enumerate([told(NOW_MS), told(NOW_MS + 1), told(NOW_MS + 2), told(LATER_MS - 1)])
    ]
    asked = [Command(STORE, one, one.key.encode()) for one in sales]
    decisions.execute_requests(node.replica, asked, LATER_MS, {})
    assert on_hand(node) == 6


def test_a_sale_of_after_the_count_still_counts() -> None:
    node = counted()
    node.ask(told(COUNTED_MS + 1), "later", LATER_MS)
    assert on_hand(node) == 8


def test_a_sale_at_the_very_moment_of_a_count_is_after_it() -> None:
    node = counted()
    node.ask(told(COUNTED_MS), "same", LATER_MS)
    assert on_hand(node) == 8
    node.ask(told(COUNTED_MS - 1), "before", LATER_MS)
    assert on_hand(node) == 8


def test_a_return_told_late_does_not_change_the_level_either() -> None:
    node, when = counted(11), told(NOW_MS).occurred_at
    node.ask(Return(lines=(SkuLine(1, sku="cola"),), occurred_at=when), "back", LATER_MS)
    assert on_hand(node) == 11


@pytest.mark.parametrize(
    ("request_of", "level"),
    [
        (lambda when: GoodsReceipt((GoodsLine(5, item="cola"),), occurred_at=when), 15),
        (lambda when: Adjustment((AdjustmentLine("cola", -2, "broken"),), occurred_at=when), 8),
        (lambda when: Quarantine((QuarantineLine("cola", 3, Action.WRITE_OFF),), occurred_at=when), 7),
    ],
    ids=["goods receipt", "adjustment", "write-off"],
)
def test_staff_work_told_after_a_count_does_not_change_the_level(
    request_of: Callable[[Any], LocationRequest], level: int
) -> None:
    node = Node()
    node.ask(receipt(cola=13), "stock", NOW_MS - 1_000)
    node.ask(Quarantine((QuarantineLine("cola", 3, Action.PUT),)), "aside", NOW_MS - 1_000)
    node.ask(count(level), "count", COUNTED_MS)
    node.ask(request_of(told(NOW_MS).occurred_at), "late", LATER_MS)
    assert on_hand(node) == level


@pytest.mark.parametrize("at_ms", [LATER_MS + 86_400_000, 0, NOW_MS - 401 * 86_400_000])
def test_a_sale_at_a_time_that_cannot_be_true_counts_when_it_was_recorded(at_ms: int) -> None:
    node = counted()
    node.ask(told(at_ms), "odd", LATER_MS)
    assert on_hand(node) == 8


def test_a_promise_at_an_odd_time_is_decided_like_any_other() -> None:
    node = counted()
    node.ask(told(0, 9, OnShortage.REFUSE), "odd", LATER_MS)
    with pytest.raises(RightsExhausted):
        node.ask(told(0, 1, OnShortage.REFUSE), "one-more", LATER_MS)


def test_a_late_sale_at_another_node_is_corrected_by_the_node_that_counted() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=10), "east", NOW_MS - 1_000)
    west.ask(receipt(cola=10), "west", NOW_MS - 1_000)
    settle(east, west)
    east.ask(count(19), "count", COUNTED_MS)
    west.ask(told(NOW_MS), "late", LATER_MS)
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 19


def test_the_void_of_a_sale_told_late_counts_when_the_sale_does() -> None:
    for first, second in permutations((LATER_MS, LATER_MS + 1)):
        east, west = hub("hub-east"), hub("hub-west")
        east.ask(receipt(cola=10), "stock", NOW_MS - 1_000)
        west.ask(receipt(cola=10), "stock-2", NOW_MS - 1_000)
        settle(east, west)
        east.ask(count(19), "count", COUNTED_MS)
        east.ask(told(NOW_MS), "twice", first)
        west.ask(told(NOW_MS), "twice", second)
        settle(east, west)
        (void,) = entries(east, VOID)
        assert effective_clock(void.content) >> 16 == NOW_MS
        assert on_hand(east) == on_hand(west) == 19


def test_a_drifted_stamp_does_not_put_a_movement_after_a_later_count() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    west.ask(receipt(cola=10), "wrong", NOW_MS + 3 * 86_400_000)
    send_all(west, east)
    west.ask(sale(cola=1), "sold", NOW_MS)
    east.ask(count(9), "count", COUNTED_MS)
    settle(east, west)
    assert on_hand(east) == 9


def drifted_pair() -> tuple[Node, Node]:
    """Two hubs, of which the second one's clock was days ahead. The first one counted, and the second one knows it."""
    east, west = hub("hub-east"), hub("hub-west")
    west.ask(receipt(cola=10), "wrong", NOW_MS + 3 * 86_400_000)
    send_all(west, east)
    east.ask(count(10), "count", COUNTED_MS)
    send_all(east, west)
    return east, west


def test_a_sale_of_a_node_that_drifted_follows_the_count_that_it_knows() -> None:
    """Its stamp is days ahead, and its wall clock is a few seconds behind that of the node that counted."""
    east, west = drifted_pair()
    sold = west.ask(sale(cola=1), "sold", COUNTED_MS - 20_000)
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 9
    assert recorded_ms(sold.content) == COUNTED_MS - 20_000


def test_a_clock_far_behind_a_known_count_does_not_follow_it() -> None:
    east, west = drifted_pair()
    west.ask(sale(cola=1), "sold", COUNTED_MS - CLOCK_AHEAD_MAX_MS - 1_000)
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 10


@pytest.mark.parametrize("after", [True, -1, "x", 1 << 70, None])
def test_a_cause_that_no_node_writes_is_ignored(after: object) -> None:
    _, west = drifted_pair()
    content = west.ask(sale(cola=1), "sold", COUNTED_MS - 20_000).content
    wrong = replace(content, facts={**content.facts, AFTER: after})
    assert effective_clock(wrong) == (COUNTED_MS - 20_000) << COUNTER_BITS


def test_a_node_that_drifted_is_not_taken_for_heard_after_its_last_entry() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    west.ask(receipt(cola=10), "wrong", NOW_MS + 3 * 86_400_000)
    west.ask(sale(cola=1), "right", NOW_MS)
    send_all(west, east)
    assert east.replica.unheard(STORE, COUNTED_MS << 16) == ("hub-west",)


times = st.sampled_from([NOW_MS, COUNTED_MS - 1, COUNTED_MS, COUNTED_MS + 1, COUNTED_MS + 200_000])


@given(st.lists(st.tuples(times, st.booleans()), min_size=1, max_size=8), st.data())
def test_in_any_order_of_arrival_the_book_ends_at_the_level_and_what_moved_after(
    sold: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """Each sale is told before the count if that is possible and drawn, else after it, at either of two nodes."""
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=50), "east", NOW_MS - 1_000)
    west.ask(receipt(cola=50), "west", NOW_MS - 1_000)
    settle(east, west)
    early = [at for at, is_early in sold if is_early and at < COUNTED_MS]
    for index, at in enumerate(early):
        data.draw(st.sampled_from([east, west])).ask(told(at), f"early-{index}", COUNTED_MS - 1)
    if data.draw(st.booleans()):
        settle(east, west)
    level = 100 - sum(at < COUNTED_MS for at, _ in sold)
    east.ask(count(level), "count", COUNTED_MS)
    late = [at for at, is_early in sold if not (is_early and at < COUNTED_MS)]
    for index, at in enumerate(data.draw(st.permutations(late))):
        data.draw(st.sampled_from([east, west])).ask(told(at), f"late-{index}", LATER_MS + index)
        if data.draw(st.booleans()):
            send_all(west, east)
    settle(east, west)
    assert on_hand(east) == on_hand(west) == 100 - len(sold)
