"""Tills: shoppers who buy and bring back, and a book of what the tills were told.

A request that got no definite answer (no connection, a time-out, a fault of the server) may have had its effect. It is
asked again with the same key until there is an answer; only what was answered goes into the book.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
import uuid
from typing import Any

import aiohttp

from shelfsync.assortment import Good

ANSWER_S = 5.0
"""How long a till waits for an answer before it asks again."""

RETRY_S = 0.2

PAUSE_S = 0.06
"""Mean time between two customers at one till."""

RETURNS_SHARE = 0.05

LOW_LOTS = 0.2
"""Below this part of a delivery, more is ordered."""


class Surprise(Exception):
    """A store gave an answer that the demo cannot explain."""


class Book:
    """What the tills of one store were told: the ledgers have to say the same."""

    def __init__(self) -> None:
        self.sales = 0
        self.returns = 0
        self.units = 0
        """Base units sold less units brought back."""
        self.asked_again = 0
        self.open = 0
        """Requests without an answer so far."""


class Till:
    """One till of one store, and whoever stands at it."""

    def __init__(self, name: str, url: str, client: aiohttp.ClientSession, goods: list[Good], book: Book) -> None:
        self.name = name
        self._url = url
        self._client = client
        self._goods = {good.sku: good for good in goods}
        self._book = book
        self._random = random.Random(name)
        self._bought: list[Good] = []

    async def receive_first_delivery(self) -> None:
        """Fill the shelves."""
        lines = [{"sku": good.sku, "quantity": good.lot} for good in self._goods.values() if good.is_basic]
        await self.ask("/v1/receipts", {"lines": lines, "reference": "first delivery"})

    async def serve(self, closing: asyncio.Event) -> None:
        """Serve customers until closing time; whoever is being served then is served."""
        while not closing.is_set():
            if self._bought and self._random.random() < RETURNS_SHARE:
                await self._take_back(self._bought.pop())
            else:
                await self._sell()
            await asyncio.sleep(self._random.expovariate(1 / PAUSE_S))

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Have one write done exactly once; return the answer, however often it takes to ask."""
        headers = {"Idempotency-Key": str(uuid7())}
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        self._book.open += 1
        while True:
            try:
                async with self._client.post(self._url + path, json=body, headers=headers, timeout=timeout) as response:
                    answer = await response.json(content_type=None)
                if response.status < 400:
                    self._book.open -= 1
                    return dict(answer)
                if response.status < 500:
                    raise Surprise(f"{self.name}: {path} was refused: {answer}")
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass  # no answer that can be read: it may have been done
            self._book.asked_again += 1
            await asyncio.sleep(RETRY_S)

    async def _sell(self) -> None:
        basket = self._random.sample(list(self._goods.values()), self._random.randint(1, 4))
        quantities = [self._quantity_of(good) for good in basket]
        lines = [
            {"barcode": good.barcode, "quantity": quantity} if quantity % 2 else {"sku": good.sku, "quantity": quantity}
            for good, quantity in zip(basket, quantities, strict=True)
        ]
        answer = await self.ask("/v1/sales", {"lines": lines, "till": self.name})
        self._book.sales += 1
        self._book.units += sum(good.units * quantity for good, quantity in zip(basket, quantities, strict=True))
        self._bought = [*self._bought, basket[0]][-20:]
        low = [
            self._goods[line["sku"]]
            for line in answer["lines"]
            if line["available"] < self._goods[line["sku"]].lot * LOW_LOTS
        ]
        if low:
            lines = [{"sku": good.sku, "quantity": good.lot} for good in low]
            await self.ask("/v1/receipts", {"lines": lines, "reference": "running low"})

    async def _take_back(self, good: Good) -> None:
        lines = [{"sku": good.sku, "quantity": 1}]
        await self.ask("/v1/returns", {"lines": lines, "disposition": "restock", "till": self.name})
        self._book.returns += 1
        self._book.units -= good.units

    def _quantity_of(self, good: Good) -> int:
        if good.is_loose:
            return self._random.randint(80, 900)
        return self._random.choice((1, 1, 1, 2, 3))


def uuid7() -> uuid.UUID:
    """Make a UUID that begins with the time, so that keys made later sort later (RFC 9562, section 5.7)."""
    bits = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10))
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=bits)
