"""Each name that a body may give can be reached in a path, in each call that has names in its path."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from yarl import URL

from edge_node.assembly import assemble as assemble_edge
from hub.assembly import assemble as assemble_hub
from replica.core.base.names import ITEM_PATTERN, is_item
from replica.runtime.peering.websocket import HttpNetwork
from replica.runtime.process import Assembly
from tests.callers import Caller, calling

CHARACTERS = [chr(code) for code in range(128) if is_item(chr(code))]

_AWKWARD = [
    "{3F2504E0-4F89-11D3-9A0C-0305E82C3301}",
    "{item}",
    "%7B",
    "%25",
    "%2F",
    "%2f",
    "%252F",
    "%zz",
    "a%",
    "...",
    "..a",
    "?limit=1",
    "#top",
    "a;b=c",
    "a+b",
    "a&b=c",
    "sku:batch",
    "events",
    "schema_",
    *CHARACTERS,
    *[f"a{one}b" for one in CHARACTERS],
]

AWKWARD = list(dict.fromkeys(_AWKWARD))
"""Names that an encoding, a pattern of a path or a part of another path may change."""

NAMES = st.from_regex(ITEM_PATTERN, fullmatch=True).filter(is_item)

SEVERAL_NAMES = st.lists(NAMES, min_size=1, max_size=6, unique=True)

VALUES = {"location": "w-1", "kind": "sku"}
"""Variables of paths whose value is no free name."""


_keys = count(1)


def path_of(template: str, **names: str) -> str:
    """A path with each name percent-encoded."""
    return template.format(**{variable: quote(name, safe="") for variable, name in names.items()})


class EncodedCaller(Caller):
    """Sends each path exactly as it is given, so that no client changes its encoding."""

    async def answer(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        address = URL(str(self.client.make_url("/"))[:-1] + path, encoded=True)
        headers = {"Idempotency-Key": f"names-{next(_keys)}"} if method != "GET" else {}
        async with self.client.session.request(method, address, json=body, headers=headers) as response:
            assert response.status != 500, (method, path)
            return response.status, await response.json(content_type=None)


async def at_store(data: Path) -> Assembly:
    return await assemble_edge(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=data,
        host="127.0.0.1",
        hubs=(),
        region="east",
        open_catalog=True,
    )


async def at_hub(data: Path) -> Assembly:
    return await assemble_hub(
        HttpNetwork(),
        name="hub-east",
        region="east",
        data=data,
        host="127.0.0.1",
        hosts=("w-1",),
        open_catalog=False,
    )


Check = Callable[[EncodedCaller, Sequence[str]], Awaitable[None]]


def run(assemble: Callable[[Path], Awaitable[Assembly]], names: Sequence[str], check: Check) -> None:
    """Check names at a new node."""

    async def checked() -> None:
        with tempfile.TemporaryDirectory() as data:
            async with calling(await assemble(Path(data))) as caller:
                await check(EncodedCaller(caller.client, caller.node), names)

    asyncio.run(checked())


async def store_reaches(store: EncodedCaller, names: Sequence[str]) -> None:
    for name in names:
        lines = [{"item": name, "quantity": 3}]
        await store.good("/v1/receipts", {"lines": lines})
        await store.good("/v1/holds", {"order": name, "lines": [{"sku": name, "quantity": 1}]})
        status, stock = await store.answer("GET", path_of("/v1/stock/{item}", item=name))
        assert (status, stock["item"], stock["on_hand"]) == (200, name, 3)
        status, explained = await store.answer("GET", path_of("/v1/explain/{item}", item=name))
        assert (status, explained["stock"]["item"]) == (200, name)
        status, order = await store.answer("POST", path_of("/v1/orders/{order}/events", order=name), {"event": "pay"})
        assert (status, order["order"]) == (200, name)
        status, order = await store.answer("GET", path_of("/v1/orders/{order}", order=name))
        assert (status, order["order"]) == (200, name)
    await reaches_each_call(store, names)


async def hub_reaches(hub: EncodedCaller, names: Sequence[str]) -> None:
    for name in names:
        sku = {"kind": "sku", "key": name, "value": {"recipe": {name: 2}}}
        policies = [
            {"kind": "policy", "key": f"{selector}item:{name}", "value": {"mode": "both"}}
            for selector in ("", "location:w-1,")
        ]
        written = await hub.good("/v1/documents:batch", {"documents": [sku, *policies]})
        assert [one["status"] for one in written["verdicts"]] == [200] * 3, written
        for document in (sku, *policies):
            path = path_of("/v1/documents/{kind}/{key}", kind=document["kind"], key=document["key"])
            status, read = await hub.answer("GET", path)
            assert (status, read["key"]) == (200, document["key"])
            assert (await hub.answer("PUT", path, document["value"]))[0] == 200
        goods = {"lines": [{"item": name, "quantity": 4}]}
        await hub.good("/v1/receipts?location=w-1", goods)
        status, stock = await hub.answer("GET", path_of("/v1/stock/w-1/{item}", item=name))
        assert (status, stock["item"], stock["on_hand"]) == (200, name, 4)
        status, explained = await hub.answer("GET", path_of("/v1/explain/w-1/{item}", item=name))
        assert (status, explained["stock"]["item"]) == (200, name)
        status, available = await hub.answer("GET", path_of("/v1/availability/{sku}", sku=name))
        assert (status, available["sku"], available["optimistic"]) == (200, name, 2)
        await hub.good("/v1/orders", {"order": name, "lines": [{"sku": name, "quantity": 1}]})
        status, order = await hub.answer("GET", path_of("/v1/orders/{order}", order=name))
        assert (status, order["order"]) == (200, name)
    await reaches_each_call(hub, names)
    for name in names:
        status, cleared = await hub.answer("DELETE", path_of("/v1/documents/sku/{key}", key=name))
        assert (status, cleared["key"], cleared["value"]) == (200, name, None)


async def reaches_each_call(caller: EncodedCaller, names: Sequence[str]) -> None:
    """Each call with a name in its path takes each name: no answer says that the path or method does not exist."""
    document = await caller.good("/openapi.json")
    for path, operations in document["paths"].items():
        if "{" not in path:
            continue
        for name in names:
            for method in operations:
                if method == "delete":
                    continue
                variables = {one["name"] for one in operations[method]["parameters"] if one["in"] == "path"}
                filled = path_of(path, **{one: VALUES.get(one, name) for one in variables})
                status, answer = await caller.answer(method.upper(), filled, None if method == "get" else {})
                assert status != 405, (method, filled)
                assert "There is no path" not in str(answer), (method, filled)


@example(names=AWKWARD)
@settings(max_examples=4)
@given(names=SEVERAL_NAMES)
def test_each_name_that_a_body_gives_a_store_can_be_reached(names: list[str]) -> None:
    run(at_store, names, store_reaches)


@example(names=AWKWARD)
@settings(max_examples=4)
@given(names=SEVERAL_NAMES.filter(lambda names: "schema" not in names))
def test_each_name_that_a_body_gives_a_hub_can_be_reached(names: list[str]) -> None:
    run(at_hub, names, hub_reaches)


async def test_a_key_that_names_the_schema_is_refused_when_written(hub: Caller) -> None:
    status, problem = await hub.write("/v1/documents/sku/schema", {"recipe": {"a": 1}}, method="PUT")
    assert (status, problem["field"]) == (422, "key")
    batch = {"documents": [{"kind": "sku", "key": "schema", "value": {"recipe": {"a": 1}}}]}
    (verdict,) = (await hub.good("/v1/documents:batch", batch))["verdicts"]
    assert (verdict["status"], verdict["problem"]["field"]) == (422, "documents[0].key")


@pytest.mark.parametrize("key", [".", "..", "a/b", "a b", "", "a\\b", 'a"b', "ä", "a\n", "x" * 65])
async def test_a_key_that_no_path_reaches_is_refused_in_a_batch(hub: Caller, key: str) -> None:
    batch = {"documents": [{"kind": "sku", "key": key, "value": {"recipe": {"a": 1}}}]}
    (verdict,) = (await hub.good("/v1/documents:batch", batch))["verdicts"]
    assert (verdict["status"], verdict["problem"]["field"]) == (422, "documents[0].key")


@pytest.mark.parametrize("path", ["/v1/stock/%00", "/v1/stock/a%0D%0Ab", "/v1/stock/%E2%82%AC"])
async def test_a_path_that_names_nothing_is_answered_with_404(store: Caller, path: str) -> None:
    status, problem = await EncodedCaller(store.client, store.node).answer("GET", path)
    assert (status, problem["field"]) == (404, "item"), problem


async def test_a_problem_shows_a_path_as_the_caller_encoded_it(store: Caller) -> None:
    status, problem = await EncodedCaller(store.client, store.node).answer("GET", "/v1/no/%7Bpath%7D%20")
    assert status == 404
    assert "There is no path /v1/no/%7Bpath%7D%20." in problem["detail"]
