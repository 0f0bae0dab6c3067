"""The pn-counter checker: may a replicated counter end with these values?

Every add ends in one of three ways. Acknowledged: it counts, once. Refused: it never counts. Unknown (no answer, or
one that leaves it open): it counts once or not at all. So a final value is acceptable when it is the sum of what was
acknowledged and of any subset of what is unknown.

The rule is that of Maelstrom's pn-counter workload, made stricter: every node must have answered a final read, and all
must agree; and a refused add is one that did not happen, not one nobody knows of. Sums can only tell adds apart whose
deltas differ: use large sparse deltas, so that every subset has a sum of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct

SUMS_MAX = 1 << 21
"""Sums held of each half of the unknown adds: 42 of them at least, a few hundred MB at most."""


class Outcome(Enum):
    """How an add ended, as its caller knows."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Add(Struct, frozen=True):
    """One add, where it was asked, and how it ended."""

    node: str
    delta: int
    outcome: Outcome


class FinalRead(Struct, frozen=True):
    """What a node answered once the network was whole and nobody added any more."""

    node: str
    value: int


class CounterHistory(Struct, frozen=True):
    """What clients saw of a run on these nodes."""

    nodes: tuple[str, ...]
    adds: tuple[Add, ...]
    final_reads: tuple[FinalRead, ...]

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ValueError("a history of no nodes says nothing")

    def deltas(self, outcome: Outcome) -> list[int]:
        """Deltas of the adds that ended like this."""
        return [add.delta for add in self.adds if add.outcome is outcome]


class NotRead(Struct, frozen=True):
    """A node never answered a final read, so nobody knows what it holds."""

    node: str


class Disagreement(Struct, frozen=True):
    """Final values differ: between nodes, or at one."""

    reads: tuple[FinalRead, ...]


class NotAcceptable(Struct, frozen=True):
    """A final value that no outcome of the unknown adds explains.

    `lost` are acknowledged adds that would explain it by not having happened, `happened` refused ones that would by
    having happened: each by itself. When both are empty more than one add went wrong.
    """

    value: int
    nodes: tuple[str, ...]
    lost: tuple[Add, ...]
    happened: tuple[Add, ...]


CounterViolation = NotRead | Disagreement | NotAcceptable


class TooManyUnknown(Exception):
    """So many adds are unknown that telling which sums are acceptable takes too much room."""


class Acceptable:
    """The values a counter may end with."""

    def __init__(self, acknowledged: Iterable[int], indeterminate: Sequence[int]) -> None:
        """Raises TooManyUnknown."""
        self.base = sum(acknowledged)
        self._left = subset_sums(indeterminate[::2])
        self._right = subset_sums(indeterminate[1::2])

    def __contains__(self, value: int) -> bool:
        wanted = value - self.base
        return any(_holds(self._right, wanted - one) for one in self._left)

    def ranges(self) -> list[tuple[int, int]]:
        """All of them, as inclusive ranges in order. Takes room for every sum: for a handful of unknown adds."""
        found: list[tuple[int, int]] = []
        for value in sorted({self.base + one + other for one in self._left for other in self._right}):
            if found and found[-1][1] == value - 1:
                found[-1] = (found[-1][0], value)
            else:
                found.append((value, value))
        return found


def acceptable(final: int, acknowledged: Iterable[int], indeterminate: Sequence[int]) -> bool:
    """Tell whether a counter may end with this value. Raises TooManyUnknown."""
    return final in Acceptable(acknowledged, indeterminate)


def subset_sums(deltas: Iterable[int]) -> list[int]:
    """Every sum that some subset of the deltas has, in order. Raises TooManyUnknown."""
    sums = {0}
    for delta in deltas:
        sums |= {one + delta for one in sums}
        if len(sums) > SUMS_MAX:
            raise TooManyUnknown(f"more than {SUMS_MAX} sums of half the unknown adds")
    return sorted(sums)


def violations(history: CounterHistory) -> list[CounterViolation]:
    """Find what is wrong with a history; nothing, if it is one of a correct counter. Raises TooManyUnknown."""
    read = {final.node for final in history.final_reads}
    found: list[CounterViolation] = [NotRead(node) for node in history.nodes if node not in read]
    values = sorted({final.value for final in history.final_reads})
    if len(values) > 1:
        found.append(Disagreement(history.final_reads))
    sums = Acceptable(history.deltas(Outcome.ACKNOWLEDGED), history.deltas(Outcome.UNKNOWN))
    return [*found, *(_explain(value, history, sums) for value in values if value not in sums)]


def _explain(value: int, history: CounterHistory, sums: Acceptable) -> NotAcceptable:
    nodes = tuple(final.node for final in history.final_reads if final.value == value)
    lost = [add for add in history.adds if add.outcome is Outcome.ACKNOWLEDGED and value + add.delta in sums]
    happened = [add for add in history.adds if add.outcome is Outcome.REFUSED and value - add.delta in sums]
    return NotAcceptable(value, nodes, tuple(lost), tuple(happened))


def _holds(ordered: list[int], value: int) -> bool:
    index = bisect_left(ordered, value)
    return index < len(ordered) and ordered[index] == value
