"""The PN-counter in its classic, state-based form.

Two grow-only maps, one entry per writer; merging takes the pointwise maximum.
Source: Shapiro et al., A comprehensive study of CRDTs, INRIA RR-7506, specification 7.
"""

from __future__ import annotations

from collections.abc import Mapping

from replica.core.base.errors import Invalid


class PNCounter:
    """A counter that every replica may raise and lower, and that merges without conflict."""

    __slots__ = ("lowered", "raised")

    def __init__(self, raised: Mapping[str, int] | None = None, lowered: Mapping[str, int] | None = None) -> None:
        self.raised = _totals(raised or {})
        self.lowered = _totals(lowered or {})

    @property
    def value(self) -> int:
        """The sum of all increments, less the sum of all decrements."""
        return sum(self.raised.values()) - sum(self.lowered.values())

    def increment(self, writer: str, amount: int = 1) -> None:
        """Raise by `amount` >= 1. Only one process may ever count as `writer`."""
        self.raised[writer] = self.raised.get(writer, 0) + _checked(amount)

    def decrement(self, writer: str, amount: int = 1) -> None:
        """Lower by `amount` >= 1. The value may go below zero."""
        self.lowered[writer] = self.lowered.get(writer, 0) + _checked(amount)

    def merge(self, other: PNCounter) -> PNCounter:
        """Return the smallest counter that contains both; neither operand changes."""
        return PNCounter(_maxima(self.raised, other.raised), _maxima(self.lowered, other.lowered))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PNCounter):
            return NotImplemented
        return self.raised == other.raised and self.lowered == other.lowered

    __hash__ = None  # type: ignore[assignment]  # it changes in place

    def __repr__(self) -> str:
        return f"PNCounter({self.raised}, {self.lowered})"


def _checked(amount: int) -> int:
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise Invalid("a counter moves by a whole number of at least 1", field="amount")
    return amount


def _totals(given: Mapping[str, int]) -> dict[str, int]:
    """A copy without zeros, so that counters with the same history are equal."""
    return {writer: _checked(total) for writer, total in given.items() if total != 0}


def _maxima(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    merged = dict(left)
    for writer, total in right.items():
        if total > merged.get(writer, 0):
            merged[writer] = total
    return merged
