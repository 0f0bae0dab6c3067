"""The forecast of a policy, drawn from weeks of sales that a store recorded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from hub.assembly import assemble
from replica.runtime.driver import Ingress
from replica.runtime.peering.websocket import HttpNetwork
from tests.callers import Caller, calling
from tests.console.browsing import NARROW, WIDE, visiting
from tests.core.chain import NOW_MS, receipt, sale, store
from tests.runtime.http.test_forecast_calls import DAY_MS, ClockOfThatDay

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

ADDRESS = "#/policies?location=store-1&item=cola"

POLICY = {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.9}}}

DAYS = 21

HALF_HOUR_MS = 1_800_000

SHOP = {"type": "store", "name": "Berlin", "region": "east", "time_zone": "Europe/Berlin"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    """A hub that has three weeks of sales of a store: few in the morning, many towards the evening."""
    assembly = await assemble(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=tmp_path_factory.mktemp("hub"),
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=True,
        clock=ClockOfThatDay(),
    )
    async with calling(assembly) as caller:
        await _trade(caller)
        await caller.good("/v1/documents/location/store-1", SHOP, method="PUT")
        names = {"en": "Cola", "zh": "可乐"}
        await caller.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}, "names": names}, method="PUT")
        await caller.good("/v1/documents/policy/item:cola", POLICY, method="PUT")
        yield caller


async def _trade(hub: Caller) -> None:
    chance, shop = Random(7), store(1)
    opening = NOW_MS - NOW_MS % DAY_MS - DAYS * DAY_MS + 7 * 3_600_000
    shop.ask(receipt(cola=9_000), now_ms=opening)
    for day in range(DAYS):
        for slot in range(26):
            units = chance.randrange(0, 2 + slot // 3)
            at_ms = opening + day * DAY_MS + slot * HALF_HOUR_MS + chance.randrange(HALF_HOUR_MS)
            if units:
                shop.ask(sale(cola=units), now_ms=at_ms)
    shop.commit()
    await (await hub.node.driver.take_in(shop.runs(shop.replica.node), Ingress()))
    await hub.node.housekeeping.learn()


async def test_forecast_is_drawn_from_weeks_of_sales(browser: Browser, hub: Caller) -> None:
    answer = await hub.good("/v1/forecast/store-1/cola")
    assert len(answer["days"]) >= DAYS - 1
    assert answer["safety_stock"] > 0
    url = str(hub.client.make_url("")).rstrip("/")
    for width, language, dark in ((WIDE, "en-GB", False), (NARROW, "zh-CN", True)):
        async with visiting(browser, url, width=width, language=language, dark=dark) as visit:
            await visit.go(ADDRESS)
            figures = visit.page.locator(".columns-figure")
            await figures.first.wait_for()

            bars = [await figures.nth(index).locator("rect").count() for index in (0, 1)]
            assert bars == [len(answer["days"]), 48]
            assert await figures.first.locator("line").count() == 1
            assert await figures.nth(1).locator("rect.marked").count() == 1
            height = await visit.page.evaluate("() => document.documentElement.scrollHeight")
            assert height < 2_200, "the lists for screen readers take room on the page"
            await visit.check(f"hub-forecast-{language}")


async def test_problem_of_the_node_is_told_in_chinese(browser: Browser, hub: Caller) -> None:
    url = str(hub.client.make_url("")).rstrip("/")
    async with visiting(browser, url, language="zh-CN") as visit:
        visit.expects_failures = True
        await visit.go("#/explain/store-1/tea")

        await visit.see("本节点没有该记录。")
        await visit.see("请核对编号，或换一个节点查询。")
        await visit.page.get_by_text("节点返回的原文（英文）").click()
        await visit.see("The item 'tea' never moved at store-1.")
        await visit.check("hub-problem-zh")
