"""The ledger: cells, their figures, and the laws of their merge."""

from __future__ import annotations

import math
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Broken
from replica.core.base.limits import TOTAL_MAX
from replica.core.ledger.cells import STALE_MAX, Figures, Ledger, Move, Stock
from replica.core.ledger.pn_counter import PNCounter
from tests.core.chain import STORE

WRITER = "store-1#0000000a"
HUB = "hub-east#0000000b"
FREE, HELD, QUARANTINE = "store-1/free", "store-1/held", "store-1/quarantine"

Cell = tuple[str, str, tuple[str, str, str], int]

accounts = st.sampled_from(["supplier", "customer", FREE, HELD, QUARANTINE, "hub-east/free"])
routes = st.tuples(st.sampled_from([WRITER, HUB]), accounts, accounts).filter(lambda route: route[1] != route[2])
cells = st.tuples(st.sampled_from([STORE, "store-2"]), st.sampled_from(["cola", "wings"]), routes, st.integers(1, 9))
ledgers = st.lists(cells, max_size=8)
movements = st.lists(
    st.tuples(st.sampled_from([WRITER, HUB]), st.builds(Move, st.sampled_from(["cola", "wings"]), accounts, accounts,
              st.integers(1, 9)).filter(lambda move: move.source != move.target)),
    max_size=12,
)  # fmt: skip


def ledger_of(given_cells: list[Cell]) -> Ledger:
    """A ledger with these cells."""
    ledger = Ledger()
    for cell in given_cells:
        ledger.join(*cell)
    return ledger


def stock_after(*moves: tuple[str, str, int]) -> Stock:
    """The pair after these moves of one writer."""
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("cola", *move) for move in moves])
    return ledger.stock(STORE, "cola")


def state_of(ledger: Ledger) -> list[Cell]:
    """All cells, in their fixed order."""
    return list(ledger.cells())


@pytest.mark.parametrize(
    ("source", "target", "changed"),
    [
        ("supplier", FREE, Figures(3, 0, 0, 3)),
        (FREE, "customer", Figures(-3, 0, 0, -3)),
        (FREE, "hub-east/free", Figures(0, 0, 0, 0)),
        (FREE, HELD, Figures(0, 3, 0, -3)),
        ("hub-east/campaign.618", "hub-east/held", Figures(0, 3, 0, -3)),
        (HELD, FREE, Figures(0, -3, 0, 3)),
        ("hub-east/held", HELD, Figures(0, 0, 0, 0)),
        (HELD, "customer", Figures(-3, -3, 0, 0)),
        ("customer", QUARANTINE, Figures(3, 0, 3, 0)),
        (QUARANTINE, FREE, Figures(0, 0, -3, 3)),
        (QUARANTINE, "loss", Figures(-3, 0, -3, 0)),
        ("found", FREE, Figures(3, 0, 0, 3)),
        (FREE, "loss", Figures(-3, 0, 0, -3)),
        (FREE, "transit.t9", Figures(-3, 0, 0, -3)),
        ("transit.t9", FREE, Figures(3, 0, 0, 3)),
        ("opening", FREE, Figures(3, 0, 0, 3)),
    ],
)
def test_each_operation_changes_the_figures_by_the_deduction_rules(source: str, target: str, changed: Figures) -> None:
    assert stock_after((source, target, 3)).figures == changed


def test_the_pn_counter_of_a_pair_counts_arrivals_and_departures_by_writer() -> None:
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 10), Move("cola", FREE, "customer", 4)])
    ledger.apply(STORE, WRITER, [Move("cola", FREE, "hub-east/free", 5)])
    ledger.apply(STORE, HUB, [Move("cola", "hub-east/free", "customer", 2)])
    stock = ledger.stock(STORE, "cola")
    assert stock.counter() == PNCounter({WRITER: 10}, {WRITER: 4, HUB: 2})
    assert stock.counter().value == stock.figures.on_hand == 4


def test_a_balance_is_units_moved_in_less_units_moved_out() -> None:
    stock = stock_after(("supplier", FREE, 10), (FREE, "customer", 4), (FREE, HELD, 1))
    assert stock.balance(FREE) == 5
    assert stock.balance("supplier") == -10
    assert stock.balance("nobody/free") == 0
    assert stock.balances == {"customer": 4, FREE: 5, HELD: 1, "supplier": -10}


def test_a_breach_counts_only_internal_accounts_below_zero() -> None:
    stock = stock_after(("supplier", "hub-east/free", 9), (FREE, "customer", 4), (HELD, "customer", 1))
    assert stock.breach == 5


def test_rights_are_the_units_of_a_node_except_held_and_quarantined_ones() -> None:
    stock = stock_after(
        ("supplier", FREE, 10),
        (FREE, HELD, 1),
        (FREE, QUARANTINE, 2),
        (FREE, "store-1/channel.web", 3),
        (FREE, "hub-east/free", 4),
    )
    assert stock.rights("store-1") == 3
    assert stock.rights("hub-east") == 4
    assert stock.rights("store") == 0


def test_a_pair_that_never_moved_is_empty_and_not_stored() -> None:
    ledger = Ledger()
    assert ledger.stock(STORE, "cola").figures == Figures(0, 0, 0, 0)
    assert ledger.at_location == {}
    assert dict(ledger.stocks(STORE)) == {}


def test_the_greater_total_of_a_cell_wins_and_a_smaller_changes_nothing() -> None:
    ledger = Ledger()
    name = (WRITER, "supplier", FREE)
    ledger.join(STORE, "cola", name, 5)
    ledger.join(STORE, "cola", name, 3)
    assert ledger.cell(STORE, "cola", name) == 5
    ledger.join(STORE, "cola", name, 8)
    assert ledger.cell(STORE, "cola", name) == 8
    assert ledger.stock(STORE, "cola").figures.on_hand == 8


def test_cells_of_two_writers_over_the_same_accounts_are_two_cells() -> None:
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", "hub-east/free", 5)])
    ledger.apply(STORE, HUB, [Move("cola", "supplier", "hub-east/free", 3)])
    assert ledger.stock(STORE, "cola").figures.on_hand == 8
    assert len(state_of(ledger)) == 2


def test_equal_cells_have_equal_digests_in_whatever_order_they_arrive() -> None:
    moves = [Move("cola", "supplier", FREE, 2), Move("wings", "supplier", FREE, 3), Move("cola", FREE, "customer", 1)]
    one, other = Ledger(), Ledger()
    one.apply(STORE, WRITER, moves)
    for move in reversed(moves):
        other.apply(STORE, WRITER, [move])
        other.digest(STORE)
    assert one.digest(STORE) == other.digest(STORE)


@pytest.mark.parametrize(
    "cell",
    [
        (STORE, "cola", (WRITER, "supplier", FREE), 6),
        (STORE, "wings", (WRITER, "supplier", FREE), 5),
        (STORE, "cola", (HUB, "supplier", FREE), 5),
        (STORE, "cola", (WRITER, "found", FREE), 5),
        (STORE, "cola", (WRITER, "supplier", HELD), 5),
    ],
)
def test_any_difference_in_a_cell_changes_the_digest(cell: Cell) -> None:
    assert ledger_of([(STORE, "cola", (WRITER, "supplier", FREE), 5)]).digest(STORE) != ledger_of([cell]).digest(STORE)


def test_a_digest_covers_only_one_location() -> None:
    ledger = ledger_of([(STORE, "cola", (WRITER, "supplier", FREE), 5)])
    before = ledger.digest(STORE)
    ledger.apply("store-2", WRITER, [Move("cola", "supplier", FREE, 1)])
    assert ledger.digest(STORE) == before
    assert ledger.digest("store-2") != before
    assert ledger.digest("nowhere") == "0" * 32


def test_a_breach_is_listed_until_it_is_covered() -> None:
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("cola", FREE, "customer", 2), Move("wings", "supplier", FREE, 1)])
    here = ledger.at_location[STORE]
    assert here.breaches() == {"cola": 2}
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 2)])
    assert here.breaches() == {}


def test_items_of_a_location_are_listed_in_order_and_never_removed() -> None:
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("wings", "supplier", FREE, 1)])
    here = ledger.at_location[STORE]
    assert list(here.items()) == ["wings"]
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 1), Move("wings", FREE, "loss", 1)])
    assert list(here.items()) == ["cola", "wings"]


def test_a_location_sums_the_balances_of_all_items() -> None:
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 2), Move("wings", "supplier", FREE, 3)])
    assert ledger.at_location[STORE].balances() == {FREE: 5, "supplier": -5}


def test_changes_are_handed_over_once_with_the_newest_totals() -> None:
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 2)])
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 3)])
    changes = ledger.take_changes()
    assert {
        route.name: {stock.item: total for stock, total in changed.items()} for route, changed in changes.items()
    } == {(WRITER, "supplier", FREE): {"cola": 5}}
    assert not ledger.take_changes()


def test_a_total_that_exceeds_a_database_column_stops_the_process() -> None:
    ledger = ledger_of([(STORE, "cola", (WRITER, "supplier", FREE), TOTAL_MAX)])
    with pytest.raises(Broken):
        ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 1)])


@given(ledgers, ledgers)
def test_merge_is_commutative(left: list[Cell], right: list[Cell]) -> None:
    one, other = ledger_of(left), ledger_of(right)
    one.merge(ledger_of(right))
    other.merge(ledger_of(left))
    assert state_of(one) == state_of(other)
    assert [one.digest(location) for location in one.at_location] == [
        other.digest(location) for location in one.at_location
    ]


@given(ledgers, ledgers, ledgers)
def test_merge_is_associative(one: list[Cell], two: list[Cell], three: list[Cell]) -> None:
    left = ledger_of(one)
    left.merge(ledger_of(two))
    left.merge(ledger_of(three))
    tail = ledger_of(two)
    tail.merge(ledger_of(three))
    right = ledger_of(one)
    right.merge(tail)
    assert state_of(left) == state_of(right)


@given(ledgers, ledgers)
def test_merge_is_idempotent(left: list[Cell], right: list[Cell]) -> None:
    merged = ledger_of(left)
    merged.merge(ledger_of(right))
    before = state_of(merged)
    merged.merge(ledger_of(right))
    merged.merge(ledger_of(before))
    merged.merge(merged)
    assert state_of(merged) == before


@given(movements)
def test_moves_between_accounts_create_and_lose_no_units(moved: list[tuple[str, Move]]) -> None:
    ledger = Ledger()
    for writer, move in moved:
        ledger.apply(STORE, writer, [move])
    for stock in ledger.stocks(STORE).values():
        assert sum(stock.balances.values()) == 0


@given(movements)
def test_figures_follow_from_the_balances(moved: list[tuple[str, Move]]) -> None:
    ledger = Ledger()
    for writer, move in moved:
        ledger.apply(STORE, writer, [move])
    for stock in ledger.stocks(STORE).values():
        inside = {name: units for name, units in stock.balances.items() if "/" in name}
        held = sum(units for name, units in inside.items() if name.endswith("/held"))
        quarantined = sum(units for name, units in inside.items() if name.endswith("/quarantine"))
        on_hand = sum(inside.values())
        assert stock.figures == Figures(on_hand, held, quarantined, on_hand - held - quarantined)
        assert stock.available == stock.figures.available
        assert stock.counter().value == on_hand
        for name in stock.balances:
            assert stock.standing(name) == (stock.balance(name), stock.available)
            assert stock.balance(name) == stock.balances[name]


@given(movements, st.randoms(use_true_random=False))
def test_the_fold_does_not_depend_on_the_order_of_movements(moved: list[tuple[str, Move]], random: object) -> None:
    shuffled = list(moved)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    ledgers_of = []
    for order in (moved, shuffled):
        ledger = Ledger()
        for writer, move in order:
            ledger.apply(STORE, writer, [move])
            ledger.digest(STORE)
        ledgers_of.append(ledger)
    one, other = ledgers_of
    assert state_of(one) == state_of(other)
    assert one.digest(STORE) == other.digest(STORE)


@given(movements)
def test_cells_are_the_sums_of_the_moves_along_them(moved: list[tuple[str, Move]]) -> None:
    ledger = Ledger()
    sums: dict[tuple[str, tuple[str, str, str]], int] = {}
    for writer, move in moved:
        ledger.apply(STORE, writer, [move])
        cell = (move.item, (writer, move.source, move.target))
        sums[cell] = sums.get(cell, 0) + move.quantity
    assert state_of(ledger) == [(STORE, item, route, total) for (item, route), total in sorted(sums.items())]


@given(st.lists(ledgers, min_size=1, max_size=4), st.permutations(range(4)))
def test_copies_merged_in_any_order_end_equal(copies: list[list[Cell]], order: list[int]) -> None:
    def merged(numbers: list[int]) -> list[Cell]:
        def take(ledger: Ledger, number: int) -> Ledger:
            ledger.merge(ledger_of(copies[number]))
            return ledger

        return state_of(reduce(take, numbers, Ledger()))

    present = [number for number in order if number < len(copies)]
    assert merged(present) == merged(sorted(present))


def test_free_units_are_listed_for_each_node_without_held_ones_and_other_buckets() -> None:
    stock = stock_after(
        ("supplier", FREE, 10),
        (FREE, HELD, 1),
        (FREE, "store-1/channel.web", 2),
        (FREE, "hub-east/free", 3),
        ("hub-east/free", "customer", 5),
    )
    assert stock.free() == {"store-1": 4, "hub-east": -2}
    assert stock_after((FREE, "customer", 2)).free() == {"store-1": -2}


def test_rights_of_all_nodes_are_those_of_each_node() -> None:
    stock = stock_after(
        ("supplier", FREE, 10),
        (FREE, HELD, 1),
        (FREE, QUARANTINE, 2),
        (FREE, "store-1/channel.web", 3),
        (FREE, "hub-east/free", 4),
    )
    assert stock.rights_by_node() == {"store-1": 3, "hub-east": 4}
    assert {node: stock.rights(node) for node in stock.rights_by_node()} == stock.rights_by_node()


@pytest.mark.parametrize(
    ("writer", "source", "target", "supplied"),
    [
        (WRITER, "supplier", FREE, True),
        (WRITER, "found", FREE, True),
        (HUB, "customer", FREE, False),
        (WRITER, "customer", FREE, False),
        (WRITER, "loss", FREE, False),
        (WRITER, HELD, FREE, False),
        (WRITER, FREE, "hub-east/free", False),
        (HUB, "supplier", FREE, False),
    ],
)
def test_only_a_node_that_brings_goods_in_for_itself_supplies_a_location(
    writer: str, source: str, target: str, supplied: bool
) -> None:
    ledger = Ledger()
    ledger.apply(STORE, writer, [Move("cola", source, target, 1)])
    assert ledger.take_newly_supplied() == [STORE] * supplied
    assert list(ledger.suppliers.get(STORE, ())) == ["store-1"] * supplied


def test_a_node_supplies_each_location_to_which_it_brings_goods() -> None:
    ledger, locations = Ledger(), [STORE, "w-1", "w-2"]
    for location in [*locations, *locations]:
        ledger.apply(location, HUB, [Move("cola", "supplier", "hub-east/free", 1)])
    assert ledger.suppliers == {location: {"hub-east": None} for location in locations}
    assert ledger.take_newly_supplied() == locations


def test_moves_of_several_items_along_one_route_are_all_handed_over() -> None:
    ledger = Ledger()
    ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 1), Move("wings", "supplier", FREE, 2)])
    ((_, changed),) = ledger.take_changes().items()
    assert {stock.item: total for stock, total in changed.items()} == {"cola": 1, "wings": 2}


def test_many_moves_at_once_end_as_one_by_one() -> None:
    route = (WRITER, FREE, "customer")
    moves = [Move("cola", FREE, "customer", 3), Move("wings", FREE, "customer", 4)]
    at_once, one_by_one = Ledger(), Ledger()
    for ledger in (at_once, one_by_one):
        ledger.apply(STORE, WRITER, [Move("cola", "supplier", FREE, 9), Move("wings", "supplier", FREE, 9)])
    for _ in range(2):
        at_once.take(STORE, route, {at_once.stock(STORE, move.item): move.quantity for move in moves})
        one_by_one.apply(STORE, WRITER, moves)
    assert state_of(at_once) == state_of(one_by_one)
    assert at_once.at_location[STORE].balances() == one_by_one.at_location[STORE].balances()
    assert at_once.digest(STORE) == one_by_one.digest(STORE)


def test_a_total_may_reach_what_a_database_column_holds_but_not_exceed_it() -> None:
    ledger = ledger_of([(STORE, "cola", (WRITER, FREE, "customer"), TOTAL_MAX - 1)])
    stock = ledger.stock(STORE, "cola")
    ledger.take(STORE, (WRITER, FREE, "customer"), {stock: 1})
    assert ledger.cell(STORE, "cola", (WRITER, FREE, "customer")) == TOTAL_MAX
    with pytest.raises(Broken):
        ledger.take(STORE, (WRITER, FREE, "customer"), {stock: 1})


def test_a_copy_that_is_merged_again_changes_no_cell() -> None:
    known = [(STORE, "cola", (WRITER, "supplier", FREE), 3)]
    ledger = ledger_of(known)
    ledger.take_changes()
    ledger.merge(ledger_of(known))
    assert ledger.take_changes() == {}


def test_digests_of_releases_that_meet_are_equal() -> None:
    ledger = ledger_of([(STORE, "cola", (WRITER, "supplier", FREE), 3), (STORE, "wings", (HUB, FREE, HELD), 2)])
    assert ledger.digest(STORE) == "be2f433c51320c37204e9256aea7dba8"


def test_digests_brought_up_to_date_bit_by_bit_are_those_of_a_copy_read_at_once() -> None:
    bit_by_bit, at_once = Ledger(), Ledger()
    for ledger in (bit_by_bit, at_once):
        for number in range(STALE_MAX + 1):
            ledger.apply(f"store-{number % 3}", "me#1", [Move(f"item-{number}", "customer", "me/free", 1)])
        ledger.apply("store-0", "me#1", [Move("item-0", "me/free", "customer", 5)])
    assert bit_by_bit.is_stale

    rounds = 0
    while bit_by_bit.is_stale:
        bit_by_bit.refresh(100)
        rounds += 1
        if rounds == 7:  # what changes meanwhile counts too
            for ledger in (bit_by_bit, at_once):
                ledger.apply("store-0", "me#1", [Move("item-0", "me/free", "customer", 5)])

    assert rounds == math.ceil((STALE_MAX + 2) / 100)
    for place in ("store-0", "store-1", "store-2"):
        assert bit_by_bit.digest(place) == at_once.digest(place)
        assert bit_by_bit.at_location[place].breaches() == at_once.at_location[place].breaches()


def test_a_ledger_with_few_moves_is_not_stale() -> None:
    ledger = Ledger()
    ledger.apply("store-1", "me#1", [Move(f"item-{number}", "customer", "me/free", 1) for number in range(STALE_MAX)])
    assert not ledger.is_stale
    ledger.apply("store-1", "me#1", [Move("item-0", "customer", "me/free", 1)])
    assert ledger.is_stale
    ledger.refresh(STALE_MAX)
    assert not ledger.is_stale
