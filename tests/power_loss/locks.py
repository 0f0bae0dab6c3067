"""Locks and shared memory between the connections of one process, as SQLite requires them.

A database file has five levels of lock (https://sqlite.org/lockingv3.html, section 3). The index of a log is memory
that all connections map; it has eight locks (https://sqlite.org/walformat.html, section 2.3).
"""

from __future__ import annotations

import ctypes

NONE, SHARED, RESERVED, PENDING, EXCLUSIVE = range(5)

SLOTS = 8


class Locks:
    """The lock level of each owner of a database file. Owners are numbers."""

    def __init__(self) -> None:
        self._levels: dict[int, int] = {}

    def take(self, owner: int, level: int) -> bool:
        """Raise the lock of an owner to a level; False if other locks prevent it."""
        if self._levels.get(owner, NONE) >= level:
            return True
        strongest = max((held for other, held in self._levels.items() if other != owner), default=NONE)
        if strongest >= (PENDING if level == SHARED else RESERVED):
            return False
        if level == EXCLUSIVE and strongest >= SHARED:
            self._levels[owner] = PENDING
            return False
        self._levels[owner] = level
        return True

    def lower(self, owner: int, level: int) -> None:
        """Lower the lock of an owner to a level."""
        self._levels[owner] = min(level, self._levels.get(owner, NONE))

    @property
    def is_reserved(self) -> bool:
        """Whether an owner has reserved the file for a write."""
        return any(level >= RESERVED for level in self._levels.values())


class SharedMemory:
    """The memory regions that connections map, and their locks. The regions exist until the last connection leaves."""

    def __init__(self) -> None:
        self._regions: list[ctypes.Array[ctypes.c_char]] = []
        self._users: dict[int, None] = {}
        self._shared: list[dict[int, None]] = [{} for _ in range(SLOTS)]
        self._exclusive: list[int | None] = [None] * SLOTS

    def region(self, owner: int, number: int, length: int, may_extend: bool) -> int | None:
        """The address of a region; None if it does not exist and must not be created."""
        self._users[owner] = None
        while may_extend and len(self._regions) <= number:
            self._regions.append(ctypes.create_string_buffer(length))
        return ctypes.addressof(self._regions[number]) if number < len(self._regions) else None

    def take(self, owner: int, slots: range, is_exclusive: bool) -> bool:
        """Lock all of these slots, or none; False if other locks prevent it."""
        for slot in slots:
            if self._exclusive[slot] not in (None, owner):
                return False
            if is_exclusive and any(other != owner for other in self._shared[slot]):
                return False
        for slot in slots:
            if is_exclusive:
                self._exclusive[slot] = owner
            else:
                self._shared[slot][owner] = None
        return True

    def release(self, owner: int, slots: range) -> None:
        """Unlock slots."""
        for slot in slots:
            self._shared[slot].pop(owner, None)
            if self._exclusive[slot] == owner:
                self._exclusive[slot] = None

    def leave(self, owner: int) -> None:
        """Leave the memory. When its last user leaves, its regions are deleted."""
        self.release(owner, range(SLOTS))
        self._users.pop(owner, None)
        if not self._users:
            self._regions.clear()
