"""Admission at a hub.

From a store, the hub accepts only the streams of the store's location: its own, and those that it relays. Hubs exchange
all scopes in both directions.
"""

from __future__ import annotations

from replica.core.base.errors import PeerFault
from replica.core.base.names import CHAIN, is_name
from replica.core.sync.events import Scopes
from replica.core.sync.wire import Hello


def admit_peer(peer: Hello) -> Scopes:
    """Return the scopes whose entries the hub accepts from this peer; None for all. Raises PeerFault."""
    match peer.role:
        case "hub":
            return None
        case "edge":
            locations = tuple(scope for scope in peer.scopes or () if scope != CHAIN)
            if len(locations) != 1 or not is_name(locations[0]):
                raise PeerFault("unauthorised", "a store subscribes to its one location and to the chain")
            return locations
        case _:
            raise PeerFault("unauthorised", f"{peer.node} has the unknown role {peer.role}")
