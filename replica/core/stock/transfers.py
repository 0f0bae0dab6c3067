"""All transfers that a replica knows: a part of the fold.

`transfer` says what the facts of one transfer add up to. Here each is kept packed, with indexes: the units on their way
by location and item, the transfers that may be late, those that somebody should look at, those of each plan, and those
of which a location has not heard everything. Reading changes nothing, and folding never refuses an entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from replica.core.base.names import TRANSIT
from replica.core.base.time_order import TimeOrder
from replica.core.log.entry import Entry
from replica.core.log.times import recorded_ms
from replica.core.log.voids import VOID
from replica.core.stock.transfer import Act, Fact, Transfer, read_fact
from replica.core.stock.transfer_numbers import is_transfer_number

TRANSFER = "transfer"
"""The fact with the number of the transfer, in each entry about one. A void has it if the entry that it undoes has."""

UNITS = "units"
"""The fact with the units of an act, each with a condition or reason."""

NOTICE = "transfer_notice"
"""The kind of an entry that tells a location what was recorded about a transfer elsewhere."""

TOLD, VOIDED = "told", "voided"
"""The facts of a notice: acts, and the entries of acts that lost to a duplicate."""

ACTS = {act.value: act for act in Act}
"""The acts by the kinds of their entries."""

_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Transfer).decode

_MODULUS = 1 << 128


def transit_account(transfer: str) -> str:
    """The account of the units of a transfer that are on their way."""
    return f"{TRANSIT}{transfer}"


class Transfers:
    """Every transfer that this replica knows."""

    __slots__ = (
        "_by_time",
        "_changed",
        "_due",
        "_of_plan",
        "_packed",
        "_places",
        "_to_tell",
        "incoming",
        "malformed",
        "outgoing",
        "with_discrepancies",
    )

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}
        self._changed: dict[str, None] = {}
        self._by_time: TimeOrder[str] = TimeOrder()
        """By the stamp of the first fact."""
        self._due: TimeOrder[str] = TimeOrder()
        """Transfers with units on their way, by the time at which they are late."""
        self._to_tell: dict[str, None] = {}
        self._of_plan: dict[str, dict[str, None]] = {}
        self._places: dict[str, list[tuple[str, str]]] = {}
        """By transfer: where it is in `incoming` and `outgoing`, as location and item."""
        self.with_discrepancies: TimeOrder[str] = TimeOrder()
        """Transfers that somebody should look at, by the stamp of their first fact."""
        self.incoming: dict[tuple[str, str], dict[str, int]] = {}
        """Units on their way to a location, by location and item, then by transfer. Nobody may promise them."""
        self.outgoing: dict[tuple[str, str], dict[str, int]] = {}
        """The same for units that left a location and have not arrived."""
        self.malformed = 0
        """Entries that this version cannot read. The node keeps and forwards them, and the fold skips them."""

    def __len__(self) -> int:
        return len(self._packed)

    def __contains__(self, transfer: object) -> bool:
        return transfer in self._packed

    def __iter__(self) -> Iterator[Transfer]:
        return map(_unpack, self._packed.values())

    def find(self, transfer: str) -> Transfer | None:
        """The transfer with this number, to read it; None where there is none. Unpacked at each call: some 10 µs."""
        packed = self._packed.get(transfer)
        return _unpack(packed) if packed is not None else None

    def newest(self, limit: int, before: str = "") -> list[str]:
        """Numbers of at most `limit` transfers, those first that began last.

        `before`: a transfer of this replica; only those that began before this one.
        """
        return self._by_time.newest_before(limit, before or None)

    def of_plan(self, plan: str) -> list[str]:
        """Numbers of the transfers that a plan asked for, in order."""
        return sorted(self._of_plan.get(plan, ()))

    def late(self, now_ms: int, limit: int) -> list[str]:
        """Numbers of at most `limit` transfers that should have arrived by now, those first that are late longest."""
        return self._due.earliest(min(limit, self.number_late(now_ms)))

    def number_late(self, now_ms: int) -> int:
        """The number of transfers that should have arrived by now."""
        return self._due.number_before(now_ms)

    @property
    def underway(self) -> int:
        """The number of transfers with units on their way."""
        return len(self._due)

    def to_tell(self, limit: int) -> list[str]:
        """Numbers of at most `limit` transfers of which some location has not heard everything."""
        return [transfer for transfer, _ in zip(self._to_tell, range(limit), strict=False)]

    def apply(self, entry: Entry) -> None:
        """Fold one entry about a transfer, or the void of one. Never refuses."""
        facts, scope = entry.content.facts, entry.stream.scope
        if entry.content.kind == VOID and TRANSFER not in facts:
            return
        name = facts.get(TRANSFER)
        if not isinstance(name, str) or not is_transfer_number(name):
            self.malformed += 1
            return
        known = self.find(name)
        transfer = known or Transfer(name)
        try:
            _take_in(transfer, entry, scope)
        except (KeyError, ValueError, TypeError, AttributeError):
            self.malformed += 1
            return
        self._keep(transfer)

    def take_changes(self) -> list[tuple[str, bytes]]:
        """Hand over the transfers changed since the last call: number, packed state."""
        changed = [(name, self._packed[name]) for name in self._changed]
        self._changed.clear()
        return changed

    def load(self, rows: Iterable[tuple[str, bytes]]) -> None:
        """Load the checkpoint of an earlier fold."""
        for name, packed in rows:
            self._packed[name] = packed
            self._index(_unpack(packed))

    def digest(self) -> str:
        """Equal facts, equal digest, whatever each location was told. Goes through all of them."""
        total = 0
        for one in self:
            state = (one.id, [fact.entry for fact in one.facts], sorted(one.voided))
            total += int.from_bytes(blake2b(repr(state).encode(), digest_size=16).digest())
        return f"{total % _MODULUS:032x}"

    def _keep(self, transfer: Transfer) -> None:
        self._packed[transfer.id] = _pack(transfer)
        self._changed[transfer.id] = None
        self._index(transfer)

    def _index(self, transfer: Transfer) -> None:
        """Note where a transfer is underway, whether it may be late or needs a look, and who has to hear of it."""
        name = transfer.id
        for pair in self._places.pop(name, ()):
            for index in (self.incoming, self.outgoing):
                _forget(index, pair, name)
        self._by_time.put(name, transfer.began)
        units = {item: one.in_transit for item, one in transfer.units().items() if one.in_transit}
        if units:
            self._due.put(name, transfer.due_ms)
            self._underway(transfer, units)
        else:
            self._due.discard(name)
        if transfer.discrepancies:
            self.with_discrepancies.put(name, transfer.began)
        else:
            self.with_discrepancies.discard(name)
        if missing(transfer):
            self._to_tell[name] = None
        else:
            self._to_tell.pop(name, None)
        request = transfer.request
        plan = request.details.get("plan") if request is not None else None
        if isinstance(plan, str):
            self._of_plan.setdefault(plan, {})[name] = None

    def _underway(self, transfer: Transfer, units: Mapping[str, int]) -> None:
        places = self._places[transfer.id] = []
        for item, number in units.items():
            for index, location in ((self.incoming, transfer.target), (self.outgoing, transfer.source)):
                if location:
                    index.setdefault((location, item), {})[transfer.id] = number
                    places.append((location, item))


def _forget(index: dict[tuple[str, str], dict[str, int]], pair: tuple[str, str], transfer: str) -> None:
    underway = index.get(pair)
    if underway is not None and underway.pop(transfer, None) is not None and not underway:
        del index[pair]


def _take_in(transfer: Transfer, entry: Entry, scope: str) -> None:
    """Take in what one entry tells. Raises if no node of this version can have written it; nothing changed then."""
    content, facts = entry.content, entry.content.facts
    if content.kind == VOID:
        transfer.void(_hash(facts["loser"]), scope)
        return
    if content.kind == NOTICE:
        told = [read_fact(one) for one in facts[TOLD]]
        voided = [_hash(one) for one in facts[VOIDED]]
        for fact in told:
            transfer.add(fact, scope)
            transfer.add(fact, fact.location)
        for loser in voided:
            transfer.void(loser, scope)
        return
    made = [
        entry.hash,
        content.kind,
        scope,
        entry.stream.writer,
        entry.sequence,
        content.clock,
        recorded_ms(content),
        facts.get(UNITS, ()),
        details_of(facts),
    ]
    transfer.add(read_fact(made), scope)


DETAILS = ("from", "to", "approved", "expected_ms", "plan", "last", "sent", "note", "reference")
"""Facts of entries that are told to other locations, besides the units."""


def details_of(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The details of an act in the facts of its entry."""
    return {name: value for name, value in facts.items() if name in DETAILS}


def _hash(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r} is not the hash of an entry")
    return value


def missing(transfer: Transfer) -> dict[str, tuple[list[Fact], list[bytes]]]:
    """What each location of a transfer has not heard of yet: facts, and which of them lost to a duplicate."""
    lacking = {}
    for location in transfer.participants:
        told = [fact for fact in transfer.facts if location not in transfer.told.get(fact.entry, ())]
        voided = [loser for loser, scopes in sorted(transfer.voided.items()) if location not in scopes]
        if told or voided:
            lacking[location] = (told, voided)
    return lacking


def as_told(fact: Fact) -> Any:
    """A fact as a notice carries it."""
    return msgspec.to_builtins(fact, builtin_types=(bytes,))
