"""Transfers between locations: requested, sent and received in parts, cancelled, lost, received by mistake.

The client knows what is physically in each parcel: what left is put in, and what arrives is taken out. So it receives
only what is there, also before its node has heard of it, except where somebody scans a label twice: that is taken back
later. Retries, cuts and restarts change nothing about what is in the parcel. `TransfersChecker` compares it with what
the nodes show.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from replica.core.state.kinds import LocationRequest
from replica.core.stock.requests import GoodsLine, OnShortage
from replica.core.stock.transfer_requests import (
    Approval,
    ApproveTransfer,
    Arrival,
    Cancellation,
    CancelTransfer,
    Condition,
    Discrepancy,
    DiscrepancyLine,
    NewTransfer,
    ReceivedLine,
    ReceiveTransfer,
    Settlement,
    SettleTransfer,
    Shipment,
    ShipTransfer,
    new_transfer,
)
from simulations.clients import Client
from simulations.history import Ask
from simulations.parcels import CRATES, Mistake, Parcel, parcels_of

WRONG_STORE = 0.1
"""Share of arrivals at a location where the parcel should not go."""

SCANNED_TWICE = 0.1
"""Share of arrivals that somebody records once more, under another key."""


class TransfersClient(Client):
    """A clerk at a location who sends and receives parcels, or at a hub for its warehouse."""

    @property
    def _items(self) -> list[str]:
        return list(CRATES)

    @property
    def _is_at_hub(self) -> bool:
        return self._machine.role.role == "hub"

    def _acts(self) -> list[tuple[Callable[[], Awaitable[object]], float]]:
        return [
            (self._receive, 2.0),
            (self._request, 5.0),
            (self._approve, 3.0),
            (self._cancel, 1.0),
            (self._ship, 7.0),
            (self._unpack, 9.0),
            (self._lose, 1.0),
            (self._take_back, 3.0),
            (self._ask_again, 2.0),
        ]

    async def _request(self) -> None:
        places = [store.name for store in self._chain.stores] + [self._chain.plan.warehouse]
        others = [place for place in places if place != self._location]
        if not others:
            return
        ends = [self._location, self._random.choice(others)]
        if self._random.random() < 0.3:
            ends.reverse()
        lines = tuple(GoodsLine(self._units(), item=item) for item in self._some_items())
        new = NewTransfer(ends[1], lines, ends[0], approve=self._random.random() < 0.7)
        request = new_transfer(self._key(), new, ends[0])
        parcel = Parcel(request.transfer, source=ends[0], target=ends[1])
        parcels_of(self._history)[parcel.number] = parcel
        await self._tell(parcel, request)

    def _units(self) -> int:
        return self._random.randint(1, 2 * self._trade.quantity)

    def _some_items(self) -> tuple[str, ...]:
        return CRATES if self._random.random() < 0.4 else (self._random.choice(CRATES),)

    def _own(self, *, source: bool = False, target: bool = False) -> Parcel | None:
        """A parcel with an end here, or at a hub any parcel."""
        found = [
            parcel
            for parcel in list(parcels_of(self._history).values())[-40:]
            if (source and parcel.source == self._location) or (target and parcel.target == self._location)
        ]
        return self._random.choice(found) if found else None

    async def _approve(self) -> None:
        parcel = self._own(source=True, target=True)
        if parcel is not None:
            await self._tell(parcel, ApproveTransfer(parcel.number, Approval()))

    async def _cancel(self) -> None:
        parcel = self._own(source=True, target=True)
        if parcel is not None:
            await self._tell(parcel, CancelTransfer(parcel.number, Cancellation("not needed")))

    async def _tell(self, parcel: Parcel, request: LocationRequest) -> None:
        """Record a step that moves nothing: at a hub for the sending location."""
        await self._ask(request, {}, location=parcel.source if self._is_at_hub else self._location)

    async def _ship(self) -> None:
        parcel = self._own(source=True)
        if parcel is None:
            return
        units = {item: self._random.randint(1, self._trade.quantity) for item in self._some_items()}
        on_shortage = OnShortage.RECORD if self._random.random() < 0.3 else OnShortage.REFUSE
        lines = tuple(GoodsLine(number, item=item) for item, number in units.items())
        shipment = Shipment(lines, self._random.random() < 0.1, on_shortage)
        ask = await self._step(ShipTransfer(parcel.number, shipment), units, -1)
        parcel.shipments.append(ask)

    async def _unpack(self) -> None:
        """Take goods out of a parcel that is here, or that came here by mistake."""
        if self._random.random() < WRONG_STORE:
            anywhere = list(parcels_of(self._history).values())
            parcel = self._random.choice(anywhere) if anywhere else None
        else:
            parcel = self._own(target=True)
        units = parcel.take(self._random) if parcel is not None else {}
        if parcel is None or not units:
            return
        condition = Condition.DAMAGED if self._random.random() < 0.15 else Condition.GOOD
        lines = tuple(ReceivedLine(number, item=item, condition=condition) for item, number in units.items())
        request = ReceiveTransfer(parcel.number, Arrival(lines))
        ask = await self._step(request, units, 1)
        parcel.arrivals.append(ask)
        if self._random.random() < SCANNED_TWICE:
            again = await self._step(request, units, 1)
            parcel.mistakes.append(Mistake(self._location, units, again))

    async def _lose(self) -> None:
        """Goods of a parcel are gone for good, and somebody says so."""
        parcel = self._own(source=True, target=True)
        units = parcel.take(self._random) if parcel is not None else {}
        if parcel is not None and units:
            parcel.losses.append(await self._settle(parcel, units, Discrepancy.LOST, {}))

    async def _take_back(self) -> None:
        """Take an arrival back that was recorded by mistake."""
        for parcel in list(parcels_of(self._history).values())[-40:]:
            for mistake in parcel.mistakes:
                if mistake.location == self._location and mistake.is_open:
                    delta = {item: -number for item, number in mistake.units.items()}
                    mistake.repairs.append(await self._settle(parcel, mistake.units, Discrepancy.TAKEN_BACK, delta))
                    return

    async def _settle(
        self, parcel: Parcel, units: Mapping[str, int], reason: Discrepancy, delta: dict[str, int]
    ) -> Ask:
        lines = tuple(DiscrepancyLine(item, number, reason) for item, number in units.items())
        return await self._ask(SettleTransfer(parcel.number, Settlement(lines)), delta)

    async def _step(self, request: LocationRequest, units: Mapping[str, int], sign: int) -> Ask:
        return await self._ask(request, {item: sign * number for item, number in units.items()})

    def _elsewhere(self, asks: list[Ask]) -> list[str]:
        """Every hub writes for the warehouse, and notes steps of other locations."""
        return [hub.name for hub in self._chain.hubs] if self._is_at_hub else []
