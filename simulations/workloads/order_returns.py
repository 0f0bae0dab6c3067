"""Orders that are placed again after they ended, goods that come back anywhere, and events of what nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from msgspec.structs import replace

from replica.core.orders.requests import OrderEvent, Placement
from simulations.clients import try_once
from simulations.history import Bought
from simulations.ordering_clients import CHANNELS, OrderingClient, _offers

BRIEF_S = 1
"""How long an unpaid hold of this workload lives, so that it is placed again after its end."""

PAUSE_S = 1.5
"""Longest pause between a placement and the same one under another key."""

AT_TWO_PLACES = 0.3
"""Share of returns that two machines get under one key."""

STRAY = 0.5
"""Share of stray events that name an order which nobody placed. The others name an unknown fulfilment."""


class OrderReturnsClient(OrderingClient):
    """A client whose customers order again, and bring goods back where they like."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [
            (self._receive, 4.0),
            (self._order_twice, 8.0),
            (self._hand_out, 14.0),
            (self._bring_back, 16.0),
            (self._report_stray, 4.0),
            (self._ask_again, 4.0),
        ]

    async def _order_twice(self) -> None:
        """Order for a second, or paid, and place the same order again under another key."""
        channel = self._random.choice(CHANNELS)
        offers = await self._machine.look(partial(_offers, channel=channel), self._timeout_s) or []
        placement: Placement = replace(self._placement(offers, channel), ttl_s=BRIEF_S)
        await self._place(placement)
        await asyncio.sleep(self._random.uniform(0.0, PAUSE_S))
        await self._put([self._begin_order(placement)])

    async def _hand_out(self) -> None:
        """Collect or ship an order that has a part here."""
        here = [one for one in self._answered() if self._parts_here(one)]
        if here:
            bought = self._random.choice(here)
            event = self._random.choice(("collect", "ship"))
            name = self._random.choice(self._parts_here(bought))
            await self._put([self._begin_order(self._event(bought.placement.order, bought.placement, event, name))])

    async def _bring_back(self) -> None:
        """Bring goods of any order to this machine, sometimes told to another machine under the same key."""
        answered = self._answered()
        if not answered:
            return
        bought = self._random.choice(answered)
        names = [name for name, _ in bought.fulfilments]
        name = self._random.choice(names) if self._random.random() < 0.5 else ""
        ask = self._begin_order(self._event(bought.placement.order, bought.placement, "return", name))
        if self._random.random() < AT_TWO_PLACES:
            other = self._random.choice([*self._chain.machines])
            self._history.tally("returned at two places")
            where = dict.fromkeys((self._machine.name, other))
            await asyncio.gather(
                *[try_once(self._chain, self._history, [ask], self._timeout_s, machine) for machine in where]
            )
        if not ask.is_settled:
            await self._put([ask])

    async def _report_stray(self) -> None:
        """Report an event of an unknown order, or of an unknown fulfilment of a known one."""
        answered = self._answered()
        if not answered or self._random.random() < STRAY:
            await self._put([self._begin_order(OrderEvent(order=self._order_name(), event="pay"))])
            return
        bought = self._random.choice(answered)
        name = f"{self._machine.name}.{self._random.randint(50, 60)}"
        await self._put([self._begin_order(OrderEvent(order=bought.placement.order, event="pay", fulfilment=name))])

    def _answered(self) -> list[Bought]:
        """The latest orders with a positive answer."""
        return [one for one in self._latest() if one.fulfilments]

    def _parts_here(self, bought: Bought) -> list[str]:
        """The parts of an order that this machine may own."""
        is_hub = self._machine.role.role == "hub"
        return [name for name, location in bought.fulfilments if is_hub or location == self._location]
