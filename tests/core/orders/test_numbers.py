"""Numbers of events: an event without effect counts, so the events after it do not wait for it."""

from __future__ import annotations

import pytest

from replica.core.orders.requests import Handover, OrderEvent, PlacedLine
from tests.core.orders.test_order_parts import at_two_warehouses, outcomes, parts
from tests.core.shuffled import OrderTaker, lines


def reports(taker: OrderTaker) -> list[tuple[str, str]]:
    return [(one.event, one.outcome) for one in taker.order().reports]


def test_an_impossible_payment_of_a_split_order_does_not_hold_up_its_shipment() -> None:
    taker = at_two_warehouses(paid=True)
    assert taker.happen("pay", number=1).content.facts["outcome"] == "impossible"
    assert outcomes(taker.happen("ship", number=2)) == {"1": ("happened", "shipped"), "2": ("happened", "shipped")}
    assert (taker.order().waiting, reports(taker)) == ([], [("pay", "impossible")])
    assert [taker.figures("cola", one)[1] for one in taker.locations] == [0, 0]
    taker.check()


def test_a_shipment_waits_for_an_impossible_payment_of_a_split_order() -> None:
    taker = at_two_warehouses(paid=True)
    assert taker.happen("ship", number=2).content.facts["act"] == "park"
    taker.happen("pay", number=1)
    assert parts(taker) == {"1": ("shipped", {"cola": 5}), "2": ("shipped", {"cola": 3})}
    assert taker.order().waiting == []


def test_a_payment_counts_at_the_place_that_was_paid_before() -> None:
    taker = at_two_warehouses()
    taker.happen("collect", fulfilment="hub-east.2")
    assert outcomes(taker.happen("pay", number=1))["1"] == ("happened", "reserved")
    assert outcomes(taker.happen("collect", number=2))["1"] == ("happened", "collected")
    taker.happen("return", number=3)
    assert parts(taker) == {"1": ("returned", {}), "2": ("returned", {})}
    assert taker.order().waiting == taker.order().reports == []


def test_a_return_of_one_place_counts_at_the_place_that_has_not_shipped() -> None:
    taker = at_two_warehouses(paid=True)
    taker.happen("pick", number=1)
    taker.happen("ship", fulfilment="hub-east.1")
    taker.happen("return", number=2)
    taker.happen("ship", number=3)
    assert parts(taker) == {"1": ("returned", {}), "2": ("shipped", {"cola": 3})}
    assert taker.order().waiting == []


def test_an_impossible_change_of_parts_that_left_counts() -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=2), number=1)
    taker.happen("ship", number=2)
    assert taker.happen("adjust", lines=lines(cola=1), number=3).content.facts["outcome"] == "impossible"
    taker.happen("return", lines=lines(cola=1), number=4)
    assert taker.replica.ledger.stock("w-1", "cola").balance("hub-east/quarantine") == 1
    assert taker.order().waiting == []


def test_an_impossible_cancellation_at_a_hub_counts_at_the_store_that_owns_the_goods() -> None:
    hub, store = OrderTaker("hub-east", store_1={"cola": 5}), OrderTaker("store-1", store_1={})
    hub.place("o-1", PlacedLine(2, "cola"), paid=True)
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.tell(store)
    store.happen("collect", number=1)
    store.tell(hub)
    assert hub.happen("cancel", number=2).content.facts["outcome"] == "impossible"
    hub.happen("return", number=3)
    hub.tell(store)
    store.keep_up()
    assert (parts(store), store.order().waiting) == ({"1": ("returned", {})}, [])
    store.check()


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("number", [0, 3])
def test_a_return_at_a_hub_passes_by_goods_that_a_store_has_not_shipped(number: int, times: int) -> None:
    hub = OrderTaker("hub-east", w_1={"cola": 5}, store_1={"wings": 3})
    store = OrderTaker("store-1", store_1={})
    hub.place("o-1", PlacedLine(5, "cola"), PlacedLine(3, "wings"), paid=True)
    hub.ask(Handover("o-1", "hub-east.2", "store-1"))
    hub.tell(store)
    store.happen("pick", fulfilment="hub-east.2", number=1)
    store.tell(hub)
    hub.happen("ship", fulfilment="hub-east.1", number=1)
    for _ in range(times):
        hub.happen("return", number=2)
    hub.tell(store)
    store.happen("ship", fulfilment="hub-east.2", number=number)
    store.keep_up()
    assert parts(store) == {"1": ("returned", {}), "2": ("shipped", {"wings": 3})}
    assert store.replica.ledger.stock("store-1", "wings").balance("store-1/quarantine") == 0
    assert store.order().waiting == store.order().reports == []
    store.check()


def test_an_ambiguous_number_is_counted_nowhere_so_that_it_can_be_told_again() -> None:
    taker = OrderTaker("hub-east", w_1={"cola": 5}, w_2={"wings": 3})
    taker.happen("ship", lines=lines(wings=1), number=1)
    taker.place("o-1", PlacedLine(5, "cola"), PlacedLine(3, "wings"), paid=True)
    assert reports(taker) == [("ship", "ambiguous")]
    assert parts(taker) == {"1": ("reserved", {"cola": 5}), "2": ("reserved", {"wings": 3})}
    for number, sku in ((1, "cola"), (2, "wings")):
        taker.happen("ship", fulfilment=f"hub-east.{number}", lines=lines(**{sku: 1}), number=1)
    assert parts(taker)["1-1"] == ("shipped", {"cola": 1})
    assert parts(taker)["2-1"] == ("shipped", {"wings": 1})


def shipped_in_part() -> OrderTaker:
    """An order whose first part counted up to 2, and the rest to 1."""
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(5, "cola"), paid=True)
    taker.happen("ship", lines=lines(cola=2), number=1)
    taker.happen("return", fulfilment="hub-east.1-1", lines=lines(cola=1), number=2)
    assert [one.number for one in taker.order().fulfilments.values()] == [1, 2]
    return taker


def test_an_event_that_names_a_fulfilment_follows_the_numbers_of_that_one() -> None:
    taker = shipped_in_part()
    assert taker.happen("adjust", fulfilment="hub-east.1", lines=lines(cola=1), number=2).content.facts["act"] == "step"
    assert parts(taker) == {"1": ("amended", {"cola": 2}), "1-1": ("returned", {"cola": 1})}


def test_an_event_of_some_units_follows_the_numbers_of_all_parts() -> None:
    taker = shipped_in_part()
    assert taker.happen("ship", lines=lines(cola=1), number=2).content.facts["act"] == "repeat"
    assert taker.happen("ship", lines=lines(cola=1), number=3).content.facts["act"] == "split"
    assert parts(taker)["1-2"] == ("shipped", {"cola": 1})


def test_an_event_of_the_order_happens_to_the_rest_by_its_own_number() -> None:
    taker = shipped_in_part()
    assert outcomes(taker.happen("ship", number=2)) == {"1": ("happened", "shipped"), "1-1": ("repeat", "returned")}
    assert taker.order().waiting == taker.order().reports == []


def test_a_numbered_return_told_at_two_hubs_does_not_wait_at_the_rest_of_the_order() -> None:
    taker, west = shipped_in_part(), OrderTaker("hub-west", w_2={"cola": 1})
    event = OrderEvent(order="o-1", event="return", lines=lines(cola=1), number=2)
    west.ask(event)
    west.tell(taker)
    taker.happen("ship", fulfilment="hub-east.1")
    taker.keep_up()
    assert parts(taker) == {"1": ("shipped", {"cola": 3}), "1-1": ("returned", {"cola": 1})}
    assert taker.order().waiting == taker.order().reports == []


@pytest.mark.parametrize(("leaving", "left"), [("ship", "shipped"), ("collect", "collected")])
@pytest.mark.parametrize("is_numbered", [True, False])
def test_events_of_both_parts_go_on_with_the_numbers_of_the_whole(leaving: str, left: str, is_numbered: bool) -> None:
    taker = OrderTaker()
    taker.place("o-1", PlacedLine(3, "cola"))
    taker.happen("pay", number=1)
    taker.happen(leaving, lines=lines(cola=1), number=2 if is_numbered else 0)
    number = 3 if is_numbered else 2
    taker.happen("return", fulfilment="hub-east.1-1", number=number)
    taker.happen(leaving, fulfilment="hub-east.1", number=number)
    assert {name: state for name, (state, _) in parts(taker).items()} == {"1": left, "1-1": "returned"}
    assert taker.order().waiting == []
