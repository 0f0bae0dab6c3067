"""Coverages: which addresses a part of a delivery area covers, and which parts are refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from replica.core.base.errors import Invalid
from replica.core.catalog.addresses import Destination, where
from replica.core.catalog.areas import AreaDocument, check_area
from replica.core.catalog.coverages import ByPostcode, Coverage, membership, prefixes_of
from replica.core.catalog.locations import Point, distance_km

STORE = Point(31.2304, 121.4737)


def covers(part: dict[str, Any], **address: Any) -> bool:
    """Whether a part covers an address."""
    coverage = msgspec.convert(part, Coverage)
    place = where(Destination(**{"country": "DE", **address}), "ship_to")
    return membership(coverage, lambda name: STORE if name == "store-1" else None)(place)


def polygon(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"type": "polygon", "corners": [{"lat": lat, "lon": lon} for lat, lon in corners]}


def refusal(part: dict[str, Any], name: str = "covers") -> Invalid:
    """How a part is refused."""
    document = {"covers": [{"type": "code", "code": "310000"}], name: [part]}
    with pytest.raises(Invalid) as refused:
        check_area(msgspec.convert(document, AreaDocument))
    return refused.value


# ---------------------------------------------------------------------------------------------------------------------
# divisions


def test_division_of_a_country_covers_each_address_with_its_names() -> None:
    koeln = {"type": "division", "country": "de", "province": "NRW", "city": "Köln"}
    assert covers(koeln, province="nrw", city="KOLN", district="Deutz")
    assert not covers(koeln, province="nrw", city="Bonn")
    assert not covers(koeln, province="Hessen", city="Köln")
    assert not covers(koeln, country="FR", province="NRW", city="Köln")
    assert covers({"type": "division", "country": "DE"}, city="Bonn")


def test_division_of_china_covers_long_and_short_names_alike() -> None:
    zhoushan = {"type": "division", "country": "CN", "province": "浙江", "city": "舟山"}
    assert covers(zhoushan, country="CN", province="浙江省", city="舟山市", district="定海区")
    assert not covers(zhoushan, country="CN", province="浙江省", city="杭州市")
    assert not covers(zhoushan, country="DE", province="浙江省", city="舟山市")


def test_unknown_division_is_refused_with_names_that_may_be_meant() -> None:
    known = {"type": "division", "country": "CN", "province": "浙江", "city": "杭州"}
    assert "of China. Did you mean 余杭? Send the names" in refusal({**known, "district": "余航"}).detail
    assert "of China. Send the names" in refusal({**known, "district": "Hamburg"}).detail
    detail = refusal({"type": "division", "country": "CN", "province": "浙江", "city": "杭洲"}).detail
    assert "Did you mean 秀洲 or 杭州 or 余杭? Send" in detail


# ---------------------------------------------------------------------------------------------------------------------
# postcodes


def postcodes(first: str, last: str) -> dict[str, Any]:
    return {"type": "postcode", "country": "DE", "first": first, "last": last}


@pytest.mark.parametrize("postcode", ["10", "1", "1099A", "1A999", "١٠١٢٣", "12000", "09999", ""])
def test_postcode_that_is_no_number_in_the_range_is_outside(postcode: str) -> None:
    assert not covers(postcodes("10000", "11999"), postcode=postcode)


@pytest.mark.parametrize("postcode", ["10000", "11999", "11999-1234", "10 500"])
def test_postcode_that_begins_with_a_number_in_the_range_is_inside(postcode: str) -> None:
    assert covers(postcodes("10000", "11999"), postcode=postcode)
    assert not covers(postcodes("10000", "11999"), country="FR", postcode=postcode)


def test_prefix_may_have_letters() -> None:
    london = {"type": "postcode", "country": "GB", "prefix": "sw1"}
    assert covers(london, country="GB", postcode="SW1A 1AA")
    assert not covers(london, country="GB", postcode="SW2A 1AA")
    assert not covers(london, country="GB", postcode="SW")


@pytest.mark.parametrize(
    ("first", "last", "prefixes"),
    [
        ("10000", "11999", ["10", "11"]),
        ("10115", "10115", ["10115"]),
        ("098", "110", ["098", "099", "10", "110"]),
        ("000", "999", [str(digit) for digit in range(10)]),
        ("0", "9", [str(digit) for digit in range(10)]),
    ],
)
def test_range_has_few_prefixes(first: str, last: str, prefixes: list[str]) -> None:
    assert prefixes_of(ByPostcode("DE", first=first, last=last)) == prefixes


@given(st.integers(0, 999), st.integers(0, 999))
def test_prefixes_of_a_range_are_the_shortest_with_only_its_numbers(one: int, other: int) -> None:
    first, last = sorted((one, other))

    def is_inside(prefix: str) -> bool:
        return first <= int(prefix.ljust(3, "0")) and int(prefix.ljust(3, "9")) <= last

    every = [f"{number:0{digits}d}" for digits in (1, 2, 3) for number in range(10**digits)]
    shortest = sorted(one for one in every if is_inside(one) and not (len(one) > 1 and is_inside(one[:-1])))
    found = prefixes_of(ByPostcode("DE", first=f"{first:03d}", last=f"{last:03d}"))
    assert found == (shortest if first < last else [f"{first:03d}"])


def test_end_of_a_range_that_is_no_number_is_refused() -> None:
    assert refusal(postcodes("10000", "1999A")).field == "covers[0].last"
    assert refusal(postcodes("10000", "1999A"), "excludes").field == "excludes[0].last"


# ---------------------------------------------------------------------------------------------------------------------
# distances and polygons


def test_distance_covers_no_address_without_a_position() -> None:
    assert covers({"type": "distance", "location": "store-1", "km": 1}, lat=STORE.lat, lon=STORE.lon)
    assert not covers({"type": "distance", "location": "store-1", "km": 1}, city="Bonn")
    assert not covers({"type": "distance", "location": "store-9", "km": 1}, lat=STORE.lat, lon=STORE.lon)


def test_distance_includes_its_end() -> None:
    km = distance_km(52.5, 13.4, 52.4, 13.1)
    assert covers({"type": "distance", "lat": 52.4, "lon": 13.1, "km": km}, lat=52.5, lon=13.4)


def test_polygon_covers_what_is_between_slanting_edges() -> None:
    triangle = polygon((30.0, 120.0), (30.0, 124.0), (33.0, 122.0))
    shown = [(31.0, 120.5), (31.0, 120.8), (31.0, 123.2), (31.0, 123.5), (32.5, 121.5), (32.5, 122.0)]
    assert [covers(triangle, lat=lat, lon=lon) for lat, lon in shown] == [False, True, True, False, False, True]
    check_area(msgspec.convert({"covers": [triangle]}, AreaDocument))


@pytest.mark.parametrize(
    "corners",
    [
        [(-20.0, 176.0), (-20.0, -178.0), (-15.0, -178.0), (-15.0, 176.0)],
        [(-20.0, -178.0), (-20.0, 176.0), (-15.0, 176.0), (-15.0, -178.0)],
        [(-20.0, 180.0), (-20.0, -178.0), (-15.0, -178.0), (-15.0, 176.0), (-20.0, 176.0)],
    ],
)
def test_polygon_over_the_date_line_covers_both_sides_whichever_its_first_corner(
    corners: list[tuple[float, float]],
) -> None:
    fiji = polygon(*corners)
    shown = [175.9, 176.1, 179.9, 180.0, -180.0, -179.9, -178.1, -177.9, -177.5, 0.0]
    assert [covers(fiji, lat=-17.0, lon=lon) for lon in shown] == [False, *[True] * 6, *[False] * 3]


def test_narrow_polygon_over_the_date_line_ends_at_its_edges() -> None:
    narrow = polygon((-20.0, -179.0), (-20.0, 179.0), (-15.0, 179.0), (-15.0, -179.0))
    assert [covers(narrow, lat=-17.0, lon=lon) for lon in (178.9, 179.1, 179.9, -179.1, -178.9)] == [
        False,
        True,
        True,
        True,
        False,
    ]


DEGREES = st.integers(1_200_000, 1_219_999).map(lambda number: number / 10_000)


@given(DEGREES, DEGREES, DEGREES, st.sampled_from([30.5, 31.25]))
def test_position_on_a_common_edge_is_in_one_polygon_wherever_the_edge_is(
    west: float, middle: float, east: float, lat: float
) -> None:
    west, middle, east = sorted((west - 2, middle, east + 2))
    left = polygon((30.0, west), (30.0, middle), (32.0, middle), (32.0, west))
    right = polygon((30.0, middle), (30.0, east), (32.0, east), (32.0, middle))
    assert [covers(one, lat=lat, lon=middle) for one in (left, right)] == [False, True]
