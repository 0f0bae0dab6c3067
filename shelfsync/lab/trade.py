"""What a person trades by hand in the lab: sales and deliveries in stores, orders at hubs.

Every write is sent until it has a definite answer, under one key, as tills do. So a write whose node is killed counts
once when the node is back. Sales go into the books of the stores, so the verdict of the demo includes them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from shelfsync.assortment import Good
from shelfsync.lab.records import Records
from shelfsync.tills import Book, Till, until_answered, uuid7


class Trade:
    """The tills and the web shop of the lab."""

    def __init__(
        self,
        client: aiohttp.ClientSession,
        urls: Mapping[str, str],
        books: Mapping[str, Book],
        goods: list[Good],
        records: Records,
    ) -> None:
        self._client = client
        self._urls = urls
        self._records = records
        self._tills = {store: Till(f"{store}-lab", urls[store], client, goods, book) for store, book in books.items()}
        self._orders = 0
        self._held: dict[str, str] = {}
        """Orders that may hold units, with the hub that accepted each."""

    async def sell(self, store: str, good: Good, quantity: int, key: str) -> int:
        """Sell units that a customer has in the hand; return the breach that this caused."""
        answer = await self._tills[store].sell({good: quantity}, key, self._unanswered(store))
        breach: int = answer["lines"][0]["breach"]
        self._records.add("oversold" if breach else "sold", store=store, n=quantity, breach=breach)
        return breach

    async def deliver(self, store: str, good: Good, quantity: int, key: str) -> None:
        """Deliver units to a store."""
        body = {"lines": [{"sku": good.sku, "quantity": quantity}], "reference": "lab"}
        await self._tills[store].ask("/v1/receipts", body, key, self._unanswered(store))
        self._records.add("delivered", store=store, n=quantity)

    async def take_off(self, store: str, good: Good, quantity: int) -> None:
        """Take units off the shelf of a store, which nobody bought."""
        (item,) = good.recipe
        body = {"lines": [{"item": item, "delta": -quantity, "reason": "lab"}]}
        await self._tills[store].ask("/v1/adjustments", body, "", self._unanswered(store))

    async def order(self, hub: str, good: Good, quantity: int, store: str, key: str) -> bool:
        """Order online at a hub, out of the stock of a store or of any; return whether the hub accepted."""
        self._orders += 1
        order = f"web-{self._orders}"
        line = {"sku": good.sku, "quantity": quantity, **({"location": store} if store else {})}
        body = {"order": order, "channel": "web", "lines": [line]}
        status, answer = await self._write(hub, "/v1/orders", body, key)
        if status == 201:
            self._held[order] = hub
            locations = [one["location"] for one in answer["fulfilments"]]
            self._records.add("ordered", hub=hub, n=quantity, order=order, store=", ".join(locations))
        else:
            free = sum(line.get("free", 0) for line in answer.get("lines", ()))
            self._records.add("refused", hub=hub, n=quantity, order=order, free=free)
        return status == 201

    async def cancel_orders(self) -> None:
        """Cancel all orders that were placed here, where they still can be."""
        for order, hub in list(self._held.items()):
            await self._write(hub, f"/v1/orders/{order}/events", {"event": "cancel"}, str(uuid7()))
            del self._held[order]

    async def _write(self, node: str, path: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, Any]]:
        return await until_answered(self._client, self._urls[node] + path, body, key, self._unanswered(node))

    def _unanswered(self, node: str) -> Callable[[], None]:
        """Notes once that a node does not answer a write."""
        is_noted = False

        def note() -> None:
            nonlocal is_noted
            if not is_noted:
                self._records.add("unanswered", node=node)
            is_noted = True

        return note
