"""`area` documents and `POST /v1/areas:find` at a hub."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.callers import Caller

SHANGHAI = {"type": "division", "country": "CN", "province": "上海"}
SHOP = {"type": "store", "name": "A shop", "region": "east", "lat": 31.2304, "lon": 121.4737}


async def write(hub: Caller, kind: str, key: str, value: Any) -> tuple[int, dict[str, Any]]:
    return await hub.write(f"/v1/documents/{kind}/{key}", value, method="PUT")


async def find(hub: Caller, skus: Sequence[str] = (), at: str = "", **address: Any) -> dict[str, Any]:
    query = {"ship_to": {"country": "CN", **address}, "skus": list(skus), **({"at": at} if at else {})}
    async with hub.client.post("/v1/areas:find", json=query) as response:
        found: dict[str, Any] = await response.json()
        return found


async def test_an_address_shows_its_division_its_areas_and_who_serves_them(hub: Caller) -> None:
    await write(hub, "location", "store-1", SHOP)
    await write(hub, "location", "store-2", {**SHOP, "lat": 31.0})
    await write(
        hub,
        "area",
        "shanghai",
        {
            "covers": [SHANGHAI],
            "names": {"zh": "上海"},
            "serves": [{"location": "store-2"}, {"location": "store-1"}, {"location": "w-1", "priority": 1}],
            "backups": [{"location": "w-2"}],
        },
    )
    found = await find(hub, city="上海市", district="黄浦", lat=31.23, lon=121.47)
    assert found["division"] == {"code": "310101", "names": ["上海市", "黄浦区"]}
    assert found["areas"] == [{"area": "shanghai", "names": {"zh": "上海"}, "priority": 100}]
    order = [(one["location"], one["area"], one["backup"]) for one in found["locations"]]
    assert order == [
        ("w-1", "shanghai", False),
        ("store-1", "shanghai", False),
        ("store-2", "shanghai", False),
        ("w-2", "shanghai", True),
    ]
    assert [one["closed"] for one in found["locations"]] == [None] * 4
    assert found["locations"][0]["distance_km"] is None
    assert found["locations"][1]["distance_km"] == pytest.approx(0.355, abs=0.01)


async def test_an_address_in_no_area_has_empty_lists(hub: Caller) -> None:
    assert await find(hub, country="DE", city="Bonn") == {"division": None, "areas": [], "locations": [], "bans": []}


async def test_half_a_position_is_refused_with_its_field(hub: Caller) -> None:
    assert (await find(hub, lat=1.0))["field"] == "ship_to.lon"


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"covers": []}, "covers"),
        ({"covers": [{**SHANGHAI, "province": "上洋"}]}, "covers[0].province"),
        ({"covers": [SHANGHAI], "serves": [{"location": "w-7"}]}, "serves[0].location"),
        ({"covers": [SHANGHAI], "backups": [{"location": "w-7"}]}, "backups[0].location"),
        ({"covers": [{"type": "distance", "location": "w-7", "km": 5}]}, "covers[0].location"),
        ({"covers": [{"type": "square", "km": 5}]}, "covers[0].type"),
    ],
)
async def test_an_area_that_names_nothing_known_is_refused(hub: Caller, value: Any, field: str) -> None:
    status, problem = await write(hub, "area", "a", value)
    assert (status, problem["field"]) == (422, field)


async def test_an_area_moves_with_the_document_of_its_location(hub: Caller) -> None:
    await write(hub, "location", "store-1", SHOP)
    await write(hub, "area", "around", {"covers": [{"type": "distance", "location": "store-1", "km": 5}]})
    assert [one["area"] for one in (await find(hub, lat=31.23, lon=121.47))["areas"]] == ["around"]
    await write(hub, "location", "store-1", {**SHOP, "lat": 30.0})
    assert (await find(hub, lat=31.23, lon=121.47))["areas"] == []


async def test_a_shopper_reads_why_goods_are_not_delivered_to_an_address(hub: Caller) -> None:
    for sku, attributes in (("cola", {}), ("lamp-oil", {"hazard": "flammable"})):
        value = {"recipe": {sku: 1}, "attributes": attributes}
        await hub.good(f"/v1/documents/sku/{sku}?new_items=true", value, method="PUT")
    ban = {"goods": {"attributes": {"hazard": "flammable"}}, "reasons": {"en": "No hazards", "zh": "危险品"}}
    await write(hub, "area", "sh", {"covers": [SHANGHAI], "bans": [{**ban, "valid_to": "2030-01-01T00:00:00Z"}]})
    bans = [{"sku": "lamp-oil", "area": "sh", "reasons": ban["reasons"]}]
    assert (await find(hub, ["cola", "lamp-oil"], city="上海"))["bans"] == bans
    assert (await find(hub, ["cola", "lamp-oil"], at="2031-01-01T00:00:00Z", city="上海"))["bans"] == []
    assert (await find(hub, ["cola", "lamp-oil"], city="苏州"))["bans"] == []
    assert (await find(hub, ["cola", "tea"], city="上海"))["field"] == "skus[1]"


async def test_a_closed_location_says_why_and_until_when(hub: Caller) -> None:
    stop = {"valid_from": "2026-08-01T00:00:00Z", "valid_to": "2026-08-02T00:00:00Z", "reasons": {"en": "Typhoon"}}
    await write(hub, "calendar", "east", {"stops": [stop]})
    days = [{"start": "08:00", "end": "18:00", "days": ["sat", "sun"]}]
    await write(hub, "calendar", "weekends", {"windows": days})
    await write(hub, "location", "w-1", {**SHOP, "time_zone": "Asia/Shanghai", "calendars": ["weekends"]})
    await write(hub, "area", "sh", {"covers": [SHANGHAI], "serves": [{"location": "w-1"}], "calendars": ["east"]})
    closed = []
    for at in ("2026-08-01T01:00:00Z", "2026-07-31T23:00:00Z", "2026-08-02T01:00:00Z"):
        (server,) = (await find(hub, at=at, city="上海"))["locations"]
        closed.append(server["closed"])
    assert closed == [
        {"calendar": "east", "reasons": {"en": "Typhoon"}, "until": "2026-08-02T00:00:00.000Z"},
        {"calendar": "weekends", "reasons": {}, "until": "2026-08-02T00:00:00.000Z"},
        None,
    ]


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        ("calendar", {"includes": ["gone"]}, "includes[0]"),
        ("location", {**SHOP, "calendars": ["gone"]}, "calendars[0]"),
        ("area", {"covers": [SHANGHAI], "calendars": ["gone"]}, "calendars[0]"),
        ("calendar", {"windows": [{"start": "9:00"}]}, "windows[0].start"),
    ],
)
async def test_a_calendar_that_nobody_wrote_is_refused(hub: Caller, kind: str, value: Any, field: str) -> None:
    status, problem = await write(hub, kind, "one", value)
    assert (status, problem["field"]) == (422, field)


async def test_the_schema_and_the_history_of_an_area_are_served(hub: Caller) -> None:
    for priority in (1, 2):
        await write(hub, "area", "shanghai", {"covers": [SHANGHAI], "priority": priority})
    schema = await hub.good("/v1/documents/area/schema")
    assert "ByPolygon" in schema["$defs"]
    history = await hub.good("/v1/documents/area/shanghai/history")
    assert [one["value"]["priority"] for one in history["writes"]] == [2, 1]
