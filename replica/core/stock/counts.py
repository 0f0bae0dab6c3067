"""Counts: what was found on a shelf as of a moment, and the book that is kept true to it.

A count says that a (location, item) had so many units as of a moment. The newest one corrects, and no other: its own
writer keeps the book *as of that moment* at the level. So what it hears of only afterwards, and was before that moment,
was in the level already, and is taken out again by a correction that names the count. "Before" is told by stamps: a
movement's own; a void's is that of what it takes back; an older count's correction is before a newer count, whenever
it was written. So whoever hears what when, and whoever counts, books end at the newest count and what came after it.

Only the writer of a count decides for it: late is what its own replica came to hold after the count, by its stamp from
before it. Of two counts the one that was made knowing the other is newer, whatever their clocks say; of others the one
of the later moment (`rank`). A count by a clock that is wrong is wrong by what moved in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.base.names import FOUND, FREE, LOSS, account, is_internal, node_of
from replica.core.ledger.cells import Move, parts_of
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, Entry
from replica.core.log.voids import VOID, effective_clock
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import (
    Count,
    CountLine,
)

COUNT = "count"
CORRECTION = "correction"
"""The kind of an entry that keeps the book at a count."""

FOLDED = (COUNT, CORRECTION, VOID)
"""Kinds that concern counts whatever their stamp."""

CountRank = tuple[int, str, int]
"""How counts are ordered: rank, writer, stamp."""


class Seen(Struct, frozen=True):
    """What a counter worked from: each item's level at a moment, and how much of each stream was in it."""

    levels: Mapping[str, int]
    as_of: int
    vector: Mapping[str, int]
    ranks: Mapping[str, int] = {}
    """By item, where the count comes in the order of counts, if not where its moment says."""
    outdated: tuple[str, ...] = ()
    """Items of which a newer count is known: this one changes nothing."""
    held: Mapping[str, int] | None = None
    """How far each stream was held when the levels were worked out, if that was before the count is decided."""
    unheard: tuple[str, ...] = ()
    """Nodes that may have moved something before the moment without having been heard."""


_STAMP_MAX = 1 << 63

_NUMBER_MAX = 1 << 62
"""Past every stamp of the next 2,000 years, and so far below what can be packed that a count can outrank any other."""


class Standing(Struct, array_like=True):
    """The newest count of one (location, item)."""

    location: str
    item: str
    level: int
    as_of: int
    rank: int
    writer: str
    clock: int
    sequence: int
    entry: bytes
    vector: dict[str, int] = {}
    """How far its writer held each stream, kept at its own node."""
    drift: int = 0
    """Units by which the book as of the count is above the level, as far as its own node knows."""

    @property
    def order(self) -> CountRank:
        """The newest count has most of this."""
        return self.rank, self.writer, self.clock


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Standing).decode


class Counts:
    """The newest count of every (location, item), and by how much the book drifted from those of this node."""

    __slots__ = ("_changed", "_drifted", "_standing", "malformed", "node", "watched")

    def __init__(self, node: str) -> None:
        self.node = node
        self.watched: dict[str, int] = {}
        """By location, the latest moment that this node's counts are of: what is stamped after it is not late."""
        self.malformed = 0
        """Counts this version could not read; they are kept, forwarded and skipped."""
        self._standing: dict[str, dict[str, Standing]] = {}
        self._drifted: dict[tuple[str, str], None] = {}
        self._changed: dict[tuple[str, str], None] = {}

    def find(self, location: str, item: str) -> Standing | None:
        """The newest count of an item at a location."""
        return self._standing.get(location, {}).get(item)

    def load(self, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """Take in the checkpoint of an earlier fold: location, item, and the count packed."""
        for _, _, packed in rows:
            standing = _decode(packed)
            self._stand(standing)
            if standing.drift:
                self._drifted[standing.location, standing.item] = None

    def apply(self, entry: Entry) -> None:
        """Fold one entry: a count, what corrects or takes back, and whatever may be late. Never refuses."""
        location, content = entry.stream.scope, entry.content
        try:
            counted = _counted(entry, self.node) if content.kind == COUNT else []
            corrects = _corrected(content)
        except (KeyError, ValueError, TypeError, AttributeError):
            self.malformed += 1
            return
        orders = {one.item: one.order for one in counted}
        for item, change in _effects(content).items():
            standing = self.find(location, item)
            if standing is None or not change or node_of(standing.writer) != self.node:
                continue
            order = orders.get(item) or corrects.get(item)
            if order is None:
                is_before = not is_after(entry, standing.writer, standing.as_of, standing.vector)
            else:
                is_before = order <= standing.order
            if is_before:
                standing.drift += change
                self._note(standing)
        for one in counted:
            known = self.find(location, one.item)
            if known is None or one.order > known.order:
                self._stand(one)
                self._note(one)

    def placed(self, location: str, writer: str, seen: Seen, items: Iterable[str]) -> Seen:
        """Say of a count of these items that is about to be made how it stands to those there were."""
        ranks: dict[str, int] = {}
        outdated = []
        for item in items:
            known = self.find(location, item)
            if known is None:
                continue
            rank = seen.as_of
            if known.sequence <= seen.vector.get(known.writer, 0):
                rank = max(rank, known.rank + 1)
            if rank > seen.as_of:
                ranks[item] = rank
            if known.order > (rank, writer, _STAMP_MAX):
                outdated.append(item)
        return msgspec.structs.replace(seen, ranks=ranks, outdated=tuple(outdated))

    def next_correction(self) -> tuple[str, Draft] | None:
        """The next entry this node owes one of its counts: what all items of one count need, together."""
        while self._drifted:
            location, item = next(iter(self._drifted))
            first = self._standing[location][item]
            together = [one for pair in self._drifted if (one := self._at(*pair)).entry == first.entry]
            for one in together:
                del self._drifted[one.location, one.item]
            if node_of(first.writer) == self.node:
                free = account(self.node, FREE)
                moves = tuple([move for one in together for move in move_to_level(one.item, free, -one.drift)])
                orders = [[one.item, *one.order] for one in together]
                facts = {"count": first.entry, "as_of": first.as_of, "orders": orders}
                return location, Draft(CORRECTION, moves, facts=facts, reference=first.entry.hex())
        return None

    def take_changes(self) -> list[tuple[str, str, bytes]]:
        """Hand over the counts changed since the last call: location, item, and the count packed."""
        changed = [(*pair, _encode(self._at(*pair))) for pair in self._changed]
        self._changed.clear()
        return changed

    def _at(self, location: str, item: str) -> Standing:
        return self._standing[location][item]

    def _stand(self, standing: Standing) -> None:
        location = standing.location
        self._standing.setdefault(location, {})[standing.item] = standing
        self._drifted.pop((location, standing.item), None)
        if node_of(standing.writer) == self.node:
            self.watched[location] = max(standing.as_of, self.watched.get(location, 0))

    def _note(self, standing: Standing) -> None:
        pair = standing.location, standing.item
        self._changed[pair] = None
        if standing.drift:
            self._drifted[pair] = None
        else:
            self._drifted.pop(pair, None)


def is_after(entry: Entry, counter: str, as_of: int, vector: Mapping[str, int]) -> bool:
    """Whether an entry that was not held at a count is from after it, so that the count says nothing of it.

    Args:
        counter: the writer of the count: what it wrote later is from later, whatever its clock.
        vector: how far each stream was held when it was counted: what takes back an entry of those is before.
    """
    content, writer = entry.content, entry.stream.writer
    if content.kind in (COUNT, CORRECTION):
        return False  # older than this count, or this count is outdated
    if content.kind == VOID:
        facts = content.facts
        writer, number = facts.get("loser_writer", ""), facts.get("loser_sequence", 0)
        if isinstance(writer, str) and isinstance(number, int) and 0 < number <= vector.get(writer, 0):
            return False
    return writer == counter or effective_clock(content) > as_of


def _counted(entry: Entry, node: str) -> list[Standing]:
    """The counts an entry makes, item by item. Raises for what no node of this version wrote."""
    stream, content = entry.stream, entry.content
    facts = content.facts
    as_of, ranks = _number(facts["as_of"]), facts.get("ranks", {})
    own = node_of(stream.writer) == node
    vector = {str(writer): _number(last) for writer, last in facts["seen"].items()} if own else {}
    return [
        Standing(
            stream.scope,
            str(item),
            _number(level),
            as_of,
            _number(ranks.get(item, as_of)),
            stream.writer,
            content.clock,
            entry.sequence,
            entry.hash,
            vector,
        )
        for item, level, *_ in facts["count"]
    ]


def _corrected(content: Content) -> dict[str, CountRank]:
    """The counts an entry corrects, by item."""
    if content.kind != CORRECTION:
        return {}
    return {str(item): (_number(rank), str(by), _number(clock)) for item, rank, by, clock in content.facts["orders"]}


def _number(value: object) -> int:
    if not isinstance(value, int) or not -_NUMBER_MAX < value < _NUMBER_MAX:
        raise TypeError(f"{value!r} is no whole number, or too large")
    return value


def _effects(content: Content) -> dict[str, int]:
    """What an entry changes of what is on hand, by item."""
    effects: dict[str, int] = {}
    for move in content.moves:
        change = (is_internal(move.target) - is_internal(move.source)) * move.quantity
        effects[move.item] = effects.get(move.item, 0) + change
    return effects


def prepare_count(view: LocationView, count: Count, seen: Seen) -> Draft:
    """Set the book to what was counted, as of what the counter saw: what moved since stays moved.

    The entry records level, as-of stamp and vector, and the difference it wrote. A count below what is free takes the
    node's own units and may overdraw them: the shelf is right, the book was not. Where a newer count is known nothing
    changes.
    """
    moves = []
    counted: dict[str, list[Any]] = {}
    for index, line in enumerate(count.lines):
        field = f"lines[{index}].item"
        stock = view.ledger.stock(view.location, line.item)
        view.catalog.check_item(line.item, bool(stock.cells), field)
        if line.item in counted:
            raise Invalid(f"{line.item} is counted twice", field=field)
        on_hand = stock.figures.on_hand
        level = seen.levels.get(line.item, on_hand)
        change = line.counted - level if line.item not in seen.outdated else 0
        moves += move_to_level(line.item, view.free, change)
        counted[line.item] = [line.item, line.counted, level, change, on_hand + change]
    facts: dict[str, Any] = {"count": list(counted.values()), "as_of": seen.as_of, "seen": dict(seen.vector)}
    if seen.ranks:
        facts["ranks"] = dict(seen.ranks)
    if seen.unheard:
        facts["unheard"] = list(seen.unheard)
    if count.seen:
        facts["token"] = count.seen
    return Draft(COUNT, tuple(moves), (), facts, reference=count.reference)


def read_count(content: Content) -> Count:
    """Read the count off its entry."""
    lines = tuple(CountLine(item, level) for item, level, *_ in content.facts["count"])
    return Count(lines, content.facts.get("token", ""), content.reference)


def move_to_level(item: str, free: str, change: int) -> list[Move]:
    """Move so many units of an item in from nowhere, or out to nowhere when it is less than 0."""
    source, target = (FOUND, free) if change > 0 else (free, LOSS)
    return [Move(item, source, target, part) for part in parts_of(abs(change))]
