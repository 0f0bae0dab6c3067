"""The calls about transfers, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.callers import Caller
from tests.hub.test_hub_calls import stocked

TEN = {"lines": [{"item": "cola", "quantity": 10}]}


async def requested(store: Caller, **more: Any) -> str:
    """A transfer of ten cola from the store to store-2, approved. Return its number."""
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 20}]})
    answer = await store.good("/v1/transfers", {"to": "store-2", "approve": True, **TEN, **more})
    return str(answer["transfer"])


async def test_a_transfer_goes_from_its_request_to_its_arrival(hub: Caller) -> None:
    await stocked(hub)
    lines = [{"sku": "cola", "quantity": 5}]
    status, asked = await hub.write("/v1/transfers?location=w-1", {"to": "w-2", "lines": lines, "plan": "night-7"})
    assert (status, asked["state"], asked["location"], asked["step"]) == (201, "requested", "w-1", "request")
    path = f"/v1/transfers/{asked['transfer']}"
    assert (await hub.good(f"{path}/approve", {}))["state"] == "approved"
    shipped = await hub.good(f"{path}/ship", {"lines": [{"sku": "cola", "quantity": 3}]})
    assert (shipped["state"], shipped["lines"][0]["available"]) == ("shipping", 17)
    assert (await hub.good(f"{path}/ship", {}))["units"] == [{"item": "cola_bottle", "quantity": 2}]
    received = await hub.good(f"{path}/receive", {"lines": [{"sku": "cola", "quantity": 4}]})
    assert (received["state"], received["location"], received["unmatched"]) == ("receiving", "w-2", {})
    damaged = {"item": "cola_bottle", "quantity": 1, "condition": "damaged"}
    assert (await hub.good(f"{path}/receive", {"lines": [damaged]}))["state"] == "received"
    view = await hub.good(path)
    assert (view["from"], view["to"], view["plan"], view["discrepancies"]) == ("w-1", "w-2", "night-7", ["damaged"])
    (units,) = view["units"]
    assert (units["sent"], units["received"], units["damaged"], units["in_transit"]) == (5, 5, 1, 0)
    assert [one["step"] for one in view["steps"]] == ["request", "approve", "ship", "ship", "receive", "receive"]
    stock = [await hub.good(f"/v1/stock/{place}/cola_bottle") for place in ("w-1", "w-2")]
    assert [(one["on_hand"], one["available"]) for one in stock] == [(15, 15), (12, 11)]


async def test_the_same_key_gets_the_same_answer_to_every_step(store: Caller) -> None:
    body = {"to": "store-2", "approve": True, **TEN}
    await store.good("/v1/receipts", TEN)
    first = await store.write("/v1/transfers", body, key="r")
    path = f"/v1/transfers/{first[1]['transfer']}"
    steps = [(f"{path}/ship", {}, "s"), (f"{path}/receive", {}, "v")]
    answers = [await store.write(*step) for step in steps]
    assert [status for status, _ in (first, *answers)] == [201, 200, 200]
    assert await store.write("/v1/transfers", body, key="r") == first
    assert [await store.write(*step) for step in steps] == answers
    status, problem = await store.write("/v1/transfers", {**body, "to": "store-3"}, key="r")
    assert (status, problem["type"]) == (422, "idempotency-key-reused")


async def test_a_store_asks_for_goods_of_another_location(store: Caller) -> None:
    status, answer = await store.write("/v1/transfers", {"from": "store-2", "to": "store-1", **TEN})
    assert (status, answer["state"], answer["location"]) == (201, "requested", "store-1")
    status, problem = await store.write("/v1/transfers", {"from": "store-2", "to": "store-3", **TEN})
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", "from")
    status, problem = await store.write(f"/v1/transfers/{answer['transfer']}/ship", TEN)
    assert (status, problem["type"], problem["state"]) == (409, "transfer-state", "requested")


async def test_a_parcel_that_nobody_announced_is_taken_in_and_shown(store: Caller) -> None:
    number = await requested(store)
    await store.good(f"/v1/transfers/{number}/cancel", {"reason": "not needed"})
    status, answer = await store.write(f"/v1/transfers/{number}/receive", TEN)
    assert (status, answer["state"], answer["unmatched"]) == (200, "unmatched", {"cola": 10})
    assert (await store.good("/v1/stock/cola"))["on_hand"] == 30
    body = {"lines": [{"item": "cola", "quantity": 10, "reason": "taken_back"}]}
    assert (await store.good(f"/v1/transfers/{number}/settle", body))["state"] == "cancelled"
    assert (await store.good("/v1/stock/cola"))["on_hand"] == 20


async def test_a_wrong_number_is_refused(store: Caller, hub: Caller) -> None:
    for caller in (store, hub):
        status, problem = await caller.read("/v1/transfers/t2ywe3vaorx2gq")
        assert (status, problem["type"], problem["transfer"]) == (404, "unknown-transfer", "t2ywe3vaorx2gq")
        status, problem = await caller.write("/v1/transfers/T9/approve", {})
        assert (status, problem["type"]) == (404, "unknown-transfer")
    status, problem = await store.write("/v1/transfers/T9/receive", TEN)
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", "transfer")


async def test_what_a_store_may_not_promise_is_not_shipped(store: Caller) -> None:
    number = await requested(store)
    await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 15}]})
    status, problem = await store.write(f"/v1/transfers/{number}/ship", {})
    assert (status, problem["type"]) == (409, "insufficient-rights")
    assert problem["lines"] == [{"item": "cola", "wanted": 10, "free": 5}]
    answer = await store.good(f"/v1/transfers/{number}/ship", {"on_shortage": "record"})
    assert (answer["lines"][0]["breach"], answer["state"]) == (5, "shipped")


async def test_a_hub_ships_only_from_locations_that_it_writes_for(hub: Caller) -> None:
    await stocked(hub)
    for place in ("s-1", "s-2"):
        document = {"type": "store", "name": place, "region": "east"}
        await hub.good(f"/v1/documents/location/{place}", document, method="PUT")
    lines = [{"sku": "cola", "quantity": 5}]
    asked = await hub.good("/v1/transfers", {"from": "s-1", "to": "s-2", "approve": True, "lines": lines})
    for step in ("ship", "receive"):
        status, problem = await hub.write(f"/v1/transfers/{asked['transfer']}/{step}", {"lines": lines})
        assert (status, problem["type"]) == (409, "not-hosted")
    wrong = await hub.good(f"/v1/transfers/{asked['transfer']}/receive?location=w-2", {"lines": lines})
    assert (wrong["location"], wrong["state"]) == ("w-2", "unmatched")
    assert "wrong_location" in (await hub.good(f"/v1/transfers/{asked['transfer']}"))["discrepancies"]


async def test_a_location_that_nobody_knows_is_refused_by_its_field(hub: Caller) -> None:
    await stocked(hub)
    lines = [{"sku": "cola", "quantity": 5}]
    for field, body in (("from", {"from": "w-11", "to": "w-2"}), ("to", {"from": "w-1", "to": "w-22"})):
        status, problem = await hub.write("/v1/transfers", {**body, "lines": lines})
        assert (status, problem["field"]) == (422, field)
        assert "Did you mean w-" in problem["detail"]
    status, problem = await hub.write("/v1/transfers", {"to": "w-2", "lines": lines})
    assert (status, problem["field"]) == (422, "location")


async def test_the_list_is_filtered_and_has_pages(hub: Caller) -> None:
    await stocked(hub)
    numbers = []
    for index in range(5):
        lines = [{"sku": "cola", "quantity": 1}]
        ends = {"from": "w-1", "to": "w-2"} if index % 2 else {"from": "w-2", "to": "w-1"}
        body = {**ends, "lines": lines, "approve": True, "plan": f"p-{index % 2}"}
        numbers.append((await hub.good("/v1/transfers", body))["transfer"])
    await hub.good(f"/v1/transfers/{numbers[1]}/ship", {"expected_at": "2020-01-01T00:00:00Z"})

    async def listed(query: str) -> list[str]:
        return [one["transfer"] for one in (await hub.good(f"/v1/transfers?{query}"))["transfers"]]

    assert await listed("") == numbers[::-1]
    assert await listed("from=w-1") == await listed("plan=p-1") == [numbers[3], numbers[1]]
    assert await listed("to=w-1&state=approved") == [numbers[4], numbers[2], numbers[0]]
    assert await listed("state=shipped") == await listed("late=true") == [numbers[1]]
    assert await listed("location=w-1") == numbers[::-1]
    page = await hub.good("/v1/transfers?limit=2")
    assert (len(page["transfers"]), page["next"]) == (2, numbers[3])
    assert await listed(f"cursor={page['next']}") == numbers[2::-1]
    status, problem = await hub.read("/v1/transfers?cursor=nothing")
    assert (status, problem["field"]) == (422, "cursor")
    status, problem = await hub.read("/v1/transfers?to=w-9")
    assert (status, problem["type"]) == (404, "unknown-location")


@pytest.mark.parametrize(
    ("step", "body", "field"),
    [
        ("ship", {"lines": []}, "lines"),
        ("ship", {"lines": [{"item": "cola", "quantity": 0}]}, "lines[0].quantity"),
        ("ship", {"lines": [{"item": "cola", "quantity": 11}]}, "lines[0].quantity"),
        ("receive", {"lines": [{"item": "cola", "quantity": 1, "condition": "wet"}]}, "lines[0].condition"),
        ("receive", {"lines": [{"item": "cola", "sku": "cola", "quantity": 1}]}, "lines[0].sku"),
        ("settle", {"lines": [{"item": "cola", "quantity": 1, "reason": "lost"}]}, "lines[0].quantity"),
        ("cancel", {"why": ""}, "why"),
    ],
)
async def test_a_wrong_field_of_a_step_is_named(store: Caller, step: str, body: dict[str, Any], field: str) -> None:
    number = await requested(store)
    status, problem = await store.write(f"/v1/transfers/{number}/{step}", body)
    assert (status, problem["type"], problem["field"]) == (422, "invalid-request", field)


async def test_metrics_count_what_is_on_its_way(store: Caller) -> None:
    number = await requested(store)
    await store.good(f"/v1/transfers/{number}/ship", {"expected_at": "2020-01-01T00:00:00Z"})
    async with store.client.get("/metrics") as response:
        lines = (await response.text()).splitlines()
    for name, value in (("in_transit", 1), ("late", 1), ("discrepant", 0)):
        assert f"shelfsync_transfers_{name} {value}.0" in lines


async def test_goods_on_their_way_are_shown_with_their_time_and_never_promised(hub: Caller) -> None:
    await stocked(hub)
    lines = [{"sku": "cola-carrier", "quantity": 2}]
    body = {"from": "w-1", "to": "w-2", "approve": True, "lines": lines, "expected_at": "2030-01-02T03:04:05Z"}
    number = (await hub.good("/v1/transfers", body))["transfer"]
    before = await hub.good("/v1/availability/cola")
    assert all("incoming" not in one for one in before["locations"])  # nothing has left
    await hub.good(f"/v1/transfers/{number}/ship", {})
    for sku, quantity in (("cola", 12), ("cola-carrier", 2)):
        answer = await hub.good(f"/v1/availability/{sku}")
        (there,) = [one for one in answer["locations"] if one["location"] == "w-2"]
        incoming = {"transfer": number, "from": "w-1", "quantity": quantity, "expected_at": "2030-01-02T03:04:05.000Z"}
        assert there["incoming"] == [incoming]
    assert (await hub.good("/v1/availability/cola"))["guaranteed"] == 8 + 7
    source, target = [await hub.good(f"/v1/stock/{place}/cola_bottle") for place in ("w-1", "w-2")]
    assert (source["in_transit"], source["on_hand"], "incoming" in source) == (12, 8, False)
    assert (target["incoming"][0]["quantity"], target["available"], "in_transit" in target) == (12, 7, False)
    order = {"order": "o-1", "lines": [{"sku": "cola", "quantity": 16}]}
    status, problem = await hub.write("/v1/orders", order)
    assert (status, problem["type"]) == (409, "insufficient-rights")
    await hub.good(f"/v1/transfers/{number}/receive", {})
    assert (await hub.good("/v1/availability/cola"))["guaranteed"] == 27
    assert "incoming" not in await hub.good("/v1/stock/w-2/cola_bottle")


async def test_exceptions_list_late_transfers_and_those_that_do_not_come_out_even(store: Caller) -> None:
    late, lost = await requested(store, expected_at="2020-01-01T00:00:00Z"), await requested(store)
    for number in (late, lost):
        await store.good(f"/v1/transfers/{number}/ship", {})
    settled = {"lines": [{"item": "cola", "quantity": 10, "reason": "lost"}]}
    await store.good(f"/v1/transfers/{lost}/settle", settled)
    shown = await store.good("/v1/exceptions")
    assert [(one["transfer"], one["late"]) for one in shown["late_transfers"]] == [(late, True)]
    (uneven,) = shown["transfer_discrepancies"]
    assert (uneven["transfer"], uneven["state"], uneven["discrepancies"]) == (lost, "lost", ["lost"])
    await store.good(f"/v1/transfers/{late}/receive", {})
    assert (await store.good("/v1/exceptions"))["late_transfers"] == []
