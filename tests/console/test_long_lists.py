"""Lists of a large chain: they begin with the rows of a screen, grow with the reader, and are searched as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from hub.assembly import assemble
from replica.runtime.peering.websocket import HttpNetwork
from tests.callers import Caller, calling
from tests.console.browsing import visiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

SHOPS = 190

ITEMS = 60


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Caller]:
    """A hub with many locations, and a warehouse with many items of which each third is nearly sold out."""
    assembly = await assemble(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=tmp_path_factory.mktemp("hub"),
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=True,
    )
    documents: list[dict[str, Any]] = [
        {
            "kind": "location",
            "key": f"s-{number}",
            "value": _shop(number),
        }
        for number in range(1, SHOPS + 1)
    ]
    for number in range(ITEMS):
        value = {"recipe": {f"i-{number}": 1}, "names": {"en": f"Goods {number}", "zh": f"商品 {number}"}}
        documents.append({"kind": "sku", "key": f"i-{number}", "value": value})
    lines = [{"item": f"i-{number}", "quantity": 3 if number % 3 == 0 else 30} for number in range(ITEMS)]
    async with calling(assembly) as caller:
        await caller.good("/v1/documents:batch?new_items=true", {"documents": documents})
        await caller.good("/v1/receipts?location=w-1", {"lines": lines})
        yield caller


def _shop(number: int) -> dict[str, Any]:
    return {"type": "store", "name": f"Shop {number}", "region": "east"}


def address(hub: Caller) -> str:
    return str(hub.client.make_url("")).rstrip("/")


async def rows(page: Page, caption: str) -> int:
    return await page.get_by_role("table", name=caption, exact=True).locator("tbody tr").count()


async def test_long_list_begins_with_some_rows_and_grows_to_its_end(browser: Browser, hub: Caller) -> None:
    caption = f"{SHOPS + 1} locations"
    async with visiting(browser, address(hub)) as visit:
        await visit.go("#/")
        await visit.see(caption)
        assert await rows(visit.page, caption) < SHOPS
        for _ in range(20):
            if await rows(visit.page, caption) == SHOPS + 1:
                break
            await visit.page.evaluate("() => scrollTo(0, document.body.scrollHeight)")
            await visit.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)))")
        assert await rows(visit.page, caption) == SHOPS + 1


async def test_search_looks_at_rows_that_are_not_drawn_yet(browser: Browser, hub: Caller) -> None:
    async with visiting(browser, address(hub)) as visit:
        await visit.go("#/")
        await visit.see(f"{SHOPS + 1} locations")
        await visit.fill("Name, city or region", f"shop {SHOPS}")
        await visit.see("1 location")
        await visit.see(f"Shop {SHOPS}")


async def test_stock_of_a_location_is_filtered_by_the_node(browser: Browser, hub: Caller) -> None:
    async with visiting(browser, address(hub)) as visit:
        await visit.go("#/locations/w-1")
        await visit.see("Goods 0")
        await visit.page.get_by_label("Show", exact=True).select_option(label="low or gone")
        await visit.page.get_by_role("link", name="Goods 1", exact=True).wait_for(state="detached")
        await visit.fill("Name or number of the goods", "goods 57")
        await visit.page.get_by_role("link", name="Goods 0", exact=True).wait_for(state="detached")
        assert await rows(visit.page, "Stock, item by item") == 1
        assert visit.page.url.endswith("#/locations/w-1?only=low&q=goods+57")
        await visit.fill("Name or number of the goods", "goods 58")
        await visit.see("No item fits. Change the filter.")


async def test_names_of_a_list_of_stock_need_no_call_of_their_own(browser: Browser, hub: Caller) -> None:
    async with visiting(browser, address(hub), language="zh-CN") as visit:
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        await visit.go("#/locations/w-1")
        await visit.see("商品 0")
        assert [url for url in asked if "/v1/documents/sku/" in url] == []
