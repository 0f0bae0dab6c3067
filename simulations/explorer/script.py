"""Scripts: a few requests, the nodes that may get them, and how time passes. The explorer plays each in every order.

A client may send a request to any of its nodes, at any moment, any number of times, or never. So a request that was
lost, a retry at another node and a repeat at the same node are all among the histories of a script.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from replica.core.base.names import CHAIN
from replica.core.orders.requests import OrderRequest
from replica.core.state.commands import Command, DocumentWrite
from replica.core.state.kinds import LocationRequest

STORE = "store"
HUBS = ("hub-a", "hub-b")
NODES = (*HUBS, STORE)

LOCATION = STORE
"""The location of the store. The store's node owns it."""

YARD = "yard"
"""A location without a node of its own, if the first hub hosts one."""

BEGIN_MS = 1_700_000_000_000
"""The wall clock of every node at the first moment of a script, in milliseconds since 1970."""


class Ask(Struct, frozen=True, kw_only=True):
    """One request of a client, under its key."""

    name: str
    """Its key, and what the history calls it."""
    request: LocationRequest | OrderRequest | DocumentWrite
    at: tuple[str, ...]
    """Nodes that may get it."""
    after: tuple[str, ...] = ()
    """Requests that some node must have recorded before."""
    heard: tuple[str, ...] = ()
    """Requests of which the node that gets this one must have the entry."""
    location: str = LOCATION
    """Where the goods are, unless it is about an order."""
    like: str = ""
    """A request that differs from this one by its key only, and that happens before it. See `search`."""
    changes: Mapping[str, int] = {}
    """Units by which it changes what is on hand, by item. Events of orders change it by the units of the order."""

    @property
    def key(self) -> bytes:
        """Its idempotency key."""
        return self.name.encode()

    @property
    def command(self) -> Command | DocumentWrite:
        """The request as a replica takes it."""
        if isinstance(self.request, DocumentWrite):
            return self.request
        location = "" if isinstance(self.request, OrderRequest) else self.location
        return Command(location, self.request, self.key)


class Script(Struct, frozen=True, kw_only=True):
    """Requests of clients, and the things around them that may happen."""

    name: str
    about: str
    opening: tuple[tuple[str, Ask], ...] = ()
    """Requests that are done and delivered everywhere before the exploration begins, each with its node."""
    asks: tuple[Ask, ...]
    moments_ms: tuple[int, ...] = (0,)
    """The readings of all clocks, after `BEGIN_MS`. Time goes on from one to the next at any step."""
    orders: Mapping[str, Mapping[str, int]] = {}
    """Units of each order at a location, by item."""
    has_yard: bool = False
    """Whether the first hub hosts a second location, and orders take the same units at both."""
    keeps_orders: bool = False
    """Whether nodes do their housekeeping of orders, each at any step."""
    settles: bool = False
    """Whether nodes cover the breaches of others, each at any step."""
    is_busy: bool = True
    """Whether steps follow each other directly. If not, other batches lie between them, so that keys are no longer in
    memory and the node looks for them in its journal."""
    restarts: tuple[str, ...] = NODES
    """Nodes that may restart at any step."""

    @property
    def locations(self) -> tuple[str, ...]:
        """Where there are goods."""
        return (LOCATION, YARD) if self.has_yard else (LOCATION,)

    def hosted_by(self, node: str) -> tuple[str, ...]:
        """The locations that a node writes for."""
        if node == STORE:
            return (LOCATION,)
        return (YARD,) if self.has_yard and node == HUBS[0] else ()

    @property
    def every_ask(self) -> tuple[Ask, ...]:
        """The requests of the opening, and the others."""
        return (*(ask for _, ask in self.opening), *self.asks)


SCOPES = (LOCATION, CHAIN)
"""The scopes of which the store's node has entries. Hubs have all."""
