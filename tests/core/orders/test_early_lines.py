"""An early event that names units but no fulfilment happens once, or is reported, wherever it was told."""

from __future__ import annotations

from typing import Any

import pytest

from edge_node.role import store_role
from replica.core.orders.requests import Handover, OrderEvent, PlacedLine
from tests.core.orders.test_order_parts import parts
from tests.core.shuffled import OrderTaker, lines

TOLD_AT = ["hub", "another hub", "both hubs"]
ACTS = ["adjust", "exchange", "ship", "collect", "cancel"]


def hubs() -> tuple[OrderTaker, OrderTaker]:
    """A hub with two cola at each of two warehouses, and another hub."""
    return OrderTaker("hub-east", w_1={"cola": 2}, w_2={"cola": 2}), OrderTaker("hub-west", w_3={"cola": 1})


def tell(event: OrderEvent, told_at: str, east: OrderTaker, west: OrderTaker) -> None:
    """Tell an event under one key, and let the hubs hear of each other."""
    for taker, places in ((east, ("hub", "both hubs")), (west, ("another hub", "both hubs"))):
        if told_at in places:
            taker.ask(event, "k-1")
    hear(east, west)


def hear(*takers: OrderTaker) -> None:
    for _ in range(3):
        for one in takers:
            for other in takers:
                if one is not other:
                    one.tell(other)
            one.keep_up()
            one.commit()


def quarantined(taker: OrderTaker) -> list[int]:
    """Cola in quarantine at each location."""
    account = f"{taker.replica.node}/quarantine"
    return [taker.replica.ledger.stock(one, "cola").balance(account) for one in taker.locations]


def event_of(act: Any, quantity: int) -> OrderEvent:
    replacement = {"replacement": lines(cola=quantity)} if act == "exchange" else {}
    return OrderEvent(order="o-1", event=act, lines=lines(cola=quantity), **replacement)


@pytest.mark.parametrize("told_at", TOLD_AT)
@pytest.mark.parametrize("quantity", [1, 2])
@pytest.mark.parametrize("first", [1, 2])
def test_an_early_return_enters_quarantine_where_the_goods_left_first(told_at: str, quantity: int, first: int) -> None:
    east, west = hubs()
    tell(event_of("return", quantity), told_at, east, west)
    east.place("o-1", PlacedLine(4, "cola"), paid=True)
    for number in (first, 3 - first):
        east.happen("ship", fulfilment=f"hub-east.{number}")
        hear(east, west)
    assert quarantined(east) == ([quantity, 0] if first == 1 else [0, quantity])
    assert east.order().waiting == east.order().reports == []
    east.check()


@pytest.mark.parametrize("told_at", TOLD_AT)
def test_an_early_return_of_goods_that_left_two_places_together_is_reported(told_at: str) -> None:
    east, west = hubs()
    tell(event_of("return", 1), told_at, east, west)
    east.place("o-1", PlacedLine(4, "cola"), paid=True)
    east.happen("ship")
    hear(east, west)
    assert quarantined(east) == [0, 0]
    assert {one.outcome for one in east.order().reports} == {"ambiguous"}
    assert east.order().waiting == []


@pytest.mark.parametrize("told_at", TOLD_AT)
@pytest.mark.parametrize("act", ACTS)
def test_an_act_told_before_an_order_that_two_places_serve_is_reported(act: Any, told_at: str) -> None:
    east, west = hubs()
    tell(event_of(act, 1), told_at, east, west)
    east.place("o-1", PlacedLine(4, "cola"), paid=True)
    hear(east, west)
    assert parts(east) == {"1": ("reserved", {"cola": 2}), "2": ("reserved", {"cola": 2})}
    assert {one.outcome for one in east.order().reports} == {"ambiguous"}
    assert east.order().waiting == []
    east.check()


@pytest.mark.parametrize("told_at", TOLD_AT)
@pytest.mark.parametrize("act", ACTS)
def test_an_act_told_before_an_order_happens_once_at_the_place_with_the_units(act: Any, told_at: str) -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 3}, w_2={"cola": 9}), OrderTaker("hub-west", w_3={"cola": 1})
    tell(event_of(act, 2), told_at, east, west)
    east.place("o-1", PlacedLine(1, "cola", location="w-1"), PlacedLine(5, "cola", location="w-2"), paid=True)
    hear(east, west)
    found = parts(east)
    assert found["1"] == ("reserved", {"cola": 1})
    assert found["2"][1] == {"cola": 5 if act == "exchange" else 3}
    assert east.order().waiting == east.order().reports == []
    east.check()


@pytest.mark.parametrize("act", ["adjust", "ship", "cancel"])
def test_a_late_copy_of_an_event_with_lines_does_not_happen_at_another_place(act: Any) -> None:
    """The first place has the units by now, and only the second one noted the key."""
    east, west = OrderTaker("hub-east", w_1={"cola": 9, "wings": 9}, w_2={"cola": 9}), OrderTaker("hub-west", w_3={})
    event = event_of(act, 3)
    west.ask(event, "k-1")
    first = [PlacedLine(1, sku, location="w-1") for sku in ("cola", "wings")]
    east.place("o-1", *first, PlacedLine(5, "cola", location="w-2"), paid=True)
    east.ask(event, "k-1")
    east.happen("exchange", fulfilment="hub-east.1", lines=lines(wings=1), replacement=lines(cola=4))
    before = parts(east)
    hear(west, east)
    assert parts(east) == before
    assert east.order().waiting == east.order().reports == []
    east.check()


@pytest.mark.parametrize("act", ACTS)
def test_an_act_told_early_at_a_store_concerns_the_goods_of_that_store(act: Any) -> None:
    hub, store = OrderTaker("hub-east", store_1={"cola": 9}, w_2={"cola": 9}), OrderTaker("store-1", store_1={})
    store.replica.order_policy = store_role("store-1").order_policy
    store.ask(event_of(act, 1), "k-1")
    locations = ("store-1", "w-2")
    hub.place("o-1", *(PlacedLine(2, "cola", location=one) for one in locations), paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.commit()
    store.take([one for one in hub.entries if one.stream.scope == "store-1"])
    store.keep_up()
    store.tell(hub)
    hear(hub)
    assert parts(hub)["1"][1] == {"cola": 2 if act == "exchange" else 1}
    assert parts(hub)["2"] == ("reserved", {"cola": 2})
    assert hub.order().waiting == hub.order().reports == []
    hub.check()
