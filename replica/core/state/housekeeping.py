"""Housekeeping: what a node does without a request.

For its orders it expires holds, retries or drops parked events, answers requests of other nodes, and hands paid
fulfilments to the node that owns their location. For operators it notes which peers have a wrong clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replica.core.orders.requests import Housekeeping
from replica.core.state import decisions
from replica.core.state.clock_faults import prepare_notice
from replica.core.state.commands import Command
from replica.core.state.replica import Replica


def keep_orders(replica: Replica, now_ms: int, *, stores: Mapping[str, str], hubs: Iterable[str], limit: int) -> int:
    """Do what is due for at most `limit` orders. Return how many orders that were.

    Args:
        stores: the store nodes this node has met, by location. Paid fulfilments there become due to them.
        hubs: the hubs this node has met.
    """
    replica.learn_location_owners(stores, hubs)
    names = replica.orders.due(now_ms, limit)
    decisions.execute_requests(replica, [Command("", Housekeeping(name), b"") for name in names], now_ms, {})
    return len(names)


def note_clocks(replica: Replica, now_ms: int, *, scope: str, read: Mapping[str, int]) -> None:
    """Record which peers have a wrong clock, and which have a right one again, where that is news.

    Args:
        scope: where the notices are written.
        read: how far the clock of each peer is ahead of this node's, in milliseconds; 0: it is right.
    """
    stream = replica.own_stream(scope)
    for peer, ahead_ms in read.items():
        draft = prepare_notice(replica.clock_faults, stream, peer, ahead_ms, now_ms)
        if draft is not None:
            replica.record(scope, draft, b"", now_ms)
