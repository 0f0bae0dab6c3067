"""Grants never create rights, and they stop when nothing else changes."""

from __future__ import annotations

from msgspec import Struct

from replica.core.base.names import FREE, HELD, QUARANTINE, bucket_of, is_internal, node_of, owner_of
from replica.core.catalog.ranks import CHAIN_RANK
from replica.core.log.entry import DOCUMENT
from replica.core.rights.grants import ALLOTMENT, GRANT
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.history import Pair
from simulations.machine import Machine

GRANTS_PER_CAUSE = 4
"""Grants per machine that one change of stock or policy may cause: to the hub, to other regions, and a correction of
each by machines that saw less."""

PASSED_ON = 10
"""Factor on this limit for grants that lead to a new distribution of rights. If a store needs rights back from a hub of
another region, they come in portions as large as the online stock."""


class GrantSequence(Struct):
    """Consecutive grants of an item, with no other movement between them."""

    demands: int
    """The number of demands before the first of them."""
    grants: int = 0
    returns: int = 0
    """Grants that led to an earlier distribution of rights."""
    seen: dict[tuple[tuple[str, int], ...], None] = {}
    """The distributions of rights so far."""


class RightsChecker(Checker):
    """The rights of all nodes add up to the available units, and nodes do not exchange them for ever."""

    invariant = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._rights: dict[tuple[str, str, str], dict[str, int]] = {}
        """By machine, location and item: the rights of each node."""
        self._rows: dict[tuple[str, str, str], GrantSequence] = {}
        """By machine, location and item: grants since the last other movement of the item."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        node, scope = node_of(entry.stream.writer), entry.stream.scope
        if content.kind == GRANT and node == machine.name:
            self.history.tally(f"granted by {content.reason or 'hand'}")
        if content.kind == ALLOTMENT and node == machine.name:
            self.history.tally("allotted")
        if content.kind == DOCUMENT and content.facts.get("kind") == "policy" and content.facts["rank"] == CHAIN_RANK:
            self._rows = {known: row for known, row in self._rows.items() if known[0] != machine.name}
        for move in content.moves:
            key = (machine.name, scope, move.item)
            rights = self._rights.setdefault(key, {})
            for account, units in ((move.source, -move.quantity), (move.target, move.quantity)):
                owner = owner_of(account)
                if owner is not None and bucket_of(account) not in (HELD, QUARANTINE):
                    rights[owner] = rights.get(owner, 0) + units
            if content.kind == ALLOTMENT:
                continue
            if content.kind != GRANT:
                self._rows.pop(key, None)
                continue
            if bucket_of(move.source) != FREE or not is_internal(move.target) or owner_of(move.source) != node:
                self.fail(f"a grant at {machine.name} moved from {move.source} to {move.target}")
            self._count(machine, key)

    def replaced(self, machine: Machine) -> None:
        self._rights = {key: rights for key, rights in self._rights.items() if key[0] != machine.name}
        self._rows = {key: row for key, row in self._rows.items() if key[0] != machine.name}

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
        demands, rights = self.history.demands.get(pair, 0), tuple(sorted(self._rights[key].items()))
        row = self._rows.setdefault(key, GrantSequence(demands))
        row.grants += 1
        row.returns += rights in row.seen
        row.seen[rights] = None
        bound = GRANTS_PER_CAUSE * len(self.chain.machines) * (1 + demands - row.demands)
        if row.returns > bound or row.grants > PASSED_ON * bound:
            self.fail(
                f"{machine.name} saw {row.grants} grants of {pair} in a row, {row.returns} of them to an earlier "
                f"distribution of rights, after {demands - row.demands} demands"
            )
