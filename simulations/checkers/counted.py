"""The book stock as of the newest count equals the counted level. Computed from entries, by a rule of the checker."""

from __future__ import annotations

from replica.core.log.entry import Content, Entry
from replica.core.log.voids import RETURN_CORRECTION, VOID
from replica.core.stock.counts import CORRECTION, COUNT
from replica.runtime.ports import Stored
from simulations.checkers.checker import Checker
from simulations.history import Pair, effect_of
from simulations.machine import Machine


class CountedChecker(Checker):
    """After delivery of all entries, the book stock as of the newest count of an item equals the counted level."""

    invariant = 5

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._entries: dict[bytes, Entry] = {}

    def entry(self, machine: Machine, stored: Stored) -> None:
        if stored.entry.content.moves or stored.entry.content.kind in (COUNT, VOID):
            if stored.entry.hash not in self._entries and stored.entry.content.kind == CORRECTION:
                self.history.tally("corrected a count")
            self._entries[stored.entry.hash] = stored.entry

    def finish(self) -> None:
        newest: dict[Pair, Entry] = {}
        for entry in self._entries.values():
            for item in _levels(entry):
                pair = entry.stream.scope, item
                if pair not in newest or _order(entry, item) > _order(newest[pair], item):
                    newest[pair] = entry
        for (location, item), count in newest.items():
            found = [entry for entry in self._entries.values() if entry.stream.scope == location]
            book = sum(effect_of(one).get(item, 0) for one in found if self._is_in(one, count, item))
            level = _levels(count)[item]
            if book != level:
                by = count.stream.writer
                self.fail(f"{by} counted {level} of {item} at {location}, but the book stock as of the count is {book}")

    def _is_in(self, entry: Entry, count: Entry, item: str) -> bool:
        """Whether the book stock as of a count includes an entry: one that it saw, an earlier one, or a correction."""
        content, facts = entry.content, count.content.facts
        if entry.hash == count.hash or entry.sequence <= facts["seen"].get(entry.stream.writer, 0):
            return True
        if content.kind == COUNT:
            return item in _levels(entry) and _order(entry, item) < _order(count, item)
        if content.kind == CORRECTION:
            return _order(self._entries[content.facts["count"]], item) <= _order(count, item)
        if content.kind == RETURN_CORRECTION:
            return self._is_in(self._entries[content.facts["return"]], count, item)
        if content.kind == VOID:
            loser = self._entries.get(content.facts["loser"])  # unknown if it moved nothing, as a document
            return loser is not None and self._is_in(loser, count, item)
        told = _told_at(content)
        if told is not None:
            return bool(told <= facts["as_of"])
        return entry.stream.writer != count.stream.writer and bool(_noted_at(content) <= facts["as_of"])


def _wall_ms(content: Content) -> int:
    wall: int = content.facts.get("wall", content.clock >> 16)
    return wall


def _told_at(content: Content) -> int | None:
    """The moment that a till gave, as a stamp, unless it is after the recording or more than 400 days before."""
    occurred_us = content.facts.get("occurred_at")
    if occurred_us is None:
        return None
    age_ms = _wall_ms(content) - occurred_us // 1000
    return occurred_us // 1000 << 16 if 0 <= age_ms <= 400 * 24 * 3_600_000 else None


def _noted_at(content: Content) -> int:
    """The stamp; or if it is more than a minute ahead of the wall clock, the latter or the time of a known entry."""
    wall_ms = _wall_ms(content)
    return (
        max(wall_ms << 16, content.facts.get("after", 0)) if (content.clock >> 16) - wall_ms > 60_000 else content.clock
    )


def _levels(entry: Entry) -> dict[str, int]:
    if entry.content.kind != COUNT:
        return {}
    return {item: level for item, level, *_ in entry.content.facts["count"]}


def _order(count: Entry, item: str) -> tuple[int, str, int]:
    facts = count.content.facts
    return facts.get("ranks", {}).get(item, facts["as_of"]), count.stream.writer, count.content.clock
