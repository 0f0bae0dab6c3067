"""Documents: data that the whole chain shares besides stock, such as SKUs and locations.

A document is a set of registers, one for each rank (chain, region, store) and each region or store of that rank. A
register keeps the write with the greatest `(version, clock, writer)`. A writer adds one to the highest version it has
seen, so a clock that runs ahead wins once, not for ever. The highest rank that has a value gives the document's value.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgpack
from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import RANK_MAX, VERSION_MAX

CHAIN_RANK = 0

_MODULUS = 1 << 128


class Register(Struct, frozen=True):
    """One write of one document at one rank. `value` is msgpack, or None if the register was cleared."""

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
        """Of two writes of one register, the one with the greater precedence wins."""
        return (self.version, self.clock, self.writer)

    def facts(self) -> dict[str, Any]:
        """The facts of the entry with this write; the entry itself has the clock and the writer."""
        return {
            "kind": self.kind,
            "key": self.key,
            "rank": self.rank,
            "at": self.at,
            "version": self.version,
            "value": self.value,
        }


class Documents:
    """The registers that this replica knows, and their digest."""

    __slots__ = ("_changes", "_digest", "_keys", "_registers", "malformed")

    def __init__(self) -> None:
        self._registers: dict[str, dict[str, dict[tuple[int, str], Register]]] = {}
        self._changes: dict[tuple[str, str, int, str], Register] = {}
        self._keys: dict[str, list[str]] = {}
        """Keys with a value by kind, in order, for the kinds that somebody listed."""
        self._digest = 0
        self.malformed = 0
        """Number of document entries that this version could not read: kept, forwarded and skipped."""

    def apply(self, facts: dict[str, Any], clock: int, writer: str) -> Register | None:
        """Fold one document entry; return its register if that is now the current write."""
        match facts:
            case {
                "kind": str(kind),
                "key": str(key),
                "rank": int(rank),
                "at": str(at),
                "version": int(version),
                "value": bytes() | None as value,
            } if _is_sound(rank, at, version) and _is_readable(value):
                return self.put(
                    Register(
                        kind=kind,
                        key=key,
                        rank=rank,
                        at=at,
                        version=version,
                        clock=clock,
                        writer=writer,
                        value=value,
                    )
                )
        self.malformed += 1
        return None

    def put(self, register: Register) -> Register | None:
        """Merge one write; return it if it is now the current write."""
        ranks = self._registers.setdefault(register.kind, {}).setdefault(register.key, {})
        slot = (register.rank, register.at)
        current = ranks.get(slot)
        if current is not None:
            if current.precedence >= register.precedence:
                return None
            self._digest -= _print(current)
        had_value = _has_value(ranks)
        ranks[slot] = register
        if register.kind in self._keys and had_value != _has_value(ranks):
            self._note_key(self._keys[register.kind], register.key, is_new=not had_value)
        self._digest = (self._digest + _print(register)) % _MODULUS
        self._changes[register.kind, register.key, *slot] = register
        return register

    def register(self, kind: str, key: str, rank: int = CHAIN_RANK, at: str = "") -> Register | None:
        """Return the current write of one register."""
        return self._registers.get(kind, {}).get(key, {}).get((rank, at))

    def next_version(self, kind: str, key: str, rank: int = CHAIN_RANK, at: str = "") -> int:
        """Return the version for a new write of this register. At VERSION_MAX the later clock decides."""
        current = self.register(kind, key, rank, at)
        return min(current.version + 1, VERSION_MAX) if current is not None else 1

    def value(self, kind: str, key: str) -> Any:
        """The value of the highest rank that has one; None if no rank has one."""
        ranks = self._registers.get(kind, {}).get(key, {})
        for slot in sorted(ranks, reverse=True):
            value = ranks[slot].value
            if value is not None:
                return msgpack.unpackb(value, strict_map_key=False)
        return None

    def keys(self, kind: str) -> Sequence[str]:
        """Keys of the documents of a kind that have a value, in order."""
        known = self._keys.get(kind)
        if known is None:
            documents = self._registers.get(kind, {})
            known = self._keys[kind] = sorted(key for key, ranks in documents.items() if _has_value(ranks))
        return known

    @staticmethod
    def _note_key(keys: list[str], key: str, *, is_new: bool) -> None:
        if is_new:
            insort(keys, key)
        else:
            del keys[bisect_left(keys, key)]

    def registers(self) -> Iterator[Register]:
        """The current write of every register."""
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


def _has_value(ranks: Mapping[tuple[int, str], Register]) -> bool:
    return any(register.value is not None for register in ranks.values())


def pack_value(value: Any) -> bytes:
    """Encode a document's value. Raises Invalid if msgpack cannot encode it."""
    try:
        packed: bytes = msgpack.packb(value)
    except (OverflowError, ValueError, TypeError) as error:
        raise Invalid(f"the value cannot be stored: {error}", field="value") from None
    return packed


def _is_sound(rank: int, at: str, version: int) -> bool:
    """Return whether a register may have these fields: a bool is no number, and the chain's rank has no `at`."""
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
