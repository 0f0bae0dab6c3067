"""Registers of documents: one write, and what a register keeps besides its current write."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import blake2b
from typing import Any

import msgpack
from msgspec import Struct

from replica.core.base.names import CHAIN
from replica.core.catalog.ranks import STORE_RANK

Precedence = tuple[int, int, str]
"""The version, the clock and the writer of a write. They identify it among the writes of its register."""

Slot = tuple[str, str, int, str]
"""The kind, the key, the rank and the region or store of a register."""


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
    wall_ms: int = 0
    """When it was written, in milliseconds since 1970, if the clock does not show it; else 0."""

    @property
    def precedence(self) -> Precedence:
        """Of two writes of one register, the one with the greater precedence wins."""
        return (self.version, self.clock, self.writer)

    @property
    def slot(self) -> Slot:
        """The register that this write is of."""
        return (self.kind, self.key, self.rank, self.at)

    @property
    def scope(self) -> str:
        """The scope that its entry is in."""
        return scope_of(self.rank, self.at)

    def facts(self, replaced: Collection[Precedence] = ()) -> dict[str, Any]:
        """The facts of the entry with this write; the entry itself has the clock and the writer.

        `replaced`: the writes that it replaces, if they are not only the earlier write of its own writer.
        """
        facts = {
            "kind": self.kind,
            "key": self.key,
            "rank": self.rank,
            "at": self.at,
            "version": self.version,
            "value": self.value,
        }
        return {**facts, "replaces": [list(one) for one in replaced]} if replaced else facts


def scope_of(rank: int, at: str) -> str:
    """The scope of the writes of a rank: that of the location if it is a store's rank, else that of the chain."""
    return at if rank == STORE_RANK else CHAIN


def writes_slot(facts: Mapping[str, Any], slot: Slot) -> bool:
    """Whether the facts of a document entry are those of a write of this register."""
    return tuple(facts.get(field) for field in ("kind", "key", "rank", "at")) == slot


class Past(Struct, frozen=True):
    """What a register keeps besides its current write.

    `lost`: writes that no other write replaced, greatest precedence first. `former`: the last write with a value, if
    the current write cleared the register. `wall_ms`: that of the current write.
    """

    lost: tuple[Register, ...] = ()
    former: Register | None = None
    wall_ms: int = 0


NO_PAST = Past()


def pack_past(past: Past) -> bytes:
    """What a journal keeps of a past: everything except the slot."""
    former = past.former
    packed: bytes = msgpack.packb(
        [[_row(one) for one in past.lost], None if former is None else _row(former), past.wall_ms]
    )
    return packed


def unpack_past(slot: Slot, packed: bytes) -> Past:
    """The past of a register, as `pack_past` packed it."""
    lost, former, wall_ms = msgpack.unpackb(packed)
    return Past(
        lost=tuple([Register(*slot, *write) for write in lost]),
        former=None if former is None else Register(*slot, *former),
        wall_ms=wall_ms,
    )


def _row(register: Register) -> tuple[Any, ...]:
    return (*register.precedence, register.value, register.wall_ms)


def print_of(register: Register) -> int:
    """What a register adds to the digest of its scope."""
    state = (register.kind, register.key, register.rank, register.at, register.precedence, register.value)
    return int.from_bytes(blake2b(repr(state).encode(), digest_size=16).digest())
