"""The order context: what a node knows when it decides about orders, and how it writes a decision down."""

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


class OrderPolicy(Struct, frozen=True, kw_only=True):
    """How one kind of node decides about orders, where the kinds differ. Whoever assembles the node hands it in."""

    hosted: tuple[str, ...] = ()
    """Locations without a node of their own, which this node promises online. It keeps their safety stock back."""
    has_quotas: bool = False
    """Whether orders of a channel take from the quota of that channel, and not from what is free."""
    notes_scope: str = HUBS
    """The scope in which the node writes notes about orders that it knows no location of."""


class OrderContext(Struct, frozen=True, gc=False):
    """What a node knows when it decides about orders."""

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
    order_policy: OrderPolicy = OrderPolicy()
    location_owners: Mapping[str, str] = {}
    """The node that owns each location, as far as known. It receives the fulfilments that were paid there."""

    def source(self, channel: str) -> Source:
        """Where orders of a channel take units from."""
        return Source(
            ledger=self.ledger,
            policies=self.policies,
            node=self.node,
            channel=channel if self.order_policy.has_quotas else "",
            hosted=self.order_policy.hosted,
        )

    @property
    def home(self) -> str:
        """The scope in which the node writes notes about orders that it knows no location of."""
        return self.order_policy.notes_scope

    @property
    def held(self) -> str:
        """The account with the units that the node holds for orders."""
        return account(self.node, HELD)


def moves_of(allocations: Iterable[Allocation], route_of: Callable[[str], tuple[str, str]]) -> tuple[Move, ...]:
    """The units of allocations, each on the route for its source. Units of one item on one route are added up."""
    units: dict[tuple[str, str, str], int] = {}
    for allocation in allocations:
        for place, (item, number) in enumerate(allocation.recipe):
            name = (item, *route_of(allocation.source_of(place)))
            units[name] = units.get(name, 0) + number * allocation.quantity
    return tuple([Move(*name, part) for name, number in units.items() for part in parts_of(number)])


def order_draft(order: str, event: str, facts: OrderFacts, moves: tuple[Move, ...] = ()) -> Draft:
    return Draft(ORDER, moves, (), packable(facts), "", event, order)
