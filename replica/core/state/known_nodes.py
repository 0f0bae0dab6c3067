"""Known nodes: every other node that the journal names, what it is, and how long it has been silent.

A node is known if it ever wrote an entry, or has rights. So a restart forgets no node that went away,
and none of the rights that are stranded with it. Sessions add what only a session says: `runtime.peering.peers`.
"""

from __future__ import annotations

from msgspec import Struct

from replica.core.base.names import HELD, QUARANTINE, bucket_of, is_name, owner_of
from replica.core.ledger.cells import LocationStock
from replica.core.state.replica import LastHeard, Replica


class KnownNode(Struct, frozen=True):
    """What the journal says about one other node. None means that it does not say."""

    node: str
    writer: str | None
    """The incarnation that wrote its newest entry."""
    owns_location: bool | None
    """Whether it keeps the one location where it writes, as the node of a store does; False for a hub."""
    locations: tuple[str, ...]
    """Where it wrote, or owns units. For a store this is its one location."""
    heard: int | None
    """When it recorded its newest entry, as a stamp."""
    rights: dict[str, int]
    """The units that only it may promise, by location."""


def known_nodes(replica: Replica) -> dict[str, KnownNode]:
    """Every other node that the journal names, by name, in order."""
    at: dict[str, dict[str, None]] = {}
    for scope, heard in replica.heard.items():
        for node in heard:
            at.setdefault(node, {})[scope] = None
    rights, last = rights_by_node(replica), replica.last_heard()
    for node, locations in rights.items():
        at.setdefault(node, {}).update(dict.fromkeys(locations))
    at.pop(replica.node, None)
    return {
        node: _known_node(replica, node, scopes, rights.get(node, {}), last.get(node))
        for node, scopes in sorted(at.items())
    }


def rights_by_node(replica: Replica) -> dict[str, dict[str, int]]:
    """The units that each owner of an account may promise, over all items, at each location where it has any."""
    rights: dict[str, dict[str, int]] = {}
    for location, stock in sorted(replica.ledger.at_location.items()):
        for owner, units in rights_at(stock).items():
            rights.setdefault(owner, {})[location] = units
    return {owner: {at: units for at, units in there.items() if units > 0} for owner, there in rights.items()}


def rights_at(stock: LocationStock) -> dict[str, int]:
    """The units that each owner of an account may promise at one location, over all items; below zero after a breach.

    Costs a few microseconds, however many items there are.
    """
    rights: dict[str, int] = {}
    for name, units in stock.balances().items():
        owner = owner_of(name)
        if owner is not None and bucket_of(name) not in (HELD, QUARANTINE):
            rights[owner] = rights.get(owner, 0) + units
    return rights


def _known_node(
    replica: Replica, node: str, scopes: dict[str, None], rights: dict[str, int], last: LastHeard | None
) -> KnownNode:
    return KnownNode(
        node=node,
        writer=last.writer if last is not None else None,
        owns_location=replica.location_owners.owns_location(node, replica.ledger),
        locations=tuple(sorted(scope for scope in scopes if is_name(scope))),
        heard=last.stamp if last is not None else None,
        rights=rights,
    )
