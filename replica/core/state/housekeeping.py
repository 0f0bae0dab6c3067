"""Housekeeping: what a node does about its orders by itself.

Holds expire, parked events are retried or give up, requests of other nodes are answered, and paid fulfilments go to
the node that owns their location.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replica.core.orders.requests import Housekeeping
from replica.core.state import decisions
from replica.core.state.commands import Command
from replica.core.state.replica import Replica


def keep_orders(replica: Replica, now_ms: int, *, stores: Mapping[str, str], hubs: Iterable[str], limit: int) -> int:
    """Do what is due about at most `limit` orders; return how many there were.

    Args:
        stores: the nodes of the stores that were met, by location. Paid fulfilments there become due to them.
        hubs: the hubs that were met.
    """
    replica.learn_location_owners(stores, hubs)
    names = replica.orders.due(now_ms, limit)
    decisions.execute_requests(replica, [Command("", Housekeeping(name), b"") for name in names], now_ms, {})
    return len(names)
