"""Delivery promises of fulfilments, and whether they were kept.

The entry that begins a fulfilment has what was promised, and later entries say when its goods left and arrived. So this
needs no entries of its own. Goods leave by `ship` or `collect`, and arrive by `deliver` or `collect`. What ended
before, such as by a cancellation, kept no promise and broke none. A fulfilment that replaces another one keeps its
promise, because that is what the customer was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal

from msgspec import Struct

from replica.core.base.time_order import TimeOrder

PROMISED: Final = "promised"
LEFT_IN_TIME: Final = "left_in_time"
LEFT_LATE: Final = "left_late"
ARRIVED_EARLY: Final = "arrived_early"
ARRIVED_IN_TIME: Final = "arrived_in_time"
ARRIVED_LATE: Final = "arrived_late"

Outcome = Literal["promised", "left_in_time", "left_late", "arrived_early", "arrived_in_time", "arrived_late"]

LATE = (LEFT_LATE, ARRIVED_LATE)


class Promised(Struct, frozen=True, array_like=True, gc=False):
    """When goods were to leave and to arrive, in milliseconds since 1970. Without a lane, nobody knew the latter: 0."""

    dispatch_ms: int
    carrier: str = ""
    earliest_ms: int = 0
    latest_ms: int = 0


class Delivery(Struct, frozen=True):
    """A promise of one fulfilment, and when its goods left and arrived; None while they have not, as far as known."""

    fulfilment: str
    location: str
    promised: Promised
    left_ms: int | None = None
    arrived_ms: int | None = None

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """How it stands: always `promised`, and what is known by now."""
        found: list[Outcome] = [PROMISED]
        if self.left_ms is not None:
            found.append(LEFT_IN_TIME if self.left_ms <= self.promised.dispatch_ms else LEFT_LATE)
        if self.arrived_ms is not None and self.promised.latest_ms:
            is_early, is_late = self.arrived_ms < self.promised.earliest_ms, self.arrived_ms > self.promised.latest_ms
            found.append(ARRIVED_EARLY if is_early else ARRIVED_LATE if is_late else ARRIVED_IN_TIME)
        return tuple(found)

    @property
    def is_late(self) -> bool:
        """Whether its goods left or arrived later than promised."""
        return any(one in LATE for one in self.outcomes)


Place = tuple[str, str]
"""A location and a carrier."""


class KeptPromises:
    """How the promises of all orders stand, by location and carrier."""

    __slots__ = ("figures", "late", "waiting")

    def __init__(self) -> None:
        self.figures: dict[Place, dict[Outcome, int]] = {}
        self.late: TimeOrder[str] = TimeOrder()
        """Orders with goods that left or arrived late, by when they did so last."""
        self.waiting: TimeOrder[str] = TimeOrder()
        """Orders with goods that are still to leave, by when the first of them was to leave."""

    def note(self, order: str, before: Iterable[Delivery], after: Iterable[Delivery]) -> None:
        """Take over what an entry changed about the deliveries of an order."""
        for deliveries, number in ((before, -1), (after, 1)):
            for one in deliveries:
                self._count(one, number)
        late = [max(one.left_ms or 0, one.arrived_ms or 0) for one in after if one.is_late]
        to_leave = [one.promised.dispatch_ms for one in after if one.left_ms is None]
        for index, stamp in ((self.late, max(late, default=None)), (self.waiting, min(to_leave, default=None))):
            if stamp is not None:
                index.put(order, stamp)
            else:
                index.discard(order)

    def _count(self, one: Delivery, number: int) -> None:
        """Add a delivery, or take it away. A place without deliveries has no figures, as after a restart."""
        place = (one.location, one.promised.carrier)
        figures = self.figures.setdefault(place, {})
        for outcome in one.outcomes:
            figures[outcome] = figures.get(outcome, 0) + number
            if not figures[outcome]:
                del figures[outcome]
        if not figures:
            del self.figures[place]

    def by_carrier(self) -> dict[tuple[str, Outcome], int]:
        """The figures of all locations together, by carrier and outcome."""
        sums: dict[tuple[str, Outcome], int] = {}
        for (_, carrier), figures in self.figures.items():
            for outcome, number in figures.items():
                sums[carrier, outcome] = sums.get((carrier, outcome), 0) + number
        return sums

    def overdue(self, now_ms: int, limit: int) -> Iterator[str]:
        """Orders with goods that were to leave before now, those first that wait longest."""
        for order in self.waiting.earliest(limit):
            if self.waiting.stamp(order) >= now_ms:
                return
            yield order
