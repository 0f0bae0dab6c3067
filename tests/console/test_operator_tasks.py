"""The tasks of an operator in docs/reference/console-tasks.md, each in no more clicks than the page says."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser

from shelfsync.network import LocalNetwork
from tests.console.a_working_day import COLA, work
from tests.console.browsing import Visit, visiting

pytestmark = pytest.mark.processes

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "console-tasks.md"

SECTION = PAGE.read_text().split("## An operator's ten tasks")[1]


async def _see_the_chain(visit: Visit) -> None:
    await visit.see("Stranded units")
    await visit.see("hub-west")
    assert "Berlin" in await visit.text()


async def _find_goods(visit: Visit) -> None:
    await visit.click("SKUs", "link")
    await visit.heading()
    await visit.page.keyboard.type("cola 330")
    await visit.click("Kelvane cola 330 ml", "link")
    await visit.see("Availability by location")
    await visit.see("guaranteed: this hub may promise it now")


async def _explain_stock(visit: Visit) -> None:
    await visit.click("Berlin", "link")
    await visit.heading()
    await visit.click("Kelvane cola 330 ml", "link")
    await visit.see("Goods received")


async def _mark_as_paid(visit: Visit) -> None:
    await visit.click("Orders", "link")
    await visit.heading()
    await visit.scan("web-2")
    await visit.click("Mark as paid")
    await visit.see("pay: now")


async def _cancel(visit: Visit) -> None:
    await visit.click("Orders", "link")
    await visit.heading()
    await visit.click("web-3", "link")
    await visit.click("Cancel")
    await visit.click("Yes, do it")
    await visit.see("cancel: now cancelled.")


async def _why_it_waits(visit: Visit) -> None:
    await visit.click("Exceptions", "link", exact=False)
    await visit.heading()
    visit.clicks += 1
    await visit.page.locator("section", has_text="Events that wait").get_by_role("link").first.click()
    await visit.see("waits for an event that has to come before it.")


async def _count_what_is_short(visit: Visit) -> None:
    await visit.click("Exceptions", "link", exact=False)
    await visit.click("See what made it", "link")
    await visit.see("receipt R-78")


async def _change_a_price(visit: Visit) -> None:
    await visit.click("SKUs", "link")
    await visit.heading()
    await visit.page.keyboard.type("cola 330")
    await visit.click("Kelvane cola 330 ml", "link")
    await visit.click("Berlin itself", "link")
    await visit.fill("Amount in minor units", "159")
    await visit.click("Preview the change")
    await visit.see("€1.59")
    await visit.click("Write it")
    await visit.see("Written. All nodes get it.")


async def _change_a_policy(visit: Visit) -> None:
    await visit.click("Policies", "link")
    await visit.click("everything", "link")
    await visit.heading()
    visit.clicks += 1
    await visit.page.locator(".union input").fill("7")
    await visit.click("Preview the change")
    await visit.see("safety_stock 4 → 7")
    await visit.click("Write it")
    await visit.see("Written. All nodes get it.")


async def _which_policy(visit: Visit) -> None:
    await visit.click("Policies", "link")
    await visit.fill("Location", "store-1")
    await visit.fill("Item", COLA)
    await visit.see("What it keeps now")


TASKS: tuple[Callable[[Visit], Awaitable[None]], ...] = (
    _see_the_chain,
    _find_goods,
    _explain_stock,
    _why_it_waits,
    _mark_as_paid,
    _cancel,
    _count_what_is_short,
    _change_a_price,
    _change_a_policy,
    _which_policy,
)
"""In the order of the page."""

LIMITS = [int(clicks) for clicks in re.findall(r"^\| \d+ \|.*\| (\d+) clicks? \|$", SECTION, re.MULTILINE)]


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def day(client: aiohttp.ClientSession, network: LocalNetwork) -> None:
    """Orders, a price of a store, and things to look at."""
    await work(client, network)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("number", range(1, len(TASKS) + 1))
async def test_task_takes_no_more_clicks_than_promised(browser: Browser, network: LocalNetwork, number: int) -> None:
    async with visiting(browser, network.urls[network.hubs[0]]) as visit:
        await visit.go()

        await TASKS[number - 1](visit)

        assert visit.clicks <= LIMITS[number - 1]


@pytest.mark.asyncio(loop_scope="module")
async def test_page_has_a_limit_for_each_task() -> None:
    assert len(LIMITS) == len(TASKS)
