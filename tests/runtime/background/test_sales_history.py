"""Safety stock between live nodes: a forecast from sales of the tills in the same half hour of other days."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from replica.core.base.errors import RightsExhausted
from replica.core.catalog.documents import pack_value
from replica.core.state.commands import DocumentWrite
from replica.core.stock.requests import GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from replica.runtime.node import Node
from simulations.clock import EPOCH_MS, SimulatedClock
from tests.runtime.region import COLA, STORE, Region
from tests.runtime.virtual import store, until

pytestmark = pytest.mark.virtual_time

CASES = json.loads((Path(__file__).parents[2] / "vectors" / "oversell.json").read_text())["safety_stock"]
MIDNIGHT = datetime.fromtimestamp(EPOCH_MS / 1000, UTC)
FORECAST = {"forecast": {"quantile": 0.9}}


def began(case: dict[str, Any]) -> timedelta:
    """How long after midnight the slot of a case begins. The table counts its minutes from 1."""
    hours, minutes = case["slot"].partition("-")[0].split(":")
    return timedelta(hours=int(hours), minutes=int(minutes) - 1)


class Shop(Region):
    """A region at a given time of the day, with sales of the store's tills at that time on the days before."""

    async def begin(self, at: timedelta, *past: int, stock: int, zone: str = "UTC") -> None:
        for node in self.nodes:
            assert isinstance(node.clock, SimulatedClock)
            node.clock.step(int(at.total_seconds() * 1000))
        await self.open(0)
        document = {"type": "store", "name": "A shop", "region": "east", "time_zone": zone}
        await self.east.driver.submit(DocumentWrite("location", STORE, pack_value(document), b"document"))
        await until(lambda: self.store.replica.documents.value("location", STORE) is not None, 5)
        await self.do(self.store, GoodsReceipt((GoodsLine(stock + sum(past), item=COLA),)))
        for ago, units in enumerate(past, 1):
            when = datetime.combine(MIDNIGHT.date() - timedelta(ago), datetime.min.time(), ZoneInfo(zone)) + at
            sale = Sale(lines=(SkuLine(units, COLA),), occurred_at=when + timedelta(minutes=5))
            await self.do(self.store, sale)

    async def sell_online(self, wanted: int) -> int:
        """Sell up to the wanted units at the hub; return how many it sold."""
        sold = 0
        for _ in range(wanted):
            try:
                await self.sell(self.east, 1)
            except RightsExhausted:
                break
            sold += 1
        return sold


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["slot"])
@pytest.mark.parametrize("kind", ["fixed", "dynamic"])
async def test_safety_stock_of_a_slot(case: dict[str, Any], kind: str) -> None:
    shop, at, till = Shop(), began(case) + timedelta(minutes=10), case["store_sells"]
    await shop.begin(at, till, till, till, stock=case["stock"])
    safety = case["fixed_safety"] if kind == "fixed" else case["dynamic_safety"]
    await shop.rule(mode="safety", safety_stock=safety if kind == "fixed" else FORECAST)
    await until(lambda: shop.rights() == (safety, case["stock"] - safety, 0), 10)
    await asyncio.sleep(5)
    online = await shop.sell_online(case["stock"])
    await shop.sell(shop.store, till, OnShortage.RECORD)
    await asyncio.sleep(30)
    stock = shop.store.replica.ledger.stock(STORE, COLA)
    assert online == (case["online"] if kind == "fixed" else case["stock"] - safety)
    assert max(0, online + till - case["stock"]) == stock.breach == case.get(f"oversold_{kind}", 0)
    assert max(0, stock.available) == case.get(f"unsellable_{kind}", 0)


async def test_slot_of_the_forecast_is_in_the_time_zone_of_the_store() -> None:
    shop = Shop()
    await shop.begin(timedelta(hours=8, minutes=40), 6, 6, 6, stock=10, zone="Asia/Shanghai")
    await shop.rule(mode="safety", safety_stock=FORECAST)
    await until(lambda: shop.rights() == (0, 10, 0), 10)  # it is 16:40 in Shanghai
    for node in shop.nodes:
        assert isinstance(node.clock, SimulatedClock)
        node.clock.step(16 * 3_600_000)
    await until(lambda: shop.rights() == (6, 4, 0), 10)  # 08:40, the next day


async def test_a_changed_time_zone_changes_the_days_of_the_forecast_at_once() -> None:
    shop = Shop()
    await shop.begin(timedelta(hours=17), 6, 6, stock=10)
    await shop.do(shop.store, GoodsReceipt((GoodsLine(1, item="tea"),)))
    when = MIDNIGHT - timedelta(2) + timedelta(hours=10)
    await shop.do(shop.store, Sale(lines=(SkuLine(1, "tea"),), occurred_at=when))
    await shop.rule(mode="safety", safety_stock=FORECAST)
    await until(lambda: shop.rights() == (0, 10, 0), 10)  # two days are too few
    await asyncio.sleep(5)
    document = {"type": "store", "name": "A shop", "region": "east", "time_zone": "Asia/Shanghai"}
    await shop.east.driver.submit(DocumentWrite("location", STORE, pack_value(document), b"moved"))
    await until(lambda: shop.rights() == (6, 4, 0), 10)  # it is 01:00 of the next day, and there are three


async def test_store_asks_for_rights_back_when_a_new_slot_begins() -> None:
    shop = Shop()
    await shop.begin(timedelta(hours=8, minutes=59, seconds=20), stock=10)
    for ago in (1, 2, 3):
        for minute, units in ((-10, 3), (5, 7)):
            when = MIDNIGHT - timedelta(ago) + timedelta(hours=9, minutes=minute)
            await shop.do(shop.store, GoodsReceipt((GoodsLine(units, item=COLA),)))
            await shop.do(shop.store, Sale(lines=(SkuLine(units, COLA),), occurred_at=when))
    await shop.rule(mode="safety", safety_stock=FORECAST)
    await until(lambda: shop.rights() == (3, 7, 0), 10)
    await until(lambda: shop.rights() == (7, 3, 0), 60)
    await shop.sell(shop.store, 5)
    await asyncio.sleep(60)
    assert shop.rights() == (2, 3, 0), "the store sold its forecast, so it asks for nothing"


async def test_a_late_sale_of_another_day_and_item_moves_rights_at_once() -> None:
    shop = Shop()
    await shop.begin(timedelta(hours=8, minutes=40), 6, 6, 6, stock=10)
    await shop.rule(mode="safety", safety_stock={"forecast": {"quantile": 0.4}})
    await until(lambda: shop.rights() == (6, 4, 0), 10)
    await asyncio.sleep(5)  # so that nothing else makes the store look at cola
    await shop.do(shop.store, GoodsReceipt((GoodsLine(2, item="tea"),)))
    for ago in (4, 5):  # now there are five days, and on two of them nobody bought cola in this half hour
        when = MIDNIGHT - timedelta(ago) + timedelta(hours=12)
        await shop.do(shop.store, Sale(lines=(SkuLine(1, "tea"),), occurred_at=when))
    await until(lambda: shop.rights() == (0, 10, 0), 10)


async def test_too_little_history_gives_no_forecast() -> None:
    shop = Shop()
    await shop.begin(timedelta(hours=8, minutes=40), 6, 6, stock=10)
    await shop.rule(mode="safety", safety_stock=FORECAST, last_units=1)
    await until(lambda: shop.rights() == (1, 9, 0), 10)


async def test_restarted_store_grants_nothing_before_it_knows_its_sales_history() -> None:
    shop = Shop()
    await shop.begin(timedelta(hours=8, minutes=40), 6, 6, 6, stock=10)
    await shop.rule(mode="safety", safety_stock=FORECAST)
    await until(lambda: shop.rights() == (6, 4, 0), 10)
    await _restart(shop)
    await asyncio.sleep(20)
    assert shop.rights() == (6, 4, 0)
    assert {entry.content.moves[0].target for entry in await shop.grants()} == {"hub-east/free"}
    assert len(await shop.grants()) == 1


async def shop_with_history() -> Shop:
    """A shop that sells eight cola in this half hour of each day, and has twenty: it keeps eight."""
    shop = Shop()
    await shop.begin(timedelta(hours=8, minutes=40), 8, 8, 8, stock=20)
    await shop.rule(mode="safety", safety_stock=FORECAST)
    await until(lambda: shop.rights() == (8, 12, 0), 10)
    return shop


IN_2099 = datetime(2099, 6, 1, 8, 45, tzinfo=UTC)


def set_clock(node: Node, ahead: timedelta) -> None:
    assert isinstance(node.clock, SimulatedClock)
    node.clock.step(int(ahead.total_seconds() * 1000))


@pytest.mark.parametrize("year", [1970, 2099])
async def test_a_sale_with_an_impossible_time_counts_in_forecasts_when_it_was_recorded(year: int) -> None:
    shop = await shop_with_history()
    when = IN_2099.replace(year=year)
    await shop.do(shop.store, Sale(lines=(SkuLine(1, COLA),), occurred_at=when))
    await asyncio.sleep(60)
    assert shop.rights() == (7, 12, 0)
    set_clock(shop.east, timedelta(1))
    set_clock(shop.west, timedelta(1))
    set_clock(shop.store, timedelta(1))
    await shop.do(shop.store, GoodsReceipt((GoodsLine(1, item=COLA),)))
    await until(lambda: shop.rights() == (8, 12, 0), 30)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("year", [2020, 2099])
async def test_a_sale_under_a_wrong_clock_of_the_store_leaves_its_forecasts_as_they_were(
    year: int, restarted: bool
) -> None:
    shop = await shop_with_history()
    wrong = IN_2099.replace(year=year) - MIDNIGHT - timedelta(hours=8, minutes=40)
    set_clock(shop.store, wrong)
    await asyncio.sleep(20)
    await shop.sell(shop.store, 1)
    await asyncio.sleep(20)
    set_clock(shop.store, -wrong)
    if restarted:
        await _restart(shop)
    await until(lambda: shop.rights() == (8, 11, 0), 30)  # it read its history again, and asks for what it sold
    await asyncio.sleep(60)
    assert shop.rights() == (8, 11, 0)
    assert [entry.content.moves[0].quantity for entry in await shop.grants()] == [12, 1]


async def test_days_before_the_clock_was_behind_for_a_while_still_count() -> None:
    """An old time in the middle of the journal does not make the entries before it too old to be read."""
    shop = await shop_with_history()
    set_clock(shop.store, -timedelta(3_000))
    for _ in range(600):
        await shop.do(shop.store, GoodsReceipt((GoodsLine(1, item="milk"),)))
    set_clock(shop.store, timedelta(3_000))
    await _restart(shop)
    await asyncio.sleep(60)
    assert shop.rights() == (8, 12, 0)


async def _restart(shop: Shop) -> None:
    """Start the store again. For a while its disk is too slow to read past sales, and it looks at all items."""
    before = shop.store
    del shop.network.nodes[STORE]
    await before.stop()
    again = store(STORE, shop.network, shop.disk, await before.journal.load())
    assert isinstance(again.clock, SimulatedClock)
    again.clock.step(before.clock.now().wall_ms - again.clock.now().wall_ms)
    shop.disk.read_s = lambda: 6.0
    shop.store, shop.nodes[0], shop.network.nodes[STORE] = again, again, again
    again.start([["hub-east"]], 0.0)
    await asyncio.sleep(5)
    assert again.rebalancer.strategy.policy(again.replica, STORE, COLA) is None
    shop.disk.read_s = lambda: 0.0
