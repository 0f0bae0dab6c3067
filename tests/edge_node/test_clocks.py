"""Times at a store over HTTP: what it shows after its clock was wrong, and what it does with the times of tills."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from edge_node.assembly import assemble
from replica.core.base.clock import Moment, time_text
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.world import SystemClock
from tests.callers import Caller

DAY_MS = 86_400_000
ONE = {"lines": [{"sku": "cola", "quantity": 1}]}


class SetClock:
    """A clock that stands still until a test sets it."""

    def __init__(self) -> None:
        self.wall_ms = 1_796_041_980_000
        self._real = SystemClock()

    def now(self) -> Moment:
        return Moment(self.wall_ms, self._real.now().elapsed_ms)


class Shop:
    """A store with such a clock. It can be started again on its data."""

    def __init__(self, data: Path) -> None:
        self.clock = SetClock()
        self._data = data
        self._running: tuple[TestClient[Any, Any], Caller] | None = None

    @property
    def caller(self) -> Caller:
        assert self._running is not None
        return self._running[1]

    async def start(self) -> None:
        common: dict[str, Any] = {"host": "127.0.0.1", "hubs": (), "region": "east", "open_catalog": True}
        assembly = await assemble(
            HttpNetwork(), name="store-1", location="store-1", data=self._data, clock=self.clock, **common
        )
        client = TestClient(TestServer(assembly.app))
        await client.start_server()
        assembly.node.start([], 0.0)
        self._running = client, Caller(client, assembly.node)

    async def stop(self) -> None:
        assert self._running is not None
        client, caller = self._running
        await caller.node.stop()
        await client.close()

    async def drift(self) -> None:
        """Receive goods while the clock is three days ahead, then set it right."""
        self.clock.wall_ms += 3 * DAY_MS
        await self.caller.good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 50}]})
        self.clock.wall_ms -= 3 * DAY_MS


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    shop = Shop(tmp_path / "store")
    await shop.start()
    yield shop
    await shop.stop()


async def test_after_a_wrong_clock_every_answer_shows_the_time_of_the_wall_clock(shop: Shop) -> None:
    await shop.drift()
    good = shop.caller.good
    for second in range(3):
        shop.clock.wall_ms += 1_000
        now = time_text(shop.clock.wall_ms)
        one = await good("/v1/sales", ONE)
        many = await good("/v1/sales:batch", {"sales": [{"key": f"{key}-{second}", **ONE} for key in "ab"]})
        counted = await good("/v1/counts", {"lines": [{"item": "cola", "counted": 40}]})
        adjusted = await good("/v1/adjustments", {"lines": [{"item": "cola", "delta": 1, "reason": "found"}]})
        shown = [one["at"], *[verdict["sale"]["at"] for verdict in many["verdicts"]], counted["at"], adjusted["at"]]
        assert shown == [now] * 5
    page = await good("/v1/journal?limit=100")
    assert page["entries"][-1]["at"] == now
    assert (await good("/v1/explain/cola"))["movements"][0]["at"] == now


async def test_a_wrong_clock_is_an_exception_that_a_restart_keeps(shop: Shop) -> None:
    await shop.drift()
    before = time_text(shop.clock.wall_ms)
    await shop.caller.good("/v1/sales", ONE)
    expected = {
        "node": "store-1",
        "by": "store-1",
        "ahead_ms": 3 * DAY_MS,
        "since": before,
        "at": before,
        "until": None,
    }
    assert (await shop.caller.good("/v1/exceptions"))["clocks"] == [expected]
    await shop.stop()
    await shop.start()
    assert (await shop.caller.good("/v1/exceptions"))["clocks"] == [expected]
    shop.clock.wall_ms += 4 * DAY_MS
    await shop.caller.good("/v1/sales", ONE)
    (found,) = (await shop.caller.good("/v1/exceptions"))["clocks"]
    assert found["until"] == time_text(shop.clock.wall_ms)


async def test_a_tills_queue_that_arrives_after_a_count_leaves_the_counted_level(shop: Shop) -> None:
    good, sold_at = shop.caller.good, time_text(shop.clock.wall_ms)
    await good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 10}]})
    shop.clock.wall_ms += 300_000
    assert (await good("/v1/counts", {"lines": [{"item": "cola", "counted": 9}]}))["lines"][0]["change"] == -1
    shop.clock.wall_ms += 300_000
    await good("/v1/sales", {**ONE, "occurred_at": sold_at}, key="queued")
    await good("/v1/sales", {**ONE, "occurred_at": sold_at}, key="queued")
    assert (await good("/v1/stock/cola"))["on_hand"] == 9


async def test_a_count_of_figures_read_before_a_tills_queue_arrived_stays_right(shop: Shop) -> None:
    good, sold_at = shop.caller.good, time_text(shop.clock.wall_ms)
    await good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 10}]})
    shop.clock.wall_ms += 300_000
    seen = (await good("/v1/stock/cola"))["seen"]
    shop.clock.wall_ms += 1_000
    await good("/v1/sales", {**ONE, "occurred_at": sold_at})
    await good("/v1/sales", {**ONE, "occurred_at": time_text(shop.clock.wall_ms)})
    answer = await good("/v1/counts", {"lines": [{"item": "cola", "counted": 9}], "seen": seen})
    assert answer["lines"] == [{"item": "cola", "counted": 9, "seen": 9, "change": 0, "on_hand": 8}]


@pytest.mark.parametrize(
    ("occurred_at", "shown"),
    [
        ("2031-01-01T00:00:00Z", "2031-01-01T00:00:00+00:00"),
        ("1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00+00:00"),
        ("0001-01-01T00:00:00+14:00", "0001-01-01T09:59:00+23:59"),
    ],
)
async def test_a_time_that_cannot_be_true_refuses_no_sale_and_names_the_till(
    shop: Shop, occurred_at: str, shown: str
) -> None:
    good, now = shop.caller.good, time_text(shop.clock.wall_ms)
    await good("/v1/receipts", {"lines": [{"sku": "cola", "quantity": 10}]})
    sale = {**ONE, "till": "till-7", "occurred_at": occurred_at}
    sold = await good("/v1/sales", sale, key="odd")
    assert (await good("/v1/sales", sale, key="odd")) == sold
    (verdict,) = (await good("/v1/sales:batch", {"sales": [{"key": "odd", **sale}]}))["verdicts"]
    assert verdict["sale"] == sold
    (found,) = (await good("/v1/exceptions"))["till_clocks"]
    assert found == {
        "location": "store-1",
        "till": "till-7",
        "node": "store-1",
        "movement": sold["movement"],
        "occurred_at": shown,
        "at": now,
        "since": now,
        "until": None,
    }
    await shop.stop()
    await shop.start()
    assert (await shop.caller.good("/v1/exceptions"))["till_clocks"] == [found]


async def test_a_till_that_says_a_possible_time_again_is_listed_with_the_time_when_it_did(shop: Shop) -> None:
    good = shop.caller.good
    await good("/v1/sales", {**ONE, "till": "till-7", "occurred_at": "2031-01-01T00:00:00Z"})
    shop.clock.wall_ms += 60_000
    now = time_text(shop.clock.wall_ms)
    await good("/v1/sales", {**ONE, "till": "till-7", "occurred_at": now})
    (found,) = (await good("/v1/exceptions"))["till_clocks"]
    assert (found["till"], found["until"]) == ("till-7", now)
