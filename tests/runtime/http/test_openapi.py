"""The OpenAPI documents keep their calls, fields, types and statuses. Texts and names of components are free.

A change that callers are meant to see goes into the documents in `tests/fixtures/openapi` in the same commit.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.callers import Caller

FIXTURES = Path(__file__).parents[2] / "fixtures" / "openapi"

TEXTS = ("summary", "description", "title")

UNSUPPORTED = {"/v1/holds": ("campaign", "ship_to"), "/v1/orders": ("campaign", "ship_to")}
"""Fields that callers may no longer fill, by the path of their call."""

COMPONENT = "#/components/schemas/"


def inlined(document: dict[str, Any]) -> Any:
    """The calls of a document without its texts, each reference replaced by what it refers to."""
    components = document["components"]["schemas"]

    def of(node: Any, *, are_names: bool = False, inside: tuple[str, ...] = ()) -> Any:
        """`are_names`: the keys of this map are names of fields, of which one may be `title`."""
        if isinstance(node, list):
            return [of(one, inside=inside) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].removeprefix(COMPONENT)
            assert name not in inside, f"{name} contains itself"
            return of(components[name], inside=(*inside, name))
        kept = {key: value for key, value in node.items() if are_names or key not in TEXTS}
        return {key: of(value, are_names=key == "properties", inside=inside) for key, value in kept.items()}

    return of(document["paths"])


def described_before(name: str) -> dict[str, Any]:
    """The document as it was."""
    return dict(json.loads((FIXTURES / f"{name}.json").read_text("utf-8")))


def fields_of(calls: dict[str, Any], path: str) -> dict[str, Any]:
    """The fields of the body of a call, by name."""
    fields: dict[str, Any] = calls[path]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"]
    return fields


def check_same(after: dict[str, Any], before: dict[str, Any]) -> None:
    """Check that a document describes the same calls, except for the fields that are no longer supported."""
    calls, calls_before = inlined(after), inlined(before)
    for path, names in UNSUPPORTED.items():
        if path in calls_before:
            for name in names:
                assert fields_of(calls, path).pop(name) == {"type": "string", "maxLength": 0, "default": ""}
                fields_of(calls_before, path).pop(name)
    assert calls == calls_before


async def test_store_describes_the_same_calls_as_before(store: Caller) -> None:
    check_same(await store.good("/openapi.json"), described_before("edge"))


async def test_hub_describes_the_same_calls_as_before(hub: Caller) -> None:
    check_same(await hub.good("/openapi.json"), described_before("hub"))


@pytest.mark.parametrize("name", ["edge", "hub"])
def test_comparison_sees_a_renamed_field(name: str) -> None:
    before, after = described_before(name), described_before(name)
    fields = after["components"]["schemas"]["OrderView"]["properties"]
    fields["placed"] = fields.pop("placed_at")
    assert inlined(after) != inlined(before)


@pytest.mark.parametrize("name", ["edge", "hub"])
def test_comparison_ignores_a_renamed_component(name: str) -> None:
    text = (FIXTURES / f"{name}.json").read_text("utf-8")
    assert inlined(json.loads(text.replace("OrderView", "OrderShown"))) == inlined(described_before(name))


def test_a_problem_keeps_its_field_title() -> None:
    responses = inlined(described_before("hub"))["/v1/orders"]["post"]["responses"]
    assert "title" in responses["4XX"]["content"]["application/problem+json"]["schema"]["properties"]
