"""The fields of queries and bodies are described with the bounds that the node checks."""

from __future__ import annotations

from typing import Any

import pytest

from replica.core.base.errors import Invalid
from replica.core.base.names import ITEM_PATTERN, NAME_PATTERN
from replica.core.catalog.locations import Point
from replica.runtime.http.query_fields import point_of
from tests.callers import Caller

VALUES = {
    "item": "cola",
    "sku": "cola",
    "location": "w-1",
    "kind": "sku",
    "key": "cola",
    "order": "o-1",
    "plan": "p-1",
    "transfer": "T-1",
}


def numbers_of(document: dict[str, Any]) -> list[tuple[str, str, int, int]]:
    """Each number in the query of a reading call: path, name, least and greatest value."""
    return [
        (path, one["name"], one["schema"]["minimum"], one["schema"]["maximum"])
        for path, calls in document["paths"].items()
        for one in calls.get("get", {"parameters": []})["parameters"]
        if one["schema"]["type"] == "integer"
    ]


async def refused_field(caller: Caller, path: str, name: str, value: int) -> str | None:
    where = path.format(**VALUES)
    more = "&location=w-1" if "location" not in path and caller.node.replica.node.startswith("hub") else ""
    status, answer = await caller.read(f"{where}?{name}={value}{more}")
    return answer["field"] if status == 422 else None


async def test_numbers_of_queries_have_the_bounds_that_are_described(store: Caller, hub: Caller) -> None:
    for caller in (store, hub):
        numbers = numbers_of(await caller.good("/openapi.json"))
        assert len(numbers) >= 10
        for path, name, low, high in numbers:
            for value in (low, high):
                assert await refused_field(caller, path, name, value) != name, (path, name, value)
            for value in (low - 1, high + 1):
                assert await refused_field(caller, path, name, value) == name, (path, name, value)


async def test_names_in_bodies_are_described_with_their_form(hub: Caller) -> None:
    schemas = (await hub.good("/openapi.json"))["components"]["schemas"]
    assert schemas["CountLine"]["properties"]["item"]["pattern"] == ITEM_PATTERN
    assert schemas["Grant"]["properties"]["to"]["pattern"] == NAME_PATTERN
    assert schemas["AdjustmentLine"]["properties"]["delta"]["not"] == {"const": 0}


@pytest.mark.parametrize("text", ["48.1,11.6", " 48.1 , 11.6 ", "4.81e1,116e-1", "+48.1,11.60"])
def test_a_point_is_two_decimal_numbers(text: str) -> None:
    assert point_of(text) == Point(48.1, 11.6)


@pytest.mark.parametrize(
    "text", ["48.1", "48.1,", "4_8,11", "nan,nan", "inf,1", "1,2,3", "1,2\n", "٤٨,11", "91,0", "0,181"]
)
def test_any_other_text_is_no_point(text: str) -> None:
    with pytest.raises(Invalid):
        point_of(text)
