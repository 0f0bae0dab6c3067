"""The main paths through the pages of a hub, in Chromium, on a chain of real nodes."""

from __future__ import annotations

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, Route

from shelfsync.network import LocalNetwork
from shelfsync.proxy import Proxy
from tests.console.a_working_day import CHEESE, COLA, work
from tests.console.browsing import visiting
from tests.processes.asking import eventually, get

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

STORE, OTHER = "store-1", "store-2"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hub(client: aiohttp.ClientSession, network: LocalNetwork) -> str:
    """The address of a hub after a day of work."""
    await work(client, network)
    return network.urls[network.hubs[0]]


async def test_chain_can_be_filtered_by_name_and_state(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/")
        await visit.see("2 locations")
        await visit.page.get_by_role("img", name="Map of the locations").wait_for()

        await visit.fill("Name, city or region", "berl")
        await visit.see("1 location")
        assert await _rows(visit.page, "1 location") == ["Berlin store-1"]

        await visit.fill("Name, city or region", "")
        await visit.page.get_by_label("Show", exact=True).select_option(label="away (0)")
        await visit.see("No location fits. Change the filter.")
        assert visit.page.url.endswith("#/?state=away")


async def test_store_at_another_hub_is_told_from_one_that_is_away(
    browser: Browser, hub: str, network: LocalNetwork
) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/?q=store-2")
        await visit.see("at hub-west")
        assert await visit.page.locator("main .pill.bad").get_by_text("away").count() == 0

        for line in _lines_of(network, OTHER):
            line.cut()
        try:
            await visit.page.locator("main .pill.bad").get_by_text("away", exact=True).wait_for(timeout=40_000)
        finally:
            network.heal()
        await visit.see("at hub-west", within_ms=40_000)


async def test_movement_leads_back_to_its_till_receipt(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go(f"#/explain/{OTHER}/{COLA}")
        await visit.click("receipt R-77", role="link")

        assert await visit.heading() == "Receipt R-77"
        await visit.see("Several sales have this number: tills may use a number again.")
        await visit.see("Total: €0.79")


async def test_press_on_a_dot_of_the_map_opens_its_location(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/?q=berlin")
        dot = visit.page.get_by_role("img", name="Map of the locations")
        await dot.wait_for()
        box = await dot.bounding_box()
        assert box is not None

        await dot.click(position={"x": box["width"] / 2, "y": box["height"] / 2})  # the only place is in the middle

        assert await visit.heading() == "Berlin store-1"


async def test_sku_shows_its_interval_its_holders_and_where_its_price_comes_from(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/skus")
        await visit.see("All SKUs")
        await visit.page.keyboard.type("cola 330")  # the field has the focus
        await visit.see("Kelvane cola 330 ml")
        await visit.page.get_by_role("link", name="Kelvane cola 330 ml", exact=True).click()

        assert (await visit.heading()).startswith("Kelvane cola 330 ml")
        text = await visit.text()
        assert "€1.49 from Berlin itself" in text
        assert "the chain overridden by a higher rank" in text
        assert "hub-east" in await visit.page.locator("figure.parts").inner_text()
        await visit.page.get_by_role("link", name="Explain").first.click()
        assert (await visit.heading()).startswith("Why: Kelvane cola 330 ml")
        await visit.see("Goods received")


async def test_order_is_paid_and_its_way_is_shown(browser: Browser, hub: str, client: aiohttp.ClientSession) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/orders")
        await visit.scan("web-3")  # Enter comes before the answer to what was typed
        await visit.page.get_by_role("heading", name="Order web-3").wait_for()

        await visit.click("Mark as paid")

        await visit.see("pay: now paid.")
        await visit.see("hold → held, not paid, pay → paid")
        assert (await get(client, f"{hub}/v1/orders/web-3"))["state"] == "reserved"


async def test_cancellation_is_asked_about_and_passed_to_the_store(
    browser: Browser, hub: str, client: aiohttp.ClientSession
) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/orders/web-1")
        await visit.see("store-1 decides about this fulfilment.")

        await visit.click("Cancel")
        await visit.click("No")
        assert (await get(client, f"{hub}/v1/orders/web-1"))["state"] == "reserved"

        await visit.click("Cancel")
        await visit.click("Yes, do it")
        await visit.see("cancelled")
        await eventually(lambda: _is_cancelled(client, hub), "the store cancels the order")


async def _is_cancelled(client: aiohttp.ClientSession, hub: str) -> bool:
    return bool((await get(client, f"{hub}/v1/orders/web-1"))["state"] == "cancelled")


async def test_event_that_waits_is_explained(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/orders/web-2")

        await visit.see("waits for an event that has to come before it.")


async def test_exception_leads_to_the_page_that_mends_it(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/exceptions")
        badge = visit.page.locator("nav .badge")
        await badge.wait_for()
        assert await badge.inner_text() == "3"

        await visit.fill("Location, order, SKU or node", "R-77")
        await visit.see("Receipt R-77 of till-1: 2 times.")
        await visit.fill("Location, order, SKU or node", "water")
        await visit.click("See what made it", "link")

        assert "water" in await visit.heading()
        await visit.see("receipt R-78")


async def test_change_is_previewed_before_it_is_written(
    browser: Browser, hub: str, client: aiohttp.ClientSession
) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/documents/policy/default")
        await visit.page.locator(".union input").fill("6")
        await visit.click("Preview the change")
        await visit.see("safety_stock 4 → 6")
        await visit.see("Units that may be promised online")
        assert (await get(client, f"{hub}/v1/documents/policy/default"))["value"]["safety_stock"] == 4

        await visit.click("Write it")
        await visit.see("Written. All nodes get it.")

        assert (await get(client, f"{hub}/v1/documents/policy/default"))["value"]["safety_stock"] == 6
        await visit.see("version 2")


async def test_refusal_stands_beside_the_field_that_it_names(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go(f"#/documents/price/{COLA}")
        await visit.fill("Amount in minor units", "-5")
        await visit.click("Preview the change")

        field = visit.page.get_by_label("Amount in minor units", exact=True)
        await visit.page.locator("[aria-invalid=true]").wait_for()
        assert await field.get_attribute("aria-invalid") == "true"
        assert await field.input_value() == "-5"
        assert await field.evaluate("(element) => element === document.activeElement")

        await field.fill("89")
        await visit.click("Preview the change")
        await visit.see("€0.79")  # what customers pay now, beside what they would pay


async def test_json_and_form_show_one_draft(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go(f"#/documents/sku/{CHEESE}")
        await visit.fill("Tax class", "luxury")
        await visit.click("JSON", "radio")
        area = visit.page.get_by_label("Value as JSON")
        assert '"tax_class": "luxury"' in await area.input_value()

        await area.fill('{"recipe": {"gouda": 2}, "barcodes": ["1"]}')
        await visit.click("Form", "radio")
        assert await visit.page.get_by_label("Barcodes, 1", exact=True).input_value() == "1"
        await visit.click("Undo what I typed")
        assert await visit.page.get_by_label("Tax class", exact=True).input_value() != "luxury"


async def test_most_specific_policy_applies(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/policies")
        await visit.page.get_by_label("Location", exact=True).fill(STORE)
        await visit.page.get_by_label("Item", exact=True).fill(COLA)
        await visit.see("What it keeps now")

        rows = visit.page.locator(".card tbody tr")
        states = [await rows.nth(at).locator(".pill").inner_text() for at in range(4)]
        assert states == ["not written", "not written", "applies", "a more specific one applies"]


async def test_store_that_is_cut_off_is_away_with_the_value_of_what_it_has(
    browser: Browser, hub: str, network: LocalNetwork
) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/")
        for line in _lines_of(network, STORE):
            line.cut()
        try:
            await visit.see("away", within_ms=30_000)
            row = visit.page.locator("tr", has_text="Berlin")
            await row.get_by_text("€").wait_for(timeout=30_000)
            assert "last heard" in await row.inner_text()
        finally:
            network.heal()
        await row.get_by_text("connected", exact=True).wait_for(timeout=30_000)


def _lines_of(network: LocalNetwork, store: str) -> list[Proxy]:
    return [line for (dialler, _), line in network.lines.items() if dialler == store]


async def test_page_keeps_its_answer_while_the_hub_is_away(browser: Browser, hub: str) -> None:
    async with visiting(browser, hub) as visit:
        await visit.go("#/nodes")
        await visit.see("hub-west")

        await visit.page.route("**/v1/**", lambda route: route.abort())

        await visit.see("The node does not answer. This is from")
        await visit.see("hub-west")


async def test_first_read_that_fails_can_be_tried_again(browser: Browser, hub: str) -> None:
    failures = 1

    async def fail_once(route: Route) -> None:
        nonlocal failures
        failures -= 1
        await (route.abort() if failures >= 0 else route.continue_())

    async with visiting(browser, hub) as visit:
        await visit.page.route("**/v1/orders?*", fail_once)
        await visit.go("#/orders")

        await visit.click("Try again")

        await visit.see("Orders, newest first")


async def _rows(page: Page, caption: str) -> list[str]:
    """The first cells of a table."""
    cells = page.get_by_role("table", name=caption).locator("tbody tr td:first-child")
    return [" ".join(text.split()) for text in await cells.all_inner_texts()]
