"""At which fulfilment the owner counts goods that came back at another location, and which hub asks for it."""

from __future__ import annotations

import msgspec
import pytest

from replica.core.orders.order import Order, Parked
from replica.core.orders.requests import OrderEvent, PlacedLine
from replica.core.orders.returns import is_counted
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from replica.runtime.http.order_answers import order_answer
from tests.core.orders.test_order_parts import parts
from tests.core.orders.test_returns import Chain, bring, quarantined, sold
from tests.core.orders.test_returns_of_parts import chain_with_rights
from tests.core.shuffled import OrderTaker, lines


def collected(chain: Chain, order: dict[str, int], part: dict[str, int], instead: str = "") -> OrderTaker:
    """A store hands out an order: first a part, then the rest. `instead` is exchanged for a cola in between."""
    store = chain.stores[0]
    receive(store, wings=5)
    store.place("o-1", *(PlacedLine(units, sku) for sku, units in order.items()))
    store.happen("collect", lines=lines(**part))
    if instead:
        store.happen("exchange", lines=lines(**{instead: 1}), replacement=lines(cola=1))
    store.happen("collect", fulfilment="store-1.1")
    chain.settle()
    return store


def receive(taker: OrderTaker, **units: int) -> None:
    goods = GoodsReceipt(tuple(GoodsLine(number, item=item) for item, number in units.items()))
    decisions.execute(taker.replica, Command(taker.locations[0], goods, b"more"), taker.now_ms)


def bring_together(chain: Chain, *goods: dict[str, int]) -> None:
    """Goods come back at store-2 and at store-3, and a hub hears of both before the owner answers."""
    for store, units in zip(chain.stores[1:], goods, strict=True):
        store.happen("return", lines=lines(**units))
    for store in chain.stores[1:]:
        store.tell(chain.hubs[0])
    chain.settle()


def test_goods_are_counted_at_the_first_part_that_still_has_them() -> None:
    chain = Chain()
    first = collected(chain, {"cola": 5}, {"cola": 2})
    bring(chain.stores[1], cola=1)
    chain.settle()
    assert parts(first) == {"1": ("returned", {"cola": 2}), "1-1": ("collected", {"cola": 2})}
    bring(chain.stores[2], cola=2)
    chain.settle()
    assert parts(first) == {"1": ("returned", {}), "1-1": ("collected", {"cola": 2})}


def test_units_that_an_owner_was_asked_to_count_are_not_asked_for_twice() -> None:
    chain = Chain()
    first = collected(chain, {"cola": 5}, {"cola": 2})
    bring_together(chain, {"cola": 2}, {"cola": 2})
    assert parts(first) == {"1": ("returned", {"cola": 1}), "1-1": ("returned", {})}
    assert first.order().reports == []


def test_a_request_to_count_one_sku_concerns_no_other_sku() -> None:
    chain = Chain()
    first = collected(chain, {"cola": 1, "wings": 2}, {"wings": 1})
    bring_together(chain, {"cola": 1}, {"wings": 1})
    assert parts(first) == {"1": ("returned", {}), "1-1": ("collected", {"wings": 1})}


def test_a_request_to_count_units_takes_them_once_from_several_allocations() -> None:
    chain = Chain()
    first = collected(chain, {"cola": 2, "wings": 1}, {"cola": 1}, instead="wings")
    assert [one.quantity for one in first.order().fulfilments["store-1.1"].sold] == [1, 1]
    bring_together(chain, {"cola": 1}, {"cola": 1})
    assert parts(first) == {"1": ("returned", {}), "1-1": ("collected", {"cola": 1})}


def test_a_request_to_count_another_sku_takes_nothing_from_several_allocations() -> None:
    chain = Chain()
    first = collected(chain, {"cola": 2, "wings": 2}, {"cola": 1}, instead="wings")
    bring_together(chain, {"wings": 1}, {"cola": 2})
    assert parts(first) == {"1": ("returned", {}), "1-1": ("collected", {"cola": 1})}


def test_goods_are_counted_at_the_part_that_sold_this_sku() -> None:
    chain = Chain()
    first = collected(chain, {"cola": 1, "wings": 1}, {"wings": 1})
    chain.stores[1].happen("return", lines=lines(wings=1))
    chain.settle()
    assert parts(first) == {"1": ("collected", {"cola": 1}), "1-1": ("returned", {})}
    assert first.order().reports == []


def test_goods_of_an_order_that_has_not_left_wait_at_its_owner() -> None:
    chain = Chain()
    first, second = chain.stores[:2]
    first.place("o-1", PlacedLine(3, "cola"))
    chain.settle()
    bring(second)
    chain.settle()
    assert {one.event.fulfilment for one in first.order().waiting if one.event is not None} == {"store-1.1"}
    first.happen("collect")
    chain.settle()
    assert (sold(first), quarantined(chain)) == (2, {"store-2": 1})


def test_goods_of_an_order_that_was_cancelled_in_parts_are_reported_at_one_part() -> None:
    chain = chain_with_rights()
    hub = chain.hubs[0]
    hub.place("o-1", PlacedLine(3, "cola", location="store-1"))
    hub.happen("cancel", lines=lines(cola=1))
    hub.happen("cancel")
    chain.settle()
    bring(chain.stores[1])
    chain.settle()
    assert [(one.fulfilment, one.outcome) for one in hub.order().reports] == [("hub-east.1", "impossible")]
    assert quarantined(chain) == {"store-2": 1}


def test_goods_are_not_counted_at_a_placement_that_lost() -> None:
    chain = Chain()
    east, west = chain.hubs
    west.place("o-1", PlacedLine(2, "cola"), paid=True)
    east.now_ms += 1_000
    east.place("o-1", PlacedLine(2, "cola"), paid=True)
    for hub in (east, west):
        hub.happen("ship")
    chain.settle()
    assert [*west.order().lost()] == ["hub-east.1"]
    bring(chain.stores[1], cola=2)
    chain.settle()
    assert {one.id: one.state for one in west.order().fulfilments.values()} == {
        "hub-east.1": "shipped",
        "hub-west.1": "returned",
    }


def test_goods_are_passed_on_although_another_event_waits_before_them() -> None:
    chain = Chain()
    hub, first, second = chain.sold_at_store_1()
    hub.happen("return", lines=lines(cola=1), fulfilment="store-1.1", number=9)
    bring(second)
    chain.settle()
    assert (sold(first), quarantined(chain)) == (2, {"store-2": 1})


def test_a_hub_does_not_ask_for_goods_that_another_hub_asks_for() -> None:
    chain = Chain()
    east, _, second = chain.sold_at_store_1()
    west = chain.hubs[1]
    bring(second)
    second.tell(east)
    east.commit()
    west.take([entry for entry in east.entries if entry.stream.scope == "store-1"])
    second.tell(west)
    assert [one.node for one in west.order().parked if one.passes_on] == ["hub-east"]
    chain.settle()
    assert [one.node for one in west.order().parked if one.passes_on] == ["hub-east"]
    assert sold(west) == 2


@pytest.mark.parametrize("at", [1, 2])
def test_shares_of_a_return_name_their_fulfilments(at: int) -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    hub.place("o-1", PlacedLine(4, "cola", location="store-1"))
    for _ in range(at):
        hub.happen("collect", lines=lines(cola=1))
    hub.happen("pay")
    chain.settle()
    store.happen("collect")
    chain.settle()
    event = OrderEvent(order="o-1", event="return", lines=lines(cola=4))
    first = store.ask(event, "k-1")
    assert store.ask(event, "k-1") == first
    answer = order_answer(first.content)
    assert [one.id for one in answer.fulfilments] == [*store.order().fulfilments]
    assert {one.fulfilment: one.outcome for one in answer.outcomes} == {
        "hub-east.1": "happened",
        **{f"hub-east.1-{number}": "asked" for number in range(1, at + 1)},
    }
    taken = [one.event.fulfilment for one in store.order().parked if one.goods and one.event is not None]
    assert sorted(taken) == [f"hub-east.1-{number}" for number in range(1, at + 1)]
    chain.settle()
    assert (sold(hub), quarantined(chain)) == (0, {"store-1": 4})


@pytest.mark.parametrize("told_first", ["store", "hub"])
def test_units_of_a_hubs_part_that_a_store_and_the_hub_were_told_of_count_once(told_first: str) -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    hub.place("o-1", PlacedLine(3, "cola", location="store-1"))
    hub.happen("collect", lines=lines(cola=2))
    hub.happen("pay")
    chain.settle()
    store.happen("collect")
    chain.settle()
    event = OrderEvent(order="o-1", event="return", lines=lines(cola=2))
    for taker in (store, hub) if told_first == "store" else (hub, store):
        taker.ask(event, "k-1")
        chain.settle()
    assert parts(hub) == {"1": ("collected", {"cola": 1}), "1-1": ("returned", {})}
    assert sum(quarantined(chain).values()) == 2


def test_a_whole_return_told_at_a_hub_and_at_a_store_counts_once_at_each_part() -> None:
    chain = chain_with_rights()
    hub, store = chain.hubs[0], chain.stores[0]
    hub.place("o-1", PlacedLine(4, "cola", location="store-1"))
    hub.happen("collect", lines=lines(cola=1))
    hub.happen("pay")
    chain.settle()
    store.happen("collect")
    chain.settle()
    for taker in (hub, store):
        taker.ask(OrderEvent(order="o-1", event="return"), "k-1")
    chain.settle()
    assert parts(hub) == parts(store) == {"1": ("returned", {}), "1-1": ("returned", {})}
    assert sum(quarantined(chain).values()) == 4
    assert hub.order().reports == hub.order().waiting == []


GOODS = b"the entry that took them"


def ask_of(fulfilment: str, node: str, became: str = "", settled: bool = True) -> Parked:
    """A request to count two cola that a store took."""
    event = OrderEvent(order="o-1", event="return", fulfilment=fulfilment, lines=lines(cola=2))
    done = [fulfilment] if settled else []
    return Parked(0, 0, b"", node, event, passes_on=GOODS, became=became, settled=done)


@pytest.mark.parametrize(
    ("other", "counted"),
    [
        (ask_of("hub-east.1", "hub-west"), True),
        (ask_of("hub-east.1", "hub-east"), True),
        (ask_of("hub-east.1-1", "hub-west"), True),
        (ask_of("hub-east.1-1", "hub-east"), False),
        (ask_of("hub-east.1", "hub-west", became="repeat"), False),
        (ask_of("hub-east.1", "hub-west", settled=False), False),
        (msgspec.structs.replace(ask_of("hub-east.1", "hub-west"), passes_on=b"other goods"), False),
    ],
)
def test_goods_were_counted_for_another_hub_or_at_the_same_part(other: Parked, counted: bool) -> None:
    asked = ask_of("hub-east.1", "hub-east", settled=False)
    order = Order("o-1", parked=[other, asked])
    assert is_counted(order, asked) == counted
    whole = msgspec.structs.replace(asked, event=OrderEvent(order="o-1", event="return"))
    assert not is_counted(Order("o-1", parked=[other, whole]), whole), "each part counts its own then"
