"""A store answers each request as the reference model does, on each path and with each journal.

The suite plays the same examples each time. `REFERENCE_EXAMPLES=1000 pytest tests/reference` plays others, and more.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from simulations.reference.answers import Request
from tests.reference import requests as drawn
from tests.reference.comparison import Comparison, machine_settings
from tests.reference.serving import as_json

LIMITS = st.sampled_from(("1", "3", "100", "0", "x"))

CURSORS = st.sampled_from(
    ("", "0", "1", "apple", "b", "store-1~0a0b0c0d0e0f~2", "store-1~0a0b0c0d0e0f~999", "hub~00~1", "x y")
)

BY_RECEIPT = {"sku": st.sampled_from(("apple", "duo", "trio")), "quantity": st.integers(1, 3)}

KINDS = ("sales", "returns", "receipts", "adjustments", "quarantine", "counts", "grants")


class StoreMachine(RuleBasedStateMachine):
    """Requests in any order, restarts, clocks that are set, and documents from a hub."""

    def __init__(self) -> None:
        super().__init__()
        self.store = Comparison()

    def teardown(self) -> None:
        self.store.close()

    def body_of(self, data: st.DataObject, kind: str) -> Any:
        """A valid body."""
        now_ms = self.store.now_ms
        shapes = {
            "sales": lambda: drawn.sales(now_ms),
            "returns": lambda: drawn.returns(now_ms),
            "receipts": lambda: drawn.receipts(now_ms),
            "adjustments": lambda: drawn.adjustments(now_ms),
            "quarantine": lambda: drawn.quarantines(now_ms),
            "counts": lambda: drawn.counts(self.store.tokens),
            "grants": drawn.grants,
        }
        return data.draw(shapes[kind](), label=kind)

    @initialize(data=st.data())
    def stock_the_shelves(self, data: st.DataObject) -> None:
        for sku in ("apple", "bolt", "duo", "trio"):
            recipes = {"duo": {"apple": 1, "bolt": 2}, "trio": {"apple": 2, "bolt": 1, "cup": 3}}
            self.store.publish(sku, {"recipe": recipes.get(sku, {sku: 1}), "barcodes": [f"plu-{len(sku)}"]})
        lines = [{"item": item, "quantity": data.draw(st.integers(1, 12))} for item in drawn.ITEMS]
        self.store.write("/v1/receipts", {"lines": lines})

    @rule(document=drawn.documents())
    def publish(self, document: tuple[str, Any]) -> None:
        self.store.publish(*document)

    @rule(data=st.data(), kind=st.sampled_from(KINDS))
    def write_anew(self, data: st.DataObject, kind: str) -> None:
        self.store.write(f"/v1/{kind}", self.body_of(data, kind))

    @rule(data=st.data())
    def sell(self, data: st.DataObject) -> None:
        self.store.write("/v1/sales", self.body_of(data, "sales"))

    @rule(data=st.data())
    def count(self, data: st.DataObject) -> None:
        self.store.write("/v1/counts", self.body_of(data, "counts"))

    @rule(data=st.data(), kind=st.sampled_from(("sales", "returns", "receipts", "adjustments", "quarantine")))
    def report_late(self, data: st.DataObject, kind: str) -> None:
        """A till that was offline says when the goods moved: maybe before the newest count."""
        body = self.body_of(data, kind)
        ago_ms = data.draw(st.sampled_from((0, 1, 2, 3, 500, 501, 2_500, 100_000)), label="ago")
        occurred_at = drawn.text_of(self.store.now_ms - ago_ms)
        self.store.write(f"/v1/{kind}", {**body, "occurred_at": occurred_at})

    @rule(data=st.data(), receipt=st.sampled_from(drawn.RECEIPTS[1:]), is_return=st.booleans())
    def sell_or_take_back_by_receipt(self, data: st.DataObject, receipt: str, is_return: bool) -> None:
        kind, name = ("returns", "original") if is_return else ("sales", "receipt")
        lines = data.draw(st.lists(st.fixed_dictionaries(BY_RECEIPT), min_size=1, max_size=3))
        body = {**self.body_of(data, kind), "lines": lines, name: receipt}
        self.store.write(f"/v1/{kind}", body)

    @rule(data=st.data(), kind=st.sampled_from(KINDS), fault=st.sampled_from(drawn.FAULTS))
    def write_wrongly(self, data: st.DataObject, kind: str, fault: Any) -> None:
        self.store.write(f"/v1/{kind}", fault(self.body_of(data, kind)))

    @rule(key=st.sampled_from(("", None, "void:1", "given:x", "a b", '"quoted"', "k" * 129)))
    def write_under_an_odd_key(self, key: str | None) -> None:
        body = as_json({"lines": [{"sku": "apple", "quantity": 1}]})
        self.store.ask(Request("POST", "/v1/sales", {}, body, key))

    @precondition(lambda self: self.store.sent)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        self.store.write(*data.draw(st.sampled_from(self.store.sent), label="repeated"))

    @precondition(lambda self: self.store.sent)
    @rule(data=st.data(), kind=st.sampled_from(KINDS))
    def use_a_key_again(self, data: st.DataObject, kind: str) -> None:
        *_, key = data.draw(st.sampled_from(self.store.sent), label="repeated")
        self.store.write(f"/v1/{kind}", self.body_of(data, kind), key)

    @rule(data=st.data(), size=st.integers(1, 6))
    def sell_many_in_a_batch(self, data: st.DataObject, size: int) -> None:
        """New sales, and retries of earlier ones, in any order."""
        sales = [(body, key) for path, body, key in self.store.sent if path == "/v1/sales"]
        earlier = [{**body, "key": key} for body, key in sales if isinstance(body, dict)]
        batch = []
        for _ in range(size):
            if earlier and data.draw(st.booleans(), label="is a retry"):
                batch.append(data.draw(st.sampled_from(earlier), label="retry"))
            else:
                sale = {**self.body_of(data, "sales"), "key": self.store.new_key()}
                self.store.sent.append(("/v1/sales", {name: sale[name] for name in sale if name != "key"}, sale["key"]))
                batch.append(sale)
        faulty = data.draw(st.sampled_from((None, None, None, *drawn.FAULTS)), label="fault")
        if faulty is not None and batch[-1].get("lines"):
            batch[-1] = faulty(batch[-1])
        self.store.ask(Request("POST", "/v1/sales:batch", {}, as_json({"sales": batch})))

    @rule(data=st.data(), size=st.integers(2, 5))
    def sell_at_several_tills_at_once(self, data: st.DataObject, size: int) -> None:
        asked = []
        for _ in range(size):
            body, key = self.body_of(data, "sales"), self.store.new_key()
            self.store.sent.append(("/v1/sales", body, key))
            asked.append(Request("POST", "/v1/sales", {}, as_json(body), key))
        self.store.ask(*asked)

    @rule(item=st.sampled_from((*drawn.ITEMS, "duo", "nothing")))
    def read_an_item(self, item: str) -> None:
        shown = self.store.get(f"/v1/stock/{item}")
        if "seen" in shown:
            self.store.tokens.append(shown["seen"])

    @rule(limit=LIMITS, cursor=CURSORS)
    def read_a_page(self, limit: str, cursor: str) -> None:
        self.store.get("/v1/stock", limit=limit, cursor=cursor)

    @rule(limit=LIMITS, only=st.sampled_from(("breach", "low", "quarantined", "reserved", "odd")))
    def read_what_needs_a_look(self, limit: str, only: str) -> None:
        self.store.get("/v1/stock", limit=limit, only=only)

    @rule(limit=LIMITS, after=CURSORS, path=st.sampled_from(("journal", "exceptions", "status")))
    def read(self, limit: str, after: str, path: str) -> None:
        self.store.get(f"/v1/{path}", limit=limit, after=after)

    @rule(limit=LIMITS, item=st.sampled_from(drawn.SKUS))
    def explain(self, limit: str, item: str) -> None:
        """Read what explains the stock of an item, page by page."""
        shown = self.store.get(f"/v1/explain/{item}", limit=limit)
        for _ in range(3):
            if shown.get("next") is not None:
                shown = self.store.get(f"/v1/explain/{item}", limit=limit, before=shown["next"])

    @rule(seconds=st.sampled_from((0.001, 0.002, 0.5, 2.0, 60.0)))
    def wait(self, seconds: float) -> None:
        self.store.run(asyncio.sleep(seconds))

    @rule(ahead_ms=st.sampled_from((-500, -3_000, -120_000, 1_000, 90_000)))
    def set_the_clock(self, ahead_ms: int) -> None:
        """Somebody sets the wall clock of the store."""
        self.store.clock.step(ahead_ms)

    @rule(index=st.integers(1, 2))
    def restart(self, index: int) -> None:
        """Stop a node and start it again from its file."""
        self.store.run(self.store.served[index].stop())
        self.store.run(self.store.served[index].start())

    @invariant()
    def journal_is_as_the_model_says(self) -> None:
        self.store.check_journal()


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = machine_settings(40)
TestStoreMachine.pytestmark = [pytest.mark.timeout(1_800)]  # type: ignore[attr-defined]
