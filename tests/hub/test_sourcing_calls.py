"""`POST /v1/source`: from where an order would be sent, and why from there."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.rights.requests import Grant, GrantLine
from replica.runtime.driver import Ingress
from tests.callers import Caller
from tests.core.chain import receipt, store

HANGZHOU = {"country": "CN", "province": "浙江", "city": "杭州", "lat": 30.2741, "lon": 120.1551}
ZHEJIANG = {"type": "code", "code": "330000"}
PLACES = {"w-1": (30.75, 120.76), "w-2": (22.52, 113.39), "store-1": (30.29, 120.16)}


async def write(hub: Caller, kind: str, key: str, value: Any) -> None:
    await hub.good(f"/v1/documents/{kind}/{key}", value, method="PUT")


async def chain(hub: Caller, **units: dict[str, int]) -> None:
    """Two warehouses of this hub, a store that granted it some units, and the SKUs."""
    for name, (lat, lon) in PLACES.items():
        kind = "store" if name == "store-1" else "warehouse"
        await write(hub, "location", name, {"type": kind, "name": name, "region": "east", "lat": lat, "lon": lon})
    for sku in ("cola", "tea"):
        await hub.good(f"/v1/documents/sku/{sku}?new_items=true", {"recipe": {sku: 1}}, method="PUT")
    for location in ("w_1", "w_2"):
        lines = [{"sku": sku, "quantity": number} for sku, number in units.get(location, {}).items()]
        if lines:
            await hub.good(f"/v1/receipts?location={location.replace('_', '-')}", {"lines": lines})
    if granted := units.get("store_1"):
        away = store(1)
        away.ask(receipt(**{item: number + 5 for item, number in granted.items()}))
        away.ask(Grant("hub-east", tuple(GrantLine(item, number) for item, number in granted.items())))
        away.commit()
        await (await hub.node.driver.take_in(away.runs(away.replica.node), Ingress()))


async def ask(hub: Caller, *lines: tuple[str, int], **more: Any) -> dict[str, Any]:
    body = {"lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines], "ship_to": HANGZHOU, **more}
    async with hub.client.post("/v1/source", json={key: value for key, value in body.items() if value}) as response:
        answer: dict[str, Any] = await response.json()
        return answer


def sent(answer: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {one["location"]: {line["sku"]: line["quantity"] for line in one["lines"]} for one in answer["fulfilments"]}


def reasons(answer: dict[str, Any]) -> dict[str, str]:
    assert all(one["taken"] == (one["reason"] == "chosen") for one in answer["candidates"])
    return {one["location"]: one["reason"] for one in answer["candidates"]}


async def test_the_nearest_location_with_everything_sends_an_order(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9, "tea": 9})
    answer = await ask(hub, ("cola", 2))
    assert sent(answer) == {"w-1": {"cola": 2}}
    assert reasons(answer) == {"w-1": "chosen", "w-2": "costlier"}
    near, far = answer["candidates"]
    assert near["distance_km"] == pytest.approx(78.4, abs=1)
    assert far["costs"] == {"split": 500, "distance": int(far["distance_km"])}
    assert answer["cost"] == answer["fulfilments"][0]["cost"] == near["cost"] == 500 + int(near["distance_km"])
    eta = answer["fulfilments"][0]["eta"]
    assert (eta["confidence"], eta["doubts"], eta["ready_at"]) == ("low", ["no-lane"], eta["dispatch_at"])


async def test_thirteen_units_over_ten_and_fifteen_are_exactly_thirteen(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 10}, w_2={"cola": 15})
    assert sent(await ask(hub, ("cola", 13))) == {"w-2": {"cola": 13}}
    split = await ask(hub, ("cola", 20))
    assert sum(units["cola"] for units in sent(split).values()) == 20
    assert (await ask(hub, ("cola", 26)))["short"] == [{"line": 0, "sku": "cola", "wanted": 26, "free": 25}]


async def test_locations_of_the_area_come_first_and_backups_last(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9})
    area = {"covers": [ZHEJIANG], "serves": [{"location": "w-2"}], "backups": [{"location": "w-1"}]}
    await write(hub, "area", "zj", area)
    answer = await ask(hub, ("cola", 2))
    assert (sent(answer), reasons(answer)["w-1"]) == ({"w-2": {"cola": 2}}, "backup")
    assert sent(await ask(hub, ("cola", 11))).keys() == {"w-1", "w-2"}
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "serves": [{"location": "w-2"}]})
    answer = await ask(hub, ("cola", 11))
    assert (sent(answer), reasons(answer)["w-1"]) == ({"w-2": {"cola": 9}}, "not-serving")


async def test_rights_of_this_hub_at_a_store_that_is_away_count_and_cost_more(hub: Caller) -> None:
    await chain(hub, w_2={"cola": 9}, store_1={"cola": 3})
    await write(hub, "sourcing", "default", {"unheard_hours_max": 24})
    answer = await ask(hub, ("cola", 3))
    assert (sent(answer), answer["candidates"][0]["costs"]["unheard"]) == ({"store-1": {"cola": 3}}, 480)
    assert sent(await ask(hub, ("cola", 4))) == {"w-2": {"cola": 4}}
    await write(hub, "sourcing", "web", {"per_unheard_hour": 1_000})
    assert sent(await ask(hub, ("cola", 3), channel="web")) == {"w-2": {"cola": 3}}


async def test_units_that_this_hub_may_not_promise_are_no_source(hub: Caller) -> None:
    await chain(hub, w_2={"tea": 1}, store_1={"cola": 3})
    answer = await ask(hub, ("cola", 8))
    assert (answer["short"][0]["free"], reasons(answer)) == (3, {"store-1": "chosen"})
    await chain(hub, w_2={"cola": 9})
    assert reasons(await ask(hub, ("tea", 1)))["w-2"] == "chosen"


async def test_the_last_units_of_a_store_stay_there(hub: Caller) -> None:
    await chain(hub, w_2={"cola": 9}, store_1={"cola": 3})
    weights = {"last_units": 2, "last_unit": 5_000, "per_unheard_hour": 0}
    await write(hub, "sourcing", "default", weights)
    assert sent(await ask(hub, ("cola", 1))) == {"store-1": {"cola": 1}}
    assert sent(await ask(hub, ("cola", 2))) == {"w-2": {"cola": 2}}


async def test_a_location_that_stays_closed_is_no_source_and_says_why(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9})
    stop = {"valid_from": "2020-01-01T00:00:00Z", "valid_to": "2090-01-01T00:00:00Z", "reasons": {"en": "Flood"}}
    await write(hub, "calendar", "flood", {"stops": [stop]})
    place = {"type": "warehouse", "name": "w-1", "region": "east", "calendars": ["flood"]}
    await write(hub, "location", "w-1", place)
    answer = await ask(hub, ("cola", 2))
    assert sent(answer) == {"w-2": {"cola": 2}}
    (closed,) = [one for one in answer["candidates"] if one["reason"] == "closed"]
    assert (closed["location"], closed["calendar"], closed["reasons"]) == ("w-1", "flood", {"en": "Flood"})


async def test_goods_that_are_banned_there_are_left_out_with_their_reasons(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9, "tea": 9})
    ban = {"goods": {"skus": ["tea"]}, "reasons": {"en": "Not by plane"}}
    await write(hub, "area", "zj", {"covers": [ZHEJIANG], "bans": [ban]})
    answer = await ask(hub, ("tea", 1), ("cola", 2))
    assert sent(answer) == {"w-1": {"cola": 2}}
    assert answer["banned"] == [{"line": 0, "sku": "tea", "area": "zj", "reasons": {"en": "Not by plane"}}]
    assert answer["short"] == []


async def test_an_order_to_collect_or_to_no_address_is_sourced_as_it_would_be_placed(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 5})
    assert sent(await ask(hub, ("cola", 2), ship_to=None, pickup_at="w-2")) == {"w-2": {"cola": 2}}
    assert (await ask(hub, ("cola", 6), ship_to=None, pickup_at="w-2"))["short"][0]["free"] == 5
    assert sent(await ask(hub, ("cola", 2), ship_to=None)) == {"w-1": {"cola": 2}}


async def test_a_question_holds_nothing(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 2})
    for _ in range(2):
        assert sent(await ask(hub, ("cola", 2), order="web-1")) == {"w-1": {"cola": 2}}
    assert (await hub.read("/v1/orders/web-1"))[0] == 404
    assert (await hub.good("/v1/stock/w-1/cola"))["reserved"] == 0


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"pickup_at": "w-1"}, "pickup_at"),
        ({"ship_to": {"country": "CN", "lat": 1.0}}, "ship_to.lon"),
        ({"ship_to": {"country": "China"}}, "ship_to.country"),
        ({"lines": [{"sku": "gone", "quantity": 1}]}, "lines[0].sku"),
    ],
)
async def test_a_question_that_makes_no_sense_names_its_field(hub: Caller, more: dict[str, Any], field: str) -> None:
    await chain(hub, w_1={"cola": 2})
    assert (await ask(hub, ("cola", 1), **more))["field"] == field


async def test_the_answer_says_when_goods_arrive_and_with_what_doubts(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9})
    await write(hub, "area", "zj", {"covers": [ZHEJIANG]})
    place = {"type": "warehouse", "name": "w-1", "region": "east", "time_zone": "Asia/Shanghai"}
    dispatch = {"cut_offs": [{"time": "16:00"}], "units_per_day": 4}
    await write(hub, "location", "w-1", {**place, "dispatch": dispatch})
    lanes = [{"locations": ["w-2"], "first": 9, "last": 9}, {"areas": ["zj"], "first": 1, "last": 2}]
    await write(hub, "carrier", "sf", {"lanes": lanes, "time_zone": "Asia/Shanghai"})
    (one,) = (await ask(hub, ("cola", 4)))["fulfilments"]
    eta = one["eta"]
    assert (eta["carrier"], eta["confidence"], eta.get("doubts", [])) == ("sf", "high", [])
    assert eta["dispatch_at"].endswith("T08:00:00.000Z")
    assert eta["ready_at"] <= eta["dispatch_at"] < eta["earliest"] < eta["latest"]
    assert (eta["earliest"][10:], eta["latest"][10:]) == ("T16:00:00.000Z", "T16:00:00.000Z")
    order = {"order": "web-1", "lines": [{"sku": "cola", "quantity": 3}], "ship_to": HANGZHOU}
    placed = await hub.good("/v1/orders", order, key="web-1")
    assert placed["fulfilments"][0]["eta"] == {"earliest": eta["earliest"], "latest": eta["latest"]}
    await write(hub, "carrier", "sf", {"lanes": [{"first": 5, "last": 5}]})
    assert await hub.good("/v1/orders", order, key="web-1") == placed
    (later,) = (await ask(hub, ("cola", 4)))["fulfilments"]
    assert (later["eta"]["doubts"], later["eta"]["confidence"]) == (["busy"], "medium")
    assert later["eta"]["dispatch_at"] > eta["dispatch_at"]


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"lanes": [{"first": 2, "last": 1}]}, "lanes[0].last"),
        ({"lanes": [{"first": 1, "last": 1, "locations": ["w-7"]}]}, "lanes[0].locations[0]"),
        ({"lanes": [{"first": 1, "last": 1}], "calendars": ["gone"]}, "calendars[0]"),
        ({"lanes": [{"first": 1, "last": 1}], "time_zone": "Asia/Shanhai"}, "time_zone"),
        ({"lanes": []}, "lanes"),
    ],
)
async def test_a_carrier_that_cannot_be_meant_is_refused(hub: Caller, value: Any, field: str) -> None:
    status, problem = await hub.write("/v1/documents/carrier/sf", value, method="PUT")
    assert (status, problem["field"]) == (422, field)


async def test_weights_have_a_schema_and_bounds(hub: Caller) -> None:
    status, problem = await hub.write("/v1/documents/sourcing/default", {"split": -1}, method="PUT")
    assert (status, problem["field"]) == (422, "split")
    assert "per_km" in str(await hub.good("/v1/documents/sourcing/schema"))


async def test_a_location_that_moves_is_as_far_as_its_newest_document_says(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9})
    assert sent(await ask(hub, ("cola", 2))) == {"w-1": {"cola": 2}}
    for name, lat in (("w-1", 22.52), ("w-2", 30.27)):
        place = {"type": "warehouse", "name": name, "region": "east", "lat": lat, "lon": 120.15}
        await write(hub, "location", name, place)
    answer = await ask(hub, ("cola", 2))
    assert sent(answer) == {"w-2": {"cola": 2}}
    assert answer["candidates"][0]["distance_km"] < 1


async def test_a_location_with_a_better_margin_may_be_farther_away(hub: Caller) -> None:
    await chain(hub, w_1={"cola": 9}, w_2={"cola": 9})
    for name, percent in (("w-1", 10), ("w-2", 90)):
        lat, lon = PLACES[name]
        place = {"type": "warehouse", "name": name, "region": "east", "lat": lat, "lon": lon}
        await write(hub, "location", name, {**place, "margin_percent": percent})
    answer = await ask(hub, ("cola", 2))
    assert sent(answer) == {"w-2": {"cola": 2}}
    costs = {one["location"]: one["costs"].get("margin", 0) for one in answer["candidates"]}
    assert costs == {"w-1": 1_600, "w-2": 0}
    await write(hub, "sourcing", "default", {"per_margin_percent": 1})
    assert sent(await ask(hub, ("cola", 2))) == {"w-1": {"cola": 2}}
