"""Orders that are due: each is handed out once, and again only if its deadline turned out to be ahead."""

from __future__ import annotations

from itertools import chain

from replica.core.orders.due import DueOrders


def test_an_order_is_handed_out_once_its_moment_has_come() -> None:
    due = DueOrders()
    due.watch("o-1", 100)
    assert due.take(99, 10) == []
    assert due.take(100, 10) == ["o-1"]
    assert due.take(200, 10) == []


def test_no_more_orders_are_handed_out_than_asked_for() -> None:
    due = DueOrders()
    due.remind(["o-1", "o-2"])
    for name in ("o-3", "o-4"):
        due.watch(name, 100)
    handed_out = [due.take(100, 1) for _ in range(5)]
    assert sorted(chain.from_iterable(handed_out)) == ["o-1", "o-2", "o-3", "o-4"]
    assert [len(some) for some in handed_out] == [1, 1, 1, 1, 0]


def test_a_deadline_comes_back_only_if_the_clock_is_before_it_now() -> None:
    for settled_ms, again in ((99, ["o-1"]), (100, []), (101, [])):
        due = DueOrders()
        due.watch("o-1", 100)
        assert due.take(100, 10) == ["o-1"]
        due.settled("o-1", settled_ms)
        assert due.take(200, 10) == again


def test_all_deadlines_of_an_order_come_back_if_the_clock_is_before_them_now() -> None:
    due = DueOrders()
    due.watch("o-1", 100)
    due.watch("o-1", 200)
    assert due.take(300, 10) == ["o-1"]
    due.settled("o-1", 50)
    for now_ms, again in ((99, []), (100, ["o-1"]), (199, []), (200, ["o-1"])):
        assert due.take(now_ms, 10) == again


def test_a_settled_order_is_not_handed_out_because_of_an_earlier_reminder() -> None:
    due = DueOrders()
    due.remind(["o-1"])
    due.settled("o-1", 0)
    assert due.take(100, 10) == []
