"""Documents: data that the whole chain shares besides stock, such as SKUs and locations.

A document is a set of registers, one for each rank (chain, region, store) and each region or store of that rank. A
register keeps the write with the greatest `(version, clock, writer)`. A writer adds one to the highest version it has
seen, so a clock that runs ahead wins once, not for ever. At a location, the value of the highest rank is in effect:
that of the location itself, else that of its region, else that of the chain.

Writes of a store's rank are in the scope of the store's location, so other stores do not receive them. All other writes
are in the chain's scope.

Two writes that did not know of each other can both be accepted. One of them loses. A register keeps it as a lost edit
until a later write replaces it, so that a person learns of it. A write replaces the writes that its node has seen: it
names them in its entry. If it names none, it replaces the earlier write of its own writer. A write by another node
without names is from an earlier release: it replaces all writes with a lower version.

If the current write cleared the register, the register also keeps the last value that it had.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, insort
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Any

import msgpack
from msgspec import ValidationError, convert
from msgspec.structs import replace

from replica.core.base.errors import Invalid
from replica.core.base.limits import LOST_EDITS_MAX, RANK_MAX, VERSION_MAX
from replica.core.base.names import CHAIN
from replica.core.base.time_order import TimeOrder
from replica.core.catalog.ranks import CHAIN_RANK, ranks_at
from replica.core.catalog.registers import (
    NO_PAST,
    Past,
    Precedence,
    Register,
    Slot,
    pack_past,
    print_of,
    scope_of,
    unpack_past,
)

DIGEST_MODULUS = 1 << 128


_Ranks = Register | dict[tuple[int, str], Register]
"""The registers of one document: the only one as it is, or several by rank and `at`.

Most documents have one register, and a dictionary of one takes 300 bytes.
"""


class Documents:
    """The registers that this replica knows, and their digest."""

    __slots__ = (
        "_changed_pasts",
        "_changes",
        "_digests",
        "_keys",
        "_pasts",
        "_registers",
        "_with_lost",
        "malformed",
        "writes",
    )

    def __init__(self) -> None:
        self._registers: dict[str, dict[str, _Ranks]] = {}
        """By kind and key."""
        self._changes: dict[Slot, Register] = {}
        self._pasts: dict[Slot, Past] = {}
        self._changed_pasts: dict[Slot, Past] = {}
        self._with_lost: TimeOrder[Slot] = TimeOrder()
        """Registers with lost edits, by the stamp of the newest of these and of the current write."""
        self._keys: dict[str, list[str]] = {}
        """Keys with a value by kind, in order, for the kinds that somebody listed."""
        self._digests: dict[str, int] = {}
        """By scope."""
        self.malformed = 0
        """Number of document entries that this version could not read: kept, forwarded and skipped."""
        self.writes = 0
        """Grows with each register that got another write: what was computed from documents before may be outdated."""

    def apply(
        self, facts: dict[str, Any], clock: int, writer: str, wall_ms: int = 0, scope: str = CHAIN
    ) -> Register | None:
        """Fold one document entry; return the current write if the index of its kind has to look at it again.

        An entry whose rank does not belong into its scope is malformed.
        """
        match facts:
            case {
                "kind": str(kind),
                "key": str(key),
                "rank": int(rank),
                "at": str(at),
                "version": int(version),
                "value": bytes() | None as value,
            } if _is_sound(rank, at, version) and scope_of(rank, at) == scope and _is_readable(value):
                return self.put(
                    Register(
                        kind=sys.intern(kind),
                        key=sys.intern(key),
                        rank=rank,
                        at=sys.intern(at),
                        version=version,
                        clock=clock,
                        writer=sys.intern(writer),
                        value=value,
                        wall_ms=wall_ms,
                    ),
                    _replaced(facts.get("replaces")),
                )
        self.malformed += 1
        return None

    def put(self, register: Register, replaced: Collection[Precedence] = ()) -> Register | None:
        """Merge one write. `replaced`: the writes that it names as replaced.

        Returns the write if it is now the current one. Returns the current write if that cleared the register, and
        this write is now the last one with a value. Otherwise None.
        """
        current = self.register(*register.slot)
        if current is None:
            self._set(register)
            self._put_past(register.slot, NO_PAST, Past(wall_ms=register.wall_ms))
            return register
        past = self._pasts.get(register.slot, NO_PAST)
        heads = (current, *past.lost)
        if any(head.precedence == register.precedence for head in heads):
            return None
        standing = max(current, register, key=_precedence)
        left = [*_left(heads, register, replaced), register]
        lost = sorted((one for one in left if one is not standing), key=_precedence, reverse=True)
        former = None
        if standing.value is None:
            valued = [one for one in (past.former, current, register) if one is not None and one.value is not None]
            former = max(valued, key=_precedence, default=None)
        self._put_past(register.slot, past, Past(tuple(lost[:LOST_EDITS_MAX]), former, standing.wall_ms))
        self._note_lost(standing, lost[:LOST_EDITS_MAX])
        if standing is register:
            self._digests[current.scope] -= print_of(current)
            self._set(register)
            return register
        return current if former is register else None

    def with_writes(self, writes: Collection[Register]) -> Documents:
        """A copy that also has some writes, each newer than what its register has. Here nothing changes.

        It costs the kinds that are written, and shares all other kinds.
        """
        copy = Documents()
        copy._registers, copy._digests = dict(self._registers), dict(self._digests)
        for kind in dict.fromkeys(one.kind for one in writes):
            copy._registers[kind] = dict(self._registers.get(kind, {}))
            if kind in self._keys:
                copy._keys[kind] = list(self._keys[kind])
        for one in writes:
            ranks = copy._registers[one.kind].get(one.key)
            if isinstance(ranks, dict):
                copy._registers[one.kind][one.key] = dict(ranks)
        for one in writes:
            copy.put(one)
        return copy

    def _set(self, register: Register) -> None:
        self.writes += 1
        documents = self._registers.setdefault(register.kind, {})
        before = documents.get(register.key)
        had_value = before is not None and _has_value(before)
        ranks = documents[register.key] = _with(before, register)
        if register.kind in self._keys and had_value != _has_value(ranks):
            self._note_key(self._keys[register.kind], register.key, is_new=not had_value)
        self._digests[register.scope] = (self._digests.get(register.scope, 0) + print_of(register)) % DIGEST_MODULUS
        self._changes[register.slot] = register

    def _put_past(self, slot: Slot, before: Past, past: Past) -> None:
        if past == before:
            return
        self._changed_pasts[slot] = self._pasts[slot] = past
        if past == NO_PAST:
            del self._pasts[slot]

    def _note_lost(self, standing: Register, lost: Sequence[Register]) -> None:
        if lost:
            self._with_lost.put(standing.slot, max(one.clock for one in (standing, *lost)))
        else:
            self._with_lost.discard(standing.slot)

    def replaced_by_next(self, register: Register) -> list[Precedence]:
        """The writes that a new write has to name: all that are current or lost here, so none for a first write."""
        current = self.register(*register.slot)
        if current is None:
            return []
        return [head.precedence for head in (current, *self._pasts.get(register.slot, NO_PAST).lost)]

    def former(self, kind: str, key: str) -> Register | None:
        """The last chain-wide write with a value, if the current one cleared the document."""
        return self._pasts.get((kind, key, CHAIN_RANK, ""), NO_PAST).former

    def lost_edits(self, limit: int) -> list[tuple[Register, Register]]:
        """The newest lost edits, each with the current write, newest first. An edit with the same value lost nothing.

        The register with the newest write comes first.
        """
        return list(islice(self._all_lost_edits(), limit))

    def _all_lost_edits(self) -> Iterator[tuple[Register, Register]]:
        for slot in reversed(self._with_lost):
            current = self.register(*slot)
            for lost in self._pasts[slot].lost:
                if current is not None and not _say_the_same(lost.value, current.value):
                    yield current, lost

    def register(self, kind: str, key: str, rank: int = CHAIN_RANK, at: str = "") -> Register | None:
        """Return the current write of one register."""
        ranks = self._ranks(kind, key)
        if isinstance(ranks, Register):
            return ranks if ranks.rank == rank and ranks.at == at else None
        return ranks.get((rank, at)) if ranks is not None else None

    def _ranks(self, kind: str, key: str) -> _Ranks | None:
        documents = self._registers.get(kind)
        return documents.get(key) if documents is not None else None

    def next_version(self, kind: str, key: str, rank: int = CHAIN_RANK, at: str = "") -> int:
        """Return the version for a new write of this register. At VERSION_MAX the later clock decides."""
        current = self.register(kind, key, rank, at)
        return min(current.version + 1, VERSION_MAX) if current is not None else 1

    def packed(self, kind: str, key: str) -> bytes | None:
        """The chain-wide value, as msgpack; None if there is none."""
        current = self.register(kind, key)
        return current.value if current is not None else None

    def value(self, kind: str, key: str) -> Any:
        """The chain-wide value; None if there is none."""
        packed = self.packed(kind, key)
        return msgpack.unpackb(packed, strict_map_key=False) if packed is not None else None

    def valued(self, kind: str, key: str, region: str = "", location: str = "") -> list[Register]:
        """The writes with a value that concern a location in a region, the highest rank first.

        The first of them is in effect. Without a location: those that concern the region. Without both: the chain's.
        """
        if self._ranks(kind, key) is None:
            return []
        found = [self.register(kind, key, *slot) for slot in ranks_at(location, region)]
        return [one for one in found if one is not None and one.value is not None]

    def ranked(self, kind: str, key: str) -> list[Register]:
        """The current write of each register of a document, in order of rank and `at`. Some may be cleared."""
        return sorted(_each(self._ranks(kind, key)), key=lambda one: (one.rank, one.at))

    def keys(self, kind: str) -> Sequence[str]:
        """Keys of the documents of a kind that have a value at any rank, in order."""
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
                yield from _each(ranks)

    def digest(self, scope: str = CHAIN) -> int:
        """Equal registers of a scope, equal digest. 0 if there are none."""
        return self._digests.get(scope, 0)

    def take_changes(self) -> list[Register]:
        """Hand over the registers changed since the last call."""
        changes = list(self._changes.values())
        self._changes.clear()
        return changes

    def take_changed_pasts(self) -> list[tuple[Slot, bytes]]:
        """Hand over what registers keep besides their current writes, packed, if it changed since the last call."""
        changes = [(slot, pack_past(past)) for slot, past in self._changed_pasts.items()]
        self._changed_pasts.clear()
        return changes

    def load_past(self, slot: Slot, packed: bytes) -> Register | None:
        """Load what a register keeps. Return its current write if that cleared it, and it had a value before."""
        past = unpack_past(slot, packed)
        if past != NO_PAST:
            self._pasts[slot] = past
        current = self.register(*slot)
        if current is not None:
            self._note_lost(current, past.lost)
        if current is not None and past.wall_ms:
            documents = self._registers[current.kind]
            documents[current.key] = _with(documents[current.key], replace(current, wall_ms=past.wall_ms))
        return self.register(*slot) if past.former is not None else None


def _precedence(register: Register) -> Precedence:
    return register.precedence


def _left(heads: Collection[Register], register: Register, replaced: Collection[Precedence]) -> list[Register]:
    """The writes that a new write does not replace. A write of an earlier release names none: its version decides."""
    if replaced:
        return [head for head in heads if head.precedence not in replaced]
    return [head for head in heads if head.version >= register.version]


def _replaced(noted: object) -> list[Precedence]:
    """Read the replaced writes off an entry. An entry that names none, or names nonsense, names none."""
    try:
        return convert(noted, list[Precedence]) if noted is not None else []
    except ValidationError:
        return []


def _has_value(ranks: _Ranks) -> bool:
    return any(register.value is not None for register in _each(ranks))


def _each(ranks: _Ranks | None) -> Collection[Register]:
    """The registers of one document, in no order."""
    if ranks is None:
        return ()
    return (ranks,) if isinstance(ranks, Register) else ranks.values()


def _with(ranks: _Ranks | None, register: Register) -> _Ranks:
    """The registers of one document with another one, or with another write of one of them."""
    if ranks is None or (isinstance(ranks, Register) and ranks.slot == register.slot):
        return register
    if isinstance(ranks, Register):
        ranks = {(ranks.rank, ranks.at): ranks}
    ranks[register.rank, register.at] = register
    return ranks


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


def are_equal(one: bytes | None, other: bytes | None) -> bool:
    """Whether two packed values are the same JSON value. Unlike in Python, `1`, `1.0` and `true` differ."""
    if one is None or other is None or one == other:
        return one == other
    pairs = [(msgpack.unpackb(one, strict_map_key=False), msgpack.unpackb(other, strict_map_key=False))]
    while pairs:
        first, second = pairs.pop()
        if type(first) is not type(second):
            return False
        if isinstance(first, dict) and first.keys() == second.keys():
            pairs += [(value, second[name]) for name, value in first.items()]
        elif isinstance(first, list) and len(first) == len(second):
            pairs += zip(first, second, strict=True)
        elif first != second:
            return False
    return True


def _say_the_same(one: bytes | None, other: bytes | None) -> bool:
    """Whether two values are equal, whatever the order in which their fields were written."""
    if one is None or other is None or one == other:
        return one == other
    return bool(msgpack.unpackb(one, strict_map_key=False) == msgpack.unpackb(other, strict_map_key=False))
