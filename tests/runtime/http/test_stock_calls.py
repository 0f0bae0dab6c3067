"""Reads of a node over HTTP: which items a page has, which field a refusal names, and what the health checks say."""

from __future__ import annotations

from typing import Any

import pytest

from replica.runtime.http.long_reads import SLICE, LongReads
from replica.runtime.http.operations import BODY_BYTES_MAX
from tests.callers import Caller
from tests.runtime.region import Region
from tests.runtime.virtual import elapsed_s


async def test_a_page_without_a_cursor_begins_with_the_first_item(store: Caller) -> None:
    for item in ("0", "Z", "cola"):
        await store.good("/v1/receipts", {"lines": [{"item": item, "quantity": 1}]})
    for query in ("", "?cursor="):
        page = await store.good(f"/v1/stock{query}")
        assert [one["item"] for one in page["items"]] == ["0", "Z", "cola"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/stock/w-99", "location"),
        ("/v1/stock/w-99/cola", "location"),
        ("/v1/stock/w-1/tea", "item"),
        ("/v1/explain/w-1/cola", "item"),
    ],
)
async def test_a_read_of_what_does_not_exist_names_the_field(hub: Caller, path: str, field: str) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 1}}, method="PUT")
    status, problem = await hub.read(path)
    assert (status, problem["field"]) == (404, field)


async def test_goods_that_no_sku_names_any_more_still_have_stock(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola_bottle": 1}}, method="PUT")
    await hub.good("/v1/receipts?location=w-1", {"lines": [{"sku": "cola", "quantity": 5}]})
    await hub.write("/v1/documents/sku/cola", {"recipe": {"cola_can": 1}}, method="PUT")
    assert (await hub.good("/v1/stock/w-1/cola_bottle"))["on_hand"] == 5
    assert (await hub.read("/v1/stock/w-1/cola_crate"))[0] == 404


async def test_the_vector_has_the_number_and_the_hash_of_the_last_entry(store: Caller) -> None:
    sold = await store.good("/v1/sales", {"lines": [{"sku": "cola", "quantity": 1}]})
    vector = (await store.good("/v1/status"))["version_vector"]
    writer = store.node.replica.writer
    assert vector == {"store-1": {writer: {"sequence": 1, "hash": sold["movement"]}}}


async def test_a_write_of_a_document_shows_its_value_in_the_journal(hub: Caller) -> None:
    await hub.good("/v1/documents/sku/cola", {"recipe": {"cola": 6}}, method="PUT")
    (entry,) = (await hub.good("/v1/journal"))["entries"]
    assert entry["facts"]["value"] == {"recipe": {"cola": 6}}


async def test_the_health_checks_tell_a_running_process_from_a_node_that_serves(store: Caller) -> None:
    alive = await store.good("/healthz")
    assert (alive["status"], sorted(alive)) == ("ok", ["status", "version"])
    assert await store.read("/readyz") == (200, {"ready": True})
    store.node.is_ready = False
    assert await store.read("/readyz") == (503, {"ready": False})
    assert (await store.read("/healthz"))[0] == 200


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [(b" " * (BODY_BYTES_MAX + 1), "identity", 413), (b"\xff" * 20, "deflate", 400), (b"\xff" * 20, "gzip", 400)],
    ids=["too large", "no deflate", "no gzip"],
)
async def test_a_body_that_cannot_be_unpacked_is_refused_as_a_whole(
    store: Caller, body: bytes, encoding: str, status: int
) -> None:
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json", "Content-Encoding": encoding}
    async with store.client.post("/v1/sales", data=body, headers=headers) as response:
        problem: dict[str, Any] = await response.json(content_type=None)
        assert (response.status, problem["field"]) == (status, "body")


@pytest.mark.parametrize(("expectation", "status"), [("100-continue", 201), ("100-Continue", 201), ("banana", 417)])
async def test_a_client_may_wait_for_a_word_before_it_sends_the_body(
    store: Caller, expectation: str, status: int
) -> None:
    headers = {"Idempotency-Key": "k1", "Expect": expectation}
    sale = {"lines": [{"sku": "cola", "quantity": 1}]}
    async with store.client.post("/v1/sales", json=sale, headers=headers) as response:
        assert response.status == status


@pytest.mark.virtual_time
async def test_a_long_read_takes_turns_and_no_pauses() -> None:
    chain = Region()
    await chain.open(1)
    begun_s = elapsed_s()
    found = await LongReads(chain.store.driver).look(range(3 * SLICE), lambda replica, some: list(some))
    assert len(found) == 3 * SLICE
    assert elapsed_s() == begun_s
