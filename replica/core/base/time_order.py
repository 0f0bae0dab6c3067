"""Time order: keys in the order of their stamps, whatever the order in which they came.

Lists for people show the newest of many things. The order of arrival is lost when a node starts again from its
checkpoint, and it differs between nodes. Stamps are in the entries, so an order by stamps is always the same.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice
from typing import Generic, TypeVar

K = TypeVar("K")


class TimeOrder(Generic[K]):
    """Keys, each with a stamp. Equal stamps are in order of keys.

    A new key is nearly always the newest: then it costs as much as an append. Any other moves all keys after it.
    """

    __slots__ = ("_order", "_stamps")

    def __init__(self) -> None:
        self._stamps: dict[K, int] = {}
        self._order: list[tuple[int, K]] = []

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, key: object) -> bool:
        return key in self._stamps

    def __iter__(self) -> Iterator[K]:
        """The keys, the earliest first."""
        return (key for _, key in self._order)

    def __reversed__(self) -> Iterator[K]:
        """The keys, the newest first."""
        return (key for _, key in reversed(self._order))

    def put(self, key: K, stamp: int) -> None:
        """Add a key, or give it another stamp."""
        if self._stamps.get(key) != stamp:
            self.discard(key)
            self._stamps[key] = stamp
            insort(self._order, (stamp, key))

    def discard(self, key: K) -> None:
        """Remove a key, if it is there."""
        stamp = self._stamps.pop(key, None)
        if stamp is not None:
            del self._order[bisect_left(self._order, (stamp, key))]

    def stamp(self, key: K) -> int:
        """The stamp of a key that is there."""
        return self._stamps[key]

    def number_before(self, stamp: int) -> int:
        """The number of keys with an earlier stamp."""
        return bisect_left(self._order, stamp, key=lambda one: one[0])

    def newest_before(self, limit: int, before: K | None) -> list[K]:
        """The last keys before another one, or of all, at most `limit`, the newest first."""
        end = len(self._order)
        if before is not None:
            end = bisect_left(self._order, (self._stamps[before], before))
        return [key for _, key in self._order[max(0, end - limit) : end]][::-1]

    def earliest(self, limit: int) -> list[K]:
        """The first keys, at most `limit`, the earliest first."""
        return [*islice(self, limit)]

    def newest(self, limit: int) -> list[K]:
        """The last keys, at most `limit`, the earliest of them first."""
        return [*islice(reversed(self), limit)][::-1]
