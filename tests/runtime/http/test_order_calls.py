"""The calls about orders, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from multidict import CIMultiDict

from replica.core.base.errors import RightsExhausted
from replica.core.log.entry import Entry
from replica.core.orders.requests import Handover
from replica.core.state.commands import Command, DocumentWrite
from replica.core.stock.requests import GoodsLine, GoodsReceipt
from tests.callers import Caller
from tests.hub.test_hub_calls import stocked

ORDER = {"order": "web-1", "channel": "web", "customer": "c-17", "lines": [{"sku": "cola", "quantity": 3}]}


async def placed(hub: Caller, **more: Any) -> dict[str, Any]:
    """An order for three cola, placed where there are some."""
    await stocked(hub)
    return await hub.good("/v1/orders", {**ORDER, **more})


async def event(hub: Caller, name: str, order: str = "web-1", **more: Any) -> tuple[int, dict[str, Any]]:
    return await hub.write(f"/v1/orders/{order}/events", {"event": name, **more})


async def test_order_holds_its_goods_and_answers_when_it_expires(hub: Caller) -> None:
    answer = await placed(hub)
    assert (answer["order"], answer["state"]) == ("web-1", "held")
    (fulfilment,) = answer["fulfilments"]
    assert (fulfilment["location"], fulfilment["lines"]) == ("w-1", [{"sku": "cola", "quantity": 3}])
    assert answer["expires_at"].endswith("Z")
    stock = await hub.good("/v1/stock/w-1/cola_bottle")
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (20, 3, 17)


async def test_order_takes_its_events_and_shows_its_history(hub: Caller) -> None:
    await placed(hub)
    for name, state in (("pay", "reserved"), ("pick", "picking"), ("ship", "shipped"), ("return", "returned")):
        status, answer = await event(hub, name)
        assert (status, answer["state"]) == (200, state)
    view = await hub.good("/v1/orders/web-1")
    (fulfilment,) = view["fulfilments"]
    assert [past["state"] for past in fulfilment["history"]] == ["held", "reserved", "picking", "shipped", "returned"]
    assert (view["channel"], view["customer"], fulfilment["owner"]) == ("web", "c-17", "hub-east")
    stock = await hub.good("/v1/stock/w-1/cola_bottle")
    assert (stock["on_hand"], stock["reserved"], stock["quarantined"], stock["available"]) == (20, 0, 3, 17)


async def test_same_key_gets_the_same_answer_and_another_request_is_refused(hub: Caller) -> None:
    await stocked(hub)
    first = await hub.write("/v1/orders", ORDER, key="k1")
    assert await hub.write("/v1/orders", ORDER, key="k1") == first
    status, problem = await hub.write("/v1/orders", {**ORDER, "ttl_s": 60}, key="k1")
    assert (status, problem["type"]) == (422, "idempotency-key-reused")
    assert await hub.write("/v1/orders", ORDER, key="k2") == first
    status, problem = await hub.write("/v1/orders", {**ORDER, "ttl_s": 60}, key="k3")
    assert (status, problem["type"], problem["field"]) == (409, "order-exists", "order")
    shipped = await hub.write("/v1/orders/web-1/events", {"event": "pay"}, key="p1")
    assert await hub.write("/v1/orders/web-1/events", {"event": "pay"}, key="p1") == shipped
    assert (await hub.good("/v1/stock/w-1/cola_bottle"))["reserved"] == 3


async def test_answer_lists_the_missing_quantity_of_each_line(hub: Caller) -> None:
    await stocked(hub)
    lines = [{"sku": "cola", "quantity": 1}, {"sku": "cola-carrier", "quantity": 5}]
    status, problem = await hub.write("/v1/orders", {"order": "web-2", "lines": lines})
    assert (status, problem["type"]) == (409, "insufficient-rights")
    (short,) = problem["lines"]
    assert (short["line"], short["sku"], short["wanted"], short["free"]) == (1, "cola-carrier", 5, 4)
    answer = await hub.good("/v1/orders", {"order": "web-2", "lines": lines, "partial": True})
    assert sum(line["quantity"] for one in answer["fulfilments"] for line in one["lines"]) == 1 + 4
    assert {one["location"] for one in answer["fulfilments"]} == {"w-1", "w-2"}


async def test_line_may_name_its_location(hub: Caller) -> None:
    await stocked(hub)
    lines = [{"sku": "cola", "quantity": 1, "location": "w-2"}, {"barcode": "4006381333931", "quantity": 19}]
    answer = await hub.good("/v1/orders", {"order": "web-3", "lines": lines})
    assert {one["location"]: one["lines"][0]["quantity"] for one in answer["fulfilments"]} == {"w-1": 19, "w-2": 1}
    status, answer = await event(hub, "pay", "web-3", fulfilment=answer["fulfilments"][0]["id"])
    assert (status, answer["state"]) == (200, "held")


async def test_early_event_waits_and_impossible_event_is_refused_and_reported(hub: Caller) -> None:
    status, answer = await event(hub, "ship")
    assert (status, answer["state"], answer["waiting"], answer["reason"]) == (202, "none", "parked", "unknown-order")
    (waiting,) = (await hub.good("/v1/exceptions"))["waiting"]
    assert (waiting["order"], waiting["reason"], waiting["until"]) == ("web-1", "unknown-order", answer["until"])
    await placed(hub, paid=True)
    assert (await hub.good("/v1/orders/web-1"))["state"] == "shipped"
    status, problem = await event(hub, "cancel")
    assert (status, problem["type"], problem["state"]) == (409, "invalid-transition", "shipped")
    (shipped,) = (await hub.good("/v1/orders/web-1"))["fulfilments"]
    assert (problem["field"], problem["order"], problem["fulfilment"]) == ("event", "web-1", shipped["id"])
    found = await hub.good("/v1/exceptions")
    assert [(one["event"], one["outcome"]) for one in found["reports"]] == [("cancel", "impossible")]
    assert found["waiting"] == []


async def test_order_that_ended_and_is_placed_under_a_new_key_is_refused(hub: Caller) -> None:
    await stocked(hub)
    first = await hub.write("/v1/orders", ORDER, key="k1")
    await event(hub, "cancel")
    status, problem = await hub.write("/v1/orders", ORDER, key="k2")
    assert (status, problem["type"], problem["state"], problem["field"]) == (409, "order-ended", "cancelled", "order")
    assert "new name" in problem["detail"]
    assert await hub.write("/v1/orders", ORDER, key="k1") == first


async def test_hold_that_ended_and_is_placed_under_a_new_key_is_refused_by_a_store(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 5}]})
    held = {"order": "hold-1", "lines": [{"sku": "cola", "quantity": 2}]}
    assert (await store.good("/v1/holds", held))["state"] == "held"
    assert (await event(store, "collect", "hold-1"))[0] == 200
    status, problem = await store.write("/v1/holds", held)
    assert (status, problem["type"], problem["state"]) == (409, "order-ended", "collected")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"order": "a b", "lines": [{"sku": "cola", "quantity": 1}]}, "order"),
        ({"order": "a", "lines": []}, "lines"),
        ({"order": "a", "lines": [{"sku": "cola", "quantity": 0}]}, "lines[0].quantity"),
        ({"order": "a", "lines": [{"quantity": 1}]}, "lines[0].sku"),
        ({"order": "a", "lines": [{"sku": "cola", "quantity": 1}], "ttl_s": 0}, "ttl_s"),
        ({"order": "a", "lines": [{"sku": "cola", "quantity": 1}], "durability": "both"}, "durability"),
        ({"order": "a", "lines": [{"sku": "cola", "quantity": 1}], "email": "x@y"}, "email"),
    ],
)
async def test_order_that_is_malformed_is_refused_by_field(hub: Caller, body: dict[str, Any], field: str) -> None:
    await stocked(hub)
    status, problem = await hub.write("/v1/orders", body)
    assert (status, problem["field"]) == (422, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"event": "lose"}, "event"),
        ({"event": "adjust"}, "lines"),
        ({"event": "pick", "lines": [{"sku": "cola", "quantity": 1}]}, "lines"),
        ({"event": "ship", "lines": [{"sku": "cola", "quantity": 9}]}, "lines[0].quantity"),
        ({"event": "exchange", "lines": [{"sku": "cola", "quantity": 1}]}, "replacement"),
        ({"event": "adjust", "lines": [{"sku": "cola", "quantity": 9}]}, "lines[0].quantity"),
        ({"event": "pay", "number": -1}, "number"),
    ],
)
async def test_event_that_is_malformed_is_refused_by_field(hub: Caller, body: dict[str, Any], field: str) -> None:
    await placed(hub, paid=True)
    status, problem = await hub.write("/v1/orders/web-1/events", body)
    assert (status, problem["field"]) == (422, field)


async def test_event_of_an_unknown_fulfilment_of_a_known_order_is_not_found(hub: Caller) -> None:
    await placed(hub)
    status, problem = await event(hub, "pay", fulfilment="hub-east.2")
    assert (status, problem["type"], problem["field"]) == (404, "not-found", "fulfilment")
    assert (await hub.good("/v1/exceptions"))["waiting"] == []


async def test_return_told_at_a_hub_is_passed_on_and_a_shipment_is_not(hub: Caller) -> None:
    await placed(hub, paid=True)
    await hub.node.driver.submit(Command("", Handover("web-1", "hub-east.1", "store-9"), b"handed over"))
    status, answer = await event(hub, "return", lines=[{"sku": "cola", "quantity": 1}])
    assert (status, answer["waiting"]) == (202, "asked")
    assert [(one["event"], one["reason"]) for one in (await hub.good("/v1/exceptions"))["waiting"]] == [
        ("return", "owner")
    ]
    for name in ("ship", "collect"):
        status, problem = await event(hub, name)
        assert (status, problem["type"], problem["owner"]) == (409, "not-owner", "store-9")


async def test_unknown_order_is_not_found(hub: Caller) -> None:
    status, problem = await hub.read("/v1/orders/web-9")
    assert (status, problem["field"]) == (404, "order")


@pytest.mark.parametrize("field", ["campaign"])
@pytest.mark.parametrize("value", ["summer", {"country": "DE"}, None])
async def test_field_that_nothing_acts_on_is_refused(hub: Caller, field: str, value: Any) -> None:
    await stocked(hub)
    status, problem = await hub.write("/v1/orders", {**ORDER, field: value})
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", field)
    assert "not supported yet" in problem["detail"]
    assert (await hub.read("/v1/orders/web-1"))[0] == 404
    schema = (await hub.good("/openapi.json"))["components"]["schemas"]["PlacementBody"]["properties"][field]
    assert schema["maxLength"] == 0 and "422" in schema["description"]


@pytest.mark.parametrize("field", ["campaign", "ship_to"])
async def test_field_that_nothing_acts_on_is_refused_by_a_store(store: Caller, field: str) -> None:
    status, problem = await store.write("/v1/holds", {**ORDER, field: "x"})
    assert (status, problem["field"]) == (422, field)


async def test_orders_are_described_in_openapi(hub: Caller) -> None:
    document = await hub.good("/openapi.json")
    assert {"/v1/orders", "/v1/orders/{order}", "/v1/orders/{order}/events", "/v1/exceptions"} <= set(document["paths"])
    assert "ttl_s" in document["components"]["schemas"]["PlacementBody"]["properties"]


async def test_store_holds_goods_for_a_customer_and_hands_them_over(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 5}]})
    for name in ("hold-1", "hold-2"):
        held = {"order": name, "customer": "c-9", "lines": [{"sku": "cola", "quantity": 2}], "ttl_s": 86_400}
        assert (await store.good("/v1/holds", held))["state"] == "held"
    page = await store.good("/v1/pickups?limit=1")
    assert ([one["order"] for one in page["pickups"]], page["next"]) == (["hold-1"], "hold-1")
    page = await store.good("/v1/pickups?limit=1&cursor=hold-1")
    assert ([one["customer"] for one in page["pickups"]], page["next"]) == (["c-9"], None)
    assert page["pickups"][0]["fulfilment"]["lines"] == [{"sku": "cola", "quantity": 2}]
    status, answer = await event(store, "collect", "hold-1")
    assert (status, answer["state"]) == (200, "collected")
    status, answer = await event(store, "cancel", "hold-2")
    assert (status, answer["state"]) == (200, "cancelled")
    assert (await store.good("/v1/pickups"))["pickups"] == []
    stock = await store.good("/v1/stock/cola")
    assert (stock["on_hand"], stock["reserved"], stock["available"]) == (3, 0, 3)


async def test_held_goods_are_not_sold_to_another_customer(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 5}]})
    await store.good("/v1/holds", {"order": "hold-1", "lines": [{"sku": "cola", "quantity": 4}]})
    sale = {"lines": [{"sku": "cola", "quantity": 2}], "on_shortage": "refuse"}
    status, problem = await store.write("/v1/sales", sale)
    assert (status, problem["type"]) == (409, "insufficient-rights")


async def test_event_with_a_fulfilment_name_that_is_too_long_is_refused_by_field(hub: Caller) -> None:
    await placed(hub)
    status, problem = await event(hub, "cancel", fulfilment="x" * 300)
    assert (status, problem["field"]) == (422, "fulfilment")


@pytest.mark.parametrize("name", [".", ".."])
async def test_order_whose_name_no_path_can_hold_is_refused(hub: Caller, name: str) -> None:
    await stocked(hub)
    status, problem = await hub.write("/v1/orders", {**ORDER, "order": name})
    assert (status, problem["field"]) == (422, "order")


async def test_two_keys_for_one_request_are_refused(hub: Caller) -> None:
    await placed(hub)
    keys = [("Idempotency-Key", "k1"), ("Idempotency-Key", "k2")]
    answer = await hub.client.post("/v1/orders/web-1/events", json={"event": "pay"}, headers=CIMultiDict(keys))
    assert answer.status == 422
    assert (await answer.json())["field"] == "Idempotency-Key"


async def test_order_is_placed_when_rights_arrive_between_its_refusal_and_the_look(
    hub: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola_bottle": 1}}, method="PUT")
    submit, delivery = hub.node.driver.submit, GoodsReceipt((GoodsLine(quantity=5, item="cola_bottle"),))

    async def submit_then_deliver(command: Command | DocumentWrite) -> Entry:
        try:
            return await submit(command)
        except RightsExhausted:
            await submit(Command("w-1", delivery, b"just now"))
            raise

    monkeypatch.setattr(hub.node.driver, "submit", submit_then_deliver)
    answer = await hub.good("/v1/orders", {**ORDER, "wait_ms": 2_000})
    assert answer["state"] == "held"
