"""Sourcing: the cheapest locations that send an order, compared with a look at every way to divide it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replica.core.base.errors import NotDeliverable
from replica.core.orders.sourcing import SourcingPlan, WantedLine
from replica.core.planning.candidates import BannedLine, Candidate
from replica.core.planning.sourcing import DeliverySources

Stock = Mapping[tuple[str, str], int]
Case = tuple[list[tuple[int, int, int, int]], list[tuple[str, int]]]
RECIPES = {"a": (("x", 1),), "b": (("y", 1),), "six": (("x", 2),), "both": (("x", 1), ("y", 1))}


def candidate(location: str, cost: int, *, is_backup: bool = False, last_units: int = 0) -> Candidate:
    return Candidate(location, cost, {"split": cost}, 0, is_backup, last_units, last_unit=7)


def line(index: int, sku: str, quantity: int, location: str | None = None) -> WantedLine:
    return WantedLine(index=index, sku=sku, recipe=RECIPES[sku], quantity=quantity, location=location)


def units_of(stock: Stock) -> Callable[[str, str], int]:
    return lambda location, item: stock.get((location, item), 0)


def source(stock: Stock, some: Sequence[Candidate], *lines: WantedLine) -> SourcingPlan:
    ordered = tuple(sorted(some, key=lambda one: (one.cost, one.location)))
    return DeliverySources(ordered).choose(units_of(stock), lines)


def cost(stock: Stock, some: Sequence[Candidate], lines: Sequence[WantedLine], plan: SourcingPlan) -> int:
    return sum(DeliverySources(tuple(some)).cost_of(units_of(stock), lines, plan).values())


# ---------------------------------------------------------------------------------------------------------------------
# single rules


def test_thirteen_units_from_ten_and_fifteen_are_thirteen() -> None:
    stock = {("near", "x"): 10, ("far", "x"): 15}
    plan = source(stock, [candidate("near", 1), candidate("far", 100)], line(0, "a", 13))
    assert plan.taken == {"far": {0: 13}}
    stock = {("near", "x"): 10, ("far", "x"): 12}
    plan = source(stock, [candidate("near", 1), candidate("far", 100)], line(0, "a", 13))
    assert sum(quantities[0] for quantities in plan.taken.values()) == 13
    assert plan.short == []


def test_the_cheapest_location_that_has_everything_sends_it() -> None:
    stock = {(location, item): 5 for location in ("c", "a", "b") for item in ("x", "y")}
    plan = source(stock, [candidate("c", 3), candidate("a", 5), candidate("b", 4)], line(0, "a", 2), line(1, "b", 2))
    assert plan.taken == {"c": {0: 2, 1: 2}}


def test_one_location_sends_everything_if_a_split_costs_the_same() -> None:
    stock = {("a", "x"): 1, ("b", "y"): 1, ("c", "x"): 1, ("c", "y"): 1}
    some = [candidate("a", 2), candidate("b", 3), candidate("c", 5)]
    assert source(stock, some, line(0, "a", 1), line(1, "b", 1)).taken == {"c": {0: 1, 1: 1}}


def test_a_cheaper_split_is_taken() -> None:
    stock = {("a", "x"): 1, ("b", "y"): 1, ("c", "x"): 1, ("c", "y"): 1}
    some = [candidate("a", 2), candidate("b", 3), candidate("c", 6)]
    assert source(stock, some, line(0, "a", 1), line(1, "b", 1)).taken == {"a": {0: 1}, "b": {1: 1}}


def test_a_backup_sends_only_what_the_others_do_not_have() -> None:
    stock = {("a", "x"): 1, ("b", "x"): 1, ("spare", "x"): 9}
    some = [candidate("a", 50), candidate("b", 60), candidate("spare", 1, is_backup=True)]
    assert source(stock, some, line(0, "a", 2)).taken == {"a": {0: 1}, "b": {0: 1}}
    assert source(stock, some, line(0, "a", 3)).taken == {"spare": {0: 3}}


def test_last_units_of_a_store_are_left_if_another_location_has_some() -> None:
    stock = {("store", "x"): 3, ("w", "x"): 9}
    some = [candidate("store", 1, last_units=2), candidate("w", 10)]
    assert source(stock, some, line(0, "a", 1)).taken == {"store": {0: 1}}
    assert source(stock, some, line(0, "a", 3)).taken == {"w": {0: 3}}
    assert source({("store", "x"): 3}, some, line(0, "a", 3)).taken == {"store": {0: 3}}


def test_a_named_location_is_the_only_source_of_its_line() -> None:
    stock = {("a", "x"): 3, ("b", "x"): 9, ("b", "y"): 9}
    some = [candidate("a", 1), candidate("b", 10)]
    plan = source(stock, some, line(0, "a", 2, "b"), line(1, "a", 2), line(2, "b", 1))
    assert plan.taken == {"b": {0: 2, 1: 2, 2: 1}}
    short = source(stock, some, line(0, "a", 5, "a"), line(1, "a", 1, "elsewhere"))
    assert (short.taken, [one.covered for one in short.short]) == ({"a": {0: 3}}, [3, 0])


def test_lines_with_a_common_item_share_its_units() -> None:
    stock = {("a", "x"): 3, ("a", "y"): 1}
    plan = source(stock, [candidate("a", 1)], line(0, "a", 2), line(1, "both", 1))
    assert (plan.taken, plan.short) == ({"a": {0: 2, 1: 1}}, [])
    plan = source(stock, [candidate("a", 1)], line(0, "a", 3), line(1, "both", 1))
    assert sum(one.wanted.quantity - one.covered for one in plan.short) == 1


def test_lines_with_a_common_item_are_divided_so_that_all_fit() -> None:
    """It was refused: each line alone fits at the last location, and then the other one does not."""
    stock = {("a", "x"): 1, ("a", "y"): 1, ("b", "x"): 2, ("c", "x"): 4, ("c", "y"): 3}
    some = [candidate("a", 0), candidate("b", 0), candidate("c", 0)]
    assert source(stock, some, line(0, "six", 2), line(1, "both", 3)).short == []


def test_without_candidates_everything_is_short() -> None:
    plan = source({("a", "x"): 3}, [], line(0, "a", 2))
    assert (plan.taken, [(one.wanted.sku, one.covered) for one in plan.short]) == ({}, [("a", 0)])


def test_many_locations_with_a_unit_each_send_one_line_together() -> None:
    stock = {(f"s-{number}", "x"): 1 for number in range(60)}
    some = [candidate(f"s-{number}", number + 1) for number in range(60)]
    plan = source(stock, some, line(0, "a", 50))
    assert (len(plan.taken), plan.short) == (50, [])
    assert cost(stock, some, [line(0, "a", 50)], plan) == sum(range(1, 51))


# ---------------------------------------------------------------------------------------------------------------------
# compared with every way to divide an order


def divisions(quantity: int, places: int) -> Iterator[tuple[int, ...]]:
    """Every way to divide a quantity over some places."""
    if places == 0:
        if quantity == 0:
            yield ()
        return
    for first in range(quantity + 1):
        yield from ((first, *rest) for rest in divisions(quantity - first, places - 1))


def best_cost(stock: Stock, some: Sequence[Candidate], lines: Sequence[WantedLine]) -> int | None:
    """What the cheapest of all ways costs; None if there is no way for all lines."""
    best = None
    for ways in product(*(divisions(one.quantity, len(some)) for one in lines)):
        total = 0
        for place, one in enumerate(some):
            used: dict[str, int] = {}
            for wanted, way in zip(lines, ways, strict=True):
                for item, number in wanted.recipe:
                    used[item] = used.get(item, 0) + number * way[place]
            if any(number > stock.get((one.location, item), 0) for item, number in used.items()):
                break
            if any(used.values()):
                spare = {item: max(0, stock.get((one.location, item), 0) - one.last_units) for item in used}
                total += one.cost + 7 * sum(max(0, number - spare[item]) for item, number in used.items())
        else:
            best = total if best is None else min(best, total)
    return best


def cases(skus: Sequence[str], last_units: int) -> st.SearchStrategy[Case]:
    """Some locations with their costs, units of x and of y, and last units; and some lines."""
    place = st.tuples(st.integers(0, 12), st.integers(0, 4), st.integers(0, 4), st.integers(0, last_units))
    wanted = st.tuples(st.sampled_from(skus), st.integers(1, 4))
    return st.tuples(st.lists(place, min_size=1, max_size=3), st.lists(wanted, min_size=1, max_size=3))


@settings(max_examples=300)
@given(st.one_of(cases(list(RECIPES), 0), cases(["a", "b"], 2)))
def test_small_orders_are_sent_as_cheaply_as_by_the_best_of_all_ways(case: Case) -> None:
    places, wanted = case
    some = [candidate(f"l-{number}", one[0], last_units=one[3]) for number, one in enumerate(places)]
    stock = {(f"l-{number}", item): one[1 + at] for number, one in enumerate(places) for at, item in enumerate("xy")}
    lines = [line(index, sku, quantity) for index, (sku, quantity) in enumerate(wanted)]
    plan = source(stock, some, *lines)
    best = best_cost(stock, some, lines)
    assert (best is None) == bool(plan.short)
    if best is not None:
        assert cost(stock, some, lines, plan) == best


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 30), st.integers(0, 30), st.booleans()), max_size=60),
    st.lists(
        st.tuples(st.sampled_from(list(RECIPES)), st.integers(1, 60), st.sampled_from([None, None, "l-0", "gone"])),
        min_size=1,
        max_size=6,
    ),
)
def test_no_plan_takes_more_than_there_is_and_totals_are_exact(
    places: list[tuple[int, int, int, bool]], wanted: list[tuple[str, int, str | None]]
) -> None:
    some = [candidate(f"l-{number}", one[0], is_backup=one[3]) for number, one in enumerate(places)]
    stock = {(f"l-{number}", item): one[1 + at] for number, one in enumerate(places) for at, item in enumerate("xy")}
    lines = [line(index, sku, quantity, at) for index, (sku, quantity, at) in enumerate(wanted)]
    plan = source(stock, some, *lines)
    used: dict[tuple[str, str], int] = {}
    for location, quantities in plan.taken.items():
        assert quantities and all(quantity > 0 for quantity in quantities.values())
        for index, quantity in quantities.items():
            assert lines[index].location in (None, location)
            for item, number in lines[index].recipe:
                used[location, item] = used.get((location, item), 0) + number * quantity
    assert all(number <= stock.get(pair, 0) for pair, number in used.items())
    covered = {one.wanted.index: one.covered for one in plan.short}
    for one in lines:
        taken = sum(quantities.get(one.index, 0) for quantities in plan.taken.values())
        assert taken == covered.get(one.index, one.quantity)
        assert taken < one.quantity if one.index in covered else taken == one.quantity


@given(st.lists(st.tuples(st.integers(1, 99), st.integers(0, 5)), min_size=1, max_size=30), st.integers(1, 30))
def test_backups_send_nothing_if_the_others_have_everything(places: list[tuple[int, int]], quantity: int) -> None:
    some = [candidate(f"l-{number}", one[0], is_backup=number % 2 == 1) for number, one in enumerate(places)]
    stock = {(f"l-{number}", "x"): one[1] for number, one in enumerate(places)}
    plan = source(stock, some, line(0, "a", quantity))
    own = sum(one[1] for number, one in enumerate(places) if number % 2 == 0)
    if own >= quantity:
        assert not any(one.is_backup for one in some if one.location in plan.taken)


@pytest.mark.parametrize("count", [2, 9, 30])
def test_one_location_is_never_split_at_equal_cost_among_many(count: int) -> None:
    some = [candidate(f"l-{number}", 10) for number in range(count)] + [candidate("whole", 20)]
    stock = {(f"l-{number}", "x"): 1 for number in range(count)} | {("whole", "x"): 2}
    assert source(stock, some, line(0, "a", 2)).taken == {"whole": {0: 2}}


@settings(max_examples=60)
@given(cases(list(RECIPES), 2), st.integers(0, 12))
def test_locations_without_goods_change_nothing(case: Case, extra: int) -> None:
    places, wanted = case
    some = [candidate(f"l-{number}", one[0], last_units=one[3]) for number, one in enumerate(places)]
    stock = {(f"l-{number}", item): one[1 + at] for number, one in enumerate(places) for at, item in enumerate("xy")}
    lines = [line(index, sku, quantity) for index, (sku, quantity) in enumerate(wanted)]
    idle = [candidate(f"idle-{number}", number) for number in range(extra)]
    assert source(stock, [*some, *idle], *lines) == source(stock, some, *lines)


@settings(max_examples=100)
@given(cases(["a", "b"], 2), st.integers(0, 9))
def test_an_order_is_never_split_if_one_location_sends_it_at_equal_cost(case: Case, extra: int) -> None:
    places, wanted = case
    some = [candidate(f"l-{number}", one[0], last_units=one[3]) for number, one in enumerate(places)]
    some += [candidate(f"m-{number}", 3 * number) for number in range(extra)]
    stock = {(f"l-{number}", item): one[1 + at] for number, one in enumerate(places) for at, item in enumerate("xy")}
    stock |= {(f"m-{number}", item): number % 4 for number in range(extra) for item in "xy"}
    lines = [line(index, sku, quantity) for index, (sku, quantity) in enumerate(wanted)]
    plan = source(stock, some, *lines)
    if len(plan.taken) < 2 or plan.short:
        return
    for one in some:
        alone = SourcingPlan({one.location: {each.index: each.quantity for each in lines}}, [])
        needed = {item: sum(each.quantity for each in lines if each.recipe == ((item, 1),)) for item in "xy"}
        if all(stock.get((one.location, item), 0) >= number for item, number in needed.items()):
            assert cost(stock, some, lines, alone) > cost(stock, some, lines, plan)


@given(st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=4), st.booleans())
def test_no_plan_contains_a_line_that_is_banned_at_the_address(banned: list[int], is_named: bool) -> None:
    sources = DeliverySources(
        (candidate("a", 1),), tuple(BannedLine(index, "a", "island", {"en": "No"}) for index in banned)
    )
    lines = [line(index, "a", 1, "a" if is_named else None) for index in range(3)]
    units = units_of({("a", "x"): 9})
    with pytest.raises(NotDeliverable):
        sources.choose(units, lines)
    allowed = [one for one in lines if one.index not in banned]
    if allowed:
        assert sources.choose(units, allowed).taken == {"a": {one.index: 1 for one in allowed}}
