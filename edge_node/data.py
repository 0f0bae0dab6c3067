"""Whether data is of this store: a store holds the entries of its one location and of the chain."""

from __future__ import annotations

from pathlib import Path

from replica.core.base.names import CHAIN
from replica.core.state.replica import Replica
from replica.runtime.journal.damage import DataRefused


def check_data(replica: Replica, *, location: str, data: Path) -> None:
    """Refuse data with entries of another location, because a misspelt one would look like an empty shop.

    Raises DataRefused.
    """
    others = sorted(scope for scope in replica.vectors if scope not in (CHAIN, location))
    if len(others) == 1 and location not in replica.vectors:
        (other,) = others
        raise DataRefused(
            f"the data in {data} belongs to location {other!r}, not to {location!r}: "
            f"give --location {other}, or another --data"
        )
    if others:
        raise DataRefused(
            f"the data in {data} has entries of {', '.join(others)}, and a store has only those of its location, "
            f"which is {location!r}: give another --data, or start a hub on this one"
        )
