"""Load: tills that sell as fast as a store answers, and record whether each sale was answered."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp

from tests.processes.asking import eventually, new_key, post


class Sale(NamedTuple):
    """One sale, as a till requests it."""

    key: str
    quantity: int

    @property
    def body(self) -> dict[str, Any]:
        return {"lines": [{"sku": "cola", "quantity": self.quantity}]}


class Load:
    """The tills of one store.

    `answered`: the sales that were accepted, with their answers. `unsure`: the sales that were sent, but not answered.
    """

    def __init__(self, client: aiohttp.ClientSession, url: str, seed: int) -> None:
        self.answered: dict[Sale, bytes] = {}
        self.unsure: list[Sale] = []
        self._client = client
        self._url = url
        self._random = random.Random(seed)

    @contextlib.asynccontextmanager
    async def selling(self, tills: int = 8) -> AsyncIterator[None]:
        """Sell while in this block. A till stops after its first request without an answer."""
        closing = asyncio.Event()
        working = [asyncio.ensure_future(self._work(closing)) for _ in range(tills)]
        try:
            yield
        finally:
            closing.set()
            await asyncio.gather(*working)

    async def some_more(self, least: int, most: int) -> None:
        """Wait until the store has answered a random number of further sales."""
        enough = len(self.answered) + self._random.randint(least, most)

        async def sold() -> bool:
            return len(self.answered) >= enough

        await eventually(sold, f"{enough} sales answered")

    async def retry(self) -> None:
        """Send each unsure sale again, with its key; each must be accepted."""
        while self.unsure:
            sale = self.unsure[-1]
            reply = await post(self._client, f"{self._url}/v1/sales", sale.body, sale.key)
            assert reply.status == 201, reply
            self.answered[self.unsure.pop()] = reply.body

    @property
    def units(self) -> int:
        """Units in all answered sales."""
        return sum(sale.quantity for sale in self.answered)

    async def _work(self, closing: asyncio.Event) -> None:
        while not closing.is_set():
            sale = Sale(new_key(), self._random.randint(1, 5))
            try:
                reply = await post(self._client, f"{self._url}/v1/sales", sale.body, sale.key)
            except (aiohttp.ClientError, TimeoutError):
                self.unsure.append(sale)
                return
            if reply.status != 201:
                assert reply.status == 503, reply  # the store stops, and the sale had no effect
                return
            self.answered[sale] = reply.body
