"""Documents: what the whole chain shares besides stock, such as SKUs and places.

A document is a set of registers, one per rank (chain, region, store) and the place the rank speaks for; each keeps
the write with the greatest `(version, clock, writer)`. The version is one more than the highest the author had seen,
so a clock that runs ahead wins once, not for ever. The highest rank that has a value is the one that counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgpack
from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import RANK_MAX, VERSION_MAX

CHAIN_RANK = 0

_MODULUS = 1 << 128


class Register(Struct, frozen=True, gc=False):
    """One write of one document at one rank. `value` is msgpack, or None when it was cleared."""

    kind: str
    key: str
    rank: int
    at: str
    version: int
    clock: int
    writer: str
    value: bytes | None

    @property
    def precedence(self) -> tuple[int, int, str]:
        """What decides between two writes of one register."""
        return (self.version, self.clock, self.writer)

    def facts(self) -> dict[str, Any]:
        """The facts of the entry that carries this write; clock and writer are the entry's own."""
        return {
            "kind": self.kind,
            "key": self.key,
            "rank": self.rank,
            "at": self.at,
            "version": self.version,
            "value": self.value,
        }


class Documents:
    """The registers this replica knows, and the digest of them."""

    __slots__ = ("_changes", "_digest", "_registers", "malformed")

    def __init__(self) -> None:
        self._registers: dict[str, dict[str, dict[tuple[int, str], Register]]] = {}
        self._changes: dict[tuple[str, str, int, str], Register] = {}
        self._digest = 0
        self.malformed = 0
        """Document entries this version could not read; they are kept, forwarded and skipped."""

    def apply(self, facts: dict[str, Any], clock: int, writer: str) -> Register | None:
        """Fold one document entry; return its register where it became the one that stands."""
        match facts:
            case {
                "kind": str(kind),
                "key": str(key),
                "rank": int(rank),
                "at": str(at),
                "version": int(version),
                "value": bytes() | None as value,
            } if _is_sound(rank, at, version) and _is_readable(value):
                return self.put(Register(kind, key, rank, at, version, clock, writer, value))
        self.malformed += 1
        return None

    def put(self, register: Register) -> Register | None:
        """Merge one write; return it where it became the one that stands."""
        ranks = self._registers.setdefault(register.kind, {}).setdefault(register.key, {})
        slot = (register.rank, register.at)
        standing = ranks.get(slot)
        if standing is not None:
            if standing.precedence >= register.precedence:
                return None
            self._digest -= _print(standing)
        ranks[slot] = register
        self._digest = (self._digest + _print(register)) % _MODULUS
        self._changes[register.kind, register.key, *slot] = register
        return register

    def register(self, kind: str, key: str, rank: int = CHAIN_RANK, at: str = "") -> Register | None:
        """Return the standing write of one register."""
        return self._registers.get(kind, {}).get(key, {}).get((rank, at))

    def next_version(self, kind: str, key: str, rank: int = CHAIN_RANK, at: str = "") -> int:
        """The version a new write of this register must carry. At the greatest one the later clock decides."""
        standing = self.register(kind, key, rank, at)
        return min(standing.version + 1, VERSION_MAX) if standing is not None else 1

    def value(self, kind: str, key: str) -> Any:
        """The value of the highest rank that has one; None when there is none."""
        ranks = self._registers.get(kind, {}).get(key, {})
        for slot in sorted(ranks, reverse=True):
            value = ranks[slot].value
            if value is not None:
                return msgpack.unpackb(value, strict_map_key=False)
        return None

    def keys(self, kind: str) -> list[str]:
        """Keys of the documents of a kind that have a value, in order."""
        return sorted(
            key
            for key, ranks in self._registers.get(kind, {}).items()
            if any(register.value is not None for register in ranks.values())
        )

    def registers(self) -> Iterator[Register]:
        """Every standing write."""
        for keys in self._registers.values():
            for ranks in keys.values():
                yield from ranks.values()

    def digest(self) -> str:
        """Equal registers, equal digest."""
        return f"{self._digest:032x}"

    def take_changes(self) -> list[Register]:
        """Hand over the registers changed since the last call."""
        changes = list(self._changes.values())
        self._changes.clear()
        return changes


def pack_value(value: Any) -> bytes:
    """Encode a document's value. Raises Invalid where msgpack has no room for it."""
    try:
        packed: bytes = msgpack.packb(value)
    except (OverflowError, ValueError, TypeError) as error:
        raise Invalid(f"the value cannot be stored: {error}", field="value") from None
    return packed


def _is_sound(rank: int, at: str, version: int) -> bool:
    """Whether a register of this version can be: a truth value is no number, and the chain's rank has no place."""
    if type(rank) is not int or type(version) is not int:
        return False
    return 0 <= rank <= RANK_MAX and 1 <= version <= VERSION_MAX and not (rank == CHAIN_RANK and at)


def _is_readable(value: bytes | None) -> bool:
    if value is None:
        return True
    try:
        msgpack.unpackb(value, strict_map_key=False)
    except (ValueError, TypeError):
        return False
    return True


def _print(register: Register) -> int:
    state = (register.kind, register.key, register.rank, register.at, register.precedence, register.value)
    return int.from_bytes(blake2b(repr(state).encode(), digest_size=16).digest())
