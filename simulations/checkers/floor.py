"""A node debits only its own accounts, and records every breach exactly.

Promises need units that came in. A promise is a sale that may be refused, or an order that holds units. However rights
move between nodes, the sum of all promises is never more than the sum of all units that ever came in.
"""

from __future__ import annotations

from replica.core.base.names import FREE, QUARANTINE, bucket_of, is_internal, node_of, owner_of
from replica.core.log.entry import Entry
from replica.core.log.voids import RETURN_CORRECTION, VOID
from replica.core.orders.requests import ORDER
from replica.core.stock.adjustments import ADJUSTMENT
from replica.core.stock.counts import CORRECTION, COUNT
from replica.core.stock.quarantine import QUARANTINE_STEP
from replica.core.stock.till_receipts import SALE
from replica.core.stock.transfer import Act
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.history import Pair
from simulations.machine import Machine

OF_TRANSFERS = (Act.SHIP.value, Act.SETTLE.value)
"""Goods of a transfer that left already, and an arrival that was taken back."""

MAY_OVERDRAW = (SALE, ADJUSTMENT, QUARANTINE_STEP, RETURN_CORRECTION, COUNT, CORRECTION, VOID, *OF_TRANSFERS)
"""Kinds that may overdraw: goods in hand, broken or put aside, goods that came back as others than was thought, a shelf
with fewer units than the book, and a receipt that was voided."""

MARKED = (SALE, ADJUSTMENT, QUARANTINE_STEP, RETURN_CORRECTION, *OF_TRANSFERS)
"""Kinds whose entry says what it overdraws. They overdraw only free units."""


class FloorChecker(Checker):
    """Only the owner of an account debits it, and only goods in hand, counts and voids take it below zero."""

    invariant = 4

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._balances: dict[tuple[str, str, str, str], int] = {}
        self._why: dict[tuple[str, str, str], str] = {}
        """By account: the kind of the first entry that overdrew it."""
        self._below: list[tuple[str, str, str, str]] = []
        """Accounts of other nodes that a machine saw below zero. Their owners' entries are checked later."""
        self._promised: dict[Pair, int] = {}
        self._came_in: dict[Pair, int] = {}

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        is_own = node_of(entry.stream.writer) == machine.name
        overdrawn: dict[str, int] = {}
        lacked: dict[tuple[str, str, str, str], int] = {}
        """By account of the node: the units that it lacked before the entry."""
        for move in content.moves:
            if is_internal(move.source) and owner_of(move.source) != node_of(entry.stream.writer):
                self.fail(f"{entry.stream.writer} took from {move.source}")
            source = (machine.name, entry.stream.scope, move.item, move.source)
            for name in (source, (*source[:3], move.target)):
                if is_internal(name[3]):
                    lacked.setdefault(name, max(0, -self._balances.get(name, 0)))
            self._add(source, -move.quantity)
            self._add((*source[:3], move.target), move.quantity)
        for name, before in lacked.items():
            short = max(0, -self._balances[name]) - before
            if short > 0 and is_own:
                overdrawn[name[2]] = overdrawn.get(name[2], 0) + short
                self._why.setdefault(name[1:], content.kind)
                if content.kind in MARKED and bucket_of(name[3]) != FREE:
                    self.fail(f"a {content.kind} at {machine.name} overdrew {name[3]}")
            elif short > 0:
                self._below.append(name)
        is_void = content.kind == ORDER and content.facts["act"] == "void"
        if is_own and overdrawn and content.kind not in MAY_OVERDRAW and not is_void:
            self.fail(f"a {content.kind} at {machine.name} overdrew {overdrawn}")
        if is_own and content.kind == QUARANTINE_STEP:
            self._check_written_off(machine, entry)
        if is_own and content.kind in MARKED:
            said = content.facts.get("breach", {})
            if said != overdrawn:
                self.fail(f"a {content.kind} at {machine.name} overdrew {overdrawn}, but records {said}")
            is_shipment = content.kind == Act.SHIP.value
            if overdrawn and content.facts.get("on_shortage", "refuse" if is_shipment else "") == "refuse":
                self.fail(f"a promise at {machine.name} overdrew {overdrawn}")

    def _check_written_off(self, machine: Machine, entry: Entry) -> None:
        """Units leave the shelf for good only if quarantine has none of the item left."""
        for move in entry.content.moves:
            if bucket_of(move.source) == FREE and not is_internal(move.target):
                aside = f"{machine.name}/{QUARANTINE}"
                if self._balances.get((machine.name, entry.stream.scope, move.item, aside), 0) > 0:
                    self.fail(f"{machine.name} wrote {move.item} off from the shelf while {aside} has some")

    def appeared(self, entry: Entry) -> None:
        content, scope = entry.content, entry.stream.scope
        is_promise = content.facts.get("on_shortage") == "refuse"
        for move in content.moves:
            pair: Pair = (scope, move.item)
            if not is_internal(move.source):
                self._came_in[pair] = self._came_in.get(pair, 0) + move.quantity
            promised = self._promised.get(pair, 0)
            if is_promise or (content.kind == ORDER and bucket_of(move.source) == FREE):
                promised += move.quantity
            elif content.kind == ORDER and bucket_of(move.target) == FREE:
                promised -= move.quantity
            self._promised[pair] = promised
            if promised > self._came_in.get(pair, 0):
                self.fail(f"{promised} of {pair} are promised, but only {self._came_in.get(pair, 0)} ever came in")

    def moment(self) -> None:
        below, self._below = self._below, []
        for machine, *account in below:
            if tuple(account) not in self._why:
                self.fail(f"{machine} sees {account} below zero, but its owner does not")

    def replaced(self, machine: Machine) -> None:
        self._balances = {account: units for account, units in self._balances.items() if account[0] != machine.name}

    def finish(self) -> None:
        self.moment()
        for kind in self._why.values():
            self.history.tally(f"overdrawn by a {kind}")
        for machine in self.chain.machines.values():
            assert machine.node is not None
            below: dict[str, dict[str, int]] = {}
            for (name, location, item, account), units in self._balances.items():
                if name == machine.name and is_internal(account) and units < 0:
                    units_below = below.setdefault(location, {})
                    units_below[item] = units_below.get(item, 0) - units
            for location, shown in machine.node.replica.ledger.at_location.items():
                if shown.breaches() != dict(sorted(below.get(location, {}).items())):
                    self.fail(f"{machine.name} shows breaches {shown.breaches()} at {location}, not {below}")

    def _add(self, account: tuple[str, str, str, str], units: int) -> None:
        self._balances[account] = self._balances.get(account, 0) + units
