"""When a hub saw a node last: now while it is connected, else when it left, else by its newest entry."""

from __future__ import annotations

from collections.abc import Mapping

from replica.core.base.clock import stamp_ms, time_text
from replica.core.state.replica import LastHeard
from replica.runtime.peering.peers import Peer


def met_seen(peer: Peer, now_ms: int) -> str | None:
    """When a node that connected since the start of the hub was seen last."""
    seen_ms = now_ms if peer.is_connected else peer.seen_ms
    return time_text(seen_ms) if seen_ms else None


def heard_seen(stamp: int | None, now_ms: int) -> str | None:
    """When a node that only the journal names was seen last: when it recorded its newest entry, as a stamp."""
    return time_text(min(stamp_ms(stamp), now_ms)) if stamp is not None else None


def last_seen(node: str, peer: Peer | None, heard: Mapping[str, LastHeard], now_ms: int) -> str | None:
    """When a node was seen last; None if it was never."""
    if peer is not None and peer.hello is not None:
        return met_seen(peer, now_ms)
    newest = heard.get(node)
    return heard_seen(newest.stamp if newest is not None else None, now_ms)
