"""The list of fulfilments to pick or to collect at a store, page by page."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from edge_node import pickups
from edge_node.pickups import Pickup, pickups_of
from replica.core.orders.fold import Orders
from replica.core.state import replica
from replica.runtime.http.long_reads import SLICE
from replica.runtime.http.order_answers import order_view
from tests.callers import Caller
from tests.core.shuffled import OrderTaker


async def hold(store: Caller, *orders: str) -> None:
    for name in orders:
        body = {"order": name, "lines": [{"sku": "cola", "quantity": 1}], "ttl_s": 86_400}
        assert (await store.good("/v1/holds", body))["state"] == "held"


async def pages(store: Caller, limit: int) -> list[list[str]]:
    """The orders of each page, read with its cursor."""
    found, cursor = [], ""
    while True:
        page = await store.good(f"/v1/pickups?limit={limit}&cursor={cursor}")
        found.append([one["order"] for one in page["pickups"]])
        if page["next"] is None:
            return found
        cursor = page["next"]


async def test_pages_of_pickups_list_each_order_once_by_name(store: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 9}]})
    await hold(store, "e", "a", "d", "b", "c")
    assert await pages(store, 2) == [["a", "b"], ["c", "d"], ["e"]]
    assert await pages(store, 5) == [["a", "b", "c", "d", "e"]]
    await store.good("/v1/orders/b/events", {"event": "cancel"})
    assert await pages(store, 2) == [["a", "c"], ["d", "e"]]


async def test_a_long_list_of_pickups_is_rendered_a_slice_at_a_time(
    store: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    slices: list[int] = []

    def counted(orders: Orders, names: Sequence[str]) -> list[Pickup]:
        slices.append(len(names))
        return pickups_of(orders, names)

    monkeypatch.setattr(pickups, "pickups_of", counted)
    await store.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 99}]})
    names = [f"hold-{number:02}" for number in range(3 * SLICE)]
    await hold(store, *names)
    assert await pages(store, 100) == [names]
    assert max(slices) <= SLICE
    slices.clear()
    await store.good("/v1/pickups?limit=1")
    assert sum(slices) == 2


def test_a_pickup_of_a_placement_that_lost_is_marked_as_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    east, west = [OrderTaker(name, store_1={"cola": 3}) for name in ("hub-east", "hub-west")]
    store = OrderTaker("store-1", store_1={})
    west.now_ms += 1
    for hub in (east, west):
        hub.place(paid=True)
        hub.replica.locations = ()
        hub.replica.learn_location_owners({"store-1": "store-1"})
        hub.keep_up()
    east.tell(store)
    monkeypatch.setattr(replica, "BODY_BYTES_MAX", 10)  # the store cannot void the second one yet
    west.tell(store)
    first, second = order_view(store.order()).fulfilments
    assert (first.is_duplicate, second.is_duplicate) == (False, True)
    assert [one.fulfilment for one in pickups_of(store.replica.orders, ["o-1"])] == [first, second]
