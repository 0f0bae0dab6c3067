"""Exactly once at one node: which keys were used lately, and for what.

The journal holds every key for good. This index holds those of the newest batches only, whose commit a reader of the
journal may not see yet: the one being computed, the one being committed, and one more to be safe. Whoever asks brings
along what the journal says of the other keys. It is small on purpose: entries that are let go soon are let go while
they are still in the processor's cache.

Two nodes may have used one key. Of a key that is here, every entry held is here: who puts a second one puts those of
the journal before it, and all stay until the last of them is long durable.
"""

from __future__ import annotations

from collections.abc import Sequence

from replica.core.entry import Entry


class RecentKeys(dict[bytes, Entry]):
    """The first entry of each key of the newest batches. It is changed by `put` and `turn` only."""

    __slots__ = ("_before", "_current", "_earliest", "_shared")

    def __init__(self) -> None:
        super().__init__()
        self._current: list[bytes] = []
        self._before: list[bytes] = []
        self._earliest: list[bytes] = []
        self._shared: dict[bytes, list[Entry]] = {}
        """All entries of keys that have several."""

    def put(self, key: bytes, entry: Entry) -> None:
        """Remember an entry just written or merged."""
        if key not in self:
            self[key] = entry
            self._current.append(key)
        elif all(one.hash != entry.hash for one in self.entries(key)):
            self._shared.setdefault(key, [self[key]]).append(entry)
            self._current.append(key)

    def entries(self, key: bytes) -> Sequence[Entry]:
        """Every entry under a key, in order of arrival; empty when it was not used lately."""
        shared = self._shared.get(key)
        if shared is not None:
            return shared
        first = self.get(key)
        return () if first is None else (first,)

    def turn(self) -> None:
        """A batch was taken to be committed: begin the next, and let the one go that has long been durable."""
        for key in self._earliest:
            if key not in self._shared:
                self.pop(key, None)
            elif key not in self._before and key not in self._current:
                del self._shared[key], self[key]
        self._earliest, self._before, self._current = self._before, self._current, []
