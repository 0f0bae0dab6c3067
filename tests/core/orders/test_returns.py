"""Goods of an order come back at another location than they left: they are taken, and the owner counts them once."""

from __future__ import annotations

from typing import Any

import pytest

from edge_node.role import store_role
from replica.core.base.errors import Invalid, NotOwner
from replica.core.base.limits import PARKED_MS
from replica.core.log.entry import Entry
from replica.core.orders.facts import decode
from replica.core.orders.requests import Handover, OrderEvent, PlacedLine
from replica.runtime.http.order_answers import order_answer, order_view, waiting_answers
from tests.core.shuffled import OrderTaker, lines, write_sku


class Chain:
    """Two hubs and three stores. A store hears only of its own location."""

    def __init__(self) -> None:
        self.hubs = [
            OrderTaker("hub-east", w_1={"cola": 20}, w_2={"cola": 20}),
            OrderTaker("hub-west", w_9={"cola": 20}),
        ]
        self.stores = [OrderTaker(f"store-{n}", **{f"store_{n}": {"cola": 10}}) for n in (1, 2, 3)]
        for store in self.stores:
            store.replica.order_policy = store_role(store.locations[0]).order_policy
        for later, taker in enumerate(self.all):
            taker.now_ms += later

    @property
    def all(self) -> list[OrderTaker]:
        return [*self.hubs, *self.stores]

    def settle(self, *only: OrderTaker) -> None:
        """Deliver every entry to the nodes that see its location, and let each node do what is due."""
        takers = only or self.all
        for _ in range(4):
            for one in takers:
                one.keep_up()
                one.commit()
                for other in takers:
                    if one is not other:
                        is_hub = other in self.hubs
                        other.take([entry for entry in one.entries if is_hub or entry.stream.scope in other.locations])
        for taker in takers:
            assert taker.replica.orders.malformed == 0

    def sold_at_store_1(self, quantity: int = 3) -> tuple[OrderTaker, OrderTaker, OrderTaker]:
        """An order that a customer collected at store-1. Return the first hub and two stores."""
        store = self.stores[0]
        store.place("o-1", PlacedLine(quantity, "cola"))
        store.happen("collect")
        self.settle()
        return self.hubs[0], store, self.stores[1]


def bring(taker: OrderTaker, key: str = "", **more: Any) -> Entry:
    return taker.ask(OrderEvent(order="o-1", event="return", lines=lines(cola=more.pop("cola", 1)), **more), key)


def quarantined(chain: Chain) -> dict[str, int]:
    """Units in quarantine, by node, as a hub sees them."""
    found = {}
    for location, there in chain.hubs[0].replica.ledger.at_location.items():
        for stock in there.stocks.values():
            for account, units in stock.balances.items():
                if account.endswith("/quarantine") and units:
                    found[account.partition("/")[0]] = units
            assert location
    return found


def sold(taker: OrderTaker) -> int:
    return sum(one.quantity for fulfilment in taker.order().fulfilments.values() for one in fulfilment.sold)


def test_goods_of_an_order_that_the_store_does_not_know_are_taken() -> None:
    chain = Chain()
    hub, first, second = chain.sold_at_store_1()
    answer = order_answer(bring(second, cola=2).content)
    assert (answer.state, answer.waiting) == ("unknown", None)
    assert [(one.sku, one.quantity) for one in answer.taken_back] == [("cola", 2)]
    assert second.replica.ledger.stock("store-2", "cola").figures.quarantined == 2
    assert [one.reason for one in waiting_answers(second.order())] == ["unknown-order"]
    chain.settle()
    assert quarantined(chain) == {"store-2": 2}
    for taker in (hub, first):
        assert (taker.order().state, sold(taker)) == ("returned", 1)
        assert taker.order().reports == taker.order().waiting == []
    assert second.order().waiting == []


def test_history_of_the_order_shows_where_the_returned_goods_are() -> None:
    chain = Chain()
    hub, _, second = chain.sold_at_store_1()
    bring(second)
    chain.settle()
    (fulfilment,) = order_view(hub.order()).fulfilments
    steps = [past for past in fulfilment.history if past.act == "step"]
    assert [(past.event, past.goods_at) for past in steps] == [("hold", None), ("collect", None), ("return", "store-2")]


def test_two_hubs_that_pass_goods_on_have_them_counted_once() -> None:
    chain = Chain()
    east, first, second = chain.sold_at_store_1()
    west = chain.hubs[1]
    bring(second)
    for hub in (east, west):
        second.commit()
        hub.take([entry for entry in second.entries if entry.stream.scope == "store-2"])
    chain.settle()
    assert [sold(taker) for taker in (east, west, first)] == [2, 2, 2]
    assert quarantined(chain) == {"store-2": 1}
    assert first.order().reports == []


def test_one_return_under_one_key_at_two_stores_counts_once() -> None:
    chain = Chain()
    hub, first, second = chain.sold_at_store_1()
    for store in (second, chain.stores[2]):
        bring(store, "k-1")
    chain.settle()
    assert (sold(hub), sold(first)) == (2, 2)
    assert sum(quarantined(chain).values()) == 1
    assert len({taker.replica.orders.digest() for taker in chain.hubs}) == 1


def test_one_return_at_two_stores_that_the_owner_reports_late_is_in_one_quarantine() -> None:
    chain = Chain()
    first = chain.stores[0]
    first.place("o-1", PlacedLine(3, "cola"), ttl_s=86_400)
    chain.settle()
    for store in chain.stores[1:]:
        bring(store, "k-1", fulfilment="store-1.1")
    chain.settle()
    for taker in chain.all:
        taker.now_ms += PARKED_MS + 1_000
    chain.settle()
    assert [(one.event, one.outcome) for one in first.order().reports] == [("return", "late")]
    assert sum(quarantined(chain).values()) == 1


def test_two_returns_under_two_keys_both_count() -> None:
    chain = Chain()
    hub, _, second = chain.sold_at_store_1()
    for store in (second, chain.stores[2]):
        bring(store)
    chain.settle()
    assert sold(hub) == 1
    assert quarantined(chain) == {"store-2": 1, "store-3": 1}


def test_a_return_told_at_a_hub_is_passed_to_the_store_that_takes_it() -> None:
    chain = Chain()
    hub, first, _ = chain.sold_at_store_1()
    assert order_answer(bring(hub).content).waiting == "asked"
    chain.settle()
    assert (sold(hub), quarantined(chain)) == (2, {"store-1": 1})
    assert first.order().reports == []


def test_a_return_told_at_two_hubs_under_one_key_counts_once() -> None:
    chain = Chain()
    hub, _, _ = chain.sold_at_store_1()
    for taker in chain.hubs:
        bring(taker, "k-1")
    chain.settle()
    assert (sold(hub), quarantined(chain)) == (2, {"store-1": 1})


def test_a_return_told_at_a_hub_and_taken_at_a_store_counts_once() -> None:
    for is_hub_first in (True, False):
        chain = Chain()
        hub, first, second = chain.sold_at_store_1()
        bring(hub, "k-1")
        bring(second, "k-1")
        if is_hub_first:
            chain.settle(hub, first)
        chain.settle()
        assert sold(first) == 2
        assert sum(quarantined(chain).values()) == 1


def test_goods_from_a_warehouse_are_taken_by_a_store_and_counted_by_the_hub() -> None:
    chain = Chain()
    hub = chain.hubs[0]
    hub.place("o-1", PlacedLine(3, "cola", location="w-1"), paid=True)
    hub.happen("ship")
    bring(chain.stores[1], cola=3)
    chain.settle()
    assert (hub.order().state, sold(hub), quarantined(chain)) == ("returned", 0, {"store-2": 3})
    hub.check()


def test_more_than_was_sold_stands_and_is_reported() -> None:
    chain = Chain()
    hub, first, second = chain.sold_at_store_1()
    bring(second, cola=4)
    chain.settle()
    assert (sold(first), quarantined(chain)) == (3, {"store-2": 4})
    for taker in (hub, first):
        assert [(one.event, one.outcome) for one in taker.order().reports] == [("return", "excess")]


def test_goods_whose_collection_has_not_arrived_wait_at_the_owner() -> None:
    chain = Chain()
    first, second = chain.stores[:2]
    first.place("o-1", PlacedLine(3, "cola"), ttl_s=900)
    chain.settle()
    bring(second, fulfilment="store-1.1")
    chain.settle()
    assert first.order().state == "held"
    first.happen("collect")
    chain.settle()
    assert (sold(first), quarantined(chain)) == (2, {"store-2": 1})


def test_goods_of_an_order_that_nobody_knows_stay_in_view() -> None:
    chain = Chain()
    second = chain.stores[1]
    bring(second)
    second.now_ms += 10 * 3_600_000
    chain.settle()
    for taker in (second, *chain.hubs):
        assert [(one.reason, one.until) for one in waiting_answers(taker.order())] == [("unknown-order", None)]
    chain.stores[0].place("o-1", PlacedLine(3, "cola"))
    chain.stores[0].happen("collect")
    chain.settle()
    assert (sold(chain.hubs[0]), chain.hubs[0].order().waiting) == (2, [])


def test_a_return_of_an_order_of_several_locations_counts_at_one_of_them() -> None:
    chain = Chain()
    east, west = chain.hubs
    east.place("o-1", PlacedLine(2, "cola", location="w-1"), PlacedLine(3, "cola", location="w-2"), paid=True)
    east.happen("ship")
    chain.settle()
    second = chain.stores[1]
    bring(second, cola=3)
    second.tell(west)
    assert [one for one in west.order().parked if one.passes_on] == []  # the hub that placed the order chooses
    chain.settle()
    assert [sum(one.quantity for one in part.sold) for part in east.order().fulfilments.values()] == [2, 0]
    assert quarantined(chain) == {"store-2": 3}


def test_a_return_without_lines_needs_them_where_the_order_is_unknown() -> None:
    chain = Chain()
    _, _, second = chain.sold_at_store_1()
    with pytest.raises(Invalid) as refused:
        second.happen("return")
    assert refused.value.field == "lines"


def test_a_bundle_that_comes_back_elsewhere_is_taken_by_its_items() -> None:
    chain = Chain()
    second = chain.stores[1]
    write_sku(second, "crate", {"cola": 6})
    second.happen("return", lines=lines(crate=1))
    assert second.replica.ledger.stock("store-2", "cola").figures.quarantined == 6


def test_only_the_owner_hands_goods_out() -> None:
    chain = Chain()
    chain.stores[0].place("o-1", PlacedLine(3, "cola"))
    chain.settle()
    for event in ("ship", "collect"):
        with pytest.raises(NotOwner):
            chain.hubs[0].happen(event)


def test_goods_taken_back_are_told_again_after_a_restart() -> None:
    chain = Chain()
    hub, _, second = chain.sold_at_store_1()
    entry = bring(second)
    hub.replica.orders.apply(entry)
    again = type(hub.replica.orders)("hub-east")
    again.load(hub.replica.orders.take_changes())
    assert again.due(hub.now_ms, 9) == ["o-1"]
    assert decode(entry.content) is not None


def test_goods_that_left_as_a_part_are_counted_at_that_part() -> None:
    chain = Chain()
    first, second = chain.stores[:2]
    first.place("o-1", PlacedLine(3, "cola"))
    first.happen("collect", lines=lines(cola=2))
    chain.settle()
    bring(second, cola=2)
    chain.settle()
    for taker in (*chain.hubs, first):
        found = {name: (one.state, dict(one.lines)) for name, one in taker.order().fulfilments.items()}
        assert found == {"store-1.1": ("held", {"cola": 1}), "store-1.1-1": ("returned", {})}
        assert taker.order().reports == taker.order().waiting == []
    assert quarantined(chain) == {"store-2": 2}


def test_a_return_told_at_a_hub_of_units_that_several_parts_have_needs_a_fulfilment() -> None:
    chain = Chain()
    first = chain.stores[0]
    first.place("o-1", PlacedLine(3, "cola"))
    first.happen("collect", lines=lines(cola=2))
    first.happen("collect")
    chain.settle()
    with pytest.raises(Invalid) as refused:
        bring(chain.hubs[0], cola=3)
    assert refused.value.field == "fulfilment"
    assert order_answer(bring(chain.hubs[0], cola=2, fulfilment="store-1.1-1").content).waiting == "asked"
    chain.settle()
    assert (sold(first), quarantined(chain)) == (1, {"store-1": 2})


def test_units_that_another_node_handed_out_are_taken_at_the_counter_of_a_store() -> None:
    chain = Chain()
    hub, store = OrderTaker("hub-east", store_1={"cola": 5}), chain.stores[0]
    hub.place("o-1", PlacedLine(3, "cola"))
    hub.happen("collect", lines=lines(cola=2))
    hub.happen("pay")
    hub.ask(Handover("o-1", "hub-east.1", "store-1"))
    hub.tell(store)
    answer = order_answer(bring(store, cola=2).content)
    assert [(one.sku, one.quantity) for one in answer.taken_back] == [("cola", 2)]
    for _ in range(2):
        store.tell(hub)
        hub.keep_up()
        hub.tell(store)
        store.keep_up()
    found = {name: (one.state, dict(one.lines)) for name, one in hub.order().fulfilments.items()}
    assert found == {"hub-east.1": ("reserved", {"cola": 1}), "hub-east.1-1": ("returned", {})}
    assert store.replica.ledger.stock("store-1", "cola").figures.quarantined == 2
    assert store.order().waiting == store.order().reports == []


def test_an_early_return_of_a_whole_order_counts_at_each_of_its_fulfilments() -> None:
    hub = Chain().hubs[0]
    hub.happen("return")
    hub.place("o-1", PlacedLine(2, "cola", location="w-1"), PlacedLine(3, "cola", location="w-2"), paid=True)
    hub.happen("ship")
    hub.keep_up()
    assert (hub.order().state, sold(hub), hub.order().reports) == ("returned", 0, [])
    hub.check()
