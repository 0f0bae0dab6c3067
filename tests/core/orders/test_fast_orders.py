"""The fast path of orders leads to the same entries and orders as the general one."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from hub.role import hub_role
from replica.core.base.errors import KeyReused, Refused, RightsExhausted
from replica.core.base.limits import QUANTITY_MAX
from replica.core.catalog.documents import pack_value
from replica.core.log.entry import Entry, Stream, start
from replica.core.orders.fast_orders import FastOrders, hold_fast
from replica.core.orders.fold import held_differences
from replica.core.orders.requests import Housekeeping, OrderEvent, PlacedLine, Placement
from replica.core.rights.requests import Allotment, AllotmentLine
from replica.core.state import decisions
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.decisions import Verdict
from replica.core.state.replica import Replica
from replica.core.stock.requests import GoodsLine, GoodsReceipt, Sale, SkuLine
from tests.core.chain import one_by_one
from tests.core.shuffled import OrderTaker, write_sku

NOW = 1_800_000_000_000
RECIPES = {"cola": {"cola": 1}, "pack": {"cola": 6}, "box": {"cola": 2, "wings": 3}, "rare": {"rare": 1}}
STOCK = {"w-1": {"cola": 20, "wings": 9}, "w-2": {"cola": 40, "rare": 3}, "w-3": {"cola": 9}}


def hub_with_stock(is_hub: bool = True) -> Replica:
    """A node with goods at three locations; at one the web shop has a quota, at another a safety stock is kept."""
    locations = ("w-2", "w-1", "w-3")
    policy = hub_role(locations).order_policy if is_hub else None
    replica = Replica("hub-1#0000000a", locations, order_policy=policy)
    for sku, recipe in RECIPES.items():
        decisions.write(
            replica,
            DocumentWrite("sku", sku, pack_value({"recipe": recipe, "barcodes": [f"{sku}'s"]}), sku.encode()),
            NOW - 9,
        )
    for location, goods in STOCK.items():
        receipt = GoodsReceipt(tuple(GoodsLine(units, item=item) for item, units in goods.items()))
        decisions.execute(replica, Command(location, receipt, location.encode()), NOW - 9)
    web = {"mode": "share", "channels": {"web": 0.5}}
    decisions.write(replica, DocumentWrite("policy", "location:w-1", pack_value(web), b"policy-1"), NOW - 9)
    decisions.write(
        replica,
        DocumentWrite("policy", "location:w-2", pack_value({"mode": "safety", "safety_stock": 4}), b"policy-2"),
        NOW - 9,
    )
    decisions.execute(replica, Command("w-1", Allotment((AllotmentLine("web", "cola", 10),)), b"web"), NOW - 9)
    return replica


quantities = st.sampled_from([1, 1, 1, 2, 3, 7, 15, QUANTITY_MAX])
locations = st.sampled_from([UNSET, UNSET, UNSET, "w-1", "w-2", "w-3", "nowhere"])
skus = st.sampled_from(["cola", "cola", "cola", "pack", "rare", "box", "unknown"])
by_sku = st.builds(PlacedLine, quantities, sku=skus, location=locations)
by_barcode = st.builds(PlacedLine, quantities, barcode=st.just("cola's"))
placements = st.builds(
    Placement,
    order=st.integers(0, 12).map(lambda number: f"order-{number}"),
    lines=st.lists(by_sku, min_size=1, max_size=1).map(tuple)
    | st.lists(by_sku | by_barcode | st.just(PlacedLine(1)), min_size=1, max_size=2).map(tuple),
    channel=st.sampled_from(["", "web", "web", "mall"]),
    customer=st.sampled_from(["", "c-1"]),
    pickup_at=locations,
    ttl_s=st.sampled_from([1, 900]),
    partial=st.booleans(),
    paid=st.sampled_from([False, False, True]),
    campaign=st.sampled_from(["", "summer"]),
)
keys = st.integers(0, 40).map(lambda number: b"key-%d" % number) | st.sampled_from([b"", b"x" * 129])
requests = st.lists(
    st.builds(Command, st.just(""), placements, keys)
    | st.builds(Command, st.just("w-2"), st.just(Sale(lines=(SkuLine(1, sku="cola"),))), keys)
    | st.builds(
        lambda number, key: Command("", OrderEvent(order=f"order-{number}", event="cancel"), key),
        st.integers(0, 12),
        keys,
    ),
    max_size=25,
)


def answer(verdict: Verdict) -> object:
    if isinstance(verdict, Entry):
        return verdict.stream, verdict.sequence, verdict.hash, verdict.body
    return type(verdict), str(verdict), verdict.field


def expire(replica: Replica, now_ms: int) -> list[str]:
    """Do what is due at a moment; return the orders that it concerned."""
    due = replica.orders.due(now_ms, 100)
    for name in due:
        try:
            decisions.execute(replica, Command("", Housekeeping(name), f"housekeeping-{name}".encode()), now_ms)
        except Refused:
            replica.orders.settled(name, now_ms)
    return sorted(due)


@given(requests, st.booleans(), st.booleans())
def test_orders_decided_together_have_the_same_results_as_one_by_one(
    asked: list[Command], is_hub: bool, commits: bool
) -> None:
    together, apart = hub_with_stock(is_hub), hub_with_stock(is_hub)
    assert [answer(one) for one in decisions.execute_requests(together, asked, NOW, {})] == [
        answer(one) for one in one_by_one(apart, asked, NOW)
    ]
    assert together.vectors == apart.vectors
    assert list(together.ledger.cells()) == list(apart.ledger.cells())
    assert together.orders.digest() == apart.orders.digest()
    assert together.orders.open_names() == apart.orders.open_names()
    assert held_differences(together.ledger, together.orders) == []
    assert (together.heard, together.arrival, together.repeated) == (apart.heard, apart.arrival, apart.repeated)
    assert together.clock.last == apart.clock.last
    if commits:
        batch, expected = together.take_batch(), apart.take_batch()
        assert batch.entries == expected.entries
        assert batch.checkpoint == expected.checkpoint
        assert [run.units for run in batch.runs] == [run.units for run in expected.runs]
    assert expire(together, NOW + 5_000) == expire(apart, NOW + 5_000)
    assert together.orders.digest() == apart.orders.digest()
    assert together.take_batch().entries == apart.take_batch().entries


def held_fast(replica: Replica, *asked: Placement, keys: list[bytes] | None = None) -> list[str]:
    """The location of each of the first orders that the fast path holds together."""
    taker = replica.context(NOW)

    def begin(location: str, source: str) -> FastOrders:
        stream = Stream(replica.writer, location)
        return FastOrders(stream, start(stream), 77, source, taker.held)

    held = hold_fast(taker, asked, keys or [one.order.encode() for one in asked], begin)
    return [held.stream.scope] * len(held) if held is not None else []


def test_a_fast_order_has_one_new_unpaid_line_of_one_item_at_one_location() -> None:
    replica = hub_with_stock()

    def where(*lines: PlacedLine, **options: Any) -> list[str]:
        return held_fast(replica, Placement(order="web-1", lines=lines, **options))

    assert where(PlacedLine(36, sku="cola")) == ["w-2"], "all but the safety stock"
    assert where(PlacedLine(6, sku="pack")) == ["w-2"]
    assert where(PlacedLine(10, sku="cola", location="w-1"), channel="web") == ["w-1"]
    assert where(PlacedLine(9, sku="cola"), pickup_at="w-3") == ["w-3"]
    assert where(PlacedLine(37, sku="cola")) == []
    assert where(PlacedLine(11, sku="cola", location="w-1"), channel="web") == []
    assert where(PlacedLine(1, sku="box")) == []
    assert where(PlacedLine(1, barcode="cola's")) == []
    assert where(PlacedLine(1, sku="unknown")) == []
    assert where(PlacedLine(1, sku="cola"), PlacedLine(1, sku="cola")) == []
    assert where(PlacedLine(1, sku="cola"), paid=True) == []
    decisions.execute(replica, Command("", OrderEvent(order="web-1", event="pay"), b"early"), NOW)
    assert where(PlacedLine(1, sku="cola")) == [], "an event waits for it"


def test_a_run_holds_no_more_than_there_is_and_no_order_twice() -> None:
    one = (PlacedLine(1, sku="rare"),)
    assert (
        held_fast(hub_with_stock(is_hub=False), *[Placement(order=f"web-{n}", lines=one) for n in range(5)])
        == ["w-2"] * 3
    )
    assert held_fast(hub_with_stock(is_hub=False), *[Placement(order="web-1", lines=one)] * 2) == ["w-2"]


def test_a_rush_goes_from_location_to_location_until_nothing_is_left() -> None:
    replica = hub_with_stock()
    asked = [
        Command("", Placement(order=f"web-{number}", lines=(PlacedLine(1, sku="cola"),)), b"key-%d" % number)
        for number in range(90)
    ]
    verdicts = decisions.execute_requests(replica, asked, NOW, {})
    held = [one.stream.scope for one in verdicts if isinstance(one, Entry)]
    assert held == ["w-2"] * 36 + ["w-1"] * 10 + ["w-3"] * 9
    assert all(isinstance(one, RightsExhausted) for one in list(verdicts)[len(held) :])
    assert [verdict.hash for verdict in verdicts if isinstance(verdict, Entry)] == [
        entry.hash for entry in replica.take_batch().entries[-len(held) :]
    ]


def test_the_key_of_an_order_in_a_run_is_known_afterwards() -> None:
    replica = hub_with_stock()
    asked = [
        Command("", Placement(order=f"web-{number}", lines=(PlacedLine(1, sku="cola"),)), b"key-%d" % number)
        for number in range(3)
    ]
    first = list(decisions.execute_requests(replica, asked, NOW, {}))
    assert [answer(one) for one in decisions.execute_requests(replica, asked[::-1], NOW + 9, {})] == [
        answer(one) for one in first[::-1]
    ]
    other = Command("", Placement(order="web-9", lines=(PlacedLine(1, sku="cola"),)), b"key-1")
    (refused,) = decisions.execute_requests(replica, [other], NOW, {})
    assert isinstance(refused, KeyReused)


def test_an_order_with_a_key_that_an_entry_can_hold_takes_the_fast_path() -> None:
    one = Placement(order="web-1", lines=(PlacedLine(1, sku="cola"),))
    found = {len(key): held_fast(hub_with_stock(), one, keys=[key]) for key in (b"", b"k", b"k" * 128, b"k" * 129)}
    assert found == {0: [], 1: ["w-2"], 128: ["w-2"], 129: []}


def test_an_order_of_as_many_units_as_a_move_may_have_takes_the_fast_path() -> None:
    replica = hub_with_stock()
    more = GoodsReceipt((GoodsLine(QUANTITY_MAX, item="rare"),))
    for number in range(2):
        decisions.execute(replica, Command("w-1", more, b"more-%d" % number), NOW - 9)
    for units, where in ((QUANTITY_MAX, ["w-1"]), (QUANTITY_MAX + 1, [])):
        assert held_fast(replica, Placement(order="web-1", lines=(PlacedLine(units, sku="rare"),))) == where


def test_a_run_ends_before_an_order_that_an_earlier_location_just_covers() -> None:
    taker = OrderTaker("hub-1", w_2={"cola": 1}, w_1={"cola": 9})
    write_sku(taker, "cola", {"cola": 1})
    first = Placement(order="web-1", lines=(PlacedLine(1, sku="cola"),), pickup_at="w-1")
    for units, run in ((1, ["w-1"]), (2, ["w-1", "w-1"])):
        assert held_fast(taker.replica, first, Placement("web-2", (PlacedLine(units, sku="cola"),))) == run


def test_orders_of_a_run_are_kept_and_answered_as_if_placed_alone() -> None:
    placed: list[dict[str, Any]] = [
        {"channel": "web", "customer": "c-1", "pickup_at": "w-1"},
        {"channel": "web", "customer": "c-2", "pickup_at": "w-1"},
        {"channel": "mall", "customer": "c-3"},
        {"customer": "c-4", "campaign": "summer"},
    ]
    asked = [
        Command("", Placement(f"web-{number}", (PlacedLine(1, sku="cola"),), **more), b"key-%d" % number)
        for number, more in enumerate(placed)
    ]
    together, apart = hub_with_stock(), hub_with_stock()
    verdicts = [answer(one) for one in decisions.execute_requests(together, asked, NOW, {})]
    assert verdicts == [answer(one) for one in one_by_one(apart, asked, NOW)]
    assert [*together.orders] == [*apart.orders]
    assert [order.customer for order in together.orders] == ["c-1", "c-2", "c-3", "c-4"]
    assert [order.fulfilments["hub-1.1"].is_fixed for order in together.orders] == [True, True, False, False]
    assert together.take_batch().entries == apart.take_batch().entries
