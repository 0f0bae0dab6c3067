"""What a replica hands its journal for one commit, and what it gets back at start."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from replica.core.catalog.documents import Register
from replica.core.ledger.cells import Changes
from replica.core.log.entry import Entry, Head, Stream
from replica.core.log.entry_run import EntryRun


class Batch(Struct, frozen=True):
    """What one commit writes: entries in arrival order, run by run, and the checkpoint of what they changed."""

    runs: list[EntryRun]
    cells: Changes
    documents: list[Register]
    orders: Sequence[tuple[int, bytes]] = ()
    """Orders that changed, packed, by their places."""
    counts: Sequence[tuple[str, str, bytes]] = ()
    """Newest counts that changed, packed, by location and item."""
    clock: int = 0
    """Where the hybrid clock stands: the last stamp issued, or seen and believed."""

    def __len__(self) -> int:
        return sum([len(run) for run in self.runs])

    @property
    def entries(self) -> list[Entry]:
        """Every entry, one by one."""
        return [entry for run in self.runs for entry in run]


class Image(Struct, frozen=True):
    """What a journal gives back at start: the heads, and the checkpoint of the fold."""

    heads: Iterable[tuple[Stream, Head]] = ()
    cells: Iterable[tuple[str, str, tuple[str, str, str], int]] = ()
    documents: Iterable[Register] = ()
    clock: int = 0
    """Where the hybrid clock stood: the last stamp issued, or seen and believed."""
    arrival: int = 0
    """How many entries the journal holds."""
    orders: Iterable[bytes] = ()
    """Every order, packed as batches held it, in order of places."""
    shared: Iterable[Entry] = ()
    """The newest entries that share their keys with others, and what voids them, in order of arrival."""
    counts: Iterable[bytes] = ()
    """Every newest count, packed as batches held it."""
    heard: Iterable[tuple[Stream, int]] = ()
    """The newest stamp of each stream."""
