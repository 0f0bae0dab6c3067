"""The calls of a store, one by one, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict

from console.site import PREFIX
from tests.callers import Caller


def lines(**quantities: int) -> dict[str, Any]:
    return {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in quantities.items()]}


def figures(answer: dict[str, Any]) -> tuple[int, int, int]:
    return answer["on_hand"], answer["quarantined"], answer["available"]


async def test_goods_receipt_and_sale_move_the_stock_and_the_pn_counter_shows_both(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    sold = await store.good("/v1/sales", lines(cola=3))
    assert sold["lines"] == [{"sku": "cola", "quantity": 3, "breach": 0, "available": 7}]
    stock = await store.good("/v1/stock/cola")
    writer = store.node.replica.writer
    assert figures(stock) == (7, 0, 7)
    assert stock["pn"] == {"p": {writer: 10}, "n": {writer: 3}}
    assert stock["accounts"] == {"customer": 3, "store-1/free": 7, "supplier": -10}
    assert (stock["rights"], stock["breach"], stock["unit"]) == (7, 0, "EA")


async def test_goods_of_an_order_of_another_store_are_taken_into_quarantine(store: Caller) -> None:
    returned = {"event": "return", "lines": [{"sku": "cola", "quantity": 2}]}
    first = await store.write("/v1/orders/web-1/events", returned, key="r-1")
    status, answer = first
    assert (status, answer["state"], answer["taken_back"]) == (200, "unknown", [{"sku": "cola", "quantity": 2}])
    assert await store.write("/v1/orders/web-1/events", returned, key="r-1") == first
    assert figures(await store.good("/v1/stock/cola")) == (2, 2, 0)
    (waiting,) = (await store.good("/v1/exceptions"))["waiting"]
    assert (waiting["event"], waiting["reason"], waiting["until"]) == ("return", "unknown-order", None)


async def test_return_of_an_unknown_order_names_its_lines(store: Caller) -> None:
    status, problem = await store.write("/v1/orders/web-1/events", {"event": "return"})
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", "lines")


async def test_sale_past_the_stock_is_recorded_as_a_breach_and_shown(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=2))
    sold = await store.good("/v1/sales", lines(cola=5))
    assert sold["lines"] == [{"sku": "cola", "quantity": 5, "breach": 3, "available": -3}]
    assert (await store.good("/v1/stock/cola"))["breach"] == 3
    assert (await store.good("/v1/status"))["breaches"] == {"cola": 3}
    await store.good("/v1/receipts", lines(cola=3))
    assert (await store.good("/v1/status"))["breaches"] == {}


async def test_promise_past_the_stock_is_refused_with_the_missing_lines(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=2, tea=9))
    status, problem = await store.write("/v1/sales", {**lines(cola=5, tea=1), "on_shortage": "refuse"})
    assert (status, problem["type"]) == (409, "insufficient-rights")
    assert problem["lines"] == [{"item": "cola", "wanted": 5, "free": 2}]
    assert figures(await store.good("/v1/stock/tea")) == (9, 0, 9)


async def test_batch_gives_each_sale_its_own_verdict(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=2))
    sales = [
        {"key": "a", **lines(cola=1)},
        {"key": "b", **lines(cola=5), "on_shortage": "refuse"},
        {"key": "c", **lines(cola=1)},
        {"key": "a", **lines(cola=1)},
        {"key": "a", **lines(cola=2)},
    ]
    answer = await store.good("/v1/sales:batch", {"sales": sales})
    assert [verdict["status"] for verdict in answer["verdicts"]] == [201, 409, 201, 201, 422]
    assert answer["verdicts"][0]["sale"] == answer["verdicts"][3]["sale"]
    assert figures(await store.good("/v1/stock/cola")) == (0, 0, 0)


async def test_sale_of_a_batch_is_not_repeated_as_a_single_sale(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=2))
    batched = await store.good("/v1/sales:batch", {"sales": [{"key": "a", **lines(cola=1)}]})
    alone = await store.good("/v1/sales", lines(cola=1), key="a")
    assert alone == batched["verdicts"][0]["sale"]
    assert figures(await store.good("/v1/stock/cola")) == (1, 0, 1)


async def test_invalid_key_in_a_batch_does_not_stop_the_other_sales(store: Caller) -> None:
    sales = [{"key": "a", **lines(cola=1)}, {"key": "b c", **lines(cola=1)}, {"key": "c", **lines(cola=1)}]
    sales.append({"key": "d\n", **lines(cola=1)})
    answer = await store.good("/v1/sales:batch", {"sales": sales})
    assert [verdict["status"] for verdict in answer["verdicts"]] == [201, 422, 201, 422]
    assert answer["verdicts"][1]["problem"]["field"] == "sales[1].key"
    assert [entry["key"] for entry in (await store.good("/v1/journal"))["entries"]] == ["a", "c"]


async def test_malformed_sale_of_a_batch_does_not_stop_the_others(store: Caller) -> None:
    good = lines(cola=1)
    sales = [{"key": "a", **good}, {"key": "b", **lines(cola=0)}, good, "sale", {"key": "e", **good, "colour": 1}]
    answer = await store.good("/v1/sales:batch", {"sales": [*sales, {"key": "f", **good}]})
    verdicts = answer["verdicts"]
    assert [verdict["status"] for verdict in verdicts] == [201, 422, 422, 422, 422, 201]
    assert [verdict["key"] for verdict in verdicts] == ["a", "b", "", "", "e", "f"]
    fields = [verdict["problem"]["field"] for verdict in verdicts[1:5]]
    assert fields == ["sales[1].lines[0].quantity", "sales[2].key", "sales[3]", "sales[4].colour"]
    assert [entry["key"] for entry in (await store.good("/v1/journal"))["entries"]] == ["a", "f"]


async def test_returned_goods_wait_in_quarantine_until_they_are_put_back_or_written_off(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=5))
    sold = await store.good("/v1/sales", lines(cola=3))
    await store.good("/v1/returns", {**lines(cola=2), "original": sold["movement"]})
    assert figures(await store.good("/v1/stock/cola")) == (4, 2, 2)
    await store.good("/v1/quarantine", {"lines": [{"item": "cola", "quantity": 1, "action": "restock"}]})
    assert figures(await store.good("/v1/stock/cola")) == (4, 1, 3)
    await store.good("/v1/quarantine", {"lines": [{"item": "cola", "quantity": 1, "action": "write_off"}]})
    assert figures(await store.good("/v1/stock/cola")) == (3, 0, 3)


async def test_units_broken_past_the_rights_are_accepted_and_shown_as_a_breach(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    await store.good("/v1/grants", {"to": "hub-east", "lines": [{"item": "cola", "quantity": 8}]})
    broken = {"lines": [{"item": "cola", "delta": -5, "reason": "broken"}]}
    status, answer = await store.write("/v1/adjustments", broken, key="broken")
    assert (status, answer["lines"]) == (201, [{**broken["lines"][0], "on_hand": 5, "breach": 3}])
    assert (await store.write("/v1/adjustments", broken, key="broken")) == (201, answer)
    (breach,) = (await store.good("/v1/exceptions"))["breaches"]
    assert (breach["item"], breach["units"], breach["short"]) == ("cola", 3, 0)


async def test_units_put_aside_past_the_rights_are_accepted_with_their_breach(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    await store.good("/v1/grants", {"to": "hub-east", "lines": [{"item": "cola", "quantity": 8}]})
    put = {"item": "cola", "quantity": 5, "action": "put"}
    answer = await store.good("/v1/quarantine", {"lines": [put]})
    assert answer["lines"] == [{**put, "breach": 3}]
    stock = await store.good("/v1/stock/cola")
    assert (figures(stock), stock["breach"]) == ((10, 5, 5), 3)


async def test_write_off_of_more_than_is_in_quarantine_is_accepted(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=5))
    await store.good("/v1/quarantine", {"lines": [{"item": "cola", "quantity": 3, "action": "write_off"}]})
    assert figures(await store.good("/v1/stock/cola")) == (2, 0, 2)


async def test_an_item_counted_in_two_areas_has_the_level_of_both(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    counted = {
        "lines": [{"item": "cola", "counted": 2, "area": "floor"}, {"item": "cola", "counted": 5, "area": "back"}]
    }
    answer = await store.good("/v1/counts", counted, key="areas")
    assert answer["lines"] == [{"item": "cola", "counted": 7, "seen": 10, "change": -3, "on_hand": 7}]
    assert await store.good("/v1/counts", counted, key="areas") == answer
    status, problem = await store.write("/v1/counts", {"lines": [counted["lines"][0]] * 2})
    assert (status, problem["field"]) == (422, "lines[1].area")


async def test_return_with_restock_goes_straight_to_the_shelf(store: Caller) -> None:
    await store.good("/v1/returns", {**lines(cola=2), "disposition": "restock"})
    assert figures(await store.good("/v1/stock/cola")) == (2, 0, 2)


async def test_count_sets_the_stock_to_the_counted_level(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10, tea=4))
    counted = {"lines": [{"item": "cola", "counted": 8}, {"item": "tea", "counted": 6}]}
    answer = await store.good("/v1/counts", counted)
    assert answer["lines"] == [
        {"item": "cola", "counted": 8, "seen": 10, "change": -2, "on_hand": 8},
        {"item": "tea", "counted": 6, "seen": 4, "change": 2, "on_hand": 6},
    ]
    assert figures(await store.good("/v1/stock/cola")) == (8, 0, 8)


async def test_count_with_a_token_keeps_movements_after_the_token(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    seen = (await store.good("/v1/stock/cola"))["seen"]
    await store.good("/v1/sales", lines(cola=3))
    await store.good("/v1/receipts", lines(cola=1))
    answer = await store.good("/v1/counts", {"lines": [{"item": "cola", "counted": 9}], "seen": seen})
    assert answer["lines"] == [{"item": "cola", "counted": 9, "seen": 10, "change": -1, "on_hand": 7}]
    assert list(answer["seen"].values()) == [1]
    assert figures(await store.good("/v1/stock/cola")) == (7, 0, 7)


async def test_retry_of_a_count_gets_the_same_answer_and_changes_nothing(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    seen = (await store.good("/v1/stock/cola"))["seen"]
    count = {"lines": [{"item": "cola", "counted": 4}], "seen": seen}
    first = await store.good("/v1/counts", count, key="count-1")
    await store.good("/v1/sales", lines(cola=1))
    assert await store.good("/v1/counts", count, key="count-1") == first
    assert figures(await store.good("/v1/stock/cola")) == (3, 0, 3)


@pytest.mark.parametrize("seen", ["nonsense", "0123456789ab.1.1", "..", "zz.1.1", "-1"])
async def test_token_of_another_journal_is_refused(store: Caller, seen: str) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    status, problem = await store.write("/v1/counts", {"lines": [{"item": "cola", "counted": 1}], "seen": seen})
    assert (status, problem["field"]) == (422, "seen")


async def test_token_ahead_of_the_journal_is_refused(store: Caller) -> None:
    incarnation = store.node.replica.writer.partition("#")[2]
    body = {"lines": [{"item": "cola", "counted": 1}], "seen": f"{incarnation}.ffff.1"}
    status, problem = await store.write("/v1/counts", body)
    assert (status, problem["field"]) == (422, "seen")


async def test_adjustment_answers_the_level_after_all_of_its_lines(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    corrections = [
        {"item": "cola", "delta": -4, "reason": "damaged"},
        {"item": "cola", "delta": 1, "reason": "found"},
    ]
    answer = await store.good("/v1/adjustments", {"lines": corrections})
    assert [line["on_hand"] for line in answer["lines"]] == [7, 7]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"item": "cola", "delta": 0, "reason": "x"}, "lines[0].delta"),
        ({"item": "cola", "delta": 1, "reason": ""}, "lines[0].reason"),
        ({"item": "cola", "delta": 1}, "lines[0].reason"),
        ({"item": "cola", "delta": 0.5, "reason": "x"}, "lines[0].delta"),
    ],
)
async def test_invalid_adjustment_is_refused(store: Caller, line: dict[str, Any], field: str) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    status, problem = await store.write("/v1/adjustments", {"lines": [line]})
    assert status == 422
    assert field in (problem["field"], f"{problem['field']}.{field.rpartition('.')[2]}")


async def test_stock_pages_through_every_item_once(store: Caller) -> None:
    await store.good("/v1/receipts", lines(**{f"item-{number:03}": 1 for number in range(25)}))
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await store.good(f"/v1/stock?limit=10&cursor={cursor}")
        seen += [stock["item"] for stock in page["items"]]
        cursor = page["next"]
    assert seen == [f"item-{number:03}" for number in range(25)]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=ten", "limit=-1", "limit=1.5"])
async def test_page_of_invalid_size_is_refused(store: Caller, query: str) -> None:
    status, problem = await store.read(f"/v1/stock?{query}")
    assert (status, problem["field"]) == (422, "limit")


async def test_explanation_adds_up_to_the_stock_and_lists_every_movement(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    for _ in range(4):
        await store.good("/v1/sales", lines(cola=1, tea=1))
    found = await store.good("/v1/explain/cola?limit=3")
    assert {(cell["source"], cell["target"]): cell["total"] for cell in found["cells"]} == {
        ("supplier", "store-1/free"): 10,
        ("store-1/free", "customer"): 4,
    }
    assert [entry["kind"] for entry in found["movements"]] == ["sale"] * 3
    rest = await store.good(f"/v1/explain/cola?limit=3&before={found['next']}")
    assert [entry["kind"] for entry in rest["movements"]] == ["sale", "receipt"]
    assert rest["next"] is None
    status, problem = await store.read("/v1/explain/nothing")
    assert (status, problem["type"]) == (404, "not-found")


async def test_item_that_never_moved_has_no_stock(store: Caller) -> None:
    assert figures(await store.good("/v1/stock/never-moved")) == (0, 0, 0)
    status, problem = await store.read("/v1/stock/a%20b")
    assert (status, problem["type"]) == (404, "unknown-sku")


async def test_journal_pages_in_arrival_order(store: Caller) -> None:
    for number in range(5):
        await store.good("/v1/receipts", lines(cola=number + 1), key=f"r{number}")
    first = await store.good("/v1/journal?limit=3")
    rest = await store.good(f"/v1/journal?after={first['next']}")
    assert [entry["key"] for entry in first["entries"] + rest["entries"]] == [f"r{number}" for number in range(5)]
    assert await store.good(f"/v1/journal?after={rest['next']}") == {"entries": [], "next": rest["next"]}


async def test_status_of_a_store_without_a_hub_shows_that_it_runs_alone(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=10))
    status = await store.good("/v1/status")
    assert (status["node"], status["location"], status["hub"], status["connected"]) == (
        "store-1",
        "store-1",
        None,
        False,
    )
    assert status["reason"] == "no hub configured"
    assert status["unacknowledged"] == 0
    assert status["version_vector"]["store-1"][status["writer"]]["sequence"] == 1
    assert status["digest"] == status["digests"]["store-1"]


async def test_web_page_of_another_site_cannot_sell(store: Caller) -> None:
    foreign = ("http://evil.example", "null", "http://[::1", "http://[evil]")
    for origin, expected in (*((page, 403) for page in foreign), ("http://localhost:9", 201)):
        headers = {"Origin": origin, "Idempotency-Key": f"from-{origin}"}
        async with store.client.post("/v1/sales", json=lines(cola=1), headers=headers) as response:
            assert response.status == expected
    assert figures(await store.good("/v1/stock/cola")) == (-1, 0, -1)


async def test_a_sale_with_two_keys_is_refused(store: Caller) -> None:
    keys = CIMultiDict([("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")])
    async with store.client.post("/v1/sales", json=lines(cola=1), headers=keys) as response:
        assert (response.status, (await response.json(content_type=None))["field"]) == (422, "Idempotency-Key")


async def test_unknown_path_and_wrong_method_get_problem_documents(store: Caller) -> None:
    status, problem = await store.read("/v1/nowhere")
    assert (status, problem["type"]) == (404, "not-found")
    status, problem = await store.write("/v1/stock", {})
    assert (status, problem["type"]) == (405, "method-not-allowed")


async def test_openapi_document_lists_every_call_and_resolves_every_reference(store: Caller) -> None:
    document = await store.good("/openapi.json")
    served = {(route.method, route.resource.canonical) for route in store.client.app.router.routes() if route.resource}
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    calls = {(method, path) for method, path in served if path != "/" and not path.startswith(PREFIX)}
    assert described == {(method, path) for method, path in calls if method != "HEAD"}
    schemas = document["components"]["schemas"]

    def references(part: Any) -> list[str]:
        if isinstance(part, dict):
            own = [part["$ref"]] if "$ref" in part else []
            return own + [found for value in part.values() for found in references(value)]
        return [found for value in part for found in references(value)] if isinstance(part, list) else []

    assert {name.rpartition("/")[2] for name in references(document)} <= set(schemas)
    assert schemas["SkuLine"]["properties"]["quantity"]["minimum"] == 1


async def test_metrics_count_what_happened(store: Caller) -> None:
    await store.good("/v1/receipts", lines(cola=1), key="r")
    await store.good("/v1/receipts", lines(cola=1), key="r")
    await store.write("/v1/sales", {**lines(cola=9), "on_shortage": "refuse"})
    async with store.client.get("/metrics") as response:
        text = await response.text()
    for sample in ("commits_total 1.0", "requests_repeated_total 1.0", "requests_refused_total 1.0", "ready 1.0"):
        assert f"shelfsync_{sample}" in text
