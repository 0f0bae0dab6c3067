"""The order context: what a node decides about orders with, and the drafts in which it writes its decisions down."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping

from msgspec import Struct

from replica.core.base.names import HELD, HUBS, account
from replica.core.catalog.known_locations import KnownLocations
from replica.core.catalog.skus import Catalog
from replica.core.ledger.cells import Ledger, Move, parts_of
from replica.core.log.draft import Draft
from replica.core.orders.allocations import Allocation
from replica.core.orders.facts import OrderFacts, encode
from replica.core.orders.fold import Orders
from replica.core.orders.machine import OrderMachine
from replica.core.orders.requests import ORDER
from replica.core.orders.sources import Source
from replica.core.orders.sourcing import Chooser
from replica.core.rights.policies import Policies

Drafts = list[tuple[str, Draft]]
"""Entries to write, each with its scope; the first one answers the caller."""


class OrderPolicy(Struct, frozen=True, kw_only=True):
    """How one kind of node decides about orders, where the kinds differ. Whoever assembles the node hands it in."""

    hosted: tuple[str, ...] = ()
    """Locations without a node of their own, which this node promises online. It keeps their safety stock back."""
    has_quotas: bool = False
    """Whether orders of a channel take from the quota of that channel, and not from what is free."""
    notes_scope: str = HUBS
    """The scope in which the node writes notes about orders that it knows no location of."""
    counter: str = ""
    """The location where customers bring goods back to this node. Empty: the node sees all locations, and has none."""

    @property
    def hears_all(self) -> bool:
        """Whether the node gets the entries of all locations."""
        return self.notes_scope == HUBS


class OrderDraft(Struct, frozen=True, kw_only=True):
    """An entry about an order, before its facts are encoded."""

    scope: str
    order: str
    event: str
    facts: OrderFacts
    moves: tuple[Move, ...] = ()
    key: bytes = b""

    def encoded(self) -> tuple[str, Draft]:
        """The scope, and the draft of the entry there."""
        draft = Draft(
            kind=ORDER,
            moves=self.moves,
            facts=encode(self.facts),
            reason=self.event,
            reference=self.order,
            key=self.key,
        )
        return self.scope, draft


class OrderContext(Struct, frozen=True):
    """What a node decides about orders with."""

    node: str
    locations: tuple[str, ...]
    """Locations the node writes for whether or not it has rights there."""
    ledger: Ledger
    catalog: Catalog
    orders: Orders
    machine: OrderMachine
    now_ms: int
    """By the clock of this node as it is set now. Its stamps may be far ahead, if the clock once was wrong."""
    policies: Policies
    known_locations: KnownLocations
    order_policy: OrderPolicy = OrderPolicy()
    chooser: Chooser | None = None
    """Chooses the locations of the order that is placed. None: an order goes to no address, and `allocate` does it."""
    pool_of: Callable[[str], Container[str] | None] = lambda channel: None
    """The locations whose stock a channel sells as one; None: all."""
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
            pool=self.pool_of(channel) if self.order_policy.has_quotas else None,
        )

    @property
    def held(self) -> str:
        """The account with the units that the node holds for orders."""
        return account(self.node, HELD)


def moves_of(
    allocations: Iterable[Allocation],
    route_of: Callable[[str], tuple[str, str]],
    staying: Mapping[tuple[str, str], int] | None = None,
) -> tuple[Move, ...]:
    """The units of allocations, each along the route for its source; units on the same route are added up.

    Args:
        staying: units that do not move, by item and source.
    """
    units: dict[tuple[str, str, str], int] = {}
    for allocation in allocations:
        for index, (item, number) in enumerate(allocation.recipe):
            name = (item, *route_of(allocation.source_of(index)))
            units[name] = units.get(name, 0) + number * allocation.quantity
    for (item, source), number in (staying or {}).items():
        units[item, *route_of(source)] -= number
    return tuple(Move(*name, part) for name, number in units.items() for part in parts_of(number))
