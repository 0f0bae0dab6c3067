"""Bundles: SKUs of several items, of which the first are plenty and the others scarce, and tills that sell those too.

A store or a hub receives many units of one item and few of another, promises bundles of both, and then sells or loses
scarce units that are promised. So often an item is short that is not the first one of a recipe. Policies that put all
units online, and soon after take them back, promise bundles at several nodes at once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from string import ascii_lowercase
from typing import Any

from msgspec import UNSET

from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import OrderEvent, OutsideEvent, PlacedLine, Placement
from replica.core.stock.requests import Adjustment, AdjustmentLine, GoodsLine, GoodsReceipt, OnShortage, Sale, SkuLine
from simulations.ordering_clients import OrderingClient

ITEMS_MAX = 4
"""Items of the largest bundle."""

PLENTY, SCARCE_MAX = 8, 2
"""Units of an item in one goods receipt: of one item many, of the others few."""

ELSEWHERE = 0.4
"""Share of orders at a hub that are for another location than the warehouse, or for any."""

PAID = 0.7
"""Share of orders that do not expire, so that only a revocation ends them."""


SOLD_OUT = 0.4
"""Share of the items that run out at the end, so that promised units are missing when the network is whole again."""

PAUSE_S = 0.4
"""Mean pause between two actions of a client."""


def pieces() -> tuple[str, ...]:
    """The items of bundles. No other workload moves them."""
    return tuple(f"piece-{letter}" for letter in ascii_lowercase[:ITEMS_MAX])


def bundles() -> tuple[str, ...]:
    """The SKUs, by their number of items."""
    return tuple(f"bundle-{items}" for items in range(1, ITEMS_MAX + 1))


class BundlesClient(OrderingClient):
    """A client that orders bundles, and sells their items one by one."""

    async def run(self, until: float) -> None:
        """Write the recipes, then send requests until this time. At last somebody buys most of what is left."""
        for bundle in bundles() if self._machine.role.role == "hub" else ():
            await self._write_recipe(bundle)
        await super().run(until)
        await self._sell_out()

    async def _sell_out(self) -> None:
        for item in pieces():
            if self._random.random() < SOLD_OUT:
                await self._take(item, PLENTY)

    def _pause_s(self) -> float:
        return self._random.expovariate(1 / PAUSE_S)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        everywhere: list[tuple[Callable[[], Awaitable[object]], float]] = [
            (self._deliver, 8.0),
            (self._order_bundle, 14.0),
            (self._sell_piece, 8.0),
            (self._lose_piece, 3.0),
            (self._end_order, 5.0),
        ]
        if self._machine.role.role == "edge":
            return everywhere
        return [*everywhere, (self._rewrite_recipe, 1.0), (self._write_piece_policy, 4.0)]

    async def _rewrite_recipe(self) -> None:
        await self._write_recipe(self._random.choice(bundles()))

    async def _write_recipe(self, bundle: str) -> None:
        """Write what a bundle contains: one or two units of each of its items."""
        items = self._random.sample(pieces(), 1 + bundles().index(bundle))
        recipe = {item: self._random.choice((1, 1, 2)) for item in items}
        await self._put([self._begin_write("sku", bundle, pack_value({"recipe": recipe}))])

    async def _deliver(self) -> None:
        plenty = self._random.choice(pieces())
        units = {item: PLENTY if item == plenty else self._random.randint(1, SCARCE_MAX) for item in pieces()}
        await self._ask(GoodsReceipt(tuple(GoodsLine(number, item=item) for item, number in units.items())), units)

    async def _order_bundle(self) -> None:
        """Order one or two bundles where the client is, or at a hub from a store or anywhere. Ask for rights first."""
        where = self._location
        if self._machine.role.role == "hub" and self._random.random() < ELSEWHERE:
            where = self._random.choice(("", *(store.name for store in self._chain.stores)))
        if where and where != self._location:
            for item in pieces():
                self._history.demand((where, item))
                await self._machine.want(where, item, 1, self._timeout_s)
        lines = [
            PlacedLine(self._random.choice((1, 1, 2)), self._random.choice(bundles()), location=where or UNSET)
            for _ in range(self._random.choice((1, 1, 2)))
        ]
        more: dict[str, Any] = {"pickup_at": self._location} if self._machine.role.role == "edge" else {}
        placement = Placement(
            order=self._order_name(),
            lines=tuple(lines),
            partial=self._random.random() < 0.3,
            paid=self._random.random() < PAID,
            **more,
        )
        await self._place(placement)

    async def _sell_piece(self) -> None:
        """Sell units of an item from the hand. They may be all there are, and promised to somebody else."""
        await self._take(self._random.choice(pieces()), self._random.randint(1, PLENTY))

    async def _take(self, item: str, units: int) -> None:
        sale = Sale(lines=(SkuLine(units, item),), on_shortage=OnShortage.RECORD, till=self._name)
        await self._ask(sale, {item: -units})

    async def _lose_piece(self) -> None:
        item = self._random.choice(pieces())
        await self._ask(Adjustment((AdjustmentLine(item, -1, "damage"),)), {item: -1})

    async def _end_order(self) -> None:
        """Pick, ship or cancel an order, so that some holds can be revoked and others cannot."""
        bought = [one for one in self._latest() if one.fulfilments]
        if bought:
            events: tuple[OutsideEvent, ...] = ("pick", "ship", "cancel")
            event = self._random.choice(events)
            order = self._random.choice(bought).placement.order
            await self._put_event(OrderEvent(order=order, event=event))

    async def _write_piece_policy(self) -> None:
        """Put all units of an item online, or take them back."""
        if not self._chain.stores:
            return
        store, item = self._random.choice(self._chain.stores).name, self._random.choice(pieces())
        selector = self._random.choice((f"item:{item}", f"location:{store},item:{item}"))
        policy = self._random.choice(({"mode": "share", "share": 1.0}, {"mode": "safety"}, {"mode": "keep"}))
        await self._put([self._begin_write("policy", selector, pack_value(policy))])
