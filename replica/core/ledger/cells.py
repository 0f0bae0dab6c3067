"""The ledger: how many units moved between which accounts, and what follows from it.

State is a map of cells, `(location, item, writer, source, target) -> total units ever moved`. A cell only grows and
has one writer, so two copies merge by pointwise maximum, in any order, any number of times. Everything else is
computed from the cells: the PN-counter of a pair, the balance of an account, the stock figures. Nothing derived is
stored, except a fingerprint per pair that makes the digest of a whole location cheap.

A *route* is the part of a cell's name that recurs: writer, source, target. Routes are interned. Each route stores how
one moved unit changes the figures, so a figure costs one pass over a few cells.

Source: bounded counter and escrow, Balegas et al., SRDS 2015; PN-counter, Shapiro et al., 2011.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from replica.core.base.errors import Broken
from replica.core.base.item_names import ItemNames
from replica.core.base.limits import QUANTITY_MAX, TOTAL_MAX
from replica.core.base.names import (
    CUSTOMER,
    FREE,
    HELD,
    LOSS,
    QUARANTINE,
    bucket_of,
    is_internal,
    node_of,
    owner_of,
)
from replica.core.ledger.pn_counter import PNCounter

_MODULUS = 1 << 128

STALE_MAX = 4_096
"""Moves after which digests and breaches are stale: to bring the pairs of so many up to date takes about 30 ms."""


class Move(Struct, frozen=True, array_like=True, gc=False):
    """`quantity` >= 1 base units of an item, from one account to another one of the same location."""

    item: str
    source: str
    target: str
    quantity: int

    @property
    def change(self) -> int:
        """By how many units it changes the stock on hand."""
        return (is_internal(self.target) - is_internal(self.source)) * self.quantity


class Figures(NamedTuple):
    """The stock figures of one (location, item), in base units."""

    on_hand: int
    reserved: int
    quarantined: int
    available: int


class Route:
    """Writer, source and target of a cell, and what one unit moved along it changes."""

    __slots__ = (
        "available",
        "giver",
        "on_hand",
        "quarantined",
        "reserved",
        "source",
        "supplies",
        "taker",
        "target",
        "writer",
    )

    def __init__(self, writer: str, source: str, target: str) -> None:
        self.writer = writer
        self.source = source
        self.target = target
        self.on_hand = is_internal(target) - is_internal(source)
        self.reserved = (bucket_of(target) == HELD) - (bucket_of(source) == HELD)
        self.quarantined = (bucket_of(target) == QUARANTINE) - (bucket_of(source) == QUARANTINE)
        self.available = self.on_hand - self.reserved - self.quarantined
        self.giver = _owner_of_free(source)
        self.taker = _owner_of_free(target)
        """Nodes whose free units the route lowers (`giver`) and raises (`taker`); empty if there is none."""
        self.supplies = self.on_hand > 0 and self.taker == node_of(writer) and source not in (CUSTOMER, LOSS)
        """Whether the route brings goods in. Only the node that keeps the location does; others only reverse sales."""

    @property
    def name(self) -> tuple[str, str, str]:
        """`(writer, source, target)`: orders and compares routes across replicas."""
        return (self.writer, self.source, self.target)

    def __repr__(self) -> str:
        return f"Route({self.writer}: {self.source} -> {self.target})"


def _owner_of_free(account: str) -> str:
    return owner_of(account) or "" if bucket_of(account) == FREE else ""


class Stock:
    """The cells of one (location, item)."""

    __slots__ = ("cells", "fingerprint", "item", "location")

    def __init__(self, location: str, item: str) -> None:
        self.location = location
        self.item = item
        self.cells: dict[Route, int] = {}
        self.fingerprint = 0
        """The summand of this pair in the last digest of its location."""

    @property
    def figures(self) -> Figures:
        """On hand, reserved, quarantined and available, now."""
        on_hand = reserved = quarantined = 0
        for route, total in self.cells.items():
            on_hand += route.on_hand * total
            reserved += route.reserved * total
            quarantined += route.quarantined * total
        return Figures(on_hand, reserved, quarantined, on_hand - reserved - quarantined)

    @property
    def available(self) -> int:
        """Units that are in the building, not held and not quarantined."""
        available = 0
        for route, total in self.cells.items():
            available += route.available * total
        return available

    def balance(self, account: str) -> int:
        """Units moved into an account, less units moved out. Negative for an external source or a breach."""
        balance = 0
        for route, total in self.cells.items():
            if route.target == account:
                balance += total
            elif route.source == account:
                balance -= total
        return balance

    def standing(self, account: str) -> tuple[int, int]:
        """The balance of an account and the available units, in one pass."""
        balance = available = 0
        for route, total in self.cells.items():
            available += route.available * total
            if route.target == account:
                balance += total
            elif route.source == account:
                balance -= total
        return balance, available

    @property
    def balances(self) -> dict[str, int]:
        """The balance of every account that ever moved, internal and external, by name."""
        return _balances(self.cells)

    @property
    def breach(self) -> int:
        """Units by which internal accounts are below zero."""
        return breach_of(self.balances)

    def free(self) -> dict[str, int]:
        """Free units of each node whose free account ever moved, by name; below zero after a breach."""
        free: dict[str, int] = {}
        for route, total in self.cells.items():
            if route.taker:
                free[route.taker] = free.get(route.taker, 0) + total
            if route.giver:
                free[route.giver] = free.get(route.giver, 0) - total
        return free

    def rights_by_node(self) -> dict[str, int]:
        """Units that each node may promise without asking, by name."""
        rights: dict[str, int] = {}
        for name, units in self.balances.items():
            owner = owner_of(name)
            if owner is not None and bucket_of(name) not in (HELD, QUARANTINE):
                rights[owner] = rights.get(owner, 0) + units
        return rights

    def rights(self, node: str) -> int:
        """Units that the node may promise without asking: in all its accounts except held and quarantine."""
        return rights_of(node, self.balances)

    def counter(self) -> PNCounter:
        """The pair as a PN-counter of the units on hand: raised by arrivals, lowered by departures."""
        raised: dict[str, int] = {}
        lowered: dict[str, int] = {}
        for route, total in self.cells.items():
            if route.on_hand > 0:
                raised[route.writer] = raised.get(route.writer, 0) + total
            elif route.on_hand < 0:
                lowered[route.writer] = lowered.get(route.writer, 0) + total
        return PNCounter(raised, lowered)

    def _print(self) -> int:
        state = sorted((route.name, total) for route, total in self.cells.items())
        return int.from_bytes(blake2b(repr((self.location, self.item, state)).encode(), digest_size=16).digest())


def _balances(totals: Mapping[Route, int]) -> dict[str, int]:
    balances: dict[str, int] = {}
    for route, total in totals.items():
        balances[route.source] = balances.get(route.source, 0) - total
        balances[route.target] = balances.get(route.target, 0) + total
    return dict(sorted(balances.items()))


def breach_of(balances: Mapping[str, int]) -> int:
    """Units by which internal accounts are below zero."""
    return -sum(units for name, units in balances.items() if units < 0 and is_internal(name))


def rights_of(node: str, balances: Mapping[str, int]) -> int:
    """Units that a node may promise without asking: in all its accounts except held and quarantine."""
    return sum(
        units
        for name, units in balances.items()
        if owner_of(name) == node and bucket_of(name) not in (HELD, QUARANTINE)
    )


class LocationStock:
    """The stock of one location, by item, and its totals."""

    __slots__ = ("_breaches", "_digest", "_items", "_stale", "name", "stocks", "totals")

    def __init__(self, name: str) -> None:
        self.name = name
        self.stocks: dict[str, Stock] = {}
        self.totals: dict[Route, int] = {}
        """Units moved along each route, over all items."""
        self._stale: dict[Stock, None] = {}
        self._digest = 0
        self._breaches: dict[str, int] = {}
        self._items: list[str] = []

    def digest(self) -> str:
        """Equal cells, equal digest: the sum of the pairs' fingerprints. Reads only pairs that have changed since."""
        self._refresh()
        return f"{self._digest:032x}"

    def breaches(self) -> dict[str, int]:
        """The breach of each item that has one. Reads only pairs that have changed since the last call."""
        self._refresh()
        return dict(sorted(self._breaches.items()))

    def items(self) -> list[str]:
        """Items that ever moved here, in order. None is ever removed, so a new number of items means a new item."""
        if len(self._items) != len(self.stocks):
            self._items = sorted(self.stocks)
        return self._items

    @property
    def on_hand(self) -> int:
        """Units in the building, over all items."""
        return sum(route.on_hand * total for route, total in self.totals.items())

    def balances(self) -> dict[str, int]:
        """Units in each account, over all items."""
        return _balances(self.totals)

    def refresh(self, most: int) -> int:
        """Bring some pairs up to date, and return how many. The next digest and breaches then read fewer of them."""
        some = list(islice(self._stale, most))
        self._bring_up_to_date(some)
        for stock in some:
            del self._stale[stock]
        return len(some)

    def _refresh(self) -> None:
        self._bring_up_to_date(self._stale)
        self._stale.clear()

    def _bring_up_to_date(self, stocks: Iterable[Stock]) -> None:
        for stock in stocks:
            fresh = stock._print()
            self._digest = (self._digest + fresh - stock.fingerprint) % _MODULUS
            stock.fingerprint = fresh
            breach = stock.breach
            if breach:
                self._breaches[stock.item] = breach
            else:
                self._breaches.pop(stock.item, None)


Changes = dict[Route, dict[Stock, int]]
"""New totals of the cells that changed, by route and pair."""


class Ledger:
    """All cells that this replica knows. `apply` never refuses, because nodes check a request before they write it."""

    __slots__ = (
        "_changes",
        "_locations",
        "_moves",
        "_newly_supplied",
        "_routes",
        "_stale",
        "at_location",
        "item_names",
        "suppliers",
    )

    def __init__(self) -> None:
        self.at_location: dict[str, LocationStock] = {}
        self.item_names = ItemNames()
        """The items that ever moved, at any location."""
        self._locations: dict[str, list[str]] = {}
        self._routes: dict[tuple[str, str, str], Route] = {}
        self._changes: Changes = {}
        self.suppliers: dict[str, dict[str, None]] = {}
        """Nodes that ever brought goods in, by location."""
        self._newly_supplied: dict[str, None] = {}
        self._stale: dict[LocationStock, None] = {}
        """Locations with pairs that changed since the last refresh of all."""
        self._moves = 0
        """Moves since the last refresh of all."""

    @property
    def is_stale(self) -> bool:
        """Whether so much changed that whoever asks for digests and breaches would wait long for them."""
        return self._moves > STALE_MAX

    def refresh(self, most: int) -> None:
        """Bring the digests and breaches of so many pairs up to date."""
        while self._stale and most > 0:
            here = next(iter(self._stale))
            most -= here.refresh(most)
            if not here._stale:
                del self._stale[here]
        if not self._stale:
            self._moves = 0

    def stock(self, location: str, item: str) -> Stock:
        """Return the pair as this replica sees it. If nothing ever moved, return an empty one and do not store it."""
        here = self.at_location.get(location)
        stock = here.stocks.get(item) if here is not None else None
        return stock if stock is not None else Stock(location, item)

    def stocks(self, location: str) -> Mapping[str, Stock]:
        """Return the pairs of a location that ever moved, by item."""
        here = self.at_location.get(location)
        return here.stocks if here is not None else {}

    def locations(self, item: str) -> Sequence[str]:
        """Locations where an item ever moved, in order of names."""
        return self._locations.get(item, ())

    def apply(self, location: str, writer: str, moves: Iterable[Move]) -> None:
        """Add the moves to the writer's cells."""
        here = self.at_location.get(location)
        if here is None:
            here = self.at_location[location] = LocationStock(location)
        stocks, totals, stale, routes, changes = here.stocks, here.totals, here._stale, self._routes, self._changes
        for move in moves:
            stock = stocks.get(move.item)
            if stock is None:
                stock = stocks[move.item] = Stock(location, move.item)
                self._note_place(move.item, location)
            name = (writer, move.source, move.target)
            route = routes.get(name)
            if route is None:
                route = routes[name] = Route(*name)
            moved = totals.get(route)
            if moved is None:
                moved = 0
                if route.supplies:
                    self.suppliers.setdefault(location, {})[route.taker] = None
                    self._newly_supplied[location] = None
            totals[route] = moved + move.quantity
            total = stock.cells.get(route, 0) + move.quantity
            if total > TOTAL_MAX:
                raise Broken(f"cell {location} {move.item} {name} would exceed {TOTAL_MAX}")
            stock.cells[route] = total
            changed = changes.get(route)
            if changed is None:
                changed = changes[route] = {}
            changed[stock] = total
            stale[stock] = None
            self._moves += 1
        self._stale[here] = None

    def take(self, location: str, name: tuple[str, str, str], taken: Mapping[Stock, int]) -> None:
        """Add units to the cells of one route, for known pairs of the location: `apply` for many moves at once."""
        here, route = self.at_location[location], self._route(name)
        changed = self._changes.setdefault(route, {})
        for stock, units in taken.items():
            total = stock.cells.get(route, 0) + units
            if total > TOTAL_MAX:
                raise Broken(f"cell {location} {stock.item} {name} would exceed {TOTAL_MAX}")
            stock.cells[route] = changed[stock] = total
        here.totals[route] = here.totals.get(route, 0) + sum(taken.values())
        here._stale.update(dict.fromkeys(taken))
        self._stale[here] = None
        self._moves += len(taken)

    def _note_place(self, item: str, location: str) -> None:
        if item not in self._locations:
            self._locations[item] = []
            self.item_names.add(item)
        insort(self._locations[item], location)

    def _route(self, name: tuple[str, str, str]) -> Route:
        route = self._routes.get(name)
        if route is None:
            route = self._routes[name] = Route(*name)
        return route

    def join(self, location: str, item: str, name: tuple[str, str, str], total: int) -> None:
        """Merge one cell of another copy: the greater total wins."""
        known = self.cell(location, item, name)
        if total > known:
            writer, source, target = name
            self.apply(location, writer, (Move(item, source, target, total - known),))

    def merge(self, other: Ledger) -> None:
        """Merge another copy, cell by cell."""
        for location, item, name, total in other.cells():
            self.join(location, item, name, total)

    def cell(self, location: str, item: str, name: tuple[str, str, str]) -> int:
        """Return one cell's total; 0 if nothing ever moved."""
        route = self._routes.get(name)
        return self.stock(location, item).cells.get(route, 0) if route is not None else 0

    def cells(self) -> Iterator[tuple[str, str, tuple[str, str, str], int]]:
        """Every cell as `(location, item, (writer, source, target), total)`, in a fixed order."""
        for location in sorted(self.at_location):
            stocks = self.at_location[location].stocks
            for item in sorted(stocks):
                for route, total in sorted(stocks[item].cells.items(), key=lambda cell: cell[0].name):
                    yield location, item, route.name, total

    def digest(self, location: str) -> str:
        """Digest of one location's cells; the same on every replica that holds the same cells."""
        here = self.at_location.get(location)
        return here.digest() if here is not None else f"{0:032x}"

    def take_newly_supplied(self) -> list[str]:
        """Locations where a node first brought goods in after the last call."""
        locations = list(self._newly_supplied)
        self._newly_supplied.clear()
        return locations

    def take_changes(self) -> Changes:
        """Hand over the cells changed since the last call."""
        changes = self._changes
        self._changes = {}
        return changes


def parts_of(units: int) -> list[int]:
    """Split units into quantities that one move may have."""
    whole, rest = divmod(units, QUANTITY_MAX)
    return [QUANTITY_MAX] * whole + [rest] * (rest > 0)
