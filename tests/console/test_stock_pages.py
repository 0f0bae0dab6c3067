"""What the pages of a store say about its stock: figures and why, counts, prices, quarantine, and what to look at."""

from __future__ import annotations

import re
from typing import Any

import aiohttp
import msgspec
import pytest
from playwright.async_api import Browser

from shelfsync.network import LocalNetwork
from tests.console.browsing import NARROW, visiting
from tests.console.each_exception import ALL
from tests.processes.asking import eventually, get, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

POPCORN, JAM, CRISPS, TEA, WATER = (
    "quarnell-popcorn-caramel-100g",
    "tofanero-jam-strawberry-340g",
    "krispanto-crisps-original-135g",
    "grainmoor-tea-bags-green-25bags",
    "tuvaro-water-still-500ml",
)


def _store(network: LocalNetwork) -> str:
    return network.urls[network.stores[0]]


async def test_figure_is_explained_down_to_the_receipt(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    sale = {"lines": [{"sku": POPCORN, "quantity": 3}], "till": "till-7", "receipt": "R-77"}
    assert (await post(client, f"{store}/v1/sales", sale)).status == 201
    async with visiting(browser, store) as visit:
        await visit.go("#/stock")
        row = visit.page.locator("tr", has_text=POPCORN)
        await row.get_by_role("link", name="117").first.click()

        await visit.see("On hand: 117.")
        sums = await visit.page.locator("table").first.locator("tr").all_inner_texts()
        assert [text.split("\t") for text in sums[1:]] == [
            ["Goods received", "+120", "+120"],
            ["Sold", "-3", "-3"],
            ["Sum", "+117", "117"],
        ]
        await visit.see("receipt R-77")
        await visit.see("till till-7")


_SUMS = """async (answers) => {
  const base = document.querySelector("script[type=module]").src.replace("store/main.mjs", "");
  const { summed } = await import(base + "widgets/explain.mjs");
  const { FIGURES } = await import(base + "widgets/accounts.mjs");
  const { levels } = await import(base + "store/item.mjs");
  const sum = ({ stock, cells }, figure) => summed(cells, figure, "store-1").reduce((all, row) => all + row.total, 0);
  return answers.map((answer) => ({
    ...Object.fromEntries(FIGURES.map((figure) => [figure, sum(answer, figure)])),
    last: levels(answer.stock.item, answer.stock.on_hand, answer.movements).at(-1).level,
  }));
}"""


async def test_causes_add_up_to_each_figure(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store, items = _store(network), (WATER, POPCORN, "gouda")
    hold = {"order": "hold-9", "lines": [{"sku": WATER, "quantity": 2}]}
    back = {"lines": [{"sku": WATER, "quantity": 1}]}
    sale = {"lines": [{"sku": WATER, "quantity": 7}, {"sku": "gouda", "quantity": 300}]}
    for path, body in (("holds", hold), ("returns", back), ("sales", sale)):
        assert (await post(client, f"{store}/v1/{path}", body)).status == 201
    async with visiting(browser, store) as visit:
        await visit.go("#/sync")
        answers = [await get(client, f"{store}/v1/explain/{item}") for item in items]

        sums = await visit.page.evaluate(_SUMS, answers)

    figures = ("on_hand", "reserved", "quarantined", "available", "rights")
    assert sums == [
        {**{figure: answer["stock"][figure] for figure in figures}, "last": answer["stock"]["on_hand"]}
        for answer in answers
    ]
    assert sums[0]["reserved"] == 2


async def test_movements_that_arrive_leave_no_gap_in_a_list_of_several_pages(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    await _sell_water(client, store, range(60))
    async with visiting(browser, store) as visit:
        await visit.go(f"#/explain/{WATER}")
        await visit.click("Show more")
        await visit.see("receipt W-0")
        await _sell_water(client, store, range(60, 63))
        await visit.see("receipt W-62")

        shown = await visit.page.get_by_text(re.compile(r"^receipt W-\d+$")).all_inner_texts()

    assert sorted(shown) == sorted(f"receipt W-{number}" for number in range(63))


async def _sell_water(client: aiohttp.ClientSession, store: str, numbers: range) -> None:
    sales = [
        {"key": f"water-{number}", "lines": [{"sku": WATER, "quantity": 1}], "till": "till-7", "receipt": f"W-{number}"}
        for number in numbers
    ]
    assert (await post(client, f"{store}/v1/sales:batch", {"sales": sales})).status == 207


async def test_figures_of_later_pages_move_too(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store, hub = _store(network), network.urls[network.hubs[0]]
    names = [f"zz-{number:02}" for number in range(40)]
    documents = [{"kind": "sku", "key": name, "value": {"recipe": {name: 1}}} for name in names]
    answer = await post(client, f"{hub}/v1/documents:batch?new_items=true", {"documents": documents})
    assert {verdict["status"] for verdict in answer.answer["verdicts"]} == {200}
    received = {"lines": [{"item": name, "quantity": 9} for name in names]}
    await eventually(lambda: _receives(client, store, received), "the store has the new items")
    async with visiting(browser, store) as visit:
        await visit.go("#/stock")
        await visit.click("Show more")
        row = visit.page.locator("tbody tr", has_text="zz-39")
        await row.get_by_role("link", name="9", exact=True).first.wait_for()

        assert (await post(client, f"{store}/v1/sales", {"lines": [{"sku": "zz-39", "quantity": 1}]})).status == 201

        await row.get_by_role("link", name="8", exact=True).first.wait_for()


async def _receives(client: aiohttp.ClientSession, store: str, lines: dict[str, Any]) -> bool:
    return (await post(client, f"{store}/v1/receipts", lines)).status == 201


async def test_figures_move_while_the_page_is_open(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    async with visiting(browser, store) as visit:
        await visit.go(f"#/items/{JAM}")
        await visit.see("120")
        await visit.page.locator(".plot canvas").wait_for()
        assert (await post(client, f"{store}/v1/sales", {"lines": [{"sku": JAM, "quantity": 2}]})).status == 201

        await visit.page.locator(".figure-value", has_text="118").first.wait_for()


async def test_count_while_the_till_sells_is_right(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    async with visiting(browser, store, language="zh-CN", width=NARROW) as visit:
        await visit.go("#/count")
        await visit.scan(CRISPS)
        await visit.see("此后的销售会自动扣减")
        assert await visit.focused() == "实盘数量"
        assert (await post(client, f"{store}/v1/sales", {"lines": [{"sku": CRISPS, "quantity": 2}]})).status == 201

        await visit.scan("119")  # somebody had taken one before

        await visit.see("盘亏 1。")
        await visit.see("盘点开始后售出 2。")
        await visit.see("当前现货 117")
        await visit.check("store-count-done")
    assert (await get(client, f"{store}/v1/stock/{CRISPS}"))["on_hand"] == 117


async def test_bundle_is_counted_item_by_item(browser: Browser, network: LocalNetwork) -> None:
    async with visiting(browser, _store(network), width=NARROW) as visit:
        await visit.go("#/count")
        await visit.scan("breakfast-set")
        await visit.see("is made of several items")
        await visit.check("store-count-bundle")

        await visit.click("Pasturlo whole milk 1 l")

        await visit.page.get_by_label("Counted").and_(visit.page.locator(":focus")).wait_for()


async def test_price_past_the_limits_is_refused_beside_the_field(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store, hub = _store(network), network.urls[network.hubs[0]]
    price = {"amount": 200, "currency": "EUR", "override": {"min": 150, "max": 250}}
    assert (await post(client, f"{hub}/v1/documents/price/{TEA}", price, method="PUT")).status == 200
    await eventually(lambda: _has_price(client, store, 200), "the store has the price")
    async with visiting(browser, store) as visit:
        await visit.go(f"#/items/{TEA}")
        await visit.fill("Price of this store", "1.00")
        await visit.click("Set")
        await visit.see("Headquarters allows €1.50 to €2.50.")
        assert await visit.page.get_by_label("Price of this store").get_attribute("aria-invalid") == "true"
        await visit.fill("Price of this store", "1,79")
        await visit.click("Set")
        await visit.see("from this store")
        await visit.see("€1.79")
        await visit.check("store-item-own-price")

        await visit.click("Clear it: sell at €2.00")

        await visit.see("from headquarters")


async def _has_price(client: aiohttp.ClientSession, store: str, amount: int) -> bool:
    price = (await get(client, f"{store}/v1/skus/{TEA}"))["price"]
    return price is not None and price["amount"] == amount


async def test_returned_goods_go_back_on_the_shelf_from_quarantine(browser: Browser, network: LocalNetwork) -> None:
    async with visiting(browser, _store(network)) as visit:
        await visit.go("#/?do=return")
        await visit.scan(POPCORN)
        await visit.page.locator(".basket-line").wait_for()
        await visit.click("Take back")
        await visit.see("Taken back")
        await visit.go("#/quarantine")
        row = visit.page.locator(".quarantined", has_text=POPCORN)
        await row.get_by_text("1 in quarantine").wait_for()

        await visit.clicked(row.get_by_role("button", name="Back on the shelf"))

        await row.wait_for(state="detached")


async def test_return_past_its_sale_is_shown_with_a_next_step(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    sale = {"lines": [{"sku": JAM, "quantity": 1}], "till": "till-7", "receipt": "R-78"}
    back = {"lines": [{"sku": JAM, "quantity": 2}], "till": "till-7", "receipt": "R-79", "original": "R-78"}
    assert (await post(client, f"{store}/v1/sales", sale)).status == 201
    assert (await post(client, f"{store}/v1/returns", back)).status == 201
    async with visiting(browser, store) as visit:
        await visit.go("#/look")
        await visit.see("more came back than was sold")

        await visit.click("Show the item", "link")

        assert await visit.heading() == "Tofanero strawberry jam 340 g"


async def test_other_stores_stay_known_while_the_line_is_cut(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    assert (await get(client, f"{store}/v1/elsewhere/{TEA}"))["locations"]
    for line in network.lines.values():
        line.cut()
    async with visiting(browser, store) as visit:
        await visit.go(f"#/items/{TEA}")
        await visit.see("In other stores")
        await visit.see("store-2")
        await visit.go("#/sync")
        await visit.see("Headquarters is away")
        await visit.check("store-sync-away")
    network.heal()


async def test_pack_shows_what_it_is_made_of(browser: Browser, network: LocalNetwork) -> None:
    async with visiting(browser, _store(network), width=NARROW) as visit:
        await visit.go("#/items/kelvane-cola-330ml-6")
        await visit.see("6 of each")
        await visit.see("€4.19")
        await visit.check("store-pack")


async def test_stock_is_filtered_by_what_needs_a_look(
    browser: Browser, client: aiohttp.ClientSession, network: LocalNetwork
) -> None:
    store = _store(network)
    broken = {"lines": [{"item": TEA, "quantity": 2, "action": "put"}]}
    assert (await post(client, f"{store}/v1/quarantine", broken)).status == 201
    async with visiting(browser, store) as visit:
        await visit.go("#/stock")
        await visit.click("Quarantined")
        await visit.page.locator("tbody tr", has_text="bananas").wait_for(state="detached")

        assert TEA in await visit.page.locator("tbody").inner_text()


_DRAW = """async (answer) => {
  const base = document.querySelector("script[type=module]").src.replace("store/main.mjs", "");
  const { groupsOf, ExceptionGroup } = await import(base + "widgets/exceptions.mjs");
  const { html, render } = await import(base + "shell/view.mjs");
  const link = (...parts) => "#/" + parts.join("/");
  const groups = groupsOf(answer, { item: link, count: link, order: link });
  const place = document.createElement("div");
  render(html`${groups.map((group) => html`<${ExceptionGroup} group=${group} />`)}`, place);
  return [groups.map((group) => [group.name, group.title, group.why]), place.innerText || place.textContent];
}"""


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
async def test_each_kind_of_exception_has_its_words(browser: Browser, network: LocalNetwork, language: str) -> None:
    answer: dict[str, Any] = msgspec.to_builtins(ALL)
    kinds = {name for name in answer if name != "truncated"}
    async with visiting(browser, network.urls[network.stores[0]], language=language) as visit:
        await visit.go("#/sync")

        groups, text = await visit.page.evaluate(_DRAW, answer)

    assert {name for name, _, _ in groups} == kinds
    assert all(title and why for _, title, why in groups)
    assert not [mark for mark in ("undefined", "[object", "{", "NaN") if mark in text]
