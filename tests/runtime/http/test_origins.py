"""Which web pages may call a node, and how it answers HEAD and OPTIONS."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from edge_node.assembly import assemble as assemble_edge
from replica.runtime.configuration import canonical_origin
from replica.runtime.http.origins import Origins
from replica.runtime.peering.websocket import HttpNetwork
from tests.callers import Caller, calling

LOCAL = ["http://localhost:3000", "https://localhost", "http://127.0.0.1:5173", "http://127.8.8.8", "http://[::1]:9"]

FOREIGN = [
    "http://evil.example",
    "https://till.example:8443",
    "http://localhost.evil.example",
    "http://localhost:80.evil.example",
    "http://evil.example@localhost",
    "http://localhost/page",
    "file://",
    "null",
    "",
    "http://",
    "http://[::1",
    "localhost:3000",
]

SALE = {"lines": [{"sku": "cola", "quantity": 1}]}

PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "content-type,idempotency-key",
}


@pytest.mark.parametrize("origin", LOCAL)
async def test_a_page_of_this_machine_can_sell(store: Caller, origin: str) -> None:
    async with store.client.options("/v1/sales", headers={"Origin": origin, **PREFLIGHT}) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == origin
        assert response.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"
        assert {"Content-Type", "Idempotency-Key", "Authorization", "Last-Event-ID", "Accept"} == set(
            response.headers["Access-Control-Allow-Headers"].split(", ")
        )
        assert int(response.headers["Access-Control-Max-Age"]) > 0
        assert response.headers["Vary"] == "Origin"
    headers = {"Origin": origin, "Idempotency-Key": "sale"}
    async with store.client.post("/v1/sales", json=SALE, headers=headers) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (201, origin)
        assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_page_of_another_origin_can_neither_read_nor_write(store: Caller, origin: str) -> None:
    headers = {"Origin": origin, "Idempotency-Key": "sale"}
    for method, path in (("POST", "/v1/sales"), ("GET", "/v1/stock"), ("GET", "/v1/feed"), ("GET", "/v1/none")):
        body = SALE if method == "POST" else None
        async with store.client.request(method, path, json=body, headers=headers) as response:
            assert (response.status, response.content_type) == (403, "application/problem+json")
            problem = await response.json(content_type=None)
            assert (problem["type"], problem["field"]) == ("origin-not-allowed", "Origin")
            assert not any(name.startswith("Access-Control") for name in response.headers)
    assert (await store.read("/v1/stock/cola"))[1]["on_hand"] == 0


@pytest.mark.parametrize("origin", FOREIGN)
async def test_a_preflight_of_another_origin_is_refused_without_headers(store: Caller, origin: str) -> None:
    async with store.client.options("/v1/sales", headers={"Origin": origin, **PREFLIGHT}) as response:
        assert (response.status, response.headers["Vary"]) == (403, "Origin")
        assert not any(name.startswith("Access-Control") for name in response.headers)


async def test_a_peer_that_a_page_opens_is_refused(hub: Caller) -> None:
    headers = {"Origin": "http://evil.example", "Connection": "Upgrade", "Upgrade": "websocket"}
    async with hub.client.get("/v1/sync", headers=headers) as response:
        assert response.status == 403


async def test_a_refusal_can_be_read_by_the_page_it_is_for(store: Caller) -> None:
    async with store.client.post("/v1/sales", json=SALE, headers={"Origin": LOCAL[0]}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (422, LOCAL[0])
    async with store.client.get("/v1/none", headers={"Origin": LOCAL[0]}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (404, LOCAL[0])


async def test_the_feed_can_be_read_by_a_page_of_this_machine(store: Caller) -> None:
    async with store.client.get("/v1/feed?after=0", headers={"Origin": LOCAL[0]}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, LOCAL[0])


async def test_a_page_may_reach_a_node_in_a_private_network(store: Caller) -> None:
    headers = {"Origin": LOCAL[0], **PREFLIGHT, "Access-Control-Request-Private-Network": "true"}
    async with store.client.options("/v1/sales", headers=headers) as response:
        assert response.headers["Access-Control-Allow-Private-Network"] == "true"


async def test_a_caller_without_a_page_gets_no_headers_for_pages(store: Caller) -> None:
    async with store.client.get("/v1/stock") as response:
        assert response.headers["Vary"] == "Origin"
        assert not any(name.startswith("Access-Control") for name in response.headers)


async def test_a_page_of_a_configured_origin_can_sell(tmp_path: Path) -> None:
    assembly = await assemble_edge(
        HttpNetwork(),
        name="store-1",
        location="store-1",
        data=tmp_path,
        host="127.0.0.1",
        hubs=(),
        region="east",
        open_catalog=True,
        origins=("https://till.example:8443",),
    )
    async with calling(assembly) as store:
        for origin, expected in (("https://till.example:8443", 201), ("https://till.example", 403)):
            headers = {"Origin": origin, "Idempotency-Key": f"by-{origin}"}
            async with store.client.post("/v1/sales", json=SALE, headers=headers) as response:
                assert response.status == expected


def test_two_origins_in_one_request_must_both_be_allowed() -> None:
    assert [Origins().allows(one) for one in (LOCAL[0], f"{LOCAL[0]} {FOREIGN[0]}", f"{LOCAL[0]},{LOCAL[1]}")] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("HTTPS://Till.Example", "https://till.example"),
        ("https://till.example:443", "https://till.example"),
        ("http://till.example:80", "http://till.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://till.example/page", None),
        ("https://till.example?", "https://till.example"),
        ("null", None),
        ("*", None),
        ("ftp://till.example", None),
        ("https://till.example:70000", None),
    ],
)
def test_an_origin_is_compared_in_the_form_that_browsers_send(text: str, origin: str | None) -> None:
    assert canonical_origin(text) == origin


async def heads(caller: Caller) -> list[str]:
    """The paths without variables that GET serves."""
    document = await caller.good("/openapi.json")
    return [path for path, methods in document["paths"].items() if "get" in methods and "{" not in path]


async def same_head(caller: Caller, path: str) -> None:
    async with caller.client.get(path) as full, caller.client.head(path) as head:
        steady: list[dict[str, Any]] = [
            {
                name: value
                for name, value in one.headers.items()
                if name not in ("Date", "Content-Length", "Transfer-Encoding")
            }
            for one in (full, head)
        ]
        assert (head.status, steady[1]) == (full.status, steady[0]), path
        assert await head.read() == b""


async def test_head_answers_what_get_answers_without_a_body(store: Caller, hub: Caller) -> None:
    await store.good("/v1/receipts", {"lines": [{"item": "cola", "quantity": 1}]})
    for path in ["/v1/stock/cola", "/v1/explain/cola", "/v1/stock/none%20such", "/v1/none", "/v1/orders/none"]:
        await same_head(store, path)
    for path in await heads(store):
        await same_head(store, path)
    for path in [*await heads(hub), "/v1/stock/w-1", "/v1/documents/sku", "/v1/documents/sku/schema"]:
        await same_head(hub, path)


async def test_head_of_the_feed_ends_with_its_headers(store: Caller) -> None:
    async with asyncio.timeout(5), store.client.head("/v1/feed") as response:
        assert (response.status, response.headers["Content-Type"]) == (200, "text/event-stream")
        assert await response.read() == b""


async def test_head_of_a_write_is_not_supported(store: Caller) -> None:
    async with store.client.head("/v1/sales") as response:
        assert (response.status, response.headers["Allow"]) == (405, "OPTIONS, POST")


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/v1/sales", "OPTIONS, POST"),
        ("/v1/stock", "GET, HEAD, OPTIONS"),
        ("/v1/orders/o-1/events", "OPTIONS, POST"),
        ("/v1/orders/%7Bo%7D", "GET, HEAD, OPTIONS"),
    ],
)
async def test_options_lists_the_methods_of_a_path(store: Caller, path: str, methods: str) -> None:
    async with store.client.options(path) as response:
        assert (response.status, response.headers["Allow"], await response.read()) == (204, methods, b"")
    async with store.client.delete(path) as response:
        assert (response.status, response.headers["Allow"]) == (405, methods)
        assert (await response.json(content_type=None))["type"] == "method-not-allowed"


async def test_options_lists_all_methods_of_a_document(hub: Caller) -> None:
    async with hub.client.options("/v1/documents/sku/cola") as response:
        assert response.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PUT"


async def test_a_preflight_of_an_unknown_path_allows_no_method(store: Caller) -> None:
    async with store.client.options("/v1/none", headers={"Origin": LOCAL[0], **PREFLIGHT}) as response:
        assert (response.status, response.headers["Access-Control-Allow-Methods"]) == (404, "")


async def test_options_of_an_unknown_path_is_not_found(store: Caller) -> None:
    async with store.client.options("/v1/none") as response:
        assert response.status == 404


async def test_a_call_of_the_peers_without_an_upgrade_is_a_problem(hub: Caller) -> None:
    status, problem = await hub.read("/v1/sync")
    assert (status, problem["type"]) == (400, "refused")
