"""Delivery areas: which of them contain an address, who serves it, and what they do not let in.

Each question looks at all documents. Of the divisions of China, only some are here: those of the addresses that clients
of the simulator have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Any

from simulations.reference.catalogue import Documents
from simulations.reference.points import EARTH_RADIUS_KM, Point
from simulations.reference.price_documents import moment_ms

PRIORITY = 100
"""Of an area, or of a location in it, that names none."""

CODES: Mapping[tuple[str, str, str], Sequence[str]] = {
    ("浙江", "杭州", "西湖"): ("330106", "330100", "330000"),
    ("浙江", "宁波", ""): ("330200", "330000"),
    ("浙江", "", ""): ("330000",),
    ("上海", "", ""): ("310000",),
}
"""By province, city and district: the codes of the division, and of those that it is part of."""

NAMES = ("province", "city", "district")


@dataclass(frozen=True)
class Serving:
    """How a location serves an address: only as a backup or not, and its priorities."""

    is_backup: bool
    priorities: tuple[int, int]


Area = tuple[str, Mapping[str, Any]]
"""An area, by its id and its document."""


def areas_of(documents: Documents, address: Mapping[str, Any]) -> list[Area]:
    """The areas that contain an address, the lower number of the priorities first."""
    found = []
    for key in documents.keys("area"):
        area = documents.value("area", key)
        if any(_covers(documents, one, address) for one in area["covers"]) and not any(
            _covers(documents, one, address) for one in area.get("excludes", ())
        ):
            found.append((key, area))
    return sorted(found, key=lambda one: (one[1].get("priority", PRIORITY), one[0]))


def servings(areas: Iterable[Area]) -> dict[str, Serving]:
    """The locations that serve an address in some areas: each as well as one of the areas says."""
    found: dict[str, Serving] = {}
    for _, area in areas:
        for name in ("serves", "backups"):
            for server in area.get(name, ()):
                priorities = (area.get("priority", PRIORITY), server.get("priority", PRIORITY))
                one, known = Serving(name == "backups", priorities), found.get(server["location"])
                if known is None or (one.is_backup, priorities) < (known.is_backup, known.priorities):
                    found[server["location"]] = one
    return found


def ban_on(documents: Documents, areas: Iterable[Area], sku: str, now_ms: int) -> tuple[str, Mapping[str, str]] | None:
    """The first area that does not let a SKU in at a moment, and its reasons; None if all do."""
    attributes = (documents.value("sku", sku) or {}).get("attributes", {})
    for key, area in areas:
        for ban in area.get("bans", ()):
            is_in_force = ("valid_from" not in ban or moment_ms(ban["valid_from"]) <= now_ms) and (
                "valid_to" not in ban or now_ms < moment_ms(ban["valid_to"])
            )
            if is_in_force and _selects(ban["goods"], sku, attributes):
                return key, ban["reasons"]
    return None


def _selects(goods: Mapping[str, Any], sku: str, attributes: Mapping[str, Any]) -> bool:
    if goods.get("all"):
        return True
    if "skus" in goods:
        return sku in goods["skus"]
    return all(
        name in attributes
        and attributes[name] == value
        and isinstance(attributes[name], bool) == isinstance(value, bool)
        for name, value in goods["attributes"].items()
    )


def point_of(value: Mapping[str, Any] | None) -> Point | None:
    """The position in a document or an address; None if there is none."""
    return (value["lat"], value["lon"]) if value is not None and "lat" in value and "lon" in value else None


def _covers(documents: Documents, part: Mapping[str, Any], address: Mapping[str, Any]) -> bool:
    point = point_of(address)
    match part["type"]:
        case "division":
            return _is_in_division(part, address)
        case "code":
            return part["code"] in _codes(address)
        case "postcode":
            return part["country"] == address["country"] and _fits(part, address.get("postcode", ""))
        case "polygon":
            return point is not None and _is_inside([(one["lat"], one["lon"]) for one in part["corners"]], point)
        case "distance":
            middle = point_of(documents.value("location", part["location"]) if "location" in part else part)
            return point is not None and middle is not None and _arc_km(point, middle) <= part["km"]
    raise AssertionError(part)


def _is_in_division(part: Mapping[str, Any], address: Mapping[str, Any]) -> bool:
    if part["country"] != address["country"]:
        return False
    named = [(part.get(name, ""), address.get(name, "")) for name in NAMES]
    return all(not wanted or wanted.casefold() == there.casefold() for wanted, there in named)


def _codes(address: Mapping[str, Any]) -> Sequence[str]:
    province, city, district = (address.get(name, "") for name in NAMES)
    return CODES[province, city, district] if address["country"] == "CN" else ()


def _fits(part: Mapping[str, Any], postcode: str) -> bool:
    if "prefix" in part:
        return postcode.startswith(part["prefix"])
    begins = postcode[: len(part["first"])]
    return len(begins) == len(part["first"]) and int(part["first"]) <= int(begins) <= int(part["last"])


def _is_inside(corners: Sequence[Point], point: Point) -> bool:
    """Whether a point is inside of a convex polygon: on the same side of each edge."""
    sides = {
        (other[1] - one[1]) * (point[0] - one[0]) > (other[0] - one[0]) * (point[1] - one[1])
        for one, other in zip(corners, [*corners[1:], corners[0]], strict=True)
    }
    return len(sides) == 1


def _arc_km(one: Point, other: Point) -> float:
    """The distance of two points, not rounded."""
    (lat, lon), (other_lat, other_lon) = ((radians(degrees) for degrees in point) for point in (one, other))
    chord = sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(chord)))
