"""Documents of locations: the time zone that they name."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.catalog.documents import Documents, pack_value
from replica.core.catalog.locations import (
    LOCATION,
    Point,
    distance_between,
    distance_km,
    distance_to,
    distances_from,
    position_of,
    region_of,
    time_zone_of,
)
from replica.core.catalog.ranks import STORE_RANK
from replica.core.catalog.registers import Register


def write(documents: Documents, version: int, value: Any, rank: int = 0) -> None:
    at = "store-1" if rank else ""
    packed = pack_value(value) if value is not None else None
    documents.put(Register(LOCATION, "store-1", rank, at, version, version, "hub-east#0000000a", packed))


def test_the_time_zone_of_a_location_follows_its_document() -> None:
    documents = Documents()
    assert time_zone_of(documents, "store-1") == "UTC"
    shop = {"type": "store", "name": "A shop", "region": "east"}
    for version, (value, zone) in enumerate(
        [
            (shop, "UTC"),
            ({**shop, "time_zone": "Asia/Shanghai"}, "Asia/Shanghai"),
            ({**shop, "time_zone": "Europe/Berlin", "later": 1}, "Europe/Berlin"),
            ({**shop, "time_zone": 8}, "UTC"),
            ({8: 8}, "UTC"),
            (None, "UTC"),
        ],
        start=1,
    ):
        write(documents, version, value)
        assert time_zone_of(documents, "store-1") == zone
    write(documents, 1, {**shop, "time_zone": "Asia/Tokyo"}, rank=STORE_RANK)
    write(documents, 7, {**shop, "time_zone": "Asia/Shanghai"})
    assert time_zone_of(documents, "store-1") == "Asia/Shanghai"
    assert time_zone_of(documents, "store-2") == "UTC"


def test_the_region_of_a_location_is_that_of_its_document() -> None:
    documents = Documents()
    assert region_of(documents, "store-1") == ""
    write(documents, 1, {"type": "store", "name": "A shop", "region": "east"})
    assert region_of(documents, "store-1") == "east"


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((52.520, 13.405), (48.137, 11.575), 504.3),  # Berlin, Munich
        ((31.2304, 121.4737), (39.9042, 116.4074), 1067.3),  # Shanghai, Beijing
        ((-33.8688, 151.2093), (51.5074, -0.1278), 16994.0),  # Sydney, London
        ((0.0, -179.5), (0.0, 179.5), 111.2),
        ((0.0, 0.0), (0.0, 90.0), 10007.6),
        ((90.0, 0.0), (-90.0, 0.0), 20015.1),
        ((48.137, 11.575), (48.137, 11.575), 0.0),
    ],
)
def test_the_distance_of_two_places_is_that_on_the_globe(
    one: tuple[float, float], other: tuple[float, float], km: float
) -> None:
    assert distance_km(*one, *other) == pytest.approx(km, abs=0.1)
    assert distance_km(*other, *one) == pytest.approx(km, abs=0.1)


def test_the_distance_to_a_location_is_to_the_metre_and_needs_its_position() -> None:
    documents, berlin = Documents(), Point(52.520, 13.405)
    assert (position_of(documents, "store-1"), distance_to(documents, "store-1", berlin)) == (None, None)
    shop = {"type": "store", "name": "A shop", "region": "east"}
    for version, incomplete in enumerate([shop, {**shop, "lat": 48.137}, {**shop, "lon": 11.575}], 1):
        write(documents, version, incomplete)
        assert distance_to(documents, "store-1", berlin) is None
    write(documents, 4, {**shop, "lat": 48.137, "lon": 11.575})
    assert position_of(documents, "store-1") == Point(48.137, 11.575)
    assert distance_to(documents, "store-1", berlin) == 504.339


POSITIONS = st.none() | st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))


@given(POSITIONS, st.lists(POSITIONS, max_size=5))
def test_distances_of_many_positions_are_those_of_each(near: Point | None, some: list[Point | None]) -> None:
    distance = distances_from(near)
    assert [distance(one) for one in some] == [distance_between(one, near) for one in some]
