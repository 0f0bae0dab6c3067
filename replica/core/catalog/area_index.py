"""The index of delivery areas: which areas contain an address, without a look at each of them.

Names of divisions, codes and prefixes of postcodes are keys. Polygons and circles are in grids: each is in the finest
grid in which it needs few cells, so a position looks into one cell of each grid, and then at what is there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from math import asin, cos, degrees, floor, pi, radians, sin
from typing import assert_never

from msgspec import Struct

from replica.core.catalog.addresses import Where, plain_names
from replica.core.catalog.areas import Area, read_area
from replica.core.catalog.coverages import (
    ByCode,
    ByDistance,
    ByDivision,
    ByPolygon,
    ByPostcode,
    Coverage,
    IsMember,
    PositionOf,
    code_of,
    membership,
    middle_of,
    prefixes_of,
    ring_of,
)
from replica.core.catalog.divisions import divisions
from replica.core.catalog.locations import EARTH_RADIUS_KM, Point
from replica.core.catalog.registers import Register

CELL_DEGREES = (0.125, 1.0, 9.0, 45.0)
"""The sizes of cells, finest grid first. Each divides the way around the earth."""

CELLS_MAX = 64
"""Cells of one polygon or circle. What needs more of them is in a coarser grid."""

Box = tuple[float, float, float, float]
"""The least latitude, the least longitude, and the greatest ones. Longitudes may leave -180 to 180."""


class _Entry(Struct, frozen=True):
    """An area in the index. `parts`: its keys, each with a test that decides there; None where the key decides."""

    area: Area
    excludes: tuple[IsMember, ...]
    keys: tuple[tuple[Hashable, IsMember | None], ...]


class Areas:
    """The current delivery areas.

    Args:
        position_of: where a location is. If its document changes, call `location_changed`.
    """

    __slots__ = ("_entries", "_near", "_position_of", "_slots")

    def __init__(self, position_of: PositionOf) -> None:
        self._position_of = position_of
        self._entries: dict[str, _Entry] = {}
        self._slots: dict[Hashable, dict[str, list[IsMember | None]]] = {}
        """For each key, the areas that it concerns, each with tests of which one has to hold."""
        self._near: dict[str, dict[str, None]] = {}
        """Areas that are around a location."""

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, area_id: str) -> Area | None:
        """The area of an id."""
        entry = self._entries.get(area_id)
        return entry.area if entry is not None else None

    def put(self, register: Register) -> bool:
        """Apply the newest write of an area. False if this version cannot use it: then there is no such area."""
        self._remove(register.key)
        if register.value is None:
            return True
        area = read_area(register.key, register.value)
        if area is not None:
            self._add(area)
        return area is not None

    def location_changed(self, location: str) -> None:
        """Look again at the areas around a location: it may have moved."""
        for area_id in list(self._near.get(location, ())):
            area = self._entries[area_id].area
            self._remove(area_id)
            self._add(area)

    def containing(self, place: Where) -> list[Area]:
        """The areas that contain an address, in the order of their priorities."""
        found: dict[str, Area] = {}
        for key in _keys_of(place):
            for area_id, tests in self._slots.get(key, {}).items():
                if area_id in found:
                    continue
                for test in tests:
                    if test is None or test(place):
                        break
                else:
                    continue
                entry = self._entries[area_id]
                if not entry.excludes or not any(test(place) for test in entry.excludes):
                    found[area_id] = entry.area
        return sorted(found.values(), key=lambda area: area.precedence)

    def _add(self, area: Area) -> None:
        excludes = tuple(membership(one, self._position_of) for one in area.document.excludes)
        keys = tuple(pair for one in area.document.covers for pair in _slots_of(one, self._position_of))
        self._entries[area.id] = _Entry(area, excludes, keys)
        for key, test in keys:
            self._slots.setdefault(key, {}).setdefault(area.id, []).append(test)
        for location in _middles(area):
            self._near.setdefault(location, {})[area.id] = None

    def _remove(self, area_id: str) -> None:
        entry = self._entries.pop(area_id, None)
        if entry is None:
            return
        for key, _ in entry.keys:
            slot = self._slots.get(key)
            if slot is not None:
                slot.pop(area_id, None)
                if not slot:
                    del self._slots[key]
        for location in _middles(entry.area):
            near = self._near[location]
            near.pop(area_id, None)
            if not near:
                del self._near[location]


def _middles(area: Area) -> list[str]:
    """Locations around which an area lies."""
    circles = [one for one in area.document.covers if isinstance(one, ByDistance)]
    return list(dict.fromkeys(one.location for one in circles if isinstance(one.location, str)))


def _keys_of(place: Where) -> Iterator[Hashable]:
    """All keys under which an address may find areas."""
    yield from divisions().and_above(place.code)
    province, city, district = place.names
    for first in dict.fromkeys(("", province)):
        for second in dict.fromkeys(("", city)):
            for third in dict.fromkeys(("", district)):
                yield (place.country, first, second, third)
    for length in range(1, len(place.postcode) + 1):
        yield (place.country, place.postcode[:length])
    if place.point is not None:
        for size in CELL_DEGREES:
            yield _cell(size, place.point.lat, place.point.lon)


def _slots_of(coverage: Coverage, position_of: PositionOf) -> Iterator[tuple[Hashable, IsMember | None]]:
    """The keys of a part of an area, each with a test that decides there; None where the key decides."""
    match coverage:
        case ByDivision(country):
            code = code_of(coverage)
            yield code if code is not None else (country.upper(), *_names_of(coverage)), None
        case ByCode(code):
            yield code, None
        case ByPostcode(country):
            test = membership(coverage, position_of)
            for prefix in prefixes_of(coverage):
                yield (country.upper(), prefix), test
        case ByPolygon(corners):
            test = membership(coverage, position_of)
            for cell in _cells(ring_of(corners).bounds):
                yield cell, test
        case ByDistance(km):
            middle = middle_of(coverage, position_of)
            if middle is not None:
                is_near = _within(middle, km)
                for cell in _cells(_around(middle, km)):
                    yield cell, is_near
        case _:
            assert_never(coverage)


def _names_of(division: ByDivision) -> tuple[str, str, str]:
    return plain_names(division.province, division.city, division.district)


def _within(middle: Point, km: float) -> IsMember:
    """Whether an address is at most so far from a position. An address may be in thousands of circles.

    So this compares what the haversine formula takes the root of, and works out for the middle what it can.
    """
    lat, lon = radians(middle.lat), radians(middle.lon)
    across, most = cos(lat), sin(min(pi / 2, km / EARTH_RADIUS_KM / 2)) ** 2

    def is_near(place: Where) -> bool:
        point = place.point
        if point is None:
            return False
        other_lat = radians(point.lat)
        sideways = sin((radians(point.lon) - lon) / 2)
        return bool(sin((other_lat - lat) / 2) ** 2 + across * cos(other_lat) * sideways * sideways <= most)

    return is_near


def _around(middle: Point, km: float) -> Box:
    """A box with all positions at most so far from another one."""
    angle = km / EARTH_RADIUS_KM * 1.001  # a little more, because of rounding
    high = degrees(angle)
    south, north = middle.lat - high, middle.lat + high
    if south <= -90.0 or north >= 90.0:  # it contains a pole, and with it all longitudes
        return max(south, -90.0), -180.0, min(north, 90.0), 180.0
    wide = degrees(asin(min(1.0, sin(angle) / cos(radians(middle.lat)))))
    return south, middle.lon - wide, north, middle.lon + wide


def _cells(box: Box) -> list[Hashable]:
    """The cells of a box, in the finest grid in which it has few."""
    south, west, north, east = box
    for size in CELL_DEGREES:
        rows, columns = floor(north / size) - floor(south / size) + 1, floor(east / size) - floor(west / size) + 1
        if rows * columns <= CELLS_MAX or size == CELL_DEGREES[-1]:
            break
    cells = [
        _cell(size, row * size, column * size)
        for row in range(floor(south / size), floor(north / size) + 1)
        for column in range(floor(west / size), floor(east / size) + 1)
    ]
    return list(dict.fromkeys(cells))


def _cell(size: float, lat: float, lon: float) -> Hashable:
    """The cell of a position. Its column is counted around the earth."""
    return (size, floor(lat / size), floor(lon / size) % round(360.0 / size))
