"""Counts: the level that a person found on a shelf, and what keeps the book equal to it.

A count holds for one moment. The book at that moment becomes the level that was found, and movements after it count on
top. If a till reports later that goods moved before the count, the level already showed it: the node takes the movement
out of the book again, by a correction.

A count may name the token of the figures that the counter saw. Then it holds for the moment of that token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulations.reference.bodies import QUANTITY_MAX, invalid
from simulations.reference.clocks import COUNTER
from simulations.reference.journal import CHANGES, Entry, Moves, packed_hash
from simulations.reference.movements import Draft, Place


@dataclass
class Seen:
    """What a counter saw: the last entry of each writer, and the moment as a stamp."""

    vector: Mapping[str, int]
    as_of: int

    @classmethod
    def at(cls, vector: Mapping[str, int], now_ms: int) -> Seen:
        """What somebody sees who looks now: the moment just before this millisecond of the wall clock."""
        return cls(vector, now_ms * COUNTER - 1)

    def has(self, entry: Entry) -> bool:
        """Whether the counter saw the effect of an entry."""
        return entry.sequence <= self.vector.get(entry.writer, 0)


@dataclass
class Standing:
    """The newest count of one item."""

    level: int
    as_of: int
    rank: int
    entry: Entry
    drift: int = 0
    """Units by which the book at the count differs from the level, until the node corrects it."""

    @property
    def order(self) -> tuple[int, str, int]:
        """The newest count has the greatest."""
        return self.rank, self.entry.writer, self.entry.stamp


@dataclass
class Counts:
    """The newest count of each item at each location."""

    standing: dict[tuple[str, str], Standing] = field(default_factory=dict)

    def prepare(self, place: Place, request: Mapping[str, Any], seen: Seen, writer: str) -> Draft:
        """Set the book to the levels that were found. An item that has a newer count does not change."""
        journal, levels = place.journal, _levels(place, request)
        moves: Moves = []
        counted = []
        ranks: dict[str, int] = {}
        for item, found in levels.items():
            now = journal.on_hand(place.location, item)
            later = [one for one in journal.entries if one.scope == place.location and not seen.has(one)]
            level = now - sum(one.change(item) for one in later if is_after(one, writer, seen.as_of, seen.vector))
            change, rank = found - level, self._rank(place, item, seen, writer)
            if rank is None:
                change = 0
            elif rank > seen.as_of:
                ranks[item] = rank
            moves += to_level(item, place.free, change)
            counted.append([item, found, level, change, now + change])
        facts: dict[str, Any] = {"count": counted, "as_of": seen.as_of, "seen": dict(seen.vector)}
        if any(line["area"] for line in request["lines"]):
            facts["areas"] = [[line["item"], line["counted"], line["area"]] for line in request["lines"]]
        facts |= {"ranks": ranks} if ranks else {}
        facts |= {"token": request["seen"]} if request["seen"] else {}
        return Draft(kind="count", moves=moves, facts=facts, reference=request["reference"])

    def _rank(self, place: Place, item: str, seen: Seen, writer: str) -> int | None:
        """The rank of a new count among counts; None if a newer one stands.

        A count made with knowledge of another one is newer. Otherwise the one of the later moment is.
        """
        known = self.standing.get((place.location, item))
        if known is None:
            return seen.as_of
        if seen.has(known.entry):
            return max(seen.as_of, known.rank + 1)
        return None if (known.rank, known.entry.writer) > (seen.as_of, writer) else seen.as_of

    def hear(self, entry: Entry, node: str) -> None:
        """Take in an entry after it moved its units: it is a count, or it may be late for one."""
        if entry.kind in ("count", "correction"):
            ranks = entry.facts.get("ranks", {})
            for item, level, *_ in entry.facts["count"] if entry.kind == "count" else ():
                as_of = entry.facts["as_of"]
                new = Standing(level, as_of, ranks.get(item, as_of), entry)
                known = self.standing.get((entry.scope, item))
                if known is None or new.order > known.order:
                    self.standing[entry.scope, item] = new
            return
        for item in entry.items:
            known = self.standing.get((entry.scope, item))
            if known is None or known.entry.node != node:
                continue
            if not is_after(entry, known.entry.writer, known.as_of, known.entry.facts["seen"]):
                known.drift += entry.change(item)

    def corrections(self, place: Place, moved: list[str]) -> list[Draft]:
        """What brings the book back to the counts that it left: one draft for all items of one count."""
        drafts: dict[int, Draft] = {}
        for item in moved:
            known = self.standing.get((place.location, item))
            if known is not None and known.drift:
                facts = {"count": packed_hash(known.entry), "as_of": known.as_of, "orders": []}
                draft = Draft("correction", reference=known.entry.hash, facts=facts)
                draft = drafts.setdefault(known.entry.arrival, draft)
                draft.facts["orders"].append([item, *known.order])
                draft.moves += to_level(item, place.free, -known.drift)
                known.drift = 0
        return list(drafts.values())


def is_after(entry: Entry, counter: str, as_of: int, seen: Mapping[str, int]) -> bool:
    """Whether an entry that a counter had not seen is from after the moment of the count.

    `seen`: the last entry of each writer that the counter had seen.

    A count, and the correction of one, is from before it: it only repairs the book. What the counter's own node wrote
    later is from after it, unless a till says otherwise.
    """
    if entry.kind in ("count", "correction"):
        return False
    writer = entry.writer
    if entry.kind in CHANGES:
        of = CHANGES[entry.kind]
        writer, number = entry.facts[f"{of}_writer"], entry.facts[f"{of}_sequence"]
        if number <= seen.get(writer, 0):
            return False
    return (writer == counter and entry.told_ms is None) or entry.counts_at > as_of


def to_level(item: str, free: str, change: int) -> Moves:
    """The moves that change the book by some units."""
    source, target = ("found", free) if change > 0 else (free, "loss")
    whole, rest = divmod(abs(change), QUANTITY_MAX)
    return [(item, source, target, units) for units in [QUANTITY_MAX] * whole + [rest] * (rest > 0)]


def _levels(place: Place, request: Mapping[str, Any]) -> dict[str, int]:
    """The level of each item: what was found in all its areas."""
    levels: dict[str, int] = {}
    areas: list[tuple[str, str]] = []
    for index, line in enumerate(request["lines"]):
        item, area = line["item"], line["area"]
        place.check_item(item, f"lines[{index}].item")
        if (item, area) in areas:
            raise invalid(f"lines[{index}].{'area' if area else 'item'}")
        areas.append((item, area))
        levels[item] = levels.get(item, 0) + line["counted"]
        if levels[item] > QUANTITY_MAX:
            raise invalid(f"lines[{index}].counted")
    return levels
