"""What a balancing plan is made from: for each item, what the locations of the plan have, sell, want and may give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from msgspec import UNSET, Struct

from replica.core.base.names import FREE, account
from replica.core.catalog.item_prices import ItemPrices
from replica.core.catalog.locations import location_document, position_in, region_of
from replica.core.ledger.cells import Stock
from replica.core.planning.balancing import Rules, allocated, evacuated, last_units, prestocked, spare_units
from replica.core.planning.balancing_rules import Bounds
from replica.core.planning.cover import DAY, Place
from replica.core.planning.distances import Distances
from replica.core.rights.daily_sales import DailySales
from replica.core.state.replica import Replica

UNKNOWN_METRES = 1_000_000
"""The distance from and to a location whose document does not say where it is."""

Pair = tuple[str, str]
"""A location and an item."""

Reading = Callable[[Replica, Sequence[int]], list[Place]]
"""Reads one item at some locations, by their numbers."""

PlanMode = Literal["even", "evacuate", "prestock", "last_units", "allocate"]


class PlanLocation(Struct, frozen=True):
    """A location of a plan. `is_inside`: whether it is in the area of the incident of the plan."""

    name: str
    is_inside: bool = False


class Coming(Struct, frozen=True):
    """Units on their way to locations, and units that are to leave them and have not left yet."""

    incoming: Mapping[Pair, int] = {}
    leaving: Mapping[Pair, int] = {}

    @staticmethod
    def of_transfers(replica: Replica, numbers: Sequence[str]) -> list[tuple[Pair, int, int]]:
        """What some transfers bring to and take from locations: a location and an item, units in, units out."""
        found = []
        for transfer in filter(None, map(replica.transfers.find, numbers)):
            units = transfer.units()
            is_open = transfer.is_open(units.values())
            for item, one in units.items():
                remaining = one.remaining if is_open else 0
                if remaining:
                    found.append(((transfer.source, item), 0, remaining))
                if remaining + one.in_transit:
                    found.append(((transfer.target, item), remaining + one.in_transit, 0))
        return found


def coming_units(found: Iterable[tuple[Pair, int, int]]) -> Coming:
    """Those of all transfers."""
    incoming: dict[Pair, int] = {}
    leaving: dict[Pair, int] = {}
    for pair, units_in, units_out in found:
        incoming[pair] = incoming.get(pair, 0) + units_in
        leaving[pair] = leaving.get(pair, 0) + units_out
    return Coming(incoming, leaving)


class PlanScope(Struct, frozen=True, kw_only=True):
    """What is planned, how, and from which figures."""

    mode: PlanMode
    locations: tuple[PlanLocation, ...]
    sales: DailySales
    coming: Coming = Coming()
    free_accounts: tuple[str, ...] = ()
    """Of each location, the account from which it may give; looked up for each item if it is empty."""
    cover_days: int | None = None
    """Evening: no location is filled beyond that. Prestocking: the cover that the area gets."""
    keep_days: int = 7
    """Prestocking: the cover that the locations outside keep."""
    source: str = ""
    """Allocating: the location whose units are shared out."""
    is_by_margin: bool = False
    now_ms: int = 0
    last_units: int = 1
    """Gathering last units: a location with at most so many gives them."""

    def rules(self, replica: Replica, item: str) -> Rules:
        """How an item is balanced."""
        found = replica.balancing_rules.rules(item)
        match self.mode:
            case "evacuate":  # loose units leave too, and small differences count
                return Rules(case_pack=1, enough=found.enough, tolerance_percent=0, metres_max=found.metres_max)
            case "prestock":
                return Rules(case_pack=found.case_pack, enough=0, tolerance_percent=0, metres_max=found.metres_max)
            case "allocate":
                enough = found.enough if self.cover_days is None else self.cover_days * DAY
                return Rules(found.case_pack, enough, 0, found.metres_max, self.is_by_margin)
            case "last_units":
                return Rules(case_pack=1, enough=found.enough, tolerance_percent=0, metres_max=found.metres_max)
            case "even":
                if self.cover_days is None:
                    return found
                return Rules(found.case_pack, self.cover_days * DAY, found.tolerance_percent, found.metres_max)

    def reading(self, replica: Replica, item: str) -> Reading:
        """A function that reads an item at some of the locations, by their numbers.

        It leaves out the locations that have nothing to do with the item.
        """
        wanted, own = replica.balancing_rules.bounds(item)
        named = dict.fromkeys(replica.balancing_rules.locations_with(item))
        accounts = self.free_accounts or free_accounts(replica, self.locations)
        takes_all = self.mode == "evacuate"

        def read(replica: Replica, numbers: Sequence[int]) -> list[Place]:
            found = []
            for at in numbers:
                name = self.locations[at].name
                stock = replica.ledger.stocks(name).get(item)
                if stock is not None or takes_all or name in named:
                    stock = stock or Stock(name, item)
                    found.append(self._place(replica, at, stock, accounts[at], own.get(name, wanted)))
            return found

        return read

    def _place(self, replica: Replica, at: int, stock: Stock, free_account: str, bounds: Bounds) -> Place:
        """An item at a location, as the mode of the plan changes it.

        If too little is known of the sales there, the location gives nothing, unless it is emptied or the source.
        """
        location, item = stock.location, stock.item
        free, available = stock.standing(free_account)
        sold_milli, incoming, leaving, spare = self.sales.milli(location, item), 0, 0, 0
        if self.coming.incoming:
            incoming = self.coming.incoming.get((location, item), 0)
            leaving = self.coming.leaving.get((location, item), 0)
        if self.mode == "evacuate" or location == self.source or self.sales.is_known(location):
            policy = replica.policies.policy(location, item) if replica.policies else None
            spare = spare_units(free, available, leaving, policy, sold_milli)
        place = Place(
            at=at,
            available=available - leaving,
            spare=spare,
            incoming=incoming,
            sold_milli=sold_milli,
            display=bounds.display,
            capacity=bounds.capacity,
            margin=self._margin(replica, location, item) if self.is_by_margin else 0,
        )
        return place if self.mode == "even" else self._changed(place, self.locations[at])

    def _margin(self, replica: Replica, location: str, item: str) -> int:
        """What a million units of an item earn at a location: the part of their price that its document says."""
        region, document = region_of(replica.documents, location), location_document(replica.documents, location)
        price = ItemPrices(replica.documents, replica.catalog, location, region, self.now_ms).of(item)
        percent = document.margin_percent if document is not None else UNSET
        earned = 100 if percent is UNSET else percent
        return price.amount * 10_000 * earned // price.units if price is not None else 0

    def _changed(self, place: Place, location: PlanLocation) -> Place:
        """A place as the mode of the plan changes it."""
        match self.mode:
            case "evacuate":
                return evacuated(place, is_inside=location.is_inside)
            case "prestock":
                cover = 14 if self.cover_days is None else self.cover_days
                return prestocked(place, cover * DAY, self.keep_days * DAY, is_inside=location.is_inside)
            case "allocate":
                return allocated(place, is_source=location.name == self.source)
            case "last_units":
                return last_units(place, self.last_units)
            case "even":
                return place


def distances_of(replica: Replica, locations: Iterable[PlanLocation]) -> Distances:
    """The distances between the locations of a plan."""
    positions = [position_in(location_document(replica.documents, one.name)) for one in locations]
    return Distances(positions, UNKNOWN_METRES)


def free_accounts(replica: Replica, locations: Iterable[PlanLocation]) -> tuple[str, ...]:
    """The account with what each location may give: that of the node that keeps it. Empty if that is not known."""
    owners = replica.location_owners.nodes
    return tuple(
        account(owner, FREE) if owner else ""
        for owner in (replica.node if one.name in replica.locations else owners.get(one.name, "") for one in locations)
    )


def items_of(replica: Replica, locations: Sequence[PlanLocation]) -> list[str]:
    """The items that ever moved at a location of a plan, in order."""
    found: dict[str, None] = {}
    for one in locations:
        found.update(dict.fromkeys(replica.ledger.stocks(one.name)))
    return sorted(found)
