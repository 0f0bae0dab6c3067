"""The desk: what a node decides about orders with, and how what it decides is written down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from msgspec import Struct

from replica.core.base.names import HELD, HUBS, account
from replica.core.catalog.skus import Catalog
from replica.core.ledger.cells import Ledger, Move, parts_of
from replica.core.log.draft import Draft
from replica.core.orders.allocations import Allocation
from replica.core.orders.fold import Orders
from replica.core.orders.machine import OrderMachine
from replica.core.orders.order import OrderFacts, packable
from replica.core.orders.requests import ORDER
from replica.core.orders.sources import Source
from replica.core.rights.policies import Policies

Drafts = list[tuple[str, Draft]]
"""Entries to write, each with its scope; the first answers the caller."""


class OrderContext(Struct, frozen=True, gc=False):
    """What a node decides about orders with."""

    node: str
    locations: tuple[str, ...]
    """Locations the node writes for whether or not it has rights there."""
    ledger: Ledger
    catalog: Catalog
    orders: Orders
    machine: OrderMachine
    now_ms: int
    """By the clock of this node as it is set; its stamps may be far ahead, once it was wrong, and hardly move then."""
    policies: Policies
    is_hub: bool = False
    """Whether it promises what lies elsewhere, by policy, and not what lies before it."""
    home: str = HUBS
    """Where the node notes what it does not know the location of: a store in its own, as it sees no other."""
    location_owners: Mapping[str, str] = {}
    """Which node keeps each location, as far as known: what is paid there is handed to it."""

    def source(self, channel: str) -> Source:
        """Where orders of a channel take units from."""
        hosted = self.locations if self.is_hub else ()
        return Source(self.ledger, self.policies, self.node, channel if self.is_hub else "", hosted)

    @property
    def held(self) -> str:
        """The account of what the node holds for orders."""
        return account(self.node, HELD)


def moves_of(allocations: Iterable[Allocation], route_of: Callable[[str], tuple[str, str]]) -> tuple[Move, ...]:
    """The units of shares, each along the lane for where it came from; what goes the same way is added up."""
    units: dict[tuple[str, str, str], int] = {}
    for allocation in allocations:
        for place, (item, number) in enumerate(allocation.recipe):
            name = (item, *route_of(allocation.source_of(place)))
            units[name] = units.get(name, 0) + number * allocation.quantity
    return tuple([Move(*name, part) for name, number in units.items() for part in parts_of(number)])


def order_draft(order: str, event: str, facts: OrderFacts, moves: tuple[Move, ...] = ()) -> Draft:
    return Draft(ORDER, moves, (), packable(facts), "", event, order)
