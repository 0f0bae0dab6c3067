"""Orders in parts, over HTTP: at a hub that writes for two warehouses, and at a store."""

from __future__ import annotations

from typing import Any

import pytest

from tests.callers import Caller
from tests.hub.test_hub_calls import stocked

EIGHT = {
    "order": "web-1",
    "lines": [{"sku": "cola", "quantity": 5, "location": "w-1"}, {"sku": "cola", "quantity": 3, "location": "w-2"}],
}


def cola(quantity: int) -> list[dict[str, Any]]:
    return [{"sku": "cola", "quantity": quantity}]


async def event(caller: Caller, name: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return await caller.write("/v1/orders/web-1/events", {"event": name, **more})


async def figures(caller: Caller, path: str) -> tuple[int, int, int]:
    stock = await caller.good(f"/v1/stock/{path}")
    return stock["on_hand"], stock["reserved"], stock["available"]


async def held_at_the_store(store: Caller, quantity: int) -> None:
    """Ten cola on hand, some of them held for a customer who has not paid."""
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 10}]})
    await store.good("/v1/holds", {"order": "web-1", "lines": cola(quantity)})


async def test_customer_takes_two_of_three_held_units(store: Caller) -> None:
    await held_at_the_store(store, 3)
    status, answer = await event(store, "collect", lines=cola(2))
    assert (status, answer["state"]) == (200, "held")
    assert answer["outcomes"] == [{"fulfilment": "store-1.1-1", "outcome": "happened", "state": "collected"}]
    assert await figures(store, "cola") == (8, 1, 7)
    (pickup,) = (await store.good("/v1/pickups"))["pickups"]
    assert (pickup["fulfilment"]["id"], pickup["fulfilment"]["lines"]) == ("store-1.1", cola(1))
    assert pickup["fulfilment"]["expires_at"] is not None
    view = await store.good("/v1/orders/web-1")
    rest, part = view["fulfilments"]
    assert ("part_of" in rest, part["part_of"], part["lines"]) == (False, "store-1.1", cola(2))
    assert [(past["event"], past["act"], past["state"]) for past in part["history"]] == [
        ("collect", "split", "collected")
    ]
    assert [(past["event"], past["act"], past["state"]) for past in rest["history"]] == [
        ("hold", "step", "held"),
        ("collect", "split", "held"),
    ]


async def test_unpaid_hold_is_adjusted_before_it_is_collected(store: Caller) -> None:
    await held_at_the_store(store, 3)
    status, answer = await event(store, "adjust", lines=cola(1))
    assert (status, answer["state"], answer["fulfilments"][0]["lines"]) == (200, "held", cola(2))
    assert (await event(store, "collect"))[0] == 200
    assert await figures(store, "cola") == (8, 0, 8)


async def test_nine_of_ten_held_and_paid_are_exchanged_for_ten(store: Caller) -> None:
    await held_at_the_store(store, 9)
    await event(store, "pay")
    status, answer = await event(store, "exchange", lines=cola(9), replacement=cola(10))
    assert (status, answer["fulfilments"][0]["lines"]) == (200, cola(10))
    assert await figures(store, "cola") == (10, 10, 0)


async def test_last_six_pack_is_exchanged_for_five_singles_at_a_hub(hub: Caller) -> None:
    await stocked(hub)
    lines = [
        {"sku": "cola", "quantity": 1, "location": "w-2"},
        {"sku": "cola-carrier", "quantity": 1, "location": "w-2"},
    ]
    await hub.good("/v1/orders", {"order": "web-1", "lines": lines, "paid": True})
    carrier = [{"sku": "cola-carrier", "quantity": 1}]
    status, _ = await event(hub, "exchange", lines=carrier, replacement=cola(5))
    assert status == 200
    assert await figures(hub, "w-2/cola_bottle") == (7, 6, 1)


async def test_cancellation_releases_what_was_not_shipped_and_lists_each_part(hub: Caller) -> None:
    await stocked(hub)
    await hub.good("/v1/orders", {**EIGHT, "paid": True})
    await event(hub, "ship", fulfilment="hub-east.1")
    status, answer = await event(hub, "cancel")
    assert (status, answer["state"]) == (200, "shipped")
    assert answer["outcomes"] == [
        {"fulfilment": "hub-east.1", "outcome": "unchanged", "state": "shipped"},
        {"fulfilment": "hub-east.2", "outcome": "happened", "state": "cancelled"},
    ]
    assert await figures(hub, "w-1/cola_bottle") == (15, 0, 15)
    assert await figures(hub, "w-2/cola_bottle") == (7, 0, 7)
    status, answer = await event(hub, "cancel")
    assert (status, [one["outcome"] for one in answer["outcomes"]]) == (200, ["unchanged", "repeat"])
    assert (await hub.good("/v1/exceptions"))["reports"] == []


async def test_event_that_no_part_can_take_is_refused(hub: Caller) -> None:
    await stocked(hub)
    await hub.good("/v1/orders", {**EIGHT, "paid": True})
    await event(hub, "ship")
    status, problem = await event(hub, "cancel")
    assert (status, problem["type"], problem["state"]) == (409, "invalid-transition", "shipped")


async def test_event_that_waits_for_one_part_says_what_became_of_the_other(hub: Caller) -> None:
    await stocked(hub)
    await hub.good("/v1/orders", EIGHT)
    await event(hub, "pay", fulfilment="hub-east.2")
    status, answer = await event(hub, "ship")
    assert (status, answer["waiting"], answer["reason"]) == (202, "parked", "early")
    assert [one["until"] for one in (await hub.good("/v1/exceptions"))["waiting"]] == [answer["until"]]
    assert [(one["outcome"], one["state"]) for one in answer["outcomes"]] == [
        ("parked", "held"),
        ("happened", "shipped"),
    ]


@pytest.mark.parametrize("name", ["ship", "collect", "cancel"])
async def test_lines_that_several_parts_have_need_a_fulfilment(hub: Caller, name: str) -> None:
    await stocked(hub)
    await hub.good("/v1/orders", {**EIGHT, "paid": True})
    status, problem = await event(hub, name, lines=cola(1))
    assert (status, problem["field"]) == (422, "fulfilment")
    status, answer = await event(hub, name, lines=cola(1), fulfilment="hub-east.2")
    assert (status, answer["outcomes"][0]["fulfilment"]) == (200, "hub-east.2-1")


async def test_repeated_part_event_gets_its_first_answer(hub: Caller) -> None:
    await stocked(hub)
    await hub.good("/v1/orders", {"order": "web-1", "lines": cola(3), "paid": True})
    body = {"event": "ship", "lines": cola(1)}
    first = await hub.write("/v1/orders/web-1/events", body, key="part-1")
    assert await hub.write("/v1/orders/web-1/events", body, key="part-1") == first
    assert (await figures(hub, "w-1/cola_bottle"))[0] == 19
    await hub.good("/v1/orders/web-1/events", body, key="part-2")
    assert (await figures(hub, "w-1/cola_bottle"))[0] == 18


async def test_order_placed_by_barcode_is_adjusted_by_barcode(hub: Caller) -> None:
    await stocked(hub)
    by_barcode = {"barcode": "4006381333931"}
    await hub.good("/v1/orders", {"order": "web-1", "lines": [{**by_barcode, "quantity": 3}], "paid": True})
    cleared = {"recipe": {"cola_bottle": 1}, "unit": "EA"}
    await hub.good("/v1/documents/sku/cola", cleared, method="PUT")
    status, answer = await event(hub, "adjust", lines=[{**by_barcode, "quantity": 1}])
    assert (status, answer["fulfilments"][0]["lines"]) == (200, cola(2))
    assert (await event(hub, "ship", lines=[{**by_barcode, "quantity": 1}]))[0] == 200
    assert (await figures(hub, "w-1/cola_bottle"))[:2] == (19, 1)
