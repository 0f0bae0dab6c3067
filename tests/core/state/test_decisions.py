"""Decisions about many requests at once, and the entries that a node records by itself."""

from __future__ import annotations

import pytest

from replica.core.base.errors import Invalid, Overtaken, Unchanged
from replica.core.base.names import HUBS
from replica.core.catalog.documents import pack_value
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK
from replica.core.log.entry import Entry
from replica.core.orders.fast_orders import FastOrders
from replica.core.orders.requests import ORDER, PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite, Placements, Requests, Sales
from replica.core.state.fast_paths import first_used, take_fast
from replica.core.state.housekeeping import keep_orders, note_clocks
from replica.core.stock.counts import CORRECTION, Seen
from replica.core.stock.fast_sales import FastSales
from replica.core.stock.requests import Count, CountLine, OnShortage, Sale, SkuLine
from replica.core.stock.sales import QUOTE
from tests.core.chain import NOW_MS, STORE, Node, receipt, sale
from tests.core.state.test_duplicates import entries, hub, send_all

DAY_MS = 86_400_000


def stocked() -> Node:
    node = Node()
    node.ask(receipt(cola=100), key="stock")
    return node


def sales(*keys: str) -> Sales:
    return Sales(STORE, [Sale(lines=(SkuLine(1, sku="cola"),)) for _ in keys], [key.encode() for key in keys])


def order(name: str, sku: str = "cola") -> Placement:
    return Placement(order=name, lines=(PlacedLine(1, sku),))


def orders(*names: str) -> Placements:
    return Placements("", [order(name) for name in names], [name.encode() for name in names])


def single(key: str) -> list[Command | DocumentWrite]:
    """A caller with one sale."""
    return [Command(STORE, sale(cola=1), key.encode())]


def answered_keys(node: Node, *asked: Requests) -> list[list[bytes]]:
    """The keys of the entries that answer each caller."""
    found = decisions.execute_all(node.replica, asked, NOW_MS, {})
    return [[one.content.key for one in verdicts if isinstance(one, Entry)] for verdicts in found]


@pytest.mark.parametrize("callers", [1, 2, 3])
def test_each_caller_gets_the_answers_to_its_own_requests(callers: int) -> None:
    asked: list[Requests] = [single(f"one-{number}") for number in range(callers)]
    asked += [[*single("a"), *single("b")], single("alone"), sales("c", "d")]
    asked += [[Command("", order(f"o-{number}"), b"o-%d" % number)] for number in range(callers)]
    expected = [*([b"one-%d" % number] for number in range(callers)), [b"a", b"b"], [b"alone"], [b"c", b"d"]]
    expected += [[b"o-%d" % number] for number in range(callers)]
    assert answered_keys(stocked(), *asked) == expected


def test_a_sale_keeps_the_quote_that_its_customer_saw_and_its_other_facts() -> None:
    node = stocked()
    asked = Command(STORE, sale(OnShortage.REFUSE, cola=1), b"s-1", quote=b"q" * 16)
    without = decisions.execute(node.replica, Command(STORE, asked.request, b"s-2"), NOW_MS).content.facts
    assert decisions.execute(node.replica, asked, NOW_MS).content.facts == {**without, QUOTE: b"q" * 16}


def test_sales_of_the_simplest_form_are_decided_as_columns() -> None:
    verdicts = decisions.execute_requests(stocked().replica, sales("1", "2", "3"), NOW_MS, {})
    assert isinstance(verdicts, FastSales)
    assert len(verdicts) == 3


def test_orders_of_the_simplest_form_are_decided_as_columns() -> None:
    node = stocked()
    held = take_fast(node.replica, orders("o-1", "o-2"), 0, 2, NOW_MS, {})
    assert isinstance(held, FastOrders)
    assert [one.content.reference for one in held] == ["o-1", "o-2"]


def test_no_fast_path_is_taken_while_the_own_stamps_drift() -> None:
    node = Node()
    node.ask(receipt(cola=100), "wrong", NOW_MS + DAY_MS)
    node.ask(sale(cola=1), "first", NOW_MS)
    late_ms = NOW_MS + DAY_MS + 5
    for asked in (sales("1"), orders("o-1")):
        assert take_fast(node.replica, asked, 0, 1, NOW_MS, {}) is None
        assert take_fast(node.replica, asked, 0, 1, late_ms, {}) is None
    node.ask(sale(cola=1), "right", late_ms)
    for asked in (sales("2"), orders("o-2")):
        assert take_fast(node.replica, asked, 0, 1, late_ms, {}) is not None


@pytest.mark.parametrize(
    ("keys", "index", "first"),
    [
        ("abc", 0, 3),
        ("abc", 2, 3),
        ("aba", 0, 2),
        ("abcb", 1, 3),
        ("aab", 1, 3),
        ("xab", 0, 0),
        ("axb", 0, 1),
        ("xab", 1, 3),
        ("ajb", 0, 1),
        ("abj", 1, 2),
        ("", 0, 0),
    ],
)
def test_the_fast_path_ends_before_a_key_that_was_used(keys: str, index: int, first: int) -> None:
    """`x` is in the memory of the replica, and `j` in its journal."""
    node = stocked()
    entry = node.ask(sale(cola=1), key="x")
    assert first_used(node.replica, [key.encode() for key in keys], index, {b"j": [entry]}) == first


def test_a_document_write_that_only_the_journal_knows_is_one_write() -> None:
    node = hub("hub-east")
    asked = DocumentWrite("sku", "cola", pack_value({"recipe": {"cola": 1}}), b"w-1")
    (first,) = decisions.execute_requests(node.replica, [asked], NOW_MS, {})
    node.commit()
    node.crash()
    assert isinstance(first, Entry)
    assert decisions.execute_requests(node.replica, [asked], NOW_MS, {b"w-1": [first]}) == [first]
    assert node.replica.uncommitted == 0


@pytest.mark.parametrize(("rank", "at"), [(STORE_RANK, "store-7"), (REGION_RANK, "west")])
def test_a_write_at_the_rank_of_an_unknown_place_is_refused_with_the_field(rank: int, at: str) -> None:
    asked = DocumentWrite("price", "cola", pack_value(199), b"w-1", rank=rank, at=at)
    (refused,) = decisions.execute_requests(stocked().replica, [asked], NOW_MS, {})
    assert isinstance(refused, Invalid)
    assert refused.field == "at"


def test_each_rank_of_a_document_has_versions_of_its_own() -> None:
    node = stocked()
    node.write(STORE, {"type": "store", "name": "Shop", "region": "east"}, kind="location")
    places = [(CHAIN_RANK, ""), (STORE_RANK, STORE), (REGION_RANK, "east"), (STORE_RANK, STORE), (REGION_RANK, "east")]
    asked = [
        DocumentWrite("price", "cola", pack_value(number), b"w-%d" % number, rank=rank, at=at)
        for number, (rank, at) in enumerate(places)
    ]
    found = decisions.execute_requests(node.replica, asked, NOW_MS, {})
    assert [one.content.facts["version"] for one in found if isinstance(one, Entry)] == [1, 1, 1, 2, 2]


def test_a_merge_returns_how_many_entries_were_new_over_all_runs() -> None:
    node, other = stocked(), hub("hub-east")
    for number in range(3):
        node.ask(sale(cola=1), f"s-{number}")
    node.commit()
    assert other.take(node.runs()) == 4
    assert other.take(node.runs()) == 0


def test_entries_that_nobody_asked_for_have_no_key() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    east.ask(receipt(cola=10), "stock", NOW_MS)
    west.ask(sale(cola=3), "late", NOW_MS + 1_000)
    east.ask(Count((CountLine("cola", 17),)), "count", NOW_MS + 2_000)
    send_all(west, east)
    note_clocks(east.replica, NOW_MS + 3_000, scope=HUBS, read={"store-1": DAY_MS, "store-2": DAY_MS})
    east.commit()
    (correction,) = entries(east, CORRECTION)
    assert [one.content.key for one in (correction, *entries(east, "notice"))] == [b"", b"", b""]


def test_housekeeping_of_several_orders_has_no_key() -> None:
    node = stocked()
    for name in ("o-1", "o-2"):
        decisions.execute(node.replica, Command("", order(name), name.encode()), NOW_MS)
    assert keep_orders(node.replica, NOW_MS + 901_000, stores={}, hubs=(), limit=9) == 2
    node.commit()
    assert [one.content.key for one in entries(node, ORDER)] == [b"o-1", b"o-2", b"", b""]


def test_only_the_first_entry_of_an_order_at_several_locations_has_its_key() -> None:
    node = Node(locations=(STORE, "store-2"))
    for location in node.replica.locations:
        decisions.execute(node.replica, Command(location, receipt(cola=1), location.encode()), NOW_MS)
    asked = Placement(order="o-1", lines=tuple(PlacedLine(1, "cola", location=at) for at in node.replica.locations))
    decisions.execute(node.replica, Command("", asked, b"o-1"), NOW_MS)
    node.commit()
    assert [one.content.key for one in entries(node, ORDER)] == [b"o-1", b""]


@pytest.mark.parametrize("lacking", [0, 1])
def test_an_order_is_written_at_all_its_locations_or_not_at_all(lacking: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lacking`: the bytes by which its second entry, the larger one, is too large."""

    def placed() -> tuple[Node, list[int]]:
        node = Node(locations=(STORE, "store-2"))
        box = {f"item-{number}": 1 for number in range(50)}
        node.write("box", {"recipe": box}, "box")
        node.ask(receipt(cola=1), "cola")
        decisions.execute(node.replica, Command("store-2", receipt(**box), b"items"), NOW_MS)
        lines = (PlacedLine(1, "cola", location=STORE), PlacedLine(1, "box", location="store-2"))
        asked = Command("", Placement(order="o-1", lines=lines), b"o-1")
        decisions.execute_requests(node.replica, [asked], NOW_MS, {})
        node.commit()
        return node, [len(entry.body) for entry in entries(node, ORDER)]

    first, second = placed()[1]
    assert first < second
    monkeypatch.setattr("replica.core.state.replica.BODY_BYTES_MAX", second - lacking)
    node, written = placed()
    assert written == ([] if lacking else [first, second])
    assert ("o-1" in node.replica.orders) == (not lacking)


def test_housekeeping_learns_that_a_hub_with_goods_at_one_location_is_no_store() -> None:
    node, west = hub("hub-east"), Node("hub-west", ("w-1",), None, "hub")
    west.ask(receipt(cola=10), "stock")
    send_all(west, node)
    owners = node.replica.location_owners.nodes
    keep_orders(node.replica, NOW_MS, stores={}, hubs=(), limit=9)
    assert owners == {"w-1": "hub-west"}
    keep_orders(node.replica, NOW_MS, stores={}, hubs=("hub-west",), limit=9)
    assert owners == {}


def counted(east: Node, seen: Seen) -> Entry:
    return east.ask(Count((CountLine("cola", 17),)), "count", NOW_MS + 6_000, seen)


def test_a_past_level_stands_if_only_its_own_node_wrote_since() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    west.ask(receipt(cola=10), "stock", NOW_MS)
    send_all(west, east)
    held = east.replica.seen(STORE, NOW_MS).vector
    seen = Seen(levels={"cola": 10}, as_of=(NOW_MS + 5_000) << 16, vector=held, held=held)
    east.ask(sale(cola=1), "own", NOW_MS + 1_000)
    assert counted(east, seen).content.kind == "count"


def test_the_refusal_of_an_overtaken_count_has_the_field() -> None:
    east, west = hub("hub-east"), hub("hub-west")
    held = east.replica.seen(STORE, NOW_MS).vector
    west.ask(receipt(cola=10), "stock", NOW_MS)
    send_all(west, east)
    with pytest.raises(Overtaken) as refused:
        counted(east, Seen(levels={"cola": 10}, as_of=(NOW_MS + 5_000) << 16, vector=held, held=held))
    assert refused.value.field == "seen"


def document(value: object, rank: int = CHAIN_RANK, at: str = "", **more: bool) -> DocumentWrite:
    """A write of a document of a kind that this version does not know."""
    packed = None if value is None else pack_value(value)
    return DocumentWrite("colour", "cola", packed, b"", rank=rank, at=at, **more)


def test_a_write_that_skips_what_is_unchanged_shows_the_current_write_of_its_rank() -> None:
    node = Node("hub-east", (), None, "hub")
    node.write("store-1", {"type": "store", "name": "Shop", "region": "east"}, kind="location")
    for value, rank, at in (("red", CHAIN_RANK, ""), ("blue", REGION_RANK, "east")):
        decisions.write(node.replica, document(value, rank, at), NOW_MS, [])
    for value, rank, at in (("red", CHAIN_RANK, ""), ("blue", REGION_RANK, "east")):
        with pytest.raises(Unchanged) as unchanged:
            decisions.prepare_write(node.replica, document(value, rank, at, skips_unchanged=True))
        assert unchanged.value.register == node.replica.documents.register("colour", "cola", rank, at)
        assert unchanged.value.register.value == pack_value(value)
    with pytest.raises(Unchanged) as unchanged:
        decisions.prepare_write(node.replica, document(None, REGION_RANK, "west", skips_unchanged=True))
    assert unchanged.value.register is None


@pytest.mark.parametrize("changed", ["blue", None])
def test_a_write_that_skips_what_is_unchanged_writes_what_is_new(changed: str | None) -> None:
    node = Node("hub-east", (), None, "hub")
    decisions.write(node.replica, document("red"), NOW_MS, [])
    register = decisions.prepare_write(node.replica, document(changed, skips_unchanged=True))
    assert (register.version, register.clock) == (2, 0)
    assert register.value == (None if changed is None else pack_value(changed))
