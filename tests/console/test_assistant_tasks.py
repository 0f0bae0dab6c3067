"""The tasks of a shop assistant in docs/reference/console-tasks.md, each in no more clicks than the page says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from shelfsync.network import LocalNetwork
from tests.console.browsing import Visit, visiting
from tests.processes.asking import eventually, get, post

pytestmark = pytest.mark.processes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "console-tasks.md"

CRISPS, JAM, PEANUTS, TOAST = (
    "krispanto-crisps-original-135g",
    "tofanero-jam-strawberry-340g",
    "mirlune-peanuts-garlic-150g",
    "crumblewick-toast-300g",
)
COLA_CODE = "9520001000010"


async def _sell(visit: Visit) -> None:
    for _ in range(3):
        await visit.scan(COLA_CODE)
    await visit.see("€2.37")
    await visit.click("Sell")
    await visit.see("Sold")


async def _weigh(visit: Visit) -> None:
    await visit.scan("4011")
    await visit.page.locator(".quantity input:focus").wait_for()
    await visit.scan("350")
    await visit.click("Sell")
    await visit.see("€0.80")


async def _take_back(visit: Visit) -> None:
    await visit.click("Take back", "link")
    await visit.scan(JAM)
    await visit.page.locator(".basket-line").wait_for()
    await visit.fill("Receipt of the sale", "R-1")
    await visit.click("Take back")
    await visit.see("Taken back")


async def _hold(visit: Visit) -> None:
    await visit.click("Hold for a customer", "link")
    await visit.scan(CRISPS)
    await visit.page.locator(".basket-line").wait_for()
    await visit.fill("Number of the customer", "C-4711")
    await visit.click("Hold")
    await visit.see("Held for the customer")


async def _find_elsewhere(visit: Visit) -> None:
    await visit.click("Stock", "link")
    await visit.heading()
    await visit.scan(TOAST)
    await visit.see("In other stores")
    await visit.see("store-2")


async def _receive(visit: Visit) -> None:
    await visit.click("Receive goods", "link")
    await visit.heading()
    await visit.scan("kelvane-cola-330ml-24")
    await visit.scan(CRISPS)
    await visit.page.locator(".basket-line").nth(1).wait_for()
    await visit.fill("Number of the delivery note", "D-2")
    await visit.click("Receive")
    await visit.see("Received.")


async def _count(visit: Visit) -> None:
    await visit.click("Count", "link")
    await visit.heading()
    await visit.scan(PEANUTS)
    await visit.page.get_by_label("Counted").and_(visit.page.locator(":focus")).wait_for()
    await visit.scan("120")
    await visit.see("The book was right.")


async def _write_off(visit: Visit) -> None:
    await visit.click("Adjust", "link")
    await visit.heading()
    await visit.scan(COLA_CODE)
    await visit.page.locator(".chosen").wait_for()
    await visit.click("Take off the stock")
    await visit.see("damaged.")


async def _hand_over(visit: Visit) -> None:
    await visit.click("Pickups and holds", "link")
    await visit.see("Order web-1")
    await visit.clicked(visit.page.locator(".pickup", has_text="web-1").get_by_role("button", name="Handed over"))
    await visit.page.locator(".pickup", has_text="web-1").wait_for(state="detached")


async def _ask_why(visit: Visit) -> None:
    await visit.click("Stock", "link")
    await visit.clicked(visit.page.locator("tr", has_text=JAM).locator("a.why").first)
    await visit.see("receipt R-1")


TASKS: tuple[Callable[[Visit], Awaitable[None]], ...] = (
    _sell,
    _weigh,
    _take_back,
    _hold,
    _find_elsewhere,
    _receive,
    _count,
    _write_off,
    _hand_over,
    _ask_why,
)
"""In the order of the page."""

SECTION = PAGE.read_text().split("\n## ")[0]

LIMITS = [int(clicks) for clicks in re.findall(r"^\| \d+ \|.*\| (\d+) clicks? \|$", SECTION, re.MULTILINE)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def prepared(client: aiohttp.ClientSession, network: LocalNetwork) -> None:
    """A sale that comes back, and an order that is picked up."""
    store, hub = network.urls[network.stores[0]], network.urls[network.hubs[0]]
    sale = {"lines": [{"sku": JAM, "quantity": 1}], "till": "till-1", "receipt": "R-1"}
    assert (await post(client, f"{store}/v1/sales", sale)).status == 201
    lines = [{"sku": "kelvane-cola-500ml", "quantity": 2, "location": "store-1"}]
    order = {"order": "web-1", "channel": "web", "paid": True, "lines": lines, "wait_ms": 5_000}
    assert (await post(client, f"{hub}/v1/orders", order)).status == 201
    await eventually(lambda: _has_pickup(client, store), "the store has the order")


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", range(1, len(TASKS) + 1))
async def test_task_takes_no_more_clicks_than_promised(browser: Browser, network: LocalNetwork, number: int) -> None:
    async with visiting(browser, network.urls[network.stores[0]]) as visit:
        await visit.go()

        await TASKS[number - 1](visit)

        assert visit.clicks <= LIMITS[number - 1]


def test_page_has_a_limit_for_each_task() -> None:
    assert len(LIMITS) == len(TASKS)


async def _has_pickup(client: aiohttp.ClientSession, store: str) -> bool:
    return bool((await get(client, f"{store}/v1/pickups"))["pickups"])
