"""The pn-counter checker: can a correct replicated counter end with these values?

Every add ends in one of three ways. An acknowledged add counts once. A refused add never counts. An unknown add (no
answer, or an answer that leaves it open) counts once or not at all. So a final value is acceptable if it is the sum of
all acknowledged adds and of any subset of the unknown ones.

The rule is that of Maelstrom's pn-counter workload, but stricter: every node must answer a final read, all values must
be equal, and a refused add did not happen. Sums can only distinguish adds with different deltas: use large sparse
deltas, so that every subset has its own sum.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from enum import Enum

from msgspec import Struct

SUMS_MAX = 1 << 21
"""Limit of the sums for each half of the unknown adds. It admits at least 42 adds, and needs a few hundred MB."""


class AddOutcome(Enum):
    """The outcome of an add that its caller knows."""

    ACKNOWLEDGED = "acknowledged"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Add(Struct, frozen=True):
    """One add, its node, and its outcome."""

    node: str
    delta: int
    outcome: AddOutcome


class FinalRead(Struct, frozen=True):
    """The answer of a node after the network was healed and the adds had ended."""

    node: str
    value: int


class CounterHistory(Struct, frozen=True):
    """A run on these nodes, as clients saw it."""

    nodes: tuple[str, ...]
    adds: tuple[Add, ...]
    final_reads: tuple[FinalRead, ...]

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ValueError("a history with no nodes proves nothing")

    def deltas(self, outcome: AddOutcome) -> list[int]:
        """The deltas of all adds with this outcome."""
        return [add.delta for add in self.adds if add.outcome is outcome]


class NotRead(Struct, frozen=True):
    """A node never answered a final read, so its value is unknown."""

    node: str


class Disagreement(Struct, frozen=True):
    """Final values differ, between nodes or at one node."""

    reads: tuple[FinalRead, ...]


class NotAcceptable(Struct, frozen=True):
    """A final value that no outcomes of the unknown adds explain.

    `lost`: each acknowledged add that explains the value if it did not happen. `happened`: each refused add that
    explains the value if it happened. If both are empty, more than one add went wrong.
    """

    value: int
    nodes: tuple[str, ...]
    lost: tuple[Add, ...]
    happened: tuple[Add, ...]


CounterViolation = NotRead | Disagreement | NotAcceptable


class TooManyUnknown(Exception):
    """The acceptable sums of the unknown adds need too much memory."""


class Acceptable:
    """The values with which a counter may end."""

    def __init__(self, acknowledged: Iterable[int], indeterminate: Sequence[int]) -> None:
        """Raises TooManyUnknown."""
        self.base = sum(acknowledged)
        self._left = subset_sums(indeterminate[::2])
        self._right = subset_sums(indeterminate[1::2])

    def __contains__(self, value: int) -> bool:
        wanted = value - self.base
        return any(_holds(self._right, wanted - one) for one in self._left)

    def ranges(self) -> list[tuple[int, int]]:
        """All values, as inclusive ranges in order. Needs memory for every sum, so only for few unknown adds."""
        found: list[tuple[int, int]] = []
        for value in sorted({self.base + one + other for one in self._left for other in self._right}):
            if found and found[-1][1] == value - 1:
                found[-1] = (found[-1][0], value)
            else:
                found.append((value, value))
        return found


def acceptable(final: int, acknowledged: Iterable[int], indeterminate: Sequence[int]) -> bool:
    """Whether a counter may end with this value. Raises TooManyUnknown."""
    return final in Acceptable(acknowledged, indeterminate)


def subset_sums(deltas: Iterable[int]) -> list[int]:
    """The sums of all subsets of the deltas, in order. Raises TooManyUnknown."""
    sums = {0}
    for delta in deltas:
        sums |= {one + delta for one in sums}
        if len(sums) > SUMS_MAX:
            raise TooManyUnknown(f"more than {SUMS_MAX} sums of half the unknown adds")
    return sorted(sums)


def violations(history: CounterHistory) -> list[CounterViolation]:
    """Find the violations in a history. A correct counter has none. Raises TooManyUnknown."""
    read = {final.node for final in history.final_reads}
    found: list[CounterViolation] = [NotRead(node) for node in history.nodes if node not in read]
    values = sorted({final.value for final in history.final_reads})
    if len(values) > 1:
        found.append(Disagreement(history.final_reads))
    sums = Acceptable(history.deltas(AddOutcome.ACKNOWLEDGED), history.deltas(AddOutcome.UNKNOWN))
    return [*found, *(_explain(value, history, sums) for value in values if value not in sums)]


def _explain(value: int, history: CounterHistory, sums: Acceptable) -> NotAcceptable:
    nodes = tuple(final.node for final in history.final_reads if final.value == value)
    lost = [add for add in history.adds if add.outcome is AddOutcome.ACKNOWLEDGED and value + add.delta in sums]
    happened = [add for add in history.adds if add.outcome is AddOutcome.REFUSED and value - add.delta in sums]
    return NotAcceptable(value, nodes, tuple(lost), tuple(happened))


def _holds(ordered: list[int], value: int) -> bool:
    index = bisect_left(ordered, value)
    return index < len(ordered) and ordered[index] == value
