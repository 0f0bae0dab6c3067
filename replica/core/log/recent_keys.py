"""Exactly once at one node: the keys that were used recently, and their entries.

The journal holds every key for ever. This index holds only the keys of the newest batches, because a reader of the
journal may not yet see their commit: the batch being computed, the batch being committed, and one more to be safe. The
caller looks up all other keys in the journal first. The index is small on purpose: it releases entries early, while
they are still in the processor's cache.

Two nodes may have used one key. If a key is in the index, so are all its entries: before a caller puts a second entry,
it puts those of the journal. All of them stay until the last one has long been durable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from replica.core.log.entry import Entry
from replica.core.log.entry_run import EntryRun


class RecentKeys:
    """The entries of each key of the newest batches: a single entry, or the run that contains it."""

    __slots__ = ("_before", "_current", "_earliest", "_shared")

    def __init__(self) -> None:
        self._current: dict[bytes, Entry | EntryRun] = {}
        self._before: dict[bytes, Entry | EntryRun] = {}
        self._earliest: dict[bytes, Entry | EntryRun] = {}
        self._shared: dict[bytes, list[Entry]] = {}
        """All entries of keys that have several."""

    def __contains__(self, key: bytes) -> bool:
        return key in self._current or key in self._before or key in self._earliest

    def is_disjoint(self, keys: Collection[bytes]) -> bool:
        """Return whether none of the keys is known; many keys cost as little as a few."""
        return (
            self._current.keys().isdisjoint(keys)
            and self._before.keys().isdisjoint(keys)
            and self._earliest.keys().isdisjoint(keys)
        )

    def get(self, key: bytes) -> Entry | None:
        """Return the first entry under a key."""
        found = self._earliest.get(key) or self._before.get(key) or self._current.get(key)
        return found[found.keys.index(key)] if isinstance(found, EntryRun) else found

    def entries(self, key: bytes) -> Sequence[Entry]:
        """Return every entry under a key, in order of arrival; empty if it was not used recently."""
        shared = self._shared.get(key)
        if shared is not None:
            return shared
        first = self.get(key)
        return () if first is None else (first,)

    def put(self, key: bytes, entry: Entry) -> None:
        """Remember an entry just written or merged."""
        if key not in self:
            self._current[key] = entry
            return
        known = self.entries(key)
        if all(one.hash != entry.hash for one in known):
            self._shared[key] = [*known, entry]
            self._current[key] = known[0]

    def put_run(self, run: EntryRun) -> None:
        """Remember a run just written; all its keys are new."""
        self._current |= dict.fromkeys(run.keys, run)

    def turn(self) -> None:
        """Begin the next batch after one was taken for commit. Release the batch that has long been durable."""
        self._earliest, self._before, self._current = self._before, self._current, {}
        if self._shared:
            self._shared = {key: entries for key, entries in self._shared.items() if key in self}
