"""What a replica gives its journal for one commit, and what the journal returns at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from replica.core.ledger.cells import Changes
from replica.core.log.entry import Entry, Head, Stream
from replica.core.log.entry_run import EntryRun

Row = tuple[Any, ...]
"""One row of a part's checkpoint: first the key, then the state. Values are integers, texts, bytes or None."""

ReceiptRow = tuple[str, str, str, str, int, str, int]
"""One use of a till receipt: location, number, use, till, the arrival number of the entry, the time zone of the
location, and when the goods moved, in milliseconds since 1970."""

Checkpoint = Mapping[str, Iterable[Row]]
"""Rows by the part of the fold that they belong to."""


class Batch(Struct, frozen=True, kw_only=True):
    """What one commit writes: entries in arrival order, in runs, and the checkpoint rows that they changed."""

    runs: list[EntryRun]
    cells: Changes
    """The new totals of cells. They are separate from the other parts for speed."""
    checkpoint: Checkpoint
    receipts: list[ReceiptRow] = []
    """How the entries use till receipts."""
    clock: int = 0
    """The last stamp of the hybrid clock: issued here, or received and accepted."""

    def __len__(self) -> int:
        return sum(len(run) for run in self.runs)

    @property
    def entries(self) -> list[Entry]:
        """Every entry, one by one."""
        return [entry for run in self.runs for entry in run]


class Image(Struct, frozen=True, kw_only=True):
    """What a journal returns at start: the heads, and the checkpoint of the fold."""

    heads: Iterable[tuple[Stream, Head]] = ()
    cells: Iterable[tuple[str, str, tuple[str, str, str], int]] = ()
    checkpoint: Checkpoint = {}
    """All rows of each part, in the order of their keys."""
    clock: int = 0
    """The last stamp of the hybrid clock: issued here, or received and accepted."""
    arrival: int = 0
    """The number of entries in the journal."""
    shared: Iterable[Entry] = ()
    """The newest entries whose keys other entries also have, and their voids, in order of arrival."""
    heard: Iterable[tuple[Stream, int]] = ()
    """When the last entry of each stream was recorded, as a stamp."""
