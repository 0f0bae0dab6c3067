"""Assembles an edge node."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from console.site import site
from edge_node.api import EdgeApi
from edge_node.data import check_data
from edge_node.role import store_role
from replica.runtime.http.operations import make_app
from replica.runtime.journal.data import open_replica
from replica.runtime.node import Node
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.ports import Clock, Entropy
from replica.runtime.process import LOOPBACK_HOSTS, Assembly
from replica.runtime.world import SystemClock, SystemEntropy


async def assemble(
    network: HttpNetwork,
    *,
    name: str,
    location: str,
    data: Path,
    host: str,
    hubs: tuple[str, ...],
    region: str,
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
    role = store_role(location)
    replica, journal = await open_replica(
        data,
        name,
        (location,),
        entropy,
        open_catalog=open_catalog,
        order_policy=role.order_policy,
        check=partial(check_data, location=location, data=data),
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
    api = EdgeApi(node, location, hubs)
    await api.elsewhere.load()
    node.works += [api.elsewhere.refresh, api.elsewhere.save_always]
    is_open = host not in LOOPBACK_HOSTS
    app = make_app(api.operations(), loopback_only=is_open, origins=origins)
    site("store/main.mjs", "store/till.mjs", "Shelfsync store").add_to(app)
    return Assembly(node, app, {} if is_open else api.fast_calls)
