"""A store answers each request about orders as the reference model does, with each journal.

The suite plays the same examples each time. `REFERENCE_EXAMPLES=1000 pytest tests/reference` plays others, and more.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.reference import orders as drawn
from tests.reference.comparison import Comparison, machine_settings

NAMES = st.sampled_from(drawn.ORDERS)


class OrderMachine(RuleBasedStateMachine):
    """Orders and their events in any order and more than once, sales beside them, restarts, and time that passes."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Comparison()
        self.placed: dict[str, None] = {}

    def teardown(self) -> None:
        self.store.close()

    @initialize(units=st.integers(2, 14))
    def stock_the_shelves(self, units: int) -> None:
        recipes = {"duo": {"apple": 1, "bolt": 2}, "trio": {"apple": 2, "bolt": 1, "cup": 3}}
        for sku in ("apple", "bolt", "duo", "trio"):
            self.store.publish(sku, {"recipe": recipes.get(sku, {sku: 1}), "barcodes": [f"plu-{len(sku) + 3}"]})
        items = [{"item": item, "quantity": units} for item in ("apple", "bolt", "cup")]
        self.store.write("/v1/receipts", {"lines": items})

    @rule(body=drawn.placements())
    def place(self, body: dict[str, Any]) -> None:
        shown = self.store.write("/v1/holds", body)
        if "fulfilments" in shown:
            self.placed[body["order"]] = None

    @rule(order=NAMES, is_numbered=st.sampled_from((False, False, True)), data=st.data())
    def report_event(self, order: str, is_numbered: bool, data: st.DataObject) -> None:
        body = data.draw(drawn.events(is_known=order in self.placed, is_numbered=is_numbered))
        self.store.write(f"/v1/orders/{order}/events", body)

    @rule(order=NAMES, event=st.sampled_from(("pay", "pay", "ship", "collect", "cancel")))
    def report_plainly(self, order: str, event: str) -> None:
        self.store.write(f"/v1/orders/{order}/events", {"event": event})

    @precondition(lambda self: self.placed)
    @rule(data=st.data(), events=st.lists(st.sampled_from(drawn.WITH_LINES), min_size=1, max_size=3))
    def report_of_parts(self, data: st.DataObject, events: list[str]) -> None:
        """Events of units that the order has or had."""
        order = data.draw(st.sampled_from(list(self.placed)))
        for event in events:
            shown = self.store.get(f"/v1/orders/{order}")["fulfilments"]
            lines = [one for each in shown for one in each["lines"]]
            if lines:
                part = {**data.draw(st.sampled_from(lines)), "quantity": 1}
                self.store.write(f"/v1/orders/{order}/events", {"event": event, "lines": [part]})

    @precondition(lambda self: self.placed)
    @rule(data=st.data(), is_whole=st.booleans())
    def bring_back(self, data: st.DataObject, is_whole: bool) -> None:
        """Goods come back that left in one part or in several."""
        order = data.draw(st.sampled_from(list(self.placed)))
        left: dict[str, int] = {}
        for one in self.store.get(f"/v1/orders/{order}")["fulfilments"]:
            for line in one["lines"] if one["state"] in ("shipped", "collected", "returned") else ():
                left[line["sku"]] = left.get(line["sku"], 0) + line["quantity"]
        lines = [{"sku": sku, "quantity": units if is_whole else 1} for sku, units in left.items()]
        if lines:
            self.store.write(f"/v1/orders/{order}/events", {"event": "return", "lines": lines})

    @rule(order=NAMES, body=st.sampled_from(drawn.FAULTS))
    def report_wrongly(self, order: str, body: dict[str, Any]) -> None:
        self.store.write(f"/v1/orders/{order}/events", body)

    @precondition(lambda self: len(self.store.sent) > 1)
    @rule(data=st.data(), is_anew=st.booleans())
    def repeat(self, data: st.DataObject, is_anew: bool) -> None:
        """The same request again, under the same key or another one."""
        path, body, key = data.draw(st.sampled_from(self.store.sent[1:]))
        if path == "/v1/holds" or not (is_anew and body.get("event") == "return"):
            self.store.write(path, body, "" if is_anew else key)

    @precondition(lambda self: self.store.sent)
    @rule(data=st.data(), order=NAMES)
    def use_a_key_again(self, data: st.DataObject, order: str) -> None:
        *_, key = data.draw(st.sampled_from(self.store.sent))
        self.store.write(f"/v1/orders/{order}/events", {"event": "pay"}, key)

    @rule(
        sku=st.sampled_from(drawn.SKUS), quantity=st.integers(1, 4), on_shortage=st.sampled_from(("record", "refuse"))
    )
    def sell(self, sku: str, quantity: int, on_shortage: str) -> None:
        lines = [{"sku": sku, "quantity": quantity}]
        self.store.write("/v1/sales", {"lines": lines, "on_shortage": on_shortage})

    @rule(sku=st.sampled_from(("apple", "duo", "mix")), units=st.integers(1, 2), is_cleared=st.integers(0, 4))
    def publish(self, sku: str, units: int, is_cleared: int) -> None:
        """A recipe changes: orders that were placed before keep theirs."""
        recipe = {"apple": {"apple": 1}, "duo": {"apple": units, "bolt": 1}, "mix": {"cup": units}}[sku]
        value = {"recipe": recipe, "barcodes": [f"plu-{len(sku) + 3}"]}
        self.store.publish(sku, value if is_cleared else None)

    @rule(order=NAMES)
    def read_an_order(self, order: str) -> None:
        self.store.get(f"/v1/orders/{order}")

    @rule(path=st.sampled_from(("exceptions", "exceptions", "stock", "status")))
    def read(self, path: str) -> None:
        self.store.get(f"/v1/{path}", limit="100")

    @rule(seconds=st.sampled_from((0.001, 0.999, 1.0, 2.0, 60.0, 3_599.0, 3_600.0)), is_kept=st.booleans())
    def wait(self, seconds: float, is_kept: bool) -> None:
        """Time passes. The node may be late to expire a hold."""
        self.store.run(asyncio.sleep(seconds))
        if is_kept:
            self.store.keep_orders()
            self.read_all()

    @rule(ahead_ms=st.sampled_from((-500, -3_000, -120_000, 1_000, 90_000)))
    def set_the_clock(self, ahead_ms: int) -> None:
        """Somebody sets the wall clock of the store: holds expire by it as it is set now."""
        self.store.clock.step(ahead_ms)

    @rule(index=st.integers(1, 2))
    def restart(self, index: int) -> None:
        """Stop a node and start it again from its file, which takes a moment. Nothing becomes due meanwhile."""
        self.store.keep_orders()
        orders, soon_ms = self.store.model.orders, self.store.now_ms + 100
        if any(orders.is_due(name, soon_ms) for name in orders.names):
            return
        self.store.run(self.store.served[index].stop())
        self.store.run(self.store.served[index].start())
        self.read_all()

    def read_all(self) -> None:
        """Read each order, and what a person should look at."""
        for order in drawn.ORDERS:
            self.store.get(f"/v1/orders/{order}")
        self.store.get("/v1/exceptions")

    @invariant()
    def journal_is_as_the_model_says(self) -> None:
        self.store.check_journal()


TestOrderMachine = OrderMachine.TestCase
TestOrderMachine.settings = machine_settings(30)
TestOrderMachine.pytestmark = [pytest.mark.timeout(1_800)]  # type: ignore[attr-defined]
