"""A store starts only on data of its own location."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_node.assembly import assemble
from hub.assembly import assemble as assemble_hub
from hub.assembly import goods_elsewhere
from replica.runtime.journal.damage import DataRefused
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly
from tests.callers import calling

GOODS = {"lines": [{"sku": "cola", "quantity": 5}]}


async def store(data: Path, *, name: str = "store-1", location: str = "store-1") -> Assembly:
    return await assemble(
        HttpNetwork(),
        name=name,
        location=location,
        data=data,
        host="127.0.0.1",
        hubs=(),
        region="store",
        open_catalog=True,
    )


async def hub(data: Path, *hosts: str, name: str = "hub-east") -> Assembly:
    return await assemble_hub(
        HttpNetwork(), name=name, region="east", data=data, host="127.0.0.1", hosts=hosts, open_catalog=True
    )


async def test_a_misspelt_location_on_old_data_is_refused_and_both_are_named(tmp_path: Path) -> None:
    async with calling(await store(tmp_path)) as caller:
        await caller.good("/v1/receipts", GOODS)
    for _ in range(2):  # the second start shows that the first released the lock
        with pytest.raises(DataRefused, match="belongs to location 'store-1', not to 'stroe-1'"):
            await store(tmp_path, location="stroe-1")
    async with calling(await store(tmp_path)) as caller:
        assert (await caller.good("/v1/stock/cola"))["on_hand"] == 5


async def test_data_without_entries_may_get_another_location(tmp_path: Path) -> None:
    async with calling(await store(tmp_path, location="stroe-1")):
        pass
    async with calling(await store(tmp_path)) as caller:
        await caller.good("/v1/receipts", GOODS)


async def test_a_store_does_not_start_on_the_data_of_a_hub(tmp_path: Path) -> None:
    async with calling(await hub(tmp_path, "w-1", "w-2", name="store-1")) as caller:
        for location in ("w-1", "w-2"):
            await caller.good(f"/v1/receipts?location={location}", GOODS)
    with pytest.raises(DataRefused, match="has entries of w-1, w-2"):
        await store(tmp_path)


async def test_a_hub_that_no_longer_hosts_a_location_with_its_goods_sees_them(tmp_path: Path) -> None:
    async with calling(await hub(tmp_path, "w-1", "w-2")) as caller:
        for location in ("w-1", "w-2"):
            await caller.good(f"/v1/receipts?location={location}", GOODS)
        assert goods_elsewhere(caller.node.replica) == {}
    async with calling(await hub(tmp_path, "w-1")) as caller:
        assert goods_elsewhere(caller.node.replica) == {"w-2": 5}
