"""The units in held accounts equal the units of open fulfilments, at any time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from replica.core.base.names import CUSTOMER, HELD, QUARANTINE, account, node_of
from replica.core.log.entry import Entry
from replica.core.orders.fold import held_differences
from replica.core.orders.requests import ORDER
from simulations.checkers.checker import Checker

LEAVING = ("ship", "collect")

Lots = dict[tuple[bytes, str], list["Lot"]]
"""By the entry that took the units, and their SKU. One entry may take a SKU out of several accounts."""

Moved = dict[tuple[str, str, str], int]
"""Units by item, source and target."""


class Lot(Struct):
    """A quantity of SKUs with one recipe: the items, their units, and the account that they came from."""

    taken_by: bytes
    sku: str
    quantity: int
    recipe: tuple[tuple[str, int, str], ...]


class Kept(Struct):
    """Units that are held for a fulfilment, and units that its customer has."""

    held: Lots = {}
    sold: Lots = {}


class HeldChecker(Checker):
    """Each event moves exactly the units of its fulfilment, and no other units are held."""

    invariant = 7

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._kept: dict[tuple[str, str], Kept] = {}
        self._looked: dict[str, tuple[object, int]] = {}

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        if content.kind != ORDER:
            return
        name = (content.reference, facts.get("fulfilment", ""))
        expected: Moved = {}
        if facts["act"] == "hand_over":
            held = account(node_of(entry.stream.writer), HELD)
            _move(expected, _all(self._kept.setdefault(name, Kept()).held), held, account(facts["to"], HELD))
        elif facts["act"] == "step":
            self._step(entry, name, facts, expected)
        elif facts["act"] == "split":
            self._split(entry, name, facts, expected)
        elif facts["act"] in ("take_back", "void") and not name[1]:
            return  # goods that were never held here: `OrderReturnsChecker`
        moved: Moved = {}
        for move in content.moves:
            _add(moved, (move.item, move.source, move.target), move.quantity)
        if content.reason == "exchange":  # units that it gives back and takes again need not move
            moved, expected = _net(moved), _net(expected)
        if moved != expected:
            self.fail(f"{facts['act']} {content.reason} of {name} moved {moved}, not {expected}")

    def _step(self, entry: Entry, name: tuple[str, str], facts: Mapping[str, Any], expected: Moved) -> None:
        kept = self._kept.setdefault(name, Kept())
        node, event = node_of(entry.stream.writer), entry.content.reason
        held = account(node, HELD)
        if event == "return":
            lots = self._cut(name, kept.sold, facts)
            if not facts.get("goods_at"):
                _move(expected, lots, CUSTOMER, account(node, QUARANTINE))
            return
        if event == "deliver":
            return
        if event in LEAVING:
            _move(expected, _all(kept.held), held, CUSTOMER)
            kept.sold, kept.held = kept.held, {}
            return
        for lot in self._cut(name, kept.held, facts):
            _move_back(expected, lot, held)
        for _, sku, quantity, recipe, source, *mixed in facts.get("taken", ()):
            sources = (mixed[0] if mixed else None) or [source] * len(recipe)
            lot = Lot(
                entry.hash,
                sku,
                quantity,
                tuple((*reversal, taken) for reversal, taken in zip(recipe, sources, strict=True)),
            )
            for item, units, taken in lot.recipe:
                _add(expected, (item, taken, held), units * quantity)
            kept.held.setdefault((entry.hash, sku), []).append(lot)
        if event in ("cancel", "expire", "decline") and kept.held:
            self.fail(f"{event} of {name} leaves {kept.held} behind")

    def _split(self, entry: Entry, name: tuple[str, str], facts: Mapping[str, Any], expected: Moved) -> None:
        """Some units leave a fulfilment: to the customer, or back to where they came from."""
        kept = self._kept.setdefault(name, Kept())
        held = account(node_of(entry.stream.writer), HELD)
        cut = self._cut(name, kept.held, {"reversed": facts["units"]})
        if not kept.held:
            self.fail(f"{entry.content.reason} split {name}, but nothing is left of it")
        if entry.content.reason in LEAVING:
            _move(expected, cut, held, CUSTOMER)
            part = self._kept.setdefault((name[0], facts["part"]), Kept())
            for lot in cut:
                part.sold.setdefault((lot.taken_by, lot.sku), []).append(lot)
            return
        for lot in cut:
            _move_back(expected, lot, held)

    def _cut(self, name: tuple[str, str], lots: Lots, facts: Mapping[str, Any]) -> list[Lot]:
        """Take the named quantities out of the lots. An entry cannot return more than was taken."""
        cut = []
        for taken_by, sku, quantity in (*facts.get("reversed", ()), *facts.get("returned", ())):
            of = lots.get((taken_by, sku), [])
            if sum(lot.quantity for lot in of) < quantity:
                self.fail(f"{name} returned {quantity} of {sku}, but has only {lots}")
                continue
            missing = quantity
            while missing:
                last = of.pop()
                taken = min(missing, last.quantity)
                missing -= taken
                cut.append(Lot(taken_by, sku, taken, last.recipe))
                if taken < last.quantity:
                    of.append(Lot(taken_by, sku, last.quantity - taken, last.recipe))
            if not of:
                del lots[taken_by, sku]
        return cut

    def moment(self) -> None:
        for machine in self.chain.machines.values():
            if machine.node is None:
                continue
            replica = machine.node.replica
            looked = (replica, replica.arrival)
            if self._looked.get(machine.name) == looked:
                continue
            self._looked[machine.name] = looked
            for difference in held_differences(replica.ledger, replica.orders):
                self.fail(f"at {machine.name} {difference}")

    def finish(self) -> None:
        self._looked.clear()
        self.moment()


def _all(lots: Lots) -> list[Lot]:
    return [lot for of in lots.values() for lot in of]


def _net(moved: Moved) -> Moved:
    """Units moved, less those that moved the other way."""
    net = {route: units - moved.get((route[0], route[2], route[1]), 0) for route, units in moved.items()}
    return {route: units for route, units in net.items() if units > 0}


def _move(moved: Moved, lots: Iterable[Lot], source: str, target: str) -> None:
    for lot in lots:
        for item, units, _ in lot.recipe:
            _add(moved, (item, source, target), units * lot.quantity)


def _move_back(moved: Moved, lot: Lot, source: str) -> None:
    for item, units, taken in lot.recipe:
        _add(moved, (item, source, taken), units * lot.quantity)


def _add(moved: Moved, route: tuple[str, str, str], units: int) -> None:
    moved[route] = moved.get(route, 0) + units
