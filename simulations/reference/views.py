"""What a node shows about its whole state: status, known nodes, availability, and the metrics of the same figures.

Each figure follows from the entries of its journal (`GET /v1/journal`), so it is the same after a restart. Only a
session says who is connected. `Views` adds up entries in the plainest way.

    balance     of an account: units moved in, less units moved out
    rights      of a node: the balances of its accounts, except those for holds and for quarantine
    breach      of an item: by how many units the accounts inside the building are below zero
    stranded    rights of nodes that are not connected
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

NOT_PROMISED = ("held", "quarantine")

Units = dict[str, int]


def owner_of(account: str) -> str:
    """The node that owns an account, or nothing for an account outside the building."""
    return account.partition("/")[0] if "/" in account else ""


class Views:
    """The figures of one node, from the public JSON of its entries in order of arrival."""

    GAUGES = (
        *("shelfsync_breached_items{", "shelfsync_stranded_units{", "shelfsync_node_heard_timestamp_seconds{"),
        *("shelfsync_orders_stuck", "shelfsync_digest_differences", "shelfsync_ready"),
    )
    """How the names of the gauges begin of which `metrics` has all lines."""

    def __init__(self, node: str, entries: Iterable[Mapping[str, Any]]) -> None:
        self.node = node
        self.entries = 0
        self.vector: dict[str, dict[str, dict[str, Any]]] = {}
        """The number and the hash of the last entry, by scope and writer."""
        self.accounts: dict[str, dict[str, Units]] = {}
        """Balances by location, item and account."""
        self._wrote: dict[str, None] = {}
        self._heard: dict[str, dict[tuple[str, str], float]] = {}
        """When each node recorded the last entry of each of its streams, in seconds since 1970."""
        for entry in entries:
            self.take(entry)

    def take(self, entry: Mapping[str, Any]) -> None:
        """Take in the next entry."""
        self.entries += 1
        scope, writer = entry["scope"], entry["writer"]
        self.vector.setdefault(scope, {})[writer] = {"sequence": entry["sequence"], "hash": entry["hash"]}
        self._wrote[writer.partition("#")[0]] = None
        node = writer.partition("#")[0]
        self._heard.setdefault(node, {})[writer, scope] = datetime.fromisoformat(entry["at"]).timestamp()
        for move in entry["moves"]:
            accounts = self.accounts.setdefault(scope, {}).setdefault(move["item"], {})
            accounts[move["source"]] = accounts.get(move["source"], 0) - move["quantity"]
            accounts[move["target"]] = accounts.get(move["target"], 0) + move["quantity"]

    def units(self, location: str) -> Units:
        """The balance of each account at a location, over all items."""
        total: Units = {}
        for accounts in self.accounts.get(location, {}).values():
            for account, units in accounts.items():
                total[account] = total.get(account, 0) + units
        return total

    def rights(self) -> dict[str, Units]:
        """The rights of each node, by location where it has any."""
        rights: dict[str, Units] = {}
        for location in self.accounts:
            for account, units in self.units(location).items():
                owner = owner_of(account)
                if _is_right_of(account, owner):
                    there = rights.setdefault(owner, {})
                    there[location] = there.get(location, 0) + units
        return {owner: positive for owner, there in rights.items() if (positive := _positive(there))}

    def stranded(self, connected: Iterable[str]) -> dict[str, Units]:
        """The rights of other nodes that are not connected."""
        return {node: rights for node, rights in self.rights().items() if node not in (self.node, *connected)}

    def nodes(self) -> list[str]:
        """The other nodes that the entries name: they wrote, or own an account."""
        owners = {
            owner_of(account): None
            for items in self.accounts.values()
            for accounts in items.values()
            for account in accounts
        }
        return sorted(name for name in {**self._wrote, **owners} if name and name != self.node)

    def breaches(self, location: str) -> Units:
        """The breach of each item that has one."""
        found = {
            item: -sum(units for account, units in accounts.items() if units < 0 and owner_of(account))
            for item, accounts in self.accounts.get(location, {}).items()
        }
        return _positive(found)

    def status(self, location: str, shown: Mapping[str, Any]) -> dict[str, Any]:
        """The figures of `GET /v1/status`: of a hub, or of the store at a location. Only the node knows who is away."""
        if not location:
            return self.status_of_hub(shown["connected"])
        return self.status_of_store(location, [shown["hub"]] if shown["hub"] else [])

    def status_of_hub(self, connected: Iterable[str]) -> dict[str, Any]:
        """The figures of a hub's `GET /v1/status`."""
        breaches = {location: len(found) for location in self.accounts if (found := self.breaches(location))}
        return {
            "node": self.node,
            "entries": self.entries,
            "version_vector": self.vector,
            "breaches": breaches,
            "rights": self.rights().get(self.node, {}),
            "stranded": self.stranded(connected),
            "units": {location: self.units(location) for location in self.accounts},
        }

    def status_of_store(self, location: str, connected: Iterable[str]) -> dict[str, Any]:
        """The figures of a store's `GET /v1/status`. With a hub in reach, no rights are stranded."""
        hubs = list(connected)
        stranded = {node: here for node, there in self.stranded(hubs).items() if (here := there.get(location))}
        own = [units for account, units in self.units(location).items() if _is_right_of(account, self.node)]
        return {
            "node": self.node,
            "entries": self.entries,
            "version_vector": self.vector,
            "breaches": self.breaches(location),
            "rights": sum(own),
            "stranded": {} if hubs else stranded,
            "units": self.units(location),
        }

    def metrics(self, connected: Iterable[str]) -> dict[str, float]:
        """The gauges that show the same figures, as lines of `GET /metrics` name them.

        At rest nothing waits for a step that cannot be written, and no digests differ.
        """
        found: dict[str, float] = {
            "shelfsync_journal_entries": self.entries,
            "shelfsync_orders_stuck": 0,
            "shelfsync_digest_differences": 0,
            "shelfsync_ready": 1,
        }
        for node, heard in self._heard.items():
            if node != self.node:
                found[f'shelfsync_node_heard_timestamp_seconds{{node="{node}"}}'] = max(heard.values())
        for location in self.accounts:
            found[f'shelfsync_breached_items{{location="{location}"}}'] = len(self.breaches(location))
        for node, rights in self.stranded(connected).items():
            for location, units in rights.items():
                found[f'shelfsync_stranded_units{{location="{location}",node="{node}"}}'] = units
        return found


def _is_right_of(account: str, node: str) -> bool:
    """Whether only this node may promise the units of an account."""
    return owner_of(account) == node != "" and account.partition("/")[2] not in NOT_PROMISED


def _positive(units: Units) -> Units:
    return {name: number for name, number in units.items() if number > 0}
