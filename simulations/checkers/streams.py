"""Streams have no gaps and no branches, each entry has the hash of the one before, and their fold is the state."""

from __future__ import annotations

from replica.core.log.entry import Stream, chain, genesis
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

Cell = tuple[str, str, str, str, str]


class StreamsChecker(Checker):
    """Copies of a stream are prefixes of one log, and a replica shows the sum of its own copies."""

    invariant = 7

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._logs: dict[Stream, list[bytes]] = {}
        self._held: dict[tuple[str, Stream], int] = {}
        self._cells: dict[str, dict[Cell, int]] = {}

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry = stored.entry
        stream, sequence = entry.stream, entry.sequence
        log = self._logs.setdefault(stream, [])
        held = self._held.get((machine.name, stream), 0)
        if sequence != held + 1:
            self.fail(f"{machine.name} holds number {sequence} of {stream} after {held}")
        self._held[machine.name, stream] = sequence
        if sequence > len(log):
            before = log[-1] if log else genesis(stream)
            if chain(before, entry.body) != entry.hash:
                self.fail(f"{machine.name}: number {sequence} of {stream} is not linked to the one before")
            log.append(entry.hash)
        elif log[sequence - 1] != entry.hash:
            self.fail(f"{machine.name} holds a different number {sequence} of {stream} than another machine")
        cells = self._cells.setdefault(machine.name, {})
        for move in entry.content.moves:
            if move.quantity < 1 or move.source == move.target:
                self.fail(f"{move} is no movement")
            cell = (stream.scope, move.item, stream.writer, move.source, move.target)
            cells[cell] = cells.get(cell, 0) + move.quantity

    def replaced(self, machine: Machine) -> None:
        self._cells.pop(machine.name, None)
        self._held = {(name, stream): last for (name, stream), last in self._held.items() if name != machine.name}

    def finish(self) -> None:
        for machine in self.chain.machines.values():
            assert machine.node is not None
            folded = self._cells.get(machine.name, {})
            shown = {
                (location, item, *route): total for location, item, route, total in machine.node.replica.ledger.cells()
            }
            if folded != shown:
                wrong = {cell for cell, _ in folded.items() ^ shown.items()}
                self.fail(f"{machine.name} shows other cells than its journal defines: {sorted(wrong)[:3]}")
