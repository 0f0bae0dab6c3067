"""Ordering clients also place orders and report events of orders: early, late, twice, out of order, at any node.

At a hub they place orders, retry them, pay, change and cancel. In a store they hold goods for customers in the store,
and hand out orders that wait for pickup. The reported events need not make sense.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, get_args

from msgspec import UNSET
from msgspec.structs import replace

from replica.core.base.names import FREE, account
from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import OrderEvent, OutsideEvent, PlacedLine, Placement
from replica.core.rights.quotas import channel_account
from replica.core.state.commands import Command
from replica.core.state.replica import Replica
from replica.core.stock.requests import SkuLine
from simulations.clients import DEMANDS, Client, try_once
from simulations.history import Ask, Bought

BOX = "box"
"""A SKU of several units, whose recipe changes while orders of it are open."""

BOX_UNITS_MAX = 3
BOXES = 0.3
"""Share of order lines that want a box."""

OFFERED = 0.5
"""Share of order lines that want offered units."""

Offer = tuple[str, str, int]
"""A location, an item, and the units of it that the node may promise."""

CHANNELS = ("web", "web", "mall", "app", "")
"""Channels of orders. If a policy has quotas, two of the channels have one."""

BRIEF_TTL_S = (1, 2, 5)
"""How long most holds live: they expire during the trade."""

HOLD_S = 900
"""How long the other holds live: until the hour after the trade."""

LATEST = 12
"""The number of latest orders that clients report about."""

EARLY = 0.1
"""Share of orders with an event that is reported before the placement."""

CROWD = 6
"""At most this many customers order one item at the same moment."""

CHANGED_EARLY = 0.1
"""Share of other paid orders with an adjustment that two hubs get before the placement."""

AT_TWO_HUBS = 0.05
"""Share of events at a hub that are reported at two hubs at once."""

UNKNOWN = 0.1
"""Share of events that may be about an order without a positive answer."""

EVENTS = {"pay": 6, "adjust": 2, "exchange": 2, "pick": 2, "ship": 3, "collect": 2, "cancel": 4, "return": 3}
"""The reported events, with their weights."""

OF_WORKLOADS = ("deliver", "decline")
"""Events that only clients of the workloads `declined-orders` and `deliveries` report."""

PARTIAL = ("adjust", "exchange", "return")

LIVES = (
    ("pay", "adjust", "pick", "ship"),
    ("pay", "exchange", "collect", "return"),
    ("pay", "adjust", "cancel"),
    ("pay", "ship", "return"),
    ("pay", "pick", "cancel"),
    ("cancel",),
    ("collect",),
)
"""Possible sequences of events after a placement."""

ORDERLY = 0.7
"""Share of reports with the next event of the order's life. The others have a random event."""

assert {*EVENTS, *OF_WORKLOADS} == set(get_args(OutsideEvent))


class OrderingClient(Client):
    """A client that also places orders."""

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        acts, often = super()._acts(), self._trade.orders
        if not often:
            return acts
        if self._machine.role.role == "edge":
            return [*acts, (self._order, 5.0 * often), (self._report_event, 10.0 * often)]
        at_hub = [
            (self._order, 18.0),
            (self._report_event, 22.0),
            (self._report_life, 3.0),
            (self._order_again, 3.0),
            (self._crowd, 2.0),
            (self._write_box, 4.0),
            (self._write_policy, 2.0 if self._chain.stores else 0.0),
        ]
        return [*acts, *[(act, weight * often) for act, weight in at_hub]]

    async def _order(self) -> None:
        """Place an order. Sometimes report an event about it before, or ask for rights first."""
        channel = self._random.choice(CHANNELS)
        offers = await self._machine.look(partial(_offers, channel=channel), self._timeout_s) or []
        placement = self._placement(offers, channel)
        if self._random.random() < EARLY:
            await self._put_event(self._event(placement.order, placement, self._any_event()))
        elif placement.paid and self._random.random() < CHANGED_EARLY:
            await self._put_event(self._one_less(placement), at_two_hubs=1.0)
        for line in placement.lines:
            if line.location is not UNSET and line.sku != BOX and self._random.random() < DEMANDS:
                assert isinstance(line.sku, str)
                self._history.demand((line.location, line.sku))
                await self._machine.want(line.location, line.sku, line.quantity, self._timeout_s)
        await self._place(placement)

    async def _place(self, placement: Placement) -> None:
        ask = self._begin_order(placement)
        self._history.bought.append(Bought(placement=placement, ask=ask, life=self._random.choice(LIVES)))
        await self._put([ask])

    async def _crowd(self) -> None:
        """Place orders of one item for several customers at the same moment, for more units than were offered."""
        channel = self._random.choice(CHANNELS)
        offers = await self._machine.look(partial(_offers, channel=channel), self._timeout_s)
        if not offers:
            return
        location, item, units = self._random.choice(offers)
        customers = self._random.randint(2, CROWD)
        line = PlacedLine(min(units // customers + 1, self._trade.quantity), item, location=location)
        ttl_s = self._random.choice((*BRIEF_TTL_S, HOLD_S))
        wanted = [
            Placement(order=self._order_name(), lines=(line,), channel=channel, ttl_s=ttl_s) for _ in range(customers)
        ]
        await asyncio.gather(*[self._place(placement) for placement in wanted])

    async def _order_again(self) -> None:
        """Place an order again under another key, as a shop without records does, or another order under its name."""
        here = [one for one in self._latest() if one.ask.machine == self._machine.name and not one.placement.ship_to]
        if here:
            placement = self._random.choice(here).placement
            if self._random.random() < 0.2:
                placement = replace(placement, channel="another")
            await self._put([self._begin_order(placement)])

    async def _report_event(self) -> None:
        """Report any event of an order, true or not, for the order or for one fulfilment, with a number or without."""
        latest = self._latest()
        if self._random.random() > UNKNOWN:
            latest = [one for one in latest if one.fulfilments] or latest
        if self._machine.role.role == "edge":
            latest = [one for one in latest if any(where == self._location for _, where in one.fulfilments)] or latest
        if not latest:
            return
        bought = self._random.choice(latest)
        event = self._any_event()
        if self._random.random() < ORDERLY and bought.lived < len(bought.life):
            event = bought.life[bought.lived]
            bought.lived += 1
        is_hub = self._machine.role.role == "hub"
        names = [name for name, location in bought.fulfilments if is_hub or location == self._location]
        fulfilment = self._random.choice(names) if names and self._random.random() < 0.6 else ""
        number = 0
        if self._random.random() < 0.2:
            bought.numbered += self._random.choice((1, 1, 1, 2))
            number = bought.numbered
        await self._put_event(self._event(bought.placement.order, bought.placement, event, fulfilment, number))

    async def _report_life(self) -> None:
        """Report the whole life of an order, shuffled, with one event twice."""
        unreported = [one for one in self._latest() if not one.lived + one.numbered and len(one.fulfilments) == 1]
        if not unreported:
            return
        bought = self._random.choice(unreported)
        life = bought.life
        bought.lived = bought.numbered = len(life)
        (fulfilment, _), order = bought.fulfilments[0], bought.placement.order
        reported = [self._event(order, bought.placement, event, fulfilment, at) for at, event in enumerate(life, 1)]
        reported.append(self._random.choice(reported))
        self._random.shuffle(reported)
        for event in reported:
            await self._put_event(event)
            await asyncio.sleep(self._random.expovariate(1000 / self._trade.think_ms) / len(reported))

    async def _put_event(self, event: OrderEvent, at_two_hubs: float = AT_TWO_HUBS) -> None:
        """Report an event, sometimes at two hubs at once under one key, as two workers on one queue do."""
        ask, hubs = self._begin_order(event), [hub.name for hub in self._chain.hubs]
        if self._machine.role.role == "hub" and len(hubs) > 1 and self._random.random() < at_two_hubs:
            two = self._random.sample(hubs, 2)
            self._history.tally("reported at two hubs")
            await asyncio.gather(*[try_once(self._chain, self._history, [ask], self._timeout_s, hub) for hub in two])
        if not ask.is_settled:
            await self._put([ask])

    async def _write_box(self) -> None:
        """Change the recipe of a box. Earlier orders must still return the units that they took."""
        recipe = {self._items[0]: self._random.randint(1, BOX_UNITS_MAX)}
        await self._put([self._begin_write("sku", BOX, pack_value({"recipe": recipe}))])

    # requests ----------------------------------------------------------------------------------------------------

    def _placement(self, offers: list[Offer], channel: str) -> Placement:
        is_store = self._machine.role.role == "edge"
        lines = tuple([self._line(offers, is_store) for _ in range(self._random.choice((1, 1, 1, 2, 3)))])
        more: dict[str, Any] = {"pickup_at": self._location} if is_store else {}
        return Placement(
            order=self._order_name(),
            lines=lines,
            channel=channel,
            ttl_s=self._random.choice((*BRIEF_TTL_S, HOLD_S)),
            partial=self._random.random() < 0.3,
            paid=self._random.random() < 0.4,
            **more,
        )

    def _order_name(self) -> str:
        self._number += 1
        return f"{self._name}-o{self._number}"

    def _line(self, offers: list[Offer], is_store: bool) -> PlacedLine:
        """A line with offered units, or a random line."""
        if offers and self._random.random() < OFFERED:
            location, item, units = self._random.choice(offers)
            if item == self._items[0] and units >= BOX_UNITS_MAX and self._random.random() < BOXES:
                return PlacedLine(1, BOX, location=location)
            return PlacedLine(self._random.randint(1, min(units, self._trade.quantity)), item, location=location)
        locations = ["", "", "", self._chain.plan.warehouse, *[store.name for store in self._chain.stores]]
        location = self._location if is_store else self._random.choice(locations)
        sku = BOX if self._random.random() < BOXES else self._item()
        return PlacedLine(self._quantity(), sku, location=location or UNSET)

    def _any_event(self) -> Any:
        (event,) = self._random.choices(list(EVENTS), list(EVENTS.values()))
        return event

    def _event(self, order: str, placement: Placement, event: Any, fulfilment: str = "", number: int = 0) -> OrderEvent:
        of = self._random.choice(placement.lines)
        lines = (SkuLine(self._random.randint(1, of.quantity), of.sku),) if event in PARTIAL else UNSET
        replacement = (SkuLine(self._quantity(), self._item()),) if event == "exchange" else UNSET
        return OrderEvent(
            order=order, event=event, fulfilment=fulfilment, lines=lines, replacement=replacement, number=number
        )

    def _one_less(self, placement: Placement) -> OrderEvent:
        """An adjustment by one unit, which could be applied twice if it is reported twice."""
        of = max(placement.lines, key=lambda line: line.quantity)
        return OrderEvent(order=placement.order, event="adjust", lines=(SkuLine(1, of.sku),))

    def _latest(self) -> list[Bought]:
        """The latest orders, and some earlier ones that succeeded."""
        bought = self._history.bought
        return bought[-LATEST:] + [one for one in bought[-4 * LATEST : -LATEST] if one.fulfilments][-LATEST:]

    def _begin_order(self, request: Placement | OrderEvent) -> Ask:
        ask = Ask(machine=self._machine.name, asked=Command("", self._lined(request), self._key()), delta={})
        self._asks.append(ask)
        self._history.begin(ask)
        return ask


def _offers(replica: Replica, channel: str) -> list[Offer]:
    """The units that this node may promise to a channel at every location, from its quota or from free units."""
    free, quota = account(replica.node, FREE), channel_account(replica.node, channel)
    found = [
        (location, item, stock.balance(quota) or stock.balance(free))
        for location, view in sorted(replica.ledger.at_location.items())
        for item, stock in sorted(view.stocks.items())
    ]
    return [offer for offer in found if offer[2] > 0]
