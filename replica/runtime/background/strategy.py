"""The rebalancing strategy: how rights move at one kind of node. `edge_node` and `hub` have one each.

The shared parts decide when to look at an item, cover what others lack, and carry requests and grants. They ask the
strategy what the node grants, asks for and sets aside. A strategy decides; it changes no replica.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from replica.core.ledger.cells import LocationStock, Route, Stock
from replica.core.rights.policies import Policy
from replica.core.rights.rebalancing import Hub, WantAnswer
from replica.core.state.replica import Replica

Pair = tuple[str, str]
"""A location and an item."""


class ItemView(Struct, frozen=True, kw_only=True):
    """One item at a location, as its node sees it."""

    stock: Stock
    policy: Policy | None
    """The policy that counts now. Without one, nobody moves rights."""
    free: Mapping[str, int]
    """Free units of each node, by name."""
    is_short: bool
    """Whether free units of any node are below zero. Until others have covered that, nothing moves by policy."""
    is_wanting: bool
    """Whether this node waits for the item itself."""
    node: str
    region: str
    hubs: Sequence[Hub]
    """The hubs met since the start, in order of names."""

    @property
    def own(self) -> int:
        """Free units of this node."""
        return self.free.get(self.node, 0)


class Moves(Struct, frozen=True, kw_only=True):
    """The decision of a strategy about one item."""

    grants: Mapping[str, int] = {}
    """Units to grant, by the node that receives them."""
    wanted: int = 0
    """Units to ask others for."""
    allotments: Mapping[str, int] = {}
    """Units to set aside (above 0) or to free again (below 0), by channel."""
    is_put_off: bool = False
    """Whether to look again a little later, because no event will cause another look."""


class RebalancingStrategy(Protocol):
    """How rights move at one kind of node."""

    asks: bool
    """Whether the node asks for rights by policy. If so, an answer to a request may call for the next request."""

    def watch(self, look_at_all: Callable[[], None]) -> None:
        """Keep a function, and call it whenever the rebalancer should look at all items again."""

    def policy(self, replica: Replica, location: str, item: str) -> Policy | None:
        """The policy that counts for an item now; None if none counts now."""

    def is_concerned(self, replica: Replica, route: Route) -> bool:
        """Whether units that moved on a route call for a look at their item."""

    def concerns(self, replica: Replica, location_stock: LocationStock) -> bool:
        """Whether the rebalancer should look at every item of a location, and not only at those below zero."""

    def moves(self, view: ItemView) -> Moves:
        """Decide what to do about one item."""

    def within_reach(self, stock: Stock, node: str, askable: Mapping[str, int]) -> dict[str, int]:
        """Units that each peer can hand over if this node asks it, given the free units of each peer itself."""

    def answer(
        self, policy: Policy | None, wanted: int, own: int, available: int, held_by_store: int | None
    ) -> WantAnswer:
        """Decide how many units to grant to a peer that wants some.

        Args:
            held_by_store: free units of the peer if it is the node of a store, else None.
        """
