"""What a replica recorded that is not durable yet, for readers that do not wait until it is.

Such a reader must not show what a crash could undo. So it takes the units that pending entries moved back out of the
figures. That is exact, because a movement adds to the figures, in whatever order.
"""

from __future__ import annotations

from collections.abc import Iterable

from replica.core.ledger.cells import Route
from replica.core.log.entry import DOCUMENT
from replica.core.log.entry_run import EntryRun

PENDING_READ_MAX = 512
"""Pending entries that one reader looks through: about two milliseconds. With more it waits until they are durable."""


class Pending:
    """By how many units the pending entries changed what is available."""

    __slots__ = ("_available",)

    def __init__(self, available: dict[tuple[str, str], int]) -> None:
        self._available = available

    @classmethod
    def of(cls, runs: Iterable[EntryRun]) -> Pending | None:
        """What these entries changed. None if they are too many, or changed documents: then a reader has to wait."""
        runs = tuple(runs)
        if not runs:
            return NOTHING_PENDING
        if sum(len(run) for run in runs) > PENDING_READ_MAX:
            return None
        available: dict[tuple[str, str], int] = {}
        for run in runs:
            location, writer = run.stream.scope, run.stream.writer
            for entry in run:
                if entry.content.kind == DOCUMENT:
                    return None
                for move in entry.content.moves:
                    units = Route(writer, move.source, move.target).available * move.quantity
                    if units:
                        pair = (location, move.item)
                        available[pair] = available.get(pair, 0) + units
        return cls(available)

    def available(self, location: str, item: str) -> int:
        """By how many units the available ones of an item at a location are more because of pending entries."""
        return self._available.get((location, item), 0)


NOTHING_PENDING = Pending({})
"""All is durable."""
