"""Each call answers as the OpenAPI document says: with a status that it lists, and never with a fault of the node."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import pytest

from replica.runtime.process import Assembly
from tests.callers import Caller, calling
from tests.runtime.http.test_names_in_paths import at_hub, at_store

ROUNDS = 6
"""Requests of each form to each call. The first name and number of each kind is the usual one."""

NAMES = ["cola", "w-1", "store-1", "sku", "policy", "default", "a b", "{x}", "ä", "", ".", "x" * 65, "schema", "%"]
NUMBERS: list[Any] = [1, 2.0, 0, -1, 1.5, 10**9, 10**9 + 1, 2**63, 1e300]
OTHERS: list[Any] = [None, True, "1", [], {}, [[]], {"lines": 1}]
KEYS = ["", '""', "a b", "void:x", "given:x", "k" * 128, "k" * 129, f'"{"k" * 128}"', "é", "0190aaaa-bbbb-7ccc-8ddd-1"]
TEXTS = ["", "1", "0", "-1", "1001", "x", "48.1,11.6", "w-1", "%00", "9" * 30]

_keys = count(1)


class Bodies:
    """Draws bodies from the schema of a call. A wild one leaves the schema somewhere."""

    def __init__(self, document: dict[str, Any], random: Random) -> None:
        self._components = document["components"]["schemas"]
        self._random = random

    def draw(self, schema: dict[str, Any], wild: float) -> Any:
        random = self._random
        if random.random() < wild:
            return random.choice([*OTHERS, *NAMES, *NUMBERS])
        if "$ref" in schema:
            return self.draw(self._components[schema["$ref"].rpartition("/")[2]], wild)
        if "anyOf" in schema:
            return self.draw(random.choice(schema["anyOf"]), wild)
        if "enum" in schema:
            return random.choice(schema["enum"])
        match schema.get("type"):
            case "object":
                return self._object(schema, wild)
            case "array":
                return [self.draw(schema["items"], wild) for _ in range(max(1, schema.get("minItems", 0)))]
            case "integer":
                return random.choice([max(1, schema.get("minimum", 1)), 2, 2.0])
            case "string" if schema.get("format") == "date-time":
                return "2026-01-02T03:04:05+02:00"
            case "string":
                return "" if schema.get("maxLength") == 0 else random.choice(["cola", "w-1", "o-1"])
            case "boolean":
                return random.choice([True, False])
            case _:
                return random.choice([{"recipe": {"cola": 2.0}}, None, 1.5])

    def _object(self, schema: dict[str, Any], wild: float) -> Any:
        required = schema.get("required", [])
        names = [name for name in schema.get("properties", {}) if name in required or self._random.random() < 0.3]
        return {name: self.draw(schema["properties"][name], wild) for name in names}


async def check_call(caller: Caller, method: str, path: str, call: dict[str, Any], bodies: Bodies, seed: int) -> None:
    """Send requests of each form to one call."""
    random = Random(f"{seed} {method} {path}")
    for turn in range(ROUNDS * 3):
        wild = (0.0, 0.1, 0.4)[turn % 3]
        where, headers, query = path, {}, {}
        for one in call["parameters"]:
            if one["in"] == "path":
                name = random.choice(NAMES if wild else NAMES[:4])
                where = where.replace(f"{{{one['name']}}}", quote(name or "-", safe="").replace(".", "%2E"))
            elif one["in"] == "header" and not (wild and random.random() < 0.3):
                headers[one["name"]] = random.choice(KEYS) if random.random() < wild else f"call-{next(_keys)}"
            elif one["in"] == "query" and random.random() < 0.4:
                query[one["name"]] = random.choice(TEXTS) if wild else "w-1" if one["name"] == "location" else "1"
        data = None
        if "requestBody" in call:
            data = json.dumps(bodies.draw(call["requestBody"]["content"]["application/json"]["schema"], wild)).encode()
            if random.random() < wild / 4:
                data = random.choice(
                    [b"", b"{", data[:-1], b"\xff", b"\xef\xbb\xbf" + data, data.decode().encode("utf-16")]
                )
        if method == "get" and path.endswith("feed"):
            method = "head"  # an accepted feed has no end
        async with caller.client.request(method, where, params=query, headers=headers, data=data) as response:
            text = await response.read()
            assert str(response.status) in call["responses"], (method, where, query, headers, data, text)
            assert response.status < 500 or "readyz" in path, (method, where, query, headers, data, text)
            if response.status >= 400 and method != "head":
                problem = json.loads(text)
                assert (problem["status"], response.content_type) == (response.status, "application/problem+json")


def run(assemble: Callable[[Path], Awaitable[Assembly]], check: Callable[[Caller], Awaitable[None]]) -> None:
    async def checked() -> None:
        with tempfile.TemporaryDirectory() as data:
            async with calling(await assemble(Path(data))) as caller:
                await check(caller)

    asyncio.run(checked())


@pytest.mark.parametrize("assemble", [at_store, at_hub], ids=["store", "hub"])
@pytest.mark.parametrize("seed", range(3))
def test_each_status_that_a_call_answers_is_described(
    assemble: Callable[[Path], Awaitable[Assembly]], seed: int
) -> None:
    async def check(caller: Caller) -> None:
        document = await caller.good("/openapi.json")
        bodies = Bodies(document, Random(seed))
        for path, calls in document["paths"].items():
            for method, call in calls.items():
                await check_call(caller, method, path, call, bodies, seed)

    run(assemble, check)


@pytest.mark.parametrize("assemble", [at_store, at_hub], ids=["store", "hub"])
def test_each_path_allows_the_methods_that_are_described(assemble: Callable[[Path], Awaitable[Assembly]]) -> None:
    async def check(caller: Caller) -> None:
        for path, calls in (await caller.good("/openapi.json"))["paths"].items():
            where = path.replace("{kind}", "sku").replace("{location}", "w-1")
            for name in ("item", "sku", "order", "key"):
                where = where.replace(f"{{{name}}}", "cola")
            for method in ("PATCH", "TRACE"):
                async with caller.client.request(method, where) as response:
                    assert response.status == 405
                    for call in calls.values():
                        described = call["responses"]["405"]["headers"]["Allow"]["schema"]["const"]
                        assert response.headers["Allow"] == described, path

    run(assemble, check)


async def test_the_document_describes_answers_that_wait(store: Caller, hub: Caller) -> None:
    for caller in (store, hub):
        responses = (await caller.good("/openapi.json"))["paths"]["/v1/orders/{order}/events"]["post"]["responses"]
        assert responses["202"]["content"] == responses["200"]["content"]
