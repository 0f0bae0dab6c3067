"""Roles: what kind of node a peer is, by its hello, and what a node may conclude from it.

This is the only module that compares roles. A node does not look at its own role to decide what to do: `edge_node` and
`hub` hand in the differences when they assemble it (`replica.runtime.node.NodeRole`).
"""

from __future__ import annotations

from replica.core.sync.wire import Hello

EDGE = "edge"
"""The role of a store's node, as its hello names it."""

HUB = "hub"
"""The role of a hub, as its hello names it."""


def serves_a_store(peer: Hello) -> bool:
    """Whether a peer is the node of a store: it holds one location, and connects to hubs only."""
    return peer.role == EDGE


def replicates_all(peer: Hello) -> bool:
    """Whether a peer is a hub: it replicates every scope, and connects to stores and to other hubs."""
    return peer.role == HUB


def role_of(owns_location: bool | None) -> str | None:
    """The role of a node that only the journal names; None if the journal does not show it."""
    if owns_location is None:
        return None
    return EDGE if owns_location else HUB
