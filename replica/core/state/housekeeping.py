"""Housekeeping: what a node does for its orders without a request.

It expires holds, retries or drops parked events, answers requests of other nodes, and hands paid fulfilments to the
node that owns their location.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replica.core.orders.requests import Housekeeping
from replica.core.state import decisions
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
