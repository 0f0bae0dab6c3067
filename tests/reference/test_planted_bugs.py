"""A day at a store agrees with the model. With a bug planted, some answer or entry of the same day does not."""

from __future__ import annotations

from typing import Any

import pytest

from simulations.mutations.answers import ANSWERS
from simulations.mutations.mutation import Edit, Mutation, slip
from tests.reference.comparison import Comparison, compare
from tests.reference.requests import text_of

HTTP = "replica.runtime.http"
STOCK = "replica.core.stock"


def lines(**quantities: int) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]}


def items(**counted: int) -> list[dict[str, Any]]:
    return [{"item": item, "counted": level} for item, level in counted.items()]


def play_a_day(store: Comparison) -> None:
    """Goods come in, are sold, come back and are counted, with retries, tills that were offline, and reads."""
    for sku, recipe in {"apple": {"apple": 1}, "bolt": {"bolt": 2}, "duo": {"apple": 1, "bolt": 2}}.items():
        store.publish(sku, {"recipe": recipe, "barcodes": [f"plu-{sku}"], "unit": "GRM"})
    store.write("/v1/receipts", {"lines": [{"item": "apple", "quantity": 20}, {"item": "bolt", "quantity": 9}]})
    first = store.write("/v1/sales", {**lines(duo=2), "receipt": "r-1", "till": "t-1"}, "first")
    store.write("/v1/sales", lines(duo=3), "first")
    assert store.write("/v1/sales", {**lines(duo=2), "receipt": "r-1", "till": "t-1"}, "first") == first
    batch = [{**lines(apple=1), "key": f"batch-{number}"} for number in range(4)]
    store.write("/v1/sales:batch", {"sales": batch[:3]})
    store.write("/v1/sales:batch", {"sales": [batch[3], batch[1], {**lines(apple=9), "key": "batch-2"}, batch[0]]})
    store.write("/v1/sales", {**lines(duo=1, bolt=3), "on_shortage": "refuse"})
    store.write("/v1/sales", lines(duo=2, bolt=1))
    store.write("/v1/returns", {**lines(apple=1, duo=1), "original": "r-1", "till": "t-1"})
    store.write("/v1/returns", {**lines(duo=2), "original": "r-1", "disposition": "restock"})
    store.write("/v1/returns", {**lines(duo=1), "original": "r-2"})
    store.publish("duo", {"recipe": {"apple": 2}})
    store.write("/v1/returns", {**lines(duo=1), "original": "r-1"})
    store.write("/v1/sales", {**lines(duo=1), "receipt": "r-2"})
    token = store.get("/v1/stock/apple")["seen"]
    before_ms = store.now_ms - 1
    store.clock.step(2_000)
    store.write("/v1/sales", lines(apple=1))
    store.write("/v1/counts", {"lines": items(apple=7), "seen": token}, "count")
    store.write("/v1/counts", {"lines": items(bolt=4)})
    store.write("/v1/sales", {**lines(bolt=1, apple=1), "occurred_at": text_of(before_ms)})
    store.write("/v1/sales", {**lines(apple=1), "occurred_at": "2099-01-01T00:00:00Z", "till": "t-9"})
    store.write("/v1/adjustments", {"lines": [{"item": "apple", "delta": delta, "reason": "x"} for delta in (-2, 1)]})
    for action in ("put", "restock", "write_off"):
        store.write("/v1/quarantine", {"lines": [{"item": "apple", "quantity": 2, "action": action}]})
    store.write("/v1/grants", {"to": "hub-east", "lines": [{"item": "apple", "quantity": 2}]})
    store.write("/v1/sales", {"lines": [{"barcode": "plu-apple", "quantity": 2}]})
    store.write("/v1/quarantine", {"lines": [{"item": "bolt", "quantity": 9, "action": "write_off"}]})
    store.publish("bolt", None)
    store.write("/v1/sales", lines(bolt=1))
    store.write("/v1/sales", {**lines(bolt=1), "on_shortage": "refuse"})
    store.publish("apple", None)
    store.write("/v1/sales", lines(apple=1))
    for sku in ("crate", "crate-2"):
        store.publish(sku, {"recipe": {"crate": 1}, "names": {"en": sku}})
    store.write("/v1/receipts", {"lines": [{"item": "crate", "quantity": 5}]})
    store.write("/v1/quarantine", {"lines": [{"item": "apple", "quantity": 1, "action": "put"}]})
    store.check_journal()
    for path in ("stock", "stock/apple", "explain/apple", "exceptions", "status", "journal"):
        store.get(f"/v1/{path}")
    store.get("/v1/explain/apple", limit="2")
    for limit in ("1", "2"):
        store.get("/v1/stock", limit=limit)
    for only in ("breach", "low", "quarantined", "reserved"):
        store.get("/v1/stock", only=only)


OTHERS = {
    "a repeat under a key answers another request": slip(
        "replica.core.state.decisions:_repeat", ("if not same:", "if False:"), ("min(same,", "min(same or known,")
    ),
    "a batch answers each sale with the name of the first": slip(
        "edge_node.sale_batches:render_sold",
        ("keys, sold.hashes, moments", "keys, sold.hashes[:1] * len(sold), moments"),
    ),
    "a return brings back today's recipe": slip(
        f"{STOCK}.returns:prepare_return", ("returned.lines, recipes=original.recipes)", "returned.lines)")
    ),
    "a question counts only the newest return": slip(
        f"{STOCK}.returns:prepare_return", ("[*before, *resolved]", "resolved")
    ),
    "a return before its sale is not corrected": slip(
        "replica.core.state.decisions:_correct_returns",
        ("for draft in prepare_corrections", "for draft in () and prepare_corrections"),
    ),
    "a count with a token holds for now": slip(
        "replica.runtime.background.counting:_look_back", ("if is_after(", "if False and is_after(")
    ),
    "a till that was offline is late for no count": slip(
        f"{STOCK}.counts:is_after", ("and not counts_by_till(content)", "")
    ),
    "units written off past quarantine vanish": slip(
        f"{STOCK}.quarantine:prepare_quarantine", ("if rest else []", "if False else []")
    ),
    "a refused sale lists the whole demand": slip(
        f"{STOCK}.sales:prepare_sale", ("for item in short])", "for item in demand])")
    ),
    "a deleted SKU is promised": slip("replica.core.catalog.skus:Catalog.recipe_of", ("if is_fact:", "if True:")),
    "a deleted SKU is not known for facts": slip(
        "replica.core.catalog.skus:Catalog.recipe_of", ("if is_fact:", "if False:")
    ),
    "an item loses its unit with its SKU": slip(
        "replica.core.catalog.skus:Catalog.unit", ("(self._current, self._deleted)", "(self._current,)")
    ),
    "a page of stock ends too early": slip(
        f"{HTTP}.stock_list:StockList.page", ("if limit < len(items)", "if limit + 1 < len(items)")
    ),
    "an item has the name of the last SKU of it": slip("replica.core.catalog.skus:Catalog.sku_of", ("min(", "max(")),
    "an item with just the fewest units is not low": slip(f"{HTTP}.stock_list:_is_low", ("<= LOW", "< LOW")),
    "a list of quarantined goods has those held for orders": slip(
        f"{HTTP}.stock_list:_fits", ("figures.quarantined != 0", "figures.reserved != 0")
    ),
    "a page of an explanation skips an entry": slip(f"{HTTP}.stock_api:StockApi.explain", ("newest + 1", "newest")),
    "a breach began with the entry before": slip(f"{HTTP}.breach_times:_undo", ("+ move.quantity", "+ 0")),
    "the status counts all units as rights": slip(
        "edge_node.api:EdgeApi._status", ("rights_of(replica.node, units)", "sum(units.values())")
    ),
    "an impossible time of a till is kept quiet": slip(
        "replica.core.log.times:impossible_at", ("return occurred", "return None")
    ),
}
"""Mistakes that one node can make, besides those that simulations look for."""


def test_a_day_at_a_store_agrees_with_the_model() -> None:
    compare(play_a_day)


@pytest.mark.parametrize("mutation", ANSWERS, ids=[one.name for one in ANSWERS])
def test_a_wrong_answer_is_seen(mutation: Mutation) -> None:
    with pytest.raises(AssertionError):
        compare(play_a_day, *[one for one in mutation.edits if isinstance(one, Edit)])


@pytest.mark.parametrize("name", OTHERS)
def test_another_bug_is_seen(name: str) -> None:
    with pytest.raises(AssertionError):
        compare(play_a_day, OTHERS[name])
