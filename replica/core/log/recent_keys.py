"""Exactly once at one node: which keys were used lately, and for what.

The journal holds every key for good. This index holds those of the newest batches only, whose commit a reader of the
journal may not see yet: the one being computed, the one being committed, and one more to be safe. Whoever asks brings
along what the journal says of the other keys. It is small on purpose: entries that are let go soon are let go while
they are still in the processor's cache.

Two nodes may have used one key. Of a key that is here, every entry held is here: who puts a second one puts those of
the journal before it, and all stay until the last of them is long durable.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from replica.core.log.entry import Entry
from replica.core.log.entry_run import EntryRun


class RecentKeys:
    """The entries of each key of the newest batches: each by itself, or the run it is in."""

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
        """Tell whether none of the keys is known; many are asked about at the price of a few."""
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
        """Every entry under a key, in order of arrival; empty when it was not used lately."""
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
        """Remember a run just written; its keys are new, all of them."""
        self._current |= dict.fromkeys(run.keys, run)

    def turn(self) -> None:
        """A batch was taken to be committed: begin the next, and let the one go that has long been durable."""
        self._earliest, self._before, self._current = self._before, self._current, {}
        if self._shared:
            self._shared = {key: entries for key, entries in self._shared.items() if key in self}
