"""Counts: the levels found on a shelf at a moment, and the corrections that keep the book stock equal to them.

A count says how many units a (location, item) had at a moment. Only the newest count corrects: its writer keeps the
book stock *as of that moment* equal to the level. If the writer later receives a movement from before that moment, the
level already contained it, so the writer takes it out again by a correction that refers to the count. Times decide
what was before (`log.times`). A movement counts when its till says that it happened, else by its stamp; a void counts
when the entry does that it takes back; and the correction of an older count is before a newer count, whenever it was
written. So in any order of delivery, and whoever counts, the book stock ends at the newest count plus the movements
after it.

Only the writer of a count decides for it. An entry is late if the writer's replica received it after the count and it
counts before it. Of two counts, the one made with knowledge of the other is newer, whatever their clocks say.
Otherwise the count of the later moment is newer (`rank`). If the clock of a count is wrong, the count is wrong by the
units that moved in between.

A node whose disk was replaced gets its own counts back from a hub, with the entries in the order of the hub. What was
late for the writer may then be before the count, and so is its effect, but the correction of it is still to come. The
node sees that its book at the count differs from the one that the count recorded. It cannot tell late entries from
those after the count then, so it leaves the book to the corrections that were written, until the next count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from replica.core.base.errors import Invalid
from replica.core.base.limits import QUANTITY_MAX
from replica.core.base.names import FOUND, FREE, LOSS, account, node_of
from replica.core.ledger.cells import Ledger, Move, parts_of
from replica.core.log.draft import Draft
from replica.core.log.entry import Content, Entry
from replica.core.log.times import counts_by_till, effective_clock
from replica.core.log.voids import RETURN_CORRECTION, VOID
from replica.core.stock.location_view import LocationView
from replica.core.stock.requests import (
    Count,
    CountLine,
)

COUNT = "count"
CORRECTION = "correction"
"""The kind of an entry that keeps the book at a count."""

FOLDED = (COUNT, CORRECTION, VOID, RETURN_CORRECTION)
"""Kinds of entries that concern counts, whatever their stamp."""

_CHANGED = {VOID: "loser", RETURN_CORRECTION: "return"}
"""What the facts of an entry call the earlier entry that it changes, by the kind of the entry."""

CountRank = tuple[int, str, int]
"""How counts are ordered: rank, writer, stamp."""


class Seen(Struct, frozen=True):
    """What the counter saw: the levels of items at a moment, and the last entry of each stream that they include."""

    levels: Mapping[str, int]
    as_of: int
    vector: Mapping[str, int]
    ranks: Mapping[str, int] = {}
    """By item: the rank of the count among counts, if it differs from the moment."""
    outdated: tuple[str, ...] = ()
    """Items that have a newer count, so this count does not change them."""
    held: Mapping[str, int] | None = None
    """The last entry held of each stream when the levels were computed, if that was before the count is decided."""
    unheard: tuple[str, ...] = ()
    """Nodes whose movements from before the moment may still be missing."""


_STAMP_MAX = 1 << 63

_NUMBER_MAX = 1 << 62
"""Above every stamp of the next 2,000 years, and so far below the largest number that can be packed that a count can
outrank any other."""


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
    """The last entry of each stream that its writer held. Only the writer's node keeps this."""
    drift: int = 0
    """Units by which the book stock as of the count is above the level, as far as the writer's node knows."""
    is_settled: bool = False
    """Whether the corrections that its writer wrote are all, because this node cannot tell which are due (`Counts`)."""

    @property
    def order(self) -> CountRank:
        """The rank by which counts compare: the newest count has the highest."""
        return self.rank, self.writer, self.clock


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Standing).decode


class Counts:
    """The newest count of every (location, item), and how far the book stock drifted from those of this node."""

    __slots__ = ("_changed", "_drifted", "_ledger", "_standing", "malformed", "node", "watched")

    def __init__(self, node: str, ledger: Ledger) -> None:
        self.node = node
        self._ledger = ledger
        """The book, to which an entry is applied before it is applied here."""
        self.watched: dict[str, int] = {}
        """By location: the latest moment of this node's counts. An entry that counts later is not late."""
        self.malformed = 0
        """Counts that this version cannot read. The node keeps and forwards them, and the fold skips them."""
        self._standing: dict[str, dict[str, Standing]] = {}
        self._drifted: dict[tuple[str, str], None] = {}
        self._changed: dict[tuple[str, str], None] = {}

    def find(self, location: str, item: str) -> Standing | None:
        """The newest count of an item at a location."""
        return self._standing.get(location, {}).get(item)

    def concern(self, entry: Entry) -> bool:
        """Whether an entry may be late, or is about counts: `apply` need not see the others."""
        content, watched = entry.content, self.watched
        if content.kind in FOLDED:
            return True
        return bool(watched) and effective_clock(content) <= watched.get(entry.stream.scope, 0)

    def load(self, rows: Iterable[tuple[str, str, bytes]]) -> None:
        """Load the checkpoint of an earlier fold: location, item, packed count."""
        for _, _, packed in rows:
            standing = _decode(packed)
            self._stand(standing)
            if standing.drift:
                self._drifted[standing.location, standing.item] = None

    def apply(self, entry: Entry) -> None:
        """Fold one entry: a count, a correction, a void, or any entry that may be late. Never refuses."""
        location, content = entry.stream.scope, entry.content
        try:
            counted = self._counted(entry) if content.kind == COUNT else []
            corrects = _corrected(content)
        except (KeyError, ValueError, TypeError, AttributeError):
            self.malformed += 1
            return
        orders = {one.item: one.order for one in counted}
        for item, change in _effects(content).items():
            standing = self.find(location, item)
            if standing is None or not change or standing.is_settled or node_of(standing.writer) != self.node:
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
        """Rank a new count of these items among the known counts, and list the items that have a newer one."""
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
        """The next correction that this node must write: one for all drifted items of one count, or None."""
        while self._drifted:
            location, item = next(iter(self._drifted))
            first = self._standing[location][item]
            together = [one for pair in self._drifted if (one := self._at(*pair)).entry == first.entry]
            for one in together:
                del self._drifted[one.location, one.item]
            if node_of(first.writer) == self.node:
                free = account(self.node, FREE)
                moves = tuple(move for one in together for move in move_to_level(one.item, free, -one.drift))
                orders = [[one.item, *one.order] for one in together]
                facts = {"count": first.entry, "as_of": first.as_of, "orders": orders}
                return location, Draft(kind=CORRECTION, moves=moves, facts=facts, reference=first.entry.hex())
        return None

    def take_changes(self) -> list[tuple[str, str, bytes]]:
        """Hand over the counts changed since the last call: location, item, packed count."""
        changed = [(*pair, _encode(self._at(*pair))) for pair in self._changed]
        self._changed.clear()
        return changed

    def _counted(self, entry: Entry) -> list[Standing]:
        """The counts that an entry makes, item by item. Raises if no node of this version can have written it."""
        stream, content = entry.stream, entry.content
        facts = content.facts
        as_of, ranks = _number(facts["as_of"]), facts.get("ranks", {})
        own = node_of(stream.writer) == self.node
        vector = {str(writer): _number(last) for writer, last in facts["seen"].items()} if own else {}
        return [
            Standing(
                location=stream.scope,
                item=str(item),
                level=_number(level),
                as_of=as_of,
                rank=_number(ranks.get(item, as_of)),
                writer=stream.writer,
                clock=content.clock,
                sequence=entry.sequence,
                entry=entry.hash,
                vector=vector,
                is_settled=own and not self._is_book(stream.scope, str(item), rest),
            )
            for item, level, *rest in facts["count"]
        ]

    def _is_book(self, location: str, item: str, rest: Sequence[object]) -> bool:
        """Whether the book is the one that the writer of a count recorded, the last of `rest`."""
        return len(rest) < 3 or self._ledger.stock(location, item).figures.on_hand == rest[2]

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
    """Whether an entry that the writer of a count did not hold is from after the count, so the count excludes it.

    Args:
        counter: the writer of the count. Its own later entries are from after the count, whatever its clock says,
            unless a till says that their movement happened before.
        vector: the last entry of each stream held at the count. A void or a correction of one of these entries is from
            before.
    """
    content, writer = entry.content, entry.stream.writer
    if content.kind in (COUNT, CORRECTION):
        return False  # older than this count, or this count is outdated
    if content.kind in _CHANGED:
        of, facts = _CHANGED[content.kind], content.facts
        writer, number = facts.get(f"{of}_writer", ""), facts.get(f"{of}_sequence", 0)
        if isinstance(writer, str) and type(number) is int and 0 < number <= vector.get(writer, 0):
            return False
    return (writer == counter and not counts_by_till(content)) or effective_clock(content) > as_of


def _corrected(content: Content) -> dict[str, CountRank]:
    """The counts that an entry corrects, by item."""
    if content.kind != CORRECTION:
        return {}
    return {str(item): (_number(rank), str(by), _number(clock)) for item, rank, by, clock in content.facts["orders"]}


def _number(value: object) -> int:
    if type(value) is not int or not -_NUMBER_MAX < value < _NUMBER_MAX:
        raise TypeError(f"{value!r} is not a whole number, or is too large")
    return value


def _effects(content: Content) -> dict[str, int]:
    """By how many units an entry changes the stock on hand, by item."""
    effects: dict[str, int] = {}
    for move in content.moves:
        effects[move.item] = effects.get(move.item, 0) + move.change
    return effects


def prepare_count(view: LocationView, count: Count, seen: Seen) -> Draft:
    """Set the book stock to the counted level as of the moment that the counter saw. Later movements still count.

    The entry records the level, the as-of stamp, the vector and the difference it writes. A count below the book stock
    takes the node's own free units and may overdraw them, because the shelf is right and the book stock was wrong. An
    item that has a newer count does not change. The areas of an item add up to its level.
    """
    moves = []
    counted: list[list[Any]] = []
    for item, found in _levels(view, count).items():
        on_hand = view.ledger.stock(view.location, item).figures.on_hand
        level = seen.levels.get(item, on_hand)
        change = found - level if item not in seen.outdated else 0
        moves += move_to_level(item, view.free, change)
        counted.append([item, found, level, change, on_hand + change])
    facts: dict[str, Any] = {"count": counted, "as_of": seen.as_of, "seen": dict(seen.vector)}
    if any(line.area for line in count.lines):
        facts["areas"] = [[line.item, line.counted, line.area] for line in count.lines]
    if seen.ranks:
        facts["ranks"] = dict(seen.ranks)
    if seen.unheard:
        facts["unheard"] = list(seen.unheard)
    if count.seen:
        facts["token"] = count.seen
    return Draft(kind=COUNT, moves=tuple(moves), facts=facts, reference=count.reference)


def _levels(view: LocationView, count: Count) -> dict[str, int]:
    """The level of each item, over all its areas. Raises Invalid if an area of an item is counted twice."""
    levels: dict[str, int] = {}
    areas: dict[tuple[str, str], None] = {}
    for index, line in enumerate(count.lines):
        item, area = line.item, line.area
        moved = bool(view.ledger.stock(view.location, item).cells)
        view.catalog.check_item(item, moved, f"lines[{index}].item")
        if (item, area) in areas and area:
            raise Invalid(f"{item} is counted twice in the area {area!r}", field=f"lines[{index}].area")
        if (item, area) in areas:
            raise Invalid(f"{item} is counted twice", field=f"lines[{index}].item")
        areas[item, area] = None
        levels[item] = levels.get(item, 0) + line.counted
        if levels[item] > QUANTITY_MAX:
            raise Invalid(f"a count finds at most {QUANTITY_MAX} units of {item}", field=f"lines[{index}].counted")
    return levels


def read_count(content: Content) -> Count:
    """Read the count from its entry."""
    facts = content.facts
    if "areas" in facts:
        lines = tuple(CountLine(item, counted, area) for item, counted, area in facts["areas"])
    else:
        lines = tuple(CountLine(item, level) for item, level, *_ in facts["count"])
    return Count(lines, content.facts.get("token", ""), content.reference)


def move_to_level(item: str, free: str, change: int) -> list[Move]:
    """The moves that change an item by this number of units: in from `found`, or out to `loss` if it is negative."""
    source, target = (FOUND, free) if change > 0 else (free, LOSS)
    return [Move(item, source, target, part) for part in parts_of(abs(change))]
