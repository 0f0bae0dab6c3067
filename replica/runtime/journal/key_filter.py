"""Which keys the journal surely does not hold: a Bloom filter, so that a new key costs no trip to the disk.

A key sets four bits, all in one word, so a key costs one visit to memory. Full, at 16 bits a key, it has one new key in
150 looked up in vain; then it grows by doubling, from the keys themselves.
Source: Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 1970; in one word: Putze et al.,
Cache-, Hash- and Space-Efficient Bloom Filters, WEA 2007.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable
from random import Random

KEYS_PER_WORD = 4
"""Of 64 bits."""

KEYS_MIN = 1 << 20
"""Room that every filter has, 2 MB of it: growing takes most of a second for a million keys, and tills wait for it."""

_BITS_PER_KEY = 4
_PATTERNS = 2048


def _make_patterns() -> list[int]:
    """What a key may set in its word. Any patterns that differ will do; these are the same in every process."""
    chance = Random(_PATTERNS)
    return [sum(1 << bit for bit in chance.sample(range(64), _BITS_PER_KEY)) for _ in range(_PATTERNS)]


_patterns = _make_patterns()


class KeyFilter:
    """Remembers keys inexactly: never forgets one, and rarely believes to know one it does not.

    A key's place follows from its hash in this process, which others cannot foresee, and the interpreter keeps it.
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
        """Whether more keys would make it guess too often; then make a larger one and add them all anew."""
        return self.count >= len(self._words) * KEYS_PER_WORD

    def add(self, keys: Collection[bytes]) -> None:
        """Remember keys."""
        words, mask, patterns = self._words, self._mask, _patterns
        for key in keys:
            mixed = hash(key)
            words[mixed & mask] |= patterns[(mixed >> 48) % _PATTERNS]
        self.count += len(keys)

    def likely(self, keys: Iterable[bytes]) -> list[bytes]:
        """Return those of the keys that may have been added; what is left out never was."""
        words, mask, patterns = self._words, self._mask, _patterns
        return [key for key in keys if not patterns[((mixed := hash(key)) >> 48) % _PATTERNS] & ~words[mixed & mask]]
