"""Which keys the journal surely does not hold: a Bloom filter, so that a new key costs no trip to the disk.

About 16 bits a key and three probes: one new key in 200 is looked up in vain. It grows by doubling, from the keys
themselves, when it is full.
Source: Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 1970.
"""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

BITS_PER_KEY = 16
KEYS_MIN = 1 << 16


class KeyFilter:
    """Remembers keys inexactly: never forgets one, and rarely believes to know one it does not."""

    __slots__ = ("_bits", "_mask", "count")

    def __init__(self, expected: int = 0) -> None:
        capacity = KEYS_MIN
        while capacity < 2 * expected:
            capacity *= 2
        self._bits = bytearray(capacity * BITS_PER_KEY // 8)
        self._mask = capacity * BITS_PER_KEY - 1
        self.count = 0

    @property
    def is_full(self) -> bool:
        """Whether more keys would make it guess too often; then make a larger one and add them all anew."""
        return self.count * BITS_PER_KEY > self._mask

    def add(self, keys: Iterable[bytes]) -> None:
        """Remember keys."""
        bits, mask = self._bits, self._mask
        for key in keys:
            first, step = _spread(key)
            for probe in (first & mask, (first + step) & mask, (first + 2 * step) & mask):
                bits[probe >> 3] |= 1 << (probe & 7)
            self.count += 1

    def may_hold(self, key: bytes) -> bool:
        """False only for a key that was never added."""
        bits, mask = self._bits, self._mask
        first, step = _spread(key)
        probe = first & mask
        if not bits[probe >> 3] >> (probe & 7) & 1:
            return False
        probe = (first + step) & mask
        if not bits[probe >> 3] >> (probe & 7) & 1:
            return False
        probe = (first + 2 * step) & mask
        return bool(bits[probe >> 3] >> (probe & 7) & 1)


def _spread(key: bytes) -> tuple[int, int]:
    """Two numbers of 32 bits that differ for keys that differ anywhere. Not secret, and the same in every process."""
    return crc32(key), crc32(key, 0x9E3779B9) | 1
