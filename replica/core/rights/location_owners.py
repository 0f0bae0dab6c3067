"""Keepers: which store's own node keeps each location, as far as a replica can tell.

Whoever met a store knows. Everybody else reads it off what is replicated: only a node that keeps a location writes
goods in there, from the supplier or found by a count. A hub does so too, where it writes for a location without a
node; but a store writes at its one location and nowhere else, and whoever wrote in any other scope is no store. So
it is known again after a start, of stores that have long been silent, and of those of other regions. A hub that
never wrote but goods at one place, and was not met either, passes for a store: it has those goods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from replica.core.ledger.cells import Ledger


class LocationOwners:
    """What one replica knows of keepers. Costs only what changed."""

    __slots__ = ("_met", "_node", "_only", "_vacant", "nodes")

    def __init__(self, node: str) -> None:
        self._node = node
        self._only: dict[str, str] = {}
        """The one scope that a node was heard of in; empty where it is no store."""
        self._met: dict[str, str] = {}
        self._vacant: dict[str, None] = {}
        """Locations whose keeper turned out to be no store."""
        self.nodes: dict[str, str] = {}
        """The keeping node by location; its own locations a node knows by itself."""

    def heard(self, node: str, scope: str) -> None:
        """A node is heard of in a scope for the first time."""
        if self._only.setdefault(node, scope) != scope:
            self._rule_out(node)

    def learn(
        self, stores: Mapping[str, str], hubs: Iterable[str], ledger: Ledger, heard: Mapping[str, Mapping[str, int]]
    ) -> list[str]:
        """Take in who was met, and who wrote goods in since the last call; return locations with a new keeper.

        Args:
            stores: the nodes of stores that were met, by location.
            heard: the newest stamp of each node, by scope: of several keepers the one heard of last still is one.
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
            kept_by = [
                (stamps.get(node, 0), node)
                for node in ledger.suppliers[location]
                if node != self._node and self._only.get(node) == location
            ]
            if kept_by and location not in self._met and self.nodes.get(location) != max(kept_by)[1]:
                self.nodes[location] = max(kept_by)[1]
                changed.append(location)
        return changed

    def _rule_out(self, node: str) -> None:
        location = self._only.get(node)
        if location and self.nodes.get(location) == node and self._met.get(location) != node:
            del self.nodes[location]
            self._vacant[location] = None
        self._only[node] = ""
