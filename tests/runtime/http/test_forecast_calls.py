"""`GET /v1/forecast`: what a store forecasts, and what a hub can derive from the journal that it holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge_node.assembly import assemble as assemble_edge
from edge_node.rebalancing import StoreRebalancing
from hub.assembly import assemble as assemble_hub
from replica.core.base.clock import Moment
from replica.core.catalog.documents import pack_value
from replica.core.rights.forecast import SLOTS
from replica.core.rights.requests import Grant, GrantLine
from replica.core.state.commands import DocumentWrite
from replica.runtime.driver import Ingress
from replica.runtime.http import forecast_api
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.world import SystemClock
from tests.callers import Caller, calling
from tests.core.chain import NOW_MS, receipt, sale, store
from tests.processes.asking import eventually

DAY_MS = 86_400_000
DAY = datetime.fromtimestamp(NOW_MS / 1000, UTC)
"""A Sunday, at 15:06 UTC."""

FORECAST = {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.75}}}


class ClockOfThatDay(SystemClock):
    """A clock that goes as usual, from six past three on."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead_ms = NOW_MS - super().now().wall_ms

    def now(self) -> Moment:
        now = super().now()
        return Moment(now.wall_ms + self._ahead_ms, now.elapsed_ms)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Caller]:
    assembly = await assemble_hub(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=tmp_path / "hub",
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=True,
        clock=ClockOfThatDay(),
    )
    async with calling(assembly) as caller:
        yield caller


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Caller]:
    assembly = await assemble_edge(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=tmp_path / "shop",
        host="127.0.0.1",
        hubs=(),
        region="east",
        open_catalog=True,
        clock=ClockOfThatDay(),
    )
    async with calling(assembly) as caller:
        yield caller


async def deliver(hub: Caller, *units: int, today: int = 0) -> None:
    """Give a hub the entries of a store that sold these units at this time of the day before, two days before, ….

    Before that it sold three units at another time of the day, and it has ten left, of which the hub has two.
    """
    away, first = store(1), NOW_MS - (len(units) + 1) * DAY_MS
    away.ask(receipt(cola=13 + sum(units) + today, tea=9), now_ms=first - 7_200_000)
    away.ask(sale(cola=3), now_ms=first - 3_600_000)
    for ago, sold in reversed(list(enumerate(units, start=1))):
        if sold:
            away.ask(sale(cola=sold), now_ms=NOW_MS - ago * DAY_MS)
    away.ask(Grant("hub-east", (GrantLine("cola", 2),)), now_ms=NOW_MS - 5)
    if today:
        away.ask(sale(cola=today), now_ms=NOW_MS - 4)
    away.commit()
    await (await hub.node.driver.take_in(away.runs(), Ingress()))
    await hub.node.housekeeping.learn()


def sums(answer: dict[str, Any]) -> list[tuple[str, int, int]]:
    """The days that count."""
    return [(one["day"], one["units"], one["slot_units"]) for one in answer["days"]]


def day(ago: int) -> str:
    return (DAY - timedelta(ago)).date().isoformat()


async def test_hub_estimates_the_forecast_from_its_journal(hub: Caller) -> None:
    await deliver(hub, 5, 0, 4, today=1)
    await hub.good("/v1/documents/policy/location:store-1", FORECAST, method="PUT")
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert (answer["basis"], answer["is_estimate"], answer["is_capped"]) == ("journal", True, False)
    assert (answer["owner"], answer["unit"], answer["quantile"], answer["now"]) == ("store-1", "EA", 0.75, "15:00")
    assert (answer["policy"]["key"], answer["policy"]["value"]) == ("location:store-1", FORECAST)
    assert sums(answer) == [(day(4), 3, 0), (day(3), 4, 4), (day(2), 0, 0), (day(1), 5, 5)]
    assert answer["today"] == {"day": day(0), "units": 1, "slot_units": 1}
    assert (answer["safety_stock"], answer["available"], answer["online"], answer["granted"]) == (4, 10, 6, 2)
    assert (answer["days_min"], len(answer["slots"]), answer["time_zone"]) == (3, SLOTS, "UTC")
    shown = [one for one in answer["slots"] if one["units"]]
    assert shown == [
        {"begins": "14:00", "units": 3, "safety_stock": 0},
        {"begins": "15:00", "units": 9, "safety_stock": 4},
    ]


async def test_days_and_half_hours_are_those_of_the_time_zone(hub: Caller) -> None:
    await deliver(hub, 5, 5)
    place = {"type": "store", "name": "Shop", "region": "east", "time_zone": "Asia/Shanghai"}
    await hub.good("/v1/documents/location/store-1", place, method="PUT")
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert (answer["now"], answer["time_zone"]) == ("23:00", "Asia/Shanghai")
    assert sums(answer) == [(day(3), 3, 0), (day(2), 5, 5), (day(1), 5, 5)]


async def test_fixed_safety_stock_is_no_estimate(hub: Caller) -> None:
    await deliver(hub, 5)
    await hub.good("/v1/documents/policy/default", FORECAST, method="PUT")
    fixed = {"mode": "both", "safety_stock": 4, "share": 0.5}
    await hub.good("/v1/documents/policy/item:cola", fixed, method="PUT")
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert (answer["policy"]["key"], answer["quantile"], answer["is_estimate"]) == ("item:cola", None, False)
    assert (answer["safety_stock"], answer["online"]) == (4, 3)
    assert {one["safety_stock"] for one in answer["slots"]} == {None}


async def test_without_a_policy_nothing_is_promised(hub: Caller) -> None:
    await deliver(hub, 5)
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert (answer["policy"], answer["safety_stock"], answer["online"], answer["quantile"]) == (None, None, None, None)
    assert answer["granted"] == 2
    tea = await hub.good("/v1/forecast/store-1/tea")
    assert (tea["days"], tea["today"]["units"], tea["basis"]) == ([], 0, "journal")


async def test_hub_that_does_not_know_who_sells_at_a_location_says_so(hub: Caller) -> None:
    place = {"type": "store", "name": "Shop", "region": "east"}
    await hub.good("/v1/documents/location/store-9", place, method="PUT")
    await hub.good("/v1/documents/policy/default", FORECAST, method="PUT")
    answer = await hub.good("/v1/forecast/store-9/cola")
    unknown = ("owner", "basis", "days", "today", "slots", "safety_stock", "online", "now")
    assert [answer[name] for name in unknown] == [None] * len(unknown)
    assert not answer["is_estimate"]


@pytest.mark.parametrize(
    ("path", "kind", "field"), [("store-9/cola", "unknown-location", "location"), ("w-1/a b", "unknown-sku", "item")]
)
async def test_unknown_location_or_item_is_not_found(hub: Caller, path: str, kind: str, field: str) -> None:
    status, problem = await hub.read(f"/v1/forecast/{path}")
    assert (status, problem["type"], problem["field"]) == (404, kind, field)


async def test_item_with_more_sales_than_are_read_lacks_its_earlier_days(
    hub: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliver(hub, 5, 6, 7)
    monkeypatch.setattr(forecast_api, "ENTRIES_MAX", 4)
    monkeypatch.setattr(forecast_api, "PAGE", 3)
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert answer["is_capped"]
    assert sums(answer) == [(day(2), 6, 6), (day(1), 5, 5)]


async def test_item_with_more_sales_today_than_are_read_still_shows_some(
    hub: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliver(hub, 5, today=7)
    monkeypatch.setattr(forecast_api, "ENTRIES_MAX", 1)
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert (answer["is_capped"], answer["days"], answer["today"]["units"]) == (True, [], 7)


async def test_sales_before_the_last_four_weeks_are_not_read(hub: Caller) -> None:
    await deliver(hub, *[0] * 20, 8, *[0] * 11)
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert (sums(answer)[0], len(answer["days"]), answer["is_capped"]) == ((day(21), 8, 8), 21, False)


async def sell_in_the_past(shop: Caller, item: str, ago: int, units: int) -> None:
    """A till reports a sale at this time of an earlier day."""
    when = (DAY - timedelta(ago)).isoformat()
    await shop.good("/v1/sales", {"lines": [{"sku": item, "quantity": units}], "occurred_at": when})


async def test_store_shows_the_history_that_its_forecast_uses(shop: Caller) -> None:
    await shop.good("/v1/receipts", {"lines": [{"sku": sku, "quantity": 50} for sku in ("cola", "tea")]})
    for ago, units in ((1, 5), (3, 4), (4, 6)):
        await sell_in_the_past(shop, "cola", ago, units)
    await sell_in_the_past(shop, "tea", 6, 1)
    before = await shop.good("/v1/forecast/cola")
    assert (before["basis"], before["policy"], before["safety_stock"]) == ("journal", None, None)
    assert sums(before) == [(day(4), 6, 6), (day(3), 4, 4), (day(2), 0, 0), (day(1), 5, 5)]
    await shop.node.driver.submit(DocumentWrite("policy", "default", pack_value(FORECAST), b"policy"))

    async def has_history() -> bool:
        return (await shop.good("/v1/forecast/cola"))["basis"] == "sales_history"

    await eventually(has_history, "the store has read its journal")
    answer = await shop.good("/v1/forecast/cola")
    assert not answer["is_estimate"]
    assert sums(answer) == [(day(6), 0, 0), (day(4), 6, 6), (day(3), 4, 4), (day(1), 5, 5)]
    assert (answer["safety_stock"], answer["available"], answer["online"]) == (5, 35, 30)
    strategy = shop.node.rebalancer.strategy
    assert isinstance(strategy, StoreRebalancing)
    policy = strategy.policy(shop.node.replica, "store-1", "cola")
    assert policy is not None
    assert policy.safety_stock == answer["safety_stock"]
