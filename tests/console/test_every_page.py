"""Each page of each console, in both languages, wide and narrow, light and dark: readable and accessible."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext

from shelfsync.network import LocalNetwork
from tests.console.a_working_day import work
from tests.console.browsing import NARROW, WIDE, Visit, profile, visiting, window
from tests.processes.asking import post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.processes]

STORE = {
    "till": "#/",
    "pickups": "#/pickups",
    "stock": "#/stock",
    "item": "#/items/kelvane-cola-330ml",
    "explain": "#/explain/kelvane-cola-330ml?figure=available",
    "receive": "#/receive",
    "count": "#/count",
    "count-item": "#/count/gouda",
    "adjust": "#/adjust",
    "quarantine": "#/quarantine",
    "order": "#/orders/hold-1",
    "receipt": "#/receipts/R-1",
    "look": "#/look",
    "sync": "#/sync",
}
"""Addresses of the pages of a store, by the name of their picture."""

HUB = {
    "chain": "#/",
    "exceptions": "#/exceptions",
    "nodes": "#/nodes",
    "location": "#/locations/store-2",
    "skus": "#/skus?q=cola",
    "sku": "#/skus/kelvane-cola-330ml",
    "explain": "#/explain/store-1/kelvane-cola-330ml",
    "receipt": "#/receipts/store-2/R-77",
    "orders": "#/orders",
    "order": "#/orders/web-1",
    "waiting-order": "#/orders/web-2",
    "documents": "#/documents",
    "prices": "#/documents/price?location=store-1",
    "document": "#/documents/sku/kelvane-cola-330ml-6",
    "price": "#/documents/price/kelvane-cola-330ml?rank=store&at=store-1",
    "new-promotion": "#/documents/promotion/spring",
    "order-machine": "#/documents/order_machine/default",
    "policies": "#/policies?location=store-1&item=kelvane-cola-330ml",
}

PAGES = [("store", name, address) for name, address in STORE.items()] + [
    ("hub", name, address) for name, address in HUB.items()
]

LOOKS = {
    "desk-en": {"width": WIDE, "language": "en-GB", "dark": False},
    "desk-zh-dark": {"width": WIDE, "language": "zh-CN", "dark": True},
    "hand-zh": {"width": NARROW, "language": "zh-CN", "dark": False},
    "hand-en-dark": {"width": NARROW, "language": "en-GB", "dark": True},
}

_PATHS = """async () => {
  const main = document.querySelector("script[type=module]").src;
  return (await import(main.replace("main.mjs", "pages.mjs"))).pages.map((page) => page.path);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def day(client: aiohttp.ClientSession, network: LocalNetwork) -> None:
    """What the pages of a hub show: orders, an override of a price, and things to look at."""
    await work(client, network)


def _node_of(network: LocalNetwork, console: str) -> str:
    return network.urls[network.stores[0] if console == "store" else network.hubs[0]]


COLA = "kelvane-cola-330ml"

GOINGS_ON = (
    ("sales", {"lines": [{"sku": COLA, "quantity": 300}], "till": "till-1", "receipt": "R-1"}),
    ("returns", {"lines": [{"sku": COLA, "quantity": 301}], "till": "till-1", "receipt": "R-2", "original": "R-1"}),
    ("sales", {"lines": [{"sku": "bananas", "quantity": 350}], "till": "till-1", "receipt": "R-1"}),
    ("holds", {"order": "hold-1", "lines": [{"sku": "pasturlo-milk-whole-1l", "quantity": 2}], "customer": "C-1"}),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def goings_on(client: aiohttp.ClientSession, network: LocalNetwork, day: None) -> None:
    """Something of each sort that pages show: a breach, a hold, goods in quarantine, a receipt used twice."""
    store = network.urls[network.stores[0]]
    for path, body in GOINGS_ON:
        assert (await post(client, f"{store}/v1/{path}", body)).status == 201


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def users(browser: Browser) -> AsyncIterator[dict[str, BrowserContext]]:
    """A user for each look, who has the files of a console after the first page."""
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(profile(browser, **look)) for name, look in LOOKS.items()}


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize(("console", "name", "address"), PAGES, ids=[f"{page[0]}-{page[1]}" for page in PAGES])
async def test_page_is_readable_and_accessible(
    users: dict[str, BrowserContext], network: LocalNetwork, console: str, name: str, address: str, look: str
) -> None:
    async with window(users[look], _node_of(network, console)) as visit:
        await visit.go(address)

        await visit.check(f"{console}-{name}-{look}")


@pytest.mark.parametrize(("console", "named"), [("store", STORE), ("hub", HUB)])
async def test_every_page_is_checked(
    browser: Browser, network: LocalNetwork, console: str, named: dict[str, str]
) -> None:
    async with visiting(browser, _node_of(network, console)) as visit:
        await visit.go()

        patterns = [path.split("/") for path in await visit.page.evaluate(_PATHS)]

    assert [pattern for pattern in patterns if not any(_fits(pattern, address) for address in named.values())] == []


def _fits(pattern: list[str], address: str) -> bool:
    parts = address.removeprefix("#").split("?")[0].split("/")
    return len(parts) == len(pattern) and all(
        wanted.startswith(":") or wanted == part for wanted, part in zip(pattern, parts, strict=True)
    )


async def test_first_page_is_small(browser: Browser, network: LocalNetwork) -> None:
    for console in ("store", "hub"):
        async with visiting(browser, _node_of(network, console)) as visit:
            assert await _bytes_of_first_page(visit) <= 200_000


async def _bytes_of_first_page(visit: Visit) -> int:
    await visit.go()
    loaded = await visit.page.evaluate(
        "() => performance.getEntriesByType('resource').map((one) => [one.name, one.encodedBodySize])"
    )
    return sum(size for name, size in loaded if "/v1/" not in name)
