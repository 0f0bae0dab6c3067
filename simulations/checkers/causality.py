"""If a replica holds an entry, it also holds the entries of that scope that the author held."""

from __future__ import annotations

from replica.core.base.names import node_of
from replica.core.log.entry import Stream
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine


class CausalityChecker(Checker):
    """On every disk, causes come before their effects."""

    invariant = 8

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._held: dict[tuple[str, str], dict[str, int]] = {}
        self._causes: dict[tuple[Stream, int], dict[str, int]] = {}
        self._waiting: list[tuple[str, Stream, int, dict[str, int]]] = []

    def entry(self, machine: Machine, stored: Stored) -> None:
        stream, sequence = stored.entry.stream, stored.entry.sequence
        held = self._held.setdefault((machine.name, stream.scope), {})
        if node_of(stream.writer) == machine.name:
            self._causes[stream, sequence] = dict(held)
        else:
            self._waiting.append((machine.name, stream, sequence, dict(held)))
        held[stream.writer] = sequence

    def replaced(self, machine: Machine) -> None:
        self._held = {(name, scope): held for (name, scope), held in self._held.items() if name != machine.name}

    def moment(self) -> None:
        waiting, self._waiting = self._waiting, []
        for name, stream, sequence, held in waiting:
            causes = self._causes.get((stream, sequence))
            if causes is None:
                self.fail(f"{name} holds number {sequence} of {stream}, which its author does not")
            for writer, cause in (causes or {}).items():
                if held.get(writer, 0) < cause:
                    self.fail(f"{name} took number {sequence} of {stream} before its cause, {cause} of {writer}")
