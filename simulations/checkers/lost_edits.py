"""Each edit of a document that nobody saw before it lost is listed at every machine, and no other edit is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgpack import unpackb

from replica.core.base.limits import LOST_EDITS_MAX
from replica.core.base.names import node_of
from replica.core.catalog.registers import Slot
from replica.core.log.entry import DOCUMENT, Entry
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.machine import Machine

Writes = dict[bytes, Entry]
"""Writes of one document by their hashes."""


class LostEditsChecker(Checker):
    """A machine lists a write if the author of no other write held it, and it is not the one that won."""

    invariant = 1

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._held: dict[tuple[str, Slot], Writes] = {}
        self._known_to: dict[bytes, tuple[bytes, ...]] = {}
        """The writes that the author of a write held, by the hash of the write."""

    def entry(self, machine: Machine, stored: Stored) -> None:
        entry, content = stored.entry, stored.entry.content
        if content.kind != DOCUMENT:
            return
        facts = content.facts
        slot = (facts["kind"], facts["key"], facts["rank"], facts["at"])
        held = self._held.setdefault((machine.name, slot), {})
        if node_of(entry.stream.writer) == machine.name:
            self._known_to.setdefault(entry.hash, tuple(held))
        held[entry.hash] = entry

    def replaced(self, machine: Machine) -> None:
        self._held = {(name, document): held for (name, document), held in self._held.items() if name != machine.name}

    def finish(self) -> None:
        for machine in self.chain.machines.values():
            assert machine.node is not None
            listed: dict[Slot, list[tuple[int, int, str]]] = {}
            for _, lost in machine.node.replica.documents.lost_edits(1 << 30):
                listed.setdefault(lost.slot, []).append(lost.precedence)
            for (name, document), held in self._held.items():
                lost_writes = self._lost(held)
                if name == machine.name and len(lost_writes) <= LOST_EDITS_MAX:
                    shown = sorted(listed.get(document, []))
                    if shown != lost_writes:
                        self.fail(f"{name} lists {shown} as the lost edits of {document}, and these are {lost_writes}")

    def _lost(self, held: Mapping[bytes, Entry]) -> list[tuple[int, int, str]]:
        """The precedence of each write of one document that was lost."""
        seen = {other for one in held for other in self._known_to[one]}
        best = max(held.values(), key=_precedence)
        unseen = [one for name, one in held.items() if name not in seen and _value(one) != _value(best)]
        return sorted(map(_precedence, unseen))


def _value(entry: Entry) -> Any:
    packed = entry.content.facts["value"]
    return None if packed is None else unpackb(packed, strict_map_key=False)


def _precedence(entry: Entry) -> tuple[int, int, str]:
    return entry.content.facts["version"], entry.content.clock, entry.stream.writer
