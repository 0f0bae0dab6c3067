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
from collections.abc import Callable, Mapping
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
        self.last_names: dict[str, str] = {}
        """Its names by language."""
        self.units = 0
        """Base units sold minus units returned."""
        self.retries = 0
        self.open = 0
        """Requests without an answer so far."""


class Shoppers:
    """Whether shoppers come to the tills: from the start, unless they are asked to wait, until the stores close."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._coming = asyncio.Event()
        self._coming.set()

    @property
    def are_coming(self) -> bool:
        """Whether shoppers come now."""
        return self._coming.is_set() and not self.closed.is_set()

    def wait(self) -> None:
        """Let no further shopper come, until they are called."""
        if not self.closed.is_set():
            self._coming.clear()

    def come(self) -> None:
        """Let shoppers come."""
        self._coming.set()

    def close(self) -> None:
        """Close the stores for ever."""
        self.closed.set()
        self._coming.set()

    async def next(self) -> bool:
        """Wait until a shopper may come. False: the stores are closed."""
        await self._coming.wait()
        return not self.closed.is_set()


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

    async def serve(self, shoppers: Shoppers) -> None:
        """Serve customers until closing time, the last one to the end."""
        while await shoppers.next():
            if self._bought and self._random.random() < RETURNS_SHARE:
                await self._take_back(self._bought.pop())
            else:
                await self._sell_basket()
            await asyncio.sleep(self._random.expovariate(1 / PAUSE_S))

    async def ask(
        self, path: str, body: dict[str, Any], key: str = "", on_retry: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """Do one write exactly once, with as many retries as it needs; return the answer.

        Raises UnexpectedAnswer if the store refuses.
        """

        def retried() -> None:
            self._book.retries += 1
            if on_retry is not None:
                on_retry()

        self._book.open += 1
        status, answer = await until_answered(self._client, self._url + path, body, key or str(uuid7()), retried)
        self._book.open -= 1
        if status >= 400:
            raise UnexpectedAnswer(f"the store refused {path} of {self.name}: {answer}")
        return answer

    async def sell(
        self, basket: Mapping[Good, int], key: str = "", on_retry: Callable[[], None] | None = None
    ) -> dict[str, Any]:
        """Sell goods that are on the belt, and note them in the book; return the answer."""
        lines = [
            {"barcode": good.barcode, "quantity": quantity} if quantity % 2 else {"sku": good.sku, "quantity": quantity}
            for good, quantity in basket.items()
        ]
        answer = await self.ask("/v1/sales", {"lines": lines, "till": self.name}, key, on_retry)
        self._book.sales += 1
        self._book.units += sum(good.units * quantity for good, quantity in basket.items())
        last = next(iter(basket))
        self._book.last_sold, self._book.last_names = last.name, last.names
        return answer

    async def _sell_basket(self) -> None:
        basket = self._random.sample(list(self._goods.values()), self._random.randint(1, 4))
        answer = await self.sell({good: self._quantity_of(good) for good in basket})
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


async def until_answered(
    client: aiohttp.ClientSession, url: str, body: dict[str, Any], key: str, on_retry: Callable[[], None]
) -> tuple[int, dict[str, Any]]:
    """Send one write until it has a definite answer; return its status, below 500, and the answer."""
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    while True:
        try:
            async with client.post(url, json=body, headers={"Idempotency-Key": key}, timeout=timeout) as response:
                answer = await response.json(content_type=None)
            if response.status < 500:
                return response.status, dict(answer)
        except (aiohttp.ClientError, TimeoutError, ValueError):
            pass  # no readable answer: the write may have had its effect
        on_retry()
        await asyncio.sleep(RETRY_S)


def uuid7() -> uuid.UUID:
    """Make a UUID that begins with the time, so that keys made later sort later (RFC 9562, section 5.7)."""
    bits = int(time.time() * 1000) << 80 | int.from_bytes(os.urandom(10))
    bits = bits & ~(0xF << 76) | 0x7 << 76
    bits = bits & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=bits)
