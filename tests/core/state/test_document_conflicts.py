"""Documents that two hubs write while they are disconnected, and facts about deleted SKUs, at every node."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from replica.core.base.errors import BarcodeConflict, Refused, RightsExhausted, UnknownSku
from replica.core.base.names import node_of
from replica.core.ledger.cells import Move
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import (
    Action,
    Adjustment,
    AdjustmentLine,
    Count,
    CountLine,
    GoodsLine,
    GoodsReceipt,
    OnShortage,
    Quarantine,
    QuarantineLine,
    Return,
    Sale,
    SkuLine,
)
from tests.core.chain import NOW_MS, Node, SessionPair, hub, sale, store

COLA = {"recipe": {"cola": 1}, "barcodes": ["4006381333931"]}
SIX = {"recipe": {"cola": 6}, "barcodes": ["4001"]}


def closed(*nodes: Node) -> None:
    """Close the catalogues: only SKUs with a document can be sold."""
    for node in nodes:
        node.replica.catalog.is_open = False


def meet(*nodes: Node) -> None:
    """Let each node sync with the next one and back, until all have all entries."""
    pairs = list(pairwise(nodes))
    for one, other in [*pairs, *reversed(pairs)]:
        one.commit()
        other.commit()
        assert SessionPair(one, other).run().alarms() == []
    for node in nodes:
        node.commit()


def cut_chain() -> tuple[Node, Node, Node]:
    """A store and two hubs that cannot reach each other yet, all with closed catalogues."""
    nodes = store(1), hub("hub-east"), hub("hub-west")
    closed(*nodes)
    return nodes


def after_restarts(nodes: Sequence[Node]) -> Sequence[Node]:
    """The same nodes, restarted from their journals."""
    for node in nodes:
        node.crash()
        closed(node)
    return nodes


def lost_edits(node: Node) -> list[tuple[str, str, str]]:
    """The key of each lost edit, the node that wrote it, and the node whose edit stands."""
    found = node.replica.documents.lost_edits(100)
    return [(lost.key, node_of(lost.writer), node_of(standing.writer)) for standing, lost in found]


@pytest.mark.parametrize("restarts", [False, True])
def test_two_claims_of_a_barcode_are_reported_and_not_scanned(restarts: bool) -> None:
    nodes = shop, east, west = cut_chain()
    east.write("cola", COLA)
    west.write("leaf", {"recipe": {"leaf": 1}, "barcodes": ["04006381333931"]})
    meet(shop, east, west)
    for node in after_restarts(nodes) if restarts else nodes:
        assert node.replica.catalog.barcode_conflicts() == [("4006381333931", ["cola", "leaf"])]
    with pytest.raises(BarcodeConflict) as refused:
        shop.ask(Sale(lines=(SkuLine(1, barcode="4006381333931"),)))
    assert refused.value.facts["skus"] == ["cola", "leaf"]
    west.write("leaf", {"recipe": {"leaf": 1}})
    meet(shop, east, west)
    assert all(node.replica.catalog.barcode_conflicts() == [] for node in nodes)
    assert shop.ask(Sale(lines=(SkuLine(1, barcode="4006381333931"),))).content.lines[0].sku == "cola"


@pytest.mark.parametrize("restarts", [False, True])
def test_a_recipe_that_names_a_sku_written_beyond_a_cut_is_reported(restarts: bool) -> None:
    nodes = shop, east, west = cut_chain()
    east.write("crate", {"recipe": {"cola-6": 4}})
    west.write("cola-6", {"recipe": {"cola": 6}})
    meet(shop, east, west)
    for node in after_restarts(nodes) if restarts else nodes:
        assert node.replica.catalog.recipe_conflicts() == [("cola-6", ["crate"])]
    assert shop.ask(sale(crate=1)).content.moves == (Move("cola-6", "store-1/free", "customer", 4),)
    with pytest.raises(RightsExhausted):
        shop.ask(sale(OnShortage.REFUSE, crate=1))
    east.write("crate", {"recipe": {"cola": 24}})
    meet(shop, east, west)
    assert all(node.replica.catalog.recipe_conflicts() == [] for node in nodes)
    assert shop.ask(sale(crate=1)).content.moves == (Move("cola", "store-1/free", "customer", 24),)


@pytest.mark.parametrize("restarts", [False, True])
def test_the_losing_edit_of_two_is_shown_at_every_node(restarts: bool) -> None:
    nodes = shop, east, west = cut_chain()
    east.write("cola", COLA)
    meet(shop, east, west)
    east.write("cola", {**COLA, "names": {"en": "Cola east"}}, now_ms=NOW_MS + 1)
    west.write("cola", {**COLA, "names": {"en": "Cola west"}}, now_ms=NOW_MS + 2)
    west.write("cola", {**COLA, "names": {"en": "Cola west again"}}, now_ms=NOW_MS + 3)
    meet(shop, east, west)
    for node in after_restarts(nodes) if restarts else nodes:
        assert lost_edits(node) == [("cola", "hub-east", "hub-west")]
    east.write("cola", COLA, now_ms=NOW_MS + 4)
    meet(shop, east, west)
    assert [lost_edits(node) for node in nodes] == [[], [], []]


def test_a_write_beyond_a_second_cut_leaves_the_lost_edit_that_it_did_not_see() -> None:
    east, west, north = hub("hub-east"), hub("hub-west"), hub("hub-north")
    east.write("cola", COLA)
    meet(east, north)
    west.write("cola", {**COLA, "names": {"en": "Cola"}}, now_ms=NOW_MS + 9)
    north.write("cola", {**COLA, "unit": "BO"}, now_ms=NOW_MS + 1)
    meet(east, north, west)
    assert [lost_edits(node) for node in (east, north, west)] == [[("cola", "hub-west", "hub-north")]] * 3


@pytest.mark.parametrize("restarts", [False, True])
def test_facts_about_a_deleted_sku_are_recorded_by_its_last_recipe(restarts: bool) -> None:
    nodes = shop, east, west = cut_chain()
    east.write("six", {"recipe": {"cola": 4}})
    meet(shop, east, west)
    west.write("six", SIX)
    meet(shop, east, west)
    east.write("six", None)
    meet(shop, east, west)
    if restarts:
        after_restarts(nodes)
    taken = Move("cola", "supplier", "store-1/free", 6)
    assert shop.ask(GoodsReceipt((GoodsLine(1, sku="six"),))).content.moves == (taken,)
    assert shop.ask(GoodsReceipt((GoodsLine(6, item="cola"),))).content.moves == (taken,)
    assert shop.ask(GoodsReceipt((GoodsLine(1, barcode="4001"),))).content.moves == (taken,)
    sold = Move("cola", "store-1/free", "customer", 6)
    assert shop.ask(sale(six=1)).content.moves == (sold,)
    assert shop.ask(Sale(lines=(SkuLine(1, barcode="4001"),))).content.moves == (sold,)
    returned = Return(lines=(SkuLine(1, sku="six"),))
    assert shop.ask(returned).content.moves == (Move("cola", "customer", "store-1/quarantine", 6),)


@pytest.mark.parametrize("restarts", [False, True])
def test_the_last_recipe_of_a_deleted_sku_is_the_same_whatever_arrived_first(restarts: bool) -> None:
    nodes = shop, east, west = cut_chain()
    east.write("six", {"recipe": {"cola": 4}})
    meet(east, west)
    west.write("six", SIX)
    east.write("six", {"recipe": {"cola": 5}})
    east.write("six", None)
    meet(shop, east, west)
    for node in after_restarts(nodes) if restarts else nodes:
        assert node.replica.catalog.recipe("six", 0, is_fact=True) == (("cola", 6),)
        assert lost_edits(node) == [("six", "hub-west", "hub-east")]
    assert shop.replica.digests()["*"] == east.replica.digests()["*"] == west.replica.digests()["*"]


def test_the_items_of_a_deleted_sku_can_be_counted_adjusted_and_put_aside() -> None:
    shop = store(1)
    shop.write("six", SIX)
    shop.write("six", None)
    closed(shop)
    for request in (
        Count((CountLine("cola", 6),)),
        Adjustment((AdjustmentLine("cola", 2, "found"),)),
        Quarantine((QuarantineLine("cola", 1, Action.PUT),)),
    ):
        assert {move.item for move in shop.ask(request).content.moves} == {"cola"}


def test_an_item_that_moved_is_received_although_no_recipe_names_it() -> None:
    shop = store(1)
    shop.ask(GoodsReceipt((GoodsLine(5, item="cola"),)))
    closed(shop)
    assert shop.ask(GoodsReceipt((GoodsLine(5, item="cola"),))).content.moves[0].quantity == 5


def test_promises_about_a_deleted_sku_are_refused() -> None:
    east = hub("hub-east", "w-1")
    east.write("six", SIX)
    east.ask(GoodsReceipt((GoodsLine(10, sku="six"),)))
    east.write("six", None)
    closed(east)
    refuse = OnShortage.REFUSE
    requests = [Sale(lines=(line,), on_shortage=refuse) for line in (SkuLine(1, "six"), SkuLine(1, barcode="4001"))]
    for request in requests:
        with pytest.raises(UnknownSku, match="was deleted"):
            east.ask(request)
    for line in (PlacedLine(1, "six"), PlacedLine(1, barcode="4001")):
        with pytest.raises(UnknownSku, match="was deleted"):
            placed = Placement(order="o-1", lines=(line,))
            decisions.execute(east.replica, Command("", placed, b"o-1"), NOW_MS)


def test_a_sku_that_never_existed_is_unknown_for_facts_too() -> None:
    shop = store(1)
    closed(shop)
    shop.write("never", None)
    for request in (sale(never=1), Return(lines=(SkuLine(1, sku="never"),)), GoodsReceipt((GoodsLine(1, "never"),))):
        with pytest.raises(UnknownSku):
            shop.ask(request)


def test_a_fact_about_a_deleted_sku_has_one_effect_under_one_key() -> None:
    shop = store(1)
    shop.write("six", SIX)
    first = shop.ask(sale(six=1), key="till-1")
    shop.commit()
    shop.write("six", None)
    assert shop.ask(sale(six=1), key="till-1") is first


def test_a_refused_document_changes_nothing_and_its_key_can_be_used_again() -> None:
    east = hub("hub-east")
    east.write("cola", COLA)
    with pytest.raises(Refused):
        east.write("leaf", {"recipe": {"leaf": 1}, "barcodes": COLA["barcodes"]}, key="w-1")
    assert east.replica.documents.keys("sku") == ["cola"]
    assert east.write("leaf", {"recipe": {"leaf": 1}}, key="w-1").content.facts["key"] == "leaf"


def test_a_repeated_write_is_answered_as_the_first_time_in_a_conflict_too() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    first = east.write("cola", COLA, key="w-1")
    west.write("leaf", {"recipe": {"leaf": 1}, "barcodes": COLA["barcodes"]})
    meet(east, west)
    assert east.write("cola", COLA, key="w-1") is first
