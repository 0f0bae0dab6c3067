"""The role of a hub: the values and strategies of a `Node` that differ from those of a store's node."""

from __future__ import annotations

from hub.admission import admit_peer
from hub.rebalancing import HubRebalancing
from replica.core.base.names import HUBS
from replica.core.orders.context import OrderPolicy
from replica.runtime.background.shortages import Shortages
from replica.runtime.background.transfer_notices import TransferNotices
from replica.runtime.node import Background, NodeParts, NodeRole
from replica.runtime.peering.roles import HUB


def hub_role(hosts: tuple[str, ...]) -> NodeRole:
    """The role of a hub that writes for these locations, which have no node of their own."""
    return NodeRole(
        name=HUB,
        scopes=None,
        admit=admit_peer,
        order_policy=OrderPolicy(hosted=hosts, has_quotas=True, notes_scope=HUBS),
        background=_background,
    )


def _background(parts: NodeParts) -> Background:
    shortages = Shortages(parts.driver, parts.peers, parts.settlement, parts.clock)
    notices = TransferNotices(parts.driver, parts.peers, parts.clock)
    return Background(HubRebalancing(), (shortages.run, notices.run))
