"""The role of a store's node: the values and strategies of a `Node` that differ from a hub's."""

from __future__ import annotations

from functools import partial

from edge_node.admission import admit_hub
from edge_node.rebalancing import StoreRebalancing
from replica.core.base.names import CHAIN
from replica.core.orders.context import OrderPolicy
from replica.runtime.background.sales_history import SalesHistory
from replica.runtime.node import Background, NodeParts, NodeRole
from replica.runtime.peering.roles import EDGE


def store_role(location: str) -> NodeRole:
    """The role of the node that owns one location."""
    scopes = (location, CHAIN)
    return NodeRole(
        name=EDGE,
        scopes=scopes,
        admit=partial(admit_hub, scopes=scopes),
        order_policy=OrderPolicy(notes_scope=location, counter=location),
        background=partial(_background, location),
    )


def _background(location: str, parts: NodeParts) -> Background:
    sales_history = SalesHistory(parts.driver, parts.journal, parts.clock, location)
    return Background(StoreRebalancing(parts.driver, sales_history), (sales_history.run,))
