"""The OpenAPI documents keep the calls, fields, types and statuses of an earlier release; more may be added.

Texts and names of components are free. What an earlier caller could send must still be taken, and what it reads must
still be there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from msgspec import Struct

from replica.runtime.http.openapi import openapi
from replica.runtime.http.operations import Operation
from replica.runtime.http.query_fields import QueryField, number_field
from tests.callers import Caller

FIXTURES = Path(__file__).parents[2] / "fixtures" / "openapi"

TEXTS = ("summary", "description", "title")

UNSUPPORTED = {"/v1/holds": ("campaign", "ship_to"), "/v1/orders": ("campaign",)}
"""Fields that callers may no longer fill, by the path of their call."""

OF_ANOTHER_TYPE = {"/v1/orders": ("ship_to",)}
"""Fields that had a type that nothing acted on, and that no caller could fill in between."""

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


WIDER = ("maxLength", "maxItems", "maximum")
"""Bounds of requests that may grow: what a caller sent before is still accepted."""


def lost(after: Any, before: Any, where: tuple[str, ...] = ()) -> list[str]:
    """What of an earlier document is not in a later one, by where it stood."""
    at = "/".join(where)
    if isinstance(before, dict):
        if not isinstance(after, dict):
            return [at]
        found = [] if "properties" not in before else new_demands(after, before, where)
        for key, value in before.items():
            if key == "required" and isinstance(value, list):
                continue
            if key in after and _takes_more(after[key], value, (*where, key)):
                continue
            found += lost(after[key], value, (*where, key)) if key in after else [f"{at}/{key}"]
        return found
    if isinstance(before, list):
        kept = isinstance(after, list) and all(each in after or _is_kept_in(after, each) for each in before)
        return [] if kept else [at]
    is_wider = where[-1] in WIDER and "requestBody" in where and after > before
    return [] if after == before or is_wider or where[-1] == "description" else [at]


def _takes_more(after: Any, before: Any, where: tuple[str, ...]) -> bool:
    """Whether a field of a request is only allowed to be longer than before."""
    return "requestBody" in where and where[-1] in ("maxLength", "maxItems") and after > before


def _is_kept_in(after: list[Any], before: Any) -> bool:
    """Whether one of a list keeps all of an earlier one; parameters are compared by name.

    Each value of a query is a text. So a field of which the document says now which number it is takes the same texts.
    """
    if isinstance(before, dict) and "name" in before:
        after = [one for one in after if one.get("name") == before["name"]]
        if before.get("in") == "query":
            before = {**before, "schema": {key: value for key, value in before["schema"].items() if key != "type"}}
    return any(not lost(one, before) for one in after)


def new_demands(after: dict[str, Any], before: dict[str, Any], where: tuple[str, ...]) -> list[str]:
    """Fields that callers must send now and had not to, or can no longer rely on in an answer."""
    now, then = set(after.get("required", ())), set(before.get("required", ()))
    missing = now - then if "requestBody" in where else then - now
    return ["/".join((*where, "required", name)) for name in sorted(missing)]


def check_kept(after: dict[str, Any], before: dict[str, Any]) -> None:
    """Check that a document keeps what an earlier one said, except for the fields that are no longer supported."""
    calls, calls_before = inlined(after), inlined(before)
    for path, names in UNSUPPORTED.items():
        if path in calls_before:
            for name in names:
                assert fields_of(calls, path).pop(name) == {"type": "string", "maxLength": 0, "default": ""}
                fields_of(calls_before, path).pop(name)
    for path, names in OF_ANOTHER_TYPE.items():
        for name in names if path in calls_before else ():
            fields_of(calls_before, path).pop(name)
    assert lost(calls, calls_before) == []


async def test_store_keeps_the_calls_of_the_earlier_release(store: Caller) -> None:
    check_kept(await store.good("/openapi.json"), described_before("edge"))


async def test_hub_keeps_the_calls_of_the_earlier_release(hub: Caller) -> None:
    check_kept(await hub.good("/openapi.json"), described_before("hub"))


def check_media(content: dict[str, Any], kind: str) -> None:
    assert list(content) == [kind]
    assert list(content[kind]) == ["schema"]
    assert isinstance(content[kind]["schema"], dict)


def check_parameters(call: dict[str, Any], path: str) -> None:
    parameters = call["parameters"]
    assert [one["name"] for one in parameters if one["in"] == "path"] == re.findall("{([^}]+)}", path)
    assert [one["name"] for one in parameters if one["in"] == "header"] in ([], ["Idempotency-Key"])
    for parameter in parameters:
        assert set(parameter) - {"required"} == {"name", "in", "description", "schema"}
        assert parameter["description"].endswith(".")
        assert parameter["in"] in ("path", "query", "header")
        assert parameter.get("required", False) is (parameter["in"] != "query")
        types = ("string", "integer", "number", "boolean") if parameter["in"] == "query" else ("string",)
        assert parameter["schema"]["type"] in types


def check_responses(call: dict[str, Any], method: str) -> None:
    """The answers of a call have its summary as their description; all others are problems."""
    answers = 0
    for status, response in call["responses"].items():
        assert re.fullmatch("[1-5](XX|[0-9]{2})", status)
        is_answer = response["description"] == call["summary"]
        answers += is_answer
        if "content" in response or not is_answer:
            check_media(response["content"], "application/json" if is_answer else "application/problem+json")
    assert answers
    allowed = call["responses"]["405"]["headers"]["Allow"]["schema"]["const"].split(", ")
    assert {"OPTIONS", method.upper()} <= set(allowed)


async def test_each_call_is_described_in_the_form_of_openapi(store: Caller, hub: Caller) -> None:
    """Source: OpenAPI 3.1.0, sections 4.8.10 (operation), 4.8.12 (parameter), 4.8.17 (response)."""
    for caller in (store, hub):
        document = await caller.good("/openapi.json")
        assert (document["openapi"], sorted(document["info"])) == ("3.1.0", ["title", "version"])
        for path, calls in document["paths"].items():
            for method, call in calls.items():
                check_parameters(call, path)
                check_responses(call, method)
                if "requestBody" in call:
                    assert call["requestBody"]["required"] is True
                    check_media(call["requestBody"]["content"], "application/json")


class Thing(Struct):
    """What the described calls take and give."""

    name: str


async def _unused(request: web.Request) -> web.StreamResponse:
    raise NotImplementedError


AFTER = QueryField("after", {"type": "string"}, "Where the page before ended.")
LIMIT = number_field("limit", "Things on a page.", 1, 9)

THINGS = [
    Operation("GET", "/v1/things", _unused, "List", query=(AFTER, LIMIT)),
    Operation("PUT", "/v1/things/{item}", _unused, "Put", Thing, Thing, 201, also=(200,), is_write=True),
    Operation("GET", "/v1/things/{item}", _unused, "Get", answer=Thing),
    Operation("GET", "/v1/things/newest", _unused, "Newest"),
    Operation("POST", "/v1/{location}/things", _unused, "Post", Thing),
]

REFERENCE = {"$ref": "#/components/schemas/Thing"}
PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}


def described(path: str, method: str) -> dict[str, Any]:
    document = openapi("Things", "1.2", THINGS)
    assert document["info"] == {"title": "Things", "version": "1.2"}
    return dict(document["paths"][path][method])


def test_a_write_is_described_with_its_body_its_key_and_its_answers() -> None:
    call = described("/v1/things/{item}", "put")
    item, key = call["parameters"]
    assert (item["name"], item["in"], item["required"], item["schema"]["type"]) == ("item", "path", True, "string")
    assert (key["name"], key["in"], key["required"]) == ("Idempotency-Key", "header", True)
    assert call["requestBody"] == {"required": True, "content": {"application/json": {"schema": REFERENCE}}}
    for status in ("200", "201"):
        assert call["responses"][status]["content"] == {"application/json": {"schema": REFERENCE}}


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/v1/things", "get", "200 400 403 404 405 410 417 422 500 503"),
        ("/v1/things/{item}", "put", "200 201 400 403 404 405 409 413 417 422 500 503 507"),
        ("/v1/things/{item}", "get", "200 400 403 404 405 417 422 500 503"),
        ("/v1/things/newest", "get", "200 400 403 405 417 500 503"),
        ("/v1/{location}/things", "post", "200 400 403 404 405 409 413 417 422 500 503 507"),
    ],
)
def test_each_status_is_described_and_refusals_are_problems(path: str, method: str, statuses: str) -> None:
    responses = described(path, method)["responses"]
    assert sorted(responses) == sorted([*statuses.split(), "4XX", "5XX"])
    assert all(response["description"] for response in responses.values())
    refusals = [responses[status] for status in responses if not status.startswith("2")]
    assert all(refusal["content"] == PROBLEM for refusal in refusals)


@pytest.mark.parametrize(
    ("path", "method", "allowed"),
    [
        ("/v1/things", "get", "GET, HEAD, OPTIONS"),
        ("/v1/things/{item}", "get", "GET, HEAD, OPTIONS, PUT"),
        ("/v1/things/newest", "get", "GET, HEAD, OPTIONS, PUT"),
        ("/v1/{location}/things", "post", "OPTIONS, POST"),
    ],
)
def test_the_methods_of_a_path_include_those_of_templates_that_reach_it(path: str, method: str, allowed: str) -> None:
    (header,) = described(path, method)["responses"]["405"]["headers"].items()
    name, said = header
    assert (name, said["schema"]) == ("Allow", {"type": "string", "const": allowed})
    assert said["description"]


def test_fields_of_the_query_are_described_and_may_be_left_out() -> None:
    after, limit = described("/v1/things", "get")["parameters"]
    for shown, field in ((after, AFTER), (limit, LIMIT)):
        assert (shown["name"], shown["in"], shown["schema"]) == (field.name, "query", field.schema)
        assert shown["description"] == field.description
        assert "required" not in shown
    assert "requestBody" not in described("/v1/things", "get")


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda one: one["paths"].pop("/v1/sales"), "//v1/sales"),
        (lambda one: one["paths"]["/v1/sales"]["post"]["responses"].pop("201"), "/201"),
        (lambda one: one["components"]["schemas"]["Sale"]["properties"].pop("till"), "/properties/till"),
        (lambda one: one["components"]["schemas"]["Sale"]["required"].append("till"), "/required/till"),
        (lambda one: one["components"]["schemas"]["MovementAnswer"]["required"].remove("at"), "/required/at"),
    ],
    ids=["call", "status", "field", "new demand", "field of an answer"],
)
def test_what_an_earlier_caller_would_miss_is_seen(change: Callable[[Any], object], found: str) -> None:
    after = described_before("edge")
    change(after)
    missed = lost(inlined(after), inlined(described_before("edge")))
    assert missed
    assert all(found in one for one in missed)


def test_a_longer_field_of_a_request_is_no_loss() -> None:
    after = described_before("edge")
    fields = after["components"]["schemas"]["SkuLine"]["properties"]
    fields["barcode"]["maxLength"] += 1
    assert lost(inlined(after), inlined(described_before("edge"))) == []
    fields["barcode"]["maxLength"] -= 2
    assert lost(inlined(after), inlined(described_before("edge"))) != []


def test_a_field_of_a_query_may_say_which_number_it_is() -> None:
    after = described_before("edge")
    (limit,) = [one for one in after["paths"]["/v1/stock"]["get"]["parameters"] if one["name"] == "limit"]
    limit["schema"] = {"type": "integer", "minimum": 1}
    assert lost(inlined(after), inlined(described_before("edge"))) == []


def test_additions_are_no_loss() -> None:
    after = described_before("edge")
    after["paths"]["/v1/new"] = {"get": {}}
    after["components"]["schemas"]["Sale"]["properties"]["cashier"] = {"type": "string"}
    after["components"]["schemas"]["MovementAnswer"]["properties"]["total"] = {"type": "integer"}
    assert lost(inlined(after), inlined(described_before("edge"))) == []


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
