"""Figures that clients read: they add up, they are of one state of their node, and they promise no more than it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from replica.core.base.names import HELD, QUARANTINE, bucket_of, is_internal, owner_of
from replica.core.log.entry import Entry
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.checkers.locations import note_location
from simulations.reference.catalogue import Documents
from simulations.reference.points import nearest_first

Cells = dict[tuple[str, str, str, str, str], int]
"""Units ever moved: by location, item, writer, source and target."""


class FiguresChecker(Checker):
    """Figures of a client add up, are of one state since its last answer, and promise at most the node's own units."""

    invariant = 5

    def figures(self, machine: str, shown: Mapping[str, Any], after: Entry | None) -> None:
        if "sku" in shown:
            self._check_availability(machine, shown, after)
        else:
            self._check_explained(machine, shown, after)

    def _check_explained(self, name: str, shown: Mapping[str, Any], after: Entry | None) -> None:
        stock = shown["stock"]
        pair = stock["location"], stock["item"]
        cells = {(*pair, one["writer"], one["source"], one["target"]): one["total"] for one in shown["cells"]}
        for what, expected in _figures(name, cells).items():
            if stock[what] != expected:
                self.fail(f"{name} explains {what} of {pair} as {stock[what]}, but its cells add up to {expected}")
        state = self._state(name, pair[1], after, lambda all_cells: _of(all_cells, pair) == cells)
        if state is None:
            self.fail(f"{name} explains {pair} by cells that it never had, or had before: {shown['cells']}")
        moved: Cells = {}
        for entry in shown["movements"] if shown["next"] is None else ():
            for move in entry["moves"] if entry["arrival"] <= (state or 0) else ():
                cell = (*pair, entry["writer"], move["source"], move["target"])
                moved[cell] = moved.get(cell, 0) + move["quantity"] * (move["item"] == pair[1])
        if shown["next"] is None and {cell: units for cell, units in moved.items() if units} != cells:
            self.fail(f"{name} explains {pair} by movements that add up to {moved}, not to {cells}")

    def _check_availability(self, name: str, shown: Mapping[str, Any], after: Entry | None) -> None:
        sku, parts = shown["sku"], shown["locations"]
        self._check_distances(name, shown)
        for what in ("guaranteed", "optimistic"):
            if shown[what] != sum(part[what] for part in parts) or any(part[what] < 0 for part in parts):
                self.fail(f"{name} shows {what} {shown[what]} of {sku} for {parts}")
        if not sku.startswith("item-"):
            return  # its recipe changes, so nobody knows which items it takes

        def fits(cells: Cells) -> bool:
            figures = {
                location: _figures(name, _of(cells, (location, sku)))
                for location in dict.fromkeys(cell[0] for cell in cells)
            }
            return figures.keys() == dict.fromkeys(part["location"] for part in parts).keys() and all(
                part["optimistic"] == max(0, figures[part["location"]]["available"])
                and part["guaranteed"] <= _promisable(name, _of(cells, (part["location"], sku)))
                for part in parts
            )

        if self._state(name, sku, after, fits) is None:
            self.fail(f"{name} shows units of {sku} that it never had, or had before: {parts}")

    def _check_distances(self, name: str, shown: Mapping[str, Any]) -> None:
        """The nearest location comes first, by the documents of one state of the machine since the question."""
        parts, near = shown["locations"], shown.get("near")
        found = [(part["location"], part.get("distance_km")) for part in parts]
        documents, disk = Documents(), self.chain.machines[name].disk
        disk.refresh()
        for index, stored in enumerate(disk.stored if near is not None else ()):
            if index >= shown["since"] and found == nearest_first(documents, dict(found), near):
                return
            note_location(documents, stored.entry)
        if found != nearest_first(documents, dict(found), near):
            self.fail(f"{name} shows the locations {found} near {near}, in no order that it ever knew")

    def _state(self, name: str, item: str, after: Entry | None, fits: Callable[[Cells], bool]) -> int | None:
        """The newest arrival number at which the durable entries of a machine fit; None if they never did since."""
        disk = self.chain.machines[name].disk
        disk.refresh()
        cells: Cells = {}
        for stored in disk.stored:
            _add(cells, stored, item, 1)
        if fits(cells):
            return len(disk.stored)
        for stored in reversed(disk.stored):
            if after is not None and stored.entry.hash == after.hash:
                return None
            if _add(cells, stored, item, -1) and fits(cells):
                return stored.arrival - 1
        return None


def _add(cells: Cells, stored: Stored, item: str, sign: int) -> bool:
    """Add the moves of an item to cells, or take them off again. Returns whether there are any."""
    entry, found = stored.entry, False
    for move in entry.content.moves:
        if move.item == item:
            found = True
            cell = (entry.stream.scope, item, entry.stream.writer, move.source, move.target)
            cells[cell] = cells.get(cell, 0) + sign * move.quantity
            if not cells[cell]:
                del cells[cell]
    return found


def _of(cells: Cells, pair: tuple[str, str]) -> Cells:
    return {cell: units for cell, units in cells.items() if cell[:2] == pair}


def _figures(node: str, cells: Cells) -> dict[str, int]:
    """The figures of one item at one location, added up from its cells."""
    inside = _balances(cells)
    free = {name: units for name, units in inside.items() if bucket_of(name) not in (HELD, QUARANTINE)}
    return {
        "on_hand": sum(inside.values()),
        "reserved": sum(units for name, units in inside.items() if bucket_of(name) == HELD),
        "quarantined": sum(units for name, units in inside.items() if bucket_of(name) == QUARANTINE),
        "available": sum(free.values()),
        "rights": sum(units for name, units in free.items() if owner_of(name) == node),
        "breach": -sum(units for units in inside.values() if units < 0),
    }


def _promisable(node: str, cells: Cells) -> int:
    """What a node may promise of one item at one location at most.

    A count may take its free units below zero. Then the units that it set aside for channels are more than its rights,
    until other nodes settle the breach.
    """
    return sum(
        units
        for name, units in _balances(cells).items()
        if owner_of(name) == node and bucket_of(name) not in (HELD, QUARANTINE) and units > 0
    )


def _balances(cells: Cells) -> dict[str, int]:
    """The balances of the accounts inside the building."""
    balances: dict[str, int] = {}
    for (_, _, _, source, target), units in cells.items():
        balances[source] = balances.get(source, 0) - units
        balances[target] = balances.get(target, 0) + units
    return {name: units for name, units in balances.items() if is_internal(name)}
