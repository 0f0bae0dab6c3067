"""Shelf prices: headquarters, regions and stores write prices and promotions, and customers ask what goods cost.

Hubs write documents of all ranks, also those that another hub writes at the same moment. A store writes those of its
own rank, connected or not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import to_builtins
from msgspec.structs import replace

from replica.core.catalog.documents import pack_value
from replica.core.catalog.quotes import QuoteLine
from replica.core.catalog.ranks import CHAIN_RANK, REGION_RANK, STORE_RANK, Rank
from replica.core.state.commands import DocumentWrite
from replica.core.state.replica import Replica
from replica.core.stock.requests import Sale, SkuLine
from replica.runtime.http.document_conflicts import price_conflict_answers, promotion_conflict_answers
from replica.runtime.http.writes import answer_of
from replica.runtime.pricing import occasion_at, quote_of
from simulations.chain import SimulatedChain
from simulations.clients import Client
from simulations.history import Ask, History
from simulations.machine import Machine, Priced
from simulations.workloads.shelf_documents import GROUPS, ShelfDocuments

PROMOTIONS = ("sale-0", "sale-1", "sale-2", "sale-3")

CLEARED = 0.2
"""Share of writes that clear a document."""

PIECES_MAX = 5

IN_A_GROUP = 0.4
"""Share of customers who belong to a group."""

ASKED_FOR = 0.4
"""Share of quotes that are asked for another moment than now."""

UNTOLD_MAX = 3
"""Sales that a till without a line keeps before it tells the node of the oldest."""

ALL = 1_000
"""More conflicts than there are in any run."""


class ShelfPricesClient(Client):
    """Somebody who writes prices and promotions at a machine, and asks what goods cost there."""

    def __init__(self, chain: SimulatedChain, history: History, machine: Machine, number: int) -> None:
        super().__init__(chain, history, machine, number)
        self._drawn = ShelfDocuments(self._random, self._items)
        self._untold: list[Ask] = []

    async def run(self, until: float) -> None:
        """Work until this time. A hub first says in which region each store is."""
        if self._machine.role.role == "hub":
            for store in self._chain.stores:
                await self._write_location(store.name)
        await super().run(until)
        while self._untold:
            await self._tell(self._untold.pop(0))

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        everywhere: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (self._write_price, 5.0),
            (self._write_promotion, 8.0),
            (self._quote, 12.0),
        ]
        if self._machine.role.role == "hub":
            return [*everywhere, (self._move_store, 0.5), (self._write_sku, 0.5)]
        selling: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (self._sell, 4.0),
            (self._sell_batch, 3.0),
            (self._sell_and_repeat, 3.0),
            (self._sell_late, 3.0),
        ]
        return [*everywhere, *selling]

    def _elsewhere(self, asks: list[Ask]) -> list[str]:
        """A store writes its own documents itself."""
        is_at_hub = self._machine.role.role == "hub"
        return super()._elsewhere(asks) if is_at_hub or not isinstance(asks[0].asked, DocumentWrite) else []

    # documents ---------------------------------------------------------------------------------------------------

    async def _move_store(self) -> None:
        if self._chain.stores:
            await self._write_location(self._random.choice(self._chain.stores).name)

    async def _write_location(self, location: str) -> None:
        regions = [hub.role.region for hub in self._chain.hubs]
        await self._write("location", location, self._drawn.location(location, regions), (CHAIN_RANK, ""))

    async def _write_sku(self) -> None:
        item = self._item()
        await self._write("sku", item, self._drawn.sku(item), (CHAIN_RANK, ""))

    async def _write_price(self) -> None:
        rank = self._rank()
        await self._write("price", self._item(), self._drawn.price(rank[0], self._chain.wall_ms), rank)

    async def _write_promotion(self) -> None:
        rank = self._rank()
        value = self._drawn.promotion(rank[0], self._chain.wall_ms)
        await self._write("promotion", self._random.choice(PROMOTIONS), value, rank)

    async def _write(self, kind: str, key: str, value: Mapping[str, Any], rank: Rank) -> None:
        is_cleared = kind in ("price", "promotion") and self._random.random() < CLEARED
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

    # customers ---------------------------------------------------------------------------------------------------

    def _group(self) -> str:
        return self._random.choice(GROUPS) if self._random.random() < IN_A_GROUP else ""

    def _sale(self) -> tuple[Sale, dict[str, int]]:
        sale, delta = super()._sale()
        return replace(sale, customer_group=self._group()), delta

    async def _quote(self) -> None:
        """Ask what some goods cost at a store, now or at another moment, and which documents are in conflict."""
        if not self._chain.stores:
            return
        at_hub = self._machine.role.role == "hub"
        location = self._random.choice(self._chain.stores).name if at_hub else self._location
        lines = tuple((self._item(), self._random.randint(1, PIECES_MAX)) for _ in range(3))
        is_for_now = self._random.random() >= ASKED_FOR
        at_ms = None if is_for_now else self._drawn.asked_ms(self._chain.wall_ms)
        await self._ask_quote(location, lines, self._group(), at_ms)

    async def _ask_quote(
        self, location: str, lines: tuple[tuple[str, int], ...], group: str, at_ms: int | None
    ) -> None:
        clock, disk = self._machine.clock, self._machine.disk

        def look(replica: Replica) -> dict[str, Any]:
            now_ms = clock.now().wall_ms
            asked = Priced(replica.arrival, now_ms if at_ms is None else at_ms, location, lines, group)
            occasion = occasion_at(replica, location, asked.moment_ms, group)
            quote = to_builtins(quote_of(replica, [QuoteLine(*line) for line in lines], occasion))
            prices = price_conflict_answers(replica.price_conflicts, now_ms, ALL)
            promotions = promotion_conflict_answers(replica.promotion_conflicts, now_ms, ALL)
            conflicts = to_builtins([prices, promotions])
            return {"asked": asked, "now_ms": now_ms, "disk": disk, "quote": quote, "conflicts": conflicts}

        shown = await self._machine.look(look, self._timeout_s)
        if shown is not None:
            self._history.show_quote(self._machine.name, shown)

    async def _sell_late(self) -> None:
        """Sell while the till has no line, and tell the node later. The price is that of the moment of the sale."""
        item, units, at_ms = self._item(), self._quantity(), self._chain.wall_ms
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)
        lines = (SkuLine(units, item),)
        ask = self._ask_of(
            Sale(lines=lines, till=self._name, occurred_at=when, customer_group=self._group()), {item: -units}
        )
        ask.occurred_ms = at_ms
        self._untold.append(self._history.move_untold(ask))
        if len(self._untold) > UNTOLD_MAX:
            await self._tell(self._untold.pop(0))

    async def _tell(self, ask: Ask) -> None:
        self._history.begin(ask)
        await self._put([ask])

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
