"""Whom a store talks to: hubs, and only about its own location and the whole chain."""

from __future__ import annotations

from replica.core.base.errors import PeerFault
from replica.core.sync.session import Scopes
from replica.core.sync.wire import Hello


def admit_hub(peer: Hello, scopes: tuple[str, ...]) -> Scopes:
    """Return the scopes whose entries are taken from this peer. Raises PeerFault."""
    if peer.role != "hub":
        raise PeerFault("unauthorised", f"{peer.node} is a {peer.role}, a store talks to hubs")
    return scopes
