"""Choosing the locations of an order: named lines first, then the others from what these leave and where they send."""

from __future__ import annotations

import pytest

from replica.core.base.errors import NotDeliverable
from replica.core.orders.sourcing import fullest
from replica.core.planning.candidates import BannedLine, Candidate
from replica.core.planning.sourcing import DeliverySources
from tests.core.planning.test_sourcing import candidate, line, source, units_of
from tests.core.shuffled import OrderTaker


def test_banned_line_refuses_the_order_and_says_why() -> None:
    ban = BannedLine(1, "a", "islands", {"en": "Not by plane"})
    sources = DeliverySources((candidate("w", 1),), (ban, BannedLine(7, "b", "islands", {})))
    with pytest.raises(NotDeliverable) as refused:
        sources.choose(units_of({("w", "x"): 9}), [line(0, "a", 1), line(1, "a", 1)])
    assert refused.value.facts["lines"] == [
        {"line": 1, "sku": "a", "area": "islands", "reasons": {"en": "Not by plane"}},
    ]


def test_ban_on_a_line_that_is_decided_already_refuses_nothing() -> None:
    sources = DeliverySources((candidate("w", 1),), (BannedLine(7, "a", "islands", {}),))
    assert sources.choose(units_of({("w", "x"): 9}), [line(0, "a", 1)]).taken == {"w": {0: 1}}


def test_named_location_that_may_not_send_the_order_sends_nothing_although_it_has_the_goods() -> None:
    plan = source({("elsewhere", "x"): 9, ("w", "x"): 9}, [candidate("w", 1)], line(0, "a", 2, "elsewhere"))
    assert (plan.taken, [one.covered for one in plan.short]) == ({}, [0])


def test_location_that_sends_a_named_line_sends_the_others_at_no_further_cost() -> None:
    stock = {("a", "x"): 1, ("b", "x"): 1, ("b", "y"): 1}
    plan = source(stock, [candidate("a", 1), candidate("b", 10)], line(0, "b", 1, "b"), line(1, "a", 1))
    assert plan.taken == {"b": {0: 1, 1: 1}}


def test_lines_that_name_no_location_take_exactly_what_named_ones_leave() -> None:
    stock = {("b", "x"): 3, ("b", "y"): 2}
    plan = source(stock, [candidate("b", 10)], line(0, "a", 2, "b"), line(1, "a", 1), line(2, "b", 2))
    assert (plan.taken, plan.short) == ({"b": {0: 2, 1: 1, 2: 2}}, [])
    plan = source(stock, [candidate("b", 10)], line(0, "a", 2, "b"), line(1, "a", 2))
    assert (plan.taken, [one.covered for one in plan.short]) == ({"b": {0: 2, 1: 1}}, [1])


def test_last_units_of_a_location_that_sends_a_named_line_cost_as_much_as_before() -> None:
    stock = {("store", "x"): 3, ("store", "y"): 9, ("w", "x"): 3}
    some = [candidate("store", 1, last_units=2), candidate("w", 10)]
    assert source(stock, some, line(0, "b", 1, "store"), line(1, "a", 3)).taken == {"store": {0: 1}, "w": {1: 3}}
    assert source(stock, some, line(0, "b", 1, "store"), line(1, "a", 2)).taken == {"store": {0: 1, 1: 2}}


def test_last_units_that_cost_nothing_are_taken_like_others() -> None:
    free = Candidate("store", 1, {}, 0, last_units=2, last_unit=0)
    assert source({("store", "x"): 3, ("w", "x"): 3}, [free, candidate("w", 10)], line(0, "a", 3)).taken == {
        "store": {0: 3}
    }


def test_backups_are_chosen_by_their_cost_if_the_others_do_not_have_everything() -> None:
    stock = {("a", "x"): 2, ("b", "x"): 2, ("spare-1", "x"): 3, ("spare-2", "x"): 5}
    some = [
        candidate("a", 50),
        candidate("b", 60),
        candidate("spare-1", 1, is_backup=True),
        candidate("spare-2", 20, is_backup=True),
    ]
    plan = source(stock, some, line(0, "a", 6))
    assert (sorted(plan.taken), plan.short) == (["spare-1", "spare-2"], [])


def test_what_there_is_is_sent_from_backups_last_if_not_all_of_it_is_there() -> None:
    stock = {("a", "x"): 2, ("spare", "x"): 2, ("b", "x"): 1}
    some = [candidate("a", 50), candidate("spare", 1, is_backup=True), candidate("b", 60)]
    plan = source(stock, some, line(0, "a", 9), line(1, "b", 1))
    assert (plan.taken, [one.covered for one in plan.short]) == ({"a": {0: 2}, "spare": {0: 2}, "b": {0: 1}}, [5, 0])


def test_more_than_there_is_of_one_line_leaves_the_other_lines_at_their_cheapest() -> None:
    stock = {("a", "x"): 1, ("b", "x"): 1, ("b", "y"): 2, ("c", "y"): 2}
    some = [candidate("a", 1), candidate("b", 10), candidate("c", 2)]
    plan = source(stock, some, line(0, "a", 9), line(1, "b", 2))
    assert (plan.taken, [one.covered for one in plan.short]) == ({"a": {0: 1}, "b": {0: 1, 1: 2}}, [2])


@pytest.mark.parametrize("count", [7, 8, 9, 15])
def test_whole_lines_of_many_places_come_from_as_few_as_have_them(count: int) -> None:
    """Each place has one unit, except that three dear ones together have all."""
    some = [candidate(f"l-{number}", 10) for number in range(count)]
    some += [candidate(f"m-{number}", 11) for number in range(3)]
    stock = {(f"l-{number}", "x"): 1 for number in range(count)} | {(f"m-{number}", "x"): 10 for number in range(3)}
    assert source(stock, some, line(0, "a", 30)).taken == {f"m-{number}": {0: 10} for number in range(3)}


def test_fullest_location_of_a_line_is_one_that_may_send_it() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"cola": 9}, w_3={"cola": 7})
    wanted = line(0, "a", 1)
    cola = type(wanted)(index=0, sku="cola", recipe=(("cola", 1),), quantity=1, location=None)
    ledger = taker.replica.ledger
    assert fullest(ledger, cola) == "w-2"
    assert fullest(ledger, cola, DeliverySources((candidate("w-1", 1), candidate("w-3", 9)))) == "w-3"
    assert fullest(ledger, cola, DeliverySources((candidate("w-9", 1),))) is None
