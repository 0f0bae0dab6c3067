"""Exactly once at one node: which keys were used, for what, and with which answer.

The journal holds every key for good. This index holds those of the last entries only: all whose commit a reader of
the journal may not see yet, and some more. Whoever asks brings along what the journal said of the other keys.
"""

from __future__ import annotations

from collections import deque

from replica.core.entry import Entry
from replica.core.limits import RECENT_KEYS


class RecentKeys:
    """The newest keyed entries, by key; the oldest make room."""

    __slots__ = ("_entries", "_order")

    def __init__(self) -> None:
        self._entries: dict[bytes, Entry] = {}
        self._order: deque[bytes] = deque()

    def __contains__(self, key: bytes) -> bool:
        return key in self._entries

    def get(self, key: bytes) -> Entry | None:
        """Return the entry written under the key, if it is one of the newest."""
        return self._entries.get(key)

    def put(self, key: bytes, entry: Entry) -> None:
        """Remember an entry just written. Of two under one key the first heard of stays."""
        if key not in self._entries:
            self._entries[key] = entry
            self._order.append(key)
            if len(self._order) > RECENT_KEYS:
                del self._entries[self._order.popleft()]
