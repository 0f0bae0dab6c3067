"""Assembles a hub."""

from __future__ import annotations

from pathlib import Path

import structlog

from console.site import site
from hub.api import ORDERS_PATH, HubApi
from hub.role import hub_role
from replica.core.base.names import owner_of
from replica.core.state.replica import Replica
from replica.runtime.http.fast_path import single
from replica.runtime.http.operations import make_app
from replica.runtime.journal.data import open_replica
from replica.runtime.node import Node
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.ports import Clock, Entropy
from replica.runtime.process import LOOPBACK_HOSTS, Assembly
from replica.runtime.world import SystemClock, SystemEntropy

log = structlog.get_logger(__name__)


def goods_elsewhere(replica: Replica) -> dict[str, int]:
    """Units in accounts of this node at locations where it brought goods in, and for which it does not write now."""
    found: dict[str, int] = {}
    for location, suppliers in sorted(replica.ledger.suppliers.items()):
        stock = replica.location_stock(location)
        if location not in replica.locations and replica.node in suppliers and stock is not None:
            units = sum(units for name, units in stock.balances().items() if owner_of(name) == replica.node)
            if units:
                found[location] = units
    return found


async def assemble(
    network: HttpNetwork,
    *,
    name: str,
    region: str,
    data: Path,
    host: str,
    hosts: tuple[str, ...],
    open_catalog: bool,
    origins: tuple[str, ...] = (),
    clock: Clock | None = None,
    entropy: Entropy | None = None,
) -> Assembly:
    """Open the data, and make the node and its application. Nothing listens or dials yet. Raises DataRefused.

    `origins`: whose web pages may call the node, besides those of this machine.
    Without `clock` and `entropy`, the node uses those of this machine.
    """
    entropy = entropy or SystemEntropy()
    role = hub_role(hosts)
    replica, journal = await open_replica(
        data, name, hosts, entropy, open_catalog=open_catalog, order_policy=role.order_policy
    )
    for location, units in goods_elsewhere(replica).items():
        log.warning(
            "this hub brought goods in at a location that --hosts does not name: nobody can count or adjust them here",
            location=location,
            units=units,
            remedy=f"add --hosts {location}, unless the location has its own node now",
        )
    node = Node(
        replica,
        journal,
        role,
        region=region,
        clock=clock or SystemClock(),
        entropy=entropy,
        network=network,
    )
    api = HubApi(node, region, hosts)
    node.works += api.works
    is_open = host not in LOOPBACK_HOSTS
    app = make_app(api.operations(), loopback_only=is_open, origins=origins)
    site("hub/main.mjs", "hub/chain.mjs", "Shelfsync hub", "look/hub.css").add_to(app)
    return Assembly(node, app, {} if is_open else {ORDERS_PATH: single(api.orders.read_fast)})
