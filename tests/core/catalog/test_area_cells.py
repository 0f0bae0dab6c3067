"""The index of areas: areas of any shape are found everywhere in them, and far ones are not looked at."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.catalog.area_index import CELLS_MAX
from tests.core.catalog.test_areas import Map, square


def circle(lat: float, lon: float, km: float) -> dict[str, Any]:
    return {"type": "distance", "lat": lat, "lon": lon, "km": km}


def cells(*covers: dict[str, Any]) -> int:
    """In how many cells the index has an area."""
    chart = Map()
    chart.write("one", *covers)
    return len(chart.areas._slots)


@pytest.mark.parametrize("lat", [89.5, -89.5])
def test_circle_around_a_pole_contains_positions_on_the_other_side_of_it(lat: float) -> None:
    chart = Map()
    chart.write("pole", circle(lat, 0.0, 100))
    shown = [(lat * 1.003, lon) for lon in (0.0, 100.0, 180.0, -180.0, -100.0)]
    assert [chart.found(lat=at, lon=lon) for at, lon in shown] == [["pole"]] * 5
    assert chart.found(lat=lat * 0.98, lon=180.0) == []


def test_circle_may_reach_to_the_other_side_of_the_earth() -> None:
    chart = Map()
    chart.write("most", circle(10.0, 0.0, 18_000))
    assert [chart.found(lat=lat, lon=180.0) for lat in (30.0, 10.5, 5.0)] == [["most"], ["most"], []]


def test_circle_ends_at_its_distance_to_the_north() -> None:
    chart = Map()
    chart.write("circle", circle(40.0, 10.0, 300))
    assert [chart.found(lat=lat, lon=10.0) for lat in (37.4, 42.6, 42.8, 37.2)] == [["circle"], ["circle"], [], []]


def test_circle_is_found_after_another_one_in_the_same_cell_that_ends_before() -> None:
    chart = Map()
    chart.write("a", circle(52.505, 13.405, 0.01))
    chart.write("b", circle(52.51, 13.41, 0.1))
    assert chart.found(lat=52.51, lon=13.41) == ["b"]


def test_area_is_found_after_one_that_contains_the_address_by_two_of_its_parts() -> None:
    chart = Map()
    prefix = {"type": "postcode", "country": "DE", "prefix": "10"}
    chart.write("a", {"type": "division", "country": "DE"}, prefix)
    chart.write("b", prefix)
    assert chart.found(country="DE", postcode="10115") == ["a", "b"]


def test_circle_reaches_into_the_next_cell_by_the_last_metres() -> None:
    chart = Map()
    chart.write("circle", circle(39.9101, 120.0, 10))
    assert chart.found(lat=40.00001, lon=120.0) == ["circle"]


@pytest.mark.parametrize("lat", [60.0, 0.0, -60.0])
def test_circle_is_wider_in_degrees_far_from_the_equator(lat: float) -> None:
    chart = Map()
    chart.write("circle", circle(lat, 10.0, 40))
    wide = 39.5 / (111.195 * (0.5 if lat else 1.0))
    assert [chart.found(lat=lat, lon=10.0 + side * wide) for side in (-1, 1)] == [["circle"], ["circle"]]


@pytest.mark.parametrize(
    ("south", "west", "north", "east"),
    [
        (-20.0, 150.0, 20.0, -150.0),
        (-40.0, 150.0, 40.0, -140.0),
        (-17.5, 179.6, -17.0, -179.6),
        (-20.0, 170.0, -15.0, -170.1),
    ],
)
def test_polygons_of_all_sizes_are_found_on_both_sides_of_the_date_line(
    south: float, west: float, north: float, east: float
) -> None:
    chart = Map()
    chart.write("box", square(south, west, north, east))
    wide = east + 360.0 - west
    for part in range(1, 100):
        lon = west + wide * part / 100
        assert chart.found(lat=(south + north) / 2 + 0.1, lon=lon - 360.0 if lon > 180.0 else lon) == ["box"]
    for outside in (west - 0.01, east + 0.01):
        assert chart.found(lat=(south + north) / 2, lon=outside) == []


@pytest.mark.parametrize(("lat", "lon"), [(30.0, 120.0), (-31.0, -121.0)])
def test_area_with_as_many_cells_as_allowed_is_in_the_finest_grid(lat: float, lon: float) -> None:
    assert CELLS_MAX == 64
    assert cells(square(lat + 0.01, lon + 0.01, lat + 0.99, lon + 0.99)) == 64


@pytest.mark.parametrize(
    ("covers", "most"),
    [
        (square(30.01, 120.01, 31.01, 120.99), 4),
        (square(30.01, 120.01, 30.99, 121.01), 4),
        (square(30.01, 120.01, 31.24, 120.99), 4),
        (square(30.01, 120.01, 30.99, 121.24), 4),
        (square(-31.24, -121.24, -30.01, -120.01), 9),
        (square(-60.0, 10.0, 60.0, 110.0), 64),
        (circle(0.0, 0.0, 19_000), 64),
    ],
)
def test_larger_area_is_in_a_coarser_grid_and_in_few_cells(covers: dict[str, Any], most: int) -> None:
    assert cells(covers) <= most


def test_circle_is_in_no_more_cells_than_it_reaches_into() -> None:
    """So an address far away is not compared with it."""
    assert cells(circle(31.2, 121.5, 40)) == 7 * 8
    assert cells(circle(0.06, 0.06, 1)) == 1


def test_area_with_two_parts_at_one_place_can_be_cleared_beside_another() -> None:
    chart = Map()
    twice = {"type": "postcode", "country": "DE", "prefix": "10"}
    chart.write("a", twice, twice, circle(52.5, 13.4, 5), circle(52.5, 13.4, 6))
    chart.write("b", twice, circle(52.5, 13.4, 5))
    assert chart.found(country="DE", postcode="10115", lat=52.5, lon=13.4) == ["a", "b"]
    chart.write("a")
    assert chart.found(country="DE", postcode="10115", lat=52.5, lon=13.4) == ["b"]


def test_areas_of_each_level_contain_an_address_with_all_three_names() -> None:
    chart = Map()
    names = {"province": "NRW", "city": "Köln", "district": "Deutz"}
    for number in range(8):
        some = {name: value for at, (name, value) in enumerate(names.items()) if number >> at & 1}
        chart.write(f"a-{number}", {"type": "division", "country": "DE", **some})
    assert chart.found(country="DE", **names) == [f"a-{number}" for number in range(8)]
    assert chart.found(country="DE", city="Köln") == ["a-0", "a-2"]


@pytest.mark.parametrize(("postcode", "found"), [("12", []), ("12A45", []), ("12345", ["range"]), ("1234", [])])
def test_beginning_of_a_postcode_is_not_in_a_range(postcode: str, found: list[str]) -> None:
    chart = Map()
    chart.write("range", {"type": "postcode", "country": "DE", "first": "10115", "last": "14199"})
    assert chart.found(country="DE", postcode=postcode) == found


def test_excluded_names_of_one_country_are_not_excluded_in_another() -> None:
    chart = Map()
    both = [{"type": "division", "country": country} for country in ("DE", "CH")]
    chart.write("a", *both, excludes=[{"type": "division", "country": "DE", "city": "Köln"}])
    assert [chart.found(country=country, city="Köln") for country in ("DE", "CH")] == [[], ["a"]]


def test_excluded_circle_excludes_no_address_without_a_position() -> None:
    chart = Map()
    china = {"type": "division", "country": "CN"}
    chart.write("a", china, excludes=[circle(31.2, 121.5, 10)])
    assert (chart.found(city="上海"), chart.found(lat=31.2, lon=121.5)) == (["a"], [])
