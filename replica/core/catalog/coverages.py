"""Coverages: the parts of a delivery area, each of which fits some addresses.

A part is a division by its names or its code, some postcodes, a polygon, or a circle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import pairwise
from typing import Annotated, assert_never

from msgspec import UNSET, Meta, Struct, UnsetType

from replica.core.base.errors import Invalid
from replica.core.base.limits import POLYGON_POINTS_MAX
from replica.core.catalog import divisions
from replica.core.catalog.addresses import Country, Postcode, Where, plain_names, plain_postcode
from replica.core.catalog.locations import Latitude, LocationName, Longitude, Point, Words, distance_km

SMALLEST_POLYGON = 1e-10
"""Square degrees of the smallest polygon: about a square metre."""

HALF_ROUND_KM = 20_016.0
"""More than half the way around the earth: no two places are farther apart."""


class ByDivision(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="division"):
    """The addresses of a country, or of a division of it. In China, names may be short: 上海 is 上海市."""

    country: Country
    province: Words = ""
    city: Words = ""
    district: Words = ""


class ByCode(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="code"):
    """The addresses of a division of China, by its GB/T 2260 code: 310000 is all of 上海市."""

    code: Annotated[str, Meta(pattern=r"^\d{6}$", examples=["310115"])]


class ByPostcode(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="postcode"):
    """The addresses of a country whose postcode begins with `prefix`, or lies from `first` to `last`."""

    country: Country
    prefix: Postcode | UnsetType = UNSET
    first: Postcode | UnsetType = UNSET
    last: Postcode | UnsetType = UNSET


class Corner(Struct, frozen=True, forbid_unknown_fields=True):
    """A corner of a polygon, in degrees."""

    lat: Latitude
    lon: Longitude


class ByPolygon(Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="polygon"):
    """The addresses inside a polygon, by their position. Its last corner joins its first one.

    Edges are straight lines between degrees, and take the short way around the earth. A position on an edge that two
    polygons share is in one of them.
    """

    corners: Annotated[tuple[Corner, ...], Meta(min_length=3, max_length=POLYGON_POINTS_MAX)]


class ByDistance(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="type", tag="distance"):
    """The addresses at most `km` from a position, or from where the document of a location says that it is."""

    km: Annotated[float, Meta(gt=0.0, le=HALF_ROUND_KM)]
    location: LocationName | UnsetType = UNSET
    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET


Coverage = ByDivision | ByCode | ByPostcode | ByPolygon | ByDistance

PositionOf = Callable[[str], Point | None]
"""Where a location is, if its document says so."""

IsMember = Callable[[Where], bool]
"""Whether an address is among some addresses."""


def membership(coverage: Coverage, position_of: PositionOf) -> IsMember:
    """Whether an address is among those that a part of an area covers, as a function that has all work done before."""
    match coverage:
        case ByDivision():
            return partial(_is_in_division, coverage, code_of(coverage))
        case ByCode(code):
            return lambda place: code in divisions.divisions().and_above(place.code)
        case ByPostcode():
            return partial(_has_postcode, coverage.country.upper(), range_of(coverage))
        case ByPolygon(corners):
            ring = ring_of(corners)
            return lambda place: place.point is not None and ring.contains(place.point)
        case ByDistance():
            return partial(_is_near, coverage, position_of)
        case _:
            assert_never(coverage)


def _is_in_division(division: ByDivision, code: str | None, place: Where) -> bool:
    if place.country != division.country.upper():
        return False
    if code is not None:
        return code in divisions.divisions().and_above(place.code)
    wanted = plain_names(division.province, division.city, division.district)
    return all(not name or name == there for name, there in zip(wanted, place.names, strict=True))


def _has_postcode(country: str, ends: tuple[str, str], place: Where) -> bool:
    first, last = ends
    begins = place.postcode[: len(first)]
    is_number = first == last or (len(begins) == len(first) and begins.isascii() and begins.isdigit())
    return place.country == country and is_number and first <= begins <= last


def _is_near(circle: ByDistance, position_of: PositionOf, place: Where) -> bool:
    middle, point = middle_of(circle, position_of), place.point
    if point is None or middle is None:
        return False
    return distance_km(point.lat, point.lon, middle.lat, middle.lon) <= circle.km


def code_of(division: ByDivision) -> str | None:
    """The code of a division of China. None elsewhere, for all of China, and if this version does not know the name."""
    if division.country.upper() != divisions.COUNTRY:
        return None
    named = divisions.divisions().named(division.province, division.city, division.district)
    return named.code if named.code and not named.unknown else None


def range_of(postcodes: ByPostcode) -> tuple[str, str]:
    """Between which texts the beginning of a postcode has to lie. They are equal if there is only one."""
    if postcodes.prefix is not UNSET:
        prefix = plain_postcode(postcodes.prefix)
        return prefix, prefix
    assert postcodes.first is not UNSET and postcodes.last is not UNSET
    return plain_postcode(postcodes.first), plain_postcode(postcodes.last)


def prefixes_of(postcodes: ByPostcode) -> list[str]:
    """The fewest prefixes that all fitting postcodes begin with: 10 and 11 for 10000 to 11999."""
    first, last = range_of(postcodes)
    if first == last:
        return [first]
    return list(_prefixes(int(first), int(last) + 1, len(first)))


def _prefixes(first: int, end: int, digits: int) -> Iterator[str]:
    """The prefixes of the numbers from the first up to, and without, the end, written with some digits."""
    while first < end:
        size = 1
        while first % (size * 10) == 0 and first + size * 10 <= end and size * 10 < 10**digits:
            size *= 10
        zeros = len(str(size)) - 1
        yield f"{first:0{digits}d}"[: digits - zeros]
        first += size


class Ring(Struct, frozen=True):
    """A polygon in the form for look-ups: its corners, the first one again at the end. `lons` may leave -180 to 180."""

    lats: tuple[float, ...]
    lons: tuple[float, ...]

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """The least latitude, the least longitude, and the greatest ones."""
        return min(self.lats), min(self.lons), max(self.lats), max(self.lons)

    def contains(self, point: Point) -> bool:
        """Whether a position is inside: a line from it to the east crosses an odd number of edges."""
        west, east, lon = min(self.lons), max(self.lons), point.lon
        if lon < west:
            lon += 360.0
        elif lon > east:
            lon -= 360.0
        is_odd = False
        edges = zip(self.lats, self.lons, self.lats[1:], self.lons[1:], strict=False)
        for lat, edge_lon, other_lat, other_lon in edges:
            if (lat <= point.lat) == (other_lat <= point.lat):
                continue
            # from south to north, so that both polygons at an edge compute the same crossing
            south, north = sorted(((lat, edge_lon), (other_lat, other_lon)))
            crossing = south[1] + (point.lat - south[0]) / (north[0] - south[0]) * (north[1] - south[1])
            if crossing > lon:
                is_odd = not is_odd
        return is_odd


def ring_of(corners: tuple[Corner, ...]) -> Ring:
    """The form for look-ups. Each edge takes the short way around the earth."""
    lons = [corners[0].lon]
    for corner in (*corners[1:], corners[0]):
        lons.append(lons[-1] + (corner.lon - lons[-1] + 180.0) % 360.0 - 180.0)
    exact = [corner.lon for corner in (*corners, corners[0])]
    if all(abs(one - other) < 1e-6 for one, other in zip(lons, exact, strict=True)):
        lons = exact  # without the rounding above, so that polygons with common corners have common edges
    return Ring(tuple(corner.lat for corner in (*corners, corners[0])), tuple(lons))


def middle_of(circle: ByDistance, position_of: PositionOf) -> Point | None:
    """The position from which a distance is measured; None if the document of its location does not say it."""
    if circle.location is not UNSET:
        return position_of(circle.location)
    assert circle.lat is not UNSET and circle.lon is not UNSET
    return Point(circle.lat, circle.lon)


def check_coverage(coverage: Coverage, field: str, *, is_known_here: bool) -> None:
    """`is_known_here`: refuse divisions that this version does not know, too."""
    match coverage:
        case ByDivision():
            if is_known_here:
                _check_division(coverage, field)
        case ByCode(code):
            if is_known_here and divisions.divisions().get(code) is None:
                text = f"The field {field}.code is {code}, and no division of China has this code. Correct it."
                raise Invalid(text, field=f"{field}.code")
        case ByPostcode():
            _check_postcodes(coverage, field)
        case ByPolygon(corners):
            _check_polygon(corners, field)
        case ByDistance():
            has_location, has_lat, has_lon = (
                one is not UNSET for one in (coverage.location, coverage.lat, coverage.lon)
            )
            if has_lat != has_lon or has_location == has_lat:
                raise Invalid(f"The field {field} must have either location, or lat and lon.", field=field)
        case _:
            assert_never(coverage)


def _check_division(division: ByDivision, field: str) -> None:
    if division.country.upper() != divisions.COUNTRY:
        return
    known = divisions.divisions()
    named = known.named(division.province, division.city, division.district)
    if not named.unknown:
        return
    text = getattr(division, named.unknown)
    close = known.close(named.unknown, text, named.code)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    raise Invalid(
        f"The field {field}.{named.unknown} is {text!r}, which is no division, or several ones, of China. {meant}"
        "Send the names of the divisions above it too, or a code.",
        field=f"{field}.{named.unknown}",
    )


_digits = re.compile(r"[0-9]+")


def _check_postcodes(postcodes: ByPostcode, field: str) -> None:
    has_first, has_last = postcodes.first is not UNSET, postcodes.last is not UNSET
    if (postcodes.prefix is UNSET) == (not has_first) or has_first != has_last:
        raise Invalid(f"The field {field} must have either prefix, or first and last.", field=field)
    if postcodes.prefix is not UNSET:
        if not plain_postcode(postcodes.prefix):
            raise Invalid(f"The field {field}.prefix is empty. Send digits or letters.", field=f"{field}.prefix")
        return
    first, last = plain_postcode(str(postcodes.first)), plain_postcode(str(postcodes.last))
    for name, given in (("first", first), ("last", last)):
        if not _digits.fullmatch(given):
            text = f"The field {field}.{name} is {given!r}. A range needs digits. Send a prefix for other postcodes."
            raise Invalid(text, field=f"{field}.{name}")
    if len(first) != len(last) or first > last:
        text = f"The field {field}.last is {last!r}. Send as many digits as in first, {first!r}, and no lower number."
        raise Invalid(text, field=f"{field}.last")


def _check_polygon(corners: tuple[Corner, ...], field: str) -> None:
    ring = ring_of(corners)
    if abs(ring.lons[-1] - ring.lons[0]) > 1.0:
        text = f"The field {field}.corners goes around a pole. Divide the polygon, or use distances."
        raise Invalid(text, field=f"{field}.corners")
    points = list(zip(ring.lats, ring.lons, strict=True))
    # by the shoelace formula
    twice = sum((lon - ring.lons[0]) * (next_lat - lat) for (lat, lon), (next_lat, _) in pairwise(points))
    if abs(twice) < SMALLEST_POLYGON:
        text = f"The field {field}.corners has no inside: all corners are on one line. Send more corners."
        raise Invalid(text, field=f"{field}.corners")
