"""Location owners: which edge node keeps the stock of each location, as far as a replica knows.

A node that met a store knows its location. Every other node infers it from replicated entries: only the owner of a
location writes goods in there, from the supplier or found by a count. A hub does so too for a location without an edge
node. But a store writes only at its one location: a node that wrote in any other scope is not a store. So a replica
knows the owners again after a restart, also stores that have long been silent or are in other regions. If a hub only
wrote goods in at one location, and was never met, it passes for a store: it has those goods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replica.core.base.names import CHAIN, HUBS
from replica.core.ledger.cells import Ledger


class LocationOwners:
    """The location owners that one replica knows. The cost depends only on what changed."""

    __slots__ = ("_met", "_node", "_only", "_vacant", "nodes")

    def __init__(self, node: str) -> None:
        self._node = node
        self._only: dict[str, str] = {}
        """The only scope in which each node wrote; empty if the node is not a store."""
        self._met: dict[str, str] = {}
        self._vacant: dict[str, None] = {}
        """Locations whose owner turned out not to be a store."""
        self.nodes: dict[str, str] = {}
        """The owner by location. This node's own locations are missing, because it knows them by itself."""

    def heard(self, node: str, scope: str) -> None:
        """Note that a node wrote in a scope for the first time."""
        if self._only.setdefault(node, scope) != scope:
            self._rule_out(node)

    def learn(
        self, stores: Mapping[str, str], hubs: Iterable[str], ledger: Ledger, heard: Mapping[str, Mapping[str, int]]
    ) -> list[str]:
        """Note which nodes were met, and which wrote goods in since the last call; return locations with a new owner.

        Args:
            stores: the nodes of stores that were met, by location.
            heard: the newest stamp of each node, by scope. The candidate with the newest one is the owner.
        """
        changed = []
        for hub in hubs:
            self._rule_out(hub)
        for location, node in stores.items():
            if self._met.get(location) != node:
                self._met[location] = self.nodes[location] = node
                changed.append(location)
        due = dict.fromkeys([*ledger.take_newly_supplied(), *self._vacant])
        self._vacant.clear()
        for location in due:
            stamps = heard.get(location, {})
            candidates = [
                (stamps.get(node, 0), node)
                for node in ledger.suppliers[location]
                if node != self._node and self._only.get(node) == location
            ]
            if candidates and location not in self._met and self.nodes.get(location) != max(candidates)[1]:
                self.nodes[location] = max(candidates)[1]
                changed.append(location)
        return changed

    def owns_location(self, node: str, ledger: Ledger) -> bool | None:
        """Whether a node owns the one location where it writes. None if its entries do not show it."""
        scope = self._only.get(node)
        if node in self._met.values() or (scope and node in ledger.suppliers.get(scope, ())):
            return True
        return False if scope == "" or scope in (CHAIN, HUBS) else None

    def _rule_out(self, node: str) -> None:
        location = self._only.get(node)
        if location and self.nodes.get(location) == node and self._met.get(location) != node:
            del self.nodes[location]
            self._vacant[location] = None
        self._only[node] = ""
