"""Locations as documents, and how far apart they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from typing import Annotated, Literal

import msgpack
from msgspec import UNSET, Meta, Struct, UnsetType, ValidationError, convert

from replica.core.base.names import NAME_PATTERN
from replica.core.catalog.calendars import CalendarNames
from replica.core.catalog.dispatch import Dispatch
from replica.core.catalog.documents import Documents

LOCATION = "location"
"""The kind of the documents that describe locations."""

EARTH_RADIUS_KM = 6_371.0088

Latitude = Annotated[float, Meta(ge=-90.0, le=90.0)]
Longitude = Annotated[float, Meta(ge=-180.0, le=180.0)]
Words = Annotated[str, Meta(max_length=256)]
LocationName = Annotated[str, Meta(pattern=NAME_PATTERN)]


class Point(Struct, frozen=True):
    """A position in degrees, such as that of a customer."""

    lat: float
    lon: float


class Address(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A postal address, from the country down."""

    country: Words = ""
    province: Words = ""
    city: Words = ""
    district: Words = ""
    postcode: Words = ""
    lines: Annotated[tuple[Words, ...], Meta(max_length=8)] = ()


class LocationDocument(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The value of the document `location/{location}`."""

    type: Literal["store", "warehouse", "third_party"]
    name: Words
    region: Annotated[str, Meta(pattern=NAME_PATTERN)]
    address: Address = Address()
    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET
    time_zone: Words = "UTC"
    hours: dict[str, Words] = {}
    dispatch: Dispatch = Dispatch()
    margin_percent: (
        Annotated[int, Meta(ge=0, le=100, description="What is earned on goods that it sends.")] | UnsetType
    ) = UNSET
    calendars: Annotated[CalendarNames, Meta(description="When it dispatches goods. All of them hold together.")] = ()


class ReadLocation(LocationDocument, frozen=True, forbid_unknown_fields=False):
    """The same, read from a peer: fields that a later version added are ignored."""


def location_document(documents: Documents, location: str) -> LocationDocument | None:
    """The document of a location; None if it has none, or this version cannot read it."""
    packed = documents.packed(LOCATION, location)
    return read_location(packed) if packed is not None else None


def time_zone_of(documents: Documents, location: str) -> str:
    """The name of the time zone of a location, by its document; UTC if it names none."""
    document = location_document(documents, location)
    return document.time_zone if document is not None else "UTC"


def region_of(documents: Documents, location: str) -> str:
    """The region of a location, by its document; empty if it has none."""
    document = location_document(documents, location)
    return document.region if document is not None else ""


@lru_cache(maxsize=1 << 14)
def read_location(packed: bytes) -> LocationDocument | None:
    """A document that was packed. Each sale with a till receipt asks for one, so it is read once."""
    try:
        return convert(msgpack.unpackb(packed, strict_map_key=False), ReadLocation)
    except ValidationError:
        return None


def position_of(documents: Documents, location: str) -> Point | None:
    """Where a location is, by its document; None if that does not say so."""
    return position_in(location_document(documents, location))


def position_in(document: LocationDocument | None) -> Point | None:
    """The position in a document; None if there is none."""
    if document is None or document.lat is UNSET or document.lon is UNSET:
        return None
    return Point(document.lat, document.lon)


def distance_to(documents: Documents, location: str, near: Point) -> float | None:
    """The kilometres from a point to a location, to the metre; None if its document does not say where it is."""
    return distance_between(position_of(documents, location), near)


def distance_between(position: Point | None, near: Point | None) -> float | None:
    """The kilometres between two points, to the metre; None if one is unknown."""
    if position is None or near is None:
        return None
    return round(distance_km(near.lat, near.lon, position.lat, position.lon), 3)


def distances_from(near: Point | None) -> Callable[[Point | None], float | None]:
    """A function that says how far positions are from one: `distance_between` for many of them."""
    if near is None:
        return lambda position: None
    lon, phi = near.lon, radians(near.lat)
    across = cos(phi)

    def distance(position: Point | None) -> float | None:
        if position is None:
            return None
        other_phi = radians(position.lat)
        sideways = sin(radians(position.lon - lon) / 2)
        half = sin((other_phi - phi) / 2) ** 2 + across * cos(other_phi) * sideways**2
        return round(2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half))), 3)

    return distance


def distance_km(lat: float, lon: float, other_lat: float, other_lon: float) -> float:
    """Great-circle distance, by the haversine formula; good to 0.5 %."""
    phi, other_phi = radians(lat), radians(other_lat)
    half = sin((other_phi - phi) / 2) ** 2 + cos(phi) * cos(other_phi) * sin(radians(other_lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half)))
