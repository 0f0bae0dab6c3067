"""A store and a hub answer as the model derives from the entries that each has, and come to the same in the end.

The suite plays the same examples each time. `REFERENCE_EXAMPLES=1000 pytest tests/reference` plays others, and more.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.reference.comparison import machine_settings
from tests.reference.orders import EVENTS, WITH_LINES
from tests.reference.serving import LOCATION, WAREHOUSE
from tests.reference.two_nodes import Side, TwoNodes

ITEMS = ("apple", "bolt")
SKUS = ("apple", "apple", "bolt", "duo")
ORDERS = ("o-1", "o-2", "o-3")
AT_HUB = st.booleans()
QUANTITIES = st.integers(1, 6)
FULFILMENTS = ("hub-east.1", "hub-east.1", "hub-east.2", "store-1.1", "hub-east.1-1", "store-1.1-1", "hub-east.9")
CHANNELS = st.sampled_from(("", "web", "mall"))
POLICIES = (
    {"mode": "keep"},
    {"mode": "safety", "safety_stock": 2},
    {"mode": "both", "safety_stock": 1, "share": 0.5, "last_units": 3},
    {"mode": "share", "share": 0.5, "channels": {"web": 0.5}},
    None,
)
SELECTORS = (
    "default",
    "item:apple",
    f"location:{WAREHOUSE}",
    f"location:{LOCATION}",
    f"location:{LOCATION},item:apple",
)


def lines(name: str, of: tuple[str, ...], quantities: st.SearchStrategy[int] = QUANTITIES) -> Any:
    """One or two lines."""
    line = st.fixed_dictionaries({name: st.sampled_from(of), "quantity": quantities})
    return st.lists(line, min_size=1, max_size=2)


@st.composite
def placements(draw: Any, location: st.SearchStrategy[str | None]) -> dict[str, Any]:
    """An order of a few units, from any location or from one."""
    some = draw(lines("sku", SKUS))
    where = draw(location)
    if where is not None:
        some[0]["location"] = where
    more = {"channel": draw(CHANNELS), "paid": draw(st.booleans()), "partial": draw(st.booleans())}
    return {"order": draw(st.sampled_from(ORDERS)), "lines": some, "ttl_s": draw(st.sampled_from((1, 900))), **more}


@st.composite
def events(draw: Any) -> dict[str, Any]:
    """An event of an order, of one fulfilment or of a part, with a number or without."""
    event = draw(st.sampled_from(EVENTS))
    body: dict[str, Any] = {"event": event, "number": draw(st.sampled_from((0, 0, 0, 1, 2)))}
    if event in ("adjust", "exchange") or (event in WITH_LINES and draw(st.booleans())):
        body["lines"] = draw(lines("sku", SKUS, st.integers(1, 3)))
    if event == "exchange":
        body["replacement"] = draw(lines("sku", SKUS, st.integers(1, 3)))
    if draw(st.integers(0, 2)) == 0:
        body["fulfilment"] = draw(st.sampled_from(FULFILMENTS))
    return body


class TwoNodesMachine(RuleBasedStateMachine):
    """Writes at a store and at its hub, orders at both, entries that travel in parts, and restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.nodes = TwoNodes()
        self.store, self.hub = self.nodes.sides
        self.placed: list[tuple[dict[str, Any], str]] = []
        self.reported: list[tuple[str, dict[str, Any], str]] = []

    def teardown(self) -> None:
        self.nodes.close()

    def side(self, is_at_hub: bool) -> Side:
        return self.hub if is_at_hub else self.store

    @initialize(units=st.integers(4, 12))
    def stock_the_shelves(self, units: int) -> None:
        for sku, recipe in {"apple": {"apple": 1}, "bolt": {"bolt": 1}, "duo": {"apple": 1, "bolt": 2}}.items():
            self.nodes.write(self.hub, f"/v1/documents/sku/{sku}", {"recipe": recipe}, method="PUT")
        self.nodes.exchange()
        goods = {"lines": [{"item": item, "quantity": units} for item in ITEMS]}
        self.nodes.write(self.store, "/v1/receipts", goods)
        self.nodes.write(self.hub, f"/v1/receipts?location={WAREHOUSE}", goods)
        self.grant(False, [{"item": item, "quantity": units // 2} for item in ITEMS])
        self.nodes.exchange()

    @rule(is_at_hub=AT_HUB, some=lines("item", ITEMS))
    def grant(self, is_at_hub: bool, some: list[Any]) -> None:
        """One node gives the other one rights to the stock of the store."""
        if is_at_hub:
            self.nodes.write(self.hub, f"/v1/grants?location={LOCATION}", {"to": LOCATION, "lines": some})
        else:
            self.nodes.write(self.store, "/v1/grants", {"to": "hub-east", "lines": some})

    @rule(some=lines("sku", SKUS), on_shortage=st.sampled_from(("record", "refuse")))
    def sell(self, some: list[Any], on_shortage: str) -> None:
        self.nodes.write(self.store, "/v1/sales", {"lines": some, "on_shortage": on_shortage})

    @rule(is_at_hub=AT_HUB, kind=st.sampled_from(("receipts", "returns", "adjustments", "counts")), data=st.data())
    def move_goods(self, is_at_hub: bool, kind: str, data: st.DataObject) -> None:
        """Goods come in, come back, are corrected or counted. The hub does that in its warehouse."""
        item, units = data.draw(st.sampled_from(ITEMS)), data.draw(QUANTITIES)
        line: dict[str, Any] = {
            "receipts": {"item": item, "quantity": units},
            "returns": {"sku": item, "quantity": units},
            "adjustments": {"item": item, "delta": units - 7, "reason": "x"},
            "counts": {"item": item, "counted": units},
        }[kind]
        where = f"?location={WAREHOUSE}" if is_at_hub else ""
        self.nodes.write(self.side(is_at_hub), f"/v1/{kind}{where}", {"lines": [line]})

    @rule(selector=st.sampled_from(SELECTORS), policy=st.sampled_from(POLICIES))
    def write_policy(self, selector: str, policy: Any) -> None:
        self.nodes.write(self.hub, f"/v1/documents/policy/{selector}", policy, method="PUT")

    @rule(units=st.integers(1, 3))
    def change_recipe(self, units: int) -> None:
        self.nodes.write(self.hub, "/v1/documents/sku/duo", {"recipe": {"apple": units, "bolt": 1}}, method="PUT")

    @rule(body=placements(st.sampled_from((None, None, LOCATION, WAREHOUSE, "nowhere"))))
    def order_online(self, body: dict[str, Any]) -> None:
        self.place(self.hub, body)

    @rule(body=placements(st.sampled_from((None, LOCATION))))
    def order_in_the_store(self, body: dict[str, Any]) -> None:
        self.place(self.store, body)

    def place(self, side: Side, body: dict[str, Any], key: str = "") -> None:
        key = key or self.nodes.new_key()
        path = "/v1/orders" if side is self.hub else "/v1/holds"
        self.placed.append((body, key))
        self.nodes.write(side, path, body, key)

    @precondition(lambda self: self.placed)
    @rule(is_at_hub=AT_HUB, is_same_key=st.booleans(), data=st.data())
    def order_again(self, is_at_hub: bool, is_same_key: bool, data: st.DataObject) -> None:
        """The same placement at the same node or at the other one, which may not have heard of it."""
        body, key = data.draw(st.sampled_from(self.placed))
        self.place(self.side(is_at_hub), body, key if is_same_key else "")

    @rule(is_at_hub=AT_HUB, order=st.sampled_from(ORDERS), body=events())
    def report_event(self, is_at_hub: bool, order: str, body: dict[str, Any]) -> None:
        key = self.nodes.new_key()
        self.reported.append((order, body, key))
        self.nodes.write(self.side(is_at_hub), f"/v1/orders/{order}/events", body, key)

    @precondition(lambda self: self.reported)
    @rule(is_at_hub=AT_HUB, is_same_key=st.booleans(), data=st.data())
    def report_again(self, is_at_hub: bool, is_same_key: bool, data: st.DataObject) -> None:
        """The same event at the same node or at the other one, which may not have heard of it."""
        order, body, key = data.draw(st.sampled_from(self.reported))
        key = key if is_same_key else self.nodes.new_key()
        self.nodes.write(self.side(is_at_hub), f"/v1/orders/{order}/events", body, key)

    @rule(is_at_hub=AT_HUB, limit=st.sampled_from((1, 2, 5, 100)))
    def give_entries(self, is_at_hub: bool, limit: int) -> None:
        """Some entries that one node wrote or heard arrive at the other one."""
        giver, receiver = (self.hub, self.store) if is_at_hub else (self.store, self.hub)
        self.nodes.run(giver.give(receiver, limit))

    @rule(seconds=st.sampled_from((0.001, 1.0, 60.0)), is_at_hub=AT_HUB)
    def keep_orders(self, seconds: float, is_at_hub: bool) -> None:
        """Time passes, and a node does what is due about its orders."""
        self.nodes.run(asyncio.sleep(seconds))
        self.nodes.run(self.side(is_at_hub).served.keep_orders({LOCATION: LOCATION} if is_at_hub else {}))
        for side in self.nodes.sides:
            self.nodes.run(side.look())

    @rule(is_at_hub=AT_HUB)
    def restart(self, is_at_hub: bool) -> None:
        self.nodes.run(self.side(is_at_hub).restart())

    @rule(item=st.sampled_from(ITEMS))
    def read_in_the_store(self, item: str) -> None:
        for path in ("stock", f"stock/{item}", "status", "journal"):
            self.nodes.get(self.store, f"/v1/{path}", limit="1000")

    @rule(sku=st.sampled_from(SKUS), channel=CHANNELS, where=st.sampled_from((LOCATION, WAREHOUSE)))
    def read_online(self, sku: str, channel: str, where: str) -> None:
        for path in (f"stock/{where}", f"stock/{where}/apple", "status", "journal"):
            self.nodes.get(self.hub, f"/v1/{path}", limit="1000")
        self.nodes.get(self.hub, f"/v1/availability/{sku}", channel=channel)


TestTwoNodesMachine = TwoNodesMachine.TestCase
TestTwoNodesMachine.settings = machine_settings(25)
TestTwoNodesMachine.pytestmark = [pytest.mark.timeout(1_800)]  # type: ignore[attr-defined]
