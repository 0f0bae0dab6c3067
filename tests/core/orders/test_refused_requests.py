"""A refused request about an order says which field to correct, and which owner, order or fulfilment it is about."""

from __future__ import annotations

from typing import Any

import pytest

from edge_node.role import store_role
from replica.core.base.errors import (
    Invalid,
    NotFound,
    NotOwner,
    OrderEnded,
    OrderExists,
    Overloaded,
    Refused,
    UnknownSku,
)
from replica.core.base.limits import ALLOCATED_ITEMS_MAX
from replica.core.catalog.documents import pack_value
from replica.core.orders import parking, returns, transitions
from replica.core.orders.allocations import Allocation, check_allocations
from replica.core.orders.machine import DEFAULT_DOCUMENT, RESERVE, MachineDocument, OrderMachine
from replica.core.orders.requests import Handover, Housekeeping, OrderEvent, PlacedLine, Revocation
from replica.core.state import decisions
from replica.core.state.commands import DocumentWrite
from replica.core.stock.requests import SkuLine
from tests.core.shuffled import OrderTaker, lines, write_sku

BARCODE = "4006381333931"


def hub_with_an_order(**more: Any) -> OrderTaker:
    """A hub that holds two cola for the paid order `o-1`, and whose catalogue knows cola and wings only."""
    taker = OrderTaker()
    for sku in ("cola", "wings"):
        write_sku(taker, sku, {sku: 1})
    taker.replica.catalog.is_open = False
    taker.place(**{"paid": True, **more})
    return taker


def store_with_an_order(units: int = 5) -> OrderTaker:
    """A store that knows of `o-1`, of which a hub shipped cola from the location of the store."""
    hub, store = OrderTaker("hub-east", store_1={"cola": 9}), OrderTaker("store-1", store_1={})
    store.replica.order_policy = store_role("store-1").order_policy
    hub.place("o-1", PlacedLine(units, "cola"), paid=True)
    hub.happen("ship")
    hub.tell(store)
    return store


EVENTS: list[tuple[dict[str, Any], type[Refused], str]] = [
    ({"event": "pay", "lines": lines(cola=1)}, Invalid, "lines"),
    ({"event": "pick", "lines": lines(cola=1)}, Invalid, "lines"),
    ({"event": "adjust"}, Invalid, "lines"),
    ({"event": "adjust", "lines": lines(cola=2)}, Invalid, "lines"),
    ({"event": "adjust", "lines": lines(cola=3)}, Invalid, "lines[0].quantity"),
    ({"event": "adjust", "lines": lines(cola=1), "replacement": lines(wings=1)}, Invalid, "replacement"),
    ({"event": "exchange", "lines": lines(cola=1)}, Invalid, "replacement"),
    ({"event": "exchange", "lines": lines(cola=1), "replacement": lines(ghost=1)}, UnknownSku, "replacement[0].sku"),
    ({"event": "pay", "fulfilment": "hub-east.9"}, NotFound, "fulfilment"),
]


@pytest.mark.parametrize(("event", "error", "field"), EVENTS)
def test_a_refused_event_names_its_field(event: dict[str, Any], error: type[Refused], field: str) -> None:
    taker = hub_with_an_order()
    with pytest.raises(error) as refused:
        taker.ask(OrderEvent(order="o-1", **event))
    assert refused.value.field == field
    assert (taker.order().state, taker.order().parked) == ("reserved", [])


PLACEMENTS: list[tuple[PlacedLine, dict[str, Any], type[Refused], str]] = [
    (PlacedLine(1, "ghost"), {}, UnknownSku, "lines[1].sku"),
    (PlacedLine(1, barcode=BARCODE), {}, UnknownSku, "lines[1].barcode"),
    (PlacedLine(1, "cola", location="w-9"), {}, Invalid, "lines[1].location"),
    (PlacedLine(1, "cola"), {"pickup_at": "w-9"}, Invalid, "pickup_at"),
]


@pytest.mark.parametrize(("line", "more", "error", "field"), PLACEMENTS)
def test_a_refused_placement_names_its_field(
    line: PlacedLine, more: dict[str, Any], error: type[Refused], field: str
) -> None:
    taker = hub_with_an_order()
    first = PlacedLine(1, "cola", location="w-1")
    with pytest.raises(error) as refused:
        taker.place("o-2", first, line, **more)
    assert refused.value.field == field
    assert "o-2" not in taker.replica.orders


def test_a_name_that_another_order_has_is_the_field_to_correct() -> None:
    taker = hub_with_an_order()
    with pytest.raises(OrderExists) as exists:
        taker.place("o-1", PlacedLine(1, "cola"), paid=True)
    assert exists.value.field == "order"
    taker.happen("ship")
    with pytest.raises(OrderEnded) as ended:
        taker.place(paid=True)
    assert (ended.value.field, ended.value.facts) == ("order", {"order": "o-1", "state": "shipped"})


def test_a_paid_order_that_the_table_has_no_row_for_names_the_field() -> None:
    taker = OrderTaker()
    rows = tuple(row for row in DEFAULT_DOCUMENT.transitions if row.event != RESERVE)
    taker.replica.fold.machine = OrderMachine(MachineDocument(DEFAULT_DOCUMENT.states, rows))
    with pytest.raises(Invalid) as refused:
        taker.place(paid=True)
    assert refused.value.field == "paid"


def test_work_that_is_not_due_is_not_found() -> None:
    taker = hub_with_an_order()
    for name in ("o-1", "o-9"):
        with pytest.raises(NotFound) as refused:
            taker.ask(Housekeeping(name))
        assert refused.value.field == "order"


HANDOVERS: list[tuple[Handover, type[Refused], str]] = [
    (Handover("o-9", "hub-east.1", "store-1"), NotFound, "fulfilment"),
    (Handover("o-1", "hub-east.9", "store-1"), NotFound, "fulfilment"),
    (Handover("o-1", "hub-east.1", "hub-east"), Invalid, "to"),
]


@pytest.mark.parametrize(("handover", "error", "field"), HANDOVERS)
def test_a_refused_handover_names_its_field(handover: Handover, error: type[Refused], field: str) -> None:
    taker = hub_with_an_order()
    with pytest.raises(error) as refused:
        taker.ask(handover)
    assert refused.value.field == field
    assert taker.order().fulfilments["hub-east.1"].owner == "hub-east"


def test_a_fulfilment_that_holds_nothing_is_not_handed_over() -> None:
    taker = hub_with_an_order()
    taker.happen("ship")
    with pytest.raises(Invalid) as refused:
        taker.ask(Handover("o-1", "hub-east.1", "store-1"))
    assert refused.value.field == "to"


@pytest.mark.parametrize(
    "request_", [Handover("o-1", "hub-east.1", "store-2"), OrderEvent(order="o-1", event="ship")], ids=["to", "ship"]
)
def test_a_request_that_another_node_decides_names_that_node(request_: Any) -> None:
    taker = hub_with_an_order()
    taker.ask(Handover("o-1", "hub-east.1", "store-1"))
    with pytest.raises(NotOwner) as refused:
        taker.ask(request_)
    assert (refused.value.field, refused.value.facts) == ("fulfilment", {"owner": "store-1"})


def test_an_event_that_cannot_happen_any_more_at_another_owner_is_not_decided_here() -> None:
    taker = hub_with_an_order()
    taker.ask(Handover("o-1", "hub-east.1", "store-1"))
    with pytest.raises(NotOwner) as refused:
        taker.happen("pay", number=1)
    assert refused.value.facts == {"owner": "store-1"}


@pytest.mark.parametrize("is_placed", [True, False])
def test_an_order_with_too_many_events_waiting_is_the_field(is_placed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking, "PARKED_PER_ORDER_MAX", 3)
    taker = OrderTaker()
    if is_placed:
        taker.place()
    for _ in range(3):
        taker.happen("return", lines=lines(cola=1))
    with pytest.raises(Overloaded) as refused:
        taker.happen("ship")
    assert refused.value.field == "order"
    assert len(taker.order().waiting) == 3


def test_a_hold_that_is_not_short_need_not_be_revoked() -> None:
    taker = hub_with_an_order()
    for name in ("hub-east.1", "hub-east.9"):
        with pytest.raises(NotFound) as refused:
            taker.ask(Revocation("o-1", name))
        assert refused.value.field == "fulfilment"


# ---------------------------------------------------------------------------------------------------------------------
# returns at the counter of a store


RETURNS: list[tuple[dict[str, Any], type[Refused], str]] = [
    ({}, Invalid, "lines"),
    ({"lines": lines(ghost=1)}, UnknownSku, "lines[0].sku"),
    ({"lines": (*lines(cola=1), SkuLine(1, barcode=BARCODE))}, UnknownSku, "lines[1].barcode"),
]


@pytest.mark.parametrize(("more", "error", "field"), RETURNS)
def test_a_refused_return_of_an_unknown_order_names_its_field(
    more: dict[str, Any], error: type[Refused], field: str
) -> None:
    store = store_with_an_order()
    write_sku(store, "cola", {"cola": 1})
    store.replica.catalog.is_open = False
    with pytest.raises(error) as refused:
        store.happen("return", "o-9", **more)
    assert refused.value.field == field
    assert "o-9" not in store.replica.orders


def test_a_return_of_more_than_its_fulfilment_sold_names_the_line() -> None:
    store = store_with_an_order(units=2)
    with pytest.raises(Invalid) as refused:
        store.happen("return", fulfilment="hub-east.1", lines=lines(cola=3))
    assert refused.value.field == "lines[0].quantity"


def test_a_return_of_several_parts_of_a_location_says_how_many_are_there() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=1))
    taker.happen("ship")
    with pytest.raises(Invalid, match="names 5, and only 3 are there") as refused:
        taker.happen("return", lines=lines(cola=5))
    assert refused.value.field == "lines[0].quantity"


def test_goods_of_one_order_come_back_at_a_counter_only_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(returns, "PARKED_PER_ORDER_MAX", 3)
    store = store_with_an_order()
    for _ in range(3):
        store.happen("return", "o-9", lines=lines(cola=1))
    with pytest.raises(Overloaded) as refused:
        store.happen("return", "o-9", lines=lines(cola=1))
    assert refused.value.field == "order"
    assert len(store.order("o-9").parked) == 3


def test_goods_with_more_items_than_one_entry_can_move_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.core.orders.allocations.ALLOCATED_ITEMS_MAX", 1)
    store = store_with_an_order()
    with pytest.raises(Invalid) as refused:
        store.happen("return", "o-9", lines=lines(cola=1, wings=1))
    assert refused.value.field == "lines"


def test_an_order_with_more_items_than_one_entry_can_release_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replica.core.orders.allocations.ALLOCATED_ITEMS_MAX", 1)
    taker = OrderTaker()
    with pytest.raises(Invalid) as refused:
        taker.place("o-1", PlacedLine(1, "cola"), PlacedLine(1, "wings"))
    assert refused.value.field == "lines"


def test_a_fulfilment_holds_as_many_items_as_one_entry_can_release_and_no_more() -> None:
    recipe = tuple((f"item-{number}", 1) for number in range(ALLOCATED_ITEMS_MAX // 2))
    allocations = [Allocation(entry=b"", sku="crate", quantity=1, recipe=recipe, source="hub-east/free")] * 2
    check_allocations(allocations, "lines")
    one_more = Allocation(entry=b"", sku="cola", quantity=1, recipe=(("cola", 1),), source="hub-east/free")
    with pytest.raises(Invalid) as refused:
        check_allocations([*allocations, one_more], "lines")
    assert refused.value.field == "lines"


# ---------------------------------------------------------------------------------------------------------------------
# bounds of one fulfilment


def shipped_in_parts(taker: OrderTaker, parts: int) -> None:
    for _ in range(parts):
        taker.happen("ship", lines=lines(cola=1))


def test_a_fulfilment_takes_as_many_events_as_are_kept_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "EVENTS_PER_FULFILMENT_MAX", 4)
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(9, "cola"), paid=True)
    shipped_in_parts(taker, 3)
    for event in ("ship", "adjust", "cancel"):
        with pytest.raises(Invalid, match="place a new order") as refused:
            taker.happen(event, fulfilment="hub-east.1", lines=lines(cola=1))
        assert refused.value.field == "event"
    taker.happen("ship", fulfilment="hub-east.1")
    assert taker.order().fulfilments["hub-east.1"].state == "shipped"


def test_returns_have_a_bound_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "EVENTS_PER_FULFILMENT_MAX", 2)
    monkeypatch.setattr(transitions, "RETURNS_PER_FULFILMENT_MAX", 4)
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(9, "cola"), paid=True)
    taker.happen("ship")
    for _ in range(2):
        taker.happen("return", lines=lines(cola=1))
    with pytest.raises(Invalid, match="report a return without an order") as refused:
        taker.happen("return", lines=lines(cola=1))
    assert refused.value.field == "event"


def test_the_parts_of_an_order_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transitions, "SPLIT_LINES_MAX", 3)
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(9, "cola"), paid=True)
    shipped_in_parts(taker, 2)
    with pytest.raises(Invalid) as refused:
        taker.happen("ship", lines=lines(cola=1))
    assert refused.value.field == "lines"
    assert [dict(one.lines) for one in taker.order().fulfilments.values()] == [{"cola": 7}, {"cola": 1}, {"cola": 1}]
    taker.happen("ship")
    assert taker.order().state == "shipped"


# ---------------------------------------------------------------------------------------------------------------------
# what to name instead


def test_a_change_that_several_fulfilments_could_take_lists_only_those() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2}, w_3={"wings": 1})
    taker.place("o-1", PlacedLine(4, "cola"), PlacedLine(1, "wings"), paid=True)
    with pytest.raises(Invalid, match=r"name one of hub-east\.1, hub-east\.2$") as refused:
        taker.happen("adjust", lines=lines(cola=1))
    assert refused.value.field == "fulfilment"


def test_a_change_that_no_fulfilment_can_take_lists_all_that_go_on() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2})
    taker.place("o-1", PlacedLine(4, "cola"), paid=True)
    with pytest.raises(Invalid, match=r"name one of hub-east\.1, hub-east\.2$") as refused:
        taker.happen("adjust", lines=lines(cola=3))
    assert refused.value.field == "fulfilment"


def test_a_deleted_sku_is_not_promised_but_comes_back() -> None:
    store = store_with_an_order()
    for value, key in ({"recipe": {"cola": 6}, "barcodes": [BARCODE]}, b"1"), (None, b"2"):
        packed = pack_value(value) if value is not None else None
        decisions.write(store.replica, DocumentWrite("sku", "crate", packed, key), store.now_ms)
    for wanted in (PlacedLine(1, "crate"), PlacedLine(1, barcode=BARCODE)):
        with pytest.raises(UnknownSku) as refused:
            store.place("o-8", wanted)
        assert refused.value.facts["deleted"] is True
    for line in (SkuLine(1, "crate"), SkuLine(1, barcode=BARCODE)):
        store.happen("return", "o-9", lines=(line,))
    assert store.replica.ledger.stock("store-1", "cola").figures.quarantined == 12
