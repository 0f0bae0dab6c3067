"""Rights move from hand to hand and never come into being on the way; and they come to rest."""

from __future__ import annotations

from replica.core.documents import CHAIN_RANK
from replica.core.entry import DOCUMENT
from replica.core.names import FREE, HELD, QUARANTINE, bucket_of, is_internal, node_of, owner_of
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.history import Pair
from simulations.machine import Machine

GRANTS_PER_CAUSE = 4
"""Grants per machine that one change of stock or policy may lead to: to the hub, on to regions, and a correction of
each by machines that saw less."""


class Rights(Checker):
    """What nodes may promise adds up to what is available, and is not swapped between them without end."""

    invariant = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._rights: dict[tuple[str, str, str], dict[str, int]] = {}
        """By machine, location and item: what each node may promise."""
        self._grants: dict[tuple[str, str, str], tuple[int, int]] = {}
        """By the same: grants since something else happened to the item, and demands before that."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        node, scope = node_of(entry.stream.writer), entry.stream.scope
        if content.kind == "grant" and node == machine.name:
            self.history.tally(f"granted by {content.reason or 'hand'}")
        if content.kind == "allotment" and node == machine.name:
            self.history.tally("allotted")
        if content.kind == DOCUMENT and content.facts.get("kind") == "policy" and content.facts["rank"] == CHAIN_RANK:
            self._grants = {known: count for known, count in self._grants.items() if known[0] != machine.name}
        for move in content.moves:
            key = (machine.name, scope, move.item)
            rights = self._rights.setdefault(key, {})
            for account, units in ((move.source, -move.quantity), (move.target, move.quantity)):
                owner = owner_of(account)
                if owner is not None and bucket_of(account) not in (HELD, QUARANTINE):
                    rights[owner] = rights.get(owner, 0) + units
            if content.kind == "allotment":
                continue
            if content.kind != "grant":
                self._grants.pop(key, None)
                continue
            if bucket_of(move.source) != FREE or not is_internal(move.target) or owner_of(move.source) != node:
                self.fail(f"a grant at {machine.name} moved from {move.source} to {move.target}")
            self._count(machine, key)

    def replaced(self, machine: Machine) -> None:
        self._rights = {key: rights for key, rights in self._rights.items() if key[0] != machine.name}
        self._grants = {key: count for key, count in self._grants.items() if key[0] != machine.name}

    def finish(self) -> None:
        for machine in self.chain.machines.values():
            assert machine.node is not None
            ledger = machine.node.replica.ledger
            for (name, location, item), rights in self._rights.items():
                if name != machine.name:
                    continue
                stock = ledger.stock(location, item)
                shown = {owner: stock.rights(owner) for owner in rights}
                if shown != rights or sum(rights.values()) != stock.figures.available:
                    self.fail(f"{name} shows rights {shown} of {item} at {location}, not {rights}")

    def _count(self, machine: Machine, key: tuple[str, str, str]) -> None:
        pair: Pair = key[1:]
        demands = self.history.demands.get(pair, 0)
        count, before = self._grants.get(key, (0, demands))
        self._grants[key] = (count + 1, before)
        bound = GRANTS_PER_CAUSE * len(self.chain.machines) * (1 + demands - before)
        if count + 1 > bound:
            self.fail(f"{machine.name} saw {count + 1} grants of {pair} in a row, {demands - before} were wanted")
