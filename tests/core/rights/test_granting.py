"""Rights: nodes that sell only granted units never oversell, in any order of events and deliveries."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from replica.core.base.errors import Invalid, NotHosted, PeerFault, Refused, RightsExhausted, UnknownSku
from replica.core.ledger.cells import Move
from replica.core.rights.requests import BREACH, Grant, GrantLine
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.kinds import KINDS
from replica.core.stock.requests import Count, CountLine, OnShortage
from replica.core.sync.columns import ColumnDecoder, ColumnEncoder
from tests.core.chain import NOW_MS, STORE, Node, hub, receipt, sale, store
from tests.core.contents import OWN, linked, receipt_content, with_hash_before

OVERSELL = json.loads((Path(__file__).parents[2] / "vectors" / "oversell.json").read_text())
ITEM = "cola"
REFUSE = OnShortage.REFUSE


def grant(to: str, *units: int, item: str = ITEM) -> Grant:
    """A grant to a node, with one line for each number of units."""
    return Grant(to, tuple(GrantLine(item, number) for number in units))


def chain() -> list[Node]:
    """A store and two hubs that write for its location too."""
    return [store(1), hub("hub-east", STORE), hub("hub-west", STORE)]


def free(viewer: Node, owner: Node) -> int:
    return viewer.replica.ledger.stock(STORE, ITEM).balance(f"{owner.name}/free")


def deliver(source: Node, target: Node, limit: int | None = None) -> None:
    """Bring a node the next entries of another node's stream, at most `limit`."""
    source.commit()
    held = target.replica.head(source.runs()[0].stream).sequence if source.runs() else 0
    decisions.merge(target.replica, source.runs()[held : None if limit is None else held + limit], NOW_MS)
    target.commit()


def deliver_all(nodes: Sequence[Node]) -> None:
    for source, target in permutations(nodes, 2):
        deliver(source, target)


# what a grant is ------------------------------------------------------------------------------------------------------


def test_a_grant_moves_free_units_to_the_free_account_of_another_node() -> None:
    node = store(1)
    node.ask(receipt(cola=10))
    entry = node.ask(grant("hub-east", 4))
    assert entry.content.kind == "grant"
    assert entry.content.moves == (Move(ITEM, "store-1/free", "hub-east/free", 4),)
    stock = node.replica.ledger.stock(STORE, ITEM)
    assert (stock.rights("store-1"), stock.rights("hub-east"), stock.available) == (6, 4, 10)


@pytest.mark.parametrize("to", ["store-1", "", "Hub", "hub/east", "x" * 65])
def test_a_grant_to_itself_or_to_an_invalid_name_is_refused(to: str) -> None:
    node = store(1)
    node.ask(receipt(cola=10))
    with pytest.raises(Invalid) as refused:
        node.ask(grant(to, 1))
    assert refused.value.field == "to"


def test_lines_of_one_item_are_covered_together_or_not_at_all() -> None:
    node = store(1)
    node.ask(receipt(cola=10))
    with pytest.raises(RightsExhausted):
        node.ask(grant("hub-east", 6, 5))
    node.ask(grant("hub-east", 6, 4))
    assert free(node, node) == 0


def test_a_node_below_zero_grants_nothing() -> None:
    node = store(1)
    node.ask(sale(cola=3))
    assert free(node, node) == -3
    with pytest.raises(RightsExhausted) as refused:
        node.ask(grant("hub-east", 1))
    assert refused.value.facts["lines"] == [{"item": ITEM, "wanted": 1, "free": 0}]


def test_held_units_are_not_granted() -> None:
    node = store(1)
    node.ask(receipt(cola=2))
    node.replica.ledger.apply(STORE, node.replica.writer, [Move(ITEM, "supplier", "store-1/held", 5)])
    with pytest.raises(RightsExhausted):
        node.ask(grant("hub-east", 3))


def test_an_unknown_item_is_not_granted() -> None:
    node = store(1)
    node.replica.catalog.is_open = False
    with pytest.raises(UnknownSku):
        node.ask(grant("hub-east", 1))


def test_an_item_that_has_moved_is_granted_whatever_the_catalog_says() -> None:
    node = store(1)
    node.ask(receipt(cola=10))
    node.replica.catalog.is_open = False
    node.ask(grant("hub-east", 1))
    assert free(node, node) == 9


@pytest.mark.parametrize(("units", "line"), [((4,), 0), ((2, 2), 1)])
def test_a_grant_for_a_breach_covers_no_more_than_the_target_lacks(units: tuple[int, ...], line: int) -> None:
    node = store(1)
    node.ask(receipt(cola=10))
    lines = tuple(GrantLine(ITEM, number) for number in units)
    with pytest.raises(Invalid):
        node.ask(Grant("hub-east", (GrantLine(ITEM, 1),), BREACH))
    node.replica.ledger.apply(STORE, "hub-east#0000000b", [Move(ITEM, "hub-east/free", "customer", 3)])
    with pytest.raises(Invalid) as refused:
        node.ask(Grant("hub-east", lines, BREACH))
    assert refused.value.field == f"lines[{line}].quantity"
    node.ask(Grant("hub-east", (GrantLine(ITEM, 2), GrantLine(ITEM, 1)), BREACH))
    assert node.replica.ledger.stock(STORE, ITEM).balance("hub-east/free") == 0


def test_a_grant_is_read_back_from_its_entry() -> None:
    node = store(1)
    node.ask(receipt(cola=10, wings=3))
    asked = Grant("hub-east", (GrantLine("cola", 2), GrantLine("wings", 1), GrantLine("cola", 3)), "policy")
    entry = node.ask(asked, key="once")
    assert KINDS.request_of(entry.content) == asked
    assert node.ask(asked, key="once") is entry
    with pytest.raises(Refused):
        node.ask(grant("hub-east", 2), key="once")


def test_a_grant_without_moves_is_no_request() -> None:
    assert KINDS.request_of(receipt_content(kind="grant", moves=(), lines=())) is None


def test_a_peer_may_grant_only_its_own_rights() -> None:
    node = store(1)
    node.ask(receipt(cola=10))
    node.ask(grant("hub-east", 4))
    node.commit()
    east = hub("hub-east", STORE)
    decisions.merge(east.replica, ColumnDecoder().decode(ColumnEncoder().encode(node.journal)), NOW_MS)
    assert free(east, east) == 4
    stolen = receipt_content(kind="grant", lines=(), moves=(Move(ITEM, "hub-east/free", "store-1/free", 1),))
    with pytest.raises(PeerFault) as fault:
        ColumnDecoder().decode(ColumnEncoder().encode(with_hash_before(linked(OWN, [stolen]))))
    assert fault.value.reason == "unauthorised"


def test_granted_units_can_be_promised_only_once_the_entry_is_here() -> None:
    node, east, _ = chain()
    node.ask(receipt(cola=10))
    node.ask(grant("hub-east", 4))
    with pytest.raises(RightsExhausted):
        east.ask(sale(REFUSE, cola=1))
    deliver(node, east)
    east.ask(sale(REFUSE, cola=4))
    with pytest.raises(RightsExhausted):
        east.ask(sale(REFUSE, cola=1))


def test_rights_can_be_granted_on_to_a_node_that_lacks_the_first_grant() -> None:
    node, east, west = chain()
    node.ask(receipt(cola=10))
    node.ask(grant("hub-east", 4))
    deliver(node, east)
    east.ask(grant("hub-west", 4))
    deliver(east, west)  # west holds the second grant and not the first: it sees hub-east below zero
    assert free(west, west) == 4
    west.ask(sale(REFUSE, cola=4))
    deliver_all([node, east, west])
    assert [free(node, owner) for owner in (node, east, west)] == [6, 0, 0]


# worked examples ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", OVERSELL["cases"], ids=lambda case: f"{case['item']}-{case['stock']}")
@pytest.mark.parametrize("online_first", [False, True])
def test_two_sellers_that_split_rights_sell_every_unit_exactly_once(case: dict[str, Any], online_first: bool) -> None:
    one, other = (case[field] for field in case if field.endswith(("_sells", "_wants")))
    stock = case["stock"]
    assert one + other == case["naive"]["sold"] == stock + case["naive"]["oversold"]
    node, east, _ = chain()
    node.ask(receipt(**{case["item"]: stock}))
    node.ask(grant("hub-east", stock - one, item=case["item"]))
    deliver(node, east)
    sold = {node.name: 0, east.name: 0}
    wishes = [(node, one), (east, other)]
    for seller, wanted in reversed(wishes) if online_first else wishes:
        for _ in range(wanted):
            try:
                seller.ask(sale(REFUSE, **{case["item"]: 1}))
                sold[seller.name] += 1
            except RightsExhausted:
                break
    deliver_all([node, east])
    assert sum(sold.values()) == stock
    for viewer in (node, east):
        figures = viewer.replica.ledger.stock(STORE, case["item"])
        assert (figures.figures.on_hand, figures.breach) == (0, 0)


# any interleaving -----------------------------------------------------------------------------------------------------

nodes = st.integers(0, 2)
steps = st.one_of(
    st.tuples(st.just("receive"), nodes, nodes, st.integers(1, 9)),
    st.tuples(st.just("sell"), nodes, nodes, st.integers(1, 6)),
    st.tuples(st.just("grant"), nodes, nodes, st.integers(1, 6)),
    st.tuples(st.just("deliver"), nodes, nodes, st.integers(1, 3)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=60))
def test_no_order_of_grants_sales_and_deliveries_takes_a_node_below_zero(programme: list[tuple[Any, ...]]) -> None:
    members = chain()
    received = sold = 0
    for act, index, other, number in programme:
        node = members[index]
        try:
            match act:
                case "receive":
                    node.ask(receipt(cola=number))
                    received += number
                case "sell":
                    node.ask(sale(REFUSE, cola=number))
                    sold += number
                case "grant":
                    node.ask(grant(members[other].name, number))
                case "deliver" if index != other:
                    deliver(node, members[other], number)
        except (Invalid, RightsExhausted):
            pass
        assert all(free(one, one) >= 0 for one in members)
        assert sold <= received
    deliver_all(members)
    for viewer in members:
        stock = viewer.replica.ledger.stock(STORE, ITEM)
        rights = [stock.rights(owner.name) for owner in members]
        assert min(rights) >= 0
        assert sum(rights) == stock.available == stock.figures.on_hand == received - sold
        assert stock.breach == 0


# where a hub may promise ----------------------------------------------------------------------------------------------


def at_the_store(node: Node, request: Any, key: str = "") -> Any:
    """Have a node decide at the store's location, whether it writes for it or not."""
    return decisions.execute(node.replica, Command(STORE, request, key.encode()), NOW_MS)


def test_a_hub_promises_at_a_stores_location_only_what_it_was_granted_there() -> None:
    node, east = store(1), hub("hub-east", "warehouse")
    node.ask(receipt(cola=10))
    deliver(node, east)
    for request in (sale(REFUSE, cola=1), grant("hub-west", 1)):
        with pytest.raises(NotHosted):
            at_the_store(east, request)
    node.ask(grant("hub-east", 4))
    deliver(node, east)
    at_the_store(east, sale(REFUSE, cola=3))
    at_the_store(east, grant("hub-west", 1))
    with pytest.raises(RightsExhausted):
        at_the_store(east, sale(REFUSE, cola=1))
    deliver(east, node)
    assert node.replica.ledger.stock(STORE, ITEM).figures.on_hand == 7


def test_a_hub_records_no_goods_at_a_stores_location_whatever_rights_it_has() -> None:
    node, east = store(1), hub("hub-east", "warehouse")
    node.ask(receipt(cola=10))
    node.ask(grant("hub-east", 4))
    deliver(node, east)
    for request in (receipt(cola=1), sale(cola=1), Count((CountLine(ITEM, 1),))):
        with pytest.raises(NotHosted):
            at_the_store(east, request)
