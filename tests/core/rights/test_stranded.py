"""Stranded rights: the units of each item that one node may promise, from the routes of a location."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from replica.core.ledger.cells import Ledger, Move
from replica.core.rights.stranded import directions_of, moved_along, units_of

HERE = "store-1"
ACCOUNTS = ["supplier", "customer", *(f"{node}/{bucket}" for node in "ab" for bucket in ("free", "held", "channel.x"))]
WRITER = "a#0000000a"

moves = st.builds(
    Move,
    st.sampled_from(["cola", "tea"]),
    st.sampled_from(ACCOUNTS),
    st.sampled_from([*ACCOUNTS, "a/quarantine"]),
    st.integers(1, 5),
)


def ledger_of(*some: Move) -> Ledger:
    ledger = Ledger()
    ledger.apply(HERE, WRITER, some)
    return ledger


def units(ledger: Ledger, node: str) -> dict[str, int]:
    here = ledger.at_location[HERE]
    return dict(units_of(here.stocks.values(), directions_of(here, node)))


@given(st.lists(moves, min_size=1, max_size=12), st.sampled_from("ab"))
def test_units_of_a_node_are_its_rights_item_by_item(some: list[Move], node: str) -> None:
    ledger = ledger_of(*some)
    rights = {item: stock.rights(node) for item, stock in ledger.stocks(HERE).items()}
    assert units(ledger, node) == {item: number for item, number in rights.items() if number > 0}


def test_single_units_count_and_breaches_do_not() -> None:
    ledger = ledger_of(
        Move("cola", "supplier", "a/free", 1),
        Move("tea", "a/free", "customer", 1),
        Move("salt", "supplier", "b/free", 3),
    )
    assert units(ledger, "a") == {"cola": 1}


def test_only_routes_that_change_the_rights_of_the_node_are_read() -> None:
    ledger = ledger_of(
        Move("cola", "supplier", "a/free", 5),
        Move("cola", "a/free", "a/channel.x", 2),
        Move("cola", "a/free", "a/held", 1),
        Move("cola", "supplier", "b/free", 7),
    )
    here = ledger.at_location[HERE]
    directions = directions_of(here, "a")
    assert {route.name[1:]: change for route, change in directions.items()} == {
        ("supplier", "a/free"): 1,
        ("a/free", "a/held"): -1,
    }


def test_units_moved_along_the_routes_change_with_the_rights_of_the_node_only() -> None:
    ledger = ledger_of(Move("cola", "supplier", "a/free", 5), Move("tea", "supplier", "b/free", 5))
    here = ledger.at_location[HERE]
    directions = directions_of(here, "a")
    assert moved_along(here, directions) == {(WRITER, "supplier", "a/free"): 5}
    ledger.apply(HERE, WRITER, [Move("tea", "supplier", "b/free", 1)])
    assert moved_along(here, directions) == {(WRITER, "supplier", "a/free"): 5}
    ledger.apply(HERE, WRITER, [Move("tea", "supplier", "a/free", 2)])
    assert moved_along(here, directions) == {(WRITER, "supplier", "a/free"): 7}
