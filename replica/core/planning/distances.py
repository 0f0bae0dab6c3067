"""Distances between locations, and which locations are nearest to each."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

from replica.core.catalog.locations import Point, distance_km


class Distances:
    """The distances between some locations, by their numbers. Those from one location are computed when asked for.

    Args:
        positions: where each location is; None if nobody knows.
        unknown_metres: the distance from and to a location at an unknown position.
    """

    __slots__ = ("_metres", "_nearest", "_positions", "_unknown")

    def __init__(self, positions: Sequence[Point | None], unknown_metres: int) -> None:
        self._positions = positions
        self._unknown = unknown_metres
        self._metres: dict[int, array[int]] = {}
        self._nearest: dict[tuple[int, int], array[int]] = {}

    def metres(self, one: int) -> array[int]:
        """The distance to each location, in metres. It is the same in both directions."""
        found = self._metres.get(one)
        if found is None:
            found = self._metres[one] = array("l", self._computed(one))
        return found

    def nearest(self, one: int, metres_max: int) -> array[int]:
        """The numbers of the other locations that are not farther away than that, the nearest first."""
        found = self._nearest.get((one, metres_max))
        if found is None:
            metres = self.metres(one)
            near = [other for other, away in enumerate(metres) if away <= metres_max and other != one]
            found = array("l", sorted(near, key=lambda other: (metres[other], other)))
            self._nearest[one, metres_max] = found
        return found

    def _computed(self, one: int) -> Iterator[int]:
        here = self._positions[one]
        for number, there in enumerate(self._positions):
            if number == one:
                yield 0
            elif here is None or there is None:
                yield self._unknown
            else:
                first, second = (here, there) if one < number else (there, here)
                yield round(distance_km(first.lat, first.lon, second.lat, second.lon) * 1_000)
