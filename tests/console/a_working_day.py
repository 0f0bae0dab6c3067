"""What happens in a small chain within a day, so that the pages of a hub have something to show."""

from __future__ import annotations

from typing import Any

import aiohttp

from shelfsync.network import LocalNetwork
from tests.processes.asking import eventually, get, post

COLA = "kelvane-cola-330ml"

CHEESE = "gouda"

WATER = "tuvaro-water-still-500ml"

STORE_PRICE = {"amount": 149, "currency": "EUR"}

FORECAST = {"mode": "safety", "safety_stock": {"forecast": {"quantile": 0.9}}}


async def work(client: aiohttp.ClientSession, network: LocalNetwork) -> None:
    """Set a price of a store and a policy, sell, place orders, and make a few exceptions. Wait until the hub knows."""
    hub, store = network.urls[network.hubs[0]], network.urls[network.stores[1]]
    await eventually(lambda: _may_promise(client, hub), "the hub has rights to promise")
    await _place_orders(client, hub)
    await _good(client, f"{hub}/v1/documents/price/{COLA}?rank=store&at=store-1", STORE_PRICE, method="PUT")
    await _good(client, f"{hub}/v1/documents/policy/item:{COLA}", FORECAST, method="PUT")
    for _ in range(2):
        await sell(client, store, COLA, 1, receipt="R-77")
    await sell(client, store, WATER, 125, receipt="R-78")
    await eventually(lambda: _has_breach(client, hub), "the hub knows the breach")


async def sell(client: aiohttp.ClientSession, store: str, sku: str, quantity: int, receipt: str) -> None:
    """Sell goods in hand."""
    line = {"sku": sku, "quantity": quantity}
    await _good(client, f"{store}/v1/sales", {"lines": [line], "till": "till-1", "receipt": receipt})


async def _place_orders(client: aiohttp.ClientSession, hub: str) -> None:
    """Three orders: one is paid, for one an event came too early, one stays held."""
    for name in ("web-1", "web-2", "web-3"):
        lines = [{"sku": COLA, "quantity": 1}, {"sku": CHEESE, "quantity": 250}]
        await _good(client, f"{hub}/v1/orders", {"order": name, "channel": "web", "lines": lines, "wait_ms": 5_000})
    await _good(client, f"{hub}/v1/orders/web-1/events", {"event": "pay"})
    await _good(client, f"{hub}/v1/orders/web-2/events", {"event": "ship"})


async def _may_promise(client: aiohttp.ClientSession, hub: str) -> bool:
    found = [(await get(client, f"{hub}/v1/availability/{sku}"))["guaranteed"] for sku in (COLA, CHEESE)]
    return min(found) > 0


async def _has_breach(client: aiohttp.ClientSession, hub: str) -> bool:
    return bool((await get(client, f"{hub}/v1/exceptions"))["breaches"])


async def _good(client: aiohttp.ClientSession, url: str, body: Any, method: str = "POST") -> None:
    reply = await post(client, url, body, method=method)
    assert reply.status in (200, 201, 202), reply.answer
