"""Parcels: what is physically on its way between two locations, whatever the nodes know of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from random import Random

from msgspec import Struct

from replica.core.state.commands import Command
from replica.core.stock.transfer_requests import (
    Condition,
    ReceiveTransfer,
    SettleTransfer,
    ShipTransfer,
)
from simulations.history import Ask, History

CRATES = ("crate-a", "crate-b")
"""The items in parcels. No other workload moves them."""


class Mistake(Struct, eq=False):
    """Units that somebody recorded once more at a location, although they had been taken out."""

    location: str
    units: Mapping[str, int]
    ask: Ask
    repairs: list[Ask] = []
    """Requests that take them back."""

    @property
    def is_open(self) -> bool:
        """Whether it was recorded, and nobody has tried to take it back, or every try was refused."""
        return self.ask.entry is not None and all(one.refused is not None for one in self.repairs)


class Parcel(Struct, eq=False):
    """One parcel. The requests are in the order in which they were settled."""

    number: str
    source: str
    target: str
    shipments: list[Ask] = []
    arrivals: list[Ask] = []
    losses: list[Ask] = []
    mistakes: list[Mistake] = []
    taken: list[Mapping[str, int]] = []
    """What clients took out of the box and have not recorded yet, or tried to record."""

    @property
    def box(self) -> dict[str, int]:
        """The units in it: what left, less what anybody took out. A refused arrival was put back."""
        units = sent(self.shipments)
        for part in self.taken:
            for item, number in part.items():
                units[item] = units.get(item, 0) - number
        for ask in [*self.arrivals, *self.losses]:
            if ask.refused is not None:
                for item, number in units_of(ask).items():
                    units[item] = units.get(item, 0) + number
        return units

    def take(self, random: Random) -> dict[str, int]:
        """Take some of the units out, of each item that is in it."""
        units = {item: random.randint(1, number) for item, number in sorted(self.box.items()) if number > 0}
        if units:
            self.taken.append(units)
        return units

    @property
    def asks(self) -> list[Ask]:
        """All requests that moved its goods."""
        repairs = [ask for mistake in self.mistakes for ask in (mistake.ask, *mistake.repairs)]
        return [*self.shipments, *self.arrivals, *self.losses, *repairs]

    @property
    def is_known(self) -> bool:
        """Whether every request about its goods has an answer."""
        return all(ask.is_settled for ask in self.asks)


def units_of(ask: Ask) -> dict[str, int]:
    """The units of a request, by item."""
    request = ask.asked.request if isinstance(ask.asked, Command) else None
    if isinstance(request, ShipTransfer):
        lines = [(line.item, line.quantity) for line in request.shipment.lines or ()]
    elif isinstance(request, ReceiveTransfer):
        lines = [(line.item, line.quantity) for line in request.arrival.lines or ()]
    elif isinstance(request, SettleTransfer):
        lines = [(line.item, line.quantity) for line in request.settlement.lines]
    else:
        lines = []
    found: dict[str, int] = {}
    for item, number in lines:
        found[str(item)] = found.get(str(item), 0) + number
    return found


def sent(asks: Iterable[Ask]) -> dict[str, int]:
    """The units of the requests that happened, by item."""
    found: dict[str, int] = {}
    for ask in asks:
        if ask.entry is not None:
            for item, number in units_of(ask).items():
                found[item] = found.get(item, 0) + number
    return found


def is_damaged(ask: Ask) -> bool:
    """Whether an arrival said that its goods are damaged."""
    request = ask.asked.request if isinstance(ask.asked, Command) else None
    lines = request.arrival.lines if isinstance(request, ReceiveTransfer) else ()
    return any(line.condition is Condition.DAMAGED for line in lines or ())


def parcels_of(history: History) -> dict[str, Parcel]:
    """All parcels of a run, by the numbers of their transfers."""
    parcels: dict[str, Parcel] = history.kept.setdefault("parcels", {})
    return parcels
