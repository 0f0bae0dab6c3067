"""The till of a store in Chromium: lost lines, lost answers, the last unit, and what a sale past the rights says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Route

from shelfsync.network import LocalNetwork
from tests.console.browsing import NARROW, Visit, visiting
from tests.processes.asking import agree, connected_to, eventually, get, journal, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

COLA, LAGER, MILK, TISSUES = (
    "kelvane-cola-500ml",
    "brackwen-lager-500ml",
    "pasturlo-milk-whole-1l",
    "lathervale-tissues-soft-100sheets",
)


def _store(network: LocalNetwork) -> str:
    return network.urls[network.stores[0]]


async def _receipt(visit: Visit) -> str:
    text = await visit.page.locator(".outcome").get_by_text("Receipt ").inner_text()
    return text.removeprefix("Receipt ")


async def _sales(client: aiohttp.ClientSession, url: str, receipt: str) -> list[Mapping[str, Any]]:
    return [one for one in await journal(client, url) if one["kind"] == "sale" and one["reference"] == receipt]


async def test_till_sells_while_all_lines_are_cut_and_the_sale_arrives_after(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store, name = _store(network), network.stores[0]
    lines = [line for (dialler, _), line in network.lines.items() if dialler == name]
    async with visiting(browser, store) as visit:
        await visit.go()
        for line in lines:
            line.cut()
        await visit.see("Headquarters is away")
        await visit.scan("9520001000034")
        await visit.see("To pay")
        await visit.click("Sell")
        await visit.see("Sold")
        receipt = await _receipt(visit)
        await visit.page.get_by_text("1 entry waits to be sent.").wait_for()
        hubs = [network.urls[hub] for hub in network.hubs]
        assert [await _sales(client, hub, receipt) for hub in hubs] == [[], []]

        network.heal()

        await visit.page.get_by_text("online", exact=True).wait_for()
    await eventually(lambda: connected_to(client, store, network.home_hub[name]), "the store is back")
    await eventually(lambda: agree(client, hubs, {name: store}), "the hubs know the sale")
    assert [len(await _sales(client, hub, receipt)) for hub in hubs] == [1, 1]


async def test_two_tills_at_one_last_unit_and_one_of_them_gets_it(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    stock = await get(client, f"{store}/v1/stock/{TISSUES}")
    taken = {"lines": [{"sku": TISSUES, "quantity": stock["rights"] - 1}], "on_shortage": "refuse"}
    assert (await post(client, f"{store}/v1/sales", taken)).status == 201

    async with visiting(browser, store) as first, visiting(browser, store, language="zh-CN", width=NARROW) as second:
        for visit in (first, second):
            await visit.go()
            await visit.scan(TISSUES)
            await visit.page.locator(".basket-line").wait_for()
            await visit.page.locator(".till-panel .check input").check()
        for line in network.lines.values():
            line.cut()  # no rights come from a hub meanwhile
        await first.click("Sell")
        await first.see("Sold")
        await second.click("销售")

        await second.see("数量不足，未做任何记录。")
        assert "本店已无可承诺数量" in await second.text()
        assert await first.page.locator(".outcome .breach").count() == 0
        assert await second.page.locator(".basket-line").count() == 1
    network.heal()


async def test_store_killed_in_the_middle_of_a_sale_counts_the_retry_once(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store, process = _store(network), network.nodes[network.stores[0]]
    async with visiting(browser, store) as visit:
        await visit.go()

        async def lose_the_answer(route: Route) -> None:
            await route.fetch()  # the node did it
            await process.kill()
            await route.abort()

        await visit.page.route("**/v1/sales", lose_the_answer, times=1)
        await visit.scan(LAGER)
        await visit.see("To pay")
        await visit.click("Sell")
        await visit.see("nobody knows yet whether it counts")
        assert await visit.page.locator(".quantity input").is_disabled()
        await visit.see("The node of this store does not answer.")
        await visit.check("store-till-unknown")
        await process.start()
        await process.ready()
        await visit.page.evaluate("localStorage.setItem('shelfsync.till', 'till-9')")  # the retry is as it was
        await visit.page.reload()  # the basket and its key outlive the page
        await visit.heading()
        await visit.go("#/?do=return")

        await visit.click("Send again")

        await visit.see("Sold")
        receipt = await _receipt(visit)
    assert len(await _sales(client, store, receipt)) == 1


async def test_sale_past_the_rights_says_so_in_plain_words_and_counts(browser: Browser, network: LocalNetwork) -> None:
    async with visiting(browser, _store(network)) as visit:
        await visit.go()
        for _ in range(5):  # the store kept four for its tills
            await visit.scan(MILK)  # the node still looks some of them up when the sale is finished
        await visit.page.keyboard.press("Control+Enter")

        await visit.see("1 of these were not this store's to promise")
        await visit.page.get_by_label("Scan or search").and_(visit.page.locator(":focus")).wait_for()
        await visit.check("store-till-breach")


async def test_basket_shows_weights_promotions_and_why(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    benefit = {"type": "n_for_m", "take": 3, "pay": 2}
    promotion = {
        "benefit": benefit,
        "names": {"en": "Cola of the week", "zh": "本周可乐"},
        "applies_to": {"skus": [COLA]},
    }
    hub = network.urls[network.hubs[0]]
    written = await post(client, f"{hub}/v1/documents/promotion/cola-week", promotion, method="PUT")
    assert written.status == 200
    store = _store(network)
    await eventually(lambda: _has_promotion(client, store), "the store has the promotion")
    async with visiting(browser, store, language="zh-CN", width=NARROW) as visit:
        await visit.go()
        for _ in range(3):
            await visit.scan("9520001000034")
        await visit.scan("4011")
        await visit.page.locator(".quantity input:focus").wait_for()
        await visit.scan("350")
        await visit.see("本周可乐")
        await visit.see("买 3 付 2")
        await visit.see("€0.80")
        await visit.see("总部")
        assert await visit.focused() == "扫码或搜索"
        await visit.check("store-till-basket")


async def _has_promotion(client: aiohttp.ClientSession, store: str) -> bool:
    return bool((await get(client, f"{store}/v1/skus/{COLA}"))["promotions"])


async def test_scan_into_a_quantity_is_a_scan(browser: Browser, network: LocalNetwork) -> None:
    async with visiting(browser, _store(network)) as visit:
        await visit.go()
        await visit.scan("9520001000034")
        await visit.see("each")
        await visit.page.get_by_label("Quantity of Kelvane cola 500 ml").focus()

        await visit.scan("9520001000010")

        await visit.page.locator(".basket-line").nth(1).wait_for()
        quantities = visit.page.locator(".quantity input")
        assert [await quantities.nth(at).input_value() for at in (0, 1)] == ["1", "1"]


async def test_hold_is_kept_for_a_customer_and_shown_as_an_order(browser: Browser, network: LocalNetwork) -> None:
    async with visiting(browser, _store(network), width=NARROW, dark=True) as visit:
        await visit.go("#/?do=hold")
        await visit.scan("mirlune-peanuts-garlic-150g")
        await visit.page.locator(".basket-line").wait_for()
        await visit.fill("Number of the customer", "C-4711")
        await visit.check("store-till-hold")
        await visit.click("Hold")
        await visit.see("Held for the customer")

        await visit.clicked(visit.page.locator(".outcome a"))

        await visit.see("customer C-4711")
        await visit.see("held, not paid")
