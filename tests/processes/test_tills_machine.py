"""Property: whatever becomes of the answers of a store, each write of a till counts once, and the book says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientConnectionError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from shelfsync import tills
from shelfsync.assortment import Good
from shelfsync.tills import Book, Till

GOODS = [
    Good(sku=sku, recipe={sku: units}, barcode=f"40000000000{number}", is_loose=False)
    for number, (sku, units) in enumerate((("cola", 1), ("six-pack", 6), ("tea", 1), ("soap", 2)), 10)
]

UNITS = {one.sku: one.units for one in GOODS} | {one.barcode: one.units for one in GOODS}

FATES = ("refused connection", "lost request", "lost answer", "timeout", "unreadable answer", "503", "500 after it")
"""What may become of a try. After a lost answer, a timeout, or an unreadable answer the write has happened."""


class Response:
    """An answer of the store."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self._body = body

    async def json(self, content_type: str | None) -> Any:
        if self._body is None:
            raise ValueError("no JSON")
        return self._body


class OneStore:
    """A store behind a bad line, and the session of its tills: it does each key once."""

    def __init__(self) -> None:
        self.fates: list[str] = []
        """What becomes of the next tries, the last one first. Later tries succeed."""
        self.writes: dict[str, tuple[str, dict[str, Any]]] = {}
        """By key: the first write under it."""
        self.other: list[str] = []
        """Keys under which another write came."""

    @asynccontextmanager
    async def post(
        self, url: str, *, json: dict[str, Any], headers: dict[str, str], timeout: Any
    ) -> AsyncIterator[Response]:
        fate = self.fates.pop() if self.fates else ""
        if fate == "503":
            yield Response(503, {"type": "overloaded"})
            return
        if fate in ("refused connection", "lost request"):
            raise ClientConnectionError(fate)
        key, write = headers["Idempotency-Key"], (url, json)
        if self.writes.setdefault(key, write) != write:
            self.other.append(key)
        if fate == "timeout":
            raise TimeoutError
        if fate == "lost answer":
            raise ClientConnectionError(fate)
        if fate == "500 after it":
            yield Response(500, {"type": "internal"})
            return
        lines = [{"sku": line.get("sku", ""), "available": 100} for line in json["lines"] if "sku" in line]
        yield Response(201, {"lines": lines} if fate != "unreadable answer" else None)

    def done(self, path: str) -> list[dict[str, Any]]:
        """The bodies of all writes of one kind."""
        return [body for url, body in self.writes.values() if url == path]

    def units(self, path: str) -> int:
        lines = [line for body in self.done(path) for line in body["lines"]]
        return sum(UNITS[line.get("sku") or line["barcode"]] * line["quantity"] for line in lines)


class TillMachine(RuleBasedStateMachine):
    """Two tills of one store, whose line breaks for some tries."""

    def __init__(self) -> None:
        super().__init__()
        self.store, self.book = OneStore(), Book()
        session: Any = self.store
        self.tills = [Till(f"till-{number}", "", session, GOODS, self.book) for number in range(2)]

    @rule(fates=st.lists(st.sampled_from(FATES), min_size=1, max_size=4))
    def break_the_line(self, fates: list[str]) -> None:
        self.store.fates = fates

    @rule(number=st.integers(0, 1))
    def sell(self, number: int) -> None:
        self.run(self.tills[number]._sell_basket())

    @rule(number=st.integers(0, 1), good=st.sampled_from(GOODS))
    def take_back(self, number: int, good: Good) -> None:
        self.run(self.tills[number]._take_back(good))

    @rule()
    def sell_at_both(self) -> None:
        async def both() -> None:
            await asyncio.gather(*[till._sell_basket() for till in self.tills])

        self.run(both())

    @invariant()
    def every_write_counted_once(self) -> None:
        sales, returns = self.store.done("/v1/sales"), self.store.done("/v1/returns")
        assert (len(sales), len(returns)) == (self.book.sales, self.book.returns)
        assert self.store.units("/v1/sales") - self.store.units("/v1/returns") == self.book.units
        assert (self.store.other, self.book.open) == ([], 0)

    @staticmethod
    def run(work: Any) -> None:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(tills, "RETRY_S", 0.0)
            asyncio.run(work)


TillMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=12, deadline=None)
TestTills = TillMachine.TestCase
