"""What is below zero is covered by who has some: once, to the unit, and not left alone; and holds are given up only
where nobody has any."""

from __future__ import annotations

from replica.core.entry import Entry
from replica.core.names import FREE, HELD, QUARANTINE, bucket_of, node_of, owner_of
from replica.core.order import SHORTAGE
from replica.core.order_movements import GIVEN_UP, MOVED
from replica.core.order_requests import ORDER
from replica.core.requests import BREACH
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine


class Settlement(Checker):
    """What lacks is covered, no more than that, and holds are given up only where nobody has anything free."""

    invariant = 6

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._free: dict[tuple[str, str, str], dict[str, int]] = {}
        """By machine, location and item: free units of each node."""
        self._available: dict[tuple[str, str, str], int] = {}
        """By the same: units that are neither held nor in quarantine."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        self._check_shortage(machine, entry)
        covers = content.kind == "grant" and content.reason == BREACH and node_of(entry.stream.writer) == machine.name
        for move in content.moves:
            free = self._free.setdefault((machine.name, entry.stream.scope, move.item), {})
            lacking = max(0, -free.get(owner_of(move.target) or "", 0))
            if covers and move.quantity > lacking:
                self.fail(f"{machine.name} covered {move.quantity} of {lacking} that {move.target} lacked")
            pair = (machine.name, entry.stream.scope, move.item)
            for account, units in ((move.source, -move.quantity), (move.target, move.quantity)):
                owner = owner_of(account)
                if owner is not None and bucket_of(account) not in (HELD, QUARANTINE):
                    self._available[pair] = self._available.get(pair, 0) + units
                if owner is not None and bucket_of(account) == FREE:
                    free[owner] = free.get(owner, 0) + units

    def _check_shortage(self, machine: Machine, entry: Entry) -> None:
        """A hold is given up for a shortage only while there is one, in the view of whoever says so."""
        facts, is_own = entry.content.facts, node_of(entry.stream.writer) == machine.name
        if entry.content.kind != ORDER or not is_own or facts.get("outcome") not in (SHORTAGE, MOVED, GIVEN_UP):
            return
        place = (machine.name, entry.stream.scope)
        if all(units >= 0 for (*where, _), units in self._available.items() if tuple(where) == place):
            self.fail(f"{machine.name} gave up {facts.get('fulfilment') or facts.get('request')}, and nothing is short")

    def replaced(self, machine: Machine) -> None:
        self._available = {key: units for key, units in self._available.items() if key[0] != machine.name}
        self._free = {key: free for key, free in self._free.items() if key[0] != machine.name}

    def finish(self) -> None:
        for (name, location, item), free in self._free.items():
            below = {owner: units for owner, units in free.items() if units < 0}
            above = {owner: units for owner, units in free.items() if units > 0}
            if below and above:
                self.fail(f"{name} shows {below} of {item} at {location} below zero, and {above} free")
