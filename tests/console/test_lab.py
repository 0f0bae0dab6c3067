"""The lab of a real demo: a person cuts, sells on both sides, heals, kills and starts. The verdict stays good."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.console.browsing import NARROW, WIDE, Visit, visiting
from tests.processes.asking import eventually
from tests.processes.demos import Running, demo

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

WITHIN_MS = 60_000
"""How long the chain may take to do what the page waits for."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    async with demo(tmp_path_factory.mktemp("demo")) as process:
        await process.address()
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lab(running: Running) -> str:
    return await running.address()


async def sees(visit: Visit, text: str) -> None:
    """Wait until a node, or what happens, shows a text."""
    await expect(visit.page.locator("main")).to_contain_text(text, timeout=WITHIN_MS)


async def node_shows(visit: Visit, node: str, text: str) -> None:
    await expect(visit.page.locator(f'article[data-node="{node}"]')).to_contain_text(text, timeout=WITHIN_MS)


async def node_lacks_nothing(visit: Visit, node: str) -> None:
    await expect(visit.page.locator(f'article[data-node="{node}"]')).not_to_contain_text("lacks", timeout=WITHIN_MS)


@pytest.mark.parametrize(
    ("width", "language", "dark"), [(WIDE, "zh-CN", True), (NARROW, "en-GB", False)], ids=["desk-zh-dark", "hand-en"]
)
async def test_lab_is_readable_while_shoppers_buy_and_lines_fail(
    browser: Browser, lab: str, width: int, language: str, dark: bool
) -> None:
    async with visiting(browser, lab, width=width, language=language, dark=dark) as visit:
        await visit.go()
        await visit.page.locator(".watched select").select_option("kelvane-cola-500ml")
        await expect(visit.page.locator(".tills.busy").first).to_be_visible(timeout=WITHIN_MS)
        await visit.check(f"lab-busy-{language}")


async def test_units_are_sold_on_both_sides_of_a_cut_line_and_the_breach_settles(browser: Browser, lab: str) -> None:
    async with visiting(browser, lab) as visit:
        await visit.go()
        await visit.page.locator(".watched select").select_option(index=0)
        await visit.page.keyboard.press("s")
        await sees(visit, "The shoppers wait.")
        await visit.page.keyboard.press("h")
        await sees(visit, "Automatic outages are off")
        await node_shows(visit, "store-1", "hub-east may promise 5")
        await node_shows(visit, "hub-east", "may promise 5")

        await node_lacks_nothing(visit, "hub-east")  # what the shoppers bought until now
        await visit.click("Cut off store-1")
        await node_shows(visit, "store-1", "sells alone")
        await visit.click("Order online: 1 unit, hub-east")
        await sees(visit, "hub-east accepts order web-1: 1 unit, held at store-1.")
        await node_shows(visit, "hub-east", "ahead of the store")
        await node_shows(visit, "store-1", "lacks 1 entry")
        await visit.click("Sell: 2 too many, store-1")
        await node_shows(visit, "store-1", "sold past the rights 2")
        await visit.click("Order online: 1 too many, hub-east")
        await sees(visit, "hub-east refuses order web-2: 5 wanted, 4 may be promised.")
        await visit.check("lab-apart")

        await visit.click("Heal store-1")
        await sees(visit, "hub-east covers the breach: it gives store-1 2 of its units.")
        await sees(visit, "The breach at store-1 is settled.")
        await expect(visit.page.locator(".chain .same")).to_have_count(6, timeout=WITHIN_MS)
        assert await visit.page.locator(".chain .seal").count() == 9
        assert await visit.page.locator(".chain .group-0 .seal").count() == 9


async def test_killed_node_is_a_state_and_its_sale_counts_once_when_it_is_back(browser: Browser, lab: str) -> None:
    async with visiting(browser, lab) as visit:
        await visit.go()
        await visit.click("kill -9 store-2")
        await node_shows(visit, "store-2", "killed")
        await visit.click("Sell: 1 unit, store-2")
        await sees(visit, "store-2 does not answer. The request is sent again with the same key")
        await visit.check("lab-killed")

        await visit.click("Start store-2")
        await sees(visit, "store-2 serves again.")
        await sees(visit, "store-2 sells 1 unit.")
        await node_shows(visit, "store-2", "9 on hand")


async def test_lines_are_cut_and_healed_by_buttons_and_keys(browser: Browser, lab: str) -> None:
    async with visiting(browser, lab) as visit:
        await visit.go()
        await visit.click("Cut the line from store-3 to hub-east")
        await node_shows(visit, "store-3", "at hub-west")
        await visit.click("Heal the line from store-3 to hub-east")
        await node_shows(visit, "store-3", "at hub-east")
        await visit.page.keyboard.press("3")
        await node_shows(visit, "store-3", "sells alone")
        await visit.page.keyboard.press("3")
        await node_shows(visit, "store-3", "at hub-")
        await visit.click("Cut region off: west")
        await sees(visit, "The region west is cut off from the others.")
        await visit.click("Heal all lines")
        await sees(visit, "All lines work.")


async def test_consoles_of_the_nodes_are_one_link_away(browser: Browser, lab: str, tmp_path: Path) -> None:
    async with visiting(browser, lab) as visit:
        await visit.go()
        link = visit.page.get_by_role("link", name="Open the console of store-1", exact=True)
        address = await link.get_attribute("href")
        assert address is not None
        async with aiohttp.ClientSession() as client, client.get(f"{address}/v1/status") as response:
            assert (await response.json())["node"] == "store-1"


async def test_story_plays_to_its_end_in_less_than_a_minute(browser: Browser, lab: str) -> None:
    async with visiting(browser, lab, width=NARROW, language="zh-CN") as hand, visiting(browser, lab) as desk:
        await hand.go()
        await desk.go()
        await hand.page.get_by_role("button", name="播放演示").click()
        await sees(hand, "store-1 断网了")
        await hand.check("lab-story-zh")
        await sees(desk, "so the store sells 2 more than it may")
        await desk.check("lab-story-en")
        await sees(hand, "10 件中，7 件已售，3 件为线上订单预留")
        await expect(hand.page.get_by_role("button", name="再次播放")).to_be_visible(timeout=WITHIN_MS)
        await hand.check("lab-story-end-zh")
        assert await hand.page.get_by_text("节点未能按时显示这一步").count() == 0


async def test_verdict_is_good_after_all_that_and_the_page_shows_it(
    browser: Browser, lab: str, running: Running
) -> None:
    async with visiting(browser, lab) as visit:
        await visit.go()
        await visit.click("kill -9 hub-west")
        await node_shows(visit, "hub-west", "killed")
        running.process.send_signal(signal.SIGINT)
        status = visit.page.locator("header.bar")
        await expect(status).to_contain_text("The demo ended: all nodes are equal", timeout=WITHIN_MS)
        assert await running.ended() == 0, running.output()
    assert "verdict: EQUAL" in running.output()
    assert "Traceback" not in running.output()

    async def are_gone() -> bool:
        return not running.children()

    await eventually(are_gone, "all nodes have ended")
