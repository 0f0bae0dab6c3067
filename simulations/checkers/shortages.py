"""Shortages are resolved: no hold without a unit behind it stays if its node may revoke it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from replica.core.base.limits import SELECTIONS_MAX
from replica.core.base.names import HELD, bucket_of
from replica.core.log.entry import Entry
from replica.core.orders.facts import SHORTAGE
from replica.core.orders.requests import ORDER, OrderEvent, order_request_of
from simulations.checkers.checker import Checker
from simulations.checkers.stocks import Stocks

REVOCABLE = ("held", "reserved", "amended", "exchanged")
"""States in which a hold can be revoked: units are held, and nobody picks them yet."""


class OpenHold(Struct):
    """A fulfilment and its held units."""

    location: str
    state: str = ""
    units: dict[str, int] = {}


class ShortagesChecker(Checker):
    """At rest, no node holds units that are not there in a fulfilment that it may revoke."""

    invariant = 6

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._stocks = Stocks()
        self._holds: dict[tuple[str, str], OpenHold] = {}
        """By order and fulfilment."""
        self._selected: dict[tuple[str, str], int] = {}

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        self._stocks.add(entry)
        if content.kind != ORDER:
            return
        name = (content.reference, facts.get("fulfilment", ""))
        if facts["act"] == "ask" and facts.get("outcome") == SHORTAGE:
            self._select(entry)
        if facts["act"] == "step":
            self._holds.setdefault(name, OpenHold(entry.stream.scope)).state = facts["to"]
        if name in self._holds:
            units = self._holds[name].units
            for move in content.moves:
                change = (bucket_of(move.target) == HELD) - (bucket_of(move.source) == HELD)
                units[move.item] = units.get(move.item, 0) + change * move.quantity

    def _select(self, entry: Entry) -> None:
        asked = order_request_of(entry.content.facts)
        assert isinstance(asked, OrderEvent)
        self.history.tally("selected for a shortage")
        name = (asked.order, asked.fulfilment)
        self._selected[name] = self._selected.get(name, 0) + 1

    def due(self) -> Iterator[str]:
        for location, item in self._stocks.pairs():
            short = -self._stocks.available((location, item))
            for name, hold in self._holds.items() if short > 0 else ():
                units = hold.units.get(item, 0)
                is_revocable = hold.state in REVOCABLE and self._selected.get(name, 0) < SELECTIONS_MAX
                if hold.location == location and units > 0 and is_revocable:
                    yield f"{short} units of {item} are missing at {location}, and {name} still holds {units}"
