"""Admission at a store: only hubs, with entries of the store's location and of the chain."""

from __future__ import annotations

from replica.core.base.errors import PeerFault
from replica.core.sync.events import Scopes
from replica.core.sync.wire import Hello


def admit_hub(peer: Hello, scopes: tuple[str, ...]) -> Scopes:
    """Return the scopes whose entries the store accepts from this peer. Raises PeerFault."""
    if peer.role != "hub":
        raise PeerFault("unauthorised", f"{peer.node} has the role {peer.role}. A store connects only to hubs")
    return scopes
