"""Deliveries: shops order goods to addresses while areas, calendars, carriers and weights are written at all hubs.

A shop asks from where an order would be sent, before and after it places the order. It repeats requests after documents
have changed. Units break and locations decline, so that orders move.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from msgspec import UNSET

from replica.core.catalog.documents import pack_value
from replica.core.orders.requests import PlacedLine, Placement
from replica.core.state.replica import Replica
from replica.core.stock.requests import Adjustment, AdjustmentLine
from replica.runtime.http.writes import answer_of
from simulations.addressed import AddressedCommand, addressed
from simulations.chain import SimulatedChain
from simulations.history import Ask, Bought, History
from simulations.machine import Machine
from simulations.ordering_clients import BRIEF_TTL_S, CHANNELS, HOLD_S, LIVES, OrderingClient
from simulations.workloads.delivery_documents import ADDRESSES, AREAS, CALENDARS, CARRIERS, HOLIDAYS, DeliveryDocuments

PAUSE_S = {"hub": 0.6, "edge": 3.0}
"""Mean pause between two actions."""

ENDED = 0.1
"""Share of writes that end a document."""

AT_A_LOCATION = 0.1
"""Share of lines that name a location."""

WAIT_MS = (0, 0, 0, 500)
"""How long orders wait for rights."""

DELIVERED = 4
"""Goods receipts have so many times the units of a line."""

BROKEN_MAX = 6
"""Units that break besides those that are available, at most."""

WEIGHTS = ("default", "default", "web", "mall")
"""The documents with weights."""


class DeliveriesClient(OrderingClient):
    """A shop that sends goods to addresses, and people who write documents; in a store, somebody who sells."""

    def __init__(self, chain: SimulatedChain, history: History, machine: Machine, number: int) -> None:
        super().__init__(chain, history, machine, number)
        self._sending = [chain.plan.warehouse, *(store.name for store in chain.stores)]
        regions = [hub.role.region for hub in chain.hubs]
        self._drawn = DeliveryDocuments(self._random, self._items, self._sending, regions)

    async def run(self, until: float) -> None:
        """Work until this time. A hub first writes each document once."""
        await self._deliver()
        if self._machine.role.role == "hub":
            await self._put([self._begin_write("policy", "default", pack_value({"mode": "share", "share": 0.5}))])
            for number in range(CALENDARS):
                await self._write("calendar", f"hours-{number}", self._drawn.calendar(self._now_ms))
            await self._write_holidays()
            for location in self._sending:
                await self._write("location", location, self._drawn.location(location, self._now_ms))
            for number in range(AREAS):
                await self._write("area", f"area-{number}", self._drawn.area(self._now_ms))
            for number in range(CARRIERS):
                await self._write("carrier", f"carrier-{number}", self._drawn.carrier())
            for item in self._items:
                await self._write("sku", item, self._drawn.sku(item), may_end=False)
            await self._write_weights()
        await super().run(until)

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        if self._machine.role.role == "edge":
            return [(self._deliver, 3.0), (self._sell, 1.0)]
        return [
            (self._deliver, 6.0),
            (self._order_to_address, 8.0),
            (self._order_and_change, 6.0),
            (self._order_and_decline, 4.0),
            (self._order_and_break, 4.0),
            (self._ask_source, 6.0),
            (self._ask_again, 3.0),
            (self._report_event, 3.0),
            *[
                (act, 2.0)
                for act in (self._write_area, self._write_calendar, self._write_location, self._write_weights)
            ],
            *[(act, 1.0) for act in (self._write_holidays, self._write_carrier, self._write_sku)],
        ]

    def _pause_s(self) -> float:
        return self._random.expovariate(1 / PAUSE_S[self._machine.role.role])

    @property
    def _now_ms(self) -> int:
        return self._chain.wall_ms

    # orders ------------------------------------------------------------------------------------------------------

    async def _deliver(self) -> None:
        """Receive goods for several orders."""
        await self._receive({self._item(): DELIVERED * self._trade.quantity})

    async def _order_to_address(self) -> Ask:
        """Place an order to an address."""
        ask = self._begin_addressed()
        await self._put([ask])
        return ask

    async def _order_and_change(self) -> None:
        """Ask, order, let documents change, ask again, and repeat the order. The answer must be the first one."""
        ask = self._begin_addressed()
        await self._ask_source_of(ask)
        await self._put([ask])
        first = answer_of(ask.entry) if ask.entry is not None else None
        await self._random.choice((self._write_area, self._write_calendar, self._write_location, self._write_carrier))()
        await self._ask_source_of(ask)
        await self._put([ask])
        if first is not None and ask.last is not None and ask.entry is not None and ask.last.hash == ask.entry.hash:
            self._history.show_quote(self._machine.name, {"first": first, "again": answer_of(ask.last)})

    async def _order_and_decline(self) -> None:
        """Order, and let a location decline what it was to send."""
        ask = self._begin_addressed()
        await self._put([ask])
        shown = ask.entry.content.facts["shown"] if ask.entry is not None else ()
        assert isinstance(ask.asked, AddressedCommand) and isinstance(ask.asked.request, Placement)
        for name, *_ in shown[:1]:
            await self._put_event(self._event(ask.asked.request.order, ask.asked.request, "decline", name))

    async def _order_and_break(self) -> None:
        """Order, and let more units break where they are held than are available. The order is not paid yet."""
        ask = self._begin_addressed(paid=False, ttl_s=HOLD_S)
        await self._put([ask])
        shown = ask.entry.content.facts["shown"] if ask.entry is not None else ()
        for _, where, _, lines in shown[:1]:
            item = lines[0][0]
            free = await self._machine.look(partial(_available, location=where, item=item), self._timeout_s)
            lost = max(0, free or 0) + self._random.randint(1, BROKEN_MAX)
            broken = self._begin(Adjustment((AdjustmentLine(item, -lost, "broken"),)), {item: -lost}, location=where)
            if where != self._location:
                broken.machine = where  # the store at which they broke
            await self._put([broken])

    async def _ask_source(self) -> None:
        """Ask from where an order would be sent."""
        await self._ask_source_of(self._addressed_ask(self._to_address()))

    async def _ask_source_of(self, ask: Ask) -> None:
        assert isinstance(ask.asked, AddressedCommand)
        answer = await self._machine.source(ask.asked, self._timeout_s)
        if answer is not None:
            self._history.show_sourced(self._machine.name, ask.asked, *answer)

    def _begin_addressed(self, **fields: Any) -> Ask:
        ask = self._addressed_ask(self._to_address(**fields))
        self._asks.append(ask)
        self._history.begin(ask)
        assert isinstance(ask.asked, AddressedCommand) and isinstance(ask.asked.request, Placement)
        bought = Bought(placement=ask.asked.request, ask=ask, life=self._random.choice(LIVES))
        self._history.bought.append(bought)
        return ask

    def _addressed_ask(self, placement: Placement) -> Ask:
        asked = addressed(self._lined(placement), self._random.choice(ADDRESSES), self._key())
        return Ask(machine=self._machine.name, asked=asked, delta={})

    def _to_address(self, **fields: Any) -> Placement:
        drawn: dict[str, Any] = {
            "ttl_s": self._random.choice((*BRIEF_TTL_S, HOLD_S)),
            "partial": self._random.random() < 0.3,
            "paid": self._random.random() < 0.3,
        }
        return Placement(
            order=self._order_name(),
            lines=tuple(self._line_to_address() for _ in range(self._random.choice((1, 1, 2, 3)))),
            channel=self._random.choice(CHANNELS),
            wait_ms=self._random.choice(WAIT_MS),
            **{**drawn, **fields},
        )

    def _line_to_address(self) -> PlacedLine:
        location = self._random.choice(self._sending) if self._random.random() < AT_A_LOCATION else UNSET
        return PlacedLine(self._random.randint(1, 2 * self._trade.quantity), self._item(), location=location)

    # documents ---------------------------------------------------------------------------------------------------

    async def _write_area(self) -> None:
        await self._write("area", f"area-{self._random.randrange(AREAS)}", self._drawn.area(self._now_ms))

    async def _write_calendar(self) -> None:
        await self._write("calendar", f"hours-{self._random.randrange(CALENDARS)}", self._drawn.calendar(self._now_ms))

    async def _write_holidays(self) -> None:
        await self._write("calendar", HOLIDAYS, self._drawn.holidays(self._now_ms))

    async def _write_location(self) -> None:
        location = self._random.choice(self._sending)
        await self._write("location", location, self._drawn.location(location, self._now_ms))

    async def _write_carrier(self) -> None:
        await self._write("carrier", f"carrier-{self._random.randrange(CARRIERS)}", self._drawn.carrier())

    async def _write_weights(self) -> None:
        await self._write("sourcing", self._random.choice(WEIGHTS), self._drawn.weights())

    async def _write_sku(self) -> None:
        item = self._item()
        await self._write("sku", item, self._drawn.sku(item), may_end=False)

    async def _write(self, kind: str, key: str, value: Mapping[str, Any], *, may_end: bool = True) -> None:
        ends = may_end and kind != "location" and self._random.random() < ENDED
        ask = self._begin_write(kind, key, None if ends else pack_value(value))
        await self._put([ask])
        if ask.entry is not None:
            self._history.tally(f"{kind} ended" if ends else f"{kind} written")


def _available(replica: Replica, location: str, item: str) -> int:
    return replica.ledger.stock(location, item).available
