"""Tills: shoppers buy and return goods, and a book records the requests that were answered.

A request without a definite answer (no connection, a time-out, a server error) may have had its effect. The till
retries it with the same key until it gets an answer. Only answered requests go into the book.
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
"""How long a till waits for an answer before it retries."""

RETRY_S = 0.2

PAUSE_S = 0.06
"""Mean time between two customers at one till."""

RETURNS_SHARE = 0.05

LOW_LOTS = 0.2
"""A till orders another delivery when the stock falls below this fraction of one."""


class UnexpectedAnswer(Exception):
    """A store gave an answer that the demo cannot explain."""


class Book:
    """The answered sales and returns of the tills of one store. The ledgers must contain the same units."""

    def __init__(self) -> None:
        self.sales = 0
        self.returns = 0
        self.last_sold = ""
        """The name of what was sold last."""
        self.units = 0
        """Base units sold minus units returned."""
        self.retries = 0
        self.open = 0
        """Requests without an answer so far."""


class Till:
    """One till of one store, with its customers."""

    def __init__(self, name: str, url: str, client: aiohttp.ClientSession, goods: list[Good], book: Book) -> None:
        self.name = name
        self._url = url
        self._client = client
        self._goods = {good.sku: good for good in goods}
        self._book = book
        self._random = random.Random(name)
        self._bought: list[Good] = []

    async def receive_first_delivery(self) -> None:
        """Receive the first delivery of the store."""
        lines = [{"sku": good.sku, "quantity": good.lot} for good in self._goods.values() if good.is_basic]
        await self.ask("/v1/receipts", {"lines": lines, "reference": "first delivery"})

    async def serve(self, closing: asyncio.Event) -> None:
        """Serve customers until closing time, the last one to the end."""
        while not closing.is_set():
            if self._bought and self._random.random() < RETURNS_SHARE:
                await self._take_back(self._bought.pop())
            else:
                await self._sell()
            await asyncio.sleep(self._random.expovariate(1 / PAUSE_S))

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Do one write exactly once, with as many retries as it needs; return the answer."""
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
                    raise UnexpectedAnswer(f"the store refused {path} of {self.name}: {answer}")
            except (aiohttp.ClientError, TimeoutError, ValueError):
                pass  # no readable answer: the write may have had its effect
            self._book.retries += 1
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
        self._book.last_sold = basket[0].name
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
