"""Events that came early, and requests to an owner, end: they happen, or somebody reports why they did not."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from replica.core.base.clock import stamp_ms
from replica.core.base.limits import PARKED_MS
from replica.core.base.names import node_of
from replica.core.log.entry import Entry
from replica.core.orders.requests import ORDER
from simulations.checkers.checker import Checker

LATE_MS = 10_000
"""A node reports an event within this time after its deadline."""


class WaitingEvent(Struct, frozen=True):
    """An event without an end so far."""

    what: str
    deadline_ms: int


class ToldChecker(Checker):
    """After its deadline, each event that waited has happened, or a report says why it did not."""

    invariant = 9

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._waiting: dict[bytes, WaitingEvent] = {}
        """By the entry that notes the event or asks the owner."""
        self._settled: dict[bytes, None] = {}

    def appeared(self, entry: Entry) -> None:
        content, facts = entry.content, entry.content.facts
        if content.kind != ORDER:
            return
        if facts.get("settles"):
            self._settled[facts["settles"]] = None
            self._waiting.pop(facts["settles"], None)
        if facts["act"] in ("park", "ask") and entry.hash not in self._settled:
            what = f"{content.reason} of {content.reference!r}, which {node_of(entry.stream.writer)} noted"
            deadline_ms = facts.get("until_ms") or stamp_ms(content.clock) + PARKED_MS
            self._waiting[entry.hash] = WaitingEvent(what, deadline_ms)

    def due(self) -> Iterator[str]:
        for one in self._waiting.values():
            late_ms = self.chain.wall_ms - one.deadline_ms
            if late_ms > LATE_MS:
                yield f"{one.what}, still waits {late_ms} ms after its deadline"
