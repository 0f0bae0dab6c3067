"""`GET /v1/promises`: how the delivery promises of orders to an address were kept."""

from __future__ import annotations

from tests.callers import Caller
from tests.hub.test_addressed_orders import body
from tests.hub.test_sourcing_calls import chain, write


async def test_promises_are_shown_with_what_happened(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9})
    await write(hub, "carrier", "runner", {"lanes": [{"first": 1, "last": 2}]})
    for name in ("web-1", "web-2", "web-3"):
        await hub.good("/v1/orders", body(name, ("cola", 1), paid=True))
    assert (await hub.good("/v1/promises"))["figures"] == [
        {
            "location": "w-1",
            "carrier": "runner",
            "promised": 3,
            "left_in_time": 0,
            "left_late": 0,
            "arrived_early": 0,
            "arrived_in_time": 0,
            "arrived_late": 0,
        }
    ]
    await hub.good("/v1/orders/web-1/events", {"event": "ship"})
    await hub.good("/v1/orders/web-1/events", {"event": "deliver"})
    await hub.good("/v1/orders/web-2/events", {"event": "cancel"})
    found = await hub.good("/v1/promises")
    (figures,) = found["figures"]
    assert (figures["promised"], figures["arrived_early"]) == (2, 1)
    assert figures["left_in_time"] + figures["left_late"] == 1
    (shipped,) = (await hub.good("/v1/orders/web-1"))["fulfilments"]
    delivery = shipped["delivery"]
    assert delivery["dispatch_at"] < delivery["earliest"] <= delivery["latest"]
    assert delivery["left_at"] <= delivery["arrived_at"] < delivery["earliest"]
    assert delivery["carrier"] == "runner"
    (waiting,) = (await hub.good("/v1/orders/web-3"))["fulfilments"]
    assert "left_at" not in waiting["delivery"]
    overdue = [(one["order"], one["location"]) for one in found["overdue"]]
    assert overdue in ([], [("web-3", "w-1")])  # goods without cut-offs were to leave at once
    (ended,) = (await hub.good("/v1/orders/web-2"))["fulfilments"]
    assert "delivery" not in ended
    async with hub.client.get("/metrics") as response:
        text = await response.text()
    assert 'shelfsync_delivery_promises{carrier="runner",outcome="promised"} 2.0' in text


async def test_orders_without_an_address_promise_nothing(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9})
    await hub.good("/v1/orders", {"order": "web-1", "lines": [{"sku": "cola", "quantity": 1}]})
    assert await hub.good("/v1/promises") == {"figures": [], "late": [], "overdue": []}
