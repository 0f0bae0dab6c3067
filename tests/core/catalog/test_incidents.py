"""Incidents: who is inside, and when."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid
from replica.core.catalog.coverages import ByCode, ByDistance
from replica.core.catalog.documents import pack_value
from replica.core.catalog.incidents import IncidentDocument, Incidents, check_incident
from replica.core.catalog.locations import Address, LocationDocument, Point
from replica.core.catalog.registers import Register

SHENZHEN = LocationDocument("store", "Shenzhen", "south", lat=22.54, lon=114.06)
BEIJING = LocationDocument("store", "Beijing", "north", Address("CN", "北京市"))
POLYGON = {"type": "polygon", "corners": [{"lat": lat, "lon": lon} for lat, lon in ((22, 113), (23, 113), (23, 115))]}
HOUR_MS = 3_600_000


def incidents(positions: dict[str, Point] | None = None, **documents: dict[str, Any]) -> Incidents:
    found = Incidents((positions or {}).get)
    for key, value in documents.items():
        put(found, key, value)
    return found


def put(found: Incidents, key: str, value: object, version: int = 1) -> bool:
    packed = None if value is None else pack_value(value)
    return found.put(Register("incident", key, 0, "", version, version, "hub-1#0000000a", packed, 0))


def stops(found: Incidents, document: LocationDocument = SHENZHEN, now_ms: int = 0) -> str | None:
    incident = found.stops("a", document, now_ms)
    return incident.id if incident is not None else None


def test_a_location_inside_sends_nothing() -> None:
    found = incidents(storm={"covers": [POLYGON]})
    assert stops(found) == "storm"
    assert found.stops("b", BEIJING, 0) is None
    assert stops(incidents(storm={"covers": [POLYGON], "sends": True})) is None
    assert stops(incidents(storm={"covers": [POLYGON], "excludes": [POLYGON]})) is None


def test_a_location_without_a_position_is_inside_by_its_address() -> None:
    found = incidents(smog={"covers": [{"type": "code", "code": "110000"}]})
    assert stops(found, BEIJING) == "smog"


def test_an_incident_begins_and_ends_by_its_moments() -> None:
    period = {"valid_from": "1970-01-01T01:00:00Z", "valid_to": "1970-01-01T02:00:00Z"}
    found = incidents(storm={"covers": [POLYGON], **period})
    at = [stops(found, now_ms=hour * HOUR_MS // 2) is not None for hour in range(6)]
    assert at == [False, False, True, True, False, False]


def test_an_incident_ends_when_its_document_is_cleared() -> None:
    found = incidents(storm={"covers": [POLYGON]})
    assert stops(found) == "storm"
    put(found, "storm", None, 2)
    assert (stops(found), len(found)) == (None, 0)


def test_a_location_that_moves_is_looked_at_again() -> None:
    found = incidents(storm={"covers": [POLYGON]})
    assert stops(found) == "storm"
    assert stops(found, LocationDocument("store", "Moved", "south", lat=30.0, lon=114.0)) is None


def test_a_circle_follows_the_location_in_its_middle() -> None:
    positions = {"port": Point(22.5, 114.0)}
    found = incidents(positions, fire={"covers": [{"type": "distance", "km": 20, "location": "port"}]})
    assert stops(found) == "fire"
    positions["port"] = Point(30.0, 114.0)
    found.locations_changed()
    assert stops(found) is None


def test_an_incident_of_a_later_version_is_left_out() -> None:
    assert not put(incidents(), "storm", {"covers": [{"type": "spiral"}]})


def test_wrong_incidents_are_refused() -> None:
    with pytest.raises(Invalid, match="covers"):
        check_incident(IncidentDocument((ByCode("999999"),)))
    with pytest.raises(Invalid, match="covers"):
        check_incident(IncidentDocument((ByDistance(1.0, lat=1.0),)))
