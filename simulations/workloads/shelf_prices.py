"""Shelf prices: headquarters, regions and stores write prices and promotions, and customers ask what goods cost.

Hubs write documents of all ranks, also those that another hub writes at the same moment. A store writes those of its
own rank, connected or not. Amounts are few and limits are narrow, so that overrides are often past them. Moments lie
before, within and after the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import to_builtins

from replica.core.catalog.documents import pack_value
from replica.core.catalog.quotes import QuoteLine
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK, Rank
from replica.core.state.commands import DocumentWrite
from replica.core.state.replica import Replica
from replica.runtime.http.document_conflicts import price_conflict_answers, promotion_conflict_answers
from replica.runtime.http.writes import answer_of
from replica.runtime.pricing import occasion_at, quote_of
from simulations.clients import Client
from simulations.history import Ask

AMOUNTS = (90, 100, 110, 199)
MINIMUMS = (0, 95, 105)
MAXIMUMS = (105, 150, 250)
PERCENTS = (10.0, 12.5, 50.0)
PROMOTIONS = ("sale-0", "sale-1", "sale-2")
PRIORITIES = (1, 1, 2, 100)

CLEARED = 0.2
"""Share of writes that clear a document."""

WITH_LIMITS = 0.5
"""Share of prices of the chain that limit overrides."""

TIMED = 0.3
"""Share of documents with a moment, for each field that has one."""

LOCKED = 0.3
"""Share of promotions of the chain that no store overrides."""

MOMENTS_S = (-20.0, 40.0)
"""How far moments lie from now."""

PIECES_MAX = 5

ALL = 1_000
"""More conflicts than there are in any run."""


class ShelfPricesClient(Client):
    """Somebody who writes prices and promotions at a machine, and asks what goods cost there."""

    async def run(self, until: float) -> None:
        """Work until this time. A hub first says in which region each store is."""
        if self._machine.role.role == "hub":
            for store in self._chain.stores:
                await self._write_location(store.name)
        await super().run(until)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        everywhere: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (self._write_price, 5.0),
            (self._write_promotion, 4.0),
            (self._quote, 8.0),
        ]
        if self._machine.role.role == "hub":
            return [*everywhere, (self._move_store, 0.5)]
        return [*everywhere, (self._sell, 4.0), (self._sell_and_repeat, 3.0)]

    def _elsewhere(self, asks: list[Ask]) -> list[str]:
        """A store writes its own documents itself."""
        is_at_hub = self._machine.role.role == "hub"
        return super()._elsewhere(asks) if is_at_hub or not isinstance(asks[0].asked, DocumentWrite) else []

    # documents ---------------------------------------------------------------------------------------------------

    async def _move_store(self) -> None:
        if self._chain.stores:
            await self._write_location(self._random.choice(self._chain.stores).name)

    async def _write_location(self, location: str) -> None:
        region = self._random.choice([hub.role.region for hub in self._chain.hubs])
        await self._write("location", location, {"type": "store", "name": location, "region": region}, (CHAIN_RANK, ""))

    async def _write_price(self) -> None:
        rank = self._rank()
        value: dict[str, Any] = {"amount": self._random.choice(AMOUNTS), "currency": "EUR", **self._period()}
        if self._random.random() < TIMED:
            value["scheduled"] = self._scheduled()
        if rank[0] == CHAIN_RANK and self._random.random() < WITH_LIMITS:
            value["override"] = {"min": self._random.choice(MINIMUMS), "max": self._random.choice(MAXIMUMS)}
        await self._write("price", self._item(), value, rank)

    async def _write_promotion(self) -> None:
        rank = self._rank()
        benefit: dict[str, Any] = {"type": "percentage", "percent": self._random.choice(PERCENTS)}
        if self._random.random() < 0.5:
            benefit = {"type": "amount_off", "amount": self._random.choice((5, 60)), "currency": "EUR"}
        applies_to = {"all": True} if self._random.random() < 0.3 else {"skus": [self._item()]}
        value: dict[str, Any] = {"benefit": benefit, "applies_to": applies_to, **self._period()}
        value["priority"] = self._random.choice(PRIORITIES)
        if self._random.random() < 0.5:
            value["combinable"] = True
        if rank[0] == CHAIN_RANK and self._random.random() < LOCKED:
            value["locked"] = True
        await self._write("promotion", self._random.choice(PROMOTIONS), value, rank)

    async def _write(self, kind: str, key: str, value: Mapping[str, Any], rank: Rank) -> None:
        is_cleared = kind != "location" and self._random.random() < CLEARED
        packed = None if is_cleared else pack_value(value)
        write = DocumentWrite(kind, key, packed, self._key(), rank=rank[0], at=rank[1])
        ask = Ask(machine=self._machine.name, asked=write, delta={})
        self._history.begin(ask)
        await self._put([ask])
        if ask.entry is not None:
            self._history.tally("price written" if kind == "price" else f"{kind} written")

    def _rank(self) -> Rank:
        """The rank of a store at the store, any rank at a hub."""
        if self._machine.role.role == "edge":
            return (STORE_RANK, self._location)
        number = self._random.choice((CHAIN_RANK, CHAIN_RANK, REGION_RANK, STORE_RANK))
        if number == REGION_RANK:
            return (number, self._random.choice([hub.role.region for hub in self._chain.hubs]))
        if number == STORE_RANK and self._chain.stores:
            return (number, self._random.choice(self._chain.stores).name)
        return (CHAIN_RANK, "")

    def _period(self) -> dict[str, str]:
        first, last = sorted((self._moment_ms(), self._moment_ms()))
        found = {}
        if self._random.random() < TIMED:
            found["valid_from"] = _text(first)
        if self._random.random() < TIMED:
            found["valid_to"] = _text(last + 1)
        return found

    def _scheduled(self) -> list[dict[str, Any]]:
        """One or two amounts for later, in the order of time. Those outside the period never count."""
        moments = sorted({self._moment_ms() for _ in range(self._random.choice((1, 2)))})
        return [{"amount": self._random.choice(AMOUNTS), "valid_from": _text(at)} for at in moments]

    def _moment_ms(self) -> int:
        return self._chain.wall_ms + round(self._random.uniform(*MOMENTS_S) * 1_000)

    # customers ---------------------------------------------------------------------------------------------------

    async def _quote(self) -> None:
        """Ask what some goods cost at a store, by this machine and its clock, and which documents are in conflict."""
        if not self._chain.stores:
            return
        at_hub = self._machine.role.role == "hub"
        location = self._random.choice(self._chain.stores).name if at_hub else self._location
        lines = [QuoteLine(self._item(), self._random.randint(1, PIECES_MAX)) for _ in range(2)]
        clock, disk = self._machine.clock, self._machine.disk

        def look(replica: Replica) -> dict[str, Any]:
            now_ms = clock.now().wall_ms
            quote = to_builtins(quote_of(replica, lines, occasion_at(replica, location, now_ms)))
            prices = price_conflict_answers(replica.price_conflicts, now_ms, ALL)
            promotions = promotion_conflict_answers(replica.promotion_conflicts, now_ms, ALL)
            return {
                "location": location,
                "now_ms": now_ms,
                "arrival": replica.arrival,
                "disk": disk,
                "quote": quote,
                "conflicts": to_builtins([prices, promotions]),
            }

        shown = await self._machine.look(look, self._timeout_s)
        if shown is not None:
            self._history.show_quote(self._machine.name, {**shown, "lines": [(one.sku, one.quantity) for one in lines]})

    async def _sell_and_repeat(self) -> None:
        """Sell, and ask again after somebody may have changed the price. The answer must be the first one."""
        ask = await self._ask(*self._sale())
        if ask.entry is None:
            return
        first = answer_of(ask.entry)
        await self._write_price()
        await asyncio.sleep(self._random.uniform(0.0, 1.0))
        await self._put([ask])
        if ask.last is not None and ask.last.hash == ask.entry.hash:
            self._history.show_quote(self._machine.name, {"first": first, "again": answer_of(ask.last)})


def _text(moment_ms: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment_ms)).isoformat()
