"""Points: how far a customer is from the locations whose documents say where they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import asin, cos, radians, sin, sqrt
from typing import Any

from simulations.reference.catalogue import Documents

Point = tuple[float, float]
"""Latitude and longitude in degrees."""

EARTH_RADIUS_KM = 6_371.0088


def kilometres(one: Point, other: Point) -> float:
    """The distance of two points on a sphere, by the haversine formula, to the metre."""
    (lat, lon), (other_lat, other_lon) = ((radians(degrees) for degrees in point) for point in (one, other))
    chord = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return round(2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord))), 3)


def nearest_first(documents: Documents, locations: Iterable[str], near: Point | None) -> list[tuple[str, float | None]]:
    """Each location with its distance, nearest first. Those whose point nobody knows come last, by name."""
    found = [(location, _away(documents.value("location", location), near)) for location in locations]
    return sorted(found, key=lambda one: (one[1] is None, 0.0 if one[1] is None else one[1], one[0]))


def _away(document: Mapping[str, Any] | None, near: Point | None) -> float | None:
    if near is None or document is None or "lat" not in document or "lon" not in document:
        return None
    return kilometres(near, (document["lat"], document["lon"]))


def point_of(text: str) -> Point | None:
    """The point in a query, `48.1,11.6`; None if there is none."""
    lat, _, lon = text.partition(",")
    return (float(lat), float(lon)) if text else None
