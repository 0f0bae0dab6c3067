"""A hub that reaches no other region never says that an order is in one, on either path and after any retry."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from random import Random

import pytest

from simulations.clock import SimulatedClock
from simulations.full_stack.loop import StackLoop
from simulations.mutations.mutation import Mutation, planted, slip
from simulations.reference.answers import Request
from tests.reference.serving import WAREHOUSE, ServedHub, as_json, light


async def place_at_lone_hub(one: ServedHub) -> list[int]:
    """Place an order twice under one key and once under another, with a restart between. Return the statuses."""
    await one.start()
    goods = as_json({"lines": [{"item": "tea", "quantity": 3}]})
    ((status, _),) = await one.ask([Request("POST", "/v1/receipts", {"location": WAREHOUSE}, goods, "goods")])
    assert status == 201
    body = as_json({"order": "o-1", "lines": [{"sku": "tea", "quantity": 1}], "durability": "region"})
    statuses = []
    for key in ("key-1", "key-1", "key-2"):
        ((status, shown),) = await one.ask([Request("POST", "/v1/orders", {}, body, key)])
        statuses.append(status)
        assert status == 201 or json.loads(shown)["type"] == "not-replicated"
        await one.stop()
        await one.start()
    ((_, stock),) = await one.ask([Request("GET", f"/v1/stock/{WAREHOUSE}/tea")])
    assert json.loads(stock)["reserved"] == 1
    await one.stop()
    return statuses


def statuses_of(directory: Path, is_fast: bool) -> list[int]:
    loop = StackLoop(Random(0))
    try:
        with light(loop):
            one = ServedHub(SimulatedClock(loop.time), directory, is_fast=is_fast)
            return loop.run_until_complete(asyncio.wait_for(place_at_lone_hub(one), 60.0))
    finally:
        loop.close()


@pytest.mark.parametrize("is_fast", [True, False])
def test_lone_hub_never_promises_another_region(tmp_path: Path, is_fast: bool) -> None:
    assert statuses_of(tmp_path, is_fast) == [503, 503, 503]


def test_region_order_on_the_fast_path_is_seen(tmp_path: Path) -> None:
    edit = slip("replica.runtime.http.order_placing:waits", (' or placement.durability != "local"', ""))
    with planted(Mutation(name="", breaks="", invariant=0, expected=(), edits=(edit,))):
        assert 201 in statuses_of(tmp_path, is_fast=True)
