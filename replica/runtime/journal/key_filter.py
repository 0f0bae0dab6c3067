"""A Bloom filter of the journal's keys, so that a new key costs no read from the disk.

A key sets four bits, all in one word, so a key costs one memory access. A full filter has 16 bits for each key, and
takes one new key in 150 for a known one. Then a filter of twice the size is filled from the keys themselves.
Source: Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 1970; in one word: Putze et al.,
Cache-, Hash- and Space-Efficient Bloom Filters, WEA 2007.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Hashable, Iterable
from random import Random
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

KEYS_PER_WORD = 4
"""A word has 64 bits."""

KEYS_MIN = 1 << 20
"""Keys that every filter has room for, in 2 MB. Growing is rare because it takes most of a second for a million keys,
and tills wait for it."""

_BITS_PER_KEY = 4
_PATTERNS = 2048


def _make_patterns() -> list[int]:
    """The bit patterns a key may set in its word. Any distinct patterns work; these are the same in every process."""
    chance = Random(_PATTERNS)
    return [sum(1 << bit for bit in chance.sample(range(64), _BITS_PER_KEY)) for _ in range(_PATTERNS)]


_patterns = _make_patterns()


class KeyFilter(Generic[K]):
    """A set of keys that is inexact: it contains every added key, and rarely seems to contain another one.

    The word and pattern of a key follow from its hash in this process. Callers cannot predict that hash, and the
    interpreter caches it.
    """

    __slots__ = ("_mask", "_words", "count")

    def __init__(self, expected: int = 0) -> None:
        capacity = KEYS_MIN
        while capacity < 2 * expected:
            capacity *= 2
        self._words = array("Q", bytes(capacity // KEYS_PER_WORD * 8))
        self._mask = len(self._words) - 1
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Whether the filter is full. Then make a larger one, and add all keys to it."""
        return self.count >= len(self._words) * KEYS_PER_WORD

    def add(self, keys: Collection[K]) -> None:
        """Add keys."""
        words, mask, patterns = self._words, self._mask, _patterns
        for key in keys:
            mixed = hash(key)
            words[mixed & mask] |= patterns[(mixed >> 48) % _PATTERNS]
        self.count += len(keys)

    def likely(self, keys: Iterable[K]) -> list[K]:
        """Return the keys that may have been added. A key left out was certainly not added."""
        words, mask, patterns = self._words, self._mask, _patterns
        return [key for key in keys if not patterns[((mixed := hash(key)) >> 48) % _PATTERNS] & ~words[mixed & mask]]
