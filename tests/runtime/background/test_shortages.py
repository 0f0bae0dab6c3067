"""Shortages between live nodes in virtual time, and over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from replica.core.orders.requests import PlacedLine, Placement, Revocation
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.commands import Command
from replica.core.stock.requests import OnShortage
from replica.runtime.background.shortages import SELECTION_MS
from replica.runtime.http.exception_answers import ExceptionsAnswer, exceptions
from replica.runtime.http.shortage_answers import breached_pairs
from replica.runtime.node import Node
from tests.callers import Caller
from tests.core.chain import NOW_MS
from tests.runtime.http.test_order_calls import placed
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import elapsed_s, until

SELECTION_S = SELECTION_MS / 1000


async def order(chain: Region, node: Node, name: str, units: int, **more: Any) -> None:
    placement = Placement(order=name, lines=(PlacedLine(units, COLA),), **more)
    await node.driver.submit(Command("", placement, name.encode()))


def exceptions_of(node: Node) -> ExceptionsAnswer:
    return exceptions(node.replica, dict.fromkeys(breached_pairs(node.replica.ledger)), (), 100, now_ms=NOW_MS)


def state(node: Node, name: str) -> str:
    found = node.replica.orders.find(name)
    return found.state if found is not None else "none"


async def promised(units: int) -> Region:
    """A store that granted all units to its hub, which promised them: the older half is paid, the newer is not."""
    chain = Region()
    await chain.open(units)
    await chain.do(chain.store, Grant("hub-east", (GrantLine(COLA, units),)))
    await until(lambda: chain.rights() == (0, units, 0), 5)
    await order(chain, chain.east, "paid", units // 2, paid=True)
    await asyncio.sleep(1)
    await order(chain, chain.east, "unpaid", units // 2)
    await until(lambda: state(chain.store, "unpaid") == "held", 5)
    return chain


@pytest.mark.virtual_time
async def test_home_hub_revokes_a_hold_for_units_that_the_till_sold() -> None:
    chain = await promised(8)
    await chain.sell(chain.store, 3, OnShortage.RECORD)
    sold_s = elapsed_s()
    await until(lambda: state(chain.store, "unpaid") == "cancelled", 3 * SELECTION_S)
    assert SELECTION_S <= elapsed_s() - sold_s < 1.9 * SELECTION_S
    await until(lambda: chain.rights() == (0, 1, 0), 5)
    assert state(chain.store, "paid") == "reserved"
    for node in (chain.east, chain.west):
        await until(lambda node=node: exceptions_of(node).breaches == [], 5)  # type: ignore[misc]
        (one,) = exceptions_of(node).shortages
        assert (one.order, one.outcome, one.named_by, one.owner) == ("unpaid", "cancelled", "hub-east", "hub-east")
        assert one.instead is None
    await asyncio.sleep(10 * SELECTION_S)
    assert len(exceptions_of(chain.west).shortages) == 1


@pytest.mark.virtual_time
async def test_deficit_without_holds_is_listed_and_no_hold_is_selected() -> None:
    chain = Region()
    await chain.open(2)
    await chain.sell(chain.store, 5, OnShortage.RECORD)
    await asyncio.sleep(20 * SELECTION_S)
    (breach,) = exceptions_of(chain.west).breaches
    assert (breach.location, breach.item, breach.units, breach.short) == (STORE, COLA, 3, 3)
    assert exceptions_of(chain.west).shortages == []


@pytest.mark.virtual_time
async def test_store_revokes_its_holds_that_a_hub_selected() -> None:
    chain = await promised(8)
    await until(lambda: (STORE, "store-1/held", COLA) in chain.east.replica.orders.held(), 5)
    await chain.sell(chain.store, 8, OnShortage.RECORD)
    await until(lambda: state(chain.east, "paid") == state(chain.east, "unpaid") == "cancelled", 4 * SELECTION_S)
    owners = {one.order: one.owner for one in exceptions_of(chain.east).shortages}
    assert owners == {"paid": STORE, "unpaid": "hub-east"}
    await until(lambda: exceptions_of(chain.east).breaches == [], 10)


@pytest.mark.virtual_time
async def test_another_hub_selects_holds_when_the_home_hub_is_gone() -> None:
    chain = Region()
    await chain.open(8)
    await chain.do(chain.store, Grant("hub-west", (GrantLine(COLA, 8),)))
    await until(lambda: chain.rights() == (0, 0, 8), 5)
    await order(chain, chain.west, "unpaid", 8)
    await until(lambda: state(chain.store, "unpaid") == "held", 5)
    await chain.sell(chain.store, 1, OnShortage.RECORD)
    sold_s = elapsed_s()
    await until(lambda: chain.free(chain.west, STORE) == -1, 5)
    await chain.east.stop()
    await until(lambda: state(chain.west, "unpaid") == "cancelled", 10 * SELECTION_S)
    assert elapsed_s() - sold_s > 3 * SELECTION_S, "the home hub and a hub that writes for the location come first"
    (one,) = exceptions_of(chain.west).shortages
    assert one.named_by == "hub-west"


async def test_exceptions_list_breaches_and_shortages(hub: Caller) -> None:
    await placed(hub)
    assert (await hub.good("/v1/exceptions"))["breaches"] == []
    await hub.write("/v1/counts?location=w-1", {"lines": [{"item": "cola_bottle", "counted": 1}]})
    (breach,) = (await hub.good("/v1/exceptions"))["breaches"]
    assert (breach["location"], breach["item"], breach["units"], breach["short"]) == ("w-1", "cola_bottle", 2, 2)
    await hub.node.driver.submit(Command("", Revocation("web-1", "hub-east.1"), b""))
    (shortage,) = (await hub.good("/v1/exceptions"))["shortages"]
    assert shortage["order"] == "web-1"
    assert (shortage["outcome"], shortage["instead"]) == ("moved", "hub-east.2")
    assert (await hub.good("/v1/exceptions?limit=1"))["shortages"] == [shortage]
    view = await hub.good("/v1/orders/web-1")
    assert [(one["location"], one["state"]) for one in view["fulfilments"]] == [("w-1", "cancelled"), ("w-2", "held")]
    document = await hub.good("/openapi.json")
    assert {"BreachAnswer", "ShortageAnswer"} <= set(document["components"]["schemas"])
