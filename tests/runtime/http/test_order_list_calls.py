"""`GET /v1/orders`: orders, newest first, with filters and in pages of bounded work."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from replica.runtime.http import order_list
from tests.callers import Caller, calling
from tests.hub.test_hub_calls import stocked
from tests.hub.test_hub_restarted import started
from tests.runtime.http.test_order_calls import event


async def place(caller: Caller, name: str, *, path: str = "/v1/orders", quantity: int = 1, **more: Any) -> None:
    """Place an order for some cola."""
    await caller.good(path, {"order": name, "lines": [{"sku": "cola", "quantity": quantity}], **more})


async def names(caller: Caller, query: str = "") -> list[str]:
    """The names of the orders on the first page."""
    return [one["order"] for one in (await caller.good(f"/v1/orders?{query}"))["orders"]]


async def test_orders_are_listed_newest_first(hub: Caller) -> None:
    await stocked(hub)
    for name in ("b", "c", "a"):
        await place(hub, name)
    await event(hub, "pay", "b")
    assert await names(hub) == ["a", "c", "b"]


async def test_a_row_sums_up_its_order(hub: Caller) -> None:
    await stocked(hub)
    lines = [{"sku": sku, "quantity": 1, "location": "w-2"} for sku in ("cola", "cola-carrier")]
    await hub.good("/v1/orders", {"order": "o", "channel": "web", "lines": lines})
    (row,) = (await hub.good("/v1/orders"))["orders"]
    assert row == {
        "order": "o",
        "state": "held",
        "placed_at": (await hub.good("/v1/orders/o"))["placed_at"],
        "channel": "web",
        "lines": 2,
        "units": 2,
        "locations": ["w-2"],
        "has_exceptions": False,
    }


async def test_sku_that_two_locations_serve_is_one_line(hub: Caller) -> None:
    await stocked(hub)
    await place(hub, "split", quantity=25)
    (row,) = (await hub.good("/v1/orders"))["orders"]
    assert (row["lines"], row["units"], row["locations"]) == (1, 25, ["w-1", "w-2"])


async def test_row_of_a_cancelled_order_says_what_was_placed(hub: Caller) -> None:
    await stocked(hub)
    await place(hub, "o", quantity=3)
    await event(hub, "cancel", "o")
    (row,) = (await hub.good("/v1/orders"))["orders"]
    assert (row["state"], row["lines"], row["units"], row["has_exceptions"]) == ("cancelled", 1, 3, False)


async def test_order_that_a_person_should_look_at_is_marked(hub: Caller) -> None:
    await stocked(hub)
    await place(hub, "o")
    await event(hub, "ship", "o")  # waits for the payment
    assert [one["has_exceptions"] for one in (await hub.good("/v1/orders"))["orders"]] == [True]
    await event(hub, "ship", "unheard")
    (row, _) = (await hub.good("/v1/orders"))["orders"]
    assert row == {
        "order": "unheard",
        "state": "none",
        "placed_at": None,
        "channel": "",
        "lines": 0,
        "units": 0,
        "locations": [],
        "has_exceptions": True,
    }


async def test_orders_are_filtered_by_state_location_channel_and_name(hub: Caller) -> None:
    await stocked(hub)
    await place(hub, "web-1", channel="web")
    await place(hub, "web-2", channel="web", pickup_at="w-2")
    await place(hub, "mall-1", channel="mall", pickup_at="w-2")
    await event(hub, "pay", "web-2")
    assert await names(hub, "state=held") == ["mall-1", "web-1"]
    assert await names(hub, "state=reserved") == ["web-2"]
    assert await names(hub, "location=w-2") == ["mall-1", "web-2"]
    assert await names(hub, "channel=web") == ["web-2", "web-1"]
    assert await names(hub, "q=web-") == ["web-2", "web-1"]
    assert await names(hub, "q=web-1&state=held&location=w-1&channel=web") == ["web-1"]
    assert await names(hub, "q=eb-") == []


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("state=lost", 422, "state"),
        ("location=w-3", 404, "location"),
        (f"q={'x' * 65}", 422, "q"),
        ("cursor=unknown", 422, "cursor"),
        ("limit=0", 422, "limit"),
    ],
)
async def test_a_wrong_filter_is_refused_by_its_field(hub: Caller, query: str, status: int, field: str) -> None:
    answer = await hub.read(f"/v1/orders?{query}")
    assert (answer[0], answer[1]["field"]) == (status, field)


async def pages(caller: Caller, query: str) -> list[list[str]]:
    """The names of all pages."""
    found, cursor = [], ""
    while True:
        page = await caller.good(f"/v1/orders?{query}&cursor={quote(cursor, '')}")
        found.append([one["order"] for one in page["orders"]])
        if page["next"] is None:
            return found
        cursor = page["next"]


async def test_pages_follow_each_other_also_while_new_orders_arrive(hub: Caller) -> None:
    await stocked(hub)
    for number in range(5):
        await place(hub, f"o-{number}")
    assert await pages(hub, "limit=2") == [["o-4", "o-3"], ["o-2", "o-1"], ["o-0"]]
    assert await pages(hub, "limit=5") == [["o-4", "o-3", "o-2", "o-1", "o-0"]]
    first = await hub.good("/v1/orders?limit=2")
    await place(hub, "o-5")
    second = await hub.good(f"/v1/orders?limit=2&cursor={first['next']}")
    assert [one["order"] for one in second["orders"]] == ["o-2", "o-1"]


async def test_work_of_a_page_is_bounded_so_it_may_be_empty_and_have_a_next(
    hub: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(order_list, "ORDERS_PER_PAGE_MAX", 2)
    await stocked(hub)
    await place(hub, "first", channel="web")
    for number in range(3):
        await place(hub, f"o-{number}")
    assert await pages(hub, "channel=web") == [[], ["first"]]
    assert await pages(hub, "limit=3") == [["o-2", "o-1"], ["o-0", "first"]]


async def test_order_of_the_list_survives_a_restart(tmp_path: Path) -> None:
    async with calling(await started(tmp_path)) as hub:
        await hub.good("/v1/receipts?location=w-1", {"lines": [{"sku": "cola", "quantity": 9}]})
        for name in ("c", "a", "b"):
            await place(hub, name)
        await event(hub, "pay", "c")
    async with calling(await started(tmp_path)) as hub:
        await place(hub, "d")
        assert await names(hub) == ["d", "b", "a", "c"]


async def test_store_lists_its_orders_too(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 9}]})
    await place(store, "o-1", path="/v1/holds")
    await place(store, "o-2", path="/v1/holds", quantity=2)
    page = await store.good("/v1/orders?location=store-1")
    assert [(one["order"], one["units"]) for one in page["orders"]] == [("o-2", 2), ("o-1", 1)]
