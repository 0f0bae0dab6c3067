"""The last writer wins. A write is later than another if its author had seen the other."""

from __future__ import annotations

from typing import Any

from replica.core.base.names import node_of
from replica.core.catalog.registers import Slot, scope_of
from replica.core.log.entry import DOCUMENT
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine


class DocumentsChecker(Checker):
    """A write follows every write that its author held; of concurrent writes, the same one wins at every machine."""

    invariant = 1

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._seen: dict[tuple[str, Slot], int] = {}
        self._best: dict[Slot, tuple[tuple[int, int, str], Any]] = {}

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        if content.kind != DOCUMENT:
            return
        facts = content.facts
        name, version = (facts["kind"], facts["key"], facts["rank"], facts["at"]), facts["version"]
        seen = self._seen.get((machine.name, name), 0)
        if node_of(entry.stream.writer) == machine.name and version != seen + 1:
            self.fail(f"{machine.name} wrote version {version} of {name} after it had seen version {seen}")
        self._seen[machine.name, name] = max(seen, version)
        precedence = (version, content.clock, entry.stream.writer)
        if name not in self._best or precedence > self._best[name][0]:
            self._best[name] = (precedence, content.facts["value"])

    def replaced(self, machine: Machine) -> None:
        self._seen = {(name, document): last for (name, document), last in self._seen.items() if name != machine.name}

    def finish(self) -> None:
        for machine in self.chain.machines.values():
            assert machine.node is not None
            for slot, (_, value) in self._best.items():
                if machine not in self.chain.subscribers(scope_of(slot[2], slot[3])):
                    continue
                shown = machine.node.replica.documents.register(*slot)
                if (shown.value if shown is not None else None) != value:
                    self.fail(f"{machine.name} shows an older {slot} than the last write")
