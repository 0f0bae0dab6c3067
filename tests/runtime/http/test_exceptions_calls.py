"""GET /v1/exceptions, at stores and at hubs: requests that two nodes accepted, and keys used for two requests."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

from replica.core.orders.facts import voids_of
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.kinds import LocationRequest
from replica.runtime.driver import Ingress
from replica.runtime.http import exception_answers
from replica.runtime.http.exception_answers import exceptions
from tests.callers import Caller
from tests.core.chain import NOW_MS, Node, receipt, sale
from tests.core.shuffled import OrderTaker

COLA = {"lines": [{"item": "cola", "quantity": 5}]}


def elsewhere(location: str) -> Node:
    """Another node that writes for a location, and does not know the node under test."""
    return Node("hub-elsewhere", (location,), None, "hub")


async def deliver(caller: Caller, other: Node, location: str) -> None:
    """Deliver the entries of the other node."""
    other.commit()
    await (await caller.node.driver.take_in(other.runs(location), Ingress()))


async def accept_twice(
    caller: Caller, location: str, request: LocationRequest, now_ms: int, path: str, body: Any
) -> Node:
    """Have two nodes accept one request under one key. The entry of the other node arrives last."""
    other = elsewhere(location)
    other.ask(request, "till-1", now_ms)
    await caller.good(path, body, key="till-1")
    await deliver(caller, other, location)
    return other


async def test_duplicate_of_a_request_at_another_node_is_voided_and_listed(store: Caller) -> None:
    other = await accept_twice(store, "store-1", receipt(cola=5), 1_000, "/v1/receipts", {"lines": [COLA["lines"][0]]})
    found = await store.good("/v1/exceptions")
    (conflict,) = found["key_conflicts"]  # a request by item and one by SKU are different
    assert (found["duplicates"], conflict["key"], conflict["requests"]) == ([], "till-1", ["receipt", "receipt"])
    assert conflict["order"] == ""
    assert [side["node"] for side in conflict["sides"]] == ["store-1", "hub-elsewhere"]
    other.ask(sale(cola=2), "till-2", 1_001)
    lost = await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 2}]}, key="till-2")
    await deliver(store, other, "store-1")
    (found,) = (await store.good("/v1/exceptions"))["duplicates"]
    assert (found["key"], found["request"], found["lost"]["movement"]) == ("till-2", "sale", lost["movement"])
    assert (found["standing"]["node"], found["lost"]["node"]) == ("hub-elsewhere", "store-1")
    page = await store.good("/v1/journal?limit=100")
    (void,) = [entry for entry in page["entries"] if entry["kind"] == "void"]
    assert (void["hash"], void["key"]) == (found["void"], f"void:{lost['movement']}")
    assert (await store.good("/v1/stock/cola"))["on_hand"] == 5 + 5 - 2
    again = await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 2}]}, key="till-2")
    assert again["movement"] == found["standing"]["movement"]


async def test_duplicates_are_shown_after_a_restart(hub: Caller, tmp_path: Path) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    body = {"lines": [{"sku": "cola", "quantity": 5}]}
    await accept_twice(hub, "w-1", receipt(cola=5), 1_000, "/v1/receipts?location=w-1", body)
    before = await hub.good("/v1/exceptions")
    assert len(before["duplicates"]) == 1
    hub.node.replica.restore(await hub.node.journal.load())
    assert await hub.good("/v1/exceptions") == before


async def test_order_placed_at_two_hubs_is_listed_once(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    body = {"lines": [{"sku": "cola", "quantity": 5}]}
    await hub.good("/v1/receipts?location=w-1", body)
    other = elsewhere("w-1")
    other.ask(receipt(cola=5), "stock", 1_000)
    for order, quantity in (("web-1", 2), ("web-2", 3)):
        asked = Placement(order=order, lines=(PlacedLine(quantity, "cola"),))
        decisions.execute(other.replica, Command("", asked, f"{order}-key".encode()), 1_000)
        placed = {"order": order, "lines": [{"sku": "cola", "quantity": 2}]}
        await hub.good("/v1/orders", placed, key=f"{order}-key")
    await deliver(hub, other, "w-1")
    found = await hub.good("/v1/exceptions")
    (duplicate,) = found["duplicates"]
    assert (duplicate["order"], duplicate["standing"]["node"], duplicate["lost"]["node"]) == (
        "web-1",
        "hub-elsewhere",
        "hub-east",
    )
    assert duplicate["void"] is not None
    (conflict,) = found["key_conflicts"]
    assert (duplicate["key"], conflict["key"], conflict["order"]) == ("web-1-key", "web-2-key", "web-2")
    shown = await hub.good("/v1/orders/web-1")
    assert {one["owner"]: (one["state"], one["is_duplicate"]) for one in shown["fulfilments"]} == {
        "hub-elsewhere": ("held", False),
        "hub-east": ("cancelled", True),
    }


async def test_key_that_two_hubs_accepted_for_different_orders_is_listed(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    await hub.good("/v1/receipts?location=w-1", COLA)
    other = elsewhere("w-1")
    other.ask(receipt(cola=5), "stock", 1_000)
    decisions.execute(
        other.replica, Command("", Placement(order="web-1", lines=(PlacedLine(1, "cola"),)), b"basket"), 1_000
    )
    other.ask(sale(cola=1), "payment", 1_000)
    lines = [{"sku": "cola", "quantity": 1}]
    for order, key in (("web-2", "basket"), ("web-3", "payment")):
        await hub.good("/v1/orders", {"order": order, "lines": lines}, key=key)
    await deliver(hub, other, "w-1")
    found = await hub.good("/v1/exceptions")
    assert found["duplicates"] == []
    assert {one["key"]: one["requests"] for one in found["key_conflicts"]} == {
        "basket": ["order", "order"],
        "payment": ["order", "sale"],
    }


async def test_a_page_has_so_many_orders_with_waiting_events_and_says_if_there_are_more(hub: Caller) -> None:
    for order in ("web-1", "web-2"):
        await hub.write(f"/v1/orders/{order}/events", {"event": "ship"})
    found = [await hub.good(f"/v1/exceptions?limit={limit}") for limit in (1, 2)]
    assert [(len(one["waiting"]), one["truncated"]) for one in found] == [(1, True), (2, False)]


def test_exceptions_of_one_moment_are_in_order_of_names() -> None:
    rows = [(2, "b", "later"), (2, "a", "sooner"), (1, "c", "first"), (2, "b", "again")]
    assert exception_answers._newest(rows, 9) == ["first", "sooner", "later", "again"]
    assert exception_answers._newest(rows, 2) == ["later", "again"]


async def test_a_key_that_only_nodes_make_is_refused(store: Caller) -> None:
    status, problem = await store.write("/v1/receipts", COLA, key="void:00")
    assert (status, problem["field"]) == (422, "Idempotency-Key")


def test_the_list_costs_the_same_however_many_orders_have_reports() -> None:
    costs = []
    for number in (20, 200):
        taker = OrderTaker("hub-east", w_1={"cola": 1_000})
        for index in range(number):
            taker.place(f"o-{index}", paid=True)
            taker.happen("pay", f"o-{index}")
            taker.commit()
        calls: Counter[str] = Counter()
        sys.setprofile(lambda frame, kind, _, calls=calls: calls.update([kind]))
        try:
            found = exceptions(taker.replica, {}, [], 10, now_ms=NOW_MS)
        finally:
            sys.setprofile(None)
        assert ([one.order for one in found.reports], found.truncated) == (
            [f"o-{number - 10 + at}" for at in range(10)],
            True,
        )
        costs.append(calls["call"] + calls["c_call"])
    assert costs[1] < 1.5 * costs[0]


def test_orders_placed_twice_do_not_push_reports_off_a_page() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("hub-west", w_2={"cola": 10})
    east.place("o-1", paid=True)
    east.happen("pay", "o-1")
    for taker in (east, west):
        taker.place("o-2")
    west.tell(east)
    found = exceptions(east.replica, {}, [], 1, now_ms=NOW_MS)
    assert [one.order for one in found.reports] == ["o-1"]
    assert [one.order for one in found.duplicates] == ["o-2"]


def test_a_page_of_duplicates_has_the_newest_of_orders_and_of_other_requests() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("hub-west", w_1={"cola": 10})
    for taker in (east, west):
        taker.place("o-1")
    east.now_ms, west.now_ms = east.now_ms + 1_000, west.now_ms + 1_000
    for taker in (east, west):
        decisions.execute(taker.replica, Command("w-1", receipt(cola=1), b"later"), taker.now_ms)
    west.tell(east)
    assert [one.request for one in exceptions(east.replica, {}, [], 2, now_ms=NOW_MS).duplicates] == [
        "order",
        "receipt",
    ]
    assert [one.request for one in exceptions(east.replica, {}, [], 1, now_ms=NOW_MS).duplicates] == ["receipt"]


def test_a_page_of_duplicates_is_the_end_of_the_whole_list_also_after_a_clock_was_set_back() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 90}), OrderTaker("hub-west", w_1={"cola": 90})
    for number, back in enumerate((0, 0, NOW_MS - 1_000, 500)):
        for taker in (east, west):
            taker.now_ms = NOW_MS + number - back
            taker.place(f"alike-{number}", PlacedLine(1, "cola"))
        east.place(f"unlike-{number}", PlacedLine(1, "cola"))
        west.place(f"unlike-{number}", PlacedLine(2, "cola"))
        for taker in (east, west):
            decisions.execute(taker.replica, Command("w-1", receipt(cola=1), b"same-%d" % number), taker.now_ms)
        for taker, units in ((east, 1), (west, 2)):
            request = receipt(cola=units)
            decisions.execute(taker.replica, Command("w-1", request, b"other-%d" % number), taker.now_ms)
    west.tell(east)
    whole = exceptions(east.replica, {}, [], 100, now_ms=NOW_MS)
    assert (len(whole.duplicates), len(whole.key_conflicts)) == (8, 8)
    for limit in range(1, 9):
        page = exceptions(east.replica, {}, [], limit, now_ms=NOW_MS)
        assert page.duplicates == whole.duplicates[-limit:]
        assert page.key_conflicts == whole.key_conflicts[-limit:]


def test_the_void_of_an_order_is_listed_also_after_a_later_event_of_what_it_undid() -> None:
    east, west = OrderTaker("hub-east", w_1={"cola": 10}), OrderTaker("hub-west", w_2={"cola": 10})
    west.now_ms += 1
    for taker in (east, west):
        taker.place()
    east.tell(west)
    west.happen("ship", fulfilment="hub-west.1")
    west.commit()
    (void,) = [one for one in west.entries if voids_of(one.content)]
    (found,) = exceptions(west.replica, {}, [], 10, now_ms=NOW_MS).duplicates
    assert found.void == void.hash.hex()
