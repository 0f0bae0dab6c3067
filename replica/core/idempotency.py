"""Exactly once at one node: which keys were used lately, and for what.

The journal holds every key for good. This index holds those of the newest batches only, whose commit a reader of the
journal may not see yet: the one being computed, the one being committed, and one more to be safe. Whoever asks brings
along what the journal says of the other keys. It is small on purpose: entries that are let go soon are let go while
they are still in the processor's cache.
"""

from __future__ import annotations

from replica.core.entry import Entry


class RecentKeys(dict[bytes, Entry]):
    """The keyed entries of the newest batches, by key. It is changed by `put` and `turn` only."""

    __slots__ = ("_before", "_current", "_earliest")

    def __init__(self) -> None:
        super().__init__()
        self._current: list[bytes] = []
        self._before: list[bytes] = []
        self._earliest: list[bytes] = []

    def put(self, key: bytes, entry: Entry) -> None:
        """Remember an entry just written. Of two under one key the first heard of stays."""
        if key not in self:
            self[key] = entry
            self._current.append(key)

    def turn(self) -> None:
        """A batch was taken to be committed: begin the next, and let the one go that has long been durable."""
        for key in self._earliest:
            del self[key]
        self._earliest, self._before, self._current = self._before, self._current, []
