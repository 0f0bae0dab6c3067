"""Invalid requests: each gets a problem document that names the field, and has no effect."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
import pytest_asyncio

from shelfsync.chain import LocalChain
from tests.processes.asking import Reply, eventually, get, journal, new_key, post, status

pytestmark = [pytest.mark.processes, pytest.mark.asyncio(loop_scope="module")]

COLA: dict[str, Any] = {"sku": "cola", "quantity": 1}
SALE: dict[str, Any] = {"lines": [COLA]}
DEEP = b"[" * 200_000
HUGE = b'{"till":"' + b"x" * 10_000_000 + b'"}'


class Nodes(NamedTuple):
    """A store with a closed catalogue, its hub, and a client."""

    store: str
    hub: str
    client: aiohttp.ClientSession

    async def state(self) -> list[Any]:
        """All state that a refused request must not change."""
        return [
            await journal(self.client, self.store),
            await journal(self.client, self.hub),
            (await get(self.client, f"{self.store}/v1/stock"))["items"][0]["accounts"],
            [(await status(self.client, url))["digests"] for url in (self.store, self.hub)],
        ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def nodes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Nodes]:
    directory: Path = tmp_path_factory.mktemp("nodes")
    async with LocalChain(directory) as chain, aiohttp.ClientSession() as client:
        hub = await chain.hub("hub-east")
        store = await chain.store("store-1", hubs=[hub.url])
        await chain.ready()
        document = {"recipe": {"cola": 1}, "barcodes": ["9521234001072"]}
        assert (await post(client, f"{hub.url}/v1/documents/sku/cola", document, method="PUT")).status == 200

        async def receives() -> bool:
            lines = [{"sku": "cola", "quantity": 100}]
            return (await post(client, f"{store.url}/v1/receipts", {"lines": lines}, "first")).status == 201

        await eventually(receives, "the catalogue reaches the store")

        async def arrived() -> bool:
            return "store-1" in (await status(client, hub.url))["digests"]

        await eventually(arrived, "the receipt reaches the hub")
        yield Nodes(store.url, hub.url, client)


def check_problem(reply: Reply, expected_status: int, kind: str, field: str | None) -> None:
    assert (reply.status, reply.kind) == (expected_status, "application/problem+json"), reply
    document = reply.answer
    assert (document["type"], document["status"], document.get("field")) == (kind, expected_status, field)
    assert document["title"] and document["detail"]


async def check_no_effect(nodes: Nodes, before: list[Any]) -> None:
    assert await nodes.state() == before


def line(**changes: Any) -> dict[str, Any]:
    return {"lines": [{**COLA, **changes}]}


INVALID = "invalid-request"

BODIES: dict[str, tuple[Any, int, str, str]] = {
    "empty": (b"", 400, "malformed-json", "body"),
    "truncated": (b'{"lines":[{"sku":"cola"', 400, "malformed-json", "body"),
    "not JSON": (b"sku=cola", 400, "malformed-json", "body"),
    "two documents": (json.dumps(SALE).encode() * 2, 400, "malformed-json", "body"),
    "NaN": (b'{"lines":[{"sku":"cola","quantity":NaN}]}', 400, "malformed-json", "body"),
    "half a surrogate": (b'{"lines":[{"sku":"cola","quantity":1}],"till":"\\ud800"}', 400, "malformed-json", "body"),
    "not UTF-8": (b'{"lines":[{"sku":"cola","quantity":1}],"till":"\xff"}', 400, "malformed-json", "body"),
    "too deep": (DEEP, 422, INVALID, "body"),
    "10 MB": (HUGE, 413, "body-too-large", "body"),
    "a list": ([], 422, INVALID, "body"),
    "null": (None, 422, INVALID, "body"),
    "no lines": ({}, 422, INVALID, "lines"),
    "empty lines": ({"lines": []}, 422, INVALID, "lines"),
    "too many lines": ({"lines": [COLA] * 1_001}, 422, INVALID, "lines"),
    "unknown field": ({**SALE, "price": 3}, 422, INVALID, "price"),
    "unknown field of a line": (line(price=3), 422, INVALID, "lines[0].price"),
    "no quantity": ({"lines": [COLA, {"sku": "cola"}]}, 422, INVALID, "lines[1].quantity"),
    "negative": (line(quantity=-1), 422, INVALID, "lines[0].quantity"),
    "zero": (line(quantity=0), 422, INVALID, "lines[0].quantity"),
    "fraction": (line(quantity=1.5), 422, INVALID, "lines[0].quantity"),
    "text for a quantity": (line(quantity="1"), 422, INVALID, "lines[0].quantity"),
    "true for a quantity": (line(quantity=True), 422, INVALID, "lines[0].quantity"),
    "null for a quantity": (line(quantity=None), 422, INVALID, "lines[0].quantity"),
    "above the maximum": (line(quantity=10**9 + 1), 422, INVALID, "lines[0].quantity"),
    "64 bits and more": (line(quantity=2**64), 422, INVALID, "lines[0].quantity"),
    "1e400": (b'{"lines":[{"sku":"cola","quantity":1e400}]}', 422, INVALID, "lines[0].quantity"),
    "no goods": ({"lines": [{"quantity": 1}]}, 422, INVALID, "lines[0].sku"),
    "both SKU and barcode": (line(barcode="9521234001072"), 422, INVALID, "lines[0].sku"),
    "empty SKU": (line(sku=""), 422, INVALID, "lines[0].sku"),
    "SKU with a blank": (line(sku="co la"), 404, "unknown-sku", "lines[0].sku"),
    "SKU with a line feed": (line(sku="cola\n"), 404, "unknown-sku", "lines[0].sku"),
    "SKU too long": (line(sku="c" * 65), 422, INVALID, "lines[0].sku"),
    "unknown SKU": ({"lines": [COLA, {"sku": "colla", "quantity": 1}]}, 404, "unknown-sku", "lines[1].sku"),
    "unknown barcode": ({"lines": [{"barcode": "4", "quantity": 1}]}, 404, "unknown-sku", "lines[0].barcode"),
    "unknown choice": ({**SALE, "on_shortage": "pray"}, 422, INVALID, "on_shortage"),
    "time without a zone": ({**SALE, "occurred_at": "2026-01-01T00:00:00"}, 422, INVALID, "occurred_at"),
    "till too long": ({**SALE, "till": "t" * 257}, 422, INVALID, "till"),
}


@pytest.mark.parametrize("name", BODIES)
async def test_invalid_sale_is_refused_with_the_name_of_the_field(nodes: Nodes, name: str) -> None:
    body, expected, kind, field = BODIES[name]
    before = await nodes.state()
    reply = await post(nodes.client, f"{nodes.store}/v1/sales", body)
    check_problem(reply, expected, kind, field)
    await check_no_effect(nodes, before)


KEYS: dict[str, str | None] = {"missing": None, "empty": '""', "blank inside": "a b", "too long": "k" * 129}


@pytest.mark.parametrize("path", ["sales", "returns", "receipts", "counts", "adjustments", "quarantine"])
@pytest.mark.parametrize("name", KEYS)
async def test_write_without_a_valid_key_is_refused(nodes: Nodes, path: str, name: str) -> None:
    bodies = {
        "counts": {"lines": [{"item": "cola", "counted": 5}]},
        "adjustments": {"lines": [{"item": "cola", "delta": 1, "reason": "found"}]},
        "quarantine": {"lines": [{"item": "cola", "quantity": 1, "action": "put"}]},
    }
    before = await nodes.state()
    reply = await post(nodes.client, f"{nodes.store}/v1/{path}", bodies.get(path, SALE), KEYS[name])
    check_problem(reply, 422, INVALID, "Idempotency-Key")
    await check_no_effect(nodes, before)


WRITES: dict[str, tuple[str, Any, int, str, str | None]] = {
    "return of quantity zero": ("returns", line(quantity=0), 422, INVALID, "lines[0].quantity"),
    "return with an unknown disposition": ("returns", {**SALE, "disposition": "sea"}, 422, INVALID, "disposition"),
    "receipt of a negative quantity": ("receipts", line(quantity=-5), 422, INVALID, "lines[0].quantity"),
    "receipt of an unknown item": ("receipts", {"lines": [{"item": "x", "quantity": 1}]}, 404, "unknown-sku",
                                   "lines[0].item"),
    "count below zero": ("counts", {"lines": [{"item": "cola", "counted": -1}]}, 422, INVALID, "lines[0].counted"),
    "count of an unknown item": ("counts", {"lines": [{"item": "x", "counted": 1}]}, 404, "unknown-sku",
                                 "lines[0].item"),
    "count with a token of another node": ("counts", {"lines": [{"item": "cola", "counted": 1}], "seen": "ff.1.1"},
                                           422, INVALID, "seen"),
    "one item counted twice": ("counts", {"lines": [{"item": "cola", "counted": 1}] * 2}, 422, INVALID,
                               "lines[1].item"),
    "adjustment by zero": ("adjustments", {"lines": [{"item": "cola", "delta": 0, "reason": "?"}]}, 422, INVALID,
                           "lines[0].delta"),
    "adjustment without a reason": ("adjustments", {"lines": [{"item": "cola", "delta": 1, "reason": ""}]}, 422,
                                    INVALID, "lines[0].reason"),
    "unknown action": ("quarantine", {"lines": [{"item": "cola", "quantity": 1, "action": "eat"}]}, 422, INVALID,
                       "lines[0].action"),
    "promise of more than the rights": ("sales", {**line(quantity=101), "on_shortage": "refuse"}, 409,
                                        "insufficient-rights", None),
    "empty batch": ("sales:batch", {"sales": []}, 422, INVALID, "sales"),
    "batch too long": ("sales:batch", {"sales": [{**SALE, "key": f"k{n}"} for n in range(501)]}, 422, INVALID, "sales"),
    "batch with an unknown field": ("sales:batch", {"sales": [{**SALE, "key": "a"}], "shop": 1}, 422, INVALID,
                                    "shop"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITES)
async def test_invalid_write_is_refused_and_changes_nothing(nodes: Nodes, name: str) -> None:
    path, body, expected, kind, field = WRITES[name]
    before = await nodes.state()
    reply = await post(nodes.client, f"{nodes.store}/v1/{path}", body)
    check_problem(reply, expected, kind, field)
    await check_no_effect(nodes, before)


async def test_each_sale_of_a_batch_is_refused_separately(nodes: Nodes) -> None:
    before = await nodes.state()
    sales = [{**line(sku="colla"), "key": new_key()}, {**line(quantity=500), "on_shortage": "refuse", "key": new_key()}]
    reply = await post(nodes.client, f"{nodes.store}/v1/sales:batch", {"sales": sales})
    assert reply.status == 207
    problems = [verdict["problem"] for verdict in reply.answer["verdicts"]]
    assert [problem["type"] for problem in problems] == ["unknown-sku", "insufficient-rights"]
    await check_no_effect(nodes, before)


DOCUMENTS: dict[str, tuple[str, Any, int, str, str]] = {
    "unknown kind": ("ship/titanic", {}, 404, "not-found", "kind"),
    "key with a blank": ("sku/co%20la", {"recipe": {"cola": 1}}, 422, INVALID, "key"),
    "empty recipe": ("sku/x", {"recipe": {}}, 422, INVALID, "recipe"),
    "recipe with quantity zero": ("sku/x", {"recipe": {"cola": 0}}, 422, INVALID, "recipe[]"),
    "unknown field": ("sku/x", {"recipe": {"cola": 1}, "colour": "red"}, 422, INVALID, "colour"),
    "latitude beyond the pole": (
        "location/store-9",
        {"type": "store", "name": "?", "region": "east", "lat": 91.0},
        422,
        INVALID,
        "lat",
    ),
    "not JSON": ("sku/x", b"{", 400, "malformed-json", "body"),
    "not UTF-8": ("sku/x", b'{"recipe":{"\xff":1}}', 400, "malformed-json", "body"),
    "too deep": ("sku/x", DEEP, 422, INVALID, "body"),
    "10 MB": ("sku/x", HUGE, 413, "body-too-large", "body"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_invalid_document_is_refused(nodes: Nodes, name: str) -> None:
    path, body, expected, kind, field = DOCUMENTS[name]
    before = await nodes.state()
    url = f"{nodes.hub}/v1/documents/{path}"
    check_problem(await post(nodes.client, url, body, method="PUT"), expected, kind, field)
    await check_no_effect(nodes, before)


async def test_hub_writes_only_for_the_locations_it_hosts(nodes: Nodes) -> None:
    before = await nodes.state()
    reply = await post(nodes.client, f"{nodes.hub}/v1/receipts?location=store-1", SALE)
    check_problem(reply, 409, "not-hosted", "location")
    check_problem(await post(nodes.client, f"{nodes.hub}/v1/receipts", SALE), 422, INVALID, "location")
    await check_no_effect(nodes, before)


@pytest.mark.parametrize("path", ["sales", "receipts?location=store-1"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_body_in_another_encoding_than_its_header_says_is_refused(nodes: Nodes, encoding: str, path: str) -> None:
    before = await nodes.state()
    url = nodes.store if path == "sales" else nodes.hub
    reply = await post(nodes.client, f"{url}/v1/{path}", SALE, headers={"Content-Encoding": encoding})
    check_problem(reply, 400, "malformed-json", "body")
    await check_no_effect(nodes, before)


@pytest.mark.parametrize("path", ["sales", "receipts?location=store-1"])
@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, deflate"])
async def test_body_in_an_encoding_that_no_node_knows_is_refused_by_its_header(
    nodes: Nodes, encoding: str, path: str
) -> None:
    before = await nodes.state()
    url = nodes.store if path == "sales" else nodes.hub
    reply = await post(nodes.client, f"{url}/v1/{path}", SALE, headers={"Content-Encoding": encoding})
    check_problem(reply, 415, "unsupported-encoding", "Content-Encoding")
    await check_no_effect(nodes, before)


async def test_unknown_expectation_is_refused_with_a_problem_document(nodes: Nodes) -> None:
    before = await nodes.state()
    reply = await post(nodes.client, f"{nodes.store}/v1/sales", SALE, headers={"Expect": "banana"})
    check_problem(reply, 417, "expectation-failed", None)
    await check_no_effect(nodes, before)


async def test_unknown_paths_methods_and_items_get_problem_documents(nodes: Nodes) -> None:
    check_problem(await post(nodes.client, f"{nodes.store}/v1/sails", SALE), 404, "not-found", None)
    check_problem(
        await post(nodes.client, f"{nodes.store}/v1/sales", SALE, method="PUT"), 405, "method-not-allowed", None
    )
    for query in ("limit=0", "limit=1e3", "limit=1001", "limit=x"):
        async with nodes.client.get(f"{nodes.store}/v1/stock?{query}") as response:
            assert (response.status, (await response.json(content_type=None))["field"]) == (422, "limit")
    for item in ("nothing", "%00", "%ff", "a%20b", "%F0%9F%A5%A4"):
        async with nodes.client.get(f"{nodes.store}/v1/stock/{item}") as response:
            assert (response.status, (await response.json(content_type=None))["field"]) == (404, "item")
