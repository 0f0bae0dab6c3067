"""Load: tills that sell as fast as a store answers, and remember of each sale whether they were told of it."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp

from tests.processes.asking import eventually, new_key, post


class Sale(NamedTuple):
    """One sale as a till asked for it."""

    key: str
    quantity: int

    @property
    def body(self) -> dict[str, Any]:
        return {"lines": [{"sku": "cola", "quantity": self.quantity}]}


class Load:
    """The tills of one store. `told` are the sales that were answered, `unsure` those that may have happened."""

    def __init__(self, client: aiohttp.ClientSession, url: str, seed: int) -> None:
        self.told: dict[Sale, bytes] = {}
        self.unsure: list[Sale] = []
        self._client = client
        self._url = url
        self._random = random.Random(seed)

    @contextlib.asynccontextmanager
    async def selling(self, tills: int = 8) -> AsyncIterator[None]:
        """Sell while in this block. A till whose request goes unanswered goes home, as its connection is gone."""
        closing = asyncio.Event()
        working = [asyncio.ensure_future(self._work(closing)) for _ in range(tills)]
        try:
            yield
        finally:
            closing.set()
            await asyncio.gather(*working)

    async def some_more(self, least: int, most: int) -> None:
        """Wait until a random number of further sales were answered."""
        enough = len(self.told) + self._random.randint(least, most)

        async def sold() -> bool:
            return len(self.told) >= enough

        await eventually(sold, f"{enough} sales answered")

    async def ask_again(self) -> None:
        """Ask for every unsure sale again, with its key, until it is answered."""
        while self.unsure:
            sale = self.unsure[-1]
            reply = await post(self._client, f"{self._url}/v1/sales", sale.body, sale.key)
            assert reply.status == 201, reply
            self.told[self.unsure.pop()] = reply.body

    @property
    def units(self) -> int:
        """Units in all sales that were answered."""
        return sum(sale.quantity for sale in self.told)

    async def _work(self, closing: asyncio.Event) -> None:
        while not closing.is_set():
            sale = Sale(new_key(), self._random.randint(1, 5))
            try:
                reply = await post(self._client, f"{self._url}/v1/sales", sale.body, sale.key)
            except (aiohttp.ClientError, TimeoutError):
                self.unsure.append(sale)
                return
            if reply.status != 201:
                assert reply.status == 503, reply  # it stops: nothing happened
                return
            self.told[sale] = reply.body
