"""What a replica hands its journal for one commit, and what it gets back at start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from replica.core.ledger.cells import Changes
from replica.core.log.entry import Entry, Head, Stream
from replica.core.log.entry_run import EntryRun

Row = tuple[Any, ...]
"""One row of a part's checkpoint: its key first, then its state; whole numbers, texts, bytes and None only."""

Checkpoint = Mapping[str, Iterable[Row]]
"""Rows by the part of the fold that they belong to."""


class Batch(Struct, frozen=True, kw_only=True):
    """What one commit writes: entries in arrival order, run by run, and the checkpoint of what they changed."""

    runs: list[EntryRun]
    cells: Changes
    """The new totals of cells, apart from the other parts for speed."""
    checkpoint: Checkpoint
    clock: int = 0
    """Where the hybrid clock stands: the last stamp issued, or seen and believed."""

    def __len__(self) -> int:
        return sum([len(run) for run in self.runs])

    @property
    def entries(self) -> list[Entry]:
        """Every entry, one by one."""
        return [entry for run in self.runs for entry in run]


class Image(Struct, frozen=True, kw_only=True):
    """What a journal gives back at start: the heads, and the checkpoint of the fold."""

    heads: Iterable[tuple[Stream, Head]] = ()
    cells: Iterable[tuple[str, str, tuple[str, str, str], int]] = ()
    checkpoint: Checkpoint = {}
    """All rows of each part, in the order of their keys."""
    clock: int = 0
    """Where the hybrid clock stood: the last stamp issued, or seen and believed."""
    arrival: int = 0
    """How many entries the journal holds."""
    shared: Iterable[Entry] = ()
    """The newest entries that share their keys with others, and what voids them, in order of arrival."""
    heard: Iterable[tuple[Stream, int]] = ()
    """The newest stamp of each stream."""
