"""Orders of one day agree with the model. With a bug planted, some answer or entry of the same day does not."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simulations.mutations.mutation import slip
from tests.reference.comparison import Comparison, compare

ORDERS = "replica.core.orders"


def some(**quantities: int) -> list[dict[str, Any]]:
    return [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]


def tell(store: Comparison, order: str, event: str, **more: Any) -> None:
    store.write(f"/v1/orders/{order}/events", {"event": event, **more})
    store.get(f"/v1/orders/{order}")


def bring_back_from_two_parts(store: Comparison) -> None:
    store.write("/v1/holds", {"order": "g", "lines": some(apple=4), "paid": True})
    tell(store, "g", "collect", lines=some(apple=2))
    tell(store, "g", "ship")
    tell(store, "g", "return", lines=some(apple=3))


def exchange(store: Comparison) -> None:
    """Units for others: within the free units, with those that are given back, past both, and too early."""
    store.publish("cup", {"recipe": {"cup": 1}})
    store.write("/v1/receipts", {"lines": [{"item": "cup", "quantity": 6}]})
    store.write("/v1/holds", {"order": "h", "lines": some(cup=4, apple=1), "paid": True})
    tell(store, "h", "exchange", lines=some(cup=1), replacement=some(cup=2))
    tell(store, "h", "exchange", lines=some(cup=4), replacement=some(cup=5))
    tell(store, "h", "exchange", lines=some(cup=1), replacement=some(cup=3))
    tell(store, "h", "exchange", number=2, lines=some(cup=1), replacement=some(cup=9))
    tell(store, "h", "exchange", number=1, lines=some(apple=1), replacement=some(apple=1))
    store.get("/v1/stock/cup")


def play_a_day(store: Comparison) -> None:
    """Orders are held, paid, divided, collected, brought back and forgotten, also in the wrong order."""
    recipes = {"apple": {"apple": 1}, "bolt": {"bolt": 1}, "duo": {"apple": 1, "bolt": 2}}
    for sku, recipe in recipes.items():
        store.publish(sku, {"recipe": recipe, "barcodes": [f"plu-{sku}"]})
    store.write("/v1/receipts", {"lines": [{"item": "apple", "quantity": 30}, {"item": "bolt", "quantity": 24}]})
    store.write("/v1/holds", {"order": "a", "lines": some(duo=8, bolt=12)})
    store.write("/v1/holds", {"order": "a", "lines": some(duo=2, apple=3), "durability": "region"})
    first = store.write("/v1/holds", {"order": "a", "lines": some(duo=2, apple=3), "ttl_s": 60}, "first")
    assert store.write("/v1/holds", {"order": "a", "lines": some(duo=2, apple=3), "ttl_s": 60}, "first") == first
    store.write("/v1/holds", {"order": "a", "lines": some(duo=2, apple=3), "ttl_s": 60})
    store.write("/v1/holds", {"order": "a", "lines": some(duo=1)})
    store.publish("duo", {"recipe": {"apple": 2}})
    tell(store, "a", "adjust", lines=some(apple=1))
    tell(store, "a", "pay", number=1)
    tell(store, "a", "ship", number=3)
    tell(store, "a", "pick", number=2)
    tell(store, "a", "cancel")
    tell(store, "a", "return", lines=some(duo=1))
    tell(store, "a", "return", lines=some(duo=2))
    tell(store, "a", "return")
    tell(store, "a", "return")
    store.write("/v1/holds", {"order": "b", "lines": some(bolt=9, apple=2), "paid": True, "partial": True})
    for event in ("collect", "cancel"):
        tell(store, "b", event, lines=some(bolt=2))
    tell(store, "b", "ship", lines=[{"sku": "bolt", "quantity": 90}])
    tell(store, "b", "collect", fulfilment="store-1.1")
    tell(store, "b", "return", lines=some(bolt=7))
    tell(store, "b", "pay", fulfilment="store-1.7")
    tell(store, "c", "pay")
    tell(store, "d", "ship")
    store.write("/v1/holds", {"order": "c", "lines": some(bolt=40), "partial": True, "ttl_s": 1})
    store.write("/v1/holds", {"order": "e", "lines": [{"barcode": "plu-apple", "quantity": 3}], "ttl_s": 2})
    store.run(asyncio.sleep(2.001))
    store.write("/v1/holds", {"order": "e", "lines": [{"barcode": "plu-apple", "quantity": 3}], "ttl_s": 2})
    store.keep_orders()
    store.write("/v1/holds", {"order": "f", "lines": some(apple=4), "ttl_s": 60})
    tell(store, "f", "pay", number=1)
    tell(store, "f", "collect", lines=some(apple=1))
    tell(store, "f", "return", fulfilment="store-1.1-1", number=1)
    bring_back_from_two_parts(store)
    exchange(store)
    for order in "abcdefgh":
        store.get(f"/v1/orders/{order}")
    store.get("/v1/exceptions")
    store.run(asyncio.sleep(3_600.0))
    store.keep_orders()
    store.get("/v1/orders/d")
    store.get("/v1/exceptions")
    store.clock.step(-120_000)
    tell(store, "g", "pick")
    store.get("/v1/exceptions")
    store.get("/v1/stock")


BUGS = {
    "a release gives back the first item of a recipe only": slip(
        f"{ORDERS}.context:moves_of", ("allocation.recipe", "allocation.recipe[:1]")
    ),
    "a part that was cancelled is with the customer": slip(
        f"{ORDERS}.effects:_split", ("if part.nature is Nature.HANDED_OUT:", "if True:")
    ),
    "a repeated placement forgets when it expires": slip(
        f"{ORDERS}.placement:_place_again", ("min([one.expires_ms for one in begun if one.expires_ms], default=0)", "0")
    ),
    "a hold that is due is promised again": slip(
        f"{ORDERS}.placement:_as_of_now", ("is_due = 0 <", "is_due = False and 0 <")
    ),
    "a hold never expires": slip(
        f"{ORDERS}.events:_next_due", ("to = context.machine.step(fulfilment.state, EXPIRE)", "to = None")
    ),
    "an early event is reported at once": slip(
        f"{ORDERS}.parking:park", ("context.now_ms + PARKED_MS", "context.now_ms")
    ),
    "a number that skips one does not wait": slip(
        f"{ORDERS}.transitions:judge", ("if event.number > known + 1:", "if False:")
    ),
    "a part begins its numbers anew": slip(
        f"{ORDERS}.effects:_split", ("max(facts.number, whole.number)", "facts.number")
    ),
    "a return of everything may come twice": slip(
        f"{ORDERS}.transitions:judge", ("and not fulfilment.sold:", "and False:")
    ),
    "an order of several lines takes the rights of each line alone": slip(
        f"{ORDERS}.sourcing:Rights.take", ("-= units * quantity", "-= 0")
    ),
    "a store promises that another region has an order": slip(
        "replica.runtime.http.orders_api:OrdersApi._checked", ('placement.durability != "local"', "False")
    ),
    "a return of several parts is counted at each of them": slip(
        f"{ORDERS}.transitions:spread", ("missing[index] -= units", "missing[index] -= 0")
    ),
    "a report shows the stamp of a clock that was wrong": slip(
        f"{ORDERS}.effects:_report", ("wall_ms=wall_of(content)", "wall_ms=0")
    ),
    "the refusal of an event names no state": slip(
        "replica.runtime.http.order_answers:check_happened", ("state = states.get(facts.fulfilment)", 'state = ""')
    ),
    "an exchange may not take what it gives back": slip(
        f"{ORDERS}.exchanges:take_instead", ("units(location, item) + of_items.get(item, 0)", "units(location, item)")
    ),
    "an exchange that comes too early and finds too little is impossible": slip(
        f"{ORDERS}.parking:settle", ("outcome = SHORT", "outcome = IMPOSSIBLE")
    ),
    "the answer to a part shows the rest as it was": slip(
        f"{ORDERS}.events:_after",
        ("allocations=left).shown(), part", "allocations=fulfilment.allocations).shown(), part"),
    ),
}
"""Mistakes that a store can make with its orders."""


def test_orders_of_a_day_agree_with_the_model() -> None:
    compare(play_a_day)


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_of_orders_is_seen(name: str) -> None:
    with pytest.raises(AssertionError):
        compare(play_a_day, BUGS[name])


def test_exceptions_are_in_the_same_order_after_a_restart() -> None:
    """The orders are placed in one order, and get their reports and waiting events in the other one."""
    store = Comparison()
    try:
        store.publish("apple", {"recipe": {"apple": 1}})
        store.write("/v1/receipts", {"lines": [{"item": "apple", "quantity": 5}]})
        for order in ("a", "b"):
            store.write("/v1/holds", {"order": order, "lines": some(apple=1)})
        for order in ("b", "a"):
            store.run(asyncio.sleep(0.01))
            tell(store, order, "ship")
        for order in ("b", "a"):
            tell(store, order, "pay")
            tell(store, order, "pick")
        for one in store.served[1:]:
            store.run(one.stop())
            store.run(one.start())
        for limit in ("1", "100"):
            store.get("/v1/exceptions", limit=limit)
    finally:
        store.close()
