"""A day of a store and its hub agrees with the model. With a bug planted, some answer or entry of the day does not."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from simulations.mutations.mutation import Edit, Mutation, planted, slip
from tests.reference.serving import LOCATION, WAREHOUSE
from tests.reference.two_nodes import Side, TwoNodes

ORDERS = "replica.core.orders"
DOCUMENTS = "/v1/documents"


def some(*places: str, **quantities: int) -> list[dict[str, Any]]:
    """Lines; all of one location if one is named."""
    return [
        {"sku": sku, "quantity": quantity, **({"location": places[0]} if places else {})}
        for sku, quantity in quantities.items()
    ]


def play_a_day(nodes: TwoNodes) -> None:
    """The hub sells stock of the store and of its warehouse. Entries arrive late, and one order is placed twice."""
    store, hub = nodes.sides
    for sku, recipe in {"apple": {"apple": 1}, "bolt": {"bolt": 1}, "duo": {"apple": 1, "bolt": 2}}.items():
        nodes.write(hub, f"{DOCUMENTS}/sku/{sku}", {"recipe": recipe}, method="PUT")
    nodes.exchange()
    goods = {"lines": [{"item": "apple", "quantity": 12}, {"item": "bolt", "quantity": 9}]}
    nodes.write(store, "/v1/receipts", goods)
    nodes.write(hub, f"/v1/receipts?location={WAREHOUSE}", goods)
    nodes.write(hub, "/v1/orders", {"order": "early", "lines": some(LOCATION, apple=1)})
    nodes.write(store, "/v1/grants", {"to": "hub-east", "lines": [{"item": "apple", "quantity": 7}]})
    nodes.write(store, "/v1/grants", {"to": "hub-east", "lines": [{"item": "bolt", "quantity": 5}]})
    nodes.run(store.give(hub, 2))
    twice = {"order": "twice", "lines": some(LOCATION, apple=1)}
    nodes.write(store, "/v1/holds", twice, "twice")
    nodes.run(asyncio.sleep(0.01))
    nodes.write(hub, "/v1/orders", twice, "twice-at-the-hub")
    nodes.write(hub, "/v1/orders", {"order": "apart", "lines": some(apple=1)})
    nodes.run(asyncio.sleep(0.01))
    nodes.write(store, "/v1/holds", {"order": "apart", "lines": some(apple=1)})
    nodes.write(hub, f"{DOCUMENTS}/policy/location:{WAREHOUSE}", {"mode": "safety", "safety_stock": 4}, method="PUT")
    nodes.write(hub, "/v1/orders", {"order": "a", "lines": some(bolt=6, duo=1)})
    nodes.run(store.give(hub, 9))
    nodes.write(hub, f"{DOCUMENTS}/policy/item:apple", {"mode": "share", "channels": {"web": 0.5}}, method="PUT")
    nodes.write(hub, "/v1/orders", {"order": "d", "lines": some(LOCATION, apple=1), "channel": "web"})
    nodes.write(hub, "/v1/orders", {"order": "d", "lines": some(LOCATION, apple=1), "channel": "mall"})
    nodes.write(hub, "/v1/orders", {"order": "b", "lines": some(duo=3, apple=2), "paid": True})
    nodes.write(hub, "/v1/orders", {"order": "c", "lines": [*some(LOCATION, apple=3), *some(apple=6)], "ttl_s": 60})
    nodes.get(hub, "/v1/availability/duo")
    nodes.write(hub, f"/v1/grants?location={LOCATION}", {"to": LOCATION, "lines": [{"item": "apple", "quantity": 9}]})
    nodes.write(hub, f"/v1/grants?location={LOCATION}", {"to": LOCATION, "lines": [{"item": "bolt", "quantity": 1}]})
    nodes.write(hub, "/v1/orders", {"order": "b", "lines": some(duo=3, apple=2), "paid": True}, "again")
    nodes.run(hub.give(store, 3))
    nodes.write(store, "/v1/sales", {"lines": some(duo=2), "on_shortage": "refuse"})
    nodes.write(store, "/v1/sales", {"lines": some(duo=2, apple=4)})
    for order, event in (("b", "ship"), ("c", "cancel"), ("unheard-of", "pay")):
        nodes.write(hub, f"/v1/orders/{order}/events", {"event": event})
    nodes.come_to_rest()
    nodes.write(hub, "/v1/orders", twice, "twice-at-the-hub")
    for path in ("stock", "status", "journal"):
        nodes.get(store, f"/v1/{path}", limit="1000")
    for path in (f"stock/{LOCATION}", f"stock/{WAREHOUSE}/apple", "status", "journal", "availability/apple"):
        nodes.get(hub, f"/v1/{path}", limit="1000")
    nodes.run(hub.restart())
    nodes.get(hub, "/v1/availability/duo", channel="web")


def tell(nodes: TwoNodes, side: Side, order: str, event: str, key: str = "", **more: Any) -> dict[str, Any]:
    """Report an event of an order. Returns the answer."""
    shown: dict[str, Any] = nodes.write(side, f"/v1/orders/{order}/events", {"event": event, **more}, key)
    return shown


def report_events(nodes: TwoNodes) -> None:
    """Events of orders reach the node that owns all, some or none of their fulfilments."""
    store, hub = nodes.sides
    for sku in ("cup", "jar"):
        nodes.write(hub, f"{DOCUMENTS}/sku/{sku}", {"recipe": {sku: 1}}, method="PUT")
    nodes.exchange()
    goods = {"lines": [{"item": "cup", "quantity": 20}, {"item": "jar", "quantity": 9}]}
    nodes.write(store, "/v1/receipts", goods)
    nodes.write(hub, f"/v1/receipts?location={WAREHOUSE}", goods)
    nodes.write(store, "/v1/grants", {"to": "hub-east", "lines": [{"item": "cup", "quantity": 12}]})
    nodes.exchange()
    report_events_of_two_places(nodes)
    hand_over_and_bring_back(nodes)
    bring_back_shares(nodes)


def report_events_of_two_places(nodes: TwoNodes) -> None:
    _, hub = nodes.sides
    nodes.write(hub, "/v1/orders", {"order": "all", "lines": some(LOCATION, cup=12)})
    tell(nodes, hub, "all", "exchange", lines=some(cup=12), replacement=some(cup=11))
    tell(nodes, hub, "all", "cancel")
    both = [*some(LOCATION, cup=2), *some(WAREHOUSE, cup=2)]
    nodes.write(hub, "/v1/orders", {"order": "two", "lines": both, "ttl_s": 900})
    assert tell(nodes, hub, "two", "adjust", lines=some(cup=1))["field"] == "fulfilment"
    assert tell(nodes, hub, "two", "adjust", lines=some(cup=1), number=1)["field"] == "fulfilment"
    assert tell(nodes, hub, "two", "adjust", lines=some(cup=1), fulfilment="hub-east.9")["type"] == "not-found"
    for _ in range(2):
        tell(nodes, hub, "two", "adjust", lines=some(cup=1), fulfilment="hub-east.1", number=1)
    tell(nodes, hub, "two", "exchange", lines=some(cup=2), replacement=some(jar=1), fulfilment="hub-east.2")
    tell(nodes, hub, "two", "collect", fulfilment="hub-east.1")
    assert len(tell(nodes, hub, "two", "pay")["outcomes"]) == 2
    assert tell(nodes, hub, "two", "pay", fulfilment="hub-east.1")["type"] == "invalid-transition"


def hand_over_and_bring_back(nodes: TwoNodes) -> None:
    store, hub = nodes.sides
    nodes.write(hub, "/v1/orders", {"order": "paid", "lines": some(LOCATION, cup=3), "paid": True})
    nodes.exchange()
    assert tell(nodes, hub, "paid", "ship")["type"] == "not-owner"
    assert tell(nodes, hub, "paid", "cancel", lines=some(cup=1))["waiting"] == "asked"
    tell(nodes, store, "paid", "collect", lines=some(cup=2))
    nodes.exchange()
    assert tell(nodes, hub, "paid", "return", fulfilment="hub-east.1-1")["waiting"] == "asked"
    assert tell(nodes, hub, "paid", "pay", fulfilment="hub-east.1-2")["reason"] == "unknown-fulfilment"
    assert tell(nodes, store, "paid", "pay", fulfilment="hub-east.1-2")["type"] == "not-found"
    assert tell(nodes, store, "never-heard-of", "return")["field"] == "lines"
    assert "taken_back" in tell(nodes, store, "never-heard-of", "return", lines=some(jar=2))


def bring_back_shares(nodes: TwoNodes) -> None:
    """One order is placed at both nodes. Its goods come back together, and the hub owns a part of them."""
    store, hub = nodes.sides
    nodes.write(hub, "/v1/orders", {"order": "shared", "lines": some(LOCATION, cup=2)})
    nodes.write(store, "/v1/holds", {"order": "shared", "lines": some(cup=1)})
    for side in nodes.sides:
        tell(nodes, side, "shared", "collect")
    nodes.exchange()
    first = tell(nodes, store, "shared", "return", "back")
    assert [one["outcome"] for one in first["outcomes"]] == ["asked", "happened"]
    assert tell(nodes, store, "shared", "return", "back") == first


def compare(*edits: Edit) -> None:
    """Play the day, with a bug planted if there are edits. Raises AssertionError if a node differs from its model."""
    with ExitStack() as stack:
        nodes = TwoNodes()
        stack.callback(nodes.close)
        if edits:
            stack.enter_context(planted(Mutation(name="", breaks="", invariant=0, expected=(), edits=edits)))
        play_a_day(nodes)
        report_events(nodes)


BUGS = {
    "a hub refuses the last unit": slip(f"{ORDERS}.sources:Source.standing", ("max(0, stock", "max(0, -1 + stock")),
    "an order of no location is looked for in the warehouse only": slip(
        f"{ORDERS}.sourcing:candidates", ("*own, *sorted(there)]", "*own]")
    ),
    "a hub promises what its warehouse keeps back": slip(
        f"{ORDERS}.sources:Source.standing", ("(taken_from) - kept", "(taken_from)")
    ),
    "an order of a channel takes what is free": slip(
        f"{ORDERS}.sources:Source._account", ("if has_quota else", "if False else")
    ),
    "a further location of an order is not the one that has most": slip(
        f"{ORDERS}.sourcing:_richest", ("-one[1], one[0])", "one[1], one[0])")
    ),
    "a hub shows what is free as guaranteed": slip(
        f"{ORDERS}.sources:Source.units_of_all", (" - self._kept(location, item)", "")
    ),
    "a grant is not checked": slip(
        "replica.core.rights.grants:prepare_grant", ("check_covered(view, view.free, taken)", "pass")
    ),
    "a hub answers with the placement that lost": slip(
        f"{ORDERS}.fold:Orders.as_placed", ("if won is None or won.entry == entry.hash:", "if True:")
    ),
    "nobody tells a store that another placement won": slip(
        f"{ORDERS}.order:_teller", ('return "" if', "return node if")
    ),
    "an event of an unknown order says that it is early": slip(
        "replica.runtime.http.order_answers:_reason", ("if not known:", "if False:")
    ),
    "the stock of a hub shows the rights of all nodes": slip(
        "replica.runtime.http.answers:stock_answer", ("rights_of(replica.node, balances)", "figures.available")
    ),
    "an event of an unknown fulfilment waits at a store, too": slip(
        f"{ORDERS}.parking:check_may_come", ("is_placed or is_part", "is_placed or not hears_all or is_part")
    ),
    "a hub passes each event on to the owner": slip(
        f"{ORDERS}.events:_check_owner", ("if event.event in (CANCEL, RETURN):", "if True:")
    ),
    "a number that comes again happens again": slip(
        f"{ORDERS}.transitions:judge", ("if event.number <= (known", "if event.number < (known")
    ),
    "lines that two fulfilments have happen to the first": slip(
        f"{ORDERS}.events:_lines_for", ("if len(having) == 1:", "if having:")
    ),
    "an exchange takes free units first, and those that it gives back never": slip(
        f"{ORDERS}.exchanges:_draw", ("if pool.is_given_back:", "if False:")
    ),
    "a return that another node shares has no answer when it is sent again": slip(
        f"{ORDERS}.events:_answering", ("if answering.request.event != event else None", "if False else None")
    ),
}
"""Mistakes in what a hub promises, refuses and shows, and in events of orders."""


def test_a_day_of_a_store_and_its_hub_agrees_with_the_model() -> None:
    compare()


@pytest.mark.parametrize("name", BUGS)
def test_a_bug_of_two_nodes_is_seen(name: str) -> None:
    with pytest.raises(AssertionError):
        compare(BUGS[name])
